//! Arrays made longer at the ends of their axes.

use crate::build;
use crate::graph::Graph;
use crate::join::{along_axis, concatenate, laid_over};
use crate::node::{Node, NodeId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, DType, OpError, Scalar, Shape};

/// How many elements are added before and after, an axis each.
pub type Widths = [(usize, usize)];

/// What the new elements are, where they are made from the old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The element at the end.
    Edge,
    /// The elements backwards, without that at the end.
    Reflect,
    /// The elements backwards, with that at the end.
    Symmetric,
    /// The elements of the other end.
    Wrap,
}

/// More pieces than this are not put together.
const MOST_PIECES: usize = 10_000;

/// Values before and after the elements of each axis; those of later axes lie over those of earlier ones.
pub fn with_values(
    graph: &mut Graph,
    array: NodeId,
    widths: &Widths,
    values: &[(Scalar, Scalar)],
) -> Result<NodeId, OpError> {
    let Node { shape, dtype, chunks, .. } = graph[array].clone();
    let longer = |(&len, &(before, after)): (&usize, &(usize, usize))| len.saturating_add(before).saturating_add(after);
    Shape::checked(shape.iter().zip(widths).map(longer))?;
    if widths.iter().all(|w| *w == (0, 0)) {
        return Ok(array);
    }
    let same = values.first().map(|v| v.0).filter(|one| values.iter().all(|v| v.0 == *one && v.1 == *one));
    if let Some(value) = same {
        let axes = chunks.0.iter().zip(widths).map(|(own, width)| widened(own, *width));
        let base = build::constant_in(graph, value, dtype, Chunks(axes.collect()));
        let starts: Vec<usize> = widths.iter().map(|w| w.0).collect();
        return Ok(laid_over(graph, base, array, &starts));
    }
    let mut array = array;
    for (axis, (&(before, after), &values)) in widths.iter().zip(values).enumerate() {
        let parts = [(before, values.0), (after, values.1)];
        let [first, last] = parts.map(|(len, value)| block(graph, array, axis, (len, value, dtype)));
        array = concatenate(graph, &[first, array, last], axis)?;
    }
    Ok(array)
}

fn widened(own: &AxisChunks, (before, after): (usize, usize)) -> AxisChunks {
    let extra = |len: usize| (len, usize::from(len > 0));
    AxisChunks::from_runs([extra(before)].into_iter().chain(own.runs().iter().copied()).chain([extra(after)]))
}

fn block(graph: &mut Graph, array: NodeId, axis: usize, (len, value, dtype): (usize, Scalar, DType)) -> NodeId {
    let mut chunks = graph[array].chunks.clone();
    chunks.0[axis] = AxisChunks::single(len);
    build::constant_in(graph, value, dtype, chunks)
}

/// Elements of the array itself before and after the elements of each axis.
pub fn with_own(graph: &mut Graph, array: NodeId, widths: &Widths, mode: Mode) -> Result<NodeId, OpError> {
    let mut array = array;
    for (axis, &(before, after)) in widths.iter().enumerate().filter(|(_, w)| **w != (0, 0)) {
        let len = graph[array].shape[axis];
        if len == 0 {
            let given = format!("axis {axis} of length 0");
            return Err(OpError::Argument { param: "array", expected: "elements to pad with", given });
        }
        let mut pieces = pieces(len, -(before as i64)..0, mode)?;
        pieces.push((SourceAxis::whole(0), len));
        pieces.extend(self::pieces(len, len as i64..(len + after) as i64, mode)?);
        let parts: Vec<NodeId> =
            pieces.into_iter().map(|piece| along_axis(graph, array, axis, on(axis, piece))).collect();
        array = concatenate(graph, &parts, axis)?;
    }
    Ok(array)
}

/// A piece of axis 0 as one of another axis.
fn on(axis: usize, (mut along, len): (SourceAxis, usize)) -> (SourceAxis, usize) {
    along.terms.iter_mut().for_each(|t| t.axis = axis);
    (along, len)
}

/// The elements that stand at the places `range` of an axis continued beyond its ends.
fn pieces(len: usize, range: std::ops::Range<i64>, mode: Mode) -> Result<Vec<(SourceAxis, usize)>, OpError> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let (n, count) = (len as i64, (range.end - range.start) as usize);
    if mode == Mode::Edge || len == 1 {
        let at = if range.start < 0 { 0 } else { n - 1 };
        return Ok(vec![(SourceAxis::fixed(at), count)]);
    }
    let period = if mode == Mode::Reflect { n - 1 } else { n };
    if count / period as usize > MOST_PIECES {
        let given = format!("{count} for an axis of length {len}");
        return Err(OpError::Argument { param: "pad_width", expected: "not so much longer than the axis", given });
    }
    let runs = range.start.div_euclid(period)..=(range.end - 1).div_euclid(period);
    let run = |run: i64| {
        let (low, high) = ((run * period).max(range.start), ((run + 1) * period).min(range.end));
        let (at, last) = (low - run * period, n - 1);
        let backwards = mode != Mode::Wrap && run.rem_euclid(2) == 1;
        let along = if backwards { SourceAxis::along(0, last - at, -1) } else { SourceAxis::along(0, at, 1) };
        (along, (high - low) as usize)
    };
    Ok(runs.map(run).collect())
}
