//! Reductions that do opposite places together have the bits of those that do not, in one run and in shares.
#![allow(clippy::unwrap_used)]

mod support;

use cleave_cpu::Cancel;
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, DType, Data, Fill, Law, Scalar, Shape, View, copy_run};
use cleave_plan::stage::unravel;
use cleave_plan::{Cut, Options, Output, Plan, Source, Sources, Work, plan};
use std::sync::Arc;
use support::apart::{Cutting, run_apart};
use support::random::Tape;
use support::{Setting, blocks, compute, fill, fold, load, map, view};

/// What a reduction reads directly and through a transpose or a flip.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leaf {
    Drawn,
    Root,
    Loaded,
}

/// Where the opposite place lies: two axes change places, or some run backwards.
#[derive(Clone, Copy, Debug)]
enum Opposite {
    Turned([usize; 2]),
    Flipped(&'static [usize]),
}

/// A shape, the opposite place, and the axes that are reduced.
type Form = (&'static [usize], Opposite, &'static [usize]);

const TURNED: [Form; 5] = [
    (&[1200, 1200], Opposite::Turned([0, 1]), &[0]),
    (&[300, 300], Opposite::Turned([0, 1]), &[0]),
    (&[90, 90], Opposite::Turned([0, 1]), &[0]),
    (&[3, 100, 100], Opposite::Turned([1, 2]), &[0]),
    (&[80, 5, 80], Opposite::Turned([0, 2]), &[1]),
];

const FLIPPED: [Form; 10] = [
    (&[700, 1000], Opposite::Flipped(&[0, 1]), &[0, 1]),
    (&[301, 5000], Opposite::Flipped(&[0, 1]), &[0, 1]),
    (&[1100, 1024], Opposite::Flipped(&[0]), &[0, 1]),
    (&[23, 70_001], Opposite::Flipped(&[0, 1]), &[0, 1]),
    (&[22, 70_000], Opposite::Flipped(&[1]), &[0, 1]),
    (&[333, 100], Opposite::Flipped(&[0, 1]), &[0, 1]),
    (&[7, 41, 530], Opposite::Flipped(&[0, 2]), &[0, 1, 2]),
    (&[2, 999, 40], Opposite::Flipped(&[1]), &[0, 1, 2]),
    (&[1_200_001], Opposite::Flipped(&[0]), &[0]),
    (&[3, 5], Opposite::Flipped(&[0, 1]), &[0, 1]),
];

fn across(shape: &Shape, opposite: Opposite) -> View {
    let mut source = View::identity(shape).source;
    match opposite {
        Opposite::Turned([a, b]) => (source[a], source[b]) = (SourceAxis::whole(b), SourceAxis::whole(a)),
        Opposite::Flipped(axes) => {
            axes.iter().for_each(|&axis| source[axis] = SourceAxis::along(axis, shape[axis] as i64 - 1, -1));
        }
    }
    View { shape: shape.clone(), source }
}

fn leaf(graph: &mut Graph, shape: &Shape, leaf: Leaf) -> NodeId {
    let law = Law::Uniform { low: Scalar::Float(0.0), high: Scalar::Float(3.0) };
    let drawn = |graph: &mut Graph| fill(graph, Fill::Random { seed: 1, draw: 0, law }, shape, DType::F64);
    match leaf {
        Leaf::Drawn => drawn(graph),
        Leaf::Loaded => load(graph, 0, shape, DType::F64),
        Leaf::Root => {
            let x = drawn(graph);
            map(graph, "sqrt", &[x])
        }
    }
}

/// Several reductions of a difference.
fn reduced(graph: &mut Graph, [a, b]: [NodeId; 2], axes: &[usize], names: &[&str]) -> Vec<(NodeId, Cut)> {
    let difference = map(graph, "subtract", &[a, b]);
    names.iter().map(|name| (fold(graph, name, difference, axes), Cut::Engine)).collect()
}

fn values(graph: &Graph, wanted: &[(NodeId, Cut)], sources: &Sources, threads: usize) -> Vec<Data> {
    let (values, report) = compute(graph, wanted, &Setting { threads, sources, cancel: Cancel::default() }).unwrap();
    assert!(report.peak_bytes <= planned(graph, wanted, sources, threads).totals.peak_bytes);
    values
}

fn stored(data: &Data, shape: &Shape) -> Arc<dyn Source> {
    Arc::new(blocks(data, &Chunks(shape.iter().map(|&len| AxisChunks::regular(len, 70)).collect())))
}

fn bits(all: &[Data]) -> Vec<Vec<u64>> {
    all.iter().map(|data| (0..data.len()).map(|i| data.get(i).to_f64().to_bits()).collect()).collect()
}

/// The elements of an array, seen through a view.
fn seen(data: &Data, view: &View, shape: &Shape) -> Data {
    let (mut out, strides) = (Data::zeros(data.dtype(), data.len()), shape.strides());
    for i in 0..data.len() {
        copy_run(data.as_ref(), view.flat(&unravel(i, shape), &strides), 0, &mut out, i, 1);
    }
    out
}

fn is_mirrored(plan: &Plan) -> bool {
    plan.stages.iter().any(|stage| matches!(&stage.work, Work::Fold(fold) if fold.mirror.is_some()))
}

fn planned(graph: &Graph, wanted: &[(NodeId, Cut)], sources: &Sources, threads: usize) -> Plan {
    let outputs: Vec<Output> =
        wanted.iter().map(|(n, cut)| Output { node: *n, cut: cut.clone(), held: true }).collect();
    plan(graph, &outputs, &Options { threads, sources: sources.clone(), ..Options::default() }).unwrap()
}

fn check((lens, opposite, axes): Form, kind: Leaf, names: &[&str]) {
    let shape = Shape::new(lens.iter().copied());
    let mut graph = Graph::new();
    let drawn = if kind == Leaf::Loaded { Leaf::Drawn } else { kind };
    let all = leaf(&mut graph, &shape, drawn);
    let direct = values(&graph, &[(all, Cut::Engine)], &Sources::new(), 1).remove(0);
    let other = seen(&direct, &across(&shape, opposite), &shape);
    let sources = [(SourceId(0), stored(&direct, &shape)), (SourceId(1), stored(&other, &shape))];
    let sources = Sources::from(sources);

    let mut apart = Graph::new();
    let both = [0, 1].map(|id| load(&mut apart, id, &shape, DType::F64));
    let wanted = reduced(&mut apart, both, axes, names);
    assert!(!is_mirrored(&planned(&apart, &wanted, &sources, 1)));
    let expected = bits(&values(&apart, &wanted, &sources, 1));

    let mut graph = Graph::new();
    let x = leaf(&mut graph, &shape, kind);
    let opposite = view(&mut graph, x, across(&shape, opposite));
    let wanted = reduced(&mut graph, [x, opposite], axes, names);
    let plan = planned(&graph, &wanted, &sources, 1);
    assert!(is_mirrored(&plan), "{plan}");
    for threads in [1, 2, 4] {
        assert_eq!(bits(&values(&graph, &wanted, &sources, threads)), expected, "{plan}");
    }
    for (seed, cutting) in [(1, Cutting::Random), (2, Cutting::Random), (3, Cutting::Even(3))] {
        let mut tape = Tape::new((0..200).map(|i| (seed * 977 + i + 1_u32).wrapping_mul(2_654_435_761) >> 9).collect());
        assert_eq!(bits(&run_apart(&plan, &sources, &mut tape, cutting).0), expected, "{cutting:?}\n{plan}");
    }
}

#[test]
fn opposite_places_together_give_the_same_bits() {
    for form in TURNED {
        for kind in [Leaf::Drawn, Leaf::Root, Leaf::Loaded] {
            check(form, kind, &["sum", "std", "argmax"]);
            check(form, kind, &["sum"]);
        }
    }
}

#[test]
fn both_halves_together_give_the_same_bits() {
    for form in FLIPPED {
        check(form, Leaf::Drawn, &["sum", "mean", "std", "max", "argmax"]);
        check(form, Leaf::Root, &["sum"]);
    }
}

#[test]
fn what_is_read_or_made_cheaply_is_not_kept_for_the_other_half() {
    let (shape, mut graph) = (Shape::new([700, 1000]), Graph::new());
    let ones = fill(&mut graph, Fill::Const(Scalar::Float(1.0)), &shape, DType::F64);
    let loaded = load(&mut graph, 0, &shape, DType::F64);
    let root = map(&mut graph, "negative", &[loaded]);
    for x in [ones, loaded, root] {
        let opposite = view(&mut graph, x, across(&shape, Opposite::Flipped(&[0, 1])));
        let wanted = reduced(&mut graph, [x, opposite], &[0, 1], &["sum"]);
        let plan = planned(&graph, &wanted, &Sources::new(), 2);
        assert!(!is_mirrored(&plan), "{plan}");
    }
}
