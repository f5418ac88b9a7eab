//! The legal graph, as checks: what every pass must leave and every executor may rely on.

use crate::build::scalar_as;
use crate::graph::Graph;
use crate::node::{AxisPairs, Node, NodeId, NodeKind, SCAN_LEN};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Class, DType, Fill, FoldLoop, Op, Scalar, Shape, View};
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
    /// It has no more axes and elements than a machine can address.
    Addressable,
    /// Chunks cover the shape.
    ChunksCover,
    /// A constant is written as its dtype holds it; other rules have the axes they speak of and numbers that can be
    /// reckoned with.
    FillFits,
    /// Inputs of an elementwise node have its shape.
    MapShapes,
    /// The operation is of the node's class; inputs and result have the dtypes of its loop.
    LoopDTypes,
    /// A cast or rechunk keeps the shape, a view, rechunk or overlay the dtype.
    Kept,
    /// A reduction's axes ascend, at least one, and are missing in its shape.
    FoldAxes,
    /// A reduction of no elements has a result.
    FoldOfNothing,
    /// A scan begins each block but the first with the totals before it.
    ScanBlocks,
    /// A contraction pairs axes of equal length, each once.
    Paired,
    /// A view has one entry for each axis of its source and stays inside it; its terms ascend and step.
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
    if Shape::checked(node.shape.iter().copied()).is_err() {
        return Some(Rule::Addressable);
    }
    if node.chunks.shape() != node.shape {
        return Some(Rule::ChunksCover);
    }
    let checks: &[(bool, Rule)] = &match &node.kind {
        NodeKind::Fill(fill) => vec![(fill_fits(fill, node), Rule::FillFits)],
        NodeKind::Load(_) => vec![],
        NodeKind::Map { op, loop_index, inputs } => vec![
            (inputs.iter().all(|i| graph[*i].shape == node.shape), Rule::MapShapes),
            (map_loop(op, *loop_index, &dtypes(graph, inputs), node.dtype), Rule::LoopDTypes),
        ],
        NodeKind::Cast(input) => vec![(graph[*input].shape == node.shape, Rule::Kept)],
        NodeKind::Rechunk(input) | NodeKind::Place(input, _) => {
            vec![(graph[*input].shape == node.shape && graph[*input].dtype == node.dtype, Rule::Kept)]
        }
        NodeKind::Fold { op, loop_index, input, axes, .. } => vec![
            (fold_axes(&graph[*input].shape, axes, &node.shape), Rule::FoldAxes),
            (fold_loop(op, *loop_index, graph[*input].dtype, node.dtype).is_some(), Rule::LoopDTypes),
            (has_result(op, &graph[*input].shape, axes), Rule::FoldOfNothing),
        ],
        NodeKind::Scan { op, loop_index, input, axis, before } => vec![
            (graph[*input].shape == node.shape && *axis < node.shape.ndim(), Rule::Kept),
            (scan_loop(op, *loop_index, graph[*input].dtype, node.dtype), Rule::LoopDTypes),
            (scan_begins(graph, node, *axis, *before), Rule::ScanBlocks),
        ],
        NodeKind::Contract { op, loop_index, left, right, batch, summed } => {
            let (left, right) = (&graph[*left], &graph[*right]);
            let pairs = contracted(&left.shape, &right.shape, batch, summed).as_ref() == Some(&node.shape);
            let takes = contract_loop(op, *loop_index, [left.dtype, right.dtype], node.dtype);
            vec![(pairs, Rule::Paired), (takes, Rule::LoopDTypes)]
        }
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

fn map_loop(op: &Op, index: usize, inputs: &[DType], output: DType) -> bool {
    let Class::Map(map) = &op.class else { return false };
    map.loops.get(index).is_some_and(|l| l.inputs == inputs && l.output == output)
}

fn fold_loop(op: &Op, index: usize, input: DType, output: DType) -> Option<&FoldLoop> {
    let Class::Fold(fold) = &op.class else { return None };
    fold.loops.get(index).filter(|l| l.input == input && l.output == output)
}

fn scan_loop(op: &Op, index: usize, input: DType, output: DType) -> bool {
    let Class::Scan(scan) = &op.class else { return false };
    scan.loops.get(index).is_some_and(|l| l.input == input && l.output == output)
}

fn contract_loop(op: &Op, index: usize, inputs: [DType; 2], output: DType) -> bool {
    let Class::Contract(contract) = &op.class else { return false };
    contract.loops.get(index).is_some_and(|l| [l.dtype; 2] == inputs && l.dtype == output)
}

fn fill_fits(fill: &Fill, node: &Node) -> bool {
    match fill {
        Fill::Const(value) => scalar_as(*value, node.dtype) == *value,
        Fill::Ramp { start, step, last } => {
            node.shape.ndim() == 1 && [Some(*start), Some(*step), *last].into_iter().flatten().all(is_of_64_bits)
        }
        Fill::Index { axis } => *axis < node.shape.ndim(),
        Fill::Diagonal { .. } | Fill::Band { .. } => node.shape.ndim() >= 2,
        Fill::Random { .. } => true,
    }
}

/// Whether some dtype holds it, so that no arithmetic on it leaves 128 bits.
fn is_of_64_bits(value: Scalar) -> bool {
    value.to_int().is_none_or(|v| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&v))
}

