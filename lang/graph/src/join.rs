//! Arrays joined along an axis, and what is made so: stacks, rolled, tiled arrays.

use crate::build::{self, constant_in};
use crate::graph::Graph;
use crate::node::{Node, NodeId, NodeKind};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, DType, Fill, OpError, Scalar, Shape, View};

/// Arrays one after the other along an axis they have, in the dtype they have in common.
pub fn concatenate(graph: &mut Graph, parts: &[NodeId], axis: usize) -> Result<NodeId, OpError> {
    let Some(&first) = parts.first() else {
        return Err(OpError::Argument { param: "arrays", expected: "at least one array", given: "none".into() });
    };
    let own = graph[first].shape.clone();
    if axis >= own.ndim() {
        return Err(OpError::Axis { axis: axis as i64, ndim: own.ndim() });
    }
    parts.iter().try_for_each(|&part| check_joins(&own, &graph[part].shape, axis))?;
    let dtype = parts.iter().map(|&p| graph[p].dtype).reduce(DType::promote).unwrap_or(graph[first].dtype);
    let total = parts.iter().map(|&p| graph[p].shape[axis]).fold(0, usize::saturating_add);
    Shape::checked(own.iter().enumerate().map(|(a, &len)| if a == axis { total } else { len }))?;
    let filled: Vec<NodeId> = parts.iter().copied().filter(|&p| graph[p].shape[axis] > 0).collect();
    let parts = if filled.is_empty() { vec![first] } else { filled };
    let ready: Vec<NodeId> = parts.into_iter().map(|p| build::cast(graph, p, dtype)).collect();
    Ok(halves(graph, &ready, axis))
}

fn check_joins(own: &Shape, other: &Shape, axis: usize) -> Result<(), OpError> {
    let differs = (0..own.ndim().min(other.ndim())).find(|&a| a != axis && own[a] != other[a]);
    if own.ndim() == other.ndim() && differs.is_none() {
        return Ok(());
    }
    let differs = differs.filter(|_| own.ndim() == other.ndim());
    Err(OpError::Unjoined { shapes: [own.clone(), other.clone()], axis, differs })
}

/// Both halves put side by side, so that an element is found in as many steps as halving takes.
fn halves(graph: &mut Graph, parts: &[NodeId], axis: usize) -> NodeId {
    if let [part] = parts {
        return *part;
    }
    let (left, right) = parts.split_at(parts.len() / 2);
    let (left, right) = (halves(graph, left, axis), halves(graph, right, axis));
    beside(graph, left, right, axis)
}

fn beside(graph: &mut Graph, left: NodeId, right: NodeId, axis: usize) -> NodeId {
    let chunks = joined_chunks(&graph[left].chunks, &graph[right].chunks, axis);
    let dtype = graph[left].dtype;
    let (values, offset) = ([left, right].map(|part| constant_value(graph, part)), graph[left].shape[axis]);
    let value = values[0].or(values[1]).unwrap_or(Scalar::Bool(false));
    let mut whole = constant_in(graph, value, dtype, chunks);
    for (part, own, start) in [(left, values[0], 0), (right, values[1], offset)] {
        if own != Some(value) {
            let mut starts = vec![0; graph[part].shape.ndim()];
            starts[axis] = start;
            whole = laid_over(graph, whole, part, &starts);
        }
    }
    whole
}

/// `base`, but `patch` from index `starts` on.
pub(crate) fn laid_over(graph: &mut Graph, base: NodeId, patch: NodeId, starts: &[usize]) -> NodeId {
    if graph[patch].shape.is_empty_array() {
        return base;
    }
    let mut place = View::identity(&graph[patch].shape);
    for (axis, &start) in starts.iter().enumerate() {
        place.source[axis] = SourceAxis::along(axis, start as i64, 1);
    }
    let Node { shape, dtype, chunks, .. } = graph[base].clone();
    graph.add(Node { kind: NodeKind::Overlay { base, patch, place }, shape, dtype, chunks })
}

fn constant_value(graph: &Graph, part: NodeId) -> Option<Scalar> {
    if let NodeKind::Fill(Fill::Const(value)) = graph[part].kind { Some(value) } else { None }
}

/// The chunks of both in a row along the axis; along the others, cut wherever one is.
fn joined_chunks(left: &Chunks, right: &Chunks, axis: usize) -> Chunks {
    let joint = |(a, (l, r)): (usize, (&AxisChunks, &AxisChunks))| {
        if a == axis { AxisChunks::from_runs(l.runs().iter().chain(r.runs()).copied()) } else { l.refine(r) }
    };
    Chunks(left.0.iter().zip(&right.0).enumerate().map(joint).collect())
}

/// Arrays of one shape beside each other along a new axis.
pub fn stack(graph: &mut Graph, arrays: &[NodeId], axis: usize) -> Result<NodeId, OpError> {
    let shapes: Vec<Shape> = arrays.iter().map(|&a| graph[a].shape.clone()).collect();
    if let Some(other) = shapes.iter().find(|s| **s != shapes[0]) {
        let differs = (0..other.ndim().min(shapes[0].ndim())).find(|&a| other[a] != shapes[0][a]);
        let differs = differs.filter(|_| other.ndim() == shapes[0].ndim());
        return Err(OpError::Unjoined { shapes: [shapes[0].clone(), other.clone()], axis, differs });
    }
    let thick: Result<Vec<NodeId>, OpError> = arrays.iter().map(|&a| with_axis(graph, a, axis)).collect();
    concatenate(graph, &thick?, axis)
}

