//! A run looks whether to stop again and again, whatever it does: counted by what the work between is predicted to
//! take, not by a clock.
#![allow(clippy::unwrap_used)]

mod support;

use cleave_cpu::{BlockSource, Cancel};
use cleave_graph::build::{BuildOptions, call};
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::args::bind;
use cleave_ops::view::SourceAxis;
use cleave_ops::{Arg, Chunks, DType, Data, Fill, Law, Scalar, Shape, View, table};
use cleave_plan::{Cut, Delivery, Factors, Forecast, Machine, Options, Output, Sources, estimate, plan};
use std::sync::Arc;
use support::product::product;
use support::{Setting, compute, counted, fill, fold, load, map, view};

/// The most seconds of one thread between two looks, as a usual machine takes them.
const MOST_S: f64 = 2e-3;

fn draws(graph: &mut Graph, lens: &[usize]) -> NodeId {
    let law = Law::Normal { mean: Scalar::Float(0.0), std: Scalar::Float(1.0) };
    fill(graph, Fill::Random { seed: 1, draw: 0, law }, &Shape::new(lens.iter().copied()), DType::F64)
}

fn running(graph: &mut Graph, x: NodeId, axis: usize) -> NodeId {
    let array = Arg::Array { index: 0, shape: graph[x].shape.clone(), dtype: DType::F64 };
    let axis = ("axis".to_owned(), Arg::Scalar(Scalar::Int(axis as i128)));
    let args = bind(table::find("cumsum").unwrap(), vec![array], vec![axis]).unwrap();
    call(graph, &args, &[x], &BuildOptions { chunk_bytes: 1 << 20 }).unwrap()
}

fn turned(graph: &mut Graph, x: NodeId) -> NodeId {
    let lens = graph[x].shape.clone();
    let source = [SourceAxis::whole(1), SourceAxis::whole(0)].into_iter().collect();
    view(graph, x, View { shape: Shape::new([lens[1], lens[0]]), source })
}

/// Seconds that a run on one thread is predicted to take for each of its looks.
fn between_s(graph: &Graph, node: NodeId, cut: Cut, sources: &Sources) -> f64 {
    let outputs = [Output { node, cut: cut.clone(), held: true }];
    let planned =
        plan(graph, &outputs, &Options { threads: 1, sources: sources.clone(), ..Options::default() }).unwrap();
    let (machine, factors) = (Machine::default(), Factors::default());
    let forecast = Forecast { machine: &machine, factors: &factors, sources, threads: 1, delivery: Delivery::Looked };
    let seconds = estimate(&planned, &forecast).seconds;
    let setting = Setting { threads: 1, sources, cancel: Cancel::default() };
    let (_, report) = compute(graph, &[(node, cut)], &setting).unwrap();
    seconds / report.looks as f64
}

/// What is done, its graph, and whether the result is one block.
type Case = (&'static str, fn(&mut Graph) -> NodeId, bool);

const CASES: [Case; 8] = [
    (
        "a sum",
        |g| {
            let x = draws(g, &[1 << 21]);
            fold(g, "sum", x, &[0])
        },
        false,
    ),
    (
        "rows and columns",
        |g| {
            let x = draws(g, &[1500, 1400]);
            fold(g, "std", x, &[1])
        },
        false,
    ),
    (
        "one block that is kept",
        |g| {
            let x = draws(g, &[1500, 1400]);
            map(g, "exp", &[x])
        },
        true,
    ),
    (
        "a transpose",
        |g| {
            let x = draws(g, &[1500, 1400]);
            turned(g, x)
        },
        true,
    ),
    (
        "running values of columns",
        |g| {
            let x = draws(g, &[1500, 1400]);
            running(g, x, 0)
        },
        true,
    ),
    (
        "running values of rows",
        |g| {
            let x = draws(g, &[1500, 1400]);
            running(g, x, 1)
        },
        true,
    ),
    (
        "one block of a product",
        |g| {
            let x = draws(g, &[1600, 900]);
            let y = turned(g, x);
            times(g, x, y)
        },
        true,
    ),
    (
        "a long product",
        |g| {
            let x = draws(g, &[30, 200_000]);
            let y = turned(g, x);
            times(g, x, y)
        },
        true,
    ),
];

#[test]
fn little_is_done_between_two_looks() {
    let whole = |graph: &Graph, node: NodeId| Cut::Grid(Chunks::single(&graph[node].shape));
    for (name, build, is_whole) in CASES {
        let mut graph = Graph::new();
        let node = build(&mut graph);
        let cut = if is_whole { whole(&graph, node) } else { Cut::Engine };
        let between = between_s(&graph, node, cut, &Sources::default());
        assert!(between < MOST_S, "{name}: {between} s");
    }
}

fn times(graph: &mut Graph, left: NodeId, right: NodeId) -> NodeId {
    product(graph, left, right, [].into_iter().collect(), [(1, 0)].into_iter().collect())
}

#[test]
fn blocks_that_are_read_are_copied_a_little_at_a_time() {
    let (shape, mut graph) = (Shape::new([1 << 21]), Graph::new());
    let node = load(&mut graph, 1, &shape, DType::F64);
    let sum = fold(&mut graph, "sum", node, &[0]);
    let source = BlockSource::new(&Chunks::single(&shape), DType::F64, vec![Arc::new(Data::F64(vec![1.0; 1 << 21]))]);
    let sources: Sources = [(SourceId(1), Arc::new(counted(source)) as _)].into();
    assert!(between_s(&graph, sum, Cut::Engine, &sources) < MOST_S);
}
