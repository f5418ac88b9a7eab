//! What a graph means, node by node and element by element, without a plan.

use cleave_graph::node::AxisPairs;
use cleave_graph::{Graph, Node, NodeId, NodeKind, SourceId};
use cleave_ops::op::{Cell, FoldFacts, Layout, Product, ScanBlock};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Class, Data, DataRef, FoldLoop, Row, Shape, View, cast, copy_run, fill_row};
use cleave_plan::stage::unravel;
use std::collections::HashMap;

/// The elements of a node, row-major.
pub(crate) fn evaluate(graph: &Graph, node: NodeId, stored: &HashMap<SourceId, Data>) -> Data {
    let mut known: Vec<Data> = Vec::new();
    for (_, node) in graph.iter().take(node.0 as usize + 1) {
        let value = node_value(graph, node, &known, stored);
        known.push(value);
    }
    known.swap_remove(node.0 as usize)
}

fn node_value(graph: &Graph, node: &Node, known: &[Data], stored: &HashMap<SourceId, Data>) -> Data {
    let mut out = Data::zeros(node.dtype, node.shape.size());
    let of = |n: &NodeId| &known[n.0 as usize];
    match &node.kind {
        NodeKind::Load(id) => return stored[id].clone(),
        NodeKind::Rechunk(input) | NodeKind::Place(input, _) => return of(input).clone(),
        NodeKind::Cast(input) => cast(of(input).as_ref(), &mut out),
        NodeKind::Fill(fill) => (0..out.len()).for_each(|i| {
            let at: Vec<i64> = unravel(i, &node.shape).iter().map(|&i| i as i64).collect();
            fill_row(fill, &node.shape, Row { at: &at, axis: None, step: 0 }, &mut out, i..i + 1);
        }),
        NodeKind::View { input, view } => each(view, &graph[*input].shape, |i, source| {
            copy_run(of(input).as_ref(), source, 0, &mut out, i, 1);
        }),
        NodeKind::Scan { op, loop_index, input, axis, .. } => {
            let Class::Scan(scan) = &op.class else { unreachable!() };
            let cut = |axes: std::ops::Range<usize>| node.shape[axes].iter().product();
            let lens = [cut(0..*axis), node.shape[*axis], cut(*axis + 1..node.shape.ndim())];
            (scan.loops[*loop_index].run)(&ScanBlock { data: of(input).as_ref(), lens, before: None }, &mut out);
        }
        NodeKind::Contract { op, loop_index, left, right, batch, summed } => {
            let Class::Contract(contract) = &op.class else { unreachable!() };
            let sides = [(left, pairs(batch, summed, |p| p.0)), (right, pairs(batch, summed, |p| p.1))];
            let rows: Vec<Vec<Data>> = sides.iter().map(|(n, (b, s))| matrix(of(n), &graph[**n].shape, b, s)).collect();
            let batches = batch.iter().map(|p| graph[*left].shape[p.0]).product::<usize>();
            let shared = summed.iter().map(|p| graph[*left].shape[p.0]).product();
            let [lefts, rights] = [0, 1].map(|i| rows[i].len() / batches.max(1));
            for i in 0..out.len() {
                let (number, inside) = (i / (lefts * rights), i % (lefts * rights));
                let [left, right] =
                    [&rows[0][number * lefts + inside / rights], &rows[1][number * rights + inside % rights]];
                let product = Product { left: left.as_ref(), right: right.as_ref(), rows: 1, shared, columns: 1 };
                let mut sum = Data::zeros(node.dtype, 1);
                (contract.loops[*loop_index].add)(&product, &mut sum);
                copy_run(sum.as_ref(), 0, 0, &mut out, i, 1);
            }
        }
        NodeKind::Overlay { base, patch, place } => {
            out.clone_from(of(base));
            each(place, &node.shape, |i, target| copy_run(of(patch).as_ref(), i, 0, &mut out, target, 1));
        }
        NodeKind::Map { op, loop_index, inputs } => {
            let Class::Map(map) = &op.class else { unreachable!() };
            let inputs: Vec<DataRef<'_>> = inputs.iter().map(|n| of(n).as_ref()).collect();
            (map.loops[*loop_index].run)(&inputs, out.as_mut());
        }
        NodeKind::Fold { op, loop_index, input, axes, ddof } => {
            let Class::Fold(fold) = &op.class else { unreachable!() };
            for i in 0..out.len() {
                let row = row(of(input), &graph[*input].shape, axes, i);
                let value = folded(&fold.loops[*loop_index], &row, ddof.0);
                copy_run(value.as_ref(), 0, 0, &mut out, i, 1);
            }
        }
    }
    out
}

