//! A graph's values by the plainest means: whole arrays, node after node.

use crate::blocks::{contracted, matrices, scanned};
use cleave_graph::{Graph, Node, NodeId, NodeKind, SourceId};
use cleave_ops::data::Element;
use cleave_ops::op::{Cell, FoldFacts, Layout};
use cleave_ops::{Class, Data, Fill, Row, Scalar, Shape, View, cast, each_dtype, fill_row};

/// The elements of a node, row-major.
pub(crate) fn evaluate(graph: &Graph, root: NodeId) -> Vec<Scalar> {
    let mut done: Vec<Data> = Vec::new();
    for (_, node) in graph.iter() {
        done.push(one(graph, &done, node));
    }
    let data = &done[root.0 as usize];
    (0..data.len()).map(|i| data.get(i)).collect()
}

fn one(graph: &Graph, done: &[Data], node: &Node) -> Data {
    let of = |id: NodeId| &done[id.0 as usize];
    let size = node.shape.size();
    let mut out = Data::zeros(node.dtype, size);
    match &node.kind {
        NodeKind::Fill(fill) => filled(fill, node),
        NodeKind::Load(source) => loaded(*source, node),
        NodeKind::Map { op, loop_index, inputs } => {
            let Class::Map(map) = &op.class else { panic!("{op:?} is not elementwise") };
            let inputs: Vec<_> = inputs.iter().map(|i| of(*i).as_ref()).collect();
            (map.loops[*loop_index].run)(&inputs, out.as_mut());
            out
        }
        NodeKind::Cast(input) => {
            cast(of(*input).as_ref(), &mut out);
            out
        }
        NodeKind::Fold { op, loop_index, input, axes, ddof } => {
            let Class::Fold(fold) = &op.class else { panic!("{op:?} is not a reduction") };
            let rule = &fold.loops[*loop_index];
            let matrix = rows(of(*input), &graph[*input].shape, axes);
            let reduced: usize = axes.iter().map(|&a| graph[*input].shape[a]).product();
            let positions: Vec<i64> = (0..reduced as i64).collect();
            let mut state: Vec<Data> = rule.state.iter().map(|d| Data::zeros(*d, size)).collect();
            let positions = if fold.needs_positions { &positions[..] } else { &[] };
            if reduced == 0 {
                (rule.identity)(size, &mut state);
            } else {
                let cell = Cell::dense(matrix.as_ref(), [size, reduced], Layout::Rows, positions);
                (rule.take)(&cell, &mut state);
            }
            (rule.finish)(&state, &FoldFacts { count: reduced as u64, ddof: ddof.0 }, &mut out);
            out
        }
        NodeKind::View { input, view } => seen(of(*input), view, &graph[*input].shape),
        NodeKind::Rechunk(input) | NodeKind::Place(input, _) => of(*input).clone(),
        NodeKind::Scan { op, loop_index, input, axis, before } => {
            let Class::Scan(scan) = &op.class else { panic!("{op:?} gives no running values") };
            let run = scan.loops[*loop_index].run;
            scanned(run, of(*input), (&node.shape, *axis), before.map(of), out)
        }
        NodeKind::Contract { op, loop_index, left, right, batch, summed } => {
            let Class::Contract(contract) = &op.class else { panic!("{op:?} is no contraction") };
            let add = contract.loops[*loop_index].add;
            let sides = [(*left, false), (*right, true)];
            let [left, right] = sides.map(|(id, turned)| matrices(of(id), &graph[id].shape, (batch, summed), turned));
            contracted(add, [left, right], out)
        }
        NodeKind::Overlay { base, patch, place } => {
            let mut out = of(*base).clone();
            let strides = node.shape.strides();
            for (flat, index) in indices(&place.shape).enumerate() {
                set(&mut out, place.flat(&index, &strides), of(*patch).get(flat));
            }
            out
        }
    }
}

fn filled(fill: &Fill, node: &Node) -> Data {
    let (size, ndim) = (node.shape.size(), node.shape.ndim());
    let mut out = Data::zeros(node.dtype, size);
    for (flat, index) in indices(&node.shape).enumerate() {
        let at: Vec<i64> = index.iter().map(|&i| i as i64).collect();
        let row = Row { at: &at, axis: ndim.checked_sub(1), step: 1 };
        fill_row(fill, &node.shape, row, &mut out, flat..flat + 1);
    }
    out
}

/// Values that differ from element to element, small and not all integers.
fn loaded(source: SourceId, node: &Node) -> Data {
    let mut out = Data::zeros(node.dtype, node.shape.size());
    for i in 0..out.len() {
        let mixed = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(source.0) >> 40;
        set(&mut out, i, Scalar::Float(((mixed % 97) as f64 - 20.0) / 4.0));
    }
    out
}

fn seen(data: &Data, view: &View, shape: &Shape) -> Data {
    let mut out = Data::zeros(data.dtype(), view.shape.size());
    let strides = shape.strides();
    for (flat, index) in indices(&view.shape).enumerate() {
        set(&mut out, flat, data.get(view.flat(&index, &strides)));
    }
    out
}

/// The input with the reduced axes last.
fn rows(data: &Data, shape: &Shape, axes: &[usize]) -> Data {
    let kept = (0..shape.ndim()).filter(|a| !axes.contains(a));
    let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
    let mut view = View::identity(shape);
    view.shape = order.iter().map(|&a| shape[a]).collect();
    for (place, &axis) in order.iter().enumerate() {
        view.source[axis] = cleave_ops::view::SourceAxis::whole(place);
    }
    seen(data, &view, shape)
}

fn set(data: &mut Data, at: usize, value: Scalar) {
    each_dtype!(Data, data, v => v[at] = Element::from_scalar(value));
}

fn indices(shape: &Shape) -> impl Iterator<Item = Vec<usize>> + use<> {
    let (shape, strides) = (shape.clone(), shape.strides());
    (0..shape.size()).map(move |flat| (0..shape.ndim()).map(|a| flat / strides[a] % shape[a]).collect())
}
