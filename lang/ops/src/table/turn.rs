//! Arrays turned over, and their diagonals.

use super::{array, numpy};
use crate::args::{Args, AxisList, axis_of};
use crate::error::OpError;
use crate::op::{Class, Op, Param, ParamKind};
use crate::shape::Shape;
use crate::view::{SourceAxis, View};

pub(super) static OPS: &[&Op] = &[&FLIPUD, &FLIPLR, &ROT90, &DIAGONAL];

const X: Param = array("x", "the array");

const fn option(name: &'static str, kind: ParamKind, default: &'static str, doc: &'static str) -> Param {
    Param { name, kind, default: Some(default), doc }
}

const BASE: Op = Op {
    name: "",
    aliases: &[],
    symbol: None,
    method: false,
    params: &[X],
    summary: "",
    details: "",
    examples: &[],
    class: Class::View(flipud),
    numpy: None,
};

static FLIPUD: Op = Op {
    name: "flipud",
    summary: "The elements in reverse order along the first axis",
    examples: &[("flipud(arange(3))", "[2 1 0]")],
    numpy: numpy("np.flipud", -10.0, 10.0, 0.0),
    ..BASE
};

static FLIPLR: Op = Op {
    name: "fliplr",
    summary: "The elements in reverse order along the second axis",
    examples: &[("fliplr(eye(2))", "[[0. 1.]\n [1. 0.]]")],
    class: Class::View(fliplr),
    numpy: numpy("np.fliplr", -10.0, 10.0, 0.0),
    ..BASE
};

static ROT90: Op = Op {
    name: "rot90",
    params: &[
        X,
        option("k", ParamKind::Int, "1", "how many quarters, from the first axis towards the second"),
        option("axes", ParamKind::Axes, "(0, 1)", "the two axes of the plane to turn in"),
    ],
    summary: "The array turned by quarters in a plane",
    examples: &[("rot90(eye(2) * 2)", "[[0. 2.]\n [2. 0.]]")],
    class: Class::View(rot90),
    numpy: numpy("np.rot90", -10.0, 10.0, 0.0),
    ..BASE
};

static DIAGONAL: Op = Op {
    name: "diagonal",
    method: true,
    params: &[
        X,
        option("offset", ParamKind::Int, "0", "which diagonal: above the main one where positive"),
        option("axis1", ParamKind::Int, "0", "the axis that goes down"),
        option("axis2", ParamKind::Int, "1", "the axis that goes right"),
    ],
    summary: "The elements of a diagonal, as the last axis",
    examples: &[("diagonal(eye(3))", "[1. 1. 1.]"), ("eye(3).diagonal(1)", "[0. 0.]")],
    class: Class::View(diagonal),
    numpy: numpy("np.diagonal", -10.0, 10.0, 0.0),
    ..BASE
};

type Seen = Result<View, OpError>;

fn flipud(_: &Args, source: &Shape) -> Seen {
    Ok(View::flip(source, &[axis_of(0, source.ndim())?]))
}

fn fliplr(_: &Args, source: &Shape) -> Seen {
    Ok(View::flip(source, &[axis_of(1, source.ndim())?]))
}

fn rot90(args: &Args, source: &Shape) -> Seen {
    let axes = args.axes_in_order("axes", source.ndim())?.unwrap_or_else(|| AxisList::from_slice(&[0, 1]));
    let &[a, b] = axes.as_slice() else {
        let given = args.get("axes").to_string();
        return Err(OpError::Argument { param: "axes", expected: "two axes", given });
    };
    let last = axis_of(-1, source.ndim())?;
    if let Some(&axis) = [a, b].iter().find(|axis| **axis > last) {
        return Err(OpError::Axis { axis: axis as i64, ndim: source.ndim() });
    }
    let mut order: AxisList = (0..source.ndim()).collect();
    order.swap(a, b);
    let turned = |flipped: usize| {
        View::flip(&View::permute(source, &order).shape, &[flipped]).of(&View::permute(source, &order))
    };
    Ok(match args.int("k")?.rem_euclid(4) {
        0 => View::identity(source),
        1 => turned(a),
        2 => View::flip(source, &[a, b]),
        _ => turned(b),
    })
}

fn diagonal(args: &Args, source: &Shape) -> Seen {
    let (offset, ndim) = (args.int("offset")?, source.ndim());
    let (down, right) = (axis_of(args.int("axis1")?, ndim)?, axis_of(args.int("axis2")?, ndim)?);
    if down == right {
        return Err(OpError::RepeatedAxis { axis: args.int("axis2")? });
    }
    let skip = |by: i64| usize::try_from(by.max(0)).unwrap_or(usize::MAX);
    let (rows, columns) = (skip(offset.saturating_neg()), skip(offset));
    let len = source[down].saturating_sub(rows).min(source[right].saturating_sub(columns));
    let kept: AxisList = (0..ndim).filter(|a| *a != down && *a != right).collect();
    let place = |axis: usize| kept.iter().position(|&k| k == axis);
    let on_diagonal = |start: usize| SourceAxis::along(kept.len(), if len == 0 { 0 } else { start as i64 }, 1);
    let follow = |axis: usize| match place(axis) {
        Some(place) => SourceAxis::whole(place),
        None => on_diagonal(if axis == down { rows } else { columns }),
    };
    let shape = kept.iter().map(|&a| source[a]).chain([len]).collect();
    Ok(View { shape, source: (0..ndim).map(follow).collect() })
}
