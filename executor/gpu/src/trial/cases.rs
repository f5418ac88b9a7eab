//! What is tried: every loop of every operation, every way to lie in memory, every law of random numbers.

use super::data::FAR;
use cleave_graph::node::Ddof;
use cleave_graph::{Graph, Node, NodeId, NodeKind, SourceId};
use cleave_ops::op::{Class, Fold, Gist, Map};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Chunks, DType, Fill, FoldLoop, Law, Op, Scalar, Shape, View, table};
use smallvec::SmallVec;

/// What it is called, the graph, and the array that is wanted of it.
pub type Case = (String, Graph, NodeId);

/// A node in one chunk.
pub fn add(graph: &mut Graph, kind: NodeKind, shape: &[usize], dtype: DType) -> NodeId {
    let shape = Shape::new(shape.iter().copied());
    graph.add(Node { kind, dtype, chunks: Chunks::single(&shape), shape })
}

/// A stored array.
pub fn load(graph: &mut Graph, number: u64, shape: &[usize], dtype: DType) -> NodeId {
    add(graph, NodeKind::Load(SourceId(number)), shape, dtype)
}

/// An array that is made from its indices.
pub fn fill(graph: &mut Graph, fill: Fill, shape: &[usize], dtype: DType) -> NodeId {
    add(graph, NodeKind::Fill(fill), shape, dtype)
}

/// Everything: loops, views, views reduced, draws, conversions, an array with a patch, running values, windows,
/// products of matrices.
pub fn all() -> Vec<Case> {
    let mut all = each_loop([37, 70]);
    all.extend(DType::ALL.into_iter().flat_map(each_view));
    all.extend(folds().filter(|(_, rule)| !rule.loops.is_empty()).flat_map(|(op, rule)| reduced_views(op, rule)));
    all.extend([DType::F32, DType::F64].into_iter().flat_map(draws));
    all.extend(casts());
    all.extend(DType::ALL.into_iter().map(patched));
    all.extend(super::running::of_running());
    all.extend(super::products::products());
    all
}

/// A sum whose tasks read parts that lie side by side, for a card that may take so little memory that the array does not
/// stay there.
pub fn in_parts() -> (u64, Case) {
    let is_sum = |of: &FoldLoop| of.input == DType::F64 && of.gist == Some(Gist::Sum);
    let sums = |(op, rule): (&'static Op, &'static Fold)| Some((op, rule, rule.loops.iter().position(is_sum)?));
    let sum = folds().find_map(sums).expect("there are sums of float64");
    let (mut g, lens) = (Graph::new(), [1030, 4100]);
    let x = load(&mut g, 0, &lens, DType::F64);
    let bytes = (lens[0] * lens[1] * DType::F64.size()) as u64;
    (bytes * 3 / 2, one_fold(sum, (g, x), &[0, 1]))
}

/// From each dtype to each other.
fn casts() -> impl Iterator<Item = Case> {
    let pairs = DType::ALL.into_iter().flat_map(|from| DType::ALL.into_iter().map(move |to| (from, to)));
    pairs.filter(|(from, to)| from != to).map(|(from, to)| {
        let mut g = Graph::new();
        let x = load(&mut g, FAR as u64, &[23, 70], from);
        let node = add(&mut g, NodeKind::Cast(x), &[23, 70], to);
        (format!("{from} as {to}"), g, node)
    })
}

/// An array of which every other column of some rows is another's.
fn patched(dtype: DType) -> Case {
    let mut g = Graph::new();
    let (base, patch) = (load(&mut g, 0, &[41, 66], dtype), load(&mut g, 1, &[12, 30], dtype));
    let source = [SourceAxis::along(0, 5, 2), SourceAxis::along(1, 63, -2)].into_iter().collect();
    let place = View { shape: Shape::new([12, 30]), source };
    let node = add(&mut g, NodeKind::Overlay { base, patch, place }, &[41, 66], dtype);
    (format!("{dtype} with a patch"), g, node)
}

/// A stage for each loop of each operation, elementwise or a reduction, of arrays of two lengths; with how it is called.
pub fn each_loop(lens: [usize; 2]) -> Vec<Case> {
    let mut all = vec![];
    for op in table::all() {
        match &op.class {
            Class::Map(map) => {
                let plain = |g: &mut Graph, place: usize, dtype| load(g, place as u64, &lens, dtype);
                all.extend((0..map.loops.len()).map(|number| one_map((op, map, number), lens, &plain)));
            }
            Class::Fold(fold) => {
                for (number, axes) in (0..fold.loops.len()).flat_map(|n| [(n, &[0, 1][..]), (n, &[0][..])]) {
                    let mut g = Graph::new();
                    let x = load(&mut g, 0, &lens, fold.loops[number].input);
                    all.push(one_fold((op, fold, number), (g, x), axes));
                }
            }
            _ => {}
        }
    }
    all
}

/// The same for arrays that are seen in other ones, for each way in turn; reductions along each axis and along both.
pub fn each_loop_seen() -> Vec<Vec<Case>> {
    let in_one_way = |seen: Seen| {
        let mut all = vec![];
        for (op, rule) in maps() {
            let operand = |g: &mut Graph, place: usize, dtype| look(g, (place, dtype), &seen);
            all.extend((0..rule.loops.len()).map(|number| one_map((op, rule, number), SEEN_LENS, &operand)));
        }
        for (op, rule) in folds() {
            for (number, axes) in (0..rule.loops.len()).flat_map(|n| [&[0][..], &[1], &[0, 1]].map(|axes| (n, axes))) {
                all.push(one_fold((op, rule, number), view(rule.loops[number].input, &seen), axes));
            }
        }
        all
    };
    seen().into_iter().map(in_one_way).collect()
}

