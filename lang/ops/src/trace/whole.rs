//! Whole numbers while what is done with them is written down: in their order whatever their dtypes, and in as many
//! rounds as their dtype can need; and floats as the whole numbers that their bits are.

use super::number::{Argument, converted, dtype_of};
use super::paths::{ask, on_tape};
use super::step::{Binary, Unary};
use super::tape::Var;
use crate::dtype::DType;
use crate::scalar::Scalar;
use std::cmp::Ordering;

/// A whole number of 64 bits, with a sign or without.
#[derive(Clone, Copy)]
pub(crate) struct Whole(Var);

impl Argument for Whole {
    fn of(var: Var) -> Self {
        Whole(var)
    }
}

fn two(binary: Binary, a: Var, b: Var) -> Var {
    on_tape(|tape| tape.binary(binary, a, b))
}

fn pick(mask: Var, yes: Var, no: Var) -> Var {
    on_tape(|tape| tape.pick(mask, yes, no))
}

fn whole(dtype: DType, value: i128) -> Var {
    on_tape(|tape| tape.constant(dtype, Scalar::Int(value)))
}

impl Whole {
    fn is_negative(self) -> Var {
        match dtype_of(self.0) {
            DType::I64 => two(Binary::Lt, self.0, whole(DType::I64, 0)),
            _ => on_tape(|tape| tape.constant(DType::Bool, Scalar::Bool(false))),
        }
    }

    /// Numbers of one sign are in the order of their bits.
    fn bits(self) -> Var {
        on_tape(|tape| tape.reinterpret(self.0, DType::U64))
    }

    fn alike(self, other: Whole) -> Var {
        two(Binary::Eq, self.is_negative(), other.is_negative())
    }

    fn is_below(self, other: Whole) -> bool {
        let below = two(Binary::Lt, self.bits(), other.bits());
        ask(pick(self.alike(other), below, self.is_negative()), false)
    }
}

impl PartialEq for Whole {
    fn eq(&self, other: &Self) -> bool {
        let same = two(Binary::Eq, self.bits(), other.bits());
        ask(two(Binary::And, self.alike(*other), same), false)
    }
}

impl PartialOrd for Whole {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(match () {
            () if self == other => Ordering::Equal,
            () if self < other => Ordering::Less,
            () => Ordering::Greater,
        })
    }
    fn lt(&self, other: &Self) -> bool {
        self.is_below(*other)
    }
    fn le(&self, other: &Self) -> bool {
        !other.is_below(*self)
    }
    fn gt(&self, other: &Self) -> bool {
        other.is_below(*self)
    }
    fn ge(&self, other: &Self) -> bool {
        !self.is_below(*other)
    }
}

fn bits_of(dtype: DType) -> usize {
    8 * dtype.size()
}

/// `base` multiplied by itself `count` times: a round for each bit of the count.
pub(super) fn power(base: Var, count: Var) -> Var {
    let dtype = dtype_of(base);
    let [zero, one] = [0, 1].map(|value| whole(dtype, value));
    let is_odd = |x: Var| two(Binary::Eq, two(Binary::And, x, one), one);
    let (mut result, mut square, mut left) = (one, base, count);
    for _ in 0..bits_of(dtype) - usize::from(dtype.is_signed()) {
        result = pick(is_odd(left), two(Binary::Mul, result, square), result);
        (square, left) = (two(Binary::Mul, square, square), two(Binary::Shr, left, one));
    }
    if !dtype.is_signed() {
        return result;
    }
    let minus_one = whole(dtype, -1);
    let of_minus_one = pick(is_odd(count), minus_one, one);
    let otherwise = pick(two(Binary::Eq, base, minus_one), of_minus_one, zero);
    let inverse = pick(two(Binary::Eq, base, one), one, otherwise);
    pick(two(Binary::Lt, count, zero), inverse, result)
}

/// The greatest common divisor: neighbouring Fibonacci numbers take the most rounds, fewer than 3 for 2 bits.
pub(super) fn gcd(a: Var, b: Var) -> Var {
    let dtype = dtype_of(a);
    let (mut a, mut b, zero) = (a, b, whole(dtype, 0));
    for _ in 0..bits_of(dtype) * 3 / 2 + 1 {
        let is_done = two(Binary::Eq, b, zero);
        (a, b) = (pick(is_done, a, b), two(Binary::Rem, a, b));
    }
    if dtype.is_signed() { on_tape(|tape| tape.unary(Unary::Abs, a)) } else { a }
}

/// The neighbour of a float in the direction of another: one more or one less as a whole number, without its sign.
pub(super) fn next_toward(from: Var, to: Var) -> Var {
    let float = dtype_of(from);
    let dtype = match float {
        DType::F16 => DType::I16,
        DType::F32 => DType::I32,
        _ => DType::I64,
    };
    let [x, y] = [from, to].map(|float| on_tape(|tape| tape.reinterpret(float, dtype)));
    let size = whole(dtype, (1 << (bits_of(dtype) - 1)) - 1);
    let [zero, one, minus_one] = [0, 1, -1].map(|value| whole(dtype, value));
    let [x_size, y_size] = [x, y].map(|x| two(Binary::And, x, size));
    let apart = two(Binary::Lt, two(Binary::Xor, x, y), zero);
    let toward_zero = two(Binary::Or, two(Binary::Lt, y_size, x_size), apart);
    let next = two(Binary::Add, x, pick(toward_zero, minus_one, one));
    let least = whole(dtype, -(1 << (bits_of(dtype) - 1)));
    let least = two(Binary::Or, two(Binary::And, y, least), one);
    let of_zero = pick(two(Binary::Eq, y_size, zero), y, least);
    let next = pick(two(Binary::Eq, x_size, zero), of_zero, next);
    let next = pick(two(Binary::Eq, x, y), y, next);
    let next = on_tape(|tape| tape.reinterpret(next, float));
    let nan = on_tape(|tape| tape.constant(float, Scalar::Float(f64::NAN)));
    pick(two(Binary::And, is_number(from), is_number(to)), next, nan)
}

/// Whether a float is one: float16 compares as float32.
fn is_number(x: Var) -> Var {
    let x = if dtype_of(x) == DType::F16 { converted(x, DType::F32) } else { x };
    two(Binary::Eq, x, x)
}
