//! Arithmetic.

use super::{MAP, ONE, map, numpy};
use crate::chain::Link;
use crate::deep;
use crate::division;
use crate::dtype::{DType, Kind};
use crate::error::OpError;
use crate::formula as f;
use crate::infer::Operand;
use crate::lane::{Float, Int, Num};
use crate::loops::{binary, fast, map_loops, number_loops, unary};
use crate::op::{Class, Map, MapLoop, Op};
use half::f16;

pub(super) static OPS: &[&Op] = &[
    &ADD,
    &SUBTRACT,
    &MULTIPLY,
    &DIVIDE,
    &FLOOR_DIVIDE,
    &REMAINDER,
    &FMOD,
    &POW,
    &FLOAT_POWER,
    &NEGATIVE,
    &POSITIVE,
    &ABS,
    &SIGN,
    &SQUARE,
    &RECIPROCAL,
    &HEAVISIDE,
    &GCD,
    &LCM,
];

pub(super) static ADD: Op = Op {
    name: "add",
    symbol: Some("+"),
    summary: "Sum of two operands, element by element",
    details: "Integers wrap around; of bools it is `or`.",
    examples: &[("arange(3) + 10", "[10 11 12]"), ("add(arange(3), 0.5)", "[0.5 1.5 2.5]")],
    class: Class::Map(Map {
        link: Some(Link::Add),
        ..map(map_loops!(2 same fast::binary; f::or: bool; Num::add: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64), 1.0)
    }),
    numpy: numpy("np.add", -100.0, 100.0, 0.0),
    ..MAP
};

static SUBTRACT: Op = Op {
    name: "subtract",
    symbol: Some("-"),
    summary: "Difference of two operands, element by element",
    examples: &[("arange(3) - 1", "[-1  0  1]")],
    class: Class::Map(Map {
        link: Some(Link::Subtract),
        no_bools: true,
        ..map(map_loops!(2 same fast::binary; Num::sub: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64), 1.0)
    }),
    numpy: numpy("np.subtract", -100.0, 100.0, 0.0),
    ..MAP
};

pub(super) static MULTIPLY: Op = Op {
    name: "multiply",
    symbol: Some("*"),
    summary: "Product of two operands, element by element",
    details: "Integers wrap around; of bools it is `and`.",
    examples: &[("arange(3) * 2", "[0 2 4]")],
    class: Class::Map(Map {
        link: Some(Link::Multiply),
        ..map(map_loops!(2 same fast::binary; f::and: bool; Num::mul: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64), 1.0)
    }),
    numpy: numpy("np.multiply", -100.0, 100.0, 0.0),
    ..MAP
};

pub(super) static DIVIDE: Op = Op {
    name: "divide",
    aliases: &["true_divide"],
    symbol: Some("/"),
    summary: "Quotient of two operands; of integers a float64",
    examples: &[("arange(3) / 2", "[0.  0.5 1. ]")],
    class: Class::Map(Map {
        link: Some(Link::Divide),
        ints_as: Some(DType::F64),
        ..map(map_loops!(2 same fast::binary; Float::div: f16 f32 f64), 1.5)
    }),
    numpy: numpy("np.divide", -100.0, 100.0, 0.0),
    ..MAP
};

static FLOOR_DIVIDE: Op = Op {
    name: "floor_divide",
    symbol: Some("//"),
    summary: "Quotient, rounded toward minus infinity",
    details: "Integers by zero give 0, as NumPy does.",
    examples: &[("arange(-2, 3) // 2", "[-1 -1  0  0  1]")],
    class: Class::Map(Map {
        check: Some(no_zero),
        ..map(number_loops!(division::quotients, f::int_floor_divide; division::float_quotients, f::floor_divide), 5.0)
    }),
    numpy: numpy("np.floor_divide", -100.0, 100.0, 0.0),
    ..MAP
};

static REMAINDER: Op = Op {
    name: "remainder",
    aliases: &["mod"],
    symbol: Some("%"),
    summary: "What floor division leaves over; it has the sign of the divisor",
    details: "Integers by zero give 0, as NumPy does.",
    examples: &[("arange(-2, 3) % 3", "[1 2 0 1 2]")],
    class: Class::Map(Map {
        check: Some(no_zero),
        ..map(number_loops!(division::rests, f::int_remainder; division::float_rests, f::remainder), 4.0)
    }),
    numpy: numpy("np.remainder", -100.0, 100.0, 0.0),
    ..MAP
};

static FMOD: Op = Op {
    name: "fmod",
    summary: "What division toward zero leaves over; it has the sign of the dividend",
    examples: &[("fmod(arange(-2, 3), 2)", "[ 0 -1  0  1  0]")],
    class: Class::Map(Map {
        check: Some(no_zero),
        ..map(number_loops!(division::signed_rests, f::int_fmod; division::signed_float_rests, Float::near_fmod), 3.0)
    }),
    numpy: numpy("np.fmod", -100.0, 100.0, 0.0),
    ..MAP
};

static POW: Op = Op {
    name: "pow",
    aliases: &["power"],
    symbol: Some("**"),
    summary: "First operand raised to the second",
    details: "An integer to a negative scalar power is an error; make the base a float first.",
    examples: &[("arange(4) ** 2", "[0 1 4 9]"), ("arange(3) ** 0.5", "[0.         1.         1.41421356]")],
    class: Class::Map(Map {
        check: Some(no_negative_power),
        easy: EASY_POWERS,
        ..map(number_loops!(deep::int_powers, Int::power; deep::float_powers, Float::usual_pow), 25.0)
    }),
    numpy: numpy("np.power", 0.0, 10.0, 2.0),
    ..MAP
};