/// What a loop is of: how an operand of that number and dtype is made.
type Operand<'a> = &'a dyn Fn(&mut Graph, usize, DType) -> NodeId;

fn one_map((op, rule, number): (&'static Op, &Map, usize), lens: [usize; 2], make: Operand<'_>) -> Case {
    let (mut g, of) = (Graph::new(), &rule.loops[number]);
    let last = of.inputs.len();
    let operand = |(place, &dtype): (usize, &DType)| {
        let is_apart = rule.apart > 0 && place + 1 == last;
        match is_apart {
            true => fill(&mut g, Fill::Const(Scalar::Int(2)), &lens, DType::I64),
            false => make(&mut g, place, dtype),
        }
    };
    let inputs: SmallVec<_> = of.inputs.iter().enumerate().map(operand).collect();
    let node = add(&mut g, NodeKind::Map { op, loop_index: number, inputs }, &lens, of.output);
    (format!("{} of {:?}", op.name, of.inputs), g, node)
}

/// A reduction of an array that is there.
fn one_fold((op, rule, number): (&'static Op, &Fold, usize), (mut g, x): (Graph, NodeId), axes: &[usize]) -> Case {
    let of = &rule.loops[number];
    let from = g[x].shape.clone();
    let shape: Vec<usize> = (0..from.ndim()).filter(|axis| !axes.contains(axis)).map(|axis| from[axis]).collect();
    let kind =
        NodeKind::Fold { op, loop_index: number, input: x, axes: axes.iter().copied().collect(), ddof: Ddof(0.0) };
    let node = add(&mut g, kind, &shape, of.output);
    (format!("{} of {} over {axes:?}", op.name, of.input), g, node)
}

fn maps() -> impl Iterator<Item = (&'static Op, &'static Map)> {
    table::all().filter_map(|op| if let Class::Map(map) = &op.class { Some((op, map)) } else { None })
}

fn folds() -> impl Iterator<Item = (&'static Op, &'static Fold)> {
    table::all().filter_map(|op| if let Class::Fold(fold) = &op.class { Some((op, fold)) } else { None })
}

/// An array of 41 by 66 seen in another one: what the view is called, the other's lengths, and the view's axes.
type Seen = (&'static str, [usize; 2], [SourceAxis; 2]);

/// The lengths of what is seen.
const SEEN_LENS: [usize; 2] = [41, 66];

fn seen() -> [Seen; 4] {
    [
        ("reversed", [41, 66], [SourceAxis::along(0, 40, -1), SourceAxis::along(1, 65, -1)]),
        ("in steps", [123, 134], [SourceAxis::along(0, 1, 3), SourceAxis::along(1, 133, -2)]),
        ("transposed", [66, 41], [SourceAxis::along(1, 0, 1), SourceAxis::along(0, 0, 1)]),
        ("broadcast", [1, 66], [SourceAxis::fixed(0), SourceAxis::along(1, 0, 1)]),
    ]
}

fn view(dtype: DType, seen: &Seen) -> (Graph, NodeId) {
    let mut g = Graph::new();
    let node = look(&mut g, (0, dtype), seen);
    (g, node)
}

/// A stored array of that number, seen so.
fn look(g: &mut Graph, (number, dtype): (usize, DType), (_, lens, source): &Seen) -> NodeId {
    let input = load(g, number as u64, lens, dtype);
    let view = View { shape: Shape::new(SEEN_LENS), source: source.iter().cloned().collect() };
    add(g, NodeKind::View { input, view }, &SEEN_LENS, dtype)
}

fn each_view(dtype: DType) -> impl Iterator<Item = Case> {
    seen().into_iter().map(move |seen| {
        let (g, node) = view(dtype, &seen);
        (format!("{dtype} {}", seen.0), g, node)
    })
}

fn reduced_views(op: &'static Op, rule: &'static Fold) -> impl Iterator<Item = Case> {
    let ways = seen().into_iter().flat_map(|seen| [&[0][..], &[1], &[0, 1]].map(|axes| (seen.clone(), axes)));
    ways.map(move |(seen, axes)| {
        let number = rule.loops.len() - 1;
        let (name, g, node) = one_fold((op, rule, number), view(rule.loops[number].input, &seen), axes);
        (format!("{name}, {}", seen.0), g, node)
    })
}

/// Random numbers, as they are and reduced.
fn draws(dtype: DType) -> Vec<Case> {
    let float = Scalar::Float;
    let laws = [
        ("normal", Law::Normal { mean: float(1.0), std: float(2.0) }),
        ("uniform", Law::Uniform { low: float(-1.0), high: float(3.0) }),
    ];
    let drawn = |law: &Law, lens: &[usize]| {
        let mut g = Graph::new();
        let node = fill(&mut g, Fill::Random { seed: 7, draw: 1, law: law.clone() }, lens, dtype);
        (g, node)
    };
    let mut all = vec![];
    for (name, law) in &laws {
        let (g, node) = drawn(law, &[51, 75]);
        all.push((format!("{name} {dtype}"), g, node));
        for (op, rule) in folds() {
            let Some(number) = rule.loops.iter().position(|of| of.input == dtype) else { continue };
            for axes in [&[0][..], &[1], &[0, 1]] {
                let (called, g, node) = one_fold((op, rule, number), drawn(law, &[90, 130]), axes);
                all.push((format!("{called}, {name}"), g, node));
            }
        }
    }
    all
}
