//! Arrays put beside each other.

use super::{Bound, Found, FunctionEntry, PLAIN, need, only, with};
use crate::build;
use crate::interp::{Eval, Given, Machine};
use crate::join;
use crate::node::NodeId;
use crate::value::Value;
use cleave_ops::OpError;
use cleave_ops::args::axis_of;

const ARRAYS: &[Found] = &[Found::Arrays];

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "concatenate",
        aliases: &["concat"],
        found: ARRAYS,
        params: &[need("arrays"), with("axis", "0"), only("dtype", "None")],
        summary: "Arrays one after the other along an axis.",
        details: "All axes but that one must be equally long. The result has the dtype that the arrays have in \
                  common, and their chunks in a row. No element is moved before it is needed.",
        examples: &[
            ("concatenate([arange(3), arange(2)])", "[0 1 2 0 1]"),
            ("concatenate([ones((2, 1)), zeros((2, 2))], axis=1)", "[[1. 0. 0.]\n [1. 0. 0.]]"),
        ],
        run: concatenate,
        ..PLAIN
    },
    FunctionEntry {
        name: "stack",
        found: ARRAYS,
        params: &[need("arrays"), with("axis", "0"), only("dtype", "None")],
        summary: "Arrays of one shape beside each other along a new axis.",
        examples: &[
            ("stack([arange(3), arange(3)])", "[[0 1 2]\n [0 1 2]]"),
            ("stack([ones(2), zeros(2)], axis=1).shape", "(2, 2)"),
        ],
        run: stack,
        ..PLAIN
    },
    FunctionEntry {
        name: "vstack",
        aliases: &["row_stack"],
        found: ARRAYS,
        params: &[need("arrays")],
        summary: "Arrays below each other; those with one axis are rows.",
        examples: &[("vstack([arange(2), ones((1, 2))])", "[[0. 1.]\n [1. 1.]]")],
        run: |m, b| stacked(m, b, 2, |_| 0),
        ..PLAIN
    },
    FunctionEntry {
        name: "hstack",
        found: ARRAYS,
        params: &[need("arrays")],
        summary: "Arrays side by side along the second axis; those with one axis in a row.",
        examples: &[("hstack([arange(2), arange(3)])", "[0 1 0 1 2]")],
        run: |m, b| stacked(m, b, 1, |ndim| usize::from(ndim > 1)),
        ..PLAIN
    },
    FunctionEntry {
        name: "dstack",
        found: ARRAYS,
        params: &[need("arrays")],
        summary: "Arrays behind each other along the third axis.",
        examples: &[("dstack([ones((2, 2)), zeros((2, 2))]).shape", "(2, 2, 2)")],
        run: |m, b| stacked(m, b, 3, |_| 2),
        ..PLAIN
    },
    FunctionEntry {
        name: "column_stack",
        found: ARRAYS,
        params: &[need("arrays")],
        summary: "Arrays side by side; those with one axis are columns.",
        examples: &[("column_stack([arange(2), ones(2)])", "[[0. 1.]\n [1. 1.]]")],
        run: column_stack,
        ..PLAIN
    },
    FunctionEntry {
        name: "block",
        found: ARRAYS,
        params: &[need("arrays")],
        summary: "An array of nested lists of arrays: the innermost side by side, the others below each other.",
        examples: &[("block([[ones((1, 2)), zeros((1, 1))], [arange(3)]])", "[[1. 1. 0.]\n [0. 1. 2.]]")],
        run: block,
        ..PLAIN
    },
];

/// The arrays in a list, a tuple or along the first axis of an array.
fn listed(m: &mut Machine<'_>, b: &Bound) -> Eval<(Vec<NodeId>, Vec<Given>)> {
    let span = b.span_of(0);
    let items: Vec<Given> = m.all_items(b.value(0), span)?.into_iter().map(|v| Given::new(v, span)).collect();
    let nodes = items.iter().map(|g| m.array_of(&g.value, g.span)).collect::<Eval<_>>()?;
    Ok((nodes, items))
}

pub(super) fn made<T>(m: &Machine<'_>, b: &Bound, slot: usize, result: Result<T, OpError>) -> Eval<T> {
    result.map_err(|e| m.op_error(&e, b.span_of(slot), &[]))
}

pub(super) fn checked_axis(m: &Machine<'_>, b: &Bound, slot: usize, (axis, ndim): (i64, usize)) -> Eval<usize> {
    made(m, b, slot, axis_of(axis, ndim))
}

fn in_dtype(m: &mut Machine<'_>, b: &Bound, slot: usize, nodes: Vec<NodeId>) -> Eval<Vec<NodeId>> {
    let dtype = super::create::dtype_arg(m, b, slot)?;
    let graph = &mut m.state.graph;
    Ok(nodes.into_iter().map(|n| dtype.map_or(n, |dtype| build::cast(graph, n, dtype))).collect())
}

