//! Windows that slide over an array.

use super::{array, axes, numpy};
use crate::Arg;
use crate::args::{ArgResult, Args, AxisList, axis_of};
use crate::error::OpError;
use crate::op::{Class, Op, Param, ParamKind};
use crate::shape::Shape;
use crate::view::View;

pub(super) static OPS: &[&Op] = &[&SLIDING_WINDOW_VIEW];

static SLIDING_WINDOW_VIEW: Op = Op {
    name: "sliding_window_view",
    aliases: &[],
    symbol: None,
    method: false,
    params: &[
        array("x", "the array"),
        Param {
            name: "window_shape",
            kind: ParamKind::Shape,
            default: None,
            doc: "the length of the window, one for each axis it slides along",
        },
        axes("axis", "the axes it slides along; None for all"),
    ],
    summary: "All windows of a length, as new axes at the end",
    details: "No element is copied. Reductions over the window's axes cost a few operations an element, however \
              long the window is.",
    examples: &[
        ("sliding_window_view(arange(5), 3)", "[[0 1 2]\n [1 2 3]\n [2 3 4]]"),
        ("sliding_window_view(arange(6), 3).max(axis=-1)", "[2 3 4 5]"),
        ("sliding_window_view(ones((4, 5)), (2, 2)).shape", "(3, 4, 2, 2)"),
    ],
    class: Class::View(sliding_window_view),
    numpy: numpy("np.lib.stride_tricks.sliding_window_view", -10.0, 10.0, 0.0),
};

fn sliding_window_view(args: &Args, source: &Shape) -> Result<View, OpError> {
    let (window, ndim) = (args.shape("window_shape")?, source.ndim());
    let axes = slid_along(args, ndim)?;
    if axes.len() != window.ndim() {
        let given = format!("{} for {} axes", args.get("window_shape"), axes.len());
        return Err(OpError::Argument { param: "window_shape", expected: "one length for each axis", given });
    }
    let mut lens: Vec<usize> = source.to_vec();
    let mut view = View::identity(source);
    for (place, (&axis, &len)) in axes.iter().zip(window.iter()).enumerate() {
        if len == 0 || len > lens[axis] {
            return Err(OpError::Window { window: len, axis, len: lens[axis] });
        }
        lens[axis] -= len - 1;
        view.source[axis] = view.source[axis].clone().plus(ndim + place, 1);
    }
    view.shape = Shape::checked(lens.into_iter().chain(window.iter().copied()))?;
    Ok(view)
}

/// The axes in the order given; one may be named several times, for windows of windows.
fn slid_along(args: &Args, ndim: usize) -> ArgResult<AxisList> {
    match args.get("axis") {
        Arg::None => Ok((0..ndim).collect()),
        Arg::Tuple(items) => {
            let whole = |item: &Arg| if let Arg::Scalar(s) = item { i64::try_from(s.to_int()?).ok() } else { None };
            let given = args.get("axis").to_string();
            let wrong = OpError::Argument { param: "axis", expected: "an axis or a tuple of axes", given };
            let axes: Option<Vec<i64>> = items.iter().map(whole).collect();
            axes.ok_or(wrong)?.into_iter().map(|axis| axis_of(axis, ndim)).collect()
        }
        _ => Ok(AxisList::from_slice(&[axis_of(args.int("axis")?, ndim)?])),
    }
}
