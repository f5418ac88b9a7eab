//! Running values along an axis.

use super::{array, numpy, reduction};
use crate::fold::{Max, Min, Prod, Sum, Truth};
use crate::op::{Class, Op, Param, ParamKind, Scan, ScanLoop};
use crate::scan::running;
use half::f16;

pub(super) static OPS: &[&Op] = &[&CUMULATIVE_SUM, &CUMULATIVE_PROD, &CUMMAX, &CUMMIN];

const X: Param = array("x", "the array");
const AXIS: Param = Param {
    name: "axis",
    kind: ParamKind::Axes,
    default: Some("None"),
    doc: "the axis to go along; may be left out where there is only one",
};
const DTYPE: Param = Param {
    name: "dtype",
    kind: ParamKind::DType,
    default: Some("None"),
    doc: "the dtype in which to work and of the result",
};
const INITIAL: Param = super::flag("include_initial", "begin with the value of no elements, one element more");

const BASE: Op = Op {
    name: "",
    aliases: &[],
    symbol: None,
    method: true,
    params: &[X, AXIS, DTYPE, INITIAL],
    summary: "",
    details: "",
    examples: &[],
    class: Class::Scan(Scan { fold: &reduction::SUM, loops: &[], weight: 1.0 }),
    numpy: None,
};

/// Running sums and products: signed integers and bools become int64, unsigned ones uint64.
macro_rules! accumulate {
    ($of:ident) => {
        &[
            running::<$of<bool, i64>>(),
            running::<$of<i8, i64>>(),
            running::<$of<u8, u64>>(),
            running::<$of<i16, i64>>(),
            running::<$of<u16, u64>>(),
            running::<$of<i32, i64>>(),
            running::<$of<u32, u64>>(),
            running::<$of<i64, i64>>(),
            running::<$of<u64, u64>>(),
            running::<$of<f16, f16>>(),
            running::<$of<f32, f32>>(),
            running::<$of<f64, f64>>(),
        ]
    };
}

/// Running extremes: the dtype stays. Bools are ordered by `and` and `or`.
macro_rules! extreme {
    ($of:ident $bools:expr) => {
        &[
            $bools,
            running::<$of<i8, i8>>(),
            running::<$of<u8, u8>>(),
            running::<$of<i16, i16>>(),
            running::<$of<u16, u16>>(),
            running::<$of<i32, i32>>(),
            running::<$of<u32, u32>>(),
            running::<$of<i64, i64>>(),
            running::<$of<u64, u64>>(),
            running::<$of<f16, f16>>(),
            running::<$of<f32, f32>>(),
            running::<$of<f64, f64>>(),
        ]
    };
}

const fn scan(fold: &'static Op, loops: &'static [ScanLoop]) -> Class {
    Class::Scan(Scan { fold, loops, weight: 1.0 })
}

static CUMULATIVE_SUM: Op = Op {
    name: "cumulative_sum",
    aliases: &["cumsum"],
    summary: "Running sums along an axis",
    details: "Integers and bools add up in int64 or uint64. Floats are added in an order that depends on the shape \
              alone, so the result is the same for any chunking and number of threads.",
    examples: &[
        ("cumsum(arange(5))", "[ 0  1  3  6 10]"),
        ("ones((2, 3)).cumsum(axis=1)", "[[1. 2. 3.]\n [1. 2. 3.]]"),
        ("cumulative_sum(arange(1, 4), include_initial=True)", "[0 1 3 6]"),
    ],
    class: scan(&reduction::SUM, accumulate!(Sum)),
    numpy: numpy("np.cumsum", -10.0, 10.0, 64.0),
    ..BASE
};

static CUMULATIVE_PROD: Op = Op {
    name: "cumulative_prod",
    aliases: &["cumprod"],
    summary: "Running products along an axis",
    examples: &[("cumprod(arange(1, 6))", "[  1   2   6  24 120]")],
    class: scan(&reduction::PROD, accumulate!(Prod)),
    numpy: numpy("np.cumprod", 0.5, 1.5, 64.0),
    ..BASE
};

static CUMMAX: Op = Op {
    name: "cummax",
    params: &[X, AXIS],
    summary: "The greatest element so far along an axis; nan from the first one on",
    examples: &[("cummax(array([1, 3, 2, 5]))", "[1 3 3 5]")],
    class: scan(&reduction::MAX, extreme!(Max running::<Truth<bool, true>>())),
    numpy: numpy("np.maximum.accumulate", -100.0, 100.0, 0.0),
    ..BASE
};

static CUMMIN: Op = Op {
    name: "cummin",
    params: &[X, AXIS],
    summary: "The least element so far along an axis; nan from the first one on",
    examples: &[("cummin(array([4, 3, 5, 1]))", "[4 3 3 1]")],
    class: scan(&reduction::MIN, extreme!(Min running::<Truth<bool, false>>())),
    numpy: numpy("np.minimum.accumulate", -100.0, 100.0, 0.0),
    ..BASE
};
