//! Random bits as a number in `[0, 1)`: the upper 53 of 64, in steps of 2^-53. Machines differ in how they get there, not
//! in what comes out: nothing is rounded on either way.

use pulp::Simd;

/// What turns 53 bits into a number in `[0, 1)`.
pub(crate) const UNIT: f64 = 1.0 / 9_007_199_254_740_992.0;

/// How a machine turns bits into a number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// It converts whole numbers of 64 bits in vectors.
    Converted,
    /// It does so one by one: bits go into floats as they are, the upper 32 and the other 21 apart.
    Placed,
}

/// Numbers whose last bits count 2^-32 and 2^-53.
const HIGH: f64 = 1_048_576.0;
const LOW: f64 = 0.5;

impl Unit {
    /// The way that suits a machine.
    #[inline(always)]
    pub(crate) fn of_machine<S: Simd>() -> Self {
        if S::REGISTER_COUNT >= 32 { Unit::Converted } else { Unit::Placed }
    }

    /// 53 of the bits as a number.
    #[inline(always)]
    pub(crate) fn of(self, bits: u64) -> f64 {
        match self {
            Unit::Converted => (bits >> 11) as f64 * UNIT,
            Unit::Placed => {
                let high = f64::from_bits(HIGH.to_bits() | bits >> 32);
                let low = f64::from_bits(LOW.to_bits() | bits >> 11 & 0x1f_ffff);
                high - (HIGH + LOW) + low
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(bits: u64) {
        let [a, b] = [Unit::Converted, Unit::Placed].map(|unit| unit.of(bits));
        assert_eq!(a.to_bits(), b.to_bits(), "{bits:#x}");
    }

    #[test]
    fn both_ways_agree_at_the_ends() {
        let bits = (0..64).flat_map(|i| [1 << i, (1 << i) - 1, u64::MAX << i, !(1 << i)]);
        bits.for_each(same);
    }

    proptest! {
        #[test]
        fn both_ways_agree(bits: u64) {
            same(bits);
        }
    }
}
