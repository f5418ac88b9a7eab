//! Circular functions: the angle is brought to an eighth of a turn around a multiple of a quarter.
//!
//! They hold for angles below [`NEAR`]; beyond it the reduction would need more digits of pi.

use super::{Bits, Lane, Pair, ROUNDER, SIGN, bits_of, fast_sum, poly, quotient, two_product, two_sum};

/// The least angle that is too large.
pub(crate) const NEAR: f64 = 1_073_741_824.0;

/// A quarter of a turn in three parts.
const QUARTER: [f64; 3] = [std::f64::consts::FRAC_PI_2, 6.123233995736766e-17, -1.4973849048591833e-33];

/// How many quarters were taken off, and what is left, in two parts.
struct Reduced<L: Lane> {
    quarters: L::Bits,
    rest: Pair<L>,
}

#[inline(always)]
fn reduced<L: Lane>(x: L) -> Reduced<L> {
    let rounded = x.fma(L::of(std::f64::consts::FRAC_2_PI), L::of(ROUNDER));
    let n = rounded - L::of(ROUNDER);
    let first = n.fma(L::of(-QUARTER[0]), x);
    let Pair(second, product_low) = two_product(n, L::of(QUARTER[1]));
    let Pair(high, low) = two_sum(first, -second);
    let low = n.fma(L::of(-QUARTER[2]), low - product_low);
    Reduced { quarters: rounded.bits(), rest: Pair(high, low) }
}

/// The sine near zero.
#[inline(always)]
fn sine<L: Lane>(Pair(r, low): Pair<L>) -> Pair<L> {
    let z = r * r;
    let p = poly!(z; -0.1666666666666663, 0.008333333333321973, -0.00019841269829520692, 2.7557313607067274e-06,
        -2.5050746453348854e-08, 1.589618977343222e-10);
    Pair(r, (z * r).fma(p, (z * low).fma(L::of(-0.5), low)))
}

/// The cosine near zero.
#[inline(always)]
fn cosine<L: Lane>(Pair(r, low): Pair<L>) -> Pair<L> {
    let z = r * r;
    let p = poly!(z; 0.041666666666666595, -0.001388888888887346, 2.4801587289117357e-05, -2.755731425770238e-07,
        2.0875711542211635e-09, -1.1359087310084711e-11);
    let half = z * L::of(0.5);
    let high = L::of(1.0) - half;
    Pair(high, (z * z).fma(p, (-r).fma(low, (L::of(1.0) - high) - half)))
}

#[inline(always)]
fn odd<L: Lane>(quarters: L::Bits) -> L::Mask {
    L::nonzero(quarters.and(bits_of::<L>(1)))
}

/// The value with its sign turned where the second lowest bit of `quarters` is set.
#[inline(always)]
fn turned<L: Lane>(value: L, quarters: L::Bits) -> L {
    L::from_bits(value.bits().xor(quarters.shl(62).and(bits_of::<L>(SIGN))))
}

#[inline(always)]
fn sum<L: Lane>(pair: Pair<L>) -> L {
    pair.0 + pair.1
}

/// Sine.
#[inline(always)]
pub(crate) fn sin<L: Lane>(x: L) -> L {
    let Reduced { quarters, rest } = reduced(x.abs());
    let value = turned(L::pick(odd::<L>(quarters), sum(cosine(rest)), sum(sine(rest))), quarters);
    L::from_bits(value.bits().xor(x.bits().and(bits_of::<L>(SIGN))))
}

/// Cosine.
#[inline(always)]
pub(crate) fn cos<L: Lane>(x: L) -> L {
    let Reduced { quarters, rest } = reduced(x);
    let value = L::pick(odd::<L>(quarters), sum(sine(rest)), sum(cosine(rest)));
    turned(value, quarters.plus(bits_of::<L>(1)))
}

/// Sine and cosine.
#[inline(always)]
pub(crate) fn sincos<L: Lane>(x: L) -> (L, L) {
    let Reduced { quarters, rest } = reduced(x);
    let (sine, cosine, odd) = (sum(sine(rest)), sum(cosine(rest)), odd::<L>(quarters));
    let (sin, cos) = (L::pick(odd, cosine, sine), L::pick(odd, sine, cosine));
    (turned(sin, quarters), turned(cos, quarters.plus(bits_of::<L>(1))))
}

/// Sine and cosine, to the bits that [`sin`] and [`cos`] give of a number.
#[inline(always)]
pub(crate) fn sin_cos<L: Lane>(x: L) -> (L, L) {
    let (sin, cos) = sincos(x.abs());
    (L::from_bits(sin.bits().xor(x.bits().and(bits_of::<L>(SIGN)))), cos)
}

/// Tangent.
#[inline(always)]
pub(crate) fn tan<L: Lane>(x: L) -> L {
    let Reduced { quarters, rest } = reduced(x.abs());
    let Pair(s, c) = Pair(sine(rest), cosine(rest));
    let (s, c) = (fast_sum(s.0, s.1), fast_sum(c.0, c.1));
    let odd = odd::<L>(quarters);
    let pick = |yes, no| L::pick(odd, yes, no);
    let value = quotient(Pair(pick(c.0, s.0), pick(c.1, s.1)), Pair(pick(-s.0, c.0), pick(-s.1, c.1)));
    L::from_bits(value.bits().xor(x.bits().and(bits_of::<L>(SIGN))))
}

macro_rules! any_angle {
    ($($(#[$doc:meta])* $any:ident $near:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub(crate) fn $any(x: f64) -> f64 {
            if x.abs() >= NEAR { libm::$near(x) } else { $near(x) }
        }
    )*};
}

any_angle! {
    /// Sine of any angle.
    any_sin sin;
    /// Cosine of any angle.
    any_cos cos;
    /// Tangent of any angle.
    any_tan tan;
}
