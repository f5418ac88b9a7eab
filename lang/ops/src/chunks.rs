//! How an array is cut into chunks: lengths per axis, as runs of equal ones.

use crate::region::Region;
use crate::shape::Shape;
use crate::view::{SourceAxis, View};
use smallvec::{SmallVec, smallvec};
use std::fmt;

/// The chunk lengths of one axis, as runs of equal lengths, so that a million chunks take no memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AxisChunks {
    /// `(length, how many)`, neighbours of different length; empty for an axis of length 0 without chunks.
    runs: SmallVec<[(usize, usize); 3]>,
}

/// The chunk lengths of all axes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Chunks(pub SmallVec<[AxisChunks; 4]>);

impl AxisChunks {
    /// From chunk lengths in order.
    pub fn from_lens(lens: impl IntoIterator<Item = usize>) -> Self {
        Self::from_runs(lens.into_iter().map(|len| (len, 1)))
    }

    /// From runs `(length, how many)` in order; neighbours of one length are joined.
    pub fn from_runs(parts: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut runs: SmallVec<[(usize, usize); 3]> = smallvec![];
        for (len, count) in parts.into_iter().filter(|part| part.1 > 0) {
            match runs.last_mut() {
                Some(last) if last.0 == len => last.1 += count,
                _ => runs.push((len, count)),
            }
        }
        Self { runs }
    }

    /// Chunks of `chunk` elements, the last one with the rest; one chunk of 0 for an axis of length 0.
    pub fn regular(len: usize, chunk: usize) -> Self {
        let chunk = chunk.max(1);
        if len == 0 {
            return Self { runs: smallvec![(0, 1)] };
        }
        let mut runs = smallvec![];
        if len / chunk > 0 {
            runs.push((chunk, len / chunk));
        }
        if !len.is_multiple_of(chunk) {
            runs.push((len % chunk, 1));
        }
        Self { runs }
    }

    /// One chunk.
    pub fn single(len: usize) -> Self {
        Self { runs: smallvec![(len, 1)] }
    }

    /// The runs `(length, how many)`.
    pub fn runs(&self) -> &[(usize, usize)] {
        &self.runs
    }

    /// The number of chunks.
    pub fn count(&self) -> usize {
        self.runs.iter().map(|r| r.1).sum()
    }

    /// The length of the axis.
    pub fn total(&self) -> usize {
        self.runs.iter().map(|r| r.0 * r.1).sum()
    }

    /// The chunk lengths in order.
    pub fn lens(&self) -> impl Iterator<Item = usize> + '_ {
        self.runs.iter().flat_map(|&(len, count)| std::iter::repeat_n(len, count))
    }

    /// The longest chunk.
    pub fn longest(&self) -> usize {
        self.runs.iter().map(|r| r.0).max().unwrap_or(0)
    }

    /// The shortest chunk.
    pub fn shortest(&self) -> usize {
        self.runs.iter().map(|r| r.0).min().unwrap_or(0)
    }

    /// Where chunk `index` starts and how long it is; the end and 0 past the last.
    pub fn span(&self, index: usize) -> (usize, usize) {
        let (mut start, mut left) = (0, index);
        for &(len, count) in &self.runs {
            if left < count {
                return (start + left * len, len);
            }
            start += len * count;
            left -= count;
        }
        (start, 0)
    }

    /// The chunk that holds element `at`, which must be inside the axis.
    pub fn find(&self, at: usize) -> usize {
        let (mut start, mut chunk) = (0, 0);
        for &(len, count) in &self.runs {
            if at < start + len * count {
                return chunk + (at - start) / len;
            }
            start += len * count;
            chunk += count;
        }
        chunk.saturating_sub(1)
    }

    /// In the opposite order.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { runs: self.runs.iter().rev().copied().collect() }
    }

    /// The chunks of a part of the axis.
    #[must_use]
    pub fn cut(&self, start: usize, len: usize) -> Self {
        if len == 0 {
            return Self::single(0);
        }
        let (mut parts, mut at, end): (SmallVec<[(usize, usize); 6]>, _, _) = (smallvec![], 0, start + len);
        for &(chunk, count) in self.runs.iter().filter(|run| run.0 > 0) {
            let run_end = at + chunk * count;
            let (from, to) = (start.max(at), end.min(run_end));
            if from < to {
                parts.extend(cut_run(from - at, to - at, chunk));
            }
            at = run_end;
        }
        Self::from_runs(parts)
    }

    /// The chunks as seen by a step over the axis.
    fn stepped(&self, start: i64, step: i64, len: usize) -> Self {
        let (start, forward, step) = (start.max(0) as usize, step > 0, step.unsigned_abs() as usize);
        if len == 0 || step == 0 {
            return Self::single(len);
        }
        let reach = (len - 1) * step + 1;
        let part = self.cut(if forward { start } else { start + 1 - reach }, reach);
        let part = if forward { part } else { part.reversed() };
        if step == 1 { part } else { part.thinned(step) }
    }

    /// Every `step`-th element, the first one included.
    fn thinned(&self, step: usize) -> Self {
        let mut at = 0;
        let kept = self.lens().map(|len| {
            let (from, to) = (usize::div_ceil(at, step), usize::div_ceil(at + len, step));
            at += len;
            to - from
        });
        Self::from_lens(kept.filter(|&len| len > 0))
    }

    /// The coarsest chunks whose boundaries include those of both.
    #[must_use]
    pub fn refine(&self, other: &Self) -> Self {
        if self == other || other.count() <= 1 {
            return self.clone();
        }
        if self.count() <= 1 {
            return other.clone();
        }
        let (mut a, mut b) = (ends(self).peekable(), ends(other).peekable());
        let (mut last, mut lens) = (0, vec![]);
        while let Some(end) = [a.peek(), b.peek()].into_iter().flatten().min().copied() {
            a.next_if_eq(&end);
            b.next_if_eq(&end);
            lens.push(end - last);
            last = end;
        }
        Self::from_lens(lens)
    }
}

