//! Passes from graph to graph: each pure, idempotent together, and checked by [`verify`](crate::verify).

mod constants;
mod cuts;
mod neutral;
mod places;
mod rechunks;
mod shifts;
mod views;
mod windows;

use crate::build::rechunk_to;
use crate::graph::Graph;
use crate::node::{Node, NodeId};
use crate::verify::verify;
use std::fmt;

/// What may be rewritten.
#[derive(Clone, Copy, Debug)]
pub struct RewriteOptions {
    /// Whether constants are computed while planning (`optimize.fold`).
    pub fold: bool,
}

/// A step from graph to graph.
pub struct Pass {
    /// Its name.
    pub name: &'static str,
    /// What it does to each thing it counts.
    pub does: &'static str,
    /// Whether it computes constants, which `optimize.fold` can forbid.
    pub folds: bool,
    run: fn(&Graph, &[NodeId]) -> Rewritten,
}

/// What a pass leaves.
struct Rewritten {
    graph: Graph,
    roots: Vec<NodeId>,
    /// How many things it changed.
    changes: usize,
}

/// What a pass did, for `explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The pass.
    pub pass: &'static str,
    /// What it does to each thing it counts.
    pub does: &'static str,
    /// How many things it changed.
    pub changes: usize,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.pass, self.does, self.changes)
    }
}

/// All passes in order. Equal nodes become one by the way a graph is built.
pub const PASSES: &[Pass] = &[
    Pass { name: "drop_rechunk", does: "rechunkings inside left out", folds: false, run: rechunks::drop },
    Pass {
        name: "combine_windows",
        does: "reductions over windows done in a few steps",
        folds: false,
        run: windows::combine,
    },
    Pass { name: "push_views", does: "views taken closer to the source", folds: false, run: views::push },
    Pass { name: "fold_constants", does: "constants computed", folds: true, run: constants::fold },
    Pass { name: "drop_neutral", does: "operations without effect left out", folds: true, run: neutral::drop },
];

/// Passes run again while they find something, but not more often than this.
const ROUNDS: usize = 8;

/// The part of the graph that `roots` are made of, rewritten; the roots in it; what was done.
pub fn optimize(graph: &Graph, roots: &[NodeId], options: RewriteOptions) -> (Graph, Vec<NodeId>, Vec<Applied>) {
    let (mut graph, mut roots) = places::drop(graph, roots);
    let passes: Vec<&Pass> = PASSES.iter().filter(|p| options.fold || !p.folds).collect();
    let mut changes = vec![0; passes.len()];
    for _ in 0..ROUNDS {
        let before: usize = changes.iter().sum();
        for (pass, count) in passes.iter().zip(&mut changes) {
            let done = (pass.run)(&graph, &roots);
            *count += done.changes;
            (graph, roots) = done.graph.reachable(&done.roots);
            debug_assert_eq!(verify(&graph), Ok(()), "after {}", pass.name);
        }
        if changes.iter().sum::<usize>() == before {
            break;
        }
    }
    let applied = passes.iter().zip(changes).filter(|(_, changes)| *changes > 0);
    let applied = applied.map(|(p, changes)| Applied { pass: p.name, does: p.does, changes }).collect();
    (graph, roots, applied)
}

/// Builds a graph anew, node by node: `make` gets each node over its new inputs and gives what stands for it.
fn rebuild(graph: &Graph, roots: &[NodeId], mut make: impl FnMut(&mut Graph, Node) -> NodeId) -> (Graph, Vec<NodeId>) {
    let (mut out, mut moved) = (Graph::new(), Vec::with_capacity(graph.len()));
    for (_, node) in graph.iter() {
        let inputs: Vec<NodeId> = node.kind.inputs().iter().map(|n| moved[n.0 as usize]).collect();
        let id = make(&mut out, Node { kind: node.kind.with_inputs(&inputs), ..node.clone() });
        moved.push(id);
    }
    let roots = roots.iter().map(|r| moved[r.0 as usize]).collect();
    (out, roots)
}

/// Cuts new roots as the old ones were: results keep their chunks, whatever they are made of.
fn keep_chunks(out: &mut Graph, new_roots: &mut [NodeId], graph: &Graph, roots: &[NodeId]) {
    for (new, &old) in new_roots.iter_mut().zip(roots) {
        *new = rechunk_to(out, *new, graph[old].chunks.clone());
    }
}
