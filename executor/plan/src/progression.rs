//! Evenly spaced indices, and where a patch meets an array seen through a view.

use cleave_ops::view::{SourceAxis, Term};
use cleave_ops::{Region, Shape, View};
use smallvec::SmallVec;
use std::ops::Range;

/// The indices `start + step * q` for `q` in `0..count`; `step` is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Progression {
    /// The first index.
    pub start: usize,
    /// The distance of two neighbours.
    pub step: usize,
    /// How many.
    pub count: usize,
}

/// Where a patch shows in an array seen through a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// Nowhere.
    Nowhere,
    /// In all of the array, which is `patch` seen through this view.
    Everywhere(View),
    /// At these indices of each axis; there it is `patch` seen through this view.
    At(SmallVec<[Progression; 4]>, View),
}

/// A patch axis that stands on two axes of the base: the points it covers are no box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coupled;

impl Progression {
    /// All indices of an axis.
    pub fn all(len: usize) -> Self {
        Self { start: 0, step: 1, count: len }
    }

    /// The numbers `q` whose index lies in a range.
    pub fn within(&self, range: Range<usize>) -> Range<usize> {
        let below = |index: usize| index.saturating_sub(self.start).div_ceil(self.step).min(self.count);
        below(range.start)..below(range.end).max(below(range.start))
    }

    /// The numbers `q` of those that are also in `other`.
    fn meet(&self, other: &Progression) -> Progression {
        let line = Line { start: self.start as i64, step: self.step as i64 };
        let other_line = Line { start: other.start as i64, step: other.step as i64 };
        let q = solve(line, self.count, other_line, other.count);
        Progression { start: self.start + self.step * q.start, step: self.step * q.step, count: q.count }
    }
}

/// The part of a patch, placed so, that shows in a region.
pub fn hit(place: &[Progression], region: &Region) -> Region {
    let within = |(axis, p): (usize, &Progression)| {
        let start = region.start[axis];
        p.within(start..start + region.len[axis])
    };
    let hits: SmallVec<[Range<usize>; 4]> = place.iter().enumerate().map(within).collect();
    Region { start: hits.iter().map(|r| r.start).collect(), len: hits.iter().map(|r| r.len()).collect() }
}

/// Where `patch` of an overlay placed by `place` shows, the overlay being seen through `view`.
pub fn place_patch(view: &View, place: &View) -> Result<Placed, Coupled> {
    let mut axes: SmallVec<[Progression; 4]> = view.shape.iter().map(|&len| Progression::all(len)).collect();
    if view.source.iter().any(|s| s.terms.len() > 1) {
        return Err(Coupled);
    }
    for (seen, put) in view.source.iter().zip(&place.source) {
        let lens = put.only().map_or(1, |t| place.shape[t.axis]);
        let put_line = Line { start: put.start, step: if lens == 1 { 0 } else { step_of(put) } };
        let seen_len = seen.only().map_or(1, |t| view.shape[t.axis]);
        let hits = solve(Line { start: seen.start, step: step_of(seen) }, seen_len, put_line, lens);
        match seen.only() {
            Some(Term { axis, .. }) => axes[axis] = axes[axis].meet(&hits),
            None if hits.count == 0 => return Ok(Placed::Nowhere),
            None => {}
        }
    }
    if axes.iter().any(|p| p.count == 0) || place.shape.is_empty_array() {
        return Ok(Placed::Nowhere);
    }
    let patch = patch_view(view, place, &axes)?;
    let is_all = patch.shape == view.shape && axes.iter().all(|p| p.step == 1);
    Ok(if is_all { Placed::Everywhere(patch) } else { Placed::At(axes, patch) })
}

fn step_of(axis: &SourceAxis) -> i64 {
    axis.only().map_or(0, |t| t.step)
}

/// The patch as seen at the indices `axes` of the view.
fn patch_view(view: &View, place: &View, axes: &[Progression]) -> Result<View, Coupled> {
    let mut source = SmallVec::from_elem(SourceAxis::fixed(0), place.shape.ndim());
    let mut known = vec![false; place.shape.ndim()];
    for (seen, put) in view.source.iter().zip(&place.source) {
        let Some(to) = put.only().filter(|t| place.shape[t.axis] > 1) else { continue };
        if std::mem::replace(&mut known[to.axis], true) {
            return Err(Coupled);
        }
        source[to.axis] = match seen.only() {
            None => SourceAxis::fixed((seen.start - put.start) / to.step),
            Some(Term { axis, step }) => {
                let hits = &axes[axis];
                let start = (seen.start + step * hits.start as i64 - put.start) / to.step;
                SourceAxis::along(axis, start, step * hits.step as i64 / to.step)
            }
        };
    }
    Ok(View { shape: Shape::new(axes.iter().map(|p| p.count)), source })
}