/// The end of each chunk that is not empty.
fn ends(chunks: &AxisChunks) -> impl Iterator<Item = usize> + '_ {
    let lens = chunks.lens().filter(|&len| len > 0);
    lens.scan(0, |end, len| {
        *end += len;
        Some(*end)
    })
}

/// The pieces of `from..to` in a run of chunks of one length.
fn cut_run(from: usize, to: usize, chunk: usize) -> [(usize, usize); 3] {
    let first_end = from.next_multiple_of(chunk).min(to);
    let last_start = (to / chunk * chunk).max(first_end);
    let piece = |len: usize| (len, usize::from(len > 0));
    [piece(first_end - from), (chunk, (last_start - first_end) / chunk), piece(to - last_start)]
}

impl Chunks {
    /// One chunk for the whole shape.
    pub fn single(shape: &Shape) -> Self {
        Self(shape.iter().map(|&len| AxisChunks::single(len)).collect())
    }

    /// The shape they cover.
    pub fn shape(&self) -> Shape {
        self.0.iter().map(AxisChunks::total).collect()
    }

    /// The number of chunks on each axis.
    pub fn numblocks(&self) -> Shape {
        self.0.iter().map(AxisChunks::count).collect()
    }

    /// The number of chunks.
    pub fn count(&self) -> usize {
        self.numblocks().size()
    }

    /// The box of a chunk, by its index on each axis.
    pub fn region(&self, index: &[usize]) -> Region {
        let spans = self.0.iter().zip(index).map(|(axis, &i)| axis.span(i));
        let (start, len): (SmallVec<[usize; 4]>, SmallVec<[usize; 4]>) = spans.unzip();
        Region { start, len: Shape::new(len) }
    }

    /// The index on each axis of a chunk by its row-major number.
    pub fn index(&self, number: usize) -> SmallVec<[usize; 4]> {
        let mut left = number;
        let mut index: SmallVec<[usize; 4]> = smallvec![0; self.0.len()];
        for (slot, axis) in index.iter_mut().zip(&self.0).rev() {
            let count = axis.count().max(1);
            *slot = left % count;
            left /= count;
        }
        index
    }

    /// The chunks of a view: its blocks are parts of the source's. Broadcast axes are one block, and so are
    /// places in a window; where windows begin is cut as the source is.
    #[must_use]
    pub fn through(&self, view: &View) -> Chunks {
        let axis = |a: usize| {
            let leads = |s: &SourceAxis| s.terms.first().filter(|t| t.axis == a).map(|t| (s.start, t.step));
            let source = view.source.iter().enumerate().find_map(|(at, s)| Some((at, leads(s)?)));
            source.map_or_else(
                || AxisChunks::single(view.shape[a]),
                |(at, (start, step))| self.0[at].stepped(start, step, view.shape[a]),
            )
        };
        Chunks((0..view.shape.ndim()).map(axis).collect())
    }

    /// The coarsest chunks that cut wherever an operand is cut; operands are broadcast as by NumPy.
    pub fn unify(operands: &[&Chunks]) -> Chunks {
        let ndim = operands.iter().map(|c| c.0.len()).max().unwrap_or(0);
        let joint = |axis: usize| {
            let own = operands.iter().filter_map(|c| c.0.get((axis + c.0.len()).checked_sub(ndim)?));
            own.cloned().reduce(|a, b| match (a.total(), b.total()) {
                (1, _) => b,
                (_, 1) => a,
                _ => a.refine(&b),
            })
        };
        Chunks((0..ndim).filter_map(joint).collect())
    }
}

impl fmt::Display for Chunks {
    /// As Dask shows them, long axes shortened: `((4, 4, 2), (3, 3, … 8 chunks))`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> = self.0.iter().map(AxisChunks::to_string).collect();
        write!(f, "({}{})", axes.join(", "), if axes.len() == 1 { "," } else { "" })
    }
}

impl fmt::Display for AxisChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 10;
        let shown: Vec<String> = self.lens().take(SHOWN).map(|len| len.to_string()).collect();
        let count = self.count();
        match count {
            1 => write!(f, "({},)", shown.join("")),
            _ if count <= SHOWN => write!(f, "({})", shown.join(", ")),
            _ => write!(f, "({}, … {count} chunks)", shown[..3].join(", ")),
        }
    }
}
