//! Steps in a row, none twice.

use super::apply;
use super::paths::explored;
use super::step::{Binary, Step, Unary};
use crate::dtype::DType;
use crate::op::MapLoop;
use crate::scalar::Scalar;
use std::collections::HashMap;

/// A number on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Var(pub(super) u32);

impl Var {
    /// The place of its step.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Steps in the order in which they are done. Each is there once, and what is known is done at once.
#[derive(Debug, Default)]
pub struct Tape {
    steps: Vec<(DType, Step)>,
    places: HashMap<(DType, Step), Var>,
    beyond: Vec<Var>,
}

impl Tape {
    /// All steps with the dtypes of their results; a step reads earlier ones only.
    pub fn steps(&self) -> &[(DType, Step)] {
        &self.steps
    }

    /// Bools: where one is true for an element, the formulas do not hold for it, and it has to be computed otherwise.
    pub fn beyond(&self) -> &[Var] {
        &self.beyond
    }

    /// The step that makes a number, with its dtype.
    pub fn step(&self, var: Var) -> (DType, Step) {
        self.steps[var.index()]
    }

    /// The dtype of a number.
    pub fn dtype(&self, var: Var) -> DType {
        self.step(var).0
    }

    /// Something from outside.
    pub fn input(&mut self, number: usize, dtype: DType) -> Var {
        self.push(dtype, Step::Input(number))
    }

    /// A constant of a dtype.
    pub fn constant(&mut self, dtype: DType, value: Scalar) -> Var {
        self.push(dtype, Step::Const(apply::constant(dtype, value)))
    }

    /// The value of a number, where it is known.
    pub fn known(&self, var: Var) -> Option<Scalar> {
        match self.step(var) {
            (dtype, Step::Const(bits)) => Some(apply::scalar(dtype, bits)),
            _ => None,
        }
    }

    /// What a loop gives of operands of its dtypes; `None` where its formula cannot be written down.
    pub fn map(&mut self, of: &MapLoop, operands: &[Var]) -> Option<Var> {
        explored(self, of.trace?, operands)
    }

    /// A step of one operand.
    pub fn unary(&mut self, unary: Unary, x: Var) -> Var {
        match self.step(x) {
            (dtype, Step::Const(bits)) => self.bits(dtype, apply::unary(dtype, unary, bits)),
            (dtype, _) => self.push(dtype, Step::Unary(unary, x)),
        }
    }

    /// A step of two operands of one dtype.
    pub fn binary(&mut self, binary: Binary, a: Var, b: Var) -> Var {
        let dtype = self.dtype(a);
        let result = if binary.is_comparison() { DType::Bool } else { dtype };
        match (self.step(a).1, self.step(b).1) {
            (Step::Const(a), Step::Const(b)) => self.bits(result, apply::binary(dtype, binary, a, b)),
            _ => self.push(result, Step::Binary(binary, a, b)),
        }
    }

    /// `a * b + c`, rounded once.
    pub fn fma(&mut self, a: Var, b: Var, c: Var) -> Var {
        let dtype = self.dtype(a);
        match [a, b, c].map(|x| self.step(x).1) {
            [Step::Const(a), Step::Const(b), Step::Const(c)] => self.bits(dtype, apply::fma(dtype, a, b, c)),
            _ => self.push(dtype, Step::Fma(a, b, c)),
        }
    }

    /// One of two numbers.
    pub fn pick(&mut self, mask: Var, yes: Var, no: Var) -> Var {
        let truth = |var: Var| self.known(var).filter(|_| self.dtype(var) == DType::Bool).map(|v| v.to_f64() != 0.0);
        match (truth(mask), truth(yes), truth(no)) {
            _ if yes == no => yes,
            (Some(mask), ..) => {
                if mask {
                    yes
                } else {
                    no
                }
            }
            (_, Some(true), Some(false)) => mask,
            (_, Some(true), _) => self.binary(Binary::Or, mask, no),
            (_, _, Some(false)) => self.binary(Binary::And, mask, yes),
            (_, Some(false), _) => {
                let not = self.unary(Unary::Not, mask);
                self.binary(Binary::And, not, no)
            }
            (_, _, Some(true)) => {
                let not = self.unary(Unary::Not, mask);
                self.binary(Binary::Or, not, yes)
            }
            _ => self.push(self.dtype(yes), Step::Pick(mask, yes, no)),
        }
    }

    /// A number converted as `astype` does.
    pub fn convert(&mut self, x: Var, to: DType) -> Var {
        match self.step(x) {
            (from, _) if from == to => x,
            (from, Step::Const(bits)) => self.bits(to, apply::convert(from, to, bits)),
            _ => self.push(to, Step::Convert(x)),
        }
    }

    /// The bits of a number as another dtype of its size.
    pub fn reinterpret(&mut self, x: Var, to: DType) -> Var {
        match self.step(x) {
            (from, _) if from == to => x,
            (_, Step::Const(bits)) => self.bits(to, bits),
            (_, Step::Bits(y)) if self.dtype(y) == to => y,
            _ => self.push(to, Step::Bits(x)),
        }
    }

    /// The formulas do not hold where this is true.
    pub(super) fn fails_where(&mut self, mask: Var) {
        let never = self.known(mask).is_some_and(|v| v.to_f64() == 0.0);
        if !never && !self.beyond.contains(&mask) {
            self.beyond.push(mask);
        }
    }

    /// What the numbers on the tape are for given inputs, all as bits.
    pub fn run(&self, inputs: &[u64]) -> Vec<u64> {
        let mut values: Vec<u64> = Vec::with_capacity(self.steps.len());
        for &(dtype, step) in &self.steps {
            let at = |x: Var| values[x.index()];
            values.push(match step {
                Step::Input(number) => inputs[number],
                Step::Const(bits) => bits,
                Step::Unary(unary, x) => apply::unary(dtype, unary, at(x)),
                Step::Binary(binary, a, b) => apply::binary(self.dtype(a), binary, at(a), at(b)),
                Step::Fma(a, b, c) => apply::fma(dtype, at(a), at(b), at(c)),
                Step::Pick(mask, yes, no) => at(if at(mask) != 0 { yes } else { no }),
                Step::Convert(x) => apply::convert(self.dtype(x), dtype, at(x)),
                Step::Bits(x) => at(x),
            });
        }
        values
    }

    fn bits(&mut self, dtype: DType, bits: u64) -> Var {
        self.push(dtype, Step::Const(bits))
    }

    fn push(&mut self, dtype: DType, step: Step) -> Var {
        let next = Var(self.steps.len() as u32);
        *self.places.entry((dtype, step)).or_insert_with(|| {
            self.steps.push((dtype, step));
            next
        })
    }
}
