//! Circular and hyperbolic functions.

use super::{MAP, ONE, map, numpy};
use crate::deep;
use crate::dtype::DType;
use crate::formula as f;
use crate::lane::Float;
use crate::loops::{map_loops, unary};
use crate::op::{Class, Map, Op, Twin};
use half::f16;

pub(super) static OPS: &[&Op] = &[
    &SIN, &COS, &TAN, &ASIN, &ACOS, &ATAN, &ATAN2, &SINH, &COSH, &TANH, &ASINH, &ACOSH, &ATANH, &HYPOT, &DEG2RAD,
    &RAD2DEG, &SINC,
];

static SIN: Op = Op {
    name: "sin",
    params: ONE,
    summary: "Sine of an angle in radians",
    examples: &[("sin(arange(3))", "[0.         0.84147098 0.90929743]")],
    class: Class::Map(Map {
        twin: Some(Twin {
            op: &COS,
            weight: 7.0,
            loops: &[deep::sin_cos::<f16>, deep::sin_cos::<f32>, deep::sin_cos::<f64>],
        }),
        ..map(map_loops!(1 same deep::sin; Float::near_sin: f16 f32 f64), 5.0)
    }),
    numpy: numpy("np.sin", -10.0, 10.0, 2.0),
    ..MAP
};

static COS: Op = Op {
    name: "cos",
    params: ONE,
    summary: "Cosine of an angle in radians",
    examples: &[("cos(arange(3))", "[ 1.          0.54030231 -0.41614684]")],
    class: Class::Map(map(map_loops!(1 same deep::cos; Float::near_cos: f16 f32 f64), 5.0)),
    numpy: numpy("np.cos", -10.0, 10.0, 2.0),
    ..MAP
};

static TAN: Op = Op {
    name: "tan",
    params: ONE,
    summary: "Tangent of an angle in radians",
    examples: &[("tan(arange(3))", "[ 0.          1.55740772 -2.18503986]")],
    class: Class::Map(map(map_loops!(1 same deep::tan; Float::near_tan: f16 f32 f64), 7.5)),
    numpy: numpy("np.tan", -10.0, 10.0, 4.0),
    ..MAP
};

