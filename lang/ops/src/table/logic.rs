//! Truth of elements.

use super::{MAP, ONE, map, numpy};
use crate::formula as f;
use crate::lane::Float;
use crate::loops::{binary, map_loops, unary};
use crate::op::{Class, Op};
use half::f16;

pub(super) static OPS: &[&Op] =
    &[&LOGICAL_AND, &LOGICAL_OR, &LOGICAL_XOR, &LOGICAL_NOT, &ISNAN, &ISINF, &ISFINITE, &SIGNBIT];

static LOGICAL_AND: Op = Op {
    name: "logical_and",
    summary: "Whether both operands are true or not zero",
    examples: &[("logical_and(arange(3), 2 - arange(3))", "[False  True False]")],
    class: Class::Map(map(
        map_loops!(2 bool binary; f::logical_and: bool i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64),
        2.0,
    )),
    numpy: numpy("np.logical_and", -2.0, 2.0, 0.0),
    ..MAP
};

static LOGICAL_OR: Op = Op {
    name: "logical_or",
    summary: "Whether an operand is true or not zero",
    examples: &[("logical_or(arange(3), 0)", "[False  True  True]")],
    class: Class::Map(map(
        map_loops!(2 bool binary; f::logical_or: bool i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64),
        2.0,
    )),
    numpy: numpy("np.logical_or", -2.0, 2.0, 0.0),
    ..MAP
};

static LOGICAL_XOR: Op = Op {
    name: "logical_xor",
    summary: "Whether just one operand is true or not zero",
    examples: &[("logical_xor(arange(3), 1)", "[ True False False]")],
    class: Class::Map(map(
        map_loops!(2 bool binary; f::logical_xor: bool i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64),
        2.0,
    )),
    numpy: numpy("np.logical_xor", -2.0, 2.0, 0.0),
    ..MAP
};

static LOGICAL_NOT: Op = Op {
    name: "logical_not",
    params: ONE,
    summary: "Whether the operand is false or zero",
    examples: &[("logical_not(arange(3))", "[ True False False]")],
    class: Class::Map(map(
        map_loops!(1 bool unary; f::logical_not: bool i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64),
        1.0,
    )),
    numpy: numpy("np.logical_not", -2.0, 2.0, 0.0),
    ..MAP
};

static ISNAN: Op = Op {
    name: "isnan",
    params: ONE,
    summary: "Whether the operand is not a number",
    examples: &[("isnan(0 / arange(2.0))", "[ True False]")],
    class: Class::Map(map(map_loops!(1 bool unary; f::is_nan: f16 f32 f64), 1.0)),
    numpy: numpy("np.isnan", -2.0, 2.0, 0.0),
    ..MAP
};

static ISINF: Op = Op {
    name: "isinf",
    params: ONE,
    summary: "Whether the operand is infinite",
    examples: &[("isinf(1 / arange(2))", "[ True False]")],
    class: Class::Map(map(map_loops!(1 bool unary; f::is_inf: f16 f32 f64), 1.5)),
    numpy: numpy("np.isinf", -2.0, 2.0, 0.0),
    ..MAP
};

static ISFINITE: Op = Op {
    name: "isfinite",
    params: ONE,
    summary: "Whether the operand is neither infinite nor nan",
    examples: &[("isfinite(1 / arange(2))", "[False  True]")],
    class: Class::Map(map(map_loops!(1 bool unary; f::is_finite: f16 f32 f64), 1.5)),
    numpy: numpy("np.isfinite", -2.0, 2.0, 0.0),
    ..MAP
};

static SIGNBIT: Op = Op {
    name: "signbit",
    params: ONE,
    summary: "Whether the operand has a minus sign, -0.0 included",
    examples: &[("signbit(arange(-1, 2))", "[ True False False]")],
    class: Class::Map(map(map_loops!(1 bool unary; Float::signbit: f16 f32 f64), 1.0)),
    numpy: numpy("np.signbit", -2.0, 2.0, 0.0),
    ..MAP
};