/// The array with a new axis of length 1 before `axis`.
pub(crate) fn with_axis(graph: &mut Graph, array: NodeId, axis: usize) -> Result<NodeId, OpError> {
    let shape = graph[array].shape.clone();
    let mut lens: Vec<usize> = shape.to_vec();
    lens.insert(axis, 1);
    let source = (0..shape.ndim()).map(|a| SourceAxis::whole(a + usize::from(a >= axis))).collect();
    Ok(build::view(graph, array, View { shape: Shape::checked(lens)?, source }))
}

/// The array with axes of length 1 in front until it has `ndim`.
pub(crate) fn with_axes_in_front(graph: &mut Graph, array: NodeId, ndim: usize) -> Result<NodeId, OpError> {
    let missing = ndim.saturating_sub(graph[array].shape.ndim());
    (0..missing).try_fold(array, |array, _| with_axis(graph, array, 0))
}

/// The array along one axis seen through `along`, which gives `len` elements.
pub(crate) fn along_axis(graph: &mut Graph, array: NodeId, axis: usize, (along, len): (SourceAxis, usize)) -> NodeId {
    let mut view = View::identity(&graph[array].shape);
    view.shape = view.shape.iter().enumerate().map(|(a, &own)| if a == axis { len } else { own }).collect();
    view.source[axis] = along;
    build::view(graph, array, view)
}

/// `len` elements of an axis from `start` on.
pub(crate) fn part(graph: &mut Graph, array: NodeId, axis: usize, start: usize, len: usize) -> NodeId {
    along_axis(graph, array, axis, (SourceAxis::along(axis, start as i64, 1), len))
}

/// The elements moved `shift` places on along an axis; those that leave it enter at the other end.
pub fn roll(graph: &mut Graph, array: NodeId, shift: i64, axis: usize) -> Result<NodeId, OpError> {
    let len = graph[array].shape[axis];
    let shift = if len == 0 { 0 } else { shift.rem_euclid(len as i64) as usize };
    if shift == 0 {
        return Ok(array);
    }
    let parts = [part(graph, array, axis, len - shift, shift), part(graph, array, axis, 0, len - shift)];
    concatenate(graph, &parts, axis)
}

/// The array `count` times in a row along an axis.
pub fn tile(graph: &mut Graph, array: NodeId, count: usize, axis: usize) -> Result<NodeId, OpError> {
    if count == 0 {
        return Ok(part(graph, array, axis, 0, 0));
    }
    if graph[array].shape[axis] == 1 {
        return Ok(along_axis(graph, array, axis, (SourceAxis::fixed(0), count)));
    }
    concatenate(graph, &vec![array; count], axis)
}

/// Differences of neighbours along an axis, taken `n` times; of bools whether they differ.
pub fn diff(graph: &mut Graph, array: NodeId, n: usize, axis: usize) -> Result<NodeId, OpError> {
    let mut array = array;
    for _ in 0..n.min(graph[array].shape[axis].saturating_add(1)) {
        let name = if graph[array].dtype == DType::Bool { "not_equal" } else { "subtract" };
        let op = cleave_ops::table::find(name).expect("the table has differences");
        let len = graph[array].shape[axis].saturating_sub(1);
        let first = usize::from(graph[array].shape[axis] > 0);
        let (later, earlier) = (part(graph, array, axis, first, len), part(graph, array, axis, 0, len));
        array = build::elementwise(graph, op, &[build::Operand::Array(later), build::Operand::Array(earlier)])?;
    }
    Ok(array)
}

/// Every element `count` times along an axis.
pub fn repeat(graph: &mut Graph, array: NodeId, count: usize, axis: usize) -> Result<NodeId, OpError> {
    let Node { shape, dtype, mut chunks, .. } = graph[array].clone();
    let lens = shape.iter().enumerate().map(|(a, &len)| if a == axis { len.saturating_mul(count) } else { len });
    Shape::checked(lens)?;
    if count < 2 || shape[axis] == 1 {
        return if count == 1 { Ok(array) } else { tile(graph, array, count, axis) };
    }
    let long = chunks.0[axis].runs().iter().map(|&(len, chunk_count)| (len * count, chunk_count));
    chunks.0[axis] = AxisChunks::from_runs(long);
    let mut whole = constant_in(graph, Scalar::Bool(false), dtype, chunks);
    let shape = graph[whole].shape.clone();
    for start in (0..count).filter(|_| !shape.is_empty_array()) {
        let mut place = View::identity(&graph[array].shape);
        place.source[axis] = SourceAxis::along(axis, start as i64, count as i64);
        let Node { chunks, .. } = graph[whole].clone();
        let kind = NodeKind::Overlay { base: whole, patch: array, place };
        whole = graph.add(Node { kind, shape: shape.clone(), dtype, chunks });
    }
    Ok(whole)
}
