//! What `math` computes with while it is written down: float64, its bits, and what holds.

use super::paths::on_tape;
use super::step::{Binary, Unary};
use super::tape::{Tape, Var};
use crate::dtype::DType;
use crate::math::{Bits, Lane};
use crate::scalar::Scalar;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// A float64 on the tape.
#[derive(Clone, Copy)]
pub(crate) struct Wide(pub(super) Var);

/// 64 bits on the tape.
#[derive(Clone, Copy)]
pub(crate) struct WideBits(Var);

/// Whether something holds, on the tape.
#[derive(Clone, Copy)]
pub(crate) struct Mask(pub(super) Var);

/// What a formula of float64 gives of operands.
pub(crate) fn wide<const N: usize>(operands: &[Var], formula: impl FnOnce([Wide; N]) -> Wide) -> Var {
    formula(std::array::from_fn(|place| Wide(operands[place]))).0
}

impl Wide {
    /// The formula holds only where this does.
    pub(super) fn fails_unless(self, holds: impl FnOnce(Wide) -> Mask) {
        let Mask(fails) = !holds(self);
        on_tape(|tape| tape.fails_where(fails));
    }

    fn unary(self, unary: Unary) -> Wide {
        Wide(on_tape(|tape| tape.unary(unary, self.0)))
    }

    fn compare(self, binary: Binary, other: Wide) -> Mask {
        Mask(two(binary, self.0, other.0))
    }
}

fn two(binary: Binary, a: Var, b: Var) -> Var {
    on_tape(|tape| tape.binary(binary, a, b))
}

macro_rules! operators {
    ($($ty:ident $trait:ident $method:ident $binary:ident;)*) => {$(
        impl $trait for $ty {
            type Output = $ty;
            fn $method(self, other: $ty) -> $ty { $ty(two(Binary::$binary, self.0, other.0)) }
        }
    )*};
}

operators! {
    Wide Add add Add; Wide Sub sub Sub; Wide Mul mul Mul; Wide Div div Div; Mask BitAnd bitand And; Mask BitOr bitor Or;
}

impl Neg for Wide {
    type Output = Wide;
    fn neg(self) -> Wide {
        self.unary(Unary::Neg)
    }
}

impl Not for Mask {
    type Output = Mask;
    fn not(self) -> Mask {
        Mask(on_tape(|tape| tape.unary(Unary::Not, self.0)))
    }
}

impl Lane for Wide {
    type Mask = Mask;
    type Bits = WideBits;
    fn of(value: f64) -> Wide {
        // By its bits: a nan keeps them.
        Wide(on_tape(|tape| {
            let bits = tape.constant(DType::U64, Scalar::Int(value.to_bits().into()));
            tape.reinterpret(bits, DType::F64)
        }))
    }
    fn fma(self, factor: Wide, term: Wide) -> Wide {
        Wide(on_tape(|tape| tape.fma(self.0, factor.0, term.0)))
    }
    fn sqrt(self) -> Wide {
        self.unary(Unary::Sqrt)
    }
    fn floor(self) -> Wide {
        self.unary(Unary::Floor)
    }
    fn abs(self) -> Wide {
        self.unary(Unary::Abs)
    }
    fn copysign(self, sign: Wide) -> Wide {
        Wide(two(Binary::Copysign, self.0, sign.0))
    }
    fn lt(self, other: Wide) -> Mask {
        self.compare(Binary::Lt, other)
    }
    fn le(self, other: Wide) -> Mask {
        self.compare(Binary::Le, other)
    }
    fn eq(self, other: Wide) -> Mask {
        self.compare(Binary::Eq, other)
    }
    fn pick(mask: Mask, yes: Wide, no: Wide) -> Wide {
        Wide(on_tape(|tape| tape.pick(mask.0, yes.0, no.0)))
    }
    fn nonzero(WideBits(bits): WideBits) -> Mask {
        Mask(on_tape(|tape| {
            let zero = tape.constant(DType::U64, Scalar::Int(0));
            let is_zero = tape.binary(Binary::Eq, bits, zero);
            tape.unary(Unary::Not, is_zero)
        }))
    }
    fn bits(self) -> WideBits {
        WideBits(on_tape(|tape| tape.reinterpret(self.0, DType::U64)))
    }
    fn from_bits(WideBits(bits): WideBits) -> Wide {
        Wide(on_tape(|tape| tape.reinterpret(bits, DType::F64)))
    }
}

fn bits(tape: &mut Tape, value: u64) -> Var {
    tape.constant(DType::U64, Scalar::Int(value.into()))
}

impl Bits for WideBits {
    fn of(value: u64) -> Self {
        Self(on_tape(|tape| bits(tape, value)))
    }
    fn plus(self, other: Self) -> Self {
        Self(two(Binary::Add, self.0, other.0))
    }
    fn minus(self, other: Self) -> Self {
        Self(two(Binary::Sub, self.0, other.0))
    }
    fn and(self, other: Self) -> Self {
        Self(two(Binary::And, self.0, other.0))
    }
    fn xor(self, other: Self) -> Self {
        Self(two(Binary::Xor, self.0, other.0))
    }
    fn shl(self, count: u32) -> Self {
        Self(two(Binary::Shl, self.0, Self::of(count.into()).0))
    }
    fn shr(self, count: u32) -> Self {
        Self(two(Binary::Shr, self.0, Self::of(count.into()).0))
    }
    fn product(self, other: Self) -> Self {
        let low = Self::of(0xffff_ffff);
        Self(two(Binary::Mul, self.and(low).0, other.and(low).0))
    }
}
