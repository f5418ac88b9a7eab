//! A reduction of floats has the same bits however it is stored and by however many threads it is made.
#![allow(clippy::unwrap_used)]

mod support;

use cleave_cpu::{BlockSource, Cancel};
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, DType, Data, Fill, Law, Scalar, Shape, View};
use cleave_plan::{Cut, Source, Sources};
use std::sync::Arc;
use support::random::{Tape, chunks};
use support::{Memory, Setting, blocks, compute, compute_within, counted, fill, fold, load, map, view};

/// Sums, means and deviations of `x * x` seen through a flip, over several choices of axes.
fn graph(shape: &Shape, choices: &[&[usize]]) -> (Graph, Vec<NodeId>) {
    let mut graph = Graph::new();
    let x = load(&mut graph, 0, shape, DType::F64);
    let mut flip = View::identity(shape);
    let last = shape.ndim() - 1;
    flip.source[last] = SourceAxis::along(last, shape[last] as i64 - 1, -1);
    let flipped = view(&mut graph, x, flip);
    let product = map(&mut graph, "multiply", &[x, flipped]);
    let mut wanted = Vec::new();
    for axes in choices {
        wanted.extend(["sum", "mean", "std", "argmax"].map(|name| fold(&mut graph, name, product, axes)));
    }
    (graph, wanted)
}

fn normals() -> Fill {
    let law = Law::Normal { mean: Scalar::Float(0.5), std: Scalar::Float(3.0) };
    Fill::Random { seed: 1, draw: 0, law }
}

fn normal(shape: &Shape) -> Data {
    let mut graph = Graph::new();
    let node = fill(&mut graph, normals(), shape, DType::F64);
    let setting = Setting { threads: 1, sources: &Sources::new(), cancel: Cancel::default() };
    compute(&graph, &[(node, Cut::Engine)], &setting).unwrap().0.remove(0)
}

fn results(graph: &Graph, nodes: &[NodeId], stored: BlockSource, resident: bool, threads: usize) -> Vec<Vec<u64>> {
    let source: Arc<dyn Source> = if resident { Arc::new(stored) } else { Arc::new(counted(stored)) };
    let sources = Sources::from([(SourceId(0), source)]);
    let wanted: Vec<(NodeId, Cut)> = nodes.iter().map(|&n| (n, Cut::Engine)).collect();
    let setting = Setting { threads, sources: &sources, cancel: Cancel::default() };
    let memory = Memory { on_disk: threads > 1, limit_bytes: 0 };
    let (data, _) = compute_within(graph, &wanted, &setting, memory).unwrap();
    data.iter().map(|d| (0..d.len()).map(|i| d.get(i).to_f64().to_bits()).collect()).collect()
}

fn check(chunkings: u32, lens: &[usize], choices: &[&[usize]]) {
    let shape = Shape::new(lens.iter().copied());
    let (graph, nodes) = graph(&shape, choices);
    let data = normal(&shape);
    let expected = results(&graph, &nodes, blocks(&data, &Chunks::single(&shape)), true, 1);
    for number in 0..chunkings {
        let mut tape = Tape::new((0..20).map(|i| (number * 97 + i).wrapping_mul(2_654_435_761) >> 7).collect());
        let stored = blocks(&data, &cut(&shape, &mut tape));
        let grid = stored.grid().clone();
        let threads = [1, 2, 4][number as usize % 3];
        let got = results(&graph, &nodes, stored, number % 2 == 0, threads);
        assert_eq!(got, expected, "{threads} threads, {grid:?}");
    }
}

/// Any chunks where there are few elements; thousands of elements each where there are many.
fn cut(shape: &Shape, tape: &mut Tape) -> Chunks {
    if shape.size() < 100_000 {
        return chunks(shape, tape);
    }
    Chunks(shape.iter().map(|&len| AxisChunks::regular(len, len / 9 + tape.below(len))).collect())
}

