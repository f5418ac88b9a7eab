//! Exponentials: `exp(x) = 2^n * exp(r)` with `|r| <= ln 2 / 2`.

use super::{Bits, LN_2, Lane, Pair, ROUNDER, at_least, at_most, bits_of, fast_sum, poly, quotient, two_sum};
use std::f64::consts::LOG2_E;

/// `2^n * (1 + r + p)` with a whole `n`.
struct Power<L: Lane> {
    n: L::Bits,
    r: L,
    p: L,
}

/// The exponential of `x + tail`, the tail being much the smaller.
#[inline(always)]
fn power<L: Lane>(x: L, tail: L) -> Power<L> {
    let rounded = x.fma(L::of(LOG2_E), L::of(ROUNDER));
    let n = rounded - L::of(ROUNDER);
    let high = n.fma(L::of(-LN_2.0), x);
    let r = n.fma(L::of(-LN_2.1), high);
    let low = n.fma(L::of(-LN_2.1), high - r) + tail;
    of_rest(rounded, r, low)
}

/// The power whose exponent is the whole number in the lowest bits of `rounded`, and `r + low` with it.
#[inline(always)]
fn of_rest<L: Lane>(rounded: L, r: L, low: L) -> Power<L> {
    let q = poly!(r; 0.5, 0.16666666666666685, 0.041666666666666685, 0.008333333333315953, 0.0013888888888873318,
        0.00019841269898664948, 2.480158734906903e-05, 2.7557232865118846e-06, 2.75572519819011e-07,
        2.5112658622693133e-08, 2.0921706476634758e-09);
    let n = rounded.bits().minus(bits_of::<L>(ROUNDER.to_bits()));
    Power { n, r, p: (r * r).fma(q, low) }
}

/// The value, in two steps, so that subnormal results are rounded once.
#[inline(always)]
fn scaled<L: Lane>(power: Power<L>) -> L {
    let Pair(one, low) = fast_sum(L::of(1.0), power.r);
    let value = one + (low + power.p);
    let biased = power.n.plus(bits_of::<L>(2048));
    let half = biased.shr(1);
    let scale = |n: L::Bits| L::from_bits(n.minus(bits_of::<L>(1)).shl(52));
    value * scale(half) * scale(biased.minus(half))
}

/// e to the power of `x`.
#[inline(always)]
pub(crate) fn exp<L: Lane>(x: L) -> L {
    scaled(power(at_least(at_most(x, 710.0), -750.0), L::of(0.0)))
}

/// e to the power of a sum, which must not be far out of range.
#[inline(always)]
pub(super) fn exp_of_pair<L: Lane>(x: Pair<L>) -> L {
    let rounded = x.0.fma(L::of(LOG2_E), L::of(ROUNDER));
    let n = rounded - L::of(ROUNDER);
    let high = n.fma(L::of(-LN_2.0), x.0);
    let r = n.fma(L::of(-LN_2.1), high);
    let low = n.fma(L::of(-LN_2.1), high - r) + x.1;
    let Pair(r, low) = fast_sum(r, low);
    scaled(of_rest(rounded, r, low))
}

/// 2 to the power of `x`.
#[inline(always)]
pub(crate) fn exp2<L: Lane>(x: L) -> L {
    const LN_2: (f64, f64) = (std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);
    let x = at_least(at_most(x, 1030.0), -1080.0);
    let rounded = x + L::of(ROUNDER);
    let rest = x - (rounded - L::of(ROUNDER));
    let r = rest * L::of(LN_2.0);
    let low = rest.fma(L::of(LN_2.1), rest.fma(L::of(LN_2.0), -r));
    scaled(of_rest(rounded, r, low))
}

/// A quarter of an exponential as `s + s * (h + l)`; a quarter, so that its double does not overflow.
struct Quarter<L> {
    s: L,
    h: L,
    l: L,
}

#[inline(always)]
fn quarter<L: Lane>(x: L) -> Quarter<L> {
    let Power { n, r, p } = power(x, L::of(0.0));
    let Pair(h, l) = fast_sum(r, p);
    let s = L::from_bits(n.plus(bits_of::<L>(1021)).shl(52));
    Quarter { s, h: s * h, l: s * l }
}

/// A quarter of `exp(x) - 1`.
#[inline(always)]
fn quarter_less_one<L: Lane>(x: L) -> Pair<L> {
    let Quarter { s, h, l } = quarter(x);
    let Pair(high, low) = fast_sum(s - L::of(0.25), h);
    Pair(high, low + l)
}

/// `x` itself where it is so small that nothing else comes out.
#[inline(always)]
pub(super) fn unless_tiny<L: Lane>(x: L, value: L) -> L {
    L::pick(x.abs().lt(L::of(5e-17)), x, value)
}

/// `exp(x) - 1`.
#[inline(always)]
pub(crate) fn expm1<L: Lane>(x: L) -> L {
    let Pair(high, low) = quarter_less_one(at_least(at_most(x, 710.0), -64.0));
    unless_tiny(x, L::of(4.0) * (high + low))
}

/// Hyperbolic sine.
#[inline(always)]
pub(crate) fn sinh<L: Lane>(x: L) -> L {
    let Pair(high, low) = quarter_less_one(at_most(x.abs(), 710.7));
    let Pair(all, rest) = two_sum(at_most(L::of(4.0) * high, 1e300), L::of(1.0));
    let half = high + (low + quotient(Pair(high, low), Pair(all, rest)));
    unless_tiny(x, (half + half).copysign(x))
}

/// Hyperbolic cosine.
#[inline(always)]
pub(crate) fn cosh<L: Lane>(x: L) -> L {
    let Quarter { s, h, l } = quarter(at_most(x.abs(), 710.7));
    let Pair(high, low) = fast_sum(s, h);
    let half = high + (low + l + L::of(1.0) / (L::of(16.0) * high));
    half + half
}

/// Hyperbolic tangent.
#[inline(always)]
pub(crate) fn tanh<L: Lane>(x: L) -> L {
    let size = at_most(x.abs(), 30.0);
    let Pair(high, low) = quarter_less_one(size + size);
    let Pair(sum, rest) = two_sum(high, L::of(0.5));
    let value = quotient(Pair(high, low), Pair(sum, rest + low));
    unless_tiny(x, value.copysign(x))
}
