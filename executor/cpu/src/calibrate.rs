//! What this machine does in a second, measured with plans as users' programs give them.

use crate::memory::{DenseSink, MemorySource};
use crate::pool::Pool;
use crate::room::Rooms;
use crate::run::{Cancel, Control, run};
use cleave_graph::node::Ddof;
use cleave_graph::{Graph, Node, NodeId, NodeKind, SourceId};
use cleave_ops::fill::Law;
use cleave_ops::{AxisChunks, Chunks, Class, DType, Data, Fill, Op, Region, Scalar, Shape, View};
use cleave_plan::{Cut, Machine, Options, Output, Sink, SourceError, Sources, plan};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Operations to measure with; this crate names none.
#[derive(Clone, Copy, Debug)]
pub struct Probes {
    /// An elementwise one of two operands that costs one addition.
    pub add: &'static Op,
    /// An elementwise one of one operand that costs many.
    pub costly: &'static Op,
    /// A reduction that costs one addition an element.
    pub sum: &'static Op,
    /// A product of matrices.
    pub product: &'static Op,
}

/// Elements of a probe: it is over before the system gives the core to another program, if there is one.
const LEN: usize = 1 << 17;
/// Operations in a row, so that what is around them does not count.
const CHAIN: usize = 16;
/// So much longer is what all threads do together: waking them does not count beside it.
const LONG: usize = 16;
/// Tasks of the probes of overheads.
const TASKS: usize = 4096;
/// Bytes of the array that is read from memory: more than caches hold.
const MEMORY_BYTES: usize = 128 << 20;
/// Bytes of a block whose keeping is timed, and how many of them are kept.
const PIECE_BYTES: usize = 4 << 20;
const PIECES: usize = 16;
/// Rows of the array whose columns are summed.
const ROWS: usize = 512;
/// Rows and columns of the matrices that are multiplied, and what they share.
const SIDES: (usize, usize) = (768, 512);
/// How often it is tried to have all cores, and which part of them is enough.
const TRIES: usize = 4;
const ENOUGH: f64 = 0.85;
/// The least and the most repetitions, and how long they may take together.
const REPEATS: (usize, usize, Duration) = (3, 60, Duration::from_millis(50));

/// Measures arithmetic, memory and overheads for that many threads, in about a second; `None` if it was stopped.
pub fn calibrate(probes: &Probes, threads: usize, cancel: &Cancel) -> Option<Machine> {
    let (one, all) = (Bench::new(1, cancel)?, Bench::new(threads, cancel)?);
    let mut machine = Machine { threads, doubt: 1.0, ..Machine::default() };
    arithmetic(probes, &one, &mut machine)?;
    let float = Scalar::Float;
    let uniform = Law::Uniform { low: float(0.0), high: float(1.0) };
    let faster = together(&drawn(probes, uniform, LONG * LEN), &one, &all)?;
    // Even two threads of one core are faster than one; anything less is another program's doing.
    machine.faster = (faster[0] / faster[1]).clamp((threads as f64 * 0.6).max(1.0), threads as f64);
    overheads(probes, &one, &all, &mut machine)?;
    memory(probes, &one, &all, &mut machine)?;
    Some(machine)
}

/// The usual rates, scaled by how fast this machine adds; takes about ten milliseconds.
pub fn calibrate_quickly(probes: &Probes, threads: usize) -> Machine {
    let cancel = Cancel::default();
    let added = Bench::new(1, &cancel).and_then(|bench| {
        let bench = Bench { repeats: (3, 12, Duration::from_millis(5)), ..bench };
        added_s(probes, &bench, LEN)
    });
    let usual = Machine::default();
    let factor = added.map_or(1.0, |s| (s / usual.add_s).clamp(0.2, 10.0));
    Machine { threads, faster: 1.0 + 0.95 * (threads.max(1) - 1) as f64, ..usual.slowed(factor) }
}

