//! Index arithmetic: slices, flips, transposes and broadcasts as one affine map.

use crate::shape::Shape;
use smallvec::SmallVec;

/// Where the elements of an array stand in another array, its source:
/// `source index[s] = start[s] + step[s] * index[axis[s]]`, or just `start[s]` where `axis[s]` is `None`.
/// Axes of the view that no source axis names are broadcast. Views compose to views.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The shape of the view.
    pub shape: Shape,
    /// One entry for each axis of the source.
    pub source: SmallVec<[SourceAxis; 4]>,
}

/// How an axis of the source follows an axis of the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceAxis {
    /// The source index of view index 0.
    pub start: i64,
    /// What one step on the view's axis adds; negative for a flip. 0 where `axis` is `None`.
    pub step: i64,
    /// The view's axis, or `None` for a fixed index.
    pub axis: Option<usize>,
}

impl View {
    /// The view that changes nothing.
    pub fn identity(shape: &Shape) -> Self {
        let source = (0..shape.ndim()).map(|a| SourceAxis { start: 0, step: 1, axis: Some(a) }).collect();
        Self { shape: shape.clone(), source }
    }

    /// Whether it changes nothing of a source of that shape.
    pub fn is_identity(&self, source: &Shape) -> bool {
        *self == Self::identity(source)
    }

    /// `inner` seen through `self`: first `inner` is taken of the source, then `self` of that.
    pub fn of(&self, inner: &View) -> View {
        let follow = |s: &SourceAxis| match s.axis {
            None => *s,
            Some(axis) => {
                let outer = self.source[axis];
                SourceAxis { start: s.start + s.step * outer.start, step: s.step * outer.step, axis: outer.axis }
            }
        };
        View { shape: self.shape.clone(), source: inner.source.iter().map(follow).collect() }
    }

    /// The broadcast of `source` to `shape` by NumPy's rule; the caller has checked that it can be.
    pub fn broadcast(source: &Shape, shape: &Shape) -> View {
        let lead = shape.ndim() - source.ndim();
        let axis = |s: usize| match source[s] {
            1 if shape[lead + s] != 1 => SourceAxis { start: 0, step: 0, axis: None },
            _ => SourceAxis { start: 0, step: 1, axis: Some(lead + s) },
        };
        View { shape: shape.clone(), source: (0..source.ndim()).map(axis).collect() }
    }

    /// The source's flat row-major index of view index `index`, given the source's strides in elements.
    pub fn flat(&self, index: &[usize], strides: &[usize]) -> usize {
        let at = |s: &SourceAxis| s.start + s.axis.map_or(0, |a| s.step * index[a] as i64);
        self.source.iter().zip(strides).map(|(s, &stride)| at(s) as usize * stride).sum()
    }
}
