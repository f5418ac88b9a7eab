//! What formulas are written in: numbers whose arithmetic gives the same bits on every machine.
//!
//! Integers wrap. Floats never contract to fused operations, and take transcendental functions from `math`; `near_sin`
//! and its like hold for angles below `math::NEAR` only, and make vector instructions.
//! float16 computes in float32 and rounds after each operation.

use crate::division;
use crate::formula;
use crate::half_float;
use crate::math::{self, narrow};
use half::f16;

/// A number.
#[allow(missing_docs)]
pub trait Num: Copy + PartialOrd {
    const ZERO: Self;
    const ONE: Self;
    /// The least value: minus infinity for floats.
    const LEAST: Self;
    /// The greatest value: infinity for floats.
    const GREATEST: Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn neg(self) -> Self;
    fn abs(self) -> Self;
    fn is_nan(self) -> bool;
}

/// An integer.
#[allow(missing_docs)]
pub trait Int: Num + Ord {
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn not(self) -> Self;
    /// Bits shifted out are lost; by a negative count or one too large, all are.
    fn shl(self, count: Self) -> Self;
    fn shr(self, count: Self) -> Self;
    /// Division toward zero; by zero it is zero.
    fn div(self, other: Self) -> Self;
    /// What `div` leaves over; by zero it is zero.
    fn rem(self, other: Self) -> Self;
    fn is_odd(self) -> bool;
    /// Half, toward minus infinity.
    fn half(self) -> Self;
    /// This multiplied by itself so many times; by a negative power what is left of the inverse.
    fn power(self, count: Self) -> Self {
        formula::int_pow(self, count)
    }
    /// The greatest common divisor, never negative.
    fn gcd(self, other: Self) -> Self {
        formula::gcd(self, other)
    }
}

macro_rules! integers {
    ($($t:ident $abs:expr;)*) => {$(
        impl Num for $t {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const LEAST: Self = $t::MIN;
            const GREATEST: Self = $t::MAX;
            #[inline(always)]
            fn add(self, other: Self) -> Self { self.wrapping_add(other) }
            #[inline(always)]
            fn sub(self, other: Self) -> Self { self.wrapping_sub(other) }
            #[inline(always)]
            fn mul(self, other: Self) -> Self { self.wrapping_mul(other) }
            #[inline(always)]
            fn neg(self) -> Self { self.wrapping_neg() }
            #[inline(always)]
            fn abs(self) -> Self { $abs(self) }
            #[inline(always)]
            fn is_nan(self) -> bool { false }
        }

        impl Int for $t {
            #[inline(always)]
            fn and(self, other: Self) -> Self { self & other }
            #[inline(always)]
            fn or(self, other: Self) -> Self { self | other }
            #[inline(always)]
            fn xor(self, other: Self) -> Self { self ^ other }
            #[inline(always)]
            fn not(self) -> Self { !self }
            #[inline(always)]
            fn shl(self, count: Self) -> Self {
                u32::try_from(count).ok().and_then(|n| self.checked_shl(n)).unwrap_or(0)
            }
            #[inline(always)]
            fn shr(self, count: Self) -> Self {
                let all = if self < Self::ZERO { Self::ZERO.wrapping_sub(1) } else { 0 };
                u32::try_from(count).ok().and_then(|n| self.checked_shr(n)).unwrap_or(all)
            }
            #[inline(always)]
            fn div(self, other: Self) -> Self { if other == 0 { 0 } else { self.wrapping_div(other) } }
            #[inline(always)]
            fn rem(self, other: Self) -> Self { if other == 0 { 0 } else { self.wrapping_rem(other) } }
            #[inline(always)]
            fn is_odd(self) -> bool { self & 1 == 1 }
            #[inline(always)]
            fn half(self) -> Self { self >> 1 }
        }
    )*};
}

integers! {
    i8 i8::wrapping_abs; i16 i16::wrapping_abs; i32 i32::wrapping_abs; i64 i64::wrapping_abs;
    u8 std::convert::identity; u16 std::convert::identity; u32 std::convert::identity; u64 std::convert::identity;
}

macro_rules! native_num {
    ($($t:ident)*) => {$(
        impl Num for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const LEAST: Self = $t::NEG_INFINITY;
            const GREATEST: Self = $t::INFINITY;
            #[inline(always)]
            fn add(self, other: Self) -> Self { self + other }
            #[inline(always)]
            fn sub(self, other: Self) -> Self { self - other }
            #[inline(always)]
            fn mul(self, other: Self) -> Self { self * other }
            #[inline(always)]
            fn neg(self) -> Self { -self }
            #[inline(always)]
            fn abs(self) -> Self { $t::abs(self) }
            #[inline(always)]
            fn is_nan(self) -> bool { $t::is_nan(self) }
        }
    )*};
}

native_num! { f32 f64 }

impl Num for f16 {
    const ZERO: Self = f16::ZERO;
    const ONE: Self = f16::ONE;
    const LEAST: Self = f16::NEG_INFINITY;
    const GREATEST: Self = f16::INFINITY;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        half_float::narrow(half_float::widen(self) + half_float::widen(other))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        half_float::narrow(half_float::widen(self) - half_float::widen(other))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        half_float::narrow(half_float::widen(self) * half_float::widen(other))
    }
    #[inline(always)]
    fn neg(self) -> Self {
        f16::from_bits(self.to_bits() ^ 0x8000)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        f16::from_bits(self.to_bits() & 0x7fff)
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        f16::is_nan(self)
    }
}