fn arithmetic(probes: &Probes, one: &Bench<'_>, machine: &mut Machine) -> Option<()> {
    machine.add_s = added_s(probes, one, LEN)?;
    let sums = one.time(&sums(probes, 4 * LEN))? - one.time(&chained(probes, 1, 4 * LEN))?;
    machine.fold_s = positive(sums / (4 * LEN) as f64, machine.add_s);
    let plain = one.time(&chained(probes, 0, LEN))?;
    let costly = one.time(&repeated(probes, 2, LEN))? - plain;
    machine.heavy_s = positive(costly / (2 * LEN) as f64 / probes.costly.weight(), machine.add_s);
    machine.fill_s = positive(plain / LEN as f64 - machine.fold_s, machine.add_s);
    let columns = one.time(&columns(probes, LEN))? - plain;
    machine.column_s = machine.fold_s + positive(columns / LEN as f64, 0.0);
    let draw = |law| {
        let taken = one.time(&drawn(probes, law, LEN))?;
        Some(positive(taken / LEN as f64 - machine.fold_s, machine.add_s))
    };
    let float = Scalar::Float;
    let uniform = draw(Law::Uniform { low: float(0.0), high: float(1.0) })?;
    let normal = draw(Law::Normal { mean: float(0.0), std: float(1.0) })?;
    (machine.uniform_s, machine.normal_s) = (uniform, normal);
    let (free, shared) = (SIDES.0 as f64, SIDES.1 as f64);
    let packed = 2.0 * free * shared * machine.pack_s();
    // Of two products of which one is twice as deep: what is done once for each result does not count.
    let (deep, flat) = (one.time(&product(probes, 2 * SIDES.1))?, one.time(&product(probes, SIDES.1))?);
    let products = deep - flat - packed;
    machine.product_s = positive(products / (free * free * shared), machine.add_s / 4.0);
    Some(())
}

/// Seconds of an addition: a long chain against none.
fn added_s(probes: &Probes, bench: &Bench<'_>, len: usize) -> Option<f64> {
    let (long, none) = (bench.time(&chained(probes, CHAIN, len))?, bench.time(&chained(probes, 0, len))?);
    Some(positive((long - none) / (CHAIN * len) as f64, Machine::default().add_s))
}

fn overheads(probes: &Probes, one: &Bench<'_>, all: &Bench<'_>, machine: &mut Machine) -> Option<()> {
    let few = one.time(&cut_up(probes, 1, TASKS))?;
    let many = one.time(&cut_up(probes, 1 + CHAIN, TASKS))?;
    machine.task_s = few / TASKS as f64;
    machine.step_s = positive((many - few) / (TASKS * CHAIN) as f64, 1e-9);
    let usual = Machine::default();
    machine.run_s = one.time(&cut_up(probes, 1, 1))?.clamp(1e-6, usual.run_s);
    machine.stage_s = positive(all.time(&cut_up(probes, 1, 2))? - 2.0 * machine.task_s, usual.stage_s / 10.0);
    Some(())
}

fn memory(probes: &Probes, one: &Bench<'_>, all: &Bench<'_>, machine: &mut Machine) -> Option<()> {
    machine.touch_bps = PIECE_BYTES as f64 / kept_s().max(1e-9);
    let len = MEMORY_BYTES / 8;
    let shape = Shape::new([len]);
    let source = MemorySource::new(&shape, Arc::new(Data::F64(vec![1.0; len])));
    let probe = Probe { sources: [(SourceId(1), Arc::new(source) as _)].into(), ..loaded(probes, len) };
    // What the arithmetic adds to a loop that waits for memory.
    let beside = 0.15 * len as f64 * (machine.fold_s + 0.7 * machine.add_s);
    let rate = |taken: f64, beside: f64| MEMORY_BYTES as f64 / (taken - beside).max(taken * 0.5);
    let [alone, shared] = together(&probe, one, all)?;
    machine.read_bps = rate(alone, beside);
    machine.read_all_bps = rate(shared, beside / machine.faster).max(machine.read_bps);
    Some(())
}

/// The shortest times a probe takes one thread, and all: again where these seem hardly faster, as another program may
/// have had their cores.
fn together(probe: &Probe, one: &Bench<'_>, all: &Bench<'_>) -> Option<[f64; 2]> {
    let (mut alone, mut shared) = (f64::MAX, f64::MAX);
    for _ in 0..TRIES {
        alone = alone.min(one.time(probe)?);
        shared = shared.min(all.time(probe)?);
        if alone >= shared * (ENOUGH * all.pool.threads() as f64).max(1.0) {
            break;
        }
    }
    Some([alone, shared])
}

/// Seconds to keep a block in memory that was not used before, as plans keep them.
fn kept_s() -> f64 {
    let (rooms, piece) = (Arc::new(Rooms::default()), Data::F64(vec![1.0; PIECE_BYTES / 8]));
    let keep = || {
        let began = Instant::now();
        let kept = rooms.keep(&piece);
        (began.elapsed().as_secs_f64(), kept)
    };
    // None is let go before the last is there: memory of one that was would be used again.
    let kept: Vec<_> = (0..PIECES).map(|_| keep()).collect();
    kept.iter().map(|(seconds, _)| *seconds).fold(f64::MAX, f64::min)
}

