//! Comparisons: the result is a bool.

use super::{MAP, map, numpy};
use crate::data::{DataMut, DataRef, Element};
use crate::dtype::DType;
use crate::formula as f;
use crate::loops::{fast, mixed, sum_loop, traced};
use crate::op::{Class, MapLoop, Op, Param};
use crate::trace::{Answer, Number, Var, Whole, argument};
use half::f16;

pub(super) static OPS: &[&Op] = &[&EQUAL, &NOT_EQUAL, &LESS, &LESS_EQUAL, &GREATER, &GREATER_EQUAL, &ISCLOSE];

/// Loops of a comparison; int64 and uint64 are compared as whole numbers, not as rounded floats.
macro_rules! comparison {
    ($f:path) => {
        &[
            comparison!($f; bool), comparison!($f; i8), comparison!($f; u8), comparison!($f; i16),
            comparison!($f; u16), comparison!($f; i32), comparison!($f; u32), comparison!($f; i64),
            comparison!($f; u64),
            MapLoop {
                inputs: &[DType::I64, DType::U64],
                output: DType::Bool,
                run: |x, out| mixed(x, out, |a: i64, b: u64| $f(i128::from(a), i128::from(b))),
                trace: Some(|x| Answer::var($f(argument::<Whole>(x, 0), argument::<Whole>(x, 1)))),
                sum: None,
            },
            MapLoop {
                inputs: &[DType::U64, DType::I64],
                output: DType::Bool,
                run: |x, out| mixed(x, out, |a: u64, b: i64| $f(i128::from(a), i128::from(b))),
                trace: Some(|x| Answer::var($f(argument::<Whole>(x, 0), argument::<Whole>(x, 1)))),
                sum: None,
            },
            comparison!($f; f16), comparison!($f; f32), comparison!($f; f64),
        ]
    };
    ($f:path; $t:ident) => {
        MapLoop {
            inputs: &[<$t as Element>::DTYPE; 2],
            output: DType::Bool,
            run: |x, out| fast::binary(x, out, #[inline(always)] |a: $t, b: $t| $f(a, b)),
            trace: Some(traced!(2 $t; $f)),
            sum: sum_loop!(fast binary bool $t; 2 $f),
        }
    };
}

static EQUAL: Op = Op {
    name: "equal",
    symbol: Some("=="),
    summary: "Whether the operands are equal",
    examples: &[("arange(3) == 1", "[False  True False]")],
    class: Class::Map(map(comparison!(f::eq), 0.6)),
    numpy: numpy("np.equal", -10.0, 10.0, 0.0),
    ..MAP
};

static NOT_EQUAL: Op = Op {
    name: "not_equal",
    symbol: Some("!="),
    summary: "Whether the operands differ",
    examples: &[("arange(3) != 1", "[ True False  True]")],
    class: Class::Map(map(comparison!(f::ne), 0.6)),
    numpy: numpy("np.not_equal", -10.0, 10.0, 0.0),
    ..MAP
};

static LESS: Op = Op {
    name: "less",
    symbol: Some("<"),
    summary: "Whether the first operand is less",
    examples: &[("arange(3) < 1", "[ True False False]")],
    class: Class::Map(map(comparison!(f::lt), 0.6)),
    numpy: numpy("np.less", -10.0, 10.0, 0.0),
    ..MAP
};

static LESS_EQUAL: Op = Op {
    name: "less_equal",
    symbol: Some("<="),
    summary: "Whether the first operand is less or equal",
    examples: &[("arange(3) <= 1", "[ True  True False]")],
    class: Class::Map(map(comparison!(f::le), 0.6)),
    numpy: numpy("np.less_equal", -10.0, 10.0, 0.0),
    ..MAP
};

static GREATER: Op = Op {
    name: "greater",
    symbol: Some(">"),
    summary: "Whether the first operand is greater",
    examples: &[("arange(3) > 1", "[False False  True]")],
    class: Class::Map(map(comparison!(f::gt), 0.6)),
    numpy: numpy("np.greater", -10.0, 10.0, 0.0),
    ..MAP
};

static GREATER_EQUAL: Op = Op {
    name: "greater_equal",
    symbol: Some(">="),
    summary: "Whether the first operand is greater or equal",
    examples: &[("arange(3) >= 1", "[False  True  True]")],
    class: Class::Map(map(comparison!(f::ge), 0.6)),
    numpy: numpy("np.greater_equal", -10.0, 10.0, 0.0),
    ..MAP
};

static ISCLOSE: Op = Op {
    name: "isclose",
    params: &[
        super::array("a", "an array or a number"),
        super::array("b", "what it is compared with"),
        Param { default: Some("1e-05"), ..super::array("rtol", "allowed distance as a part of `b`") },
        Param { default: Some("1e-08"), ..super::array("atol", "allowed distance besides") },
        Param { default: Some("False"), ..super::array("equal_nan", "whether nan is close to nan") },
    ],
    summary: "Whether the operands are equal within a tolerance",
    examples: &[("isclose(linspace(0, 1, 3), 0.5)", "[False  True False]")],
    class: Class::Map(map(&[close::<f16>(), close::<f32>(), close::<f64>()], 14.0)),
    numpy: numpy("np.isclose", -1.0, 1.0, 0.0),
    ..MAP
};

/// The loop of `isclose` for a float.
const fn close<T: crate::lane::Float + Close>() -> MapLoop {
    MapLoop { inputs: T::INPUTS, output: DType::Bool, run: run_close::<T>, trace: Some(trace_close), sum: None }
}

fn trace_close(x: &[Var]) -> Var {
    let [a, b, rtol, atol]: [Number; 4] = [0, 1, 2, 3].map(|place| argument(x, place));
    f::is_close(a, b, rtol, atol, argument(x, 4)).var()
}

trait Close: Element {
    const INPUTS: &'static [DType] = &[Self::DTYPE, Self::DTYPE, Self::DTYPE, Self::DTYPE, DType::Bool];
}

impl Close for f16 {}
impl Close for f32 {}
impl Close for f64 {}

fn run_close<T: crate::lane::Float + Element>(x: &[DataRef<'_>], out: DataMut<'_>) {
    use crate::loops::{operand, result};
    let [a, b, rtol, atol] = [0, 1, 2, 3].map(|place| operand::<T>(x, place));
    let equal_nan = operand::<bool>(x, 4);
    for (i, o) in result::<bool>(out).iter_mut().enumerate() {
        *o = f::is_close(a[i], b[i], rtol[i], atol[i], equal_nan[i]);
    }
}
