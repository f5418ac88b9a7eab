//! Formulas of elementwise operations, each written once for all element types.

use crate::cast::Cast;
use crate::lane::{Float, Int, Num};
use std::f64::consts;

/// `a or b`.
#[inline(always)]
pub(crate) fn or(a: bool, b: bool) -> bool {
    a | b
}

/// `a and b`.
#[inline(always)]
pub(crate) fn and(a: bool, b: bool) -> bool {
    a & b
}

/// Whether just one is true.
#[inline(always)]
pub(crate) fn xor(a: bool, b: bool) -> bool {
    a ^ b
}

/// What is not true.
#[inline(always)]
pub(crate) fn not(a: bool) -> bool {
    !a
}

/// The operand.
#[inline(always)]
pub(crate) fn identity<T>(a: T) -> T {
    a
}

/// False whatever the operand.
#[inline(always)]
pub(crate) fn never(_: bool) -> bool {
    false
}

/// Zero whatever the operand.
#[inline(always)]
pub(crate) fn zero<T: Num>(_: T) -> T {
    T::ZERO
}

/// The sign: one, zero or minus one; nan stays.
#[inline(always)]
pub(crate) fn sign<T: Num>(a: T) -> T {
    let one = if a > T::ZERO { T::ONE } else { T::ZERO };
    let number = if a < T::ZERO { T::ZERO.sub(T::ONE) } else { one };
    if a.is_nan() { a } else { number }
}

/// The square.
#[inline(always)]
pub(crate) fn square<T: Num>(a: T) -> T {
    a.mul(a)
}

/// The greater, of equals the second; nan if one is.
#[inline(always)]
pub(crate) fn maximum<T: Num>(a: T, b: T) -> T {
    if (a > b) | a.is_nan() { a } else { b }
}

/// The lesser, of equals the second; nan if one is.
#[inline(always)]
pub(crate) fn minimum<T: Num>(a: T, b: T) -> T {
    if (a < b) | a.is_nan() { a } else { b }
}

/// The greater; of a nan and a number the number.
#[inline(always)]
pub(crate) fn fmax<T: Num>(a: T, b: T) -> T {
    if (a > b) | b.is_nan() { a } else { b }
}

/// The lesser; of a nan and a number the number.
#[inline(always)]
pub(crate) fn fmin<T: Num>(a: T, b: T) -> T {
    if (a < b) | b.is_nan() { a } else { b }
}

/// Quotient toward minus infinity; by zero it is zero.
#[inline(always)]
pub(crate) fn int_floor_divide<T: Int>(a: T, b: T) -> T {
    let quotient = a.div(b);
    let inexact = a.rem(b) != T::ZERO;
    if inexact && ((a < T::ZERO) != (b < T::ZERO)) { quotient.sub(T::ONE) } else { quotient }
}

/// What `int_floor_divide` leaves over.
#[inline(always)]
pub(crate) fn int_remainder<T: Int>(a: T, b: T) -> T {
    let rest = a.rem(b);
    if rest != T::ZERO && ((rest < T::ZERO) != (b < T::ZERO)) { rest.add(b) } else { rest }
}

/// What division toward zero leaves over.
#[inline(always)]
pub(crate) fn int_fmod<T: Int>(a: T, b: T) -> T {
    a.rem(b)
}

/// Quotient rounded toward minus infinity, exact where a quotient of rounded operands would not be; for operands of
/// which `near_fmod` holds.
#[inline(always)]
pub(crate) fn floor_divide<T: Float>(a: T, b: T) -> T {
    floor_of_rest(a, b, a.near_fmod(b))
}

/// The same for all operands.
pub(crate) fn any_floor_divide<T: Float>(a: T, b: T) -> T {
    if b == T::ZERO { a.div(b) } else { floor_of_rest(a, b, a.fmod(b)) }
}

/// What `floor_divide` leaves over.
#[inline(always)]
pub(crate) fn remainder<T: Float>(a: T, b: T) -> T {
    signed_rest(b, a.near_fmod(b))
}

/// What `any_floor_divide` leaves over.
pub(crate) fn any_remainder<T: Float>(a: T, b: T) -> T {
    signed_rest(b, a.fmod(b))
}

