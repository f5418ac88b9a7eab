//! Loops of division with a rest, through quotients of floats.
//!
//! There is no vector instruction for whole quotients. Where both operands are small, the quotient of floats, rounded
//! down, is right or one too great, and what it leaves over, which a fused product gives exactly, tells which. By one
//! divisor for all, the whole number next to a product with its inverse does: that is right or one too great.

use crate::cast::Cast;
use crate::data::{DataMut, DataRef, Element};
use crate::lane::{Float, Int};
use crate::loops::{fast, operand, result};
use crate::math::Lane;

/// Adding it to a whole number below 2^51 puts that into the lowest bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
const BOUND: i64 = 1 << 51;

/// An integer that a float may hold.
pub(crate) trait Whole: Int + Element + Cast<i64>
where
    i64: Cast<Self>,
{
    /// Whether it is below 2^51 without its sign.
    #[inline(always)]
    fn is_small(self) -> bool {
        let bound: Self = BOUND.cast();
        size_of::<Self>() < 8 || (self < bound) & (Self::LEAST == Self::ZERO || self > Self::ZERO.sub(bound))
    }
}

impl<T: Int + Element + Cast<i64>> Whole for T where i64: Cast<T> {}

#[inline(always)]
fn to_float(whole: i64) -> f64 {
    f64::from_bits(ROUNDER.to_bits().wrapping_add(whole as u64)) - ROUNDER
}