macro_rules! float_functions {
    ($($name:ident $wide:path, $narrow:path;)* ; $($name2:ident $wide2:path, $narrow2:path;)*) => {
        /// A floating-point number.
        #[allow(missing_docs)]
        pub trait Float: Num {
            /// One of the values nearest to it.
            fn near(value: f64) -> Self;
            /// In float64, exactly.
            fn widest(self) -> f64;
            fn div(self, other: Self) -> Self;
            fn signbit(self) -> bool;
            /// What `near_sin` and `near_cos` give.
            fn near_sin_cos(self) -> (Self, Self);
            /// The neighbour in the direction of `to`.
            fn next_toward(self, to: Self) -> Self;
            $(fn $name(self) -> Self;)*
            $(fn $name2(self, other: Self) -> Self;)*
        }

        impl Float for f64 {
            #[inline(always)]
            fn near(value: f64) -> Self { value }
            #[inline(always)]
            fn widest(self) -> f64 { self }
            #[inline(always)]
            fn div(self, other: Self) -> Self { self / other }
            #[inline(always)]
            fn signbit(self) -> bool { self.is_sign_negative() }
            fn next_toward(self, to: Self) -> Self { libm::nextafter(self, to) }
            #[inline(always)]
            fn near_sin_cos(self) -> (Self, Self) { math::sin_cos(self) }
            $(#[inline(always)] fn $name(self) -> Self { $wide(self) })*
            $(#[inline(always)] fn $name2(self, other: Self) -> Self { $wide2(self, other) })*
        }

        impl Float for f32 {
            #[inline(always)]
            fn near(value: f64) -> Self { value as f32 }
            #[inline(always)]
            fn widest(self) -> f64 { self.into() }
            #[inline(always)]
            fn div(self, other: Self) -> Self { self / other }
            #[inline(always)]
            fn signbit(self) -> bool { self.is_sign_negative() }
            fn next_toward(self, to: Self) -> Self { libm::nextafterf(self, to) }
            #[inline(always)]
            fn near_sin_cos(self) -> (Self, Self) { narrow::sin_cos(self) }
            $(#[inline(always)] fn $name(self) -> Self { $narrow(self) })*
            $(#[inline(always)] fn $name2(self, other: Self) -> Self { $narrow2(self, other) })*
        }

        impl Float for f16 {
            fn near(value: f64) -> Self { half_float::narrow_wide(value) }
            #[inline(always)]
            fn widest(self) -> f64 { self.to_f64() }
            #[inline(always)]
            fn div(self, other: Self) -> Self { half_float::narrow(half_float::widen(self) / half_float::widen(other)) }
            #[inline(always)]
            fn signbit(self) -> bool { self.is_sign_negative() }
            fn next_toward(self, to: Self) -> Self { next_half(self, to) }
            #[inline(always)]
            fn near_sin_cos(self) -> (Self, Self) {
                let (sin, cos) = narrow::sin_cos(half_float::widen(self));
                (half_float::narrow(sin), half_float::narrow(cos))
            }
            $(#[inline(always)] fn $name(self) -> Self { half_float::narrow($narrow(half_float::widen(self))) })*
            $(#[inline(always)] fn $name2(self, other: Self) -> Self { half_float::narrow($narrow2(half_float::widen(self), half_float::widen(other))) })*
        }
    };
}

float_functions! {
    sqrt f64::sqrt, f32::sqrt;
    floor f64::floor, f32::floor;
    ceil f64::ceil, f32::ceil;
    trunc f64::trunc, f32::trunc;
    rint f64::round_ties_even, f32::round_ties_even;
    cbrt math::cbrt, narrow::cbrt;
    exp math::exp, narrow::exp;
    exp2 math::exp2, narrow::exp2;
    expm1 math::expm1, narrow::expm1;
    log math::log, narrow::log;
    log2 math::log2, narrow::log2;
    log10 math::log10, narrow::log10;
    log1p math::log1p, narrow::log1p;
    sin math::any_sin, narrow::any_sin;
    near_sin math::sin, narrow::sin;
    cos math::any_cos, narrow::any_cos;
    near_cos math::cos, narrow::cos;
    tan math::any_tan, narrow::any_tan;
    near_tan math::tan, narrow::tan;
    asin math::asin, narrow::asin;
    acos math::acos, narrow::acos;
    atan math::atan, narrow::atan;
    sinh math::sinh, narrow::sinh;
    cosh math::cosh, narrow::cosh;
    tanh math::tanh, narrow::tanh;
    asinh math::asinh, narrow::asinh;
    acosh math::acosh, narrow::acosh;
    atanh math::atanh, narrow::atanh;
    ;
    pow math::pow, narrow::pow;
    usual_pow math::usual_pow, narrow::usual_pow;
    atan2 math::atan2, narrow::atan2;
    hypot math::hypot, narrow::hypot;
    fmod libm::fmod, libm::fmodf;
    near_fmod division::near_fmod, narrow::near_fmod;
    copysign f64::copysign, f32::copysign;
}

fn next_half(from: f16, to: f16) -> f16 {
    if from.is_nan() || to.is_nan() {
        return f16::NAN;
    }
    if from == to {
        return to;
    }
    if from == f16::ZERO {
        return f16::from_bits(1 | (to.to_bits() & 0x8000));
    }
    let away = (to > from) == (from > f16::ZERO);
    f16::from_bits(if away { from.to_bits() + 1 } else { from.to_bits() - 1 })
}
