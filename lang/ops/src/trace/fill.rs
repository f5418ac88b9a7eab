//! Values made from an index, written down.

use super::paths::explored;
use super::step::{Binary, Unary};
use super::tape::{Tape, Var};
use super::wide::Wide;
use crate::draw::{self, NARROW_UNIT};
use crate::dtype::{DType, Kind};
use crate::fill::{Fill, Law};
use crate::rng::{MUL, ROUNDS, WEYL};
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::unit::UNIT;

impl Tape {
    /// What a rule gives in a dtype; `at` is an index of the fill's own `shape`, an int64 for each axis.
    pub fn fill(&mut self, fill: &Fill, shape: &Shape, dtype: DType, at: &[Var]) -> Option<Var> {
        let value = match fill {
            Fill::Const(value) => self.constant(dtype, *value),
            Fill::Ramp { start, step, last: None } => self.ramp(dtype, [*start, *step], at[0]),
            Fill::Ramp { start, step, last: Some(last) } => {
                let end = self.constant(DType::I64, Scalar::Int(shape[0] as i128 - 1));
                self.spaced(dtype, [*start, *step, *last], (at[0], end))
            }
            Fill::Index { axis } => self.convert(at[*axis], dtype),
            Fill::Diagonal { k } => self.offset(dtype, at, (Binary::Eq, *k)),
            Fill::Band { k } => self.offset(dtype, at, (Binary::Le, *k)),
            Fill::Random { seed, draw, law } => {
                let flat = self.flat(shape, at);
                return self.drawn(dtype, (*seed, *draw), law, flat);
            }
        };
        Some(value)
    }

    /// Both numbers of a block of a normal draw, those at the row-major indices `2 * block` and `2 * block + 1`; `None`
    /// for other rules. The block is a uint64.
    pub fn normal_pair(&mut self, fill: &Fill, dtype: DType, block: Var) -> Option<[Var; 2]> {
        let Fill::Random { seed, draw, law: Law::Normal { mean, std } } = fill else { return None };
        let units = self.words((*seed, *draw), block).map(|bits| self.unit(bits));
        let both = [explored(self, even, &units)?, explored(self, odd, &units)?];
        Some(both.map(|z| self.spread(dtype, [*mean, *std], z)))
    }

    /// A Gaussian number with a mean and a standard deviation.
    fn spread(&mut self, dtype: DType, rule: [Scalar; 2], z: Var) -> Var {
        let [mean, std] = rule.map(|value| self.float(value.to_f64()));
        let far = self.binary(Binary::Mul, std, z);
        let value = self.binary(Binary::Add, mean, far);
        self.convert(value, dtype)
    }

    fn whole(&mut self, dtype: DType, value: u64) -> Var {
        self.constant(dtype, Scalar::Int(value.into()))
    }

    fn float(&mut self, value: f64) -> Var {
        self.constant(DType::F64, Scalar::Float(value))
    }

    fn ramp(&mut self, dtype: DType, rule: [Scalar; 2], at: Var) -> Var {
        let wide = match dtype {
            DType::Bool => DType::I64,
            DType::F16 => DType::F32,
            same => same,
        };
        let [start, step] = rule.map(|value| self.constant(wide, value));
        let index = self.convert(at, wide);
        let along = self.binary(Binary::Mul, index, step);
        let value = self.binary(Binary::Add, start, along);
        self.convert(value, dtype)
    }

    /// `linspace`: computed in float64, of integers the floor, the last element as it was given.
    fn spaced(&mut self, dtype: DType, rule: [Scalar; 3], (at, end): (Var, Var)) -> Var {
        let [start, step, last] = rule.map(|value| self.float(value.to_f64()));
        let index = self.convert(at, DType::F64);
        let along = self.binary(Binary::Mul, index, step);
        let between = self.binary(Binary::Add, along, start);
        let is_last = self.binary(Binary::Eq, at, end);
        let value = self.pick(is_last, last, between);
        let value = if dtype.kind() == Kind::Float { value } else { self.unary(Unary::Floor, value) };
        self.convert(value, dtype)
    }

    fn offset(&mut self, dtype: DType, at: &[Var], (test, k): (Binary, i64)) -> Var {
        let offset = self.binary(Binary::Sub, at[at.len() - 1], at[at.len() - 2]);
        let k = self.constant(DType::I64, Scalar::Int(k.into()));
        let hit = self.binary(test, offset, k);
        self.convert(hit, dtype)
    }

    /// The row-major number of an index, as a uint64.
    fn flat(&mut self, shape: &Shape, at: &[Var]) -> Var {
        let mut flat = self.whole(DType::I64, 0);
        for (&at, stride) in at.iter().zip(shape.strides()) {
            let stride = self.whole(DType::I64, stride as u64);
            let along = self.binary(Binary::Mul, at, stride);
            flat = self.binary(Binary::Add, flat, along);
        }
        self.convert(flat, DType::U64)
    }

    fn drawn(&mut self, dtype: DType, stream: (u64, u64), law: &Law, flat: Var) -> Option<Var> {
        let one = self.whole(DType::U64, 1);
        let block = self.binary(Binary::Shr, flat, one);
        let rest = self.binary(Binary::And, flat, one);
        let is_odd = self.convert(rest, DType::Bool);
        let words = self.words(stream, block);
        let value = match law {
            Law::Uniform { low, high } => {
                let bits = self.pick(is_odd, words[1], words[0]);
                self.uniform(dtype, [low.to_f64(), high.to_f64()], bits)
            }
            Law::Normal { mean, std } => {
                let units = words.map(|bits| self.unit(bits));
                let both = [explored(self, odd, &units)?, explored(self, even, &units)?];
                let z = self.pick(is_odd, both[0], both[1]);
                self.spread(dtype, [*mean, *std], z)
            }
            Law::Integers { low, high } => {
                let bits = self.pick(is_odd, words[1], words[0]);
                self.integers([low, high].map(|value| value.to_int().unwrap_or(0)), bits)
            }
        };
        Some(self.convert(value, dtype))
    }

