//! Indexing with integers, slices, `...` and `None`, for reading and for functional assignment.

use crate::build::{self, Operand};
use crate::graph::Graph;
use crate::node::{Node, NodeId, NodeKind};
use cleave_ops::args::axis_of;
use cleave_ops::view::SourceAxis;
use cleave_ops::{Kind, OpError, Scalar, Shape, View};
use smallvec::SmallVec;

/// One index of a subscript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// An integer; it drops the axis.
    At(i64),
    /// `start:stop:step`
    Slice {
        /// The first index; the end where the step is negative, if left out.
        start: Option<i64>,
        /// One past the last.
        stop: Option<i64>,
        /// 1 if left out.
        step: Option<i64>,
    },
    /// `...`: as many whole axes as are missing.
    Ellipsis,
    /// `None`: a new axis of length 1.
    NewAxis,
}

const WHOLE: Index = Index::Slice { start: None, stop: None, step: None };

/// `node[indices]`.
pub fn index(graph: &mut Graph, node: NodeId, indices: &[Index]) -> Result<NodeId, OpError> {
    let selection = select(&graph[node].shape, indices)?;
    Ok(build::view(graph, node, selection.view))
}

/// `base` after `base[indices] = value`: a new array in the base's dtype and chunks.
pub fn assign(graph: &mut Graph, base: NodeId, indices: &[Index], value: Operand) -> Result<NodeId, OpError> {
    let Selection { view, dropped } = select(&graph[base].shape, indices)?;
    let place = without_new_axes(&view);
    let (dtype, chunks) = (graph[base].dtype, graph[base].chunks.clone());
    let patch = match value {
        Operand::Scalar(scalar) => {
            check_fits(scalar, dtype)?;
            let patch_chunks = chunks.through(&place);
            build::constant_in(graph, scalar, dtype, patch_chunks)
        }
        Operand::Array(array) => {
            let ready = build::cast(graph, array, dtype);
            let full = fit(graph, ready, &view.shape)?;
            build::view(graph, full, dropped)
        }
    };
    if place.shape.is_empty_array() {
        return Ok(base);
    }
    if place.shape.size() == graph[base].shape.size() {
        let seen = build::view(graph, patch, inverse(&place, &graph[base].shape));
        return Ok(build::rechunk_to(graph, seen, chunks));
    }
    let shape = graph[base].shape.clone();
    Ok(graph.add(Node { kind: NodeKind::Overlay { base, patch, place }, shape, dtype, chunks }))
}

/// What a subscript takes.
struct Selection {
    /// The selected elements.
    view: View,
    /// From the selection to the same without its new axes.
    dropped: View,
}

fn select(shape: &Shape, indices: &[Index]) -> Result<Selection, OpError> {
    let mut source: SmallVec<[SourceAxis; 4]> = SmallVec::new();
    let mut lens: SmallVec<[usize; 4]> = SmallVec::new();
    let mut dropped: SmallVec<[SourceAxis; 4]> = SmallVec::new();
    for item in expand(indices, shape.ndim())? {
        if item == Index::NewAxis {
            lens.push(1);
            dropped.push(SourceAxis::fixed(0));
            continue;
        }
        let axis = source.len();
        match item {
            Index::At(at) => source.push(SourceAxis::fixed(position(at, axis, shape[axis])?)),
            Index::Slice { start, stop, step } => {
                let (start, step, len) = slice(start, stop, step, shape[axis])?;
                source.push(SourceAxis::along(lens.len(), start, step));
                lens.push(len);
                let kept = dropped.iter().filter(|d| !d.is_fixed()).count();
                dropped.push(SourceAxis::whole(kept));
            }
            Index::Ellipsis | Index::NewAxis => {}
        }
    }
    let shape = Shape::checked(lens.iter().copied())?;
    let kept = shape.iter().zip(&dropped).filter(|(_, d)| !d.is_fixed()).map(|(&len, _)| len).collect();
    Ok(Selection { view: View { shape, source }, dropped: View { shape: kept, source: dropped } })
}