static FLOAT_POWER: Op = Op {
    name: "float_power",
    summary: "First operand raised to the second, in float64",
    examples: &[("float_power(arange(1, 4), -1)", "[1.         0.5        0.33333333]")],
    class: Class::Map(Map {
        easy: EASY_POWERS,
        ..map(map_loops!(2 same deep::float_powers; Float::usual_pow: f64), 25.0)
    }),
    numpy: numpy("np.float_power", 0.0, 10.0, 2.0),
    ..MAP
};

static NEGATIVE: Op = Op {
    name: "negative",
    symbol: Some("-"),
    params: ONE,
    summary: "The operand with its sign turned",
    examples: &[("-arange(3)", "[ 0 -1 -2]")],
    class: Class::Map(Map {
        link: Some(Link::Negate),
        no_bools: true,
        ..map(map_loops!(1 same fast::unary; Num::neg: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64), 0.5)
    }),
    numpy: numpy("np.negative", -100.0, 100.0, 0.0),
    ..MAP
};

static POSITIVE: Op = Op {
    name: "positive",
    symbol: Some("+"),
    params: ONE,
    summary: "The operand as it is",
    examples: &[("+arange(3)", "[0 1 2]")],
    class: Class::Map(Map {
        no_bools: true,
        ..map(map_loops!(1 same unary; f::identity: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64), 0.5)
    }),
    numpy: numpy("np.positive", -100.0, 100.0, 0.0),
    ..MAP
};

static ABS: Op = Op {
    name: "abs",
    aliases: &["absolute"],
    params: ONE,
    summary: "The operand without its sign",
    examples: &[("abs(arange(-2, 3))", "[2 1 0 1 2]")],
    class: Class::Map(Map {
        link: Some(Link::Size),
        ..map(
            map_loops!(1 same fast::unary; f::identity: bool; Num::abs: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64),
            0.5,
        )
    }),
    numpy: numpy("np.abs", -100.0, 100.0, 0.0),
    ..MAP
};

static SIGN: Op = Op {
    name: "sign",
    params: ONE,
    summary: "-1, 0 or 1 by the sign of the operand; nan stays",
    examples: &[("sign(arange(-2, 3))", "[-1 -1  0  1  1]")],
    class: Class::Map(Map {
        no_bools: true,
        ..map(map_loops!(1 same fast::unary; f::sign: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64), 1.0)
    }),
    numpy: numpy("np.sign", -10.0, 10.0, 0.0),
    ..MAP
};

static SQUARE: Op = Op {
    name: "square",
    params: ONE,
    summary: "The operand times itself",
    examples: &[("square(arange(4))", "[0 1 4 9]")],
    class: Class::Map(map(map_loops!(1 same fast::unary; f::square: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64), 0.5)),
    numpy: numpy("np.square", -100.0, 100.0, 0.0),
    ..MAP
};

static RECIPROCAL: Op = Op {
    name: "reciprocal",
    params: ONE,
    summary: "One divided by the operand; of integers cut toward zero",
    examples: &[("reciprocal(linspace(1, 2, 3))", "[1.         0.66666667 0.5       ]")],
    class: Class::Map(map(
        map_loops!(1 same unary; f::int_reciprocal: i8 u8 i16 u16 i32 u32 i64 u64; f::reciprocal: f16 f32 f64),
        3.0,
    )),
    numpy: numpy("np.reciprocal", 1.0, 100.0, 0.0),
    ..MAP
};

static HEAVISIDE: Op = Op {
    name: "heaviside",
    summary: "0 below zero, 1 above, at zero the second operand",
    examples: &[("heaviside(arange(-1, 2), 0.5)", "[0.  0.5 1. ]")],
    class: Class::Map(map(map_loops!(2 same binary; f::heaviside: f16 f32 f64), 4.0)),
    numpy: numpy("np.heaviside", -10.0, 10.0, 0.0),
    ..MAP
};

static GCD: Op = Op {
    name: "gcd",
    summary: "Greatest common divisor",
    examples: &[("gcd(arange(6), 4)", "[4 1 2 1 4 1]")],
    class: Class::Map(Map {
        no_bools: true,
        ..map(map_loops!(2 same binary; Int::gcd: i8 u8 i16 u16 i32 u32 i64 u64), 30.0)
    }),
    numpy: numpy("np.gcd", 0.0, 100.0, 0.0),
    ..MAP
};

static LCM: Op = Op {
    name: "lcm",
    summary: "Least common multiple",
    examples: &[("lcm(arange(6), 4)", "[ 0  4  4 12  4 20]")],
    class: Class::Map(Map {
        no_bools: true,
        ..map(map_loops!(2 same binary; f::lcm: i8 u8 i16 u16 i32 u32 i64 u64), 40.0)
    }),
    numpy: numpy("np.lcm", 0.0, 100.0, 0.0),
    ..MAP
};

fn no_zero(op: &'static Op, operands: &[Operand], found: &MapLoop) -> Result<(), OpError> {
    let zero = operands[1].weak.and_then(crate::Scalar::to_int) == Some(0);
    if zero && found.output.kind() != Kind::Float { Err(OpError::DivisionByZero { op: op.name }) } else { Ok(()) }
}

/// What exponents cost for which powers have loops of their own.
const EASY_POWERS: &[(f64, f32)] = &[(2.0, 0.5), (3.0, 0.7), (0.5, 2.5), (-1.0, 3.0)];

fn no_negative_power(_: &'static Op, operands: &[Operand], found: &MapLoop) -> Result<(), OpError> {
    let power = operands[1].weak.and_then(crate::Scalar::to_int);
    let negative = power.is_some_and(|p| p < 0) && found.output.kind() != Kind::Float;
    if negative { Err(OpError::NegativePower) } else { Ok(()) }
}
