//! Transcendental functions, free of branches, so that a loop over a slice becomes vector instructions.
//!
//! In reading order: `exp` (exponentials and hyperbolic functions), `log` (logarithms and inverse hyperbolic
//! functions), `trig`, `inverse` (of the circular functions), `power` (powers, cube roots, lengths), `narrow`
//! (the same for float32). Each is written once over [`Lane`], a number of float64's format: a sum is never
//! contracted, a fused product is always written as one, so that every machine gives the same bits. Polynomials are
//! made by `tests/ops/fit.py`.

mod exp;
mod inverse;
mod log;
pub(crate) mod narrow;
mod power;
mod trig;

pub(crate) use exp::{cosh, exp, exp2, expm1, sinh, tanh};
pub(crate) use inverse::{acos, asin, atan, atan2};
pub(crate) use log::{acosh, asinh, atanh, log, log1p, log2, log10};
pub(crate) use power::{cbrt, hypot, pow, usual_pow};
pub(crate) use trig::{NEAR, any_cos, any_sin, any_tan, cos, sin, sin_cos, sincos, tan};

use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// A number in which formulas compute: of float64's format, with the operations that every machine has.
pub(crate) trait Lane:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// Whether something holds.
    type Mask: Copy + BitAnd<Output = Self::Mask> + BitOr<Output = Self::Mask> + Not<Output = Self::Mask>;
    /// The bits of a number.
    type Bits: Bits;
    /// A constant.
    fn of(value: f64) -> Self;
    /// `self * factor + term`, rounded once.
    fn fma(self, factor: Self, term: Self) -> Self;
    /// The square root, rounded once.
    fn sqrt(self) -> Self;
    fn floor(self) -> Self;
    fn abs(self) -> Self;
    fn copysign(self, sign: Self) -> Self;
    fn lt(self, other: Self) -> Self::Mask;
    fn le(self, other: Self) -> Self::Mask;
    fn eq(self, other: Self) -> Self::Mask;
    /// One of two numbers.
    fn pick(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// Whether any bit is set.
    fn nonzero(bits: Self::Bits) -> Self::Mask;
    fn bits(self) -> Self::Bits;
    fn from_bits(bits: Self::Bits) -> Self;
}

/// 64 bits as a whole number that wraps.
pub(crate) trait Bits: Copy {
    fn of(value: u64) -> Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn shl(self, count: u32) -> Self;
    fn shr(self, count: u32) -> Self;
    /// The product of the lower halves.
    fn product(self, other: Self) -> Self;
}

impl Lane for f64 {
    type Mask = bool;
    type Bits = u64;
    #[inline(always)]
    fn of(value: f64) -> f64 {
        value
    }
    #[inline(always)]
    fn fma(self, factor: f64, term: f64) -> f64 {
        self.mul_add(factor, term)
    }
    #[inline(always)]
    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn floor(self) -> f64 {
        f64::floor(self)
    }
    #[inline(always)]
    fn abs(self) -> f64 {
        f64::abs(self)
    }
    #[inline(always)]
    fn copysign(self, sign: f64) -> f64 {
        f64::copysign(self, sign)
    }
    #[inline(always)]
    fn lt(self, other: f64) -> bool {
        self < other
    }
    #[inline(always)]
    fn le(self, other: f64) -> bool {
        self <= other
    }
    #[inline(always)]
    fn eq(self, other: f64) -> bool {
        self == other
    }
    #[inline(always)]
    fn pick(mask: bool, yes: f64, no: f64) -> f64 {
        if mask { yes } else { no }
    }
    #[inline(always)]
    fn nonzero(bits: u64) -> bool {
        bits != 0
    }
    #[inline(always)]
    fn bits(self) -> u64 {
        self.to_bits()
    }
    #[inline(always)]
    fn from_bits(bits: u64) -> f64 {
        f64::from_bits(bits)
    }
}

