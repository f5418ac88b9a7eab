//! Integer arithmetic on values that fill the low bits of a register; the bits above are zero.

use super::{Compute, of_one, of_three, of_two};
use crate::scalar::Type;

/// The value with its sign spread over all bits.
pub(crate) fn signed(value: u64, bits: u32) -> i64 {
    let unused = 64 - bits;
    ((value << unused) as i64) >> unused
}

/// The value as a number that holds every type.
pub(crate) fn wide(value: u64, kind: Type) -> i128 {
    if kind.is_signed() { i128::from(signed(value, kind.bits)) } else { i128::from(value & kind.mask()) }
}

/// The nearest number that the type has.
pub(crate) fn clamp(value: i128, kind: Type) -> u64 {
    let (least, most) = match kind.is_signed() {
        true => (-(1i128 << (kind.bits - 1)), (1i128 << (kind.bits - 1)) - 1),
        false => (0, (1i128 << kind.bits) - 1),
    };
    value.clamp(least, most) as u64 & kind.mask()
}

/// Which part of a product is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Low,
    High,
    Both,
}

fn keep(product: i128, kind: Type, half: Half) -> u64 {
    match half {
        Half::Low => product as u64 & kind.mask(),
        Half::High => (product >> kind.bits) as u64 & kind.mask(),
        Half::Both => product as u64 & (u64::MAX >> (64 - 2 * kind.bits)),
    }
}

/// The product of two numbers; two's complement keeps the bits of `u64::MAX²`, which is more than the type holds.
fn product(a: u64, b: u64, kind: Type) -> i128 {
    wide(a, kind).wrapping_mul(wide(b, kind))
}

fn high_unsigned(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

pub(crate) fn mul(kind: Type, half: Half) -> Compute {
    match (half, kind.bits, kind.is_signed()) {
        (Half::Low, ..) => of_two(move |a, b| a.wrapping_mul(b) & kind.mask()),
        (Half::High, 64, false) => of_two(high_unsigned),
        _ => of_two(move |a, b| keep(product(a, b, kind), kind, half)),
    }
}

pub(crate) fn mad(kind: Type, half: Half) -> Compute {
    let width = if half == Half::Both { u64::MAX >> (64 - 2 * kind.bits) } else { kind.mask() };
    let mul = move |a, b| match (half, kind.bits, kind.is_signed()) {
        (Half::High, 64, false) => high_unsigned(a, b),
        _ => keep(product(a, b, kind), kind, half),
    };
    of_three(move |a, b, c| mul(a, b).wrapping_add(c) & width)
}

pub(crate) fn add(kind: Type) -> Compute {
    of_two(move |a, b| a.wrapping_add(b) & kind.mask())
}

pub(crate) fn sub(kind: Type) -> Compute {
    of_two(move |a, b| a.wrapping_sub(b) & kind.mask())
}

pub(crate) fn add_clamped(kind: Type) -> Compute {
    of_two(move |a, b| clamp(wide(a, kind) + wide(b, kind), kind))
}

pub(crate) fn sub_clamped(kind: Type) -> Compute {
    of_two(move |a, b| clamp(wide(a, kind) - wide(b, kind), kind))
}

/// The quotient towards zero; zero where the divisor is, which the caller marks as undefined.
pub(crate) fn div(kind: Type) -> Compute {
    of_two(move |a, b| wide(a, kind).checked_div(wide(b, kind)).unwrap_or(0) as u64 & kind.mask())
}

pub(crate) fn rem(kind: Type) -> Compute {
    of_two(move |a, b| wide(a, kind).checked_rem(wide(b, kind)).unwrap_or(0) as u64 & kind.mask())
}

pub(crate) fn neg(kind: Type) -> Compute {
    of_one(move |a| a.wrapping_neg() & kind.mask())
}

pub(crate) fn abs(kind: Type) -> Compute {
    of_one(move |a| signed(a, kind.bits).unsigned_abs() & kind.mask())
}

pub(crate) fn least(kind: Type) -> fn(u64, u64, Type) -> u64 {
    if kind.is_signed() {
        |a, b, kind| if signed(a, kind.bits) <= signed(b, kind.bits) { a } else { b }
    } else {
        |a, b, _| a.min(b)
    }
}

pub(crate) fn most(kind: Type) -> fn(u64, u64, Type) -> u64 {
    if kind.is_signed() {
        |a, b, kind| if signed(a, kind.bits) >= signed(b, kind.bits) { a } else { b }
    } else {
        |a, b, _| a.max(b)
    }
}

pub(crate) fn min(kind: Type) -> Compute {
    let least = least(kind);
    of_two(move |a, b| least(a, b, kind))
}

pub(crate) fn max(kind: Type) -> Compute {
    let most = most(kind);
    of_two(move |a, b| most(a, b, kind))
}

/// `|a - b| + c`.
pub(crate) fn sad(kind: Type) -> Compute {
    of_three(move |a, b, c| (wide(a, kind).abs_diff(wide(b, kind)) as u64).wrapping_add(c) & kind.mask())
}