fn concatenate(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (nodes, _) = listed(m, b)?;
    let nodes = in_dtype(m, b, 2, nodes)?;
    let ndim = nodes.first().map_or(1, |&n| m.state.graph[n].shape.ndim());
    let flat = matches!(b.slots[1], Some(Given { value: Value::None, .. }));
    if flat && nodes.iter().any(|&n| m.state.graph[n].shape.ndim() != 1) {
        return made(m, b, 1, Err(OpError::NeedsAxis { op: "concatenate", ndim: ndim.max(1) }));
    }
    let axis = m.int_arg(b, 1, 0)?;
    if ndim == 0 {
        let error = m.error("bad-axis", "arrays without axes cannot be joined", b.span_of(0));
        return Err(error.help("`stack` gives them a new axis"));
    }
    let axis = checked_axis(m, b, 1, (axis, ndim))?;
    let joined = join::concatenate(&mut m.state.graph, &nodes, axis);
    made(m, b, 0, joined).map(Value::Array)
}

fn stack(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (nodes, _) = listed(m, b)?;
    let nodes = in_dtype(m, b, 2, nodes)?;
    let ndim = nodes.first().map_or(0, |&n| m.state.graph[n].shape.ndim());
    let axis = m.int_arg(b, 1, 0)?;
    let axis = checked_axis(m, b, 1, (axis, ndim + 1))?;
    let stacked = join::stack(&mut m.state.graph, &nodes, axis);
    made(m, b, 0, stacked).map(Value::Array)
}

/// Arrays with at least `least` axes each, joined along the axis that `axis` gives for their number.
fn stacked(m: &mut Machine<'_>, b: &Bound, least: usize, axis: fn(usize) -> usize) -> Eval {
    let (nodes, _) = listed(m, b)?;
    let thick: Result<Vec<NodeId>, OpError> =
        nodes.into_iter().map(|n| at_least(&mut m.state.graph, n, least)).collect();
    let thick = made(m, b, 0, thick)?;
    let ndim = thick.first().map_or(1, |&n| m.state.graph[n].shape.ndim());
    let joined = join::concatenate(&mut m.state.graph, &thick, axis(ndim));
    made(m, b, 0, joined).map(Value::Array)
}

/// As NumPy's `atleast_1d` to `atleast_3d`: a third axis comes last, a second one first.
fn at_least(graph: &mut crate::Graph, node: NodeId, least: usize) -> Result<NodeId, OpError> {
    let flat = join::with_axes_in_front(graph, node, least.min(2))?;
    if least > 2 && graph[flat].shape.ndim() == 2 { join::with_axis(graph, flat, 2) } else { Ok(flat) }
}

fn column_stack(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (nodes, _) = listed(m, b)?;
    let graph = &mut m.state.graph;
    let column = |n: NodeId| match graph[n].shape.ndim() {
        0 => join::with_axes_in_front(graph, n, 2),
        1 => join::with_axis(graph, n, 1),
        _ => Ok(n),
    };
    let columns: Result<Vec<NodeId>, OpError> = nodes.into_iter().map(column).collect();
    let columns = made(m, b, 0, columns)?;
    let joined = join::concatenate(&mut m.state.graph, &columns, 1);
    made(m, b, 0, joined).map(Value::Array)
}

fn block(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (value, span) = (b.value(0), b.span_of(0));
    let depth = depth(&value);
    let mut leaves = Vec::new();
    gather_leaves(m, &value, (span, &mut leaves))?;
    let widest = leaves.iter().map(|&n| m.state.graph[n].shape.ndim()).max().unwrap_or(0);
    block_of(m, b, &value, (depth, depth.max(widest))).map(Value::Array)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.first().map_or(0, depth),
        _ => 0,
    }
}

fn gather_leaves(
    m: &mut Machine<'_>,
    value: &Value,
    (span, leaves): (cleave_syntax::source::Span, &mut Vec<NodeId>),
) -> Eval<()> {
    match value {
        Value::List(items) => m.deeper(span, |m| items.iter().try_for_each(|v| gather_leaves(m, v, (span, leaves)))),
        leaf => {
            leaves.push(m.array_of(leaf, span)?);
            Ok(())
        }
    }
}

/// Lists `depth` deep, of arrays given `ndim` axes.
fn block_of(m: &mut Machine<'_>, b: &Bound, value: &Value, (depth, ndim): (usize, usize)) -> Eval<NodeId> {
    match value {
        Value::List(items) if depth > 0 => {
            let parts = items.iter().map(|v| block_of(m, b, v, (depth - 1, ndim))).collect::<Eval<Vec<NodeId>>>()?;
            let joined = join::concatenate(&mut m.state.graph, &parts, ndim - depth);
            made(m, b, 0, joined)
        }
        leaf if depth == 0 => {
            let node = m.array_of(leaf, b.span_of(0))?;
            let thick = join::with_axes_in_front(&mut m.state.graph, node, ndim);
            made(m, b, 0, thick)
        }
        _ => {
            let error = m.error("ragged-array", "the lists of `block` are not nested equally deep", b.span_of(0));
            Err(error.help("put every array as deep as the first: `[[a, b], [c]]`"))
        }
    }
}
