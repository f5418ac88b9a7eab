//! `push_views`: slices, flips, transposes and broadcasts move towards the sources, where they cost nothing.
//!
//! Going down, each node is told through which views it is wanted; going up, it is built once for each.
//! Views compose; they pass elementwise nodes, casts and rechunkings; constants take their shape; reductions,
//! running values and contractions pass on what selects among axes that they keep. They stay on sources,
//! overlays, and on elementwise nodes seen shifted against themselves, which are computed once.

use super::cuts::{Axes, Part, part_of, sides};
use super::{Rewritten, keep_chunks, shifts};
use crate::build::{self, constant_in};
use crate::graph::Graph;
use crate::node::{Node, NodeId, NodeKind};
use cleave_ops::{Fill, View};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::{SmallVec, smallvec};

/// A node wanted through more views than this is computed once and seen through them.
const MOST_VIEWS: usize = 32;

/// `None` is the view that changes nothing.
pub(super) type Seen = Option<View>;

pub(super) fn push(graph: &Graph, roots: &[NodeId]) -> Rewritten {
    let wants = Wants::gather(graph, roots);
    let mut rise = Rise { out: Graph::new(), built: FxHashMap::default(), changes: 0 };
    for (id, _) in graph.iter() {
        for seen in wants.of[id.0 as usize].iter().rev() {
            let new = rise.build(graph, &wants.passing[id.0 as usize], id, seen);
            rise.built.insert((id, seen.clone()), new);
        }
    }
    let mut new_roots: Vec<NodeId> = roots.iter().map(|&root| rise.built[&(root, None)]).collect();
    keep_chunks(&mut rise.out, &mut new_roots, graph, roots);
    Rewritten { graph: rise.out, roots: new_roots, changes: rise.changes }
}

/// Through which views each node is wanted.
struct Wants {
    of: Vec<Vec<Seen>>,
    /// How a node hands views on.
    passing: Vec<Passing>,
}

#[derive(Clone)]
pub(super) enum Passing {
    /// Views stay on the node.
    Stop,
    /// Views go to the inputs.
    Through,
    /// The node is made of parts of its inputs, and the rest of the view stays on it.
    Part(Box<Part>),
}

impl Wants {
    fn gather(graph: &Graph, roots: &[NodeId]) -> Self {
        let mut wants = Self { of: vec![Vec::new(); graph.len()], passing: vec![Passing::Stop; graph.len()] };
        let mut known = FxHashSet::default();
        for &root in roots {
            wants.add(&mut known, root, None);
        }
        let nodes: Vec<(NodeId, &Node)> = graph.iter().collect();
        for (id, node) in nodes.into_iter().rev() {
            let passing = passing(graph, node, &wants.of[id.0 as usize]);
            for seen in wants.of[id.0 as usize].clone() {
                for (place, input) in node.kind.inputs().into_iter().enumerate() {
                    wants.add(&mut known, input, handed_on(graph, (node, place), &passing, &seen));
                }
            }
            wants.passing[id.0 as usize] = passing;
        }
        wants
    }

    fn add(&mut self, known: &mut FxHashSet<(NodeId, Seen)>, node: NodeId, seen: Seen) {
        if known.insert((node, seen.clone())) {
            self.of[node.0 as usize].push(seen);
        }
    }
}