fn has_result(op: &Op, input: &Shape, axes: &[usize]) -> bool {
    let nothing = axes.iter().any(|&a| input.get(a) == Some(&0));
    !nothing || matches!(&op.class, Class::Fold(fold) if fold.has_identity)
}

fn fold_axes(input: &Shape, axes: &[usize], result: &Shape) -> bool {
    let ascending = axes.windows(2).all(|pair| pair[0] < pair[1]);
    let inside = axes.last().is_some_and(|last| *last < input.ndim());
    let kept: Shape = (0..input.ndim()).filter(|a| !axes.contains(a)).map(|a| input[a]).collect();
    ascending && inside && kept == *result
}

fn scan_begins(graph: &Graph, node: &Node, axis: usize, before: Option<NodeId>) -> bool {
    let Some(len) = node.shape.get(axis) else { return false };
    let later_blocks = len.div_ceil(SCAN_LEN).saturating_sub(1);
    let along = |(a, &len): (usize, &usize)| if a == axis { later_blocks } else { len };
    let wanted: Shape = node.shape.iter().enumerate().map(along).collect();
    before.map_or(later_blocks == 0, |b| graph[b].shape == wanted && graph[b].dtype == node.dtype)
}

/// The shape of a contraction; `None` where its axes do not pair.
pub(crate) fn contracted(left: &Shape, right: &Shape, batch: &AxisPairs, summed: &AxisPairs) -> Option<Shape> {
    let pairs = || batch.iter().chain(summed);
    let once = |side: fn(&(usize, usize)) -> usize, axis: usize| pairs().filter(|p| side(p) == axis).count() <= 1;
    let fits = pairs().all(|&(l, r)| l < left.ndim() && r < right.ndim() && left[l] == right[r]);
    let single = (0..left.ndim()).all(|a| once(|p| p.0, a)) && (0..right.ndim()).all(|a| once(|p| p.1, a));
    let free_left = (0..left.ndim()).filter(|a| pairs().all(|p| p.0 != *a)).map(|a| left[a]);
    let free_right = (0..right.ndim()).filter(|a| pairs().all(|p| p.1 != *a)).map(|a| right[a]);
    (fits && single).then(|| batch.iter().map(|p| left[p.0]).chain(free_left).chain(free_right).collect())
}

fn is_inside(view: &View, source: &Shape) -> bool {
    let stays = |(s, &len): (&SourceAxis, &usize)| is_within(s, &view.shape, len);
    let matching = view.source.len() == source.ndim() && view.source.iter().all(|s| steps(s, view.shape.ndim()));
    matching && view.source.iter().zip(source.iter()).all(stays)
}

/// Whether terms ascend by axis, name axes that are there, and step.
fn steps(axis: &SourceAxis, ndim: usize) -> bool {
    let ascending = axis.terms.windows(2).all(|pair| pair[0].axis < pair[1].axis);
    ascending && axis.terms.iter().all(|t| t.axis < ndim && t.step != 0)
}

/// Whether all indices lie in an axis of that length; of a view without elements, whether they can be reckoned with.
fn is_within(axis: &SourceAxis, shape: &Shape, len: usize) -> bool {
    if shape.is_empty_array() {
        return axis.start.unsigned_abs() <= FAR && axis.terms.iter().all(|t| t.step.unsigned_abs() <= FAR);
    }
    let reach = |t: &cleave_ops::view::Term| i128::from(t.step) * (shape[t.axis] as i128 - 1);
    let low: i128 = axis.terms.iter().map(|t| reach(t).min(0)).sum();
    let high: i128 = axis.terms.iter().map(|t| reach(t).max(0)).sum();
    let start = i128::from(axis.start);
    start + low >= 0 && start + high < len as i128
}

/// Beyond this, indices of views without elements are refused.
const FAR: u64 = 1 << 60;

fn is_injective(place: &View) -> bool {
    let names = |axis: usize| place.source.iter().filter(|s| s.follows(axis)).count();
    let single = place.source.iter().all(|s| s.terms.len() < 2);
    single && (0..place.shape.ndim()).all(|axis| names(axis) == 1)
}
