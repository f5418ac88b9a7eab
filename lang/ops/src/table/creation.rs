//! Arrays made from an index.

use super::{array, numpy};
use crate::args::Args;
use crate::data::Data;
use crate::dtype::{DType, Kind};
use crate::error::OpError;
use crate::fill::Fill;
use crate::op::{Class, FillRule, Op, Param, ParamKind};
use crate::scalar::Scalar;
use crate::shape::Shape;

pub(super) static OPS: &[&Op] =
    &[&ONES, &ZEROS, &EMPTY, &FULL, &ONES_LIKE, &ZEROS_LIKE, &EMPTY_LIKE, &FULL_LIKE, &ARANGE, &LINSPACE, &EYE, &TRI];

const fn param(name: &'static str, kind: ParamKind, default: Option<&'static str>, doc: &'static str) -> Param {
    Param { name, kind, default, doc }
}

const SHAPE: Param = param("shape", ParamKind::Shape, None, "a length or a tuple of lengths");
const FLOAT: Param = param("dtype", ParamKind::DType, Some("float64"), "the element type");
const ANY_DTYPE: Param =
    param("dtype", ParamKind::DType, Some("None"), "the element type; None takes it from the values");
const CHUNKS: Param = param("chunks", ParamKind::Chunks, Some("\"auto\""), "how to cut the array");
const VALUE: Param = param("fill_value", ParamKind::Number, None, "the value of every element");
const MODEL: Param = array("x", "the array whose shape and dtype are taken");
const OTHER_SHAPE: Param = param("shape", ParamKind::Shape, Some("None"), "another shape than that of `x`");
const ROWS: Param = param("n_rows", ParamKind::Int, None, "how many rows");
const COLUMNS: Param = param("n_cols", ParamKind::Int, Some("None"), "how many columns; None makes a square");
const DIAGONAL: Param = param("k", ParamKind::Int, Some("0"), "the diagonal; above the main one if positive");

const NEW: &[Param] = &[SHAPE, FLOAT, CHUNKS];
const LIKE: &[Param] = &[MODEL, ANY_DTYPE, CHUNKS, OTHER_SHAPE];
const GRID: &[Param] = &[ROWS, COLUMNS, DIAGONAL, FLOAT, CHUNKS];

const BASE: Op = Op {
    name: "",
    aliases: &[],
    symbol: None,
    method: false,
    params: NEW,
    summary: "",
    details: "",
    examples: &[],
    class: fill(ones),
    numpy: None,
};

const fn fill(rule: FillRule) -> Class {
    Class::Fill(rule)
}

static ONES: Op = Op {
    name: "ones",
    summary: "An array of ones",
    examples: &[("ones(3)", "[1. 1. 1.]"), ("ones((2, 2), dtype=\"int32\")", "[[1 1]\n [1 1]]")],
    class: fill(ones),
    numpy: numpy("np.ones", 0.0, 0.0, 0.0),
    ..BASE
};

static ZEROS: Op = Op {
    name: "zeros",
    summary: "An array of zeros",
    examples: &[("zeros(3)", "[0. 0. 0.]")],
    class: fill(zeros),
    numpy: numpy("np.zeros", 0.0, 0.0, 0.0),
    ..BASE
};

static EMPTY: Op = Op {
    name: "empty",
    summary: "An array whose values do not matter; they are zeros",
    examples: &[("empty(3).shape", "(3,)")],
    class: fill(zeros),
    ..BASE
};

static FULL: Op = Op {
    name: "full",
    params: &[SHAPE, VALUE, ANY_DTYPE, CHUNKS],
    summary: "An array of one value",
    examples: &[("full(3, 7)", "[7 7 7]"), ("full((1, 2), 0.5)", "[[0.5 0.5]]")],
    class: fill(full),
    numpy: numpy("np.full", 0.0, 0.0, 0.0),
    ..BASE
};

static ONES_LIKE: Op = Op {
    name: "ones_like",
    params: LIKE,
    summary: "Ones in the shape and dtype of another array",
    examples: &[("ones_like(arange(3))", "[1 1 1]"), ("ones_like(arange(3), shape=2)", "[1 1]")],
    class: fill(|args| like(args, Scalar::Int(1))),
    numpy: numpy("np.ones_like", -1.0, 1.0, 0.0),
    ..BASE
};

