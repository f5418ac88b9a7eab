//! `mean`, `max`, `argmax` and `std` of random numbers over axes 0 and 1 of three: what a pass over both costs.
//! Arguments: three sides, threads.

use cleave_cpu::{Cancel, Control, DenseSink, Pool, run};
use cleave_graph::node::Ddof;
use cleave_graph::{Graph, Node, NodeId, NodeKind};
use cleave_ops::{Chunks, Class, DType, Fill, Law, Scalar, Shape, table};
use cleave_plan::{Cut, Options, Output, Sink, Sources, plan};
use std::sync::Arc;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let args: Vec<usize> = std::env::args().skip(1).map(|a| a.parse()).collect::<Result<_, _>>()?;
    let number = |at: usize, otherwise| args.get(at).copied().unwrap_or(otherwise);
    let shape = Shape::new([number(0, 500), number(1, 2000), number(2, 2000)]);
    let threads = number(3, 2);
    let mut graph = Graph::new();
    let law = Law::Uniform { low: Scalar::Float(0.0), high: Scalar::Float(1.0) };
    let x = add(&mut graph, NodeKind::Fill(Fill::Random { seed: 1, draw: 0, law }), &shape, DType::F64);
    let mut outputs = Vec::new();
    for axis in [0, 1] {
        for name in ["mean", "max", "argmax", "std"] {
            let node = folded(&mut graph, x, &shape, axis, name).ok_or("the table lacks a reduction")?;
            outputs.push(Output { node, cut: Cut::Engine, held: true });
        }
    }
    let plan = plan(&graph, &outputs, &Options { threads, ..Options::default() })?;
    let sinks: Vec<Arc<DenseSink>> =
        plan.outputs.iter().map(|output| Arc::new(DenseSink::new(&output.shape, output.dtype))).collect();
    let given: Vec<Arc<dyn Sink>> = sinks.iter().map(|sink| sink.clone() as Arc<dyn Sink>).collect();
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    let report = run(&Pool::new(threads)?, &plan, &Sources::new(), &given, &control)?;
    let busy: f64 = report.stages.iter().map(|stage| stage.busy.as_secs_f64()).sum();
    let sum = |sink: &Arc<DenseSink>| {
        let data = sink.take();
        (0..data.len()).fold(0_u64, |all, i| all.rotate_left(5) ^ data.get(i).to_f64().to_bits())
    };
    let bits: Vec<String> = sinks.iter().map(|sink| format!("{:016x}", sum(sink))).collect();
    let text =
        format!("{plan}{busy:.3} s of threads, {:?}, peak {} B\n{}\n", report.wall, report.peak_bytes, bits.join(" "));
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}

fn folded(graph: &mut Graph, input: NodeId, shape: &Shape, axis: usize, name: &str) -> Option<NodeId> {
    let op = table::find(name)?;
    let Class::Fold(fold) = &op.class else { return None };
    let loop_index = fold.loops.iter().position(|l| l.input == DType::F64)?;
    let kept: Shape = (0..shape.ndim()).filter(|&a| a != axis).map(|a| shape[a]).collect();
    let kind = NodeKind::Fold { op, loop_index, input, axes: [axis].into_iter().collect(), ddof: Ddof(0.0) };
    Some(add(graph, kind, &kept, fold.loops[loop_index].output))
}

fn add(graph: &mut Graph, kind: NodeKind, shape: &Shape, dtype: DType) -> NodeId {
    graph.add(Node { kind, shape: shape.clone(), dtype, chunks: Chunks::single(shape) })
}
