//! The legal graph, as checks: what every pass must leave and every executor may rely on.

use crate::build::scalar_as;
use crate::graph::Graph;
use crate::node::{Node, NodeId, NodeKind};
use cleave_ops::{Class, DType, Fill, Op, Shape, View};
use std::fmt;

/// A node that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Illegal {
    /// The node.
    pub node: NodeId,
    /// The rule.
    pub rule: Rule,
}

/// What holds for the nodes of a legal graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Inputs stand before what is made of them.
    InputsFirst,
    /// Chunks cover the shape.
    ChunksCover,
    /// A constant is written as its dtype holds it; other rules have the axes they speak of.
    FillFits,
    /// Inputs of an elementwise node have its shape.
    MapShapes,
    /// Inputs and result have the dtypes of the loop.
    LoopDTypes,
    /// A cast or rechunk keeps the shape, a view, rechunk or overlay the dtype.
    Kept,
    /// A reduction's axes ascend, at least one, and are missing in its shape.
    FoldAxes,
    /// A view has one entry for each axis of its source and stays inside it.
    ViewInside,
    /// A view has the node's shape.
    ViewShape,
    /// An overlay's place has the patch's shape and names each of its axes once.
    PlaceInjective,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} breaks the rule {:?}", self.node, self.rule)
    }
}

impl std::error::Error for Illegal {}

/// The first node that breaks a rule, if any does.
pub fn verify(graph: &Graph) -> Result<(), Illegal> {
    for (id, node) in graph.iter() {
        let broken = broken_rule(graph, id, node);
        if let Some(rule) = broken {
            return Err(Illegal { node: id, rule });
        }
    }
    Ok(())
}

fn broken_rule(graph: &Graph, id: NodeId, node: &Node) -> Option<Rule> {
    if node.kind.inputs().iter().any(|input| *input >= id) {
        return Some(Rule::InputsFirst);
    }
    if node.chunks.shape() != node.shape {
        return Some(Rule::ChunksCover);
    }
    let checks: &[(bool, Rule)] = &match &node.kind {
        NodeKind::Fill(fill) => vec![(fill_fits(fill, node), Rule::FillFits)],
        NodeKind::Load(_) => vec![],
        NodeKind::Map { op, loop_index, inputs } => vec![
            (inputs.iter().all(|i| graph[*i].shape == node.shape), Rule::MapShapes),
            (loop_dtypes(op, *loop_index, &dtypes(graph, inputs), node.dtype), Rule::LoopDTypes),
        ],
        NodeKind::Cast(input) => vec![(graph[*input].shape == node.shape, Rule::Kept)],
        NodeKind::Rechunk(input) => {
            vec![(graph[*input].shape == node.shape && graph[*input].dtype == node.dtype, Rule::Kept)]
        }
        NodeKind::Fold { op, loop_index, input, axes, .. } => vec![
            (fold_axes(&graph[*input].shape, axes, &node.shape), Rule::FoldAxes),
            (loop_dtypes(op, *loop_index, &dtypes(graph, &[*input]), node.dtype), Rule::LoopDTypes),
        ],
        NodeKind::View { input, view } => vec![
            (graph[*input].dtype == node.dtype, Rule::Kept),
            (view.shape == node.shape, Rule::ViewShape),
            (is_inside(view, &graph[*input].shape), Rule::ViewInside),
        ],
        NodeKind::Overlay { base, patch, place } => vec![
            (graph[*base].dtype == node.dtype && graph[*patch].dtype == node.dtype, Rule::Kept),
            (graph[*base].shape == node.shape, Rule::Kept),
            (is_inside(place, &node.shape), Rule::ViewInside),
            (graph[*patch].shape == place.shape && is_injective(place), Rule::PlaceInjective),
        ],
    };
    checks.iter().find(|(holds, _)| !holds).map(|(_, rule)| *rule)
}

fn dtypes(graph: &Graph, inputs: &[NodeId]) -> Vec<DType> {
    inputs.iter().map(|i| graph[*i].dtype).collect()
}

fn loop_dtypes(op: &Op, index: usize, inputs: &[DType], output: DType) -> bool {
    match &op.class {
        Class::Map(map) => map.loops.get(index).is_some_and(|l| l.inputs == inputs && l.output == output),
        Class::Fold(fold) => fold.loops.get(index).is_some_and(|l| [l.input] == inputs && l.output == output),
        Class::Fill(_) | Class::View(_) => false,
    }
}

fn fill_fits(fill: &Fill, node: &Node) -> bool {
    match fill {
        Fill::Const(value) => scalar_as(*value, node.dtype) == *value,
        Fill::Ramp { .. } => node.shape.ndim() == 1,
        Fill::Index { axis } => *axis < node.shape.ndim(),
        Fill::Diagonal { .. } | Fill::Band { .. } => node.shape.ndim() >= 2,
        Fill::Random { .. } => true,
    }
}

fn fold_axes(input: &Shape, axes: &[usize], result: &Shape) -> bool {
    let ascending = axes.windows(2).all(|pair| pair[0] < pair[1]);
    let inside = axes.last().is_some_and(|last| *last < input.ndim());
    let kept: Shape = (0..input.ndim()).filter(|a| !axes.contains(a)).map(|a| input[a]).collect();
    ascending && inside && kept == *result
}

fn is_inside(view: &View, source: &Shape) -> bool {
    let holds = |at: i64, len: usize| (0..len as i64).contains(&at);
    let axis_inside = |(s, &len): (&cleave_ops::view::SourceAxis, &usize)| match s.axis {
        None => holds(s.start, len),
        Some(a) => {
            a < view.shape.ndim() && holds(s.start, len) && holds(s.start + s.step * (view.shape[a] as i64 - 1), len)
        }
    };
    let named = view.source.iter().all(|s| s.axis.is_none_or(|a| a < view.shape.ndim()));
    let matching = view.source.len() == source.ndim() && named;
    matching && (view.shape.is_empty_array() || view.source.iter().zip(source.iter()).all(axis_inside))
}

fn is_injective(place: &View) -> bool {
    let names = |axis: usize| place.source.iter().filter(|s| s.axis == Some(axis) && s.step != 0).count();
    (0..place.shape.ndim()).all(|axis| names(axis) == 1)
}
