//! Reductions over axes.

use super::{arithmetic, array, axes, bits, flag, numpy, selection};
use crate::fold::{Count, Max, Min, Prod, Sum, Truth, half_fold, mean_fold, plain_fold};
use crate::fold_arg::arg_fold;
use crate::fold_var::var_fold;
use crate::op::{Class, Fold, FoldLoop, Op, Pairwise, Param, ParamKind};
use half::f16;

pub(super) static OPS: &[&Op] =
    &[&SUM, &PROD, &MIN, &MAX, &MEAN, &STD, &VAR, &ANY, &ALL, &ARGMIN, &ARGMAX, &COUNT_NONZERO];

const X: Param = array("x", "the array");
const AXIS: Param = axes("axis", "one axis, a tuple of axes, or None for all");
const ONE_AXIS: Param =
    Param { name: "axis", kind: ParamKind::Axes, default: Some("None"), doc: "one axis, or None for all" };
const KEEPDIMS: Param = flag("keepdims", "keep reduced axes with length 1");
const DTYPE: Param = Param {
    name: "dtype",
    kind: ParamKind::DType,
    default: Some("None"),
    doc: "the dtype in which to work and of the result",
};
const DDOF: Param = Param {
    name: "ddof",
    kind: ParamKind::Number,
    default: Some("0"),
    doc: "divide by the count less this; also `correction`",
};

const SUMS: &[Param] = &[X, AXIS, DTYPE, KEEPDIMS];
const PLAIN: &[Param] = &[X, AXIS, KEEPDIMS];
const POSITION: &[Param] = &[X, ONE_AXIS, KEEPDIMS];
const SPREAD: &[Param] = &[X, AXIS, DTYPE, DDOF, KEEPDIMS];

const BASE: Op = Op {
    name: "",
    aliases: &[],
    symbol: None,
    method: true,
    params: PLAIN,
    summary: "",
    details: "",
    examples: &[],
    class: Class::Fold(fold(&[])),
    numpy: None,
};

const fn fold(loops: &'static [FoldLoop]) -> Fold {
    Fold { loops, has_identity: true, needs_positions: false, weight: 1.0, pairwise: None }
}

/// A reduction that an elementwise operation can do by pairs.
const fn by_pairs(loops: &'static [FoldLoop], combine: &'static Op) -> Fold {
    Fold { pairwise: Some(Pairwise { combine, by_count: None }), ..fold(loops) }
}

/// One loop for each dtype.
macro_rules! each_loop {
    ($make:ident $of:ident) => {
        &[
            $make::<$of<bool>>(),
            $make::<$of<i8>>(),
            $make::<$of<u8>>(),
            $make::<$of<i16>>(),
            $make::<$of<u16>>(),
            $make::<$of<i32>>(),
            $make::<$of<u32>>(),
            $make::<$of<i64>>(),
            $make::<$of<u64>>(),
            $make::<$of<f16>>(),
            $make::<$of<f32>>(),
            $make::<$of<f64>>(),
        ]
    };
}

/// Sums and products: signed integers and bools become int64, unsigned ones uint64, float16 works in float32.
macro_rules! accumulate {
    ($of:ident) => {
        &[
            plain_fold::<$of<bool, i64>>(),
            plain_fold::<$of<i8, i64>>(),
            plain_fold::<$of<u8, u64>>(),
            plain_fold::<$of<i16, i64>>(),
            plain_fold::<$of<u16, u64>>(),
            plain_fold::<$of<i32, i64>>(),
            plain_fold::<$of<u32, u64>>(),
            plain_fold::<$of<i64, i64>>(),
            plain_fold::<$of<u64, u64>>(),
            half_fold::<$of<f16, f32>>(),
            plain_fold::<$of<f32, f32>>(),
            plain_fold::<$of<f64, f64>>(),
        ]
    };
}

