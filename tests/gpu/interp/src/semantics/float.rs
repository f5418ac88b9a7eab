//! IEEE arithmetic, rounded to the nearest; every NaN that arithmetic makes is the canonical one.

use super::{Compute, of_one, of_three, of_two};

const NAN_32: u32 = 0x7fff_ffff;
const NAN_64: u64 = 0x7ff8_0000_0000_0000;

pub(crate) fn from_single(value: f32) -> u64 {
    u64::from(if value.is_nan() { NAN_32 } else { value.to_bits() })
}

pub(crate) fn from_double(value: f64) -> u64 {
    if value.is_nan() { NAN_64 } else { value.to_bits() }
}

pub(crate) fn single(bits: u64) -> f32 {
    f32::from_bits(bits as u32)
}

pub(crate) fn double(bits: u64) -> f64 {
    f64::from_bits(bits)
}

/// A function of both formats, as a pair of closures of one text.
macro_rules! both {
    ($of:ident, $bits:expr, |$($arg:ident),+| $body:expr) => {
        match $bits {
            32 => $of(|$($arg),+| { $(let $arg = single($arg);)+ from_single($body) }),
            _ => $of(|$($arg),+| { $(let $arg = double($arg);)+ from_double($body) }),
        }
    };
}

pub(crate) fn add(bits: u32) -> Compute {
    both!(of_two, bits, |a, b| a + b)
}

pub(crate) fn sub(bits: u32) -> Compute {
    both!(of_two, bits, |a, b| a - b)
}

pub(crate) fn mul(bits: u32) -> Compute {
    both!(of_two, bits, |a, b| a * b)
}

pub(crate) fn div(bits: u32) -> Compute {
    both!(of_two, bits, |a, b| a / b)
}

pub(crate) fn fma(bits: u32) -> Compute {
    both!(of_three, bits, |a, b, c| a.mul_add(b, c))
}

pub(crate) fn sqrt(bits: u32) -> Compute {
    both!(of_one, bits, |a| a.sqrt())
}

pub(crate) fn rcp(bits: u32) -> Compute {
    both!(of_one, bits, |a| a.recip())
}

fn sign(bits: u32) -> u64 {
    1 << (bits - 1)
}

pub(crate) fn neg(bits: u32) -> Compute {
    of_one(move |a| a ^ sign(bits))
}

pub(crate) fn abs(bits: u32) -> Compute {
    of_one(move |a| a & !sign(bits))
}

/// The sign of the first, the size of the second.
pub(crate) fn copysign(bits: u32) -> Compute {
    of_two(move |a, b| (a & sign(bits)) | (b & !sign(bits)))
}

/// The smaller one; a number beats a NaN, and −0 is smaller than +0.
pub(crate) fn min(bits: u32) -> Compute {
    both!(of_two, bits, |a, b| if a == b && a.is_sign_negative() {
        a
    } else if a == b {
        b
    } else {
        a.min(b)
    })
}

pub(crate) fn max(bits: u32) -> Compute {
    both!(of_two, bits, |a, b| if a == b && a.is_sign_negative() {
        b
    } else if a == b {
        a
    } else {
        a.max(b)
    })
}

/// The same where a NaN beats numbers.
pub(crate) fn min_nan(bits: u32) -> Compute {
    both!(of_two, bits, |a, b| if a.is_nan() || b.is_nan() {
        a + b
    } else if a == b && a.is_sign_negative() {
        a
    } else if a == b {
        b
    } else {
        a.min(b)
    })
}

pub(crate) fn max_nan(bits: u32) -> Compute {
    both!(of_two, bits, |a, b| if a.is_nan() || b.is_nan() {
        a + b
    } else if a == b && a.is_sign_negative() {
        b
    } else if a == b {
        a
    } else {
        a.max(b)
    })
}

/// `testp`: the kinds of numbers by name.
pub(crate) fn test(kind: &str, bits: u32) -> Option<Compute> {
    let ask: fn(f64, bool) -> bool = match kind {
        "finite" => |a, _| a.is_finite(),
        "infinite" => |a, _| a.is_infinite(),
        "number" => |a, _| !a.is_nan(),
        "notanumber" => |a, _| a.is_nan(),
        "normal" => |a, normal| a.is_finite() && a != 0.0 && normal,
        "subnormal" => |a, normal| a.is_finite() && a != 0.0 && !normal,
        _ => return None,
    };
    Some(match bits {
        32 => of_one(move |a| u64::from(ask(f64::from(single(a)), single(a).is_normal()))),
        _ => of_one(move |a| u64::from(ask(double(a), double(a).is_normal()))),
    })
}
