//! Shifts, counts and fields of bits.

use super::{Compute, integer::signed, of_four, of_one, of_three, of_two};
use crate::scalar::Type;

pub(crate) fn and() -> Compute {
    of_two(|a, b| a & b)
}

pub(crate) fn or() -> Compute {
    of_two(|a, b| a | b)
}

pub(crate) fn xor() -> Compute {
    of_two(|a, b| a ^ b)
}

pub(crate) fn not(kind: Type) -> Compute {
    of_one(move |a| !a & kind.mask())
}

/// One where all bits are zero.
pub(crate) fn cnot() -> Compute {
    of_one(|a| u64::from(a == 0))
}

pub(crate) fn shl(kind: Type) -> Compute {
    of_two(move |a, by| if by >= u64::from(kind.bits) { 0 } else { (a << by) & kind.mask() })
}

pub(crate) fn shr(kind: Type) -> Compute {
    let bits = u64::from(kind.bits);
    if kind.is_signed() {
        return of_two(move |a, by| (signed(a, kind.bits) >> by.min(bits - 1)) as u64 & kind.mask());
    }
    of_two(move |a, by| if by >= bits { 0 } else { a >> by })
}

/// How a funnel shift reads an amount past 32.
#[derive(Clone, Copy)]
pub(crate) enum Funnel {
    Clamp,
    Wrap,
}

fn funnel_amount(by: u64, mode: Funnel) -> u64 {
    match mode {
        Funnel::Clamp => by.min(32),
        Funnel::Wrap => by & 31,
    }
}

/// The high word of `b:a` shifted left.
pub(crate) fn funnel_left(mode: Funnel) -> Compute {
    of_three(move |a, b, by| (((b << 32 | a) << funnel_amount(by, mode)) >> 32) & 0xffff_ffff)
}

/// The low word of `b:a` shifted right.
pub(crate) fn funnel_right(mode: Funnel) -> Compute {
    of_three(move |a, b, by| ((b << 32 | a) >> funnel_amount(by, mode)) & 0xffff_ffff)
}

pub(crate) fn popc() -> Compute {
    of_one(|a| u64::from(a.count_ones()))
}

pub(crate) fn clz(kind: Type) -> Compute {
    of_one(move |a| u64::from(a.leading_zeros() - (64 - kind.bits)))
}

pub(crate) fn brev(kind: Type) -> Compute {
    of_one(move |a| a.reverse_bits() >> (64 - kind.bits))
}

/// The place of the highest bit that differs from the sign, all ones where none does.
pub(crate) fn bfind(kind: Type, shift_amount: bool) -> Compute {
    of_one(move |a| {
        let a = if kind.is_signed() && signed(a, kind.bits) < 0 { !a & kind.mask() } else { a };
        match a {
            0 => 0xffff_ffff,
            _ if shift_amount => u64::from(a.leading_zeros() - (64 - kind.bits)),
            _ => u64::from(63 - a.leading_zeros()),
        }
    })
}

/// The field of `len` bits at `at`, with its sign if the type has one.
pub(crate) fn bfe(kind: Type) -> Compute {
    of_three(move |a, at, len| {
        let (at, len, bits) = ((at & 0xff) as u32, (len & 0xff) as u32, kind.bits);
        if len == 0 {
            return 0;
        }
        let sign = kind.is_signed() && (a >> (at + len - 1).min(bits - 1)) & 1 == 1;
        let field = if at < bits { a >> at } else { 0 };
        let kept = len.min(bits.saturating_sub(at));
        let low = if kept == 0 { 0 } else { field & (u64::MAX >> (64 - kept)) };
        let above = if kept >= 64 { 0 } else { u64::MAX << kept };
        (if sign { low | above } else { low }) & kind.mask()
    })
}

/// `b` with `len` bits of `a` at `at`.
pub(crate) fn bfi(kind: Type) -> Compute {
    of_four(move |a, b, at, len| {
        let (at, len) = ((at & 0xff) as u32, (len & 0xff) as u32);
        let ones = if len >= 64 { u64::MAX } else { (1u64 << len) - 1 };
        let field = if at >= kind.bits { 0 } else { (ones << at) & kind.mask() };
        let moved = if at >= kind.bits { 0 } else { a << at };
        (b & !field) | (moved & field)
    })
}

/// Four bytes picked out of eight; a pick with its high bit set spreads the sign of its byte.
pub(crate) fn prmt() -> Compute {
    of_three(|a, b, picks| {
        let bytes = (b << 32 | a).to_le_bytes();
        (0..4).fold(0, |word, place| {
            let pick = picks >> (4 * place);
            let byte = bytes[(pick & 7) as usize];
            let byte = if pick & 8 == 0 { byte } else { ((byte as i8) >> 7) as u8 };
            word | u64::from(byte) << (8 * place)
        })
    })
}

/// Any function of three bits, by its table.
pub(crate) fn lop3(table: u64) -> Compute {
    of_three(move |a, b, c| {
        (0..8).filter(|row| table >> row & 1 == 1).fold(0, |word, row: u64| {
            let pick = |value: u64, bit: u64| if row >> bit & 1 == 1 { value } else { !value };
            word | pick(a, 2) & pick(b, 1) & pick(c, 0)
        }) & 0xffff_ffff
    })
}