/// Least and greatest: the dtype stays. Bools are ordered by `and` and `or`.
macro_rules! extreme {
    ($of:ident $bools:expr) => {
        &[
            $bools,
            plain_fold::<$of<i8, i8>>(),
            plain_fold::<$of<u8, u8>>(),
            plain_fold::<$of<i16, i16>>(),
            plain_fold::<$of<u16, u16>>(),
            plain_fold::<$of<i32, i32>>(),
            plain_fold::<$of<u32, u32>>(),
            plain_fold::<$of<i64, i64>>(),
            plain_fold::<$of<u64, u64>>(),
            plain_fold::<$of<f16, f16>>(),
            plain_fold::<$of<f32, f32>>(),
            plain_fold::<$of<f64, f64>>(),
        ]
    };
}

/// Variances and their roots: integers give float64.
macro_rules! spread {
    ($root:literal) => {
        &[
            var_fold::<bool, f64, $root>(),
            var_fold::<i8, f64, $root>(),
            var_fold::<u8, f64, $root>(),
            var_fold::<i16, f64, $root>(),
            var_fold::<u16, f64, $root>(),
            var_fold::<i32, f64, $root>(),
            var_fold::<u32, f64, $root>(),
            var_fold::<i64, f64, $root>(),
            var_fold::<u64, f64, $root>(),
            var_fold::<f16, f16, $root>(),
            var_fold::<f32, f32, $root>(),
            var_fold::<f64, f64, $root>(),
        ]
    };
}

/// Positions.
macro_rules! position {
    ($max:literal) => {
        &[
            arg_fold::<bool, $max>(),
            arg_fold::<i8, $max>(),
            arg_fold::<u8, $max>(),
            arg_fold::<i16, $max>(),
            arg_fold::<u16, $max>(),
            arg_fold::<i32, $max>(),
            arg_fold::<u32, $max>(),
            arg_fold::<i64, $max>(),
            arg_fold::<u64, $max>(),
            arg_fold::<f16, $max>(),
            arg_fold::<f32, $max>(),
            arg_fold::<f64, $max>(),
        ]
    };
}

const MEANS: &[FoldLoop] = &[
    mean_fold::<Sum<bool, f64>, f64>(),
    mean_fold::<Sum<i8, f64>, f64>(),
    mean_fold::<Sum<u8, f64>, f64>(),
    mean_fold::<Sum<i16, f64>, f64>(),
    mean_fold::<Sum<u16, f64>, f64>(),
    mean_fold::<Sum<i32, f64>, f64>(),
    mean_fold::<Sum<u32, f64>, f64>(),
    mean_fold::<Sum<i64, f64>, f64>(),
    mean_fold::<Sum<u64, f64>, f64>(),
    mean_fold::<Sum<f16, f32>, f16>(),
    mean_fold::<Sum<f32, f32>, f32>(),
    mean_fold::<Sum<f64, f64>, f64>(),
];

type Any<T> = Truth<T, true>;
type All<T> = Truth<T, false>;

pub(super) static SUM: Op = Op {
    name: "sum",
    params: SUMS,
    summary: "Sum of the elements",
    details: "Integers and bools add up in int64 or uint64. Floats are added in an order that depends on the shape \
              alone, so the result is the same for any chunking and number of threads.",
    examples: &[("sum(arange(5))", "10"), ("ones((2, 3)).sum(axis=0)", "[2. 2. 2.]")],
    class: Class::Fold(by_pairs(accumulate!(Sum), &arithmetic::ADD)),
    numpy: numpy("np.sum", -10.0, 10.0, 64.0),
    ..BASE
};

pub(super) static PROD: Op = Op {
    name: "prod",
    params: SUMS,
    summary: "Product of the elements",
    examples: &[("prod(arange(1, 6))", "120")],
    class: Class::Fold(by_pairs(accumulate!(Prod), &arithmetic::MULTIPLY)),
    numpy: numpy("np.prod", 0.5, 1.5, 64.0),
    ..BASE
};

pub(super) static MIN: Op = Op {
    name: "min",
    aliases: &["amin"],
    summary: "Least element; nan where there is one",
    examples: &[("min(arange(3, 8))", "3"), ("arange(6).min()", "0")],
    class: Class::Fold(Fold {
        has_identity: false,
        ..by_pairs(extreme!(Min plain_fold::<All<bool>>()), &selection::MINIMUM)
    }),
    numpy: numpy("np.min", -100.0, 100.0, 0.0),
    ..BASE
};

