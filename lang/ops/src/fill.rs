//! Values made from an index: nothing is stored, any element can be made anywhere.

use crate::scalar::Scalar;

/// A rule that gives each element of an array from its index (of the array as it was created, before views).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Fill {
    /// The same everywhere.
    Const(Scalar),
    /// `start + step * i` on axis 0 of a 1-d array; `last` replaces the last element where `linspace` says so.
    Ramp { start: Scalar, step: Scalar, last: Option<Scalar> },
    /// The index along one axis.
    Index { axis: usize },
    /// 1 where `column - row == k` on the last two axes, else 0.
    Diagonal { k: i64 },
    /// 1 where `column - row <= k` on the last two axes, else 0.
    Band { k: i64 },
    /// A draw of a random law, keyed by seed, draw number and flat index.
    Random { seed: u64, draw: u64, law: Law },
}

/// A distribution.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Law {
    /// Uniform in `[low, high)`.
    Uniform { low: Scalar, high: Scalar },
    /// Gaussian.
    Normal { mean: Scalar, std: Scalar },
    /// Integers in `[low, high)`.
    Integers { low: Scalar, high: Scalar },
}
