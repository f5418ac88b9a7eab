//! What computing a part of a graph costs, before anything runs.

use crate::graph::Graph;
use crate::node::{Node, NodeId, NodeKind};

/// Sizes and work of the part of a graph that some arrays are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Facts {
    /// The operations in it, as cards count them: all nodes but constants that stand for scalars.
    pub layers: usize,
    /// Elements of the results.
    pub elements: u128,
    /// Bytes of the results.
    pub bytes: u128,
    /// Bytes of the stored or held arrays it reads, each counted once.
    pub loaded_bytes: u128,
    /// Arithmetic, in additions, if every node is computed once and whole.
    pub flops: f64,
}

/// The facts of the part that `roots` are made of.
pub fn facts(graph: &Graph, roots: &[NodeId]) -> Facts {
    let (part, roots) = graph.reachable(roots);
    let mut facts = Facts::default();
    for root in &roots {
        facts.elements += size(&part[*root]);
        facts.bytes += part[*root].nbytes();
    }
    let scalars = scalar_constants(&part, &roots);
    facts.layers = part.len() - scalars;
    for (_, node) in part.iter() {
        facts.flops += flops(&part, node);
        if matches!(node.kind, NodeKind::Load(_)) {
            facts.loaded_bytes += node.nbytes();
        }
    }
    facts
}

fn size(node: &Node) -> u128 {
    node.shape.iter().map(|&n| n as u128).product()
}

/// How many constants only stand for scalars beside arrays.
fn scalar_constants(graph: &Graph, roots: &[NodeId]) -> usize {
    let is_constant = |id: NodeId| matches!(graph[id].kind, NodeKind::Fill(cleave_ops::Fill::Const(_)));
    let mut beside = vec![false; graph.len()];
    for (_, node) in graph.iter() {
        if let NodeKind::Map { inputs, .. } = &node.kind
            && !inputs.iter().all(|i| is_constant(*i))
        {
            inputs.iter().for_each(|i| beside[i.0 as usize] |= is_constant(*i));
        }
    }
    roots.iter().for_each(|root| beside[root.0 as usize] = false);
    beside.into_iter().filter(|b| *b).count()
}

fn flops(graph: &Graph, node: &Node) -> f64 {
    match &node.kind {
        NodeKind::Map { op, .. } => size(node) as f64 * op.weight(),
        NodeKind::Fold { op, input, .. } => size(&graph[*input]) as f64 * op.weight(),
        NodeKind::Scan { op, .. } => size(node) as f64 * op.weight(),
        NodeKind::Contract { op, left, summed, .. } => {
            let shared: f64 = summed.iter().map(|&(axis, _)| graph[*left].shape[axis] as f64).product();
            size(node) as f64 * shared * op.weight()
        }
        NodeKind::Fill(_) | NodeKind::Cast(_) => size(node) as f64,
        NodeKind::Load(_)
        | NodeKind::View { .. }
        | NodeKind::Rechunk(_)
        | NodeKind::Place(..)
        | NodeKind::Overlay { .. } => 0.0,
    }
}
