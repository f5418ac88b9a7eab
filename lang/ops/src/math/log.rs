//! Logarithms: `log(x) = k * ln 2 + log(1 + f)` with `1 + f` between the roots of 1/2 and 2.

use super::exp::unless_tiny;
use super::{Bits, LN_2, Lane, Pair, ROUNDER, bits_of, fast_sum, poly, two_product, two_sum};

const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
const BIAS: u64 = 1023 << 52;

/// `x = 2^k * (1 + f)`.
pub(super) struct Split<L: Lane> {
    pub(super) k: L,
    pub(super) f: L,
    biased: L::Bits,
}

/// Takes a positive finite number apart; of any other comes rubbish.
#[inline(always)]
pub(super) fn split<L: Lane>(x: L) -> Split<L> {
    let subnormal = x.lt(L::of(f64::MIN_POSITIVE));
    let bits = L::pick(subnormal, x * L::of(18_014_398_509_481_984.0), x).bits();
    let biased = bits.minus(bits_of::<L>(ROOT_HALF)).plus(bits_of::<L>(BIAS)).shr(52);
    let one_and_f = L::from_bits(bits.minus(biased.shl(52)).plus(bits_of::<L>(BIAS)));
    let k = L::from_bits(biased.plus(bits_of::<L>(ROUNDER.to_bits()))) - L::of(ROUNDER);
    let bias = L::pick(subnormal, L::of(1077.0), L::of(1023.0));
    Split { k: k - bias, f: one_and_f - L::of(1.0), biased }
}

/// The logarithm of `1 + f`.
#[inline(always)]
fn near_one<L: Lane>(f: L) -> Pair<L> {
    let s = f / (L::of(2.0) + f);
    let z = s * s;
    let r = z * poly!(z; 0.6666666666666666, 0.4000000000000489, 0.28571428569423596, 0.2222222260504125,
        0.18181778504430474, 0.15386982689603299, 0.13252278358985276, 0.13233669373351675);
    let Pair(square, square_low) = two_product(f * L::of(0.5), f);
    let Pair(high, low) = fast_sum(f, -square);
    Pair(high, s.fma(square + r, low - square_low))
}

/// Minus infinity of zero, nan of less, infinity and nan as they are.
#[inline(always)]
fn in_domain<L: Lane>(x: L, value: L) -> L {
    let value = L::pick(x.lt(L::of(f64::INFINITY)), value, x);
    let value = L::pick(x.lt(L::of(0.0)), L::of(f64::NAN), value);
    L::pick(x.eq(L::of(0.0)), L::of(f64::NEG_INFINITY), value)
}

/// `k * unit + high + low`, `unit` being the logarithm of 2 in two parts.
#[inline(always)]
fn joined<L: Lane>(k: L, unit: (f64, f64), part: Pair<L>) -> L {
    let Pair(high, low) = fast_sum(k * L::of(unit.0), part.0);
    high + (low + k.fma(L::of(unit.1), part.1))
}

/// Natural logarithm.
#[inline(always)]
pub(crate) fn log<L: Lane>(x: L) -> L {
    let Split { k, f, .. } = split(x);
    in_domain(x, joined(k, LN_2, near_one(f)))
}

/// The logarithm of `1 + f` to another base, given what to multiply by.
#[inline(always)]
fn in_base<L: Lane>(f: L, factor: (f64, f64)) -> Pair<L> {
    let Pair(high, low) = near_one(f);
    let Pair(high, low) = fast_sum(high, low);
    let Pair(product, rest) = two_product(high, L::of(factor.0));
    Pair(product, low.fma(L::of(factor.0), high.fma(L::of(factor.1), rest)))
}

/// Logarithm to base 2.
#[inline(always)]
pub(crate) fn log2<L: Lane>(x: L) -> L {
    let Split { k, f, .. } = split(x);
    let part = in_base(f, (std::f64::consts::LOG2_E, 2.035_527_374_093_103_3e-17));
    in_domain(x, joined(k, (1.0, 0.0), part))
}

/// Logarithm to base 10.
#[inline(always)]
pub(crate) fn log10<L: Lane>(x: L) -> L {
    const LOG10_2: (f64, f64) = (0.301_029_995_663_611_77, 3.694_239_077_158_931e-13);
    let Split { k, f, .. } = split(x);
    let part = in_base(f, (std::f64::consts::LOG10_E, 1.098_319_650_216_765e-17));
    in_domain(x, joined(k, LOG10_2, part))
}

/// The logarithm of `2^more * (high + low)`, the second part being much the smaller.
#[inline(always)]
fn of_pair<L: Lane>(x: Pair<L>, more: L) -> L {
    let Split { k, f, biased } = split(x.0);
    let scale = L::from_bits(bits_of::<L>(2046).minus(biased).shl(52));
    let Pair(f, rest) = two_sum(f, x.1 * L::pick(x.0.lt(L::of(1e18)), scale, L::of(0.0)));
    let Pair(high, low) = near_one(f);
    let slope = f.fma(f - L::of(1.0), L::of(1.0));
    in_domain(x.0, joined(k + more, LN_2, Pair(high, rest.fma(slope, low))))
}

/// `log(1 + x)`.
#[inline(always)]
pub(crate) fn log1p<L: Lane>(x: L) -> L {
    unless_tiny(x, of_pair(one_more(x), L::of(0.0)))
}

/// `1 + x`; infinity has no second part.
#[inline(always)]
fn one_more<L: Lane>(x: L) -> Pair<L> {
    let Pair(high, low) = two_sum(L::of(1.0), x);
    Pair(high, L::pick(high.lt(L::of(1e18)), low, L::of(0.0)))
}

/// Above this, `x + sqrt(x * x + 1)` is `2 * x`.
const LARGE: f64 = 1e9;

/// The logarithm of `1 + y`, or of `2 * x` where `x` is large.
#[inline(always)]
fn of_either<L: Lane>(y: L, x: L) -> L {
    let large = L::of(LARGE).lt(x);
    let Pair(high, low) = one_more(y);
    let sum = Pair(L::pick(large, x, high), L::pick(large, L::of(0.0), low));
    of_pair(sum, L::pick(large, L::of(1.0), L::of(0.0)))
}

/// Inverse hyperbolic sine.
#[inline(always)]
pub(crate) fn asinh<L: Lane>(x: L) -> L {
    let size = x.abs();
    let root = size.fma(size, L::of(1.0)).sqrt();
    let y = size + size * size / (L::of(1.0) + root);
    unless_tiny(x, of_either(y, size).copysign(x))
}

/// Inverse hyperbolic cosine.
#[inline(always)]
pub(crate) fn acosh<L: Lane>(x: L) -> L {
    let t = x - L::of(1.0);
    let y = t + t.fma(t, t + t).sqrt();
    L::pick(x.lt(L::of(1.0)), L::of(f64::NAN), of_either(y, x))
}

/// Inverse hyperbolic tangent.
#[inline(always)]
pub(crate) fn atanh<L: Lane>(x: L) -> L {
    let size = x.abs();
    let y = (size + size) / (L::of(1.0) - size);
    let value = L::of(0.5) * of_pair(one_more(y), L::of(0.0));
    let value = L::pick(L::of(1.0).lt(size), L::of(f64::NAN), value);
    unless_tiny(x, value.copysign(x))
}
