//! Index arithmetic: slices, flips, transposes and broadcasts as one affine map.

use crate::shape::Shape;
use smallvec::SmallVec;

/// Where the elements of an array stand in another array, its source: source index `s` is `start[s]` plus
/// `step * index[axis]` for each term of `s`. Most source axes have one term; a window has two (where it
/// begins, and the place in it), a fixed index has none. Axes of the view that no term names are broadcast.
/// Views compose to views.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The shape of the view.
    pub shape: Shape,
    /// One entry for each axis of the source.
    pub source: SmallVec<[SourceAxis; 4]>,
}

/// How an axis of the source follows the axes of the view.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceAxis {
    /// The source index of view index 0.
    pub start: i64,
    /// What the view's axes add: ascending by axis, each axis once, no step 0.
    pub terms: SmallVec<[Term; 1]>,
}

/// What one step on an axis of a view adds to a source index; negative for a flip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    /// The view's axis.
    pub axis: usize,
    /// What one step on it adds; never 0.
    pub step: i64,
}

impl SourceAxis {
    /// The same index for all of the view.
    pub fn fixed(start: i64) -> Self {
        Self { start, terms: SmallVec::new() }
    }

    /// `start` and `step` more with each step on `axis`; a fixed index where the step is 0.
    pub fn along(axis: usize, start: i64, step: i64) -> Self {
        Self::fixed(start).plus(axis, step)
    }

    /// The view's axis itself.
    pub fn whole(axis: usize) -> Self {
        Self::along(axis, 0, 1)
    }

    /// This, and `step` more with each step on `axis`.
    #[must_use]
    pub fn plus(mut self, axis: usize, step: i64) -> Self {
        match self.terms.binary_search_by_key(&axis, |t| t.axis) {
            Ok(found) => self.terms[found].step += step,
            Err(place) => self.terms.insert(place, Term { axis, step }),
        }
        self.terms.retain(|t| t.step != 0);
        self
    }

    /// The source index of an index of the view.
    pub fn at(&self, index: &[usize]) -> i64 {
        self.terms.iter().fold(self.start, |at, t| at + t.step * index[t.axis] as i64)
    }

    /// Whether the index never changes.
    pub fn is_fixed(&self) -> bool {
        self.terms.is_empty()
    }

    /// The only term, where there is just one.
    pub fn only(&self) -> Option<Term> {
        if let [term] = self.terms.as_slice() { Some(*term) } else { None }
    }

    /// What one step on `axis` adds; 0 where it does not follow that axis.
    pub fn step_on(&self, axis: usize) -> i64 {
        self.terms.iter().find(|t| t.axis == axis).map_or(0, |t| t.step)
    }

    /// Whether it follows `axis`.
    pub fn follows(&self, axis: usize) -> bool {
        self.step_on(axis) != 0
    }

    /// The least and the greatest source index over all of a view of that shape, no length of which is 0.
    pub fn range(&self, shape: &[usize]) -> (i64, i64) {
        let reach = |t: &Term| t.step * (shape[t.axis] as i64 - 1);
        let low: i64 = self.terms.iter().map(|t| reach(t).min(0)).sum();
        let high: i64 = self.terms.iter().map(|t| reach(t).max(0)).sum();
        (self.start + low, self.start + high)
    }

    /// The same index, the view's axes seen through `outer`.
    fn through(&self, outer: &[SourceAxis]) -> SourceAxis {
        let mut composed = SourceAxis::fixed(self.start);
        for term in &self.terms {
            let by = &outer[term.axis];
            composed.start += term.step * by.start;
            composed = by.terms.iter().fold(composed, |c, t| c.plus(t.axis, term.step * t.step));
        }
        composed
    }
}

impl View {
    /// The view that changes nothing.
    pub fn identity(shape: &Shape) -> Self {
        let source = (0..shape.ndim()).map(SourceAxis::whole).collect();
        Self { shape: shape.clone(), source }
    }

    /// Whether it changes nothing of a source of that shape.
    pub fn is_identity(&self, source: &Shape) -> bool {
        *self == Self::identity(source)
    }

    /// `inner` seen through `self`: first `inner` is taken of the source, then `self` of that.
    pub fn of(&self, inner: &View) -> View {
        View { shape: self.shape.clone(), source: inner.source.iter().map(|s| s.through(&self.source)).collect() }
    }

    /// The broadcast of `source` to `shape` by NumPy's rule; the caller has checked that it can be.
    pub fn broadcast(source: &Shape, shape: &Shape) -> View {
        let lead = shape.ndim() - source.ndim();
        let axis = |s: usize| match source[s] {
            1 if shape[lead + s] != 1 => SourceAxis::fixed(0),
            _ => SourceAxis::whole(lead + s),
        };
        View { shape: shape.clone(), source: (0..source.ndim()).map(axis).collect() }
    }

    /// The source's flat row-major index of view index `index`, given the source's strides in elements.
    pub fn flat(&self, index: &[usize], strides: &[usize]) -> usize {
        self.source.iter().zip(strides).map(|(s, &stride)| s.at(index) as usize * stride).sum()
    }
}
