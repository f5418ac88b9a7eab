//! What a graph means, element by element.

use crate::blocks::{contracted, matrices, scanned};
use cleave_graph::rewrite::{RewriteOptions, optimize};
use cleave_graph::{Graph, Node, NodeId, NodeKind, SourceId};
use cleave_ops::op::{Cell, FoldFacts, Layout};
use cleave_ops::{Class, Data, DataRef, Row, Shape, View, cast, copy_run, fill_row};
use std::collections::HashMap;

/// The elements of a node, row-major.
pub(crate) fn evaluate(graph: &Graph, root: NodeId, stored: &HashMap<SourceId, Data>) -> Data {
    let (part, roots, _) = optimize(graph, &[root], RewriteOptions { fold: true });
    let mut known: Vec<Data> = Vec::new();
    for (_, node) in part.iter() {
        let value = node_value(&part, node, &known, stored);
        known.push(value);
    }
    known.swap_remove(roots[0].0 as usize)
}

fn node_value(graph: &Graph, node: &Node, known: &[Data], stored: &HashMap<SourceId, Data>) -> Data {
    let mut out = Data::zeros(node.dtype, node.shape.size());
    let of = |n: &NodeId| &known[n.0 as usize];
    match &node.kind {
        NodeKind::Load(id) => return stored[id].clone(),
        NodeKind::Rechunk(input) | NodeKind::Place(input, _) => return of(input).clone(),
        NodeKind::Cast(input) => cast(of(input).as_ref(), &mut out),
        NodeKind::Fill(fill) => (0..out.len()).for_each(|i| {
            let at: Vec<i64> = index_of(i, &node.shape).iter().map(|&i| i as i64).collect();
            fill_row(fill, &node.shape, Row { at: &at, axis: None, step: 0 }, &mut out, i..i + 1);
        }),
        NodeKind::View { input, view } => each(view, &graph[*input].shape, |i, source| {
            copy_run(of(input).as_ref(), source, 0, &mut out, i, 1);
        }),
        NodeKind::Scan { op, loop_index, input, axis, before } => {
            let Class::Scan(scan) = &op.class else { unreachable!("a scan is made of running values") };
            let (run, before) = (scan.loops[*loop_index].run, before.as_ref().map(of));
            return scanned(run, of(input), (&node.shape, *axis), before, out);
        }
        NodeKind::Contract { op, loop_index, left, right, batch, summed } => {
            let Class::Contract(contract) = &op.class else { unreachable!("a product is made of a contraction") };
            let side = |id: &NodeId, right| matrices(of(id), &graph[*id].shape, (batch, summed), right);
            return contracted(contract.loops[*loop_index].add, [side(left, false), side(right, true)], out);
        }
        NodeKind::Overlay { base, patch, place } => {
            out.clone_from(of(base));
            each(place, &node.shape, |i, target| copy_run(of(patch).as_ref(), i, 0, &mut out, target, 1));
        }
        NodeKind::Map { op, loop_index, inputs } => {
            let Class::Map(map) = &op.class else { unreachable!("a map is made of an elementwise operation") };
            let inputs: Vec<DataRef<'_>> = inputs.iter().map(|n| of(n).as_ref()).collect();
            (map.loops[*loop_index].run)(&inputs, out.as_mut());
        }
        NodeKind::Fold { op, loop_index, input, axes, ddof } => {
            let Class::Fold(fold) = &op.class else { unreachable!("a fold is made of a reduction") };
            let rule = &fold.loops[*loop_index];
            for i in 0..out.len() {
                let row = row(of(input), &graph[*input].shape, axes, i);
                let mut state: Vec<Data> = rule.state.iter().map(|&d| Data::with_capacity(d, 0)).collect();
                let positions: Vec<i64> = (0..row.len() as i64).collect();
                let (data, reduced) = (row.as_ref(), row.len());
                let cell = Cell::dense(data, [1, reduced], Layout::Rows, &positions);
                if row.is_empty() {
                    (rule.identity)(1, &mut state)
                } else {
                    (rule.take)(&cell, &mut state)
                }
                let mut value = Data::with_capacity(rule.output, 0);
                (rule.finish)(&state, &FoldFacts { count: row.len() as u64, ddof: ddof.0 }, &mut value);
                copy_run(value.as_ref(), 0, 0, &mut out, i, 1);
            }
        }
    }
    out
}

fn index_of(flat: usize, shape: &[usize]) -> Vec<usize> {
    let strides = Shape::new(shape.iter().copied()).strides();
    shape.iter().zip(&strides).map(|(len, stride)| flat / stride % len).collect()
}

fn each(view: &View, source: &Shape, mut visit: impl FnMut(usize, usize)) {
    for i in 0..view.shape.size() {
        visit(i, view.flat(&index_of(i, &view.shape), &source.strides()));
    }
}

/// The elements that go into result `number`, in order.
fn row(data: &Data, shape: &Shape, axes: &[usize], number: usize) -> Data {
    let kept: Vec<usize> = (0..shape.ndim()).filter(|a| !axes.contains(a)).collect();
    let kept_index = index_of(number, &kept.iter().map(|&a| shape[a]).collect::<Vec<_>>());
    let lens: Vec<usize> = axes.iter().map(|&a| shape[a]).collect();
    let mut row = Data::zeros(data.dtype(), lens.iter().product());
    for i in 0..row.len() {
        let mut index = vec![0; shape.ndim()];
        kept.iter().zip(&kept_index).for_each(|(&a, &v)| index[a] = v);
        axes.iter().zip(index_of(i, &lens)).for_each(|(&a, v)| index[a] = v);
        let flat = index.iter().zip(&shape.strides()).map(|(i, s)| i * s).sum();
        copy_run(data.as_ref(), flat, 0, &mut row, i, 1);
    }
    row
}
