//! float16 to float32 and back by bits alone, so that a loop over them becomes vector instructions.

use half::f16;

const SIGN: u32 = 1 << 31;

/// Exactly.
#[inline(always)]
pub(crate) fn widen(half: f16) -> f32 {
    let word = u32::from(half.to_bits()) << 16;
    let rest = word << 1;
    let normal = f32::from_bits((rest >> 4) + (0xE0 << 23)) * f32::from_bits((127 - 112) << 23);
    let subnormal = f32::from_bits((rest >> 17) | (126 << 23)) - 0.5;
    let size = if rest < 1 << 27 { subnormal } else { normal };
    f32::from_bits((word & SIGN) | size.to_bits())
}

/// To the nearest, of two as near the even one. The sum with a power of 2 rounds at the right digit.
#[inline(always)]
pub(crate) fn narrow(value: f32) -> f16 {
    let bits = value.to_bits();
    let size = value.abs() * f32::from_bits((127 + 112) << 23) * f32::from_bits((127 - 110) << 23);
    let exponent = ((bits << 1) & 0xff00_0000).max(0x7100_0000);
    let rounded = (f32::from_bits((exponent >> 1) + 0x0780_0000) + size).to_bits();
    let number = ((rounded >> 13) & 0x7c00) + (rounded & 0x0fff);
    let result = if value.is_nan() { 0x7e00 } else { number };
    f16::from_bits(((bits & SIGN) >> 16 | result) as u16)
}

/// From float64, rounded once: what float32 cannot hold leaves its lowest bit odd, so that no half is met by chance.
#[inline(always)]
pub(crate) fn narrow_wide(value: f64) -> f16 {
    let near = value as f32;
    let exact = f64::from(near) == value || value.is_nan();
    let below = near.to_bits() - u32::from(f64::from(near).abs() > value.abs());
    narrow(if exact { near } else { f32::from_bits(below | 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: f16, b: f16) -> bool {
        a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
    }

    #[test]
    fn every_half_goes_there_and_back() {
        for half in (0..=u16::MAX).map(f16::from_bits) {
            let wide = widen(half);
            assert!(wide.to_bits() == half.to_f32().to_bits() || half.is_nan(), "{half}");
            assert!(wide.is_nan() == half.is_nan() && same(narrow(wide), half), "{half}");
        }
    }

    #[test]
    fn floats_are_rounded_to_the_nearest() {
        let near_halves = (0..=u16::MAX).flat_map(|h| [0, 1, 4095, 4096, 4097, 8191].map(|d| (f16::from_bits(h), d)));
        let near_halves = near_halves.map(|(half, d)| half.to_f32().to_bits().wrapping_add(d));
        for value in (0..=u32::MAX).step_by(9973).chain(near_halves).map(f32::from_bits) {
            assert!(same(narrow(value), f16::from_f32(value)), "{value:e}");
        }
    }

    #[test]
    fn wide_floats_are_rounded_once() {
        for half in (0..0x7c00).map(f16::from_bits) {
            let (low, high) = (half.to_f64(), f16::from_bits(half.to_bits() + 1).to_f64());
            let high = if high.is_finite() { high } else { 65536.0 };
            let middle = (low + high) / 2.0;
            let even = f16::from_bits(half.to_bits() + (half.to_bits() & 1));
            for sign in [1.0, -1.0] {
                let sized = |size: f16| f16::from_bits(size.to_bits() | if sign < 0.0 { 0x8000 } else { 0 });
                assert!(same(narrow_wide(sign * low), sized(half)));
                assert!(same(narrow_wide(sign * middle), sized(even)), "{middle:e}");
                assert!(same(narrow_wide(sign * middle.next_down()), sized(half)), "{middle:e}");
                assert!(same(narrow_wide(sign * middle.next_up()), sized(f16::from_bits(half.to_bits() + 1))));
            }
        }
        assert!(narrow_wide(f64::NAN).is_nan() && same(narrow_wide(1e300), f16::INFINITY));
        assert!(same(narrow_wide(1e-300), f16::ZERO) && same(narrow_wide(-0.0), f16::NEG_ZERO));
    }
}