/// The values `start + step * i`.
#[derive(Clone, Copy, Debug)]
struct Line {
    start: i64,
    step: i64,
}

/// The `p` in `0..len` for which `line` at `p` is one of the first `count` values of `other`.
fn solve(line: Line, len: usize, other: Line, count: usize) -> Progression {
    let none = Progression { start: 0, step: 1, count: 0 };
    if len == 0 || count == 0 {
        return none;
    }
    let end = other.start + other.step * (count as i64 - 1);
    let (low, high) = (other.start.min(end), other.start.max(end));
    if line.step == 0 || len == 1 {
        let inside = (low..=high).contains(&line.start) && divides(other.step, line.start - other.start);
        return if inside { Progression::all(len) } else { none };
    }
    let (near, far) = if line.step > 0 { (low, high) } else { (high, low) };
    let first = ceil_div(near - line.start, line.step).max(0);
    let last = floor_div(far - line.start, line.step).min(len as i64 - 1);
    let Some((residue, period)) = congruent(line.step, other.start - line.start, other.step) else { return none };
    let first = first + (residue - first).rem_euclid(period);
    match last - first {
        distance if distance < 0 => none,
        distance if distance < period => Progression { start: first as usize, step: 1, count: 1 },
        distance => {
            Progression { start: first as usize, step: period as usize, count: (distance / period + 1) as usize }
        }
    }
}

fn divides(step: i64, distance: i64) -> bool {
    if step == 0 { distance == 0 } else { distance % step == 0 }
}

fn floor_div(a: i64, b: i64) -> i64 {
    let quotient = a / b;
    if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
}

fn ceil_div(a: i64, b: i64) -> i64 {
    -floor_div(-a, b)
}

/// The residue and period of the `p` with `factor * p == rest` modulo `modulus`; of one point where that is 0.
fn congruent(factor: i64, rest: i64, modulus: i64) -> Option<(i64, i64)> {
    let modulus = modulus.abs();
    if modulus == 0 {
        return (rest % factor == 0).then_some((rest / factor, i64::MAX / 4));
    }
    let (gcd, inverse) = inverse(factor.rem_euclid(modulus), modulus);
    if rest % gcd != 0 {
        return None;
    }
    let period = modulus / gcd;
    let residue = (i128::from(rest / gcd) * i128::from(inverse)).rem_euclid(i128::from(period));
    Some((residue as i64, period))
}

/// The greatest common divisor of `a` and `m`, and the inverse of `a / gcd` modulo `m / gcd`.
fn inverse(a: i64, m: i64) -> (i64, i64) {
    let (mut old, mut new) = ((m, 0), (a, 1));
    while new.0 != 0 {
        let quotient = old.0 / new.0;
        (old, new) = (new, (old.0 - quotient * new.0, old.1 - quotient * new.1));
    }
    (old.0, old.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solve_agrees_with_trying_every_index() {
        for line_step in [-3, -2, -1, 0, 1, 2, 5] {
            for other_step in [-4, -3, -1, 0, 1, 2, 6] {
                for (start, count) in [(0, 1), (3, 4), (-2, 7), (5, 0)] {
                    let count = if other_step == 0 { count.min(1) } else { count };
                    check_solve(Line { start: 4, step: line_step }, 9, Line { start, step: other_step }, count);
                }
            }
        }
    }

    fn check_solve(line: Line, len: usize, other: Line, count: usize) {
        let values: Vec<i64> = (0..count as i64).map(|i| other.start + other.step * i).collect();
        let expected: Vec<usize> =
            (0..len).filter(|&p| values.contains(&(line.start + line.step * p as i64))).collect();
        let got = solve(line, len, other, count);
        let got: Vec<usize> = (0..got.count).map(|q| got.start + got.step * q).collect();
        assert_eq!(got, expected, "{line:?} {other:?} {count}");
    }

    #[test]
    fn within_finds_the_numbers_in_a_range() {
        let p = Progression { start: 3, step: 4, count: 5 };
        for start in 0..25 {
            for end in start..26 {
                let expected: Vec<usize> = (0..5).filter(|q| (start..end).contains(&(3 + 4 * q))).collect();
                assert_eq!(p.within(start..end).collect::<Vec<_>>(), expected);
            }
        }
    }
}