fn passing(graph: &Graph, node: &Node, wanted: &[Seen]) -> Passing {
    let enlarges = |seen: &Seen| seen.as_ref().is_some_and(|v| v.shape.size() > node.shape.size());
    match &node.kind {
        NodeKind::View { .. } | NodeKind::Rechunk(_) => Passing::Through,
        NodeKind::Place(..) => Passing::Stop,
        NodeKind::Map { .. } | NodeKind::Cast(_) if wanted.len() > MOST_VIEWS => Passing::Stop,
        NodeKind::Map { .. } if wanted.iter().any(enlarges) => Passing::Stop,
        NodeKind::Cast(_) if wanted.iter().any(|seen| enlarges(seen) && slides(seen)) => Passing::Stop,
        NodeKind::Map { .. } | NodeKind::Cast(_) if shifts::overlap(wanted, &node.shape) => Passing::Stop,
        NodeKind::Map { .. } | NodeKind::Cast(_) => Passing::Through,
        NodeKind::Fold { input, axes, .. } => match wanted {
            [Some(view)] => {
                let mut next = 0..;
                let place = |a| if axes.contains(&a) { None } else { next.next() };
                let kept: Axes = (0..graph[*input].shape.ndim()).map(place).collect();
                part_of(view, node, |cuts| Some(smallvec![cuts.on(&graph[*input].shape, &kept)]))
            }
            _ => Passing::Stop,
        },
        NodeKind::Scan { input, axis, before, .. } => match wanted {
            [Some(view)] => part_of(view, node, |cuts| {
                let own: Axes = (0..node.shape.ndim()).map(Some).collect();
                let whole = cuts.is_whole(*axis, node.shape[*axis]);
                let inputs = [*input].into_iter().chain(*before);
                whole.then(|| inputs.map(|i| cuts.but(*axis).on(&graph[i].shape, &own)).collect())
            }),
            _ => Passing::Stop,
        },
        NodeKind::Contract { left, right, batch, summed, .. } => match wanted {
            [Some(view)] => part_of(view, node, |cuts| {
                let [l, r] = sides(graph[*left].shape.ndim(), graph[*right].shape.ndim(), batch, summed);
                Some(smallvec![cuts.on(&graph[*left].shape, &l), cuts.on(&graph[*right].shape, &r)])
            }),
            _ => Passing::Stop,
        },
        NodeKind::Fill(_) | NodeKind::Load(_) | NodeKind::Overlay { .. } => Passing::Stop,
    }
}

/// Whether a view shows elements several times because windows lie over each other.
fn slides(seen: &Seen) -> bool {
    seen.as_ref().is_some_and(|view| view.source.iter().any(|s| s.terms.len() > 1))
}

/// The view of input number `place`, where `node` is wanted through `seen`.
fn handed_on(graph: &Graph, (node, place): (&Node, usize), passing: &Passing, seen: &Seen) -> Seen {
    match (passing, &node.kind, seen) {
        (Passing::Through, NodeKind::View { input, view }, _) => {
            let whole = seen.as_ref().map_or_else(|| view.clone(), |outer| outer.of(view));
            Some(whole).filter(|v| !v.is_identity(&graph[*input].shape))
        }
        (Passing::Through, _, _) => seen.clone(),
        (Passing::Part(part), _, _) => {
            let input = node.kind.inputs()[place];
            Some(part.inputs[place].clone()).filter(|v| !v.is_identity(&graph[input].shape))
        }
        (Passing::Stop, _, _) => None,
    }
}

/// The new graph, and where each wanted pair stands in it.
struct Rise {
    out: Graph,
    built: FxHashMap<(NodeId, Seen), NodeId>,
    changes: usize,
}

impl Rise {
    fn build(&mut self, graph: &Graph, passing: &Passing, id: NodeId, seen: &Seen) -> NodeId {
        let node = &graph[id];
        let inputs = node.kind.inputs();
        let handed = inputs.iter().enumerate();
        let new: SmallVec<[NodeId; 3]> =
            handed.map(|(place, &i)| self.built[&(i, handed_on(graph, (node, place), passing, seen))]).collect();
        match (passing, &node.kind) {
            (Passing::Through, NodeKind::View { input, .. }) => {
                let moves = seen.is_some() || matches!(graph[*input].kind, NodeKind::View { .. });
                self.changes += usize::from(moves);
                new[0]
            }
            (Passing::Through, kind) => {
                self.changes += usize::from(seen.is_some());
                let node = Node { kind: kind.with_inputs(&new), ..node.clone() };
                self.out.add(through(node, seen))
            }
            (Passing::Part(split), kind) => {
                self.changes += 1;
                let part = through(Node { kind: kind.with_inputs(&new), ..node.clone() }, &Some(split.kept.clone()));
                let part = self.out.add(part);
                build::view(&mut self.out, part, split.rest.clone())
            }
            (Passing::Stop, NodeKind::Fill(Fill::Const(value))) if seen.is_some() => {
                self.changes += 1;
                let Node { dtype, chunks, .. } = through(node.clone(), seen);
                constant_in(&mut self.out, *value, dtype, chunks)
            }
            (Passing::Stop, kind) => {
                let made = self.out.add(Node { kind: kind.with_inputs(&new), ..node.clone() });
                seen.iter().fold(made, |made, view| build::view(&mut self.out, made, view.clone()))
            }
        }
    }
}

/// The node's shape and chunks as a view shows them.
fn through(node: Node, seen: &Seen) -> Node {
    match seen {
        None => node,
        Some(view) => Node { shape: view.shape.clone(), chunks: node.chunks.through(view), ..node },
    }
}