#[inline(always)]
fn from_float(value: f64) -> i64 {
    (value + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i64
}

/// Quotient toward minus infinity and rest; both zero where the divisor is.
#[inline(always)]
fn divided(a: f64, b: f64) -> (f64, f64) {
    let quotient = (a / b).floor();
    let rest = (-quotient).mul_add(b, a);
    let over = (rest != 0.0) & ((rest < 0.0) != (b < 0.0));
    let (quotient, rest) = if over { (quotient - 1.0, rest + b) } else { (quotient, rest) };
    if b == 0.0 { (0.0, 0.0) } else { (quotient, rest) }
}

/// The same by a divisor above zero, with its inverse: the nearest quotient is right or one too great.
#[inline(always)]
fn divided_by(a: f64, size: f64, inverse: f64) -> (f64, f64) {
    let quotient = a.mul_add(inverse, ROUNDER) - ROUNDER;
    let rest = (-quotient).mul_add(size, a);
    if rest < 0.0 { (quotient - 1.0, rest + size) } else { (quotient, rest) }
}

/// Applies `f` where both operands are not small; else what `small` makes of quotient, rest and operands.
fn small_or<T: Whole>(
    x: &[DataRef<'_>],
    out: DataMut<'_>,
    f: impl Fn(T, T) -> T,
    small: impl Fn((f64, f64), f64, f64) -> f64,
) where
    i64: Cast<T>,
{
    let (a, b, out) = (operand::<T>(x, 0), operand::<T>(x, 1), result::<T>(out));
    let divisor = fast::common(b).filter(|&b| b != T::ZERO && b.is_small());
    if divisor.is_some_and(|divisor| by_one(a, divisor, out, &small)) {
        return;
    }
    if fast::all(a, T::is_small) && fast::all(b, T::is_small) {
        fast::wide_pairs(
            a,
            b,
            out,
            #[inline(always)]
            |a, b| {
                let (a, b) = (to_float(a.cast()), to_float(b.cast()));
                from_float(small(divided(a, b), a, b)).cast()
            },
        );
    } else {
        out.iter_mut().zip(a).zip(b).for_each(|((o, &a), &b)| *o = f(a, b));
    }
}

/// Divides by one small divisor; false where an operand is not small, whose result is of no use then.
fn by_one<T: Whole>(a: &[T], divisor: T, out: &mut [T], small: impl Fn((f64, f64), f64, f64) -> f64) -> bool
where
    i64: Cast<T>,
{
    let b = to_float(divisor.cast());
    let (size, inverse) = (b.abs(), b.abs().recip());
    if b > 0.0 {
        return fast::wide_if(
            a,
            out,
            #[inline(always)]
            |whole: T| {
                let a = to_float(whole.cast());
                (from_float(small(divided_by(a, size, inverse), a, b)).cast(), whole.is_small())
            },
        );
    }
    fast::wide_if(
        a,
        out,
        #[inline(always)]
        |whole: T| {
            let a = to_float(whole.cast());
            let (quotient, rest) = divided_by(-a, size, inverse);
            (from_float(small((quotient, -rest), a, b)).cast(), whole.is_small())
        },
    )
}

/// Quotients of integers, toward minus infinity.
pub(crate) fn quotients<T: Whole>(x: &[DataRef<'_>], out: DataMut<'_>, f: impl Fn(T, T) -> T)
where
    i64: Cast<T>,
{
    small_or(
        x,
        out,
        f,
        #[inline(always)]
        |(quotient, _), _, _| quotient,
    );
}

/// Rests of integers, with the sign of the divisor.
pub(crate) fn rests<T: Whole>(x: &[DataRef<'_>], out: DataMut<'_>, f: impl Fn(T, T) -> T)
where
    i64: Cast<T>,
{
    small_or(
        x,
        out,
        f,
        #[inline(always)]
        |(_, rest), _, _| rest,
    );
}

/// Rests of integers, with the sign of the dividend.
pub(crate) fn signed_rests<T: Whole>(x: &[DataRef<'_>], out: DataMut<'_>, f: impl Fn(T, T) -> T)
where
    i64: Cast<T>,
{
    small_or(
        x,
        out,
        f,
        #[inline(always)]
        |(_, rest), a, b| {
            if (rest != 0.0) & ((a < 0.0) != (b < 0.0)) { rest - b } else { rest }
        },
    );
}

/// What division toward zero leaves over, where the quotient is below 2^52 and the divisor finite.
#[inline(always)]
pub(crate) fn near_fmod<L: Lane>(a: L, b: L) -> L {
    let (a_size, b_size) = (a.abs(), b.abs());
    let rest = (-(a_size / b_size).floor()).fma(b_size, a_size);
    let rest = L::pick(rest.lt(L::of(0.0)), rest + b_size, rest);
    rest.copysign(a)
}

/// Whether `near_fmod` holds.
#[inline(always)]
pub(crate) fn near_holds<L: Lane>(a: L, b: L) -> L::Mask {
    let (a, b) = (a.abs(), b.abs());
    (a / b).lt(L::of(4_503_599_627_370_496.0)) & b.lt(L::of(f64::INFINITY))
}

/// Floats: a formula with `near_fmod` in it, then `any` where that does not hold.
fn floats<T: Float + Element>(x: &[DataRef<'_>], out: DataMut<'_>, near: impl Fn(T, T) -> T, any: fn(T, T) -> T) {
    let (a, b, out) = (operand::<T>(x, 0), operand::<T>(x, 1), result::<T>(out));
    fast::wide_pairs(a, b, out, near);
    if !fast::all_pairs(
        a,
        b,
        #[inline(always)]
        |a, b| near_holds(a.widest(), b.widest()),
    ) {
        let rare = out.iter_mut().zip(a).zip(b).filter(|((_, a), b)| !near_holds(a.widest(), b.widest()));
        rare.for_each(|((o, &a), &b)| *o = any(a, b));
    }
}

/// Quotients of floats, toward minus infinity.
pub(crate) fn float_quotients<T: Float + Element>(x: &[DataRef<'_>], out: DataMut<'_>, f: impl Fn(T, T) -> T) {
    floats(x, out, f, crate::formula::any_floor_divide);
}

/// Rests of floats, with the sign of the divisor.
pub(crate) fn float_rests<T: Float + Element>(x: &[DataRef<'_>], out: DataMut<'_>, f: impl Fn(T, T) -> T) {
    floats(x, out, f, crate::formula::any_remainder);
}

/// Rests of floats, with the sign of the dividend.
pub(crate) fn signed_float_rests<T: Float + Element>(x: &[DataRef<'_>], out: DataMut<'_>, f: impl Fn(T, T) -> T) {
    floats(x, out, f, T::fmod);
}