static ASIN: Op = Op {
    name: "asin",
    aliases: &["arcsin"],
    params: ONE,
    summary: "Angle whose sine is the operand",
    examples: &[("asin(linspace(0, 1, 3))", "[0.         0.52359878 1.57079633]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::asin: f16 f32 f64), 5.5)),
    numpy: numpy("np.arcsin", -1.0, 1.0, 2.0),
    ..MAP
};

static ACOS: Op = Op {
    name: "acos",
    aliases: &["arccos"],
    params: ONE,
    summary: "Angle whose cosine is the operand",
    examples: &[("acos(linspace(0, 1, 3))", "[1.57079633 1.04719755 0.        ]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::acos: f16 f32 f64), 6.0)),
    numpy: numpy("np.arccos", -1.0, 1.0, 2.0),
    ..MAP
};

static ATAN: Op = Op {
    name: "atan",
    aliases: &["arctan"],
    params: ONE,
    summary: "Angle whose tangent is the operand",
    examples: &[("atan(arange(3))", "[0.         0.78539816 1.10714872]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::atan: f16 f32 f64), 6.0)),
    numpy: numpy("np.arctan", -10.0, 10.0, 2.0),
    ..MAP
};

static ATAN2: Op = Op {
    name: "atan2",
    aliases: &["arctan2"],
    summary: "Angle of the point (x2, x1)",
    examples: &[("atan2(arange(3), 1)", "[0.         0.78539816 1.10714872]")],
    class: Class::Map(map(map_loops!(2 same deep::binary; Float::atan2: f16 f32 f64), 11.0)),
    numpy: numpy("np.arctan2", -10.0, 10.0, 2.0),
    ..MAP
};

static SINH: Op = Op {
    name: "sinh",
    params: ONE,
    summary: "Hyperbolic sine",
    examples: &[("sinh(arange(3))", "[0.         1.17520119 3.62686041]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::sinh: f16 f32 f64), 7.5)),
    numpy: numpy("np.sinh", -5.0, 5.0, 4.0),
    ..MAP
};

static COSH: Op = Op {
    name: "cosh",
    params: ONE,
    summary: "Hyperbolic cosine",
    examples: &[("cosh(arange(3))", "[1.         1.54308063 3.76219569]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::cosh: f16 f32 f64), 5.0)),
    numpy: numpy("np.cosh", -5.0, 5.0, 4.0),
    ..MAP
};

static TANH: Op = Op {
    name: "tanh",
    params: ONE,
    summary: "Hyperbolic tangent",
    examples: &[("tanh(arange(3))", "[0.         0.76159416 0.96402758]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::tanh: f16 f32 f64), 7.0)),
    numpy: numpy("np.tanh", -5.0, 5.0, 4.0),
    ..MAP
};

static ASINH: Op = Op {
    name: "asinh",
    aliases: &["arcsinh"],
    params: ONE,
    summary: "Inverse hyperbolic sine",
    examples: &[("asinh(arange(3))", "[0.         0.88137359 1.44363548]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::asinh: f16 f32 f64), 13.0)),
    numpy: numpy("np.arcsinh", -10.0, 10.0, 4.0),
    ..MAP
};

static ACOSH: Op = Op {
    name: "acosh",
    aliases: &["arccosh"],
    params: ONE,
    summary: "Inverse hyperbolic cosine",
    examples: &[("acosh(arange(1, 4))", "[0.         1.3169579  1.76274717]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::acosh: f16 f32 f64), 12.0)),
    numpy: numpy("np.arccosh", 1.0, 10.0, 4.0),
    ..MAP
};

static ATANH: Op = Op {
    name: "atanh",
    aliases: &["arctanh"],
    params: ONE,
    summary: "Inverse hyperbolic tangent",
    examples: &[("atanh(linspace(0, 0.5, 3))", "[0.         0.25541281 0.54930614]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::atanh: f16 f32 f64), 10.0)),
    numpy: numpy("np.arctanh", -0.9, 0.9, 4.0),
    ..MAP
};

static HYPOT: Op = Op {
    name: "hypot",
    summary: "Length of the vector (x1, x2)",
    examples: &[("hypot(3 * arange(3), 4 * arange(3))", "[ 0.  5. 10.]")],
    class: Class::Map(map(map_loops!(2 same deep::binary; Float::hypot: f16 f32 f64), 5.0)),
    numpy: numpy("np.hypot", -10.0, 10.0, 2.0),
    ..MAP
};

static DEG2RAD: Op = Op {
    name: "deg2rad",
    aliases: &["radians"],
    params: ONE,
    summary: "Degrees to radians",
    examples: &[("deg2rad(90 * arange(3))", "[0.         1.57079633 3.14159265]")],
    class: Class::Map(map(map_loops!(1 same unary; f::deg2rad: f16 f32 f64), 1.0)),
    numpy: numpy("np.deg2rad", -360.0, 360.0, 2.0),
    ..MAP
};

static RAD2DEG: Op = Op {
    name: "rad2deg",
    aliases: &["degrees"],
    params: ONE,
    summary: "Radians to degrees",
    examples: &[("rad2deg(arange(3))", "[  0.          57.29577951 114.59155903]")],
    class: Class::Map(map(map_loops!(1 same unary; f::rad2deg: f16 f32 f64), 1.0)),
    numpy: numpy("np.rad2deg", -7.0, 7.0, 2.0),
    ..MAP
};

static SINC: Op = Op {
    name: "sinc",
    params: ONE,
    summary: "sin(pi x) / (pi x), 1 at 0",
    examples: &[("sinc(linspace(0, 1, 3))[:2]", "[1.         0.63661977]")],
    class: Class::Map(Map {
        ints_as: Some(DType::F64),
        ..map(map_loops!(1 same deep::sinc; f::sinc: f16 f32 f64), 6.0)
    }),
    numpy: numpy("np.sinc", -5.0, 5.0, 16.0),
    ..MAP
};
