//! `cvt`: between all types, rounded and clamped as the language says.

use half::f16;

use super::{
    Compute,
    float::{double, from_double, from_single, single},
    integer::{clamp, wide},
    of_one,
    round::{Rounding, format, from_integer, narrow, whole},
};
use crate::scalar::Type;

const NAN_16: u64 = 0x7fff;

/// What a conversion does besides changing the type.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Conversion {
    /// `.rn` and its like: into fewer bits.
    pub(crate) rounding: Option<Rounding>,
    /// `.rni` and its like: to a whole number.
    pub(crate) whole: Option<Rounding>,
    /// `.sat`.
    pub(crate) saturate: bool,
}

/// The conversion from one type to another; the result has the width of its type.
pub(crate) fn convert(to: Type, from: Type, how: Conversion) -> Compute {
    match (from.is_float(), to.is_float()) {
        (false, false) if how.saturate => of_one(move |a| clamp(wide(a, from), to)),
        (false, false) => of_one(move |a| wide(a, from) as u64 & to.mask()),
        (false, true) => {
            let rounding = how.rounding.unwrap_or(Rounding::Nearest);
            of_one(move |a| {
                let value = wide(a, from);
                let float = from_integer(value < 0, value.unsigned_abs() as u64, format(to.bits), rounding);
                pack(saturated(float, how.saturate), to.bits)
            })
        }
        (true, false) => of_one(move |a| to_integer(unpack(a, from.bits), from, to, how.whole)),
        (true, true) => of_one(move |a| to_float(a, from, to, how)),
    }
}

fn to_float(a: u64, from: Type, to: Type, how: Conversion) -> u64 {
    let value = unpack(a, from.bits);
    let value = how.whole.map_or(value, |rounding| whole(value, rounding).copysign(value));
    let value = narrow(value, format(to.bits), how.rounding.unwrap_or(Rounding::Nearest));
    pack(saturated(value, how.saturate), to.bits)
}

fn saturated(value: f64, saturate: bool) -> f64 {
    match saturate {
        false => value,
        true if value.is_nan() => 0.0,
        // A zero of either sign becomes the positive one.
        true => value.clamp(0.0, 1.0) + 0.0,
    }
}

/// The nearest integer of the type; NaN gives zero, or the highest bit where doubles or 64 bits take part.
fn to_integer(value: f64, from: Type, to: Type, rounding: Option<Rounding>) -> u64 {
    if value.is_nan() {
        let zero = from.bits != 64 && to.bits != 64;
        return if zero { 0 } else { 1 << (to.bits - 1) };
    }
    clamp(whole(value, rounding.unwrap_or(Rounding::Zero)) as i128, to)
}

/// Any float as a double, which holds them all.
pub(crate) fn unpack(bits: u64, width: u32) -> f64 {
    match width {
        16 => f64::from(f16::from_bits(bits as u16)),
        32 => f64::from(single(bits)),
        _ => double(bits),
    }
}

/// A double that a format holds, as its bits.
fn pack(value: f64, width: u32) -> u64 {
    match width {
        16 if value.is_nan() => NAN_16,
        16 => u64::from(f16::from_f64(value).to_bits()),
        32 => from_single(value as f32),
        _ => from_double(value),
    }
}
