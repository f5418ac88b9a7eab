//! Choices between operands.

use super::{MAP, array, map, numpy};
use crate::data::Element;
use crate::dtype::DType;
use crate::formula as f;
use crate::loops::{binary, fast, map_loops, ternary};
use crate::op::{Class, Map, MapLoop, Op};
use crate::trace::{Var, argument};
use half::f16;

pub(super) static OPS: &[&Op] = &[&WHERE, &CLIP, &MAXIMUM, &MINIMUM, &FMAX, &FMIN];

/// Loops of `where`: a condition and two operands of one dtype.
macro_rules! selections {
    ($($t:ident)*) => {
        &[$(MapLoop {
            inputs: &[DType::Bool, <$t as Element>::DTYPE, <$t as Element>::DTYPE],
            output: <$t as Element>::DTYPE,
            run: fast::select::<$t>,
            trace: Some(trace_select),
            sum: None,
        },)*]
    };
}

fn trace_select(x: &[Var]) -> Var {
    if argument(x, 0) { x[1] } else { x[2] }
}

static WHERE: Op = Op {
    name: "where",
    params: &[
        array("condition", "where true, take from `x`"),
        array("x", "an array or a number"),
        array("y", "an array or a number"),
    ],
    summary: "Elements of one array where a condition holds, of another where not",
    examples: &[("where(arange(4) > 1, arange(4), 0)", "[0 0 2 3]")],
    class: Class::Map(Map { condition: true, ..map(selections!(bool i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64), 2.0) }),
    numpy: numpy("np.where", -10.0, 10.0, 0.0),
    ..MAP
};

static CLIP: Op = Op {
    name: "clip",
    method: true,
    params: &[array("x", "an array or a number"), array("min", "the least value"), array("max", "the greatest value")],
    summary: "Values below or above two bounds become the bounds",
    examples: &[("clip(arange(5), 1, 3)", "[1 1 2 3 3]")],
    class: Class::Map(map(
        map_loops!(3 same ternary; f::clip_bool: bool; f::clip: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64),
        2.5,
    )),
    numpy: numpy("np.clip", -10.0, 10.0, 0.0),
    ..MAP
};

pub(super) static MAXIMUM: Op = Op {
    name: "maximum",
    summary: "The greater operand; nan if one is",
    examples: &[("maximum(arange(4), 2)", "[2 2 2 3]")],
    class: Class::Map(map(
        map_loops!(2 same fast::binary; f::or: bool; f::maximum: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64),
        1.0,
    )),
    numpy: numpy("np.maximum", -100.0, 100.0, 0.0),
    ..MAP
};

pub(super) static MINIMUM: Op = Op {
    name: "minimum",
    summary: "The lesser operand; nan if one is",
    examples: &[("minimum(arange(4), 2)", "[0 1 2 2]")],
    class: Class::Map(map(
        map_loops!(2 same fast::binary; f::and: bool; f::minimum: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64),
        1.0,
    )),
    numpy: numpy("np.minimum", -100.0, 100.0, 0.0),
    ..MAP
};

static FMAX: Op = Op {
    name: "fmax",
    summary: "The greater operand; where one is nan, the other",
    examples: &[("fmax(arange(4), 2)", "[2 2 2 3]")],
    class: Class::Map(map(
        map_loops!(2 same binary; f::or: bool; f::fmax: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64),
        1.3,
    )),
    numpy: numpy("np.fmax", -100.0, 100.0, 0.0),
    ..MAP
};

static FMIN: Op = Op {
    name: "fmin",
    summary: "The lesser operand; where one is nan, the other",
    examples: &[("fmin(arange(4), 2)", "[0 1 2 2]")],
    class: Class::Map(map(
        map_loops!(2 same binary; f::and: bool; f::fmin: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64),
        1.3,
    )),
    numpy: numpy("np.fmin", -100.0, 100.0, 0.0),
    ..MAP
};