#[inline(always)]
fn floor_of_rest<T: Float>(a: T, b: T, rest: T) -> T {
    let quotient = a.sub(rest).div(b);
    let quotient = if borrows(b, rest) { quotient.sub(T::ONE) } else { quotient };
    let floor = quotient.floor();
    let nearest = if quotient.sub(floor) > T::near(0.5) { floor.add(T::ONE) } else { floor };
    if quotient == T::ZERO { T::ZERO.copysign(a.div(b)) } else { nearest }
}

#[inline(always)]
fn signed_rest<T: Float>(b: T, rest: T) -> T {
    let signed = if borrows(b, rest) { rest.add(b) } else { rest };
    if rest == T::ZERO { rest.copysign(b) } else { signed }
}

#[inline(always)]
fn borrows<T: Float>(b: T, rest: T) -> bool {
    (rest != T::ZERO) & ((b < T::ZERO) != (rest < T::ZERO))
}

/// `a` multiplied by itself `b` times; by a negative power what is left of `1 / a ** -b`.
pub(crate) fn int_pow<T: Int>(a: T, b: T) -> T {
    if b < T::ZERO {
        return int_inverse_pow(a, b);
    }
    let (mut result, mut base, mut left) = (T::ONE, a, b);
    while left > T::ZERO {
        if left.is_odd() {
            result = result.mul(base);
        }
        base = base.mul(base);
        left = left.half();
    }
    result
}

fn int_inverse_pow<T: Int>(a: T, b: T) -> T {
    let minus_one = T::ZERO.sub(T::ONE);
    match a {
        _ if a == T::ONE => T::ONE,
        _ if a == minus_one && b.is_odd() => minus_one,
        _ if a == minus_one => T::ONE,
        _ => T::ZERO,
    }
}

/// `1 / a`.
#[inline(always)]
pub(crate) fn reciprocal<T: Float>(a: T) -> T {
    T::ONE.div(a)
}

/// `1 / a` cut toward zero.
#[inline(always)]
pub(crate) fn int_reciprocal<T: Int>(a: T) -> T {
    T::ONE.div(a)
}

/// A step at zero.
#[inline(always)]
pub(crate) fn heaviside<T: Float>(a: T, at_zero: T) -> T {
    match () {
        () if a.is_nan() => a,
        () if a < T::ZERO => T::ZERO,
        () if a > T::ZERO => T::ONE,
        () => at_zero,
    }
}

/// Greatest common divisor, never negative.
pub(crate) fn gcd<T: Int>(a: T, b: T) -> T {
    let (mut a, mut b) = (a, b);
    while b != T::ZERO {
        (a, b) = (b, a.rem(b));
    }
    a.abs()
}

/// Least common multiple of the magnitudes.
pub(crate) fn lcm<T: Int>(a: T, b: T) -> T {
    let common = a.gcd(b);
    if common == T::ZERO { T::ZERO } else { a.abs().div(common).mul(b.abs()) }
}

/// `a` within bounds; nan if any is.
#[inline(always)]
pub(crate) fn clip<T: Num>(a: T, low: T, high: T) -> T {
    minimum(maximum(a, low), high)
}

/// A bool within bounds.
#[inline(always)]
pub(crate) fn clip_bool(a: bool, low: bool, high: bool) -> bool {
    (a | low) & high
}

macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident $op:tt;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub(crate) fn $name<T: PartialOrd>(a: T, b: T) -> bool { a $op b }
    )*};
}

comparisons! {
    /// Equal.
    eq ==;
    /// Not equal.
    ne !=;
    /// Less.
    lt <;
    /// Less or equal.
    le <=;
    /// Greater.
    gt >;
    /// Greater or equal.
    ge >=;
}

/// Both are not zero.
pub(crate) fn logical_and<T: Cast<bool>>(a: T, b: T) -> bool {
    a.cast() & b.cast()
}

/// One is not zero.
pub(crate) fn logical_or<T: Cast<bool>>(a: T, b: T) -> bool {
    a.cast() | b.cast()
}

/// Just one is not zero.
pub(crate) fn logical_xor<T: Cast<bool>>(a: T, b: T) -> bool {
    a.cast() ^ b.cast()
}