/// Replaces `...`, or the missing end, by whole axes.
fn expand(indices: &[Index], ndim: usize) -> Result<Vec<Index>, OpError> {
    let given = indices.iter().filter(|i| !matches!(i, Index::Ellipsis | Index::NewAxis)).count();
    let missing = ndim.checked_sub(given).ok_or(OpError::TooManyIndices { given, ndim })?;
    let dots: Vec<usize> = (0..indices.len()).filter(|&i| indices[i] == Index::Ellipsis).collect();
    if dots.len() > 1 {
        return Err(OpError::Argument { param: "index", expected: "at most one `...`", given: "several".into() });
    }
    let at = dots.first().copied().unwrap_or(indices.len());
    let rest = indices.get(at + 1..).unwrap_or(&[]);
    let whole = std::iter::repeat_n(WHOLE, missing);
    Ok(indices[..at].iter().copied().chain(whole).chain(rest.iter().copied()).collect())
}

fn position(at: i64, axis: usize, len: usize) -> Result<i64, OpError> {
    match axis_of(at, len) {
        Ok(position) => Ok(position as i64),
        Err(_) => Err(OpError::Index { index: at, axis, len }),
    }
}

/// Python's reading of a slice: where it starts, its step, how many elements it takes.
pub fn slice(
    start: Option<i64>,
    stop: Option<i64>,
    step: Option<i64>,
    len: usize,
) -> Result<(i64, i64, usize), OpError> {
    let (len, step) = (len as i64, step.unwrap_or(1));
    if step == 0 {
        return Err(OpError::ZeroStep);
    }
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |at: i64| if at < 0 { at.saturating_add(len) } else { at }.clamp(low, high);
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let (start, stop) = (start.map_or(first, clamp), stop.map_or(last, clamp));
    let span = if step > 0 { stop - start } else { start - stop };
    let count = if span <= 0 { 0 } else { (span as u64).div_ceil(step.unsigned_abs()) as usize };
    match count {
        0 => Ok((0, 1, 0)),
        1 => Ok((start, 1, 1)),
        _ => Ok((start, step, count)),
    }
}

/// The selection without the axes that no axis of the source moves along.
fn without_new_axes(view: &View) -> View {
    let mut source = view.source.clone();
    let mut shape = Shape::default();
    for (place, term) in source.iter_mut().filter_map(|s| s.terms.first_mut()).enumerate() {
        shape = shape.iter().copied().chain([view.shape[term.axis]]).collect();
        term.axis = place;
    }
    View { shape, source }
}

/// The value broadcast to a selection's shape; leading axes of length 1 too many are dropped, as in NumPy.
fn fit(graph: &mut Graph, value: NodeId, shape: &Shape) -> Result<NodeId, OpError> {
    let given = graph[value].shape.clone();
    let surplus = given.ndim().saturating_sub(shape.ndim());
    let fits = given[..surplus].iter().all(|&n| n == 1);
    let kept: Shape = given[surplus..].iter().copied().collect();
    if !fits || kept.broadcast(shape).as_ref() != Some(shape) {
        return Err(OpError::Broadcast { shapes: vec![given, shape.clone()] });
    }
    let axis = |a: usize| a.checked_sub(surplus).map_or_else(|| SourceAxis::fixed(0), SourceAxis::whole);
    let source = (0..given.ndim()).map(axis).collect();
    let lean = build::view(graph, value, View { shape: kept, source });
    Ok(build::broadcast_to(graph, lean, shape))
}

/// Where the elements of the base stand in a patch that covers all of it.
fn inverse(place: &View, base: &Shape) -> View {
    let mut source: SmallVec<[SourceAxis; 4]> = SmallVec::from_elem(SourceAxis::fixed(0), place.shape.ndim());
    for (axis, s) in place.source.iter().enumerate() {
        if let Some(of) = s.only() {
            source[of.axis] = SourceAxis::along(axis, -s.start * of.step, of.step);
        }
    }
    View { shape: base.clone(), source }
}

fn check_fits(value: Scalar, dtype: cleave_ops::DType) -> Result<(), OpError> {
    match value {
        Scalar::Int(value) if dtype.kind() == Kind::Int && !dtype.holds(value) => {
            Err(OpError::OutOfBounds { value, dtype })
        }
        _ => Ok(()),
    }
}
