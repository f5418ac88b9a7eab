//! Devices decide who computes, which is settled before a plan is made.

use super::rebuild;
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};

/// The part of the graph that `roots` are made of, without devices; the roots in it.
pub(super) fn drop(graph: &Graph, roots: &[NodeId]) -> (Graph, Vec<NodeId>) {
    let (graph, roots) = graph.reachable(roots);
    if graph.iter().all(|(_, node)| !matches!(node.kind, NodeKind::Place(..))) {
        return (graph, roots);
    }
    let (graph, roots) = rebuild(&graph, &roots, |out, node| match node.kind {
        NodeKind::Place(input, _) => input,
        _ => out.add(node),
    });
    graph.reachable(&roots)
}