#[test]
fn of_many_superboxes() {
    check(9, &[2_500_000], &[&[0]]);
    check(9, &[1300, 2100], &[&[0, 1], &[0]]);
}

#[test]
fn of_a_line() {
    check(50, &[60_000], &[&[0]]);
}

#[test]
fn of_a_rectangle() {
    check(50, &[150, 400], &[&[0, 1], &[0], &[1]]);
}

#[test]
fn of_a_box() {
    check(50, &[20, 30, 50], &[&[0, 2], &[1], &[0, 1], &[2]]);
}

/// Reductions over one axis each, made in so many stages and each alone.
fn check_joint(lens: &[usize], axes: &[usize], threads: &[usize], passes: usize) {
    let shape = Shape::new(lens.iter().copied());
    let mut graph = Graph::new();
    let x = fill(&mut graph, normals(), &shape, DType::F64);
    let square = map(&mut graph, "square", &[x]);
    let mut wanted = Vec::new();
    for axis in axes {
        let names = [("mean", x), ("std", x), ("argmax", square), ("max", square), ("min", x), ("argmin", x)];
        wanted.extend(names.map(|(name, of)| (fold(&mut graph, name, of, &[*axis]), Cut::Engine)));
    }
    let bits = |data: &Data| (0..data.len()).map(|i| data.get(i).to_f64().to_bits()).collect::<Vec<u64>>();
    let made = |wanted: &[(NodeId, Cut)], threads: usize| {
        let setting = Setting { threads, sources: &Sources::new(), cancel: Cancel::default() };
        let (data, report) = compute(&graph, wanted, &setting).unwrap();
        (data.iter().map(bits).collect::<Vec<_>>(), report.stages.len())
    };
    let alone: Vec<Vec<u64>> = wanted.iter().flat_map(|want| made(std::slice::from_ref(want), 1).0).collect();
    for &threads in threads {
        let (joint, stages) = made(&wanted, threads);
        assert_eq!(stages, passes, "passes over {lens:?}");
        assert!(joint == alone, "{lens:?} over {axes:?} by {threads} threads");
    }
}

/// Two functions that share work, in either order, of tiles of any length; one is read by something else too.
#[test]
fn of_twins() {
    for (lens, names) in [([3, 5000], ["sin", "cos"]), ([3, 5000], ["cos", "sin"]), ([40, 7], ["cos", "sin"])] {
        let shape = Shape::new(lens);
        let mut graph = Graph::new();
        let x = fill(&mut graph, normals(), &shape, DType::F64);
        let [first, second] = names.map(|name| map(&mut graph, name, &[x]));
        let square = map(&mut graph, "square", &[first]);
        let both = map(&mut graph, "multiply", &[square, second]);
        let made = |wanted: &[NodeId]| {
            let wanted: Vec<(NodeId, Cut)> = wanted.iter().map(|&node| (node, Cut::Engine)).collect();
            let setting = Setting { threads: 2, sources: &Sources::new(), cancel: Cancel::default() };
            compute(&graph, &wanted, &setting).unwrap().0
        };
        let [first, second]: [Data; 2] = [made(&[first]).remove(0), made(&[second]).remove(0)];
        let expected: Vec<f64> =
            (0..first.len()).map(|i| (first.get(i).to_f64(), second.get(i).to_f64())).map(|(a, b)| a * a * b).collect();
        assert!(made(&[both]).remove(0) == Data::F64(expected), "{names:?} of {lens:?}");
    }
}

#[test]
fn of_one_pass_over_several_axes() {
    check_joint(&[20, 1030, 1100], &[0, 1], &[1, 2, 4], 1);
    check_joint(&[9000, 200], &[0, 1], &[1, 2], 1);
    check_joint(&[1, 3100, 3, 130], &[1, 2], &[1], 1);
    check_joint(&[5000, 20, 100], &[0, 2], &[1], 1);
    check_joint(&[5000, 20, 100], &[0, 1, 2], &[1], 1);
}
