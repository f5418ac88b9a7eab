//! `combine_windows`: reductions over windows become a few elementwise steps, however long the windows are.
//!
//! A window of 25 is five windows of 5 one behind the other, each of which is combined from the first to the last, as
//! they are then: few arrays lie in between, and all windows of 5 are made once. So it is with every product of
//! [short](SHORT) lengths. Of any other length, combining an array with itself shifted by one gives all windows of
//! two; that with itself shifted by two all windows of four, and so on: a window of 11 is one of 8, one of 2 behind it
//! and one of 1 behind that. Several window axes are taken one after the other.

use super::{Rewritten, keep_chunks, rebuild};
use crate::build::{self, Operand};
use crate::graph::Graph;
use crate::join::part;
use crate::node::{Node, NodeId, NodeKind};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Class, DType, Op, Pairwise, Scalar, Shape, View};

/// Longer windows are reduced as they are.
const LONGEST: usize = 1 << 13;
/// Windows up to this length are combined element after element.
const SHORT: usize = 7;

pub(super) fn combine(graph: &Graph, roots: &[NodeId]) -> Rewritten {
    let mut changes = 0;
    let (mut out, mut new_roots) = rebuild(graph, roots, |out, node| match combined(out, &node) {
        Some(made) => {
            changes += 1;
            made
        }
        None => out.add(node),
    });
    keep_chunks(&mut out, &mut new_roots, graph, roots);
    Rewritten { graph: out, roots: new_roots, changes }
}

/// What stands for a reduction over windows, where that is less work.
fn combined(graph: &mut Graph, node: &Node) -> Option<NodeId> {
    let NodeKind::Fold { op, loop_index, input, axes, .. } = &node.kind else { return None };
    let Class::Fold(fold) = &op.class else { return None };
    let (pairwise, rule) = (fold.pairwise?, &fold.loops[*loop_index]);
    let &[state] = rule.state else { return None };
    let seen = seen_from(graph, *input);
    let slides = |a: &usize| followed(&seen.view, *a).is_some_and(|(s, ..)| seen.view.source[s].terms.len() > 1);
    let short = |a: &usize| followed(&seen.view, *a).is_some_and(|(_, _, len)| len <= LONGEST);
    if seen.view.shape.is_empty_array() || !axes.iter().all(short) || !axes.iter().any(slides) {
        return None;
    }
    let (lattice, view) = on_lattice(&seen.view);
    if !pays(&seen.view, &lattice, axes) {
        return None;
    }
    let base = build::view(graph, seen.source, lattice);
    let base = seen.casts.into_iter().rev().chain([state]).fold(base, |base, dtype| build::cast(graph, base, dtype));
    let (all, view) = axes.iter().try_fold((base, view), |(base, view), &axis| {
        let (s, step, len) = followed(&view, axis)?;
        let rest = without(view, s, axis, step, len);
        Some((windows(graph, pairwise.combine, base, (s, step.unsigned_abs() as usize, len))?, rest))
    })?;
    let seen = build::view(graph, all, dropped(&view, axes));
    let count: usize = axes.iter().map(|&a| view.shape[a]).product();
    finished(graph, &pairwise, seen, (count, node.dtype))
}

/// An array and how it is seen: cast to some dtypes, and through one view.
struct Seen {
    source: NodeId,
    view: View,
    /// The last cast first.
    casts: Vec<DType>,
}

fn seen_from(graph: &Graph, node: NodeId) -> Seen {
    let mut seen = Seen { source: node, view: View::identity(&graph[node].shape), casts: Vec::new() };
    loop {
        match &graph[seen.source].kind {
            NodeKind::View { input, view } => {
                seen.view = seen.view.of(view);
                seen.source = *input;
            }
            NodeKind::Cast(input) => {
                seen.casts.push(graph[seen.source].dtype);
                seen.source = *input;
            }
            NodeKind::Rechunk(input) => seen.source = *input,
            _ => return seen,
        }
    }
}

/// The source axis that alone follows an axis of the view, the step on it, and the axis' length.
fn followed(view: &View, axis: usize) -> Option<(usize, i64, usize)> {
    let mut follow = (0..view.source.len()).filter(|&s| view.source[s].follows(axis));
    let (s, others) = (follow.next()?, follow.next());
    others.is_none().then(|| (s, view.source[s].step_on(axis), view.shape[axis]))
}