static ZEROS_LIKE: Op = Op {
    name: "zeros_like",
    params: LIKE,
    summary: "Zeros in the shape and dtype of another array",
    examples: &[("zeros_like(arange(3))", "[0 0 0]")],
    class: fill(|args| like(args, Scalar::Int(0))),
    numpy: numpy("np.zeros_like", -1.0, 1.0, 0.0),
    ..BASE
};

static EMPTY_LIKE: Op = Op {
    name: "empty_like",
    params: LIKE,
    summary: "An array in the shape and dtype of another, whose values do not matter",
    examples: &[("empty_like(arange(3)).shape", "(3,)")],
    class: fill(|args| like(args, Scalar::Int(0))),
    ..BASE
};

static FULL_LIKE: Op = Op {
    name: "full_like",
    params: &[MODEL, VALUE, ANY_DTYPE, CHUNKS, OTHER_SHAPE],
    summary: "One value in the shape and dtype of another array",
    examples: &[("full_like(arange(3), 7)", "[7 7 7]")],
    class: fill(|args| like(args, args.number("fill_value")?)),
    ..BASE
};

static ARANGE: Op = Op {
    name: "arange",
    params: &[
        param("start", ParamKind::Number, Some("None"), "the first value; the end, if it is the only argument"),
        param("stop", ParamKind::Number, Some("None"), "the end, which is left out"),
        param("step", ParamKind::Number, Some("1"), "the distance between values"),
        ANY_DTYPE,
        CHUNKS,
    ],
    summary: "Evenly spaced values in `[start, stop)`",
    examples: &[
        ("arange(5)", "[0 1 2 3 4]"),
        ("arange(1, 2, 0.25)", "[1.   1.25 1.5  1.75]"),
        ("arange(5, 0, -2)", "[5 3 1]"),
    ],
    class: fill(arange),
    numpy: numpy("np.arange", -20.0, 20.0, 0.0),
    ..BASE
};

static LINSPACE: Op = Op {
    name: "linspace",
    params: &[
        param("start", ParamKind::Number, None, "the first value"),
        param("stop", ParamKind::Number, None, "the last value"),
        param("num", ParamKind::Int, Some("50"), "how many values"),
        param("endpoint", ParamKind::Bool, Some("True"), "whether `stop` is among them"),
        ANY_DTYPE,
        CHUNKS,
    ],
    summary: "A number of evenly spaced values",
    examples: &[("linspace(0, 1, 5)", "[0.   0.25 0.5  0.75 1.  ]")],
    class: fill(linspace),
    numpy: numpy("np.linspace", -20.0, 20.0, 0.0),
    ..BASE
};

static EYE: Op = Op {
    name: "eye",
    aliases: &["identity"],
    params: GRID,
    summary: "Ones on a diagonal, zeros elsewhere",
    examples: &[("eye(2)", "[[1. 0.]\n [0. 1.]]"), ("eye(2, 3, k=1)", "[[0. 1. 0.]\n [0. 0. 1.]]")],
    class: fill(|args| grid(args, |k| Fill::Diagonal { k })),
    numpy: numpy("np.eye", 0.0, 0.0, 0.0),
    ..BASE
};

static TRI: Op = Op {
    name: "tri",
    params: GRID,
    summary: "Ones on and below a diagonal, zeros elsewhere",
    examples: &[("tri(2)", "[[1. 0.]\n [1. 1.]]")],
    class: fill(|args| grid(args, |k| Fill::Band { k })),
    numpy: numpy("np.tri", 0.0, 0.0, 0.0),
    ..BASE
};

type Made = Result<(Shape, DType, Fill), OpError>;

fn constant(shape: Shape, dtype: DType, value: Scalar) -> Made {
    match value {
        Scalar::Int(v) if dtype.kind() == Kind::Int && !dtype.holds(v) => Err(OpError::OutOfBounds { value: v, dtype }),
        _ => Ok((shape, dtype, Fill::Const(in_dtype(value, dtype)))),
    }
}

/// The value that an element of the dtype holds.
fn in_dtype(value: Scalar, dtype: DType) -> Scalar {
    let mut one = Data::zeros(dtype, 1);
    crate::each_dtype!(Data, &mut one, v => v[0] = crate::data::Element::from_scalar(value));
    one.get(0)
}

fn ones(args: &Args) -> Made {
    constant(args.shape("shape")?, args.dtype("dtype")?.unwrap_or(DType::F64), Scalar::Int(1))
}

fn zeros(args: &Args) -> Made {
    constant(args.shape("shape")?, args.dtype("dtype")?.unwrap_or(DType::F64), Scalar::Int(0))
}

