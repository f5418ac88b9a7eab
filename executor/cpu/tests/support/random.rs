//! Graphs, chunks and views drawn from a tape of numbers, so that failures shrink.

use super::{add, blocks, counted, fill, fold, load, map, view};
use cleave_graph::{Graph, NodeId, NodeKind, SourceId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, DType, Data, Fill, Law, Scalar, Shape, View};
use cleave_plan::{Cut, Source, Sources};
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) struct Tape {
    numbers: Vec<u32>,
    at: usize,
}

impl Tape {
    pub(crate) fn new(numbers: Vec<u32>) -> Self {
        Self { numbers, at: 0 }
    }

    /// A number below `n`; 0 once the tape is used up.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.at += 1;
        self.numbers.get(self.at - 1).map_or(0, |&v| v as usize % n.max(1))
    }
}

/// A graph over int64 with the elements of its sources.
pub(crate) struct Case {
    pub(crate) graph: Graph,
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) stored: HashMap<SourceId, Data>,
}

const SHAPES: &[&[usize]] = &[
    &[],
    &[1],
    &[7],
    &[0],
    &[5, 4],
    &[3, 1],
    &[2, 3, 4],
    &[4, 0, 2],
    &[5000],
    &[70, 65],
    &[3, 700, 2],
    &[2, 2500],
    &[40, 3, 50],
    &[270, 530],
];

pub(crate) fn case(tape: &mut Tape) -> Case {
    let mut case = Case { graph: Graph::new(), nodes: Vec::new(), stored: HashMap::new() };
    for _ in 0..1 + tape.below(2) {
        let shape = Shape::new(SHAPES[tape.below(SHAPES.len())].iter().copied());
        let node = leaf(&mut case, &shape, tape);
        case.nodes.push(node);
    }
    for _ in 0..2 + tape.below(9) {
        let node = step(&mut case, tape);
        case.nodes.push(node);
    }
    case
}

fn leaf(case: &mut Case, shape: &Shape, tape: &mut Tape) -> NodeId {
    let law = Law::Integers { low: Scalar::Int(-9), high: Scalar::Int(10) };
    match tape.below(4) {
        0 => fill(&mut case.graph, Fill::Const(Scalar::Int(3)), shape, DType::I64),
        1 if shape.ndim() > 0 => {
            let axis = tape.below(shape.ndim());
            fill(&mut case.graph, Fill::Index { axis }, shape, DType::I64)
        }
        2 => {
            let id = case.stored.len() as u64;
            let values = (0..shape.size()).map(|i| (i * 7919 % 101) as i64 - 50).collect();
            case.stored.insert(SourceId(id), Data::I64(values));
            load(&mut case.graph, id, shape, DType::I64)
        }
        _ => fill(&mut case.graph, Fill::Random { seed: 5, draw: tape.below(3) as u64, law }, shape, DType::I64),
    }
}

fn step(case: &mut Case, tape: &mut Tape) -> NodeId {
    let x = case.nodes[tape.below(case.nodes.len())];
    let shape = case.graph[x].shape.clone();
    match tape.below(11) {
        8 => stencil(case, x, &shape, tape),
        9 => windows(case, x, &shape, tape),
        0 | 1 => {
            let y = same_shape(case, &shape, tape);
            let name = ["add", "subtract", "maximum", "minimum"][tape.below(4)];
            map(&mut case.graph, name, &[x, y])
        }
        2 | 3 => {
            let seen = random_view(&shape, tape);
            view(&mut case.graph, x, seen)
        }
        4 => {
            let narrow = add(&mut case.graph, NodeKind::Cast(x), &shape, DType::I16);
            add(&mut case.graph, NodeKind::Cast(narrow), &shape, DType::I64)
        }
        5 => random_fold(case, x, &shape, tape),
        6 => overlay(case, x, &shape, tape),
        _ => add(&mut case.graph, NodeKind::Rechunk(x), &shape, DType::I64),
    }
}

fn same_shape(case: &mut Case, shape: &Shape, tape: &mut Tape) -> NodeId {
    let like: Vec<NodeId> = case.nodes.iter().copied().filter(|&n| case.graph[n].shape == *shape).collect();
    let node = like[tape.below(like.len())];
    if tape.below(2) == 0 || shape.ndim() == 0 {
        return node;
    }
    let mut flip = View::identity(shape);
    let axis = tape.below(shape.ndim());
    flip.source[axis] = SourceAxis::along(axis, shape[axis].max(1) as i64 - 1, -1);
    view(&mut case.graph, node, flip)
}

/// The sum of what shifts of an array have in common.
fn stencil(case: &mut Case, x: NodeId, shape: &Shape, tape: &mut Tape) -> NodeId {
    let Some(axis) = (0..shape.ndim()).find(|&a| shape[a] > 3) else { return x };
    let len = shape[axis] - 2;
    let shifted = |graph: &mut Graph, by: i64| {
        let mut seen = View { shape: shape.with(axis, len), ..View::identity(shape) };
        seen.source[axis].start = by;
        view(graph, x, seen)
    };
    let seen: Vec<NodeId> = (0..2 + tape.below(2) as i64).map(|by| shifted(&mut case.graph, by)).collect();
    seen[1..].iter().fold(seen[0], |sum, &next| map(&mut case.graph, "add", &[sum, next]))
}