impl Bits for u64 {
    #[inline(always)]
    fn of(value: u64) -> u64 {
        value
    }
    #[inline(always)]
    fn plus(self, other: u64) -> u64 {
        self.wrapping_add(other)
    }
    #[inline(always)]
    fn minus(self, other: u64) -> u64 {
        self.wrapping_sub(other)
    }
    #[inline(always)]
    fn and(self, other: u64) -> u64 {
        self & other
    }
    #[inline(always)]
    fn xor(self, other: u64) -> u64 {
        self ^ other
    }
    #[inline(always)]
    fn shl(self, count: u32) -> u64 {
        self << count
    }
    #[inline(always)]
    fn shr(self, count: u32) -> u64 {
        self >> count
    }
    #[inline(always)]
    fn product(self, other: u64) -> u64 {
        (self & 0xffff_ffff) * (other & 0xffff_ffff)
    }
}

/// Adding it to a small number leaves the nearest whole number in the lowest bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts; the product of the first with an exponent is exact.
const LN_2: (f64, f64) = (0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10);
const SIGN: u64 = 1 << 63;

#[inline(always)]
fn bits_of<L: Lane>(value: u64) -> L::Bits {
    L::Bits::of(value)
}

/// A number twice as exact: the sum of both, the second much the smaller.
#[derive(Clone, Copy)]
struct Pair<L>(L, L);

/// The sum of a number and one that is not greater, or of zero and any.
#[inline(always)]
fn fast_sum<L: Lane>(large: L, small: L) -> Pair<L> {
    let sum = large + small;
    Pair(sum, (large - sum) + small)
}

/// The sum of any two numbers.
#[inline(always)]
fn two_sum<L: Lane>(a: L, b: L) -> Pair<L> {
    let sum = a + b;
    let from_b = sum - a;
    Pair(sum, (a - (sum - from_b)) + (b - from_b))
}

/// The product of two numbers.
#[inline(always)]
fn two_product<L: Lane>(a: L, b: L) -> Pair<L> {
    let product = a * b;
    Pair(product, a.fma(b, -product))
}

/// A quotient, rounded once but for a hair.
#[inline(always)]
fn quotient<L: Lane>(above: Pair<L>, below: Pair<L>) -> L {
    let inverse = L::of(1.0) / below.0;
    let rough = above.0 * inverse;
    let rest = (-rough).fma(below.0, above.0) + (-rough).fma(below.1, above.1);
    rest.fma(inverse, rough)
}

/// The lesser of a number and a bound; nan stays.
#[inline(always)]
fn at_most<L: Lane>(x: L, bound: f64) -> L {
    L::pick(L::of(bound).lt(x), L::of(bound), x)
}

/// The greater of a number and a bound; nan stays.
#[inline(always)]
fn at_least<L: Lane>(x: L, bound: f64) -> L {
    L::pick(x.lt(L::of(bound)), L::of(bound), x)
}

/// A polynomial with its coefficients from the lowest on; even and odd powers go side by side.
macro_rules! poly {
    ($x:expr; $($c:expr),+ $(,)?) => {{
        let x = $x;
        let square = x * x;
        poly!(@split x square [] [] $($c,)+)
    }};
    (@split $x:ident $s:ident [$($even:expr,)*] [$($odd:expr,)*] $a:expr, $b:expr, $($rest:expr,)*) => {
        poly!(@split $x $s [$($even,)* $a,] [$($odd,)* $b,] $($rest,)*)
    };
    (@split $x:ident $s:ident [$($even:expr,)*] [$($odd:expr,)*] $a:expr,) => {
        $x.fma(poly!(@chain $s $($odd,)*), poly!(@chain $s $($even,)* $a,))
    };
    (@split $x:ident $s:ident [$($even:expr,)*] [$($odd:expr,)*]) => {
        $x.fma(poly!(@chain $s $($odd,)*), poly!(@chain $s $($even,)*))
    };
    (@chain $s:ident $c:expr,) => { L::of($c) };
    (@chain $s:ident $c:expr, $($rest:expr,)+) => { $s.fma(poly!(@chain $s $($rest,)+), L::of($c)) };
}

use poly;
