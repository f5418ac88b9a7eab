//! Powers of e, logarithms and roots.

use super::{MAP, ONE, map, numpy};
use crate::deep;
use crate::formula as f;
use crate::lane::Float;
use crate::loops::{fast, map_loops};
use crate::op::{Class, Op};
use half::f16;

pub(super) static OPS: &[&Op] =
    &[&EXP, &EXP2, &EXPM1, &LOG, &LOG2, &LOG10, &LOG1P, &SQRT, &CBRT, &LOGADDEXP, &LOGADDEXP2];

static EXP: Op = Op {
    name: "exp",
    params: ONE,
    summary: "e raised to the operand",
    examples: &[("exp(arange(3))", "[1.         2.71828183 7.3890561 ]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::exp: f16 f32 f64), 4.5)),
    numpy: numpy("np.exp", -10.0, 10.0, 2.0),
    ..MAP
};

static EXP2: Op = Op {
    name: "exp2",
    params: ONE,
    summary: "2 raised to the operand",
    examples: &[("exp2(arange(4))", "[1. 2. 4. 8.]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::exp2: f16 f32 f64), 4.0)),
    numpy: numpy("np.exp2", -10.0, 10.0, 2.0),
    ..MAP
};

static EXPM1: Op = Op {
    name: "expm1",
    params: ONE,
    summary: "exp(x) - 1, exact near 0",
    examples: &[("expm1(linspace(0, 1, 3))", "[0.         0.64872127 1.71828183]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::expm1: f16 f32 f64), 5.0)),
    numpy: numpy("np.expm1", -5.0, 5.0, 2.0),
    ..MAP
};

static LOG: Op = Op {
    name: "log",
    params: ONE,
    summary: "Natural logarithm",
    examples: &[("log(arange(1, 4))", "[0.         0.69314718 1.09861229]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::log: f16 f32 f64), 6.0)),
    numpy: numpy("np.log", 0.01, 100.0, 2.0),
    ..MAP
};

static LOG2: Op = Op {
    name: "log2",
    params: ONE,
    summary: "Logarithm to base 2",
    examples: &[("log2(arange(1, 5))", "[0.        1.        1.5849625 2.       ]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::log2: f16 f32 f64), 7.5)),
    numpy: numpy("np.log2", 0.01, 100.0, 2.0),
    ..MAP
};

static LOG10: Op = Op {
    name: "log10",
    params: ONE,
    summary: "Logarithm to base 10",
    examples: &[("log10(10 ** arange(3))", "[0. 1. 2.]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::log10: f16 f32 f64), 8.0)),
    numpy: numpy("np.log10", 0.01, 100.0, 2.0),
    ..MAP
};

static LOG1P: Op = Op {
    name: "log1p",
    params: ONE,
    summary: "log(1 + x), exact near 0",
    examples: &[("log1p(arange(3))", "[0.         0.69314718 1.09861229]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::log1p: f16 f32 f64), 8.5)),
    numpy: numpy("np.log1p", -0.9, 10.0, 2.0),
    ..MAP
};

static SQRT: Op = Op {
    name: "sqrt",
    params: ONE,
    summary: "Square root",
    examples: &[("sqrt(arange(5))", "[0.         1.         1.41421356 1.73205081 2.        ]")],
    class: Class::Map(map(map_loops!(1 same fast::unary; Float::sqrt: f16 f32 f64), 2.5)),
    numpy: numpy("np.sqrt", 0.0, 100.0, 0.0),
    ..MAP
};

static CBRT: Op = Op {
    name: "cbrt",
    params: ONE,
    summary: "Cube root",
    examples: &[("cbrt(arange(9)[::4])", "[0.         1.58740105 2.        ]")],
    class: Class::Map(map(map_loops!(1 same deep::unary; Float::cbrt: f16 f32 f64), 6.0)),
    numpy: numpy("np.cbrt", -100.0, 100.0, 2.0),
    ..MAP
};

static LOGADDEXP: Op = Op {
    name: "logaddexp",
    summary: "log(exp(x1) + exp(x2)), without overflow",
    examples: &[("logaddexp(arange(3), 0)", "[0.69314718 1.31326169 2.12692801]")],
    class: Class::Map(map(map_loops!(2 same deep::binary; f::logaddexp: f16 f32 f64), 19.0)),
    numpy: numpy("np.logaddexp", -10.0, 10.0, 4.0),
    ..MAP
};

static LOGADDEXP2: Op = Op {
    name: "logaddexp2",
    summary: "log2(2**x1 + 2**x2), without overflow",
    examples: &[("logaddexp2(arange(3), 1)", "[1.5849625 2.        2.5849625]")],
    class: Class::Map(map(map_loops!(2 same deep::binary; f::logaddexp2: f16 f32 f64), 18.0)),
    numpy: numpy("np.logaddexp2", -10.0, 10.0, 4.0),
    ..MAP
};
