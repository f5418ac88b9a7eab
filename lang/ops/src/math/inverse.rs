//! Inverses of the circular functions.

use super::{Lane, Pair, fast_sum, poly, quotient};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

const PI_LOW: f64 = 1.2246467991473532e-16;
const HALF_PI_LOW: f64 = 6.123233995736766e-17;

/// An angle as `turn + (rest + low)`, the turn being exact to twice a number's digits.
struct Angle<L> {
    turn: Pair<L>,
    rest: L,
    low: L,
}

/// The angle of a point with `y >= 0` and `x >= 0`: that of the nearest of five directions, and what is left.
#[inline(always)]
fn angle<L: Lane>(y: L, x: L) -> Angle<L> {
    let beyond = |ratio: f64| (x * L::of(ratio)).le(y);
    let masks = [beyond(0.4375), beyond(0.6875), beyond(1.1875), beyond(2.4375)];
    let choose = |of: [f64; 5]| {
        let value = L::pick(masks[0], L::of(of[1]), L::of(of[0]));
        let value = L::pick(masks[1], L::of(of[2]), value);
        L::pick(masks[3], L::of(of[4]), L::pick(masks[2], L::of(of[3]), value))
    };
    let a = choose([1.0, 1.0, 1.0, 1.0, 0.0]);
    let b = choose([0.0, 0.5, 1.0, 1.5, 1.0]);
    let (above, below) = ((-b).fma(x, a * y), b.fma(y, a * x));
    let t = quotient(Pair(above, L::of(0.0)), Pair(below, L::of(0.0)));
    let z = t * t;
    let p = poly!(z; -0.333333333333329, 0.1999999999986905, -0.14285714271897457, 0.11111110380327573,
        -0.09090886525061445, 0.07691867008348534, -0.06660983690187527, 0.05833010397997139, -0.04974700221630494,
        0.03648363954139575, -0.016240222360908572);
    let turn = choose([0.0, 0.4636476090008061, FRAC_PI_4, 0.982793723247329, FRAC_PI_2]);
    let low = choose([0.0, 2.2698777452961687e-17, 3.061616997868383e-17, 1.3903311031230998e-17, HALF_PI_LOW]);
    Angle { turn: Pair(turn, low), rest: t, low: z * t * p }
}

/// Inverse tangent.
#[inline(always)]
pub(crate) fn atan<L: Lane>(x: L) -> L {
    let size = super::at_most(x.abs(), 1e20);
    let Angle { turn, rest, low } = angle(size, L::of(1.0));
    (turn.0 + (rest + (low + turn.1))).copysign(x)
}

/// Angle of the point `(x, y)`.
#[inline(always)]
pub(crate) fn atan2<L: Lane>(y: L, x: L) -> L {
    let (a, b) = tamed(y.abs(), x.abs());
    let Angle { turn, rest, low } = angle(a, b);
    let left = L::of(1.0).copysign(x).lt(L::of(0.0));
    let Pair(opposite, opposite_low) = fast_sum(L::of(PI), -turn.0);
    let base = L::pick(left, opposite, turn.0);
    let base_low = L::pick(left, opposite_low + (L::of(PI_LOW) - turn.1), turn.1);
    let rest = L::pick(left, -rest, rest);
    let low = L::pick(left, -low, low);
    let value = (base + (rest + (low + base_low))).copysign(y);
    L::pick(y.eq(y) & x.eq(x), value, x + y)
}

/// Both coordinates times a power of 2 that keeps them from overflow, infinities as directions, zeros as one.
#[inline(always)]
fn tamed<L: Lane>(y: L, x: L) -> (L, L) {
    let more = L::pick(x.lt(y), y, x);
    let scale = L::pick(more.lt(L::of(1e-270)), L::of(f64::from_bits((1023 + 600) << 52)), L::of(1.0));
    let scale = L::pick(L::of(1e300).lt(more), L::of(f64::from_bits((1023 - 100) << 52)), scale);
    let infinite = |a: L| a.eq(L::of(f64::INFINITY));
    let any = infinite(y) | infinite(x);
    let direction = |a: L| L::pick(infinite(a), L::of(1.0), L::of(0.0));
    let x = L::pick(more.eq(L::of(0.0)), L::of(1.0), x * scale);
    (L::pick(any, direction(y), y * scale), L::pick(any, direction(x), x))
}

/// The inverse sine of a size up to 1/2 is `lead + rest`; of one above it a quarter turn less twice that.
struct Sine<L: Lane> {
    above: L::Mask,
    lead: L,
    rest: L,
}

#[inline(always)]
fn inverse_sine<L: Lane>(size: L) -> Sine<L> {
    let above = L::of(0.5).lt(size);
    let half = (L::of(1.0) - size) * L::of(0.5);
    let z = L::pick(above, half, size * size);
    let p = z * poly!(z; 0.1666666666666676, 0.07499999999971091, 0.044642857174230784, 0.030381942729091057,
        0.02237221433220277, 0.017351624446929864, 0.01398066617667591, 0.011400204439320005, 0.010772903068574948,
        0.003734422441612993, 0.02163894135615375, -0.020901905093214337, 0.032567862056559066);
    let root = half.sqrt();
    let double = root + root;
    let missing = (-root).fma(root, half) / L::pick(double.eq(L::of(0.0)), L::of(1.0), double);
    let rest = L::pick(above, double.fma(p, missing + missing), size * p);
    Sine { above, lead: L::pick(above, double, size), rest }
}

/// Inverse sine.
#[inline(always)]
pub(crate) fn asin<L: Lane>(x: L) -> L {
    let Sine { above, lead, rest } = inverse_sine(x.abs());
    let base = |value: f64| L::pick(above, L::of(value), L::of(0.0));
    let Pair(high, low) = fast_sum(base(FRAC_PI_2), L::pick(above, -lead, lead));
    (high + (low + (base(HALF_PI_LOW) + L::pick(above, -rest, rest)))).copysign(x)
}

/// Inverse cosine.
#[inline(always)]
pub(crate) fn acos<L: Lane>(x: L) -> L {
    let Sine { above, lead, rest } = inverse_sine(x.abs());
    let left = x.lt(L::of(0.0));
    let base = |half: f64, whole: f64| L::pick(above, L::pick(left, L::of(whole), L::of(0.0)), L::of(half));
    let minus = (above & left) | (!above & !left);
    let Pair(high, low) = fast_sum(base(FRAC_PI_2, PI), L::pick(minus, -lead, lead));
    high + (low + (base(HALF_PI_LOW, PI_LOW) + L::pick(minus, -rest, rest)))
}
