//! Rounding and neighbours of floats.

use super::{MAP, ONE, array, map, numpy};
use crate::data::Element;
use crate::dtype::DType;
use crate::formula as f;
use crate::lane::Float;
use crate::loops::{binary, fast, map_loops, mixed, unary};
use crate::op::{Class, Map, MapLoop, Op, Param};
use crate::trace::{Answer, Number, Var, argument, converted, dtype_of, given};
use half::f16;

pub(super) static OPS: &[&Op] =
    &[&ROUND, &FLOOR, &CEIL, &TRUNC, &RINT, &COPYSIGN, &NEXTAFTER, &NAN_TO_NUM, &CONJ, &REAL, &IMAG];

const DECIMALS: Param =
    Param { default: Some("0"), ..array("decimals", "how many decimals; negative ones count tens") };

/// Loops that take decimals beside their elements; rounded bools are float16, as in NumPy.
macro_rules! rounding {
    ($($f:path, $trace:ident: $($t:ident)*);*) => {
        &[
            MapLoop {
                inputs: &[DType::Bool, DType::I64],
                output: DType::F16,
                run: |x, out| mixed(x, out, |a: bool, _: i64| if a { f16::ONE } else { f16::ZERO }),
                trace: Some(|x| converted(x[0], DType::F16)),
                sum: None,
            },
            $($(MapLoop {
                inputs: &[<$t as Element>::DTYPE, DType::I64],
                output: <$t as Element>::DTYPE,
                run: |x, out| mixed(x, out, |a: $t, decimals: i64| $f(a, decimals)),
                trace: Some($trace),
                sum: None,
            },)*)*
        ]
    };
}

fn round(x: &[Var]) -> Var {
    f::round(argument::<Number>(x, 0), given(x, 1)).var()
}

/// As `f::int_round`: in float64 where there is anything to do.
fn int_round(x: &[Var]) -> Var {
    match given(x, 1) {
        0.. => x[0],
        _ => converted(round(&[converted(x[0], DType::F64), x[1]]), dtype_of(x[0])),
    }
}

static ROUND: Op = Op {
    name: "round",
    aliases: &["around"],
    method: true,
    params: &[array("x", "an array or a number"), DECIMALS],
    summary: "Rounded to a number of decimals, halves to even",
    examples: &[("round(linspace(0, 2, 5))", "[0. 0. 1. 2. 2.]"), ("round(arange(1, 4) / 3, 2)", "[0.33 0.67 1.  ]")],
    class: Class::Map(Map {
        apart: 1,
        ..map(rounding!(f::int_round, int_round: i8 u8 i16 u16 i32 u32 i64 u64; f::round, round: f16 f32 f64), 6.0)
    }),
    numpy: numpy("np.round", -100.0, 100.0, 0.0),
    ..MAP
};

static FLOOR: Op = Op {
    name: "floor",
    params: ONE,
    summary: "Greatest whole number that is not above",
    examples: &[("floor(linspace(-1, 1, 5))", "[-1. -1.  0.  0.  1.]")],
    class: Class::Map(map(
        map_loops!(1 same fast::unary; f::identity: bool i8 u8 i16 u16 i32 u32 i64 u64; Float::floor: f16 f32 f64),
        0.5,
    )),
    numpy: numpy("np.floor", -10.0, 10.0, 0.0),
    ..MAP
};

static CEIL: Op = Op {
    name: "ceil",
    params: ONE,
    summary: "Least whole number that is not below",
    examples: &[("ceil(linspace(-1, 1, 5))", "[-1. -0.  0.  1.  1.]")],
    class: Class::Map(map(
        map_loops!(1 same fast::unary; f::identity: bool i8 u8 i16 u16 i32 u32 i64 u64; Float::ceil: f16 f32 f64),
        0.5,
    )),
    numpy: numpy("np.ceil", -10.0, 10.0, 0.0),
    ..MAP
};

static TRUNC: Op = Op {
    name: "trunc",
    aliases: &["fix"],
    params: ONE,
    summary: "Whole part, toward zero",
    examples: &[("trunc(linspace(-1, 1, 5))", "[-1. -0.  0.  0.  1.]")],
    class: Class::Map(map(
        map_loops!(1 same fast::unary; f::identity: bool i8 u8 i16 u16 i32 u32 i64 u64; Float::trunc: f16 f32 f64),
        0.5,
    )),
    numpy: numpy("np.trunc", -10.0, 10.0, 0.0),
    ..MAP
};

static RINT: Op = Op {
    name: "rint",
    params: ONE,
    summary: "Nearest whole number, halves to even",
    examples: &[("rint(linspace(0, 2, 5))", "[0. 0. 1. 2. 2.]")],
    class: Class::Map(map(map_loops!(1 same fast::unary; Float::rint: f16 f32 f64), 0.5)),
    numpy: numpy("np.rint", -10.0, 10.0, 0.0),
    ..MAP
};

static COPYSIGN: Op = Op {
    name: "copysign",
    summary: "First operand with the sign of the second",
    examples: &[("copysign(arange(3), -1)", "[-0. -1. -2.]")],
    class: Class::Map(map(map_loops!(2 same fast::binary; Float::copysign: f16 f32 f64), 1.0)),
    numpy: numpy("np.copysign", -10.0, 10.0, 0.0),
    ..MAP
};

static NEXTAFTER: Op = Op {
    name: "nextafter",
    summary: "Next float after the first operand, toward the second",
    examples: &[("nextafter(ones(1), 2) > 1", "[ True]")],
    class: Class::Map(map(map_loops!(2 same binary; Float::next_toward: f16 f32 f64), 9.0)),
    numpy: numpy("np.nextafter", -10.0, 10.0, 0.0),
    ..MAP
};

static NAN_TO_NUM: Op = Op {
    name: "nan_to_num",
    params: ONE,
    summary: "nan becomes 0, infinities the largest numbers",
    examples: &[("nan_to_num(arange(2.0) / 0 * 0)", "[0. 0.]")],
    class: Class::Map(map(
        map_loops!(1 same unary; f::identity: bool i8 u8 i16 u16 i32 u32 i64 u64; f::nan_to_num: f16 f32 f64),
        4.0,
    )),
    numpy: numpy("np.nan_to_num", -10.0, 10.0, 0.0),
    ..MAP
};

static CONJ: Op = Op {
    name: "conj",
    aliases: &["conjugate"],
    method: true,
    params: ONE,
    summary: "Complex conjugate: of real numbers the operand",
    examples: &[("conj(arange(3))", "[0 1 2]")],
    class: Class::Map(map(map_loops!(1 same unary; f::identity: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64), 1.0)),
    numpy: numpy("np.conj", -10.0, 10.0, 0.0),
    ..MAP
};

static REAL: Op = Op {
    name: "real",
    params: ONE,
    summary: "Real part: of real numbers the operand",
    examples: &[("real(arange(3))", "[0 1 2]")],
    class: Class::Map(map(map_loops!(1 same unary; f::identity: bool i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64), 1.0)),
    numpy: numpy("np.real", -10.0, 10.0, 0.0),
    ..MAP
};

static IMAG: Op = Op {
    name: "imag",
    params: ONE,
    summary: "Imaginary part: of real numbers zero",
    examples: &[("imag(arange(3))", "[0 0 0]")],
    class: Class::Map(map(
        map_loops!(1 same unary; f::never: bool; f::zero: i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64),
        1.0,
    )),
    numpy: numpy("np.imag", -10.0, 10.0, 0.0),
    ..MAP
};