/// What a reduction makes of some elements.
fn folded(rule: &FoldLoop, row: &Data, ddof: f64) -> Data {
    let mut state: Vec<Data> = rule.state.iter().map(|&d| Data::with_capacity(d, 0)).collect();
    let positions: Vec<i64> = (0..row.len() as i64).collect();
    let cell = Cell::dense(row.as_ref(), [1, row.len()], Layout::Rows, &positions);
    if row.is_empty() {
        (rule.identity)(1, &mut state)
    } else {
        (rule.take)(&cell, &mut state)
    }
    let mut value = Data::with_capacity(rule.output, 0);
    (rule.finish)(&state, &FoldFacts { count: row.len() as u64, ddof }, &mut value);
    value
}

/// One operand's batch axes and summed axes.
fn pairs(batch: &AxisPairs, summed: &AxisPairs, side: fn(&(usize, usize)) -> usize) -> (Vec<usize>, Vec<usize>) {
    (batch.iter().map(side).collect(), summed.iter().map(side).collect())
}

/// The summed elements for each batch index and, below that, each index of the other axes.
fn matrix(data: &Data, shape: &Shape, batch: &[usize], summed: &[usize]) -> Vec<Data> {
    let free = (0..shape.ndim()).filter(|a| !batch.contains(a) && !summed.contains(a));
    let order: Vec<usize> = batch.iter().copied().chain(free).chain(summed.iter().copied()).collect();
    let place = |axis: usize| SourceAxis::whole(order.iter().position(|&a| a == axis).unwrap());
    let view =
        View { shape: order.iter().map(|&a| shape[a]).collect(), source: (0..shape.ndim()).map(place).collect() };
    let mut turned = Data::zeros(data.dtype(), data.len());
    each(&view, shape, |i, source| copy_run(data.as_ref(), source, 0, &mut turned, i, 1));
    let len: usize = summed.iter().map(|&a| shape[a]).product();
    let rows: usize = order[..order.len() - summed.len()].iter().map(|&a| shape[a]).product();
    let row = |r: usize| {
        let mut row = Data::zeros(data.dtype(), len);
        copy_run(turned.as_ref(), r * len, 1, &mut row, 0, len);
        row
    };
    (0..rows).map(row).collect()
}

fn each(view: &View, source: &Shape, mut visit: impl FnMut(usize, usize)) {
    for i in 0..view.shape.size() {
        visit(i, view.flat(&unravel(i, &view.shape), &source.strides()));
    }
}

/// The elements that go into result `number`, in order.
fn row(data: &Data, shape: &Shape, axes: &[usize], number: usize) -> Data {
    let kept: Vec<usize> = (0..shape.ndim()).filter(|a| !axes.contains(a)).collect();
    let kept_index = unravel(number, &kept.iter().map(|&a| shape[a]).collect::<Vec<_>>());
    let lens: Vec<usize> = axes.iter().map(|&a| shape[a]).collect();
    let mut row = Data::zeros(data.dtype(), lens.iter().product());
    for i in 0..row.len() {
        let mut index = vec![0; shape.ndim()];
        kept.iter().zip(&kept_index).for_each(|(&a, &v)| index[a] = v);
        axes.iter().zip(unravel(i, &lens)).for_each(|(&a, v)| index[a] = v);
        let flat = index.iter().zip(&shape.strides()).map(|(i, s)| i * s).sum();
        copy_run(data.as_ref(), flat, 0, &mut row, i, 1);
    }
    row
}
