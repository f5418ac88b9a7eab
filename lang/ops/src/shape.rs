//! The lengths of an array's axes.

use crate::error::OpError;
use smallvec::SmallVec;
use std::fmt;
use std::ops::Deref;

/// The most axes an array may have.
pub const MAX_AXES: usize = 32;

/// The lengths of an array's axes; at most [`MAX_AXES`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Shape {
    /// A shape of known length. Prefer [`Shape::checked`] for what a user wrote.
    pub fn new(lens: impl IntoIterator<Item = usize>) -> Self {
        Self(lens.into_iter().collect())
    }

    /// A shape whose number of axes and of elements a machine can address (elements times eight fit in `i64`).
    pub fn checked(lens: impl IntoIterator<Item = usize>) -> Result<Self, OpError> {
        let shape = Self::new(lens);
        if shape.len() > MAX_AXES {
            return Err(OpError::TooManyAxes { axes: shape.len() });
        }
        let size = shape.iter().filter(|&&n| n > 0).try_fold(8_i64, |n, &m| n.checked_mul(i64::try_from(m).ok()?));
        match size {
            Some(_) => Ok(shape),
            None => Err(OpError::TooLarge { shape }),
        }
    }

    /// The number of axes.
    pub fn ndim(&self) -> usize {
        self.0.len()
    }

    /// The same, but `len` on `axis`.
    #[must_use]
    pub fn with(&self, axis: usize, len: usize) -> Self {
        Self::new(self.iter().enumerate().map(|(a, &old)| if a == axis { len } else { old }))
    }

    /// The number of elements.
    pub fn size(&self) -> usize {
        self.0.iter().product()
    }

    /// Whether an axis has length 0.
    pub fn is_empty_array(&self) -> bool {
        self.0.contains(&0)
    }

    /// NumPy's broadcast of two shapes.
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let ndim = self.ndim().max(other.ndim());
        let at = |s: &Shape, i: usize| (i + s.ndim()).checked_sub(ndim).map_or(1, |k| s[k]);
        (0..ndim)
            .map(|i| match (at(self, i), at(other, i)) {
                (a, b) if a == b => Some(a),
                (1, b) => Some(b),
                (a, 1) => Some(a),
                _ => None,
            })
            .collect::<Option<SmallVec<_>>>()
            .map(Shape)
    }

    /// Row-major strides in elements.
    pub fn strides(&self) -> SmallVec<[usize; 4]> {
        let mut strides = SmallVec::from_elem(1, self.ndim());
        for axis in (1..self.ndim()).rev() {
            strides[axis - 1] = strides[axis] * self.0[axis];
        }
        strides
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(iter: I) -> Self {
        Self::new(iter)
    }
}

impl fmt::Display for Shape {
    /// As Python writes a tuple: `(3,)`, `(2, 3)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lens: Vec<String> = self.iter().map(usize::to_string).collect();
        let comma = if lens.len() == 1 { "," } else { "" };
        write!(f, "({}{comma})", lens.join(", "))
    }
}
