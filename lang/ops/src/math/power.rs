//! Powers, cube roots and lengths.

use super::exp::exp_of_pair;
use super::log::{Split, split};
use super::{Bits, LN_2, Lane, Pair, SIGN, bits_of, fast_sum, poly, two_product};

const INFINITY: f64 = f64::INFINITY;

/// The logarithm of a positive finite number to twice the digits.
#[inline(always)]
fn exact_log<L: Lane>(x: L) -> Pair<L> {
    const TWO_THIRDS: (f64, f64) = (0.6666666666666666, 3.700743415417188e-17);
    let Split { k, f, .. } = split(x);
    let below = fast_sum(L::of(2.0), f);
    let inverse = L::of(1.0) / below.0;
    let s = f * inverse;
    let s_low = ((-s).fma(below.0, f) - s * below.1) * inverse;
    let Pair(z, z_low) = two_product(s, s);
    let z_low = (s + s).fma(s_low, z_low);
    let p = poly!(z; 0.39999999999999974, 0.2857142857144668, 0.22222222217217893, 0.18181818903931982,
        0.15384554858096572, 0.13336386455843222, 0.1167355366997287, 0.11998616365055859);
    let Pair(cube, cube_low) = two_product(z, L::of(TWO_THIRDS.0));
    let cube_low = cube_low + z.fma(L::of(TWO_THIRDS.1), z_low * L::of(TWO_THIRDS.0));
    let Pair(g, g_low) = fast_sum(cube, z * z * p);
    let g_low = g_low + cube_low;
    let Pair(w, w_low) = two_product(s, g);
    let w_low = w_low + s.fma(g_low, s_low * g);
    let Pair(part, part_low) = fast_sum(s + s, w);
    let part_low = part_low + (s_low + s_low + w_low);
    let Pair(high, low) = fast_sum(k * L::of(LN_2.0), part);
    fast_sum(high, low + k.fma(L::of(LN_2.1), part_low))
}

/// A positive finite number to a finite power.
#[inline(always)]
fn positive<L: Lane>(x: L, y: L) -> L {
    let log = exact_log(x);
    let Pair(high, low) = two_product(y, log.0);
    let low = y.fma(log.1, low);
    let beyond = L::of(900.0).lt(high.abs());
    exp_of_pair(Pair(L::pick(beyond, L::of(1000.0).copysign(high), high), L::pick(beyond, L::of(0.0), low)))
}

/// Whether a number is whole, and its sign bit set where it is odd.
#[inline(always)]
fn whole<L: Lane>(y: L) -> (L::Mask, L::Bits) {
    const DIGITS: f64 = 4_503_599_627_370_496.0;
    let size = y.abs();
    let small = size.lt(L::of(DIGITS));
    let shifted = L::pick(small, size + L::of(DIGITS), size);
    let whole = !small | (shifted - L::of(DIGITS)).eq(size);
    let can_be_odd = whole & size.lt(L::of(2.0 * DIGITS));
    let odd = L::pick(can_be_odd, L::from_bits(shifted.bits().shl(63)), L::of(0.0));
    (whole, odd.bits())
}

/// `x` to the power of `y`, which is neither 1/2 nor -1; squares and cubes are products.
#[inline(always)]
pub(crate) fn usual_pow<L: Lane>(x: L, y: L) -> L {
    let (zero, one) = (L::of(0.0), L::of(1.0));
    let size = x.abs();
    let (whole, odd) = whole(y);
    let value = positive(size, y);
    let value = L::pick(size.eq(zero), L::pick(y.lt(zero), L::of(INFINITY), zero), value);
    let value = L::pick(size.eq(L::of(INFINITY)), L::pick(y.lt(zero), zero, L::of(INFINITY)), value);
    let value = L::pick(size.eq(one), one, value);
    let value = L::from_bits(value.bits().xor(odd.and(x.bits()).and(bits_of::<L>(SIGN))));
    let outside = x.lt(zero) & size.lt(L::of(INFINITY)) & !whole;
    let value = L::pick(outside, L::of(f64::NAN), value);
    let value = L::pick(x.eq(x) & y.eq(y), value, x + y);
    let value = L::pick(y.eq(L::of(2.0)), x * x, value);
    let value = L::pick(y.eq(L::of(3.0)), x * x * x, value);
    L::pick(y.eq(zero) | x.eq(one), one, value)
}

/// `x` to the power of `y`; roots and reciprocals as exact as those are.
#[inline(always)]
pub(crate) fn pow<L: Lane>(x: L, y: L) -> L {
    let root = L::pick(x.eq(L::of(-INFINITY)), L::of(INFINITY), x.sqrt() + L::of(0.0));
    let value = L::pick(y.eq(L::of(0.5)), root, usual_pow(x, y));
    L::pick(y.eq(L::of(-1.0)), L::of(1.0) / x, value)
}

/// Cube root: a guess from the exponent, a polynomial, and one step of Newton's.
#[inline(always)]
pub(crate) fn cbrt<L: Lane>(x: L) -> L {
    let size = x.abs();
    let subnormal = size.lt(L::of(f64::MIN_POSITIVE));
    let y = L::pick(subnormal, size * L::of(18_014_398_509_481_984.0), size);
    let third = y.bits().shr(32).product(bits_of::<L>(0x5555_5556)).shr(32);
    let guess = L::from_bits(third.plus(bits_of::<L>(715_094_163)).shl(32));
    let off = guess * guess * (guess / y);
    let near = guess
        * poly!(off; 1.9982639333056178, -2.497871687920909, 2.848364777542917, -1.984979206622821,
            0.7583641929821102, -0.12214197283948879);
    let t = L::from_bits(near.bits().plus(bits_of::<L>(0x8000_0000)).and(bits_of::<L>(0xffff_ffff_c000_0000)));
    let step = y / (t * t) - t;
    let root = (step / (t + t + y / (t * t))).fma(t, t);
    let root = root * L::pick(subnormal, L::of(1.0 / 262_144.0), L::of(1.0));
    let usual = L::of(0.0).lt(size) & size.lt(L::of(INFINITY));
    L::pick(usual, root.copysign(x), x)
}

/// Length of a vector, without overflow in between.
#[inline(always)]
pub(crate) fn hypot<L: Lane>(x: L, y: L) -> L {
    let (x, y) = (x.abs(), y.abs());
    let more = L::pick(x.lt(y), y, x);
    let less = L::pick(x.lt(y), x, y);
    let power = |n: u64| L::of(f64::from_bits((1023 + n) << 52));
    let (small, large) = (more.lt(L::of(1e-140)), L::of(1e150).lt(more));
    let scale = L::pick(small, power(600), L::pick(large, L::of(1.0) / power(600), L::of(1.0)));
    let back = L::pick(small, L::of(1.0) / power(600), L::pick(large, power(600), L::of(1.0)));
    let (a, b) = (more * scale, less * scale);
    let rough = a.fma(a, b * b).sqrt();
    let (Pair(square, square_low), Pair(other, other_low)) = (two_product(rough, rough), two_product(a, a));
    let over = (-b).fma(b, square - other) + (square_low - other_low);
    let over = over / L::pick(rough.eq(L::of(0.0)), L::of(1.0), rough + rough);
    let value = (rough - over) * back;
    let infinite = x.eq(L::of(INFINITY)) | y.eq(L::of(INFINITY));
    L::pick(infinite, L::of(INFINITY), L::pick(x.eq(x) & y.eq(y), value, x + y))
}
