//! `fold_constants`: what is the same everywhere is computed once, on one element.
//!
//! A reduction of a constant is folded only where the result cannot depend on the order of the work: where
//! combining two equal states changes nothing, or all of its states are integers that floats hold exactly.

use super::{Rewritten, rebuild};
use crate::build::{constant_in, scalar_as};
use crate::graph::Graph;
use crate::node::{Ddof, Node, NodeId, NodeKind};
use cleave_ops::data::Element;
use cleave_ops::op::{Cell, FoldFacts, Layout, Product};
use cleave_ops::{Class, DType, Data, Fill, Fold, FoldLoop, Op, Scalar, Shape, each_dtype};

pub(super) fn fold(graph: &Graph, roots: &[NodeId]) -> Rewritten {
    let mut changes = 0;
    let (graph, roots) = rebuild(graph, roots, |out, node| match value_of(out, &node) {
        Some(value) => {
            changes += 1;
            constant_in(out, value, node.dtype, node.chunks)
        }
        None => out.add(node),
    });
    Rewritten { graph, roots, changes }
}

/// The value that all elements of a node have, unless it is written as a constant already.
fn value_of(graph: &Graph, node: &Node) -> Option<Scalar> {
    match &node.kind {
        NodeKind::Fill(_) | NodeKind::Load(_) | NodeKind::Scan { .. } => None,
        NodeKind::Contract { op, loop_index, left, right, summed, .. } => {
            let values = [constant(graph, *left)?, constant(graph, *right)?];
            let shared = summed.iter().map(|&(axis, _)| graph[*left].shape[axis]).fold(1, usize::saturating_mul);
            product_sum(op, *loop_index, values, shared)
        }
        NodeKind::Map { op, loop_index, inputs } => {
            let values: Option<Vec<Data>> =
                inputs.iter().map(|i| Some(one(graph[*i].dtype, constant(graph, *i)?))).collect();
            let Class::Map(map) = &op.class else { return None };
            let values = values?;
            let mut out = Data::zeros(node.dtype, 1);
            (map.loops[*loop_index].run)(&values.iter().map(Data::as_ref).collect::<Vec<_>>(), out.as_mut());
            Some(out.get(0))
        }
        NodeKind::Cast(input) => {
            let mut out = Data::zeros(node.dtype, 1);
            cleave_ops::cast::cast(one(graph[*input].dtype, constant(graph, *input)?).as_ref(), &mut out);
            Some(out.get(0))
        }
        NodeKind::View { input, .. } | NodeKind::Rechunk(input) | NodeKind::Place(input, _) => constant(graph, *input),
        NodeKind::Overlay { base, patch, .. } => {
            constant(graph, *base).filter(|value| constant(graph, *patch) == Some(*value))
        }
        NodeKind::Fold { op, loop_index, input, axes, ddof } => {
            let shape = &graph[*input].shape;
            let count = axes.iter().map(|&a| shape[a]).collect::<Shape>().size() as u64;
            reduced(op, *loop_index, constant(graph, *input)?, count, *ddof)
        }
    }
}

/// Longer sums of products are left to where results are computed.
const LONGEST_SUM: usize = 1 << 16;

/// The sum of `shared` equal products, in the order in which it is always taken.
fn product_sum(op: &Op, loop_index: usize, values: [Scalar; 2], shared: usize) -> Option<Scalar> {
    let Class::Contract(contract) = &op.class else { return None };
    let rule = &contract.loops[loop_index];
    if shared > LONGEST_SUM {
        return None;
    }
    let [left, right] = values.map(|value| filled(rule.dtype, value, shared));
    let mut out = Data::zeros(rule.dtype, 1);
    let product = Product { left: left.as_ref(), right: right.as_ref(), rows: 1, shared, columns: 1 };
    (rule.add)(&product, &mut out);
    Some(out.get(0))
}

/// The value of a constant node.
pub(super) fn constant(graph: &Graph, id: NodeId) -> Option<Scalar> {
    match graph[id].kind {
        NodeKind::Fill(Fill::Const(value)) => Some(value),
        _ => None,
    }
}

fn one(dtype: DType, value: Scalar) -> Data {
    filled(dtype, value, 1)
}

fn filled(dtype: DType, value: Scalar, len: usize) -> Data {
    let mut data = Data::zeros(dtype, len);
    each_dtype!(Data, &mut data, v => v.fill(Element::from_scalar(value)));
    data
}

/// The reduction of `count` equal elements, where the order of the work cannot show.
fn reduced(op: &Op, loop_index: usize, value: Scalar, count: u64, ddof: Ddof) -> Option<Scalar> {
    let Class::Fold(fold) = &op.class else { return None };
    let rule = &fold.loops[loop_index];
    if count == 0 || value == Scalar::Float(-0.0) {
        return None;
    }
    let unit = state_of_one(fold, rule, value);
    let state = repeated(rule, unit, count)?;
    let mut out = Data::zeros(rule.output, 1);
    (rule.finish)(&state, &FoldFacts { count, ddof: ddof.0 }, &mut out);
    let result = out.get(0);
    (scalar_as(result, rule.output) == result).then_some(result)
}

fn state_of_one(fold: &Fold, rule: &FoldLoop, value: Scalar) -> Vec<Data> {
    let data = one(rule.input, value);
    let positions: &[i64] = if fold.needs_positions { &[0] } else { &[] };
    let mut state: Vec<Data> = rule.state.iter().map(|d| Data::zeros(*d, 1)).collect();
    let cell = Cell::dense(data.as_ref(), [1, 1], Layout::Rows, positions);
    (rule.take)(&cell, &mut state);
    state
}

/// `count` equal states combined, by doubling.
fn repeated(rule: &FoldLoop, unit: Vec<Data>, count: u64) -> Option<Vec<Data>> {
    let mut power = unit.clone();
    (rule.combine)(&mut power, &unit);
    if power == unit {
        return Some(unit);
    }
    let (mut power, mut rest, mut sum) = (unit, count, None::<Vec<Data>>);
    loop {
        if !is_exact(&power) {
            return None;
        }
        if rest & 1 == 1 {
            sum = Some(match sum {
                None => power.clone(),
                Some(mut sum) => {
                    (rule.combine)(&mut sum, &power);
                    sum
                }
            });
        }
        rest >>= 1;
        if rest == 0 {
            return sum.filter(|s| is_exact(s));
        }
        let half = power.clone();
        (rule.combine)(&mut power, &half);
    }
}

/// Whether all columns of a state are integers within the range where a float holds each.
fn is_exact(state: &[Data]) -> bool {
    state.iter().all(|column| {
        let most = match column.dtype() {
            DType::F16 => 2_f64.powi(11),
            DType::F32 => 2_f64.powi(24),
            DType::F64 => 2_f64.powi(53),
            _ => return true,
        };
        let value = column.get(0).to_f64();
        value.fract() == 0.0 && value.abs() <= most
    })
}
