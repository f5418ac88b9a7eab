//! `drop_rechunk`: how an intermediate array is cut decides nothing, so only results are cut anew.

use super::{Rewritten, keep_chunks, rebuild};
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};

pub(super) fn drop(graph: &Graph, roots: &[NodeId]) -> Rewritten {
    let (mut out, mut new_roots) = rebuild(graph, roots, |out, node| match node.kind {
        NodeKind::Rechunk(input) => input,
        _ => out.add(node),
    });
    keep_chunks(&mut out, &mut new_roots, graph, roots);
    let (out, new_roots) = out.reachable(&new_roots);
    let changes = count(graph).saturating_sub(count(&out));
    Rewritten { graph: out, roots: new_roots, changes }
}

fn count(graph: &Graph) -> usize {
    graph.iter().filter(|(_, node)| matches!(node.kind, NodeKind::Rechunk(_))).count()
}
