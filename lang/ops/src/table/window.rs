//! Windows that slide over an array.

use super::{array, axes, numpy};
use crate::args::{Args, AxisList};
use crate::error::OpError;
use crate::op::{Class, Op, Param, ParamKind};
use crate::shape::Shape;
use crate::view::{SourceAxis, View};

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
    let axes = args.axes_in_order("axis", ndim)?.unwrap_or_else(|| (0..ndim).collect::<AxisList>());
    if axes.len() != window.ndim() {
        let given = format!("{} for {} axes", args.get("window_shape"), axes.len());
        return Err(OpError::Argument { param: "window_shape", expected: "one length for each axis", given });
    }
    let mut lens: Vec<usize> = source.to_vec();
    let mut view = View::identity(source);
    for (place, (&axis, &len)) in axes.iter().zip(window.iter()).enumerate() {
        if len == 0 || len > source[axis] {
            return Err(OpError::Window { window: len, axis, len: source[axis] });
        }
        lens[axis] -= len - 1;
        view.source[axis] = SourceAxis::whole(axis).plus(ndim + place, 1);
    }
    view.shape = Shape::checked(lens.into_iter().chain(window.iter().copied()))?;
    Ok(view)
}
