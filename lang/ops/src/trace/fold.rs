//! Reductions and running values, written down: what a cell gives, and how two states are joined.

use super::Trace;
use super::paths::explored;
use super::tape::{Tape, Var};
use crate::scalar::Scalar;
use smallvec::SmallVec;

/// What a reduction does with a cell and with two states.
///
/// A cell is gone through once for each pass; the order of a pass is that of [`FoldLoop::take`](crate::FoldLoop::take):
/// in rows, element `i` goes to lane `i % LANES` and lanes are joined by halves, or one lane takes all where they are
/// fewer than lanes; in columns one lane takes all.
#[derive(Debug)]
pub struct FoldTrace {
    /// What is done with the elements, one pass after the other.
    pub passes: &'static [Pass],
    /// The columns of the state, each from the count of the elements as a float64, and what the passes gave.
    pub columns: &'static [Trace],
    /// The columns of both states as one, each from all columns of the left and then of the right one.
    pub combine: &'static [Trace],
}

/// One way through the elements of a cell.
#[derive(Debug)]
pub struct Pass {
    /// Where every lane begins.
    pub start: Start,
    /// What is made of an element; from it, its position as an int64, the count of the elements as a float64, and what
    /// the passes before gave.
    pub load: Trace,
    /// Two values as one, the first first.
    pub join: Trace,
}

/// What running values are made of. In a block of theirs the first is what is loaded of the first element, and each
/// later one is the value before it joined with what is loaded; what lies before the block is joined to each, as the
/// first of the two.
#[derive(Clone, Copy, Debug)]
pub struct ScanTrace {
    /// What is made of an element.
    pub load: Trace,
    /// Two values as one, the first first.
    pub join: Trace,
}

/// Where the lanes of a pass begin.
#[derive(Debug)]
pub enum Start {
    /// With a constant of the dtype that is loaded.
    Value(fn() -> Scalar),
    /// With what is loaded of the cell's first element.
    First,
}

impl Tape {
    /// What a formula gives of operands of the right dtypes; `None` where it cannot be written down.
    pub fn formula(&mut self, formula: Trace, operands: &[Var]) -> Option<Var> {
        explored(self, formula, operands)
    }

    /// What several formulas give of the same operands.
    pub fn formulas(&mut self, formulas: &[Trace], operands: &[Var]) -> Option<SmallVec<[Var; 3]>> {
        formulas.iter().map(|&formula| self.formula(formula, operands)).collect()
    }
}