/// The part of the source that the view sees, without the elements between its steps, and the view of that.
fn on_lattice(view: &View) -> (View, View) {
    let (mut lattice, mut inner) = (View { shape: Shape::default(), source: Default::default() }, view.clone());
    let mut lens = Vec::new();
    for (s, along) in view.source.iter().enumerate() {
        let (low, high) = along.range(&view.shape);
        let apart = along.terms.iter().map(|t| t.step.unsigned_abs()).fold(0, greatest_common).max(1) as i64;
        lattice.source.push(SourceAxis::along(s, low, apart));
        lens.push(((high - low) / apart) as usize + 1);
        inner.source[s].start = (along.start - low) / apart;
        inner.source[s].terms.iter_mut().for_each(|t| t.step /= apart);
    }
    lattice.shape = lens.into_iter().collect();
    (lattice, inner)
}

fn greatest_common(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common(b, a % b) }
}

/// Whether combining takes fewer steps than going through all windows.
fn pays(view: &View, lattice: &View, axes: &[usize]) -> bool {
    let elements = |shape: &Shape| shape.iter().map(|&len| len as f64).product::<f64>();
    let steps: usize = axes.iter().map(|&a| steps(view.shape[a])).sum();
    elements(&lattice.shape) * (steps as f64) < elements(&view.shape)
}

/// How often two arrays are combined for windows of a length.
fn steps(len: usize) -> usize {
    match factor(len) {
        1 => (len.ilog2() + len.count_ones()) as usize - 1,
        first => first - 1 + if first == len { 0 } else { steps(len / first) },
    }
}

/// The longest short window of which those of a length are made, 1 if there is none.
fn factor(len: usize) -> usize {
    (2..=SHORT).rev().find(|short| len.is_multiple_of(*short)).unwrap_or(1)
}

/// The view of what windows of an axis give, that axis left without effect.
fn without(mut view: View, s: usize, axis: usize, step: i64, len: usize) -> View {
    view.source[s].start += (step * (len as i64 - 1)).min(0);
    view.source[s].terms.retain(|t| t.axis != axis);
    view
}

/// All windows of `len` elements, `step` apart, along axis `s`.
fn windows(graph: &mut Graph, op: &'static Op, base: NodeId, (s, step, len): (usize, usize, usize)) -> Option<NodeId> {
    let first = factor(len);
    if first == 1 {
        return by_doubling(graph, op, base, (s, step, len));
    }
    let results = graph[base].shape[s] - step * (first - 1);
    let mut all = part(graph, base, s, 0, results);
    for number in 1..first {
        let next = part(graph, base, s, number * step, results);
        all = both(graph, op, [all, next])?;
    }
    if first == len { Some(all) } else { windows(graph, op, all, (s, step * first, len / first)) }
}

fn by_doubling(
    graph: &mut Graph,
    op: &'static Op,
    base: NodeId,
    (s, step, len): (usize, usize, usize),
) -> Option<NodeId> {
    let results = graph[base].shape[s] - step * (len - 1);
    let mut powers = vec![base];
    for level in 0..len.ilog2() {
        let (last, shift) = (powers[level as usize], step << level);
        let rest = graph[last].shape[s] - shift;
        let halves = [part(graph, last, s, 0, rest), part(graph, last, s, shift, rest)];
        powers.push(both(graph, op, halves)?);
    }
    let (mut done, mut all) = (0, None);
    for level in (0..powers.len()).rev().filter(|level| len >> level & 1 == 1) {
        let piece = part(graph, powers[level], s, done * step, results);
        all = Some(match all {
            Some(all) => both(graph, op, [all, piece])?,
            None => piece,
        });
        done += 1 << level;
    }
    all
}

/// Cut as the first part is: cutting wherever one is would double the chunks with each step.
fn both(graph: &mut Graph, op: &'static Op, parts: [NodeId; 2]) -> Option<NodeId> {
    let first = graph[parts[0]].clone();
    let made = build::elementwise(graph, op, &parts.map(Operand::Array)).ok()?;
    let made = Node { chunks: first.chunks, ..graph[made].clone() };
    (made.dtype == first.dtype).then(|| graph.add(made))
}

/// The view without the window axes.
fn dropped(view: &View, axes: &[usize]) -> View {
    let kept: Vec<usize> = (0..view.shape.ndim()).filter(|a| !axes.contains(a)).collect();
    let mut rest = View { shape: kept.iter().map(|&a| view.shape[a]).collect(), source: view.source.clone() };
    for term in rest.source.iter_mut().flat_map(|s| &mut s.terms) {
        term.axis = kept.partition_point(|&a| a < term.axis);
    }
    rest
}

fn finished(graph: &mut Graph, rule: &Pairwise, all: NodeId, (count, dtype): (usize, DType)) -> Option<NodeId> {
    let done = match rule.by_count {
        Some(op) => {
            let count = Operand::Scalar(Scalar::Float(count as f64));
            build::elementwise(graph, op, &[Operand::Array(all), count]).ok()?
        }
        None => all,
    };
    Some(build::cast(graph, done, dtype))
}