fn full(args: &Args) -> Made {
    let value = args.number("fill_value")?;
    constant(args.shape("shape")?, args.dtype("dtype")?.unwrap_or(value.dtype()), value)
}

fn like(args: &Args, value: Scalar) -> Made {
    let (shape, dtype) = match args.number("x") {
        Ok(scalar) => (Shape::default(), scalar.dtype()),
        Err(_) => args.array("x").map(|(shape, dtype)| (shape.clone(), dtype))?,
    };
    let shape = if args.given("shape").is_some() { args.shape("shape")? } else { shape };
    constant(shape, args.dtype("dtype")?.unwrap_or(dtype), value)
}

fn grid(args: &Args, rule: fn(i64) -> Fill) -> Made {
    let rows = args.int("n_rows")?;
    let columns = if args.given("n_cols").is_some() { args.int("n_cols")? } else { rows };
    let len = |len: i64| usize::try_from(len).map_err(|_| OpError::NegativeLength { len });
    let shape = Shape::checked([len(rows)?, len(columns)?])?;
    Ok((shape, args.dtype("dtype")?.unwrap_or(DType::F64), rule(args.int("k")?)))
}

fn arange(args: &Args) -> Made {
    let (start, stop) = match (args.given("start"), args.given("stop")) {
        (None, None) => return Err(OpError::MissingArgument { op: args.op.name, param: "stop" }),
        (Some(_), None) => (Scalar::Int(0), args.number("start")?),
        (None, Some(_)) => (Scalar::Int(0), args.number("stop")?),
        (Some(_), Some(_)) => (args.number("start")?, args.number("stop")?),
    };
    let step = args.number("step")?;
    let natural = [start, stop, step].map(Scalar::dtype).into_iter().fold(DType::I64, DType::promote);
    let dtype = args.dtype("dtype")?.unwrap_or(natural);
    let shape = Shape::checked([arange_len(start, stop, step)?])?;
    let start_value = in_dtype(start, dtype);
    let second = in_dtype(plus(start, step), dtype);
    Ok((shape, dtype, Fill::Ramp { start: start_value, step: minus(second, start_value, dtype), last: None }))
}

fn arange_len(start: Scalar, stop: Scalar, step: Scalar) -> Result<usize, OpError> {
    if step.to_f64() == 0.0 {
        return Err(OpError::ZeroStep);
    }
    if let (Some(start), Some(stop), Some(step)) = (start.to_int(), stop.to_int(), step.to_int()) {
        let span = stop - start;
        let len = span / step + i128::from(span % step != 0 && (span > 0) == (step > 0));
        return Ok(usize::try_from(len.max(0)).unwrap_or(usize::MAX));
    }
    let len = ((stop.to_f64() - start.to_f64()) / step.to_f64()).ceil();
    if len.is_nan() {
        return Err(OpError::Argument { param: "stop", expected: "a finite number", given: stop.to_string() });
    }
    Ok(len as usize)
}

fn plus(a: Scalar, b: Scalar) -> Scalar {
    match (a.to_int(), b.to_int()) {
        (Some(a), Some(b)) => Scalar::Int(a + b),
        _ => Scalar::Float(a.to_f64() + b.to_f64()),
    }
}

/// The difference as the dtype computes it; float16 computes in float32.
fn minus(a: Scalar, b: Scalar, dtype: DType) -> Scalar {
    match (a.to_int(), b.to_int(), dtype) {
        (Some(a), Some(b), _) => Scalar::Int(a - b),
        (_, _, DType::F64) => Scalar::Float(a.to_f64() - b.to_f64()),
        _ => Scalar::Float(f64::from(a.to_f64() as f32 - b.to_f64() as f32)),
    }
}

fn linspace(args: &Args) -> Made {
    let num = args.int("num")?;
    let len = usize::try_from(num).map_err(|_| OpError::NegativeLength { len: num })?;
    let (start, stop) = (args.number("start")?.to_f64(), args.number("stop")?.to_f64());
    let endpoint = args.bool("endpoint")?;
    let parts = if endpoint { len.saturating_sub(1) } else { len };
    let step = if parts > 0 { (stop - start) / parts as f64 } else { 0.0 };
    let last = if endpoint && len > 1 { stop } else { len.saturating_sub(1) as f64 * step + start };
    let dtype = args.dtype("dtype")?.unwrap_or(DType::F64);
    let [start, step, last] = [start, step, last].map(Scalar::Float);
    Ok((Shape::checked([len])?, dtype, Fill::Ramp { start, step, last: Some(last) }))
}
