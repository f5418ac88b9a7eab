//! `(x + x.T).sum(axis=0)` of random numbers, drawn or in memory: what meeting opposite blocks costs.
//! Arguments: side, threads, `memory` or nothing.

use cleave_cpu::{Blocks, Cancel, Control, DenseSink, Pool, run};
use cleave_graph::node::Ddof;
use cleave_graph::{Graph, Node, NodeId, NodeKind, SourceId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, DType, Fill, Law, Op, Scalar, Shape, View, table};
use cleave_plan::{Cut, Options, Output, Plan, Sink, Sources, plan};
use std::sync::Arc;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise| args.get(at).map_or(Ok(otherwise), |a| a.parse());
    let (side, threads) = (number(0, 20_000)?, number(1, 2)?);
    let shape = Shape::new([side, side]);
    let (mut graph, mut sources) = (Graph::new(), Sources::new());
    let mut x = add(&mut graph, NodeKind::Fill(uniform()), &shape);
    if args.get(2).is_some_and(|a| a == "memory") {
        let grid = Chunks(shape.iter().map(|&len| AxisChunks::regular(len, 2000)).collect());
        let output = Output { node: x, cut: Cut::Grid(grid), held: true };
        let plan = planned(&graph, output, &sources, threads)?;
        let blocks = Arc::new(Blocks::new(&plan.outputs[0], &Arc::default()));
        execute(&plan, &sources, blocks.clone(), threads)?;
        sources.insert(SourceId(0), blocks);
        x = add(&mut graph, NodeKind::Load(SourceId(0)), &shape);
    }
    let turned = View { shape: shape.clone(), source: [1, 0].map(SourceAxis::whole).into_iter().collect() };
    let turned = add(&mut graph, NodeKind::View { input: x, view: turned }, &shape);
    let (op, loop_index) = double_loop("add").ok_or("the table lacks an operation")?;
    let sum = add(&mut graph, NodeKind::Map { op, loop_index, inputs: [x, turned].into_iter().collect() }, &shape);
    let (op, loop_index) = double_loop("sum").ok_or("the table lacks an operation")?;
    let axes = [0].into_iter().collect();
    let down = NodeKind::Fold { op, loop_index, input: sum, axes, ddof: Ddof(0.0) };
    let down = add(&mut graph, down, &Shape::new([side]));
    let sink = Arc::new(DenseSink::new(&Shape::new([side]), DType::F64));
    let plan = planned(&graph, Output { node: down, cut: Cut::Engine, held: true }, &sources, threads)?;
    let text = execute(&plan, &sources, sink.clone(), threads)?;
    let first = sink.take().get(0);
    std::io::Write::write_all(&mut std::io::stdout(), format!("{text}{first:?}\n").as_bytes())?;
    Ok(())
}

fn uniform() -> Fill {
    let law = Law::Uniform { low: Scalar::Float(0.0), high: Scalar::Float(1.0) };
    Fill::Random { seed: 1, draw: 0, law }
}

fn add(graph: &mut Graph, kind: NodeKind, shape: &Shape) -> NodeId {
    graph.add(Node { kind, shape: shape.clone(), dtype: DType::F64, chunks: Chunks::single(shape) })
}

fn planned(graph: &Graph, output: Output, sources: &Sources, threads: usize) -> Result<Plan, Failure> {
    Ok(plan(graph, &[output], &Options { threads, sources: sources.clone(), ..Options::default() })?)
}

/// The plan as text and what the run took.
fn execute(plan: &Plan, sources: &Sources, sink: Arc<dyn Sink>, threads: usize) -> Result<String, Failure> {
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    let report = run(&Pool::new(threads)?, plan, sources, &[sink], &control)?;
    let busy: f64 = report.stages.iter().map(|stage| stage.busy.as_secs_f64()).sum();
    Ok(format!("{plan}{busy:.3} s of threads, {:?}, peak {} B\n", report.wall, report.peak_bytes))
}

/// An operation and its loop over float64.
fn double_loop(name: &str) -> Option<(&'static Op, usize)> {
    let op = table::find(name)?;
    let index = match &op.class {
        cleave_ops::Class::Map(map) => map.loops.iter().position(|l| l.inputs.iter().all(|d| *d == DType::F64))?,
        cleave_ops::Class::Fold(fold) => fold.loops.iter().position(|l| l.input == DType::F64)?,
        _ => return None,
    };
    Some((op, index))
}
