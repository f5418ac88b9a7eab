//! Formulas as data: what a loop computes, step by step, for those who write it in another language.
//!
//! In reading order: `step` (what there is to do), `apply` (what a step gives of bits), `tape` (steps in a row, none
//! twice), `paths` (a formula that asks whether something holds is run once for each answer), `number` (what formulas
//! compute with while they are written down), `wide` (the same for `math`), `fill` (values made from an index), `whole`
//! (whole numbers in rounds), `ranking` (numbers of any dtype in their order), `fold` (reductions and running values).
//!
//! A formula is run on numbers that remember what was done to them. What comes of it is the formula itself, to the
//! bit: the tape holds no operation that rounds differently, and none in another order.

mod apply;
mod fill;
mod fold;
mod number;
mod paths;
mod ranking;
mod step;
mod tape;
mod whole;
mod wide;

pub use fold::{FoldTrace, Pass, ScanTrace, Start};
pub use step::{Binary, Step, Unary};
pub use tape::{Tape, Var};

pub(crate) use number::{Number, argument, binary, converted, dtype_of, given};
pub(crate) use paths::Answer;
pub(crate) use ranking::Ranking;
pub(crate) use whole::Whole;
pub(crate) use wide::wide;

/// Writes down what a loop computes of operands; the paths of the formula are explored by calling it again and again.
pub type Trace = fn(&[Var]) -> Var;