    /// Both words of a block.
    fn words(&mut self, (seed, draw): (u64, u64), block: Var) -> [Var; 2] {
        let mut key = [seed as u32, (seed >> 32) as u32];
        let [low, high] = self.halves(block);
        let draw = [draw & 0xffff_ffff, draw >> 32].map(|half| self.whole(DType::U32, half));
        let mut c = [low, high, draw[0], draw[1]];
        for _ in 0..ROUNDS {
            let [a, b] = [(c[0], MUL[0]), (c[2], MUL[1])].map(|(word, factor)| self.wide_product(word, factor));
            let first = self.mixed(b[1], c[1], key[0]);
            let third = self.mixed(a[1], c[3], key[1]);
            c = [first, b[0], third, a[0]];
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        [self.joined(c[0], c[1]), self.joined(c[2], c[3])]
    }

    /// The lower and the upper half of 64 bits.
    fn halves(&mut self, word: Var) -> [Var; 2] {
        let half = self.whole(DType::U64, 32);
        let high = self.binary(Binary::Shr, word, half);
        [self.convert(word, DType::U32), self.convert(high, DType::U32)]
    }

    fn joined(&mut self, low: Var, high: Var) -> Var {
        let half = self.whole(DType::U64, 32);
        let [low, high] = [low, high].map(|word| self.convert(word, DType::U64));
        let high = self.binary(Binary::Shl, high, half);
        self.binary(Binary::Or, low, high)
    }

    fn wide_product(&mut self, word: Var, factor: u64) -> [Var; 2] {
        let word = self.convert(word, DType::U64);
        let factor = self.whole(DType::U64, factor);
        let product = self.binary(Binary::Mul, word, factor);
        self.halves(product)
    }

    fn mixed(&mut self, a: Var, b: Var, key: u32) -> Var {
        let key = self.whole(DType::U32, key.into());
        let both = self.binary(Binary::Xor, a, b);
        self.binary(Binary::Xor, both, key)
    }

    /// 53 bits as a number in `[0, 1)`.
    fn unit(&mut self, bits: Var) -> Var {
        let eleven = self.whole(DType::U64, 11);
        let bits = self.binary(Binary::Shr, bits, eleven);
        let number = self.convert(bits, DType::F64);
        let unit = self.float(UNIT);
        self.binary(Binary::Mul, number, unit)
    }

    fn uniform(&mut self, dtype: DType, [low, high]: [f64; 2], bits: Var) -> Var {
        let (unit, low, span) = match dtype {
            DType::F32 => {
                let forty = self.whole(DType::U64, 40);
                let bits = self.binary(Binary::Shr, bits, forty);
                let number = self.convert(bits, DType::F32);
                let rule = [f64::from(NARROW_UNIT), low, high - low];
                let [unit, low, span] = rule.map(|value| self.constant(DType::F32, Scalar::Float(value)));
                (self.binary(Binary::Mul, number, unit), low, span)
            }
            _ => (self.unit(bits), self.float(low), self.float(high - low)),
        };
        let far = self.binary(Binary::Mul, unit, span);
        self.binary(Binary::Add, low, far)
    }

    /// The upper 64 bits of the product with the span, from the lower end on.
    fn integers(&mut self, [low, high]: [i128; 2], bits: Var) -> Var {
        let span = high.saturating_sub(low) as u128;
        let far = match u64::try_from(span) {
            Ok(span) => self.high_product(bits, span),
            Err(_) => bits,
        };
        let far = self.convert(far, DType::I64);
        let low = self.whole(DType::I64, low as u64);
        self.binary(Binary::Add, low, far)
    }

    /// The upper half of the product of 64 bits with a constant, by halves.
    fn high_product(&mut self, bits: Var, factor: u64) -> Var {
        let [low, high] = self.halves(bits).map(|half| self.convert(half, DType::U64));
        let [below, above] = [factor & 0xffff_ffff, factor >> 32].map(|half| self.whole(DType::U64, half));
        let half = self.whole(DType::U64, 32);
        let mask = self.whole(DType::U64, 0xffff_ffff);
        let lowest = self.binary(Binary::Mul, low, below);
        let carried = self.binary(Binary::Shr, lowest, half);
        let first = self.binary(Binary::Mul, high, below);
        let first = self.binary(Binary::Add, first, carried);
        let rest = self.binary(Binary::And, first, mask);
        let second = self.binary(Binary::Mul, low, above);
        let second = self.binary(Binary::Add, second, rest);
        let [first, second] = [first, second].map(|sum| self.binary(Binary::Shr, sum, half));
        let highest = self.binary(Binary::Mul, high, above);
        let both = self.binary(Binary::Add, highest, first);
        self.binary(Binary::Add, both, second)
    }
}

/// The even one of the two Gaussian numbers of a block.
fn even(units: &[Var]) -> Var {
    draw::gauss([Wide(units[0]), Wide(units[1])])[0].0
}

/// The odd one.
fn odd(units: &[Var]) -> Var {
    draw::gauss([Wide(units[0]), Wide(units[1])])[1].0
}
