//! Index arithmetic on one array: no element is moved.

use super::{array, axes, numpy};
use crate::args::{ArgResult, Args, AxisList, axis_of};
use crate::error::OpError;
use crate::op::{Class, Op, Param, ParamKind};
use crate::shape::Shape;
use crate::view::{SourceAxis, View};

pub(super) static OPS: &[&Op] =
    &[&PERMUTE_DIMS, &MATRIX_TRANSPOSE, &SWAPAXES, &MOVEAXIS, &FLIP, &BROADCAST_TO, &EXPAND_DIMS, &SQUEEZE];

const X: Param = array("x", "the array");

const fn required(name: &'static str, kind: ParamKind, doc: &'static str) -> Param {
    Param { name, kind, default: None, doc }
}

const BASE: Op = Op {
    name: "",
    aliases: &[],
    symbol: None,
    method: true,
    params: &[X],
    summary: "",
    details: "",
    examples: &[],
    class: Class::View(matrix_transpose),
    numpy: None,
};

static PERMUTE_DIMS: Op = Op {
    name: "permute_dims",
    aliases: &["transpose"],
    params: &[X, axes("axes", "the axes in their new order; None reverses them")],
    summary: "The axes in another order",
    examples: &[
        ("transpose(ones((2, 3))).shape", "(3, 2)"),
        ("permute_dims(ones((2, 3, 4)), (1, 0, 2)).shape", "(3, 2, 4)"),
    ],
    class: Class::View(permute_dims),
    numpy: numpy("np.transpose", -10.0, 10.0, 0.0),
    ..BASE
};

static MATRIX_TRANSPOSE: Op = Op {
    name: "matrix_transpose",
    summary: "The last two axes exchanged",
    examples: &[("matrix_transpose(ones((4, 2, 3))).shape", "(4, 3, 2)")],
    numpy: numpy("np.matrix_transpose", -10.0, 10.0, 0.0),
    ..BASE
};

static SWAPAXES: Op = Op {
    name: "swapaxes",
    params: &[
        X,
        required("axis1", ParamKind::Int, "one axis"),
        required("axis2", ParamKind::Int, "the axis it changes places with"),
    ],
    summary: "Two axes exchanged",
    examples: &[("swapaxes(ones((2, 3, 4)), 0, 2).shape", "(4, 3, 2)")],
    class: Class::View(swapaxes),
    numpy: numpy("np.swapaxes", -10.0, 10.0, 0.0),
    ..BASE
};

static MOVEAXIS: Op = Op {
    name: "moveaxis",
    params: &[
        X,
        required("source", ParamKind::Axes, "the axes to move"),
        required("destination", ParamKind::Axes, "where each goes"),
    ],
    method: false,
    summary: "Axes moved to new places, the others staying in order",
    examples: &[("moveaxis(ones((2, 3, 4)), 0, -1).shape", "(3, 4, 2)")],
    class: Class::View(moveaxis),
    numpy: numpy("np.moveaxis", -10.0, 10.0, 0.0),
    ..BASE
};

static FLIP: Op = Op {
    name: "flip",
    params: &[X, axes("axis", "one axis, a tuple of axes, or None for all")],
    summary: "The elements in reverse order along axes",
    examples: &[("flip(arange(4))", "[3 2 1 0]")],
    class: Class::View(flip),
    numpy: numpy("np.flip", -10.0, 10.0, 0.0),
    ..BASE
};

static BROADCAST_TO: Op = Op {
    name: "broadcast_to",
    params: &[X, required("shape", ParamKind::Shape, "a length or a tuple of lengths")],
    method: false,
    summary: "The array repeated along new axes and axes of length 1",
    examples: &[("broadcast_to(arange(3), (2, 3))", "[[0 1 2]\n [0 1 2]]")],
    class: Class::View(broadcast_to),
    numpy: numpy("np.broadcast_to", -10.0, 10.0, 0.0),
    ..BASE
};

static EXPAND_DIMS: Op = Op {
    name: "expand_dims",
    params: &[X, required("axis", ParamKind::Axes, "where the new axes stand in the result")],
    method: false,
    summary: "New axes of length 1",
    examples: &[("expand_dims(arange(3), 0).shape", "(1, 3)")],
    class: Class::View(expand_dims),
    numpy: numpy("np.expand_dims", -10.0, 10.0, 0.0),
    ..BASE
};

static SQUEEZE: Op = Op {
    name: "squeeze",
    params: &[X, axes("axis", "axes of length 1; None for all of those")],
    summary: "Without axes of length 1",
    examples: &[("squeeze(ones((1, 3, 1))).shape", "(3,)")],
    class: Class::View(squeeze),
    numpy: numpy("np.squeeze", -10.0, 10.0, 0.0),
    ..BASE
};