fn positive(seconds: f64, otherwise: f64) -> f64 {
    if seconds.is_finite() && seconds > 1e-12 { seconds } else { otherwise }
}

/// Threads that run probes.
struct Bench<'a> {
    pool: Pool,
    cancel: &'a Cancel,
    repeats: (usize, usize, Duration),
}

/// A plan to be timed, as its graph.
struct Probe {
    graph: Graph,
    outputs: Vec<Output>,
    sources: Sources,
}

impl<'a> Bench<'a> {
    fn new(threads: usize, cancel: &'a Cancel) -> Option<Self> {
        Some(Self { pool: Pool::new(threads).ok()?, cancel, repeats: REPEATS })
    }

    /// The shortest time a probe takes, without planning.
    fn time(&self, probe: &Probe) -> Option<f64> {
        let options = Options { threads: self.pool.threads(), sources: probe.sources.clone(), ..Options::default() };
        let plan = plan(&probe.graph, &probe.outputs, &options).ok()?;
        let (least, most, long) = self.repeats;
        let (mut best, started) = (f64::MAX, Instant::now());
        for round in 0..most {
            if round >= least && started.elapsed() > long {
                break;
            }
            let sinks: Vec<Arc<dyn Sink>> = plan.outputs.iter().map(|o| sink(&o.shape, o.dtype)).collect();
            let control = Control { cancel: self.cancel.clone(), events: &|_| {} };
            let began = Instant::now();
            run(&self.pool, &plan, &probe.sources, &sinks, &control).ok()?;
            best = best.min(began.elapsed().as_secs_f64());
        }
        Some(best)
    }
}

/// Results of one element are kept, others forgotten.
fn sink(shape: &Shape, dtype: DType) -> Arc<dyn Sink> {
    if shape.size() == 1 { Arc::new(DenseSink::new(shape, dtype)) } else { Arc::new(Nowhere) }
}

/// Forgets what it is given.
struct Nowhere;

impl Sink for Nowhere {
    fn put(&self, _: &Region, _: Data) -> Result<(), SourceError> {
        Ok(())
    }
}

/// The sum of a row to which itself was added so many times.
fn chained(probes: &Probes, adds: usize, len: usize) -> Probe {
    let mut graph = Graph::new();
    let x = ramp(&mut graph, len);
    let last = (0..adds).fold(x, |sum, _| map(&mut graph, probes.add, &[sum, x]));
    summed(graph, probes, &[last])
}

/// The sum of a row beside that of such a chain of one addition, in one pass.
fn sums(probes: &Probes, len: usize) -> Probe {
    let mut graph = Graph::new();
    let x = ramp(&mut graph, len);
    let twice = map(&mut graph, probes.add, &[x, x]);
    summed(graph, probes, &[x, twice])
}

/// The sum of a row seen through the costly operation so many times, each time anew.
fn repeated(probes: &Probes, times: usize, len: usize) -> Probe {
    let mut graph = Graph::new();
    let x = ramp(&mut graph, len);
    let last = (0..times).fold(x, |x, _| map(&mut graph, probes.costly, &[x]));
    summed(graph, probes, &[last])
}

/// The sums of the columns of a table.
fn columns(probes: &Probes, len: usize) -> Probe {
    let mut graph = Graph::new();
    let (shape, row) = (Shape::new([ROWS, len / ROWS]), Shape::new([len / ROWS]));
    let input = ramp(&mut graph, len / ROWS);
    let x = add(&mut graph, NodeKind::View { input, view: View::broadcast(&row, &shape) }, &shape);
    let (op, loop_index) = (probes.sum, double_loop(probes.sum));
    let kind = NodeKind::Fold { op, loop_index, input: x, axes: [0].into_iter().collect(), ddof: Ddof(0.0) };
    let node = add(&mut graph, kind, &row);
    Probe { graph, outputs: vec![Output { node, cut: Cut::Engine, held: false }], sources: Sources::default() }
}

/// The sum of random draws.
fn drawn(probes: &Probes, law: Law, len: usize) -> Probe {
    let mut graph = Graph::new();
    let x = add(&mut graph, NodeKind::Fill(Fill::Random { seed: 1, draw: 0, law }), &Shape::new([len]));
    summed(graph, probes, &[x])
}