/// It is zero.
pub(crate) fn logical_not<T: Cast<bool>>(a: T) -> bool {
    !a.cast()
}

/// Not a number.
#[inline(always)]
pub(crate) fn is_nan<T: Num>(a: T) -> bool {
    a.is_nan()
}

/// Plus or minus infinity.
#[inline(always)]
pub(crate) fn is_inf<T: Float>(a: T) -> bool {
    a.abs() == T::GREATEST
}

/// Neither infinite nor nan.
#[inline(always)]
pub(crate) fn is_finite<T: Float>(a: T) -> bool {
    a.abs() < T::GREATEST
}

/// Equal within `atol + rtol * abs(b)`, or equal infinities, or two nans if those count.
pub(crate) fn is_close<T: Float>(a: T, b: T, rtol: T, atol: T, equal_nan: bool) -> bool {
    let near = a.sub(b).abs() <= atol.add(rtol.mul(b.abs())) && is_finite(b);
    near || a == b || (equal_nan && a.is_nan() && b.is_nan())
}

/// Logarithm of a sum of exponentials.
#[inline(always)]
pub(crate) fn logaddexp<T: Float>(a: T, b: T) -> T {
    let apart = a.sub(b);
    let rest = apart.abs().neg().exp().log1p();
    joined(a, b, rest, T::near(consts::LN_2))
}

/// Logarithm to base 2 of a sum of powers of 2.
#[inline(always)]
pub(crate) fn logaddexp2<T: Float>(a: T, b: T) -> T {
    let apart = a.sub(b);
    let rest = T::near(consts::LOG2_E).mul(apart.abs().neg().exp2().log1p());
    joined(a, b, rest, T::ONE)
}

/// The greater of two and the rest, or `of_equals` beyond both if they are equal.
#[inline(always)]
fn joined<T: Float>(a: T, b: T, rest: T, of_equals: T) -> T {
    let apart = a.sub(b);
    let value = if apart > T::ZERO { a } else { b }.add(rest);
    let value = if apart.is_nan() { apart } else { value };
    if a == b { a.add(of_equals) } else { value }
}

/// Degrees to radians.
#[inline(always)]
pub(crate) fn deg2rad<T: Float>(a: T) -> T {
    a.mul(T::near(consts::PI / 180.0))
}

/// Radians to degrees.
#[inline(always)]
pub(crate) fn rad2deg<T: Float>(a: T) -> T {
    a.mul(T::near(180.0 / consts::PI))
}

/// The normalised sinc function of a small operand.
#[inline(always)]
pub(crate) fn sinc<T: Float>(a: T) -> T {
    let angle = a.mul(T::near(consts::PI));
    if a == T::ZERO { T::ONE } else { angle.near_sin().div(angle) }
}

/// The normalised sinc function.
pub(crate) fn any_sinc<T: Float>(a: T) -> T {
    let angle = a.mul(T::near(consts::PI));
    if a == T::ZERO { T::ONE } else { angle.sin().div(angle) }
}

/// Nan becomes zero, infinities the largest finite numbers.
pub(crate) fn nan_to_num<T: Float>(a: T) -> T {
    match () {
        () if a.is_nan() => T::ZERO,
        () if a == T::GREATEST => T::GREATEST.next_toward(T::ZERO),
        () if a == T::LEAST => T::LEAST.next_toward(T::ZERO),
        () => a,
    }
}

/// Rounded to `decimals`, halves to even.
pub(crate) fn round<T: Float>(a: T, decimals: i64) -> T {
    if decimals == 0 {
        return a.rint();
    }
    let scale = T::near(libm::pow(10.0, decimals.abs() as f64));
    if decimals > 0 { a.mul(scale).rint().div(scale) } else { a.div(scale).rint().mul(scale) }
}

/// Rounded to tens, hundreds and so on by negative `decimals`.
pub(crate) fn int_round<T: Int + Cast<f64>>(a: T, decimals: i64) -> T
where
    f64: Cast<T>,
{
    if decimals < 0 { round::<f64>(a.cast(), decimals).cast() } else { a }
}