impl View {
    /// The axes of a source in the order `axes`, each once.
    pub fn permute(source: &Shape, axes: &[usize]) -> View {
        let place = |axis: usize| axes.iter().position(|&a| a == axis);
        let follow = |axis| place(axis).map_or_else(|| SourceAxis::fixed(0), SourceAxis::whole);
        View { shape: axes.iter().map(|&a| source[a]).collect(), source: (0..source.ndim()).map(follow).collect() }
    }

    /// The source backwards along axes.
    pub fn flip(source: &Shape, axes: &[usize]) -> View {
        let mut view = View::identity(source);
        for &axis in axes {
            view.source[axis] = SourceAxis::along(axis, source[axis] as i64 - 1, -1);
        }
        view
    }
}

type Seen = ArgResult<View>;

fn permute_dims(args: &Args, source: &Shape) -> Seen {
    let axes = args.axes_in_order("axes", source.ndim())?;
    let axes = axes.unwrap_or_else(|| (0..source.ndim()).rev().collect());
    if axes.len() == source.ndim() {
        Ok(View::permute(source, &axes))
    } else {
        Err(wrong_axes(args, "axes", "every axis once"))
    }
}

fn matrix_transpose(args: &Args, source: &Shape) -> Seen {
    let ndim = source.ndim();
    if ndim < 2 {
        return Err(OpError::Argument {
            param: args.op.params[0].name,
            expected: "an array with at least 2 axes",
            given: format!("shape {source}"),
        });
    }
    let mut order: AxisList = (0..ndim).collect();
    order.swap(ndim - 2, ndim - 1);
    Ok(View::permute(source, &order))
}

fn swapaxes(args: &Args, source: &Shape) -> Seen {
    let mut order: AxisList = (0..source.ndim()).collect();
    let (a, b) = (axis_of(args.int("axis1")?, source.ndim())?, axis_of(args.int("axis2")?, source.ndim())?);
    order.swap(a, b);
    Ok(View::permute(source, &order))
}

fn moveaxis(args: &Args, source: &Shape) -> Seen {
    let ndim = source.ndim();
    let from = args.axes_in_order("source", ndim)?.unwrap_or_default();
    let to = args.axes_in_order("destination", ndim)?.unwrap_or_default();
    if from.len() != to.len() {
        return Err(wrong_axes(args, "destination", "as many axes as `source`"));
    }
    let mut staying = (0..ndim).filter(|a| !from.contains(a));
    let place = |at: usize| to.iter().position(|&t| t == at);
    let order: AxisList =
        (0..ndim).filter_map(|at| place(at).map_or_else(|| staying.next(), |i| Some(from[i]))).collect();
    Ok(View::permute(source, &order))
}

fn flip(args: &Args, source: &Shape) -> Seen {
    Ok(View::flip(source, &args.axes("axis", source.ndim())?))
}

fn broadcast_to(args: &Args, source: &Shape) -> Seen {
    let shape = args.shape("shape")?;
    if source.broadcast(&shape).as_ref() != Some(&shape) {
        return Err(OpError::Broadcast { shapes: vec![source.clone(), shape] });
    }
    Ok(View::broadcast(source, &shape))
}

fn expand_dims(args: &Args, source: &Shape) -> Seen {
    let new = if let crate::Arg::Tuple(items) = args.get("axis") { items.len() } else { 1 };
    let ndim = source.ndim() + new;
    let axes = args.axes("axis", ndim)?;
    let kept: AxisList = (0..ndim).filter(|a| !axes.contains(a)).collect();
    let mut lens = vec![1; ndim];
    kept.iter().zip(source.iter()).for_each(|(&axis, &len)| lens[axis] = len);
    Ok(View { shape: Shape::checked(lens)?, source: kept.iter().map(|&axis| SourceAxis::whole(axis)).collect() })
}

fn squeeze(args: &Args, source: &Shape) -> Seen {
    let all = || (0..source.ndim()).filter(|&a| source[a] == 1).collect();
    let gone = args.axes_in_order("axis", source.ndim())?.unwrap_or_else(all);
    if gone.iter().any(|&a| source[a] != 1) {
        return Err(wrong_axes(args, "axis", "axes of length 1"));
    }
    let kept: AxisList = (0..source.ndim()).filter(|a| !gone.contains(a)).collect();
    let follow = |axis: usize| match kept.iter().position(|&k| k == axis) {
        Some(place) => SourceAxis::whole(place),
        None => SourceAxis::fixed(0),
    };
    Ok(View { shape: kept.iter().map(|&a| source[a]).collect(), source: (0..source.ndim()).map(follow).collect() })
}

fn wrong_axes(args: &Args, param: &'static str, expected: &'static str) -> OpError {
    OpError::Argument { param, expected, given: args.get(param).to_string() }
}
