//! Numbers of any dtype in their order, while what is done with them is written down.

use super::number::converted;
use super::paths::on_tape;
use super::step::Binary;
use super::tape::Var;
use super::wide::Mask;
use crate::dtype::DType;
use crate::fold_arg::Ranked;
use crate::scalar::Scalar;

/// A number on the tape, of any dtype.
#[derive(Clone, Copy)]
pub(crate) struct Ranking(pub(crate) Var);

impl Ranking {
    /// A constant int64.
    pub(crate) fn whole(value: i64) -> Ranking {
        Ranking(on_tape(|tape| tape.constant(DType::I64, Scalar::Int(value.into()))))
    }

    /// Float16 compares as float32.
    fn comparable(self) -> Var {
        match on_tape(|tape| tape.dtype(self.0)) {
            DType::F16 => converted(self.0, DType::F32),
            _ => self.0,
        }
    }

    fn compared(self, binary: Binary, other: Ranking) -> Mask {
        let (a, b) = (self.comparable(), other.comparable());
        Mask(on_tape(|tape| tape.binary(binary, a, b)))
    }
}

impl Ranked for Ranking {
    type Mask = Mask;
    fn below(self, other: Ranking) -> Mask {
        self.compared(Binary::Lt, other)
    }
    fn at_most(self, other: Ranking) -> Mask {
        self.compared(Binary::Le, other)
    }
    fn equals(self, other: Ranking) -> Mask {
        self.compared(Binary::Eq, other)
    }
    fn choose(mask: Mask, yes: Ranking, no: Ranking) -> Ranking {
        Ranking(on_tape(|tape| tape.pick(mask.0, yes.0, no.0)))
    }
}
