//! A box of indices.

use crate::shape::Shape;
use smallvec::SmallVec;

/// A box of indices: per axis where it starts and how long it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Region {
    /// The first index on each axis.
    pub start: SmallVec<[usize; 4]>,
    /// How many indices on each axis.
    pub len: Shape,
}

impl Region {
    /// All of a shape.
    pub fn whole(shape: &Shape) -> Self {
        Self { start: SmallVec::from_elem(0, shape.ndim()), len: shape.clone() }
    }

    /// The number of elements.
    pub fn size(&self) -> usize {
        self.len.size()
    }

    /// The least box that holds both.
    #[must_use]
    pub fn hull(&self, other: &Region) -> Region {
        let start: SmallVec<[usize; 4]> = self.start.iter().zip(&other.start).map(|(&a, &b)| a.min(b)).collect();
        let ends = self.ends().zip(other.ends()).map(|(a, b)| a.max(b));
        let len = ends.zip(&start).map(|(end, s)| end - s).collect();
        Region { start, len }
    }

    /// The part both hold, empty axes included as length 0.
    pub fn intersect(&self, other: &Region) -> Region {
        let start: SmallVec<[usize; 4]> = self.start.iter().zip(&other.start).map(|(&a, &b)| a.max(b)).collect();
        let ends = self.ends().zip(other.ends()).map(|(a, b)| a.min(b));
        let len = ends.zip(&start).map(|(end, &s)| end.saturating_sub(s)).collect();
        Region { start, len }
    }

    /// One past the last index on each axis.
    pub fn ends(&self) -> impl Iterator<Item = usize> + '_ {
        self.start.iter().zip(self.len.iter()).map(|(s, l)| s + l)
    }
}
