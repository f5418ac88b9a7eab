//! Products of square matrices, made in the products or held in memory: GFlop/s of wall time and of processor time.
//!
//! `matmul [side] [threads] [kind]...` where a kind is `random`, `held`, `single` or `turned`.

use cleave_cpu::{Cancel, Control, DenseSink, MemorySource, Pool, run};
use cleave_graph::{Graph, Node, NodeId, NodeKind, SourceId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Chunks, Class, DType, Data, Fill, Law, Op, Scalar, Shape, View, table};
use cleave_plan::{Cut, Options, Output, Sink, Sources, plan};
use std::sync::Arc;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let side: usize = args.next().map_or(Ok(2000), |a| a.parse())?;
    let threads: usize = args.next().map_or(Ok(1), |a| a.parse())?;
    let mut kinds: Vec<String> = args.collect();
    if kinds.is_empty() {
        kinds = ["held", "single", "turned", "random"].map(str::to_owned).to_vec();
    }
    for kind in kinds {
        let line = measured(side, threads, &kind)?;
        std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes())?;
    }
    Ok(())
}

fn measured(side: usize, threads: usize, kind: &str) -> Result<String, Failure> {
    let shape = Shape::new([side, side]);
    let dtype = if kind == "single" { DType::F32 } else { DType::F64 };
    let mut graph = Graph::new();
    let mut sources = Sources::new();
    let mut operand = |number: u64| {
        let mut add = |kind| graph.add(Node { kind, shape: shape.clone(), dtype, chunks: Chunks::single(&shape) });
        if kind == "random" {
            let law = Law::Uniform { low: Scalar::Float(0.0), high: Scalar::Float(1.0) };
            return add(NodeKind::Fill(Fill::Random { seed: 1, draw: number, law }));
        }
        let data = numbers(dtype, shape.size(), number);
        sources.insert(SourceId(number), Arc::new(MemorySource::new(&shape, Arc::new(data))));
        add(NodeKind::Load(SourceId(number)))
    };
    let (mut left, right) = (operand(0), operand(1));
    if kind == "turned" {
        let view = View { shape: shape.clone(), source: [1, 0].map(SourceAxis::whole).into_iter().collect() };
        let kind = NodeKind::View { input: left, view };
        left = graph.add(Node { kind, shape: shape.clone(), dtype, chunks: Chunks::single(&shape) });
    }
    let (batch, summed) = (Default::default(), [(1, 0)].into_iter().collect());
    let (op, loop_index) = product(dtype).ok_or("the table lacks an operation")?;
    let contract = NodeKind::Contract { op, loop_index, left, right, batch, summed };
    let node = graph.add(Node { kind: contract, shape: shape.clone(), dtype, chunks: Chunks::single(&shape) });
    time(&graph, node, &sources, threads, kind)
}

/// The product of matrices and its loop.
fn product(dtype: DType) -> Option<(&'static Op, usize)> {
    let op = table::find("matmul")?;
    let Class::Contract(contract) = &op.class else { return None };
    Some((op, contract.loops.iter().position(|l| l.dtype == dtype)?))
}

fn numbers(dtype: DType, len: usize, seed: u64) -> Data {
    let value = |i: usize| ((i as u64).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed) >> 33) as f64 / 1e10;
    match dtype {
        DType::F32 => Data::F32((0..len).map(|i| value(i) as f32).collect()),
        _ => Data::F64((0..len).map(value).collect()),
    }
}

fn time(graph: &Graph, node: NodeId, sources: &Sources, threads: usize, kind: &str) -> Result<String, Failure> {
    let options = Options { threads, sources: sources.clone(), ..Options::default() };
    let plan = plan(graph, &[Output { node, cut: Cut::Engine, held: true }], &options)?;
    let sink = Arc::new(DenseSink::new(&graph[node].shape, graph[node].dtype));
    let sinks: [Arc<dyn Sink>; 1] = [sink];
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    let before = cpu_seconds();
    let report = run(&Pool::new(threads)?, &plan, sources, &sinks, &control)?;
    let spent = cpu_seconds() - before;
    let flops = 2.0 * (graph[node].shape[0] as f64).powi(3) / 1e9;
    Ok(format!(
        "{kind:7} {}² {threads} threads: {:.2} s, {:.1} GFlop/s; {spent:.2} cpu s, {:.1} GFlop/s each; peak {} MiB, {} tasks\n",
        graph[node].shape[0],
        report.wall.as_secs_f64(),
        flops / report.wall.as_secs_f64(),
        flops / spent,
        report.peak_bytes >> 20,
        plan.totals.tasks,
    ))
}

/// Processor time of this process so far, where the system tells it.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}
