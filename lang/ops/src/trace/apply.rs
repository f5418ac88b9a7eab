//! What a step gives of bits: how constants are folded, and what a written formula is checked against.

use super::step::{Binary, Unary};
use crate::cast::cast;
use crate::data::{Data, Element};
use crate::dtype::DType;
use crate::each_dtype;
use crate::lane::{Float, Int};
use half::f16;

/// A number as bits and back; the upper ones are zero.
pub(super) trait Word: Element {
    fn bits(self) -> u64;
    fn of_bits(bits: u64) -> Self;
}

macro_rules! words {
    ($($t:ident $unsigned:ident;)*) => {$(
        impl Word for $t {
            fn bits(self) -> u64 { u64::from(self as $unsigned) }
            fn of_bits(bits: u64) -> Self { bits as $unsigned as $t }
        }
    )*};
}

words! { i8 u8; u8 u8; i16 u16; u16 u16; i32 u32; u32 u32; i64 u64; u64 u64; }

macro_rules! float_words {
    ($($t:ident)*) => {$(
        impl Word for $t {
            fn bits(self) -> u64 { self.to_bits().into() }
            fn of_bits(bits: u64) -> Self { $t::from_bits(bits as _) }
        }
    )*};
}

float_words! { f16 f32 f64 }

impl Word for bool {
    fn bits(self) -> u64 {
        self.into()
    }
    fn of_bits(bits: u64) -> Self {
        bits != 0
    }
}

/// Runs `$body` with `$t` the element type of a dtype, or of one of those named.
macro_rules! of_dtype {
    ($dtype:expr, $t:ident => $body:expr) => {
        of_dtype!($dtype, $t => $body; Bool bool, I8 i8, U8 u8, I16 i16, U16 u16, I32 i32, U32 u32, I64 i64, U64 u64,
            F16 f16, F32 f32, F64 f64;)
    };
    ($dtype:expr, $t:ident => $body:expr; $($variant:ident $ty:ident),*; $($other:pat => $otherwise:expr)?) => {
        match $dtype {
            $(DType::$variant => { type $t = $ty; $body })*
            $($other => $otherwise)?
        }
    };
}

/// The bits of a constant of a dtype.
pub(super) fn constant(dtype: DType, value: crate::scalar::Scalar) -> u64 {
    of_dtype!(dtype, T => T::from_scalar(value).bits())
}

/// The value of bits of a dtype.
pub(super) fn scalar(dtype: DType, bits: u64) -> crate::scalar::Scalar {
    of_dtype!(dtype, T => T::of_bits(bits).to_scalar())
}

/// What a conversion gives.
pub(super) fn convert(from: DType, to: DType, bits: u64) -> u64 {
    let one = of_dtype!(from, T => T::wrap(vec![T::of_bits(bits)]));
    let mut other = Data::zeros(to, 1);
    cast(one.as_ref(), &mut other);
    each_dtype!(Data, other, v => v[0].bits())
}

/// What a step of one operand gives; float16 takes part in none.
pub(super) fn unary(dtype: DType, unary: Unary, bits: u64) -> u64 {
    of_dtype!(dtype, T => int_unary(unary, T::of_bits(bits)).bits();
    I8 i8, U8 u8, I16 i16, U16 u16, I32 i32, U32 u32, I64 i64, U64 u64; other => match other {
        DType::Bool => (!bool::of_bits(bits)).bits(),
        DType::F32 => float_unary(unary, f32::of_bits(bits)).bits(),
        _ => float_unary(unary, f64::of_bits(bits)).bits(),
    })
}

fn float_unary<T: Float>(unary: Unary, x: T) -> T {
    match unary {
        Unary::Neg => x.neg(),
        Unary::Abs => x.abs(),
        Unary::Sqrt => x.sqrt(),
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Trunc => x.trunc(),
        Unary::Rint => x.rint(),
        Unary::Not => x,
    }
}

fn int_unary<T: Int>(unary: Unary, x: T) -> T {
    match unary {
        Unary::Neg => x.neg(),
        Unary::Abs => x.abs(),
        Unary::Not => x.not(),
        _ => x,
    }
}

/// What a step of two operands of a dtype gives; float16 takes part in none.
pub(super) fn binary(dtype: DType, binary: Binary, a: u64, b: u64) -> u64 {
    of_dtype!(dtype, T => int_binary(binary, T::of_bits(a), T::of_bits(b));
    I8 i8, U8 u8, I16 i16, U16 u16, I32 i32, U32 u32, I64 i64, U64 u64; other => match other {
        DType::Bool => int_binary(binary, u8::of_bits(a), u8::of_bits(b)),
        DType::F32 => float_binary(binary, f32::of_bits(a), f32::of_bits(b)),
        _ => float_binary(binary, f64::of_bits(a), f64::of_bits(b)),
    })
}

fn compared<T: PartialOrd>(binary: Binary, a: &T, b: &T) -> bool {
    match binary {
        Binary::Lt => a < b,
        Binary::Le => a <= b,
        _ => a == b,
    }
}

fn float_binary<T: Float + Word>(binary: Binary, a: T, b: T) -> u64 {
    match binary {
        Binary::Add => a.add(b),
        Binary::Sub => a.sub(b),
        Binary::Mul => a.mul(b),
        Binary::Div => a.div(b),
        Binary::Copysign => a.copysign(b),
        comparison => return compared(comparison, &a, &b).bits(),
    }
    .bits()
}

fn int_binary<T: Int + Word>(binary: Binary, a: T, b: T) -> u64 {
    match binary {
        Binary::Add => a.add(b),
        Binary::Sub => a.sub(b),
        Binary::Mul => a.mul(b),
        Binary::Div => a.div(b),
        Binary::Rem => a.rem(b),
        Binary::And => a.and(b),
        Binary::Or => a.or(b),
        Binary::Xor => a.xor(b),
        Binary::Shl => a.shl(b),
        Binary::Shr => a.shr(b),
        comparison => return compared(comparison, &a, &b).bits(),
    }
    .bits()
}

/// What a fused product gives.
pub(super) fn fma(dtype: DType, a: u64, b: u64, c: u64) -> u64 {
    match dtype {
        DType::F32 => f32::of_bits(a).mul_add(f32::of_bits(b), f32::of_bits(c)).bits(),
        _ => f64::of_bits(a).mul_add(f64::of_bits(b), f64::of_bits(c)).bits(),
    }
}
