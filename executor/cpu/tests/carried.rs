//! Running values that are carried down strips have the bits of those that take a pass before.
#![allow(clippy::unwrap_used)]

mod support;

use cleave_cpu::{Cancel, Control, DenseSink, Pool, run};
use cleave_graph::build::{BuildOptions, call};
use cleave_graph::{Graph, NodeId};
use cleave_ops::args::bind;
use cleave_ops::{Arg, DType, Data, Fill, Law, Scalar, Shape, table};
use cleave_plan::{Cut, Options, Output, Plan, Sink, Sources, plan};
use std::sync::Arc;
use support::{fill, fold};

fn running(graph: &mut Graph, name: &str, x: NodeId, axis: usize) -> NodeId {
    let array = Arg::Array { index: 0, shape: graph[x].shape.clone(), dtype: graph[x].dtype };
    let axis = ("axis".to_owned(), Arg::Scalar(Scalar::Int(axis as i128)));
    let args = bind(table::find(name).unwrap(), vec![array], vec![axis]).unwrap();
    call(graph, &args, &[x], &BuildOptions { chunk_bytes: 1 << 20 }).unwrap()
}

fn results(plan: &Plan, threads: usize) -> Vec<Vec<u64>> {
    let dense: Vec<Arc<DenseSink>> = plan.outputs.iter().map(|o| Arc::new(DenseSink::new(&o.shape, o.dtype))).collect();
    let sinks: Vec<Arc<dyn Sink>> = dense.iter().map(|sink| Arc::clone(sink) as Arc<dyn Sink>).collect();
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    run(&Pool::new(threads).unwrap(), plan, &Sources::new(), &sinks, &control).unwrap();
    dense.iter().map(|sink| bits(&sink.take())).collect()
}

fn bits(data: &Data) -> Vec<u64> {
    (0..data.len()).map(|i| data.get(i).to_f64().to_bits()).collect()
}

#[test]
fn carried_values_have_the_same_bits() {
    for (lens, dtype, name) in [
        (vec![520, 2600], DType::F64, "cumsum"),
        (vec![2, 300, 2100], DType::F32, "cumprod"),
        (vec![300, 4096], DType::F16, "cumsum"),
    ] {
        let (shape, mut graph) = (Shape::new(lens.iter().copied()), Graph::new());
        let law = Law::Uniform { low: Scalar::Float(-0.7), high: Scalar::Float(1.3) };
        let x = fill(&mut graph, Fill::Random { seed: 3, draw: 0, law }, &shape, dtype);
        let all = running(&mut graph, name, x, lens.len() - 2);
        let total = fold(&mut graph, "sum", all, &(0..lens.len()).collect::<Vec<_>>());
        let outputs = [all, total].map(|node| Output { node, cut: Cut::Engine, held: true });
        let planned = |threads: usize, apart: bool| {
            let plan = plan(&graph, &outputs, &Options { threads, apart, ..Options::default() }).unwrap();
            assert_eq!(plan.to_string().contains(" carried "), !apart, "{plan}");
            results(&plan, threads)
        };
        let expected = planned(1, true);
        for threads in [1, 2] {
            assert!(planned(threads, false) == expected, "{name} of {lens:?} by {threads}");
        }
    }
}
