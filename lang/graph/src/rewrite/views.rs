//! `push_views`: slices, flips, transposes and broadcasts move towards the sources, where they cost nothing.
//!
//! Going down, each node is told through which views it is wanted; going up, it is built once for each.
//! Views compose; they pass elementwise nodes, casts and rechunkings; constants take their shape; a
//! reduction passes on what selects among its kept axes. They stay on sources, reductions and overlays.

use super::{Rewritten, keep_chunks};
use crate::build::{self, constant_in};
use crate::graph::Graph;
use crate::node::{Node, NodeId, NodeKind};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Fill, Shape, View};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

/// A node wanted through more views than this is computed once and seen through them.
const MOST_VIEWS: usize = 32;

/// `None` is the view that changes nothing.
type Seen = Option<View>;

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
enum Passing {
    /// Views stay on the node.
    Stop,
    /// Views go to the inputs.
    Through,
    /// A reduction is taken of a part of its input, and the rest of the view stays on it.
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
                for input in node.kind.inputs() {
                    wants.add(&mut known, input, handed_on(graph, node, &passing, &seen));
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

/// How a view of a reduction is split.
#[derive(Clone)]
struct Part {
    /// What its input is cut to.
    input: View,
    /// What that makes of the reduction.
    kept: View,
    /// What is left of the view.
    rest: View,
}

fn passing(graph: &Graph, node: &Node, wanted: &[Seen]) -> Passing {
    let enlarges = |seen: &Seen| seen.as_ref().is_some_and(|v| v.shape.size() > node.shape.size());
    match &node.kind {
        NodeKind::View { .. } | NodeKind::Rechunk(_) => Passing::Through,
        NodeKind::Map { .. } | NodeKind::Cast(_) if wanted.len() > MOST_VIEWS => Passing::Stop,
        NodeKind::Map { .. } if wanted.iter().any(enlarges) => Passing::Stop,
        NodeKind::Map { .. } | NodeKind::Cast(_) => Passing::Through,
        NodeKind::Fold { input, axes, .. } => match wanted {
            [Some(view)] => part_of_fold(view, node, &graph[*input].shape, axes),
            _ => Passing::Stop,
        },
        NodeKind::Fill(_)
        | NodeKind::Load(_)
        | NodeKind::Overlay { .. }
        | NodeKind::Scan { .. }
        | NodeKind::Contract { .. } => Passing::Stop,
    }
}

/// The view of an input, where `node` is wanted through `seen`.
fn handed_on(graph: &Graph, node: &Node, passing: &Passing, seen: &Seen) -> Seen {
    match (passing, &node.kind, seen) {
        (Passing::Through, NodeKind::View { input, view }, _) => {
            let whole = seen.as_ref().map_or_else(|| view.clone(), |outer| outer.of(view));
            Some(whole).filter(|v| !v.is_identity(&graph[*input].shape))
        }
        (Passing::Through, _, _) => seen.clone(),
        (Passing::Part(part), _, _) => Some(part.input.clone()),
        (Passing::Stop, _, _) => None,
    }
}

/// Splits a view of a reduction into what selects among its kept axes, which its input can be cut to, and
/// the rest. Kept axes keep their order and number, so the reduction stays the same one.
fn part_of_fold(view: &View, node: &Node, input: &Shape, axes: &[usize]) -> Passing {
    if view.source.iter().any(|s| s.terms.len() > 1) {
        return Passing::Stop;
    }
    let cuts: Vec<(SourceAxis, SourceAxis, usize)> =
        view.source.iter().enumerate().map(|(a, s)| cut(view, s, a)).collect();
    let narrows = cuts.iter().zip(node.shape.iter()).any(|((.., len), whole)| len < whole);
    if !narrows || node.shape.is_empty_array() || view.shape.is_empty_array() {
        return Passing::Stop;
    }
    let kept_shape = cuts.iter().map(|(.., len)| *len).collect();
    let kept = View { shape: kept_shape, source: cuts.iter().map(|(inner, ..)| inner.clone()).collect() };
    let rest = View { shape: view.shape.clone(), source: cuts.iter().map(|(_, outer, _)| outer.clone()).collect() };
    Passing::Part(Box::new(Part { input: lifted(&kept, input, axes), kept, rest }))
}

/// One source axis of a view as an ascending cut, what is left to do after it, and the length between.
fn cut(view: &View, s: &SourceAxis, axis: usize) -> (SourceAxis, SourceAxis, usize) {
    match s.only() {
        None => (SourceAxis::along(axis, s.start, 1), SourceAxis::fixed(0), 1),
        Some(along) => {
            let len = view.shape[along.axis];
            let last = s.start + along.step * (len as i64 - 1);
            let turned = if along.step < 0 { (len as i64 - 1, -1) } else { (0, 1) };
            let outer = SourceAxis::along(along.axis, turned.0, turned.1);
            (SourceAxis::along(axis, s.start.min(last), along.step.abs()), outer, len)
        }
    }
}

/// A cut of the kept axes as a cut of the input, whose reduced axes stay whole.
fn lifted(kept: &View, input: &Shape, axes: &[usize]) -> View {
    let mut view = View::identity(input);
    let mut cuts = kept.source.iter().zip(kept.shape.iter());
    let mut shape: Vec<usize> = input.to_vec();
    for axis in (0..input.ndim()).filter(|axis| !axes.contains(axis)) {
        if let Some((cut, &len)) = cuts.next() {
            view.source[axis] = SourceAxis::along(axis, cut.start, cut.only().map_or(1, |t| t.step));
            shape[axis] = len;
        }
    }
    view.shape = shape.into_iter().collect();
    view
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
        let new: SmallVec<[NodeId; 3]> =
            inputs.iter().map(|&i| self.built[&(i, handed_on(graph, node, passing, seen))]).collect();
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
