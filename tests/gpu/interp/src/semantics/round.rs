//! Rounding to formats with fewer bits, in every direction, without the host's rounding mode.

/// The four directions of IEEE rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    Nearest,
    Zero,
    Down,
    Up,
}

/// A binary format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    /// Bits of the significand with the hidden one.
    precision: i32,
    /// The exponent of the smallest normal number.
    least: i32,
    /// The largest finite number.
    largest: f64,
}

pub(crate) const HALF: Format = Format { precision: 11, least: -14, largest: 65504.0 };
pub(crate) const SINGLE: Format = Format { precision: 24, least: -126, largest: f32::MAX as f64 };
pub(crate) const DOUBLE: Format = Format { precision: 53, least: -1022, largest: f64::MAX };

/// The format of a float of so many bits.
pub(crate) fn format(bits: u32) -> Format {
    match bits {
        16 => HALF,
        32 => SINGLE,
        _ => DOUBLE,
    }
}

/// The whole number next to `x`.
pub(crate) fn whole(x: f64, rounding: Rounding) -> f64 {
    match rounding {
        Rounding::Nearest => x.round_ties_even(),
        Rounding::Zero => x.trunc(),
        Rounding::Down => x.floor(),
        Rounding::Up => x.ceil(),
    }
}

/// The number of a format next to `x`; infinities, zeros and NaNs stay.
pub(crate) fn narrow(x: f64, format: Format, rounding: Rounding) -> f64 {
    if x == 0.0 || !x.is_finite() || format.precision == DOUBLE.precision {
        return x;
    }
    let quantum = exponent(x).max(format.least) - (format.precision - 1);
    // Both steps are exact: a power of two only moves the exponent, which stays in range here.
    let rounded = whole(x * power(-quantum), rounding) * power(quantum);
    bounded(rounded.copysign(x), format, rounding)
}

/// The number of a format next to an integer, given as sign and size.
pub(crate) fn from_integer(negative: bool, size: u64, format: Format, rounding: Rounding) -> f64 {
    let bits = 64 - size.leading_zeros() as i32;
    let drop = (bits - format.precision).max(0) as u32;
    let kept = size >> drop;
    let rest = size & !(u64::MAX << drop);
    let half = if drop == 0 { 0 } else { 1u64 << (drop - 1) };
    let up = match rounding {
        Rounding::Nearest => drop > 0 && (rest > half || rest == half && kept & 1 == 1),
        Rounding::Zero => false,
        Rounding::Down => negative && rest > 0,
        Rounding::Up => !negative && rest > 0,
    };
    let value = (kept + u64::from(up)) as f64 * power(drop as i32);
    bounded(if negative { -value } else { value }, format, rounding)
}

fn bounded(x: f64, format: Format, rounding: Rounding) -> f64 {
    if x.abs() <= format.largest {
        return x;
    }
    let away = match rounding {
        Rounding::Nearest => true,
        Rounding::Zero => false,
        Rounding::Down => x < 0.0,
        Rounding::Up => x > 0.0,
    };
    if away { f64::INFINITY.copysign(x) } else { format.largest.copysign(x) }
}

fn exponent(x: f64) -> i32 {
    let raw = (x.to_bits() >> 52 & 0x7ff) as i32;
    if raw == 0 { -1023 } else { raw - 1023 }
}

fn power(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}
