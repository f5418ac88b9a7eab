//! Elementwise steps over floats have the bits of their own loops, however many of them one loop does.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use cleave_cpu::Cancel;
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::{DType, Data, Fill, Law, Scalar, Shape};
use cleave_plan::{Cut, Sources};
use proptest::prelude::*;
use std::collections::HashMap;
use support::random::Tape;
use support::reference::evaluate;
use support::{Setting, add, compute, fill, map};

const SHAPES: &[&[usize]] = &[&[3, 5000], &[5000], &[1100], &[40, 7], &[2, 2500], &[3, 1030], &[2049]];
const ONE: &[&str] = &["negative", "abs", "exp", "square"];
const TWO: &[&str] = &["add", "subtract", "multiply", "divide", "add", "multiply", "maximum"];

/// A graph of floats, in which values are read once or more often.
fn graph(tape: &mut Tape) -> Graph {
    let shape = Shape::new(SHAPES[tape.below(SHAPES.len())].iter().copied());
    let dtype = [DType::F64, DType::F64, DType::F32][tape.below(3)];
    let mut graph = Graph::new();
    for draw in 0..3 {
        let law = Law::Normal { mean: Scalar::Float(0.5), std: Scalar::Float(3.0) };
        fill(&mut graph, Fill::Random { seed: 1, draw, law }, &shape, dtype);
    }
    fill(&mut graph, Fill::Const(Scalar::Float(0.75)), &shape, dtype);
    for _ in 0..1 + tape.below(12) {
        // What was made last goes on as often as not.
        let input = |tape: &mut Tape, graph: &Graph| {
            let count = graph.iter().count();
            let back = if tape.below(2) == 0 { 0 } else { tape.below(count) };
            NodeId((count - 1 - back) as u32)
        };
        let [first, second] = [0, 1].map(|_| input(tape, &graph));
        let mut same = |node: NodeId| match graph[node].dtype {
            found if found == dtype => node,
            _ => add(&mut graph, NodeKind::Cast(node), &shape, dtype),
        };
        let [first, second] = [same(first), same(second)];
        match tape.below(8) {
            0 => map(&mut graph, ONE[tape.below(ONE.len())], &[first]),
            1 => add(&mut graph, NodeKind::Cast(first), &shape, [DType::F32, DType::F64][tape.below(2)]),
            _ => map(&mut graph, TWO[tape.below(TWO.len())], &[first, second]),
        };
    }
    graph
}

/// The bits, with one nan for all.
fn bits(data: &Data) -> Vec<u64> {
    (0..data.len()).map(|i| data.get(i).to_f64()).map(|v| if v.is_nan() { f64::NAN } else { v }.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn steps_in_one_loop_give_what_they_give_alone(numbers in prop::collection::vec(any::<u32>(), 10..80)) {
        let mut tape = Tape::new(numbers);
        let graph = graph(&mut tape);
        let count = graph.iter().count() as u32;
        let nodes: Vec<NodeId> = (0..1 + tape.below(3) as u32).map(|back| NodeId(count - 1 - back)).collect();
        let wanted: Vec<(NodeId, Cut)> = nodes.iter().map(|&node| (node, Cut::Engine)).collect();
        let setting = Setting { threads: 2, sources: &Sources::new(), cancel: Cancel::default() };
        let results = compute(&graph, &wanted, &setting).unwrap().0;
        for (node, result) in nodes.iter().zip(results) {
            let expected = evaluate(&graph, *node, &HashMap::new());
            prop_assert_eq!(bits(&result), bits(&expected), "{:?} of {:#?}", node, graph.iter().collect::<Vec<_>>());
        }
    }
}