/// Windows of 3 on the first axis that is long enough, as a new last axis.
fn windows(case: &mut Case, x: NodeId, shape: &Shape, tape: &mut Tape) -> NodeId {
    let Some(axis) = (0..shape.ndim()).find(|&a| shape[a] > 3) else { return x };
    let step = 1 + tape.below(3);
    let count = (shape[axis] - 3) / step + 1;
    let mut seen = View::identity(shape);
    seen.shape = shape.with(axis, count).iter().copied().chain([3]).collect();
    seen.source[axis] = SourceAxis::along(axis, 0, step as i64).plus(shape.ndim(), 1);
    view(&mut case.graph, x, seen)
}

fn random_fold(case: &mut Case, x: NodeId, shape: &Shape, tape: &mut Tape) -> NodeId {
    let axes: Vec<usize> = (0..shape.ndim()).filter(|_| tape.below(2) == 0).collect();
    let nothing = axes.iter().any(|&a| shape[a] == 0);
    let name = if nothing { "sum" } else { ["sum", "max", "min", "argmax"][tape.below(4)] };
    fold(&mut case.graph, name, x, &axes)
}

/// A slice of each axis, then perhaps a new order, a broadcast or a diagonal.
fn random_view(shape: &Shape, tape: &mut Tape) -> View {
    let slice = random_slice(shape, tape);
    let outer = match tape.below(4) {
        0 => turned(&slice.shape, tape),
        1 if slice.shape.size() < 3000 => {
            let wider = Shape::new([1 + tape.below(3)].into_iter().chain(slice.shape.iter().copied()));
            View::broadcast(&slice.shape, &wider)
        }
        2 if slice.shape.ndim() == 2 => {
            let on = SourceAxis::whole;
            let len = slice.shape[0].min(slice.shape[1]);
            View { shape: Shape::new([len]), source: [on(0), on(0)].into_iter().collect() }
        }
        _ => View::identity(&slice.shape),
    };
    outer.of(&slice)
}

fn turned(shape: &Shape, tape: &mut Tape) -> View {
    let mut order: Vec<usize> = (0..shape.ndim()).collect();
    let by = tape.below(shape.ndim().max(1));
    order.rotate_left(by);
    let source = (0..shape.ndim()).map(|s| {
        let axis = order.iter().position(|&o| o == s).expect("every axis has a place");
        SourceAxis::whole(axis)
    });
    View { shape: order.iter().map(|&a| shape[a]).collect(), source: source.collect() }
}

fn random_slice(shape: &Shape, tape: &mut Tape) -> View {
    let (mut lens, mut source) = (Vec::new(), Vec::new());
    for &len in shape.iter() {
        let kind = if len == 0 { 0 } else { tape.below(5) };
        let (start, step, count) = match kind {
            1 => (len - 1, -1, len),
            2 => (tape.below(len), 1, 1),
            3 => (len / 3, 2, (len - len / 3).div_ceil(2)),
            4 => (tape.below(len), 0, 0),
            _ => (0, 1, len),
        };
        let fixed = kind == 4;
        let start = start as i64;
        source.push(if fixed { SourceAxis::fixed(start) } else { SourceAxis::along(lens.len(), start, step) });
        if !fixed {
            lens.push(count);
        }
    }
    View { shape: Shape::new(lens), source: source.into_iter().collect() }
}

fn overlay(case: &mut Case, base: NodeId, shape: &Shape, tape: &mut Tape) -> NodeId {
    let place = random_slice(shape, tape);
    let from = same_shape(case, shape, tape);
    let cut = view(&mut case.graph, from, place.clone());
    let patch = map(&mut case.graph, "negative", &[cut]);
    add(&mut case.graph, NodeKind::Overlay { base, patch, place }, shape, DType::I64)
}

pub(crate) fn chunks(shape: &Shape, tape: &mut Tape) -> Chunks {
    let axis = |&len: &usize| match tape.below(4) {
        0 => AxisChunks::single(len),
        1 => AxisChunks::regular(len, 1 + len / 3),
        2 => AxisChunks::regular(len, 1 + tape.below(50)),
        _ => {
            let first = len.min(tape.below(9));
            AxisChunks::from_lens([first, len - first])
        }
    };
    Chunks(shape.iter().map(axis).collect())
}

/// In which blocks a node is wanted.
pub(crate) fn cut(case: &Case, node: NodeId, tape: &mut Tape) -> Cut {
    if tape.below(2) == 0 { Cut::Engine } else { Cut::Grid(chunks(&case.graph[node].shape, tape)) }
}

/// The stored data in random blocks, some of which cannot be read where they lie.
pub(crate) fn sources(case: &Case, tape: &mut Tape) -> Sources {
    let mut sources = Sources::new();
    for (_, node) in case.graph.iter() {
        if let NodeKind::Load(id) = node.kind {
            let held = blocks(&case.stored[&id], &chunks(&node.shape, tape));
            let source: Arc<dyn Source> = if tape.below(2) == 0 { Arc::new(held) } else { Arc::new(counted(held)) };
            sources.insert(id, source);
        }
    }
    sources
}