pub(super) static MAX: Op = Op {
    name: "max",
    aliases: &["amax"],
    summary: "Greatest element; nan where there is one",
    examples: &[("max(arange(3, 8))", "7"), ("arange(6).max()", "5")],
    class: Class::Fold(Fold {
        has_identity: false,
        ..by_pairs(extreme!(Max plain_fold::<Any<bool>>()), &selection::MAXIMUM)
    }),
    numpy: numpy("np.max", -100.0, 100.0, 0.0),
    ..BASE
};

static MEAN: Op = Op {
    name: "mean",
    aliases: &["average"],
    params: SUMS,
    summary: "Arithmetic mean of the elements",
    examples: &[("mean(arange(5))", "2.0"), ("ones((2, 3)).mean(axis=1)", "[1. 1.]")],
    class: Class::Fold(Fold {
        pairwise: Some(Pairwise { combine: &arithmetic::ADD, by_count: Some(&arithmetic::DIVIDE) }),
        ..fold(MEANS)
    }),
    numpy: numpy("np.mean", -10.0, 10.0, 64.0),
    ..BASE
};

static STD: Op = Op {
    name: "std",
    params: SPREAD,
    summary: "Standard deviation of the elements",
    examples: &[("std(arange(5))", "1.4142135623730951"), ("std(arange(5), ddof=1)", "1.5811388300841898")],
    class: Class::Fold(Fold { weight: 2.5, ..fold(spread!(true)) }),
    numpy: numpy("np.std", -10.0, 10.0, 64.0),
    ..BASE
};

static VAR: Op = Op {
    name: "var",
    params: SPREAD,
    summary: "Variance of the elements",
    examples: &[("var(arange(5))", "2.0"), ("var(arange(5), ddof=1)", "2.5")],
    class: Class::Fold(Fold { weight: 2.5, ..fold(spread!(false)) }),
    numpy: numpy("np.var", -10.0, 10.0, 64.0),
    ..BASE
};

static ANY: Op = Op {
    name: "any",
    summary: "Whether any element is true or not zero",
    examples: &[("any(arange(3) > 1)", "True")],
    class: Class::Fold(by_pairs(each_loop!(plain_fold Any), &bits::BITWISE_OR)),
    numpy: numpy("np.any", -1.0, 1.0, 0.0),
    ..BASE
};

static ALL: Op = Op {
    name: "all",
    summary: "Whether all elements are true or not zero",
    examples: &[("all(arange(3) > 1)", "False")],
    class: Class::Fold(by_pairs(each_loop!(plain_fold All), &bits::BITWISE_AND)),
    numpy: numpy("np.all", -1.0, 1.0, 0.0),
    ..BASE
};

static ARGMIN: Op = Op {
    name: "argmin",
    params: POSITION,
    summary: "Position of the least element, the first of equal ones",
    details: "Without an axis, positions count through the flattened array. A nan comes before all numbers.",
    examples: &[("argmin(arange(5)[::-1])", "4")],
    class: Class::Fold(Fold { has_identity: false, needs_positions: true, weight: 4.0, ..fold(position!(false)) }),
    numpy: numpy("np.argmin", -100.0, 100.0, 0.0),
    ..BASE
};

static ARGMAX: Op = Op {
    name: "argmax",
    params: POSITION,
    summary: "Position of the greatest element, the first of equal ones",
    details: "Without an axis, positions count through the flattened array. A nan comes before all numbers.",
    examples: &[("argmax(arange(5))", "4")],
    class: Class::Fold(Fold { has_identity: false, needs_positions: true, weight: 4.0, ..fold(position!(true)) }),
    numpy: numpy("np.argmax", -100.0, 100.0, 0.0),
    ..BASE
};

static COUNT_NONZERO: Op = Op {
    name: "count_nonzero",
    summary: "How many elements are not zero",
    examples: &[("count_nonzero(arange(5))", "4")],
    class: Class::Fold(fold(each_loop!(plain_fold Count))),
    numpy: numpy("np.count_nonzero", -1.0, 1.0, 0.0),
    ..BASE
};