/// The product of two matrices whose elements cost nothing.
fn product(probes: &Probes, shared: usize) -> Probe {
    let (mut graph, free) = (Graph::new(), SIDES.0);
    let mut operand = |lens| add(&mut graph, NodeKind::Fill(Fill::Const(Scalar::Float(0.5))), &Shape::new(lens));
    let (left, right) = (operand([free, shared]), operand([shared, free]));
    let (op, loop_index) = (probes.product, double_loop(probes.product));
    let (batch, summed) = (Default::default(), [(1, 0)].into_iter().collect());
    let kind = NodeKind::Contract { op, loop_index, left, right, batch, summed };
    let node = add(&mut graph, kind, &Shape::new([free, free]));
    Probe { graph, outputs: vec![Output { node, cut: Cut::Engine, held: false }], sources: Sources::default() }
}

/// The sum of an array in memory.
fn loaded(probes: &Probes, len: usize) -> Probe {
    let mut graph = Graph::new();
    let x = add(&mut graph, NodeKind::Load(SourceId(1)), &Shape::new([len]));
    summed(graph, probes, &[x])
}

/// Tasks of one element each, with so many steps.
fn cut_up(probes: &Probes, steps: usize, tasks: usize) -> Probe {
    let mut graph = Graph::new();
    let x = ramp(&mut graph, tasks);
    let last = (1..steps).fold(x, |sum, _| map(&mut graph, probes.add, &[sum, x]));
    let grid = Chunks([AxisChunks::regular(tasks, 1)].into_iter().collect());
    Probe {
        graph,
        outputs: vec![Output { node: last, cut: Cut::Grid(grid), held: false }],
        sources: Sources::default(),
    }
}

fn ramp(graph: &mut Graph, len: usize) -> NodeId {
    let fill = Fill::Ramp { start: Scalar::Float(0.5), step: Scalar::Float(1e-7), last: None };
    add(graph, NodeKind::Fill(fill), &Shape::new([len]))
}

fn map(graph: &mut Graph, op: &'static Op, inputs: &[NodeId]) -> NodeId {
    let shape = graph[inputs[0]].shape.clone();
    add(graph, NodeKind::Map { op, loop_index: double_loop(op), inputs: inputs.iter().copied().collect() }, &shape)
}

fn summed(mut graph: Graph, probes: &Probes, nodes: &[NodeId]) -> Probe {
    let (op, loop_index) = (probes.sum, double_loop(probes.sum));
    let fold = |&input: &NodeId| {
        let axes = [0].into_iter().collect();
        let kind = NodeKind::Fold { op, loop_index, input, axes, ddof: Ddof(0.0) };
        Output { node: add(&mut graph, kind, &Shape::default()), cut: Cut::Engine, held: true }
    };
    let outputs = nodes.iter().map(fold).collect();
    Probe { graph, outputs, sources: Sources::default() }
}

fn add(graph: &mut Graph, kind: NodeKind, shape: &Shape) -> NodeId {
    graph.add(Node { kind, shape: shape.clone(), dtype: DType::F64, chunks: Chunks::single(shape) })
}

/// The number of an operation's loop over `float64`.
fn double_loop(op: &'static Op) -> usize {
    let found = match &op.class {
        Class::Map(map) => map.loops.iter().position(|l| l.inputs.iter().all(|&d| d == DType::F64)),
        Class::Fold(fold) => fold.loops.iter().position(|l| l.input == DType::F64),
        Class::Contract(contract) => contract.loops.iter().position(|l| l.dtype == DType::F64),
        _ => None,
    };
    found.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_ops::table;
    use cleave_plan::cost::machine::RATES;

    fn probes() -> Probes {
        let find = |name| table::find(name).expect("an operation of the table");
        Probes { add: find("add"), costly: find("exp"), sum: find("sum"), product: find("matmul") }
    }

    #[test]
    fn every_rate_of_a_quick_look_is_a_positive_number() {
        let machine = calibrate_quickly(&probes(), 2);
        for rate in &RATES {
            let value = (rate.of)(&machine);
            assert!(value.is_finite() && value > 0.0, "{} is {value}", rate.name);
        }
    }

    #[test]
    fn a_long_look_stops_when_it_is_told_to() {
        let cancel = Cancel::default();
        cancel.cancel();
        assert_eq!(calibrate(&probes(), 2, &cancel), None);
    }
}
