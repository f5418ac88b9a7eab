//! `(x * x[::-1, ::-1]).sum()` of ones, without folding it away: what a tile costs.

use cleave_cpu::{Cancel, Control, DenseSink, Pool, run};
use cleave_graph::node::Ddof;
use cleave_graph::{Graph, Node, NodeId, NodeKind};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Chunks, DType, Fill, Op, Scalar, Shape, View, table};
use cleave_plan::{Cut, Options, Output, Sink, Sources, plan};
use std::sync::Arc;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1).map(|a| a.parse());
    let (side, threads) = (args.next().unwrap_or(Ok(20_000))?, args.next().unwrap_or(Ok(2))?);
    let (graph, sum) = headline(side).ok_or("the table lacks an operation")?;
    let outputs = [Output { node: sum, cut: Cut::Engine, held: true }];
    let options = Options { threads, ..Options::default() };
    let plan = plan(&graph, &outputs, &options)?;
    let sink = Arc::new(DenseSink::new(&Shape::default(), DType::F64));
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    let sinks: [Arc<dyn Sink>; 1] = [sink.clone()];
    let report = run(&Pool::new(threads)?, &plan, &Sources::new(), &sinks, &control)?;
    let lines = format!(
        "{plan}\n{:?} in {:?}, peak {} B, left {}\n",
        sink.take(),
        report.wall,
        report.peak_bytes,
        report.bytes_left
    );
    std::io::Write::write_all(&mut std::io::stdout(), lines.as_bytes())?;
    Ok(())
}

fn headline(side: usize) -> Option<(Graph, NodeId)> {
    let mut graph = Graph::new();
    let shape = Shape::new([side, side]);
    let mut add = |kind: NodeKind, shape: &Shape| {
        graph.add(Node { kind, shape: shape.clone(), dtype: DType::F64, chunks: Chunks::single(shape) })
    };
    let x = add(NodeKind::Fill(Fill::Const(Scalar::Float(1.0))), &shape);
    let flip = |axis| SourceAxis::along(axis, side as i64 - 1, -1);
    let view = View { shape: shape.clone(), source: [flip(0), flip(1)].into_iter().collect() };
    let flipped = add(NodeKind::View { input: x, view }, &shape);
    let (op, loop_index) = double_loop("multiply")?;
    let product = add(NodeKind::Map { op, loop_index, inputs: [x, flipped].into_iter().collect() }, &shape);
    let (op, loop_index) = double_loop("sum")?;
    let axes = [0, 1].into_iter().collect();
    let sum = add(NodeKind::Fold { op, loop_index, input: product, axes, ddof: Ddof(0.0) }, &Shape::default());
    Some((graph, sum))
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
