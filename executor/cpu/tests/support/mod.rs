//! Graphs to run, sources to read, and how results are compared.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

pub(crate) mod apart;
pub(crate) mod product;
pub(crate) mod random;
pub(crate) mod reference;

use cleave_cpu::{BlockSource, Cancel, Control, DenseSink, GridSink, Pool, run};
use cleave_graph::node::Ddof;
use cleave_graph::{Graph, Node, NodeId, NodeKind, SourceId};
use cleave_ops::{Chunks, Class, DType, Data, Fill, Op, Region, Shape, View, copy_run, table};
use cleave_plan::stage::{block_region, unravel};
use cleave_plan::{
    Block, Cut, Holding, Machine, Options, Output, PlanError, RunError, RunReport, Sink, Source, SourceError, Sources,
    plan,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) fn add(graph: &mut Graph, kind: NodeKind, shape: &Shape, dtype: DType) -> NodeId {
    graph.add(Node { kind, shape: shape.clone(), dtype, chunks: Chunks::single(shape) })
}

pub(crate) fn fill(graph: &mut Graph, fill: Fill, shape: &Shape, dtype: DType) -> NodeId {
    add(graph, NodeKind::Fill(fill), shape, dtype)
}

pub(crate) fn load(graph: &mut Graph, id: u64, shape: &Shape, dtype: DType) -> NodeId {
    add(graph, NodeKind::Load(SourceId(id)), shape, dtype)
}

pub(crate) fn view(graph: &mut Graph, input: NodeId, view: View) -> NodeId {
    let dtype = graph[input].dtype;
    let shape = view.shape.clone();
    add(graph, NodeKind::View { input, view }, &shape, dtype)
}

/// The loop of an operation for operands of one dtype.
fn loop_of(name: &str, dtype: DType) -> (&'static Op, usize, DType) {
    let op = table::find(name).unwrap();
    match &op.class {
        Class::Map(map) => {
            let i = map.loops.iter().position(|l| l.inputs.iter().all(|d| *d == dtype)).unwrap();
            (op, i, map.loops[i].output)
        }
        Class::Fold(fold) => {
            let i = fold.loops.iter().position(|l| l.input == dtype).unwrap();
            (op, i, fold.loops[i].output)
        }
        _ => unreachable!(),
    }
}

pub(crate) fn map(graph: &mut Graph, name: &str, inputs: &[NodeId]) -> NodeId {
    let (op, loop_index, dtype) = loop_of(name, graph[inputs[0]].dtype);
    let shape = graph[inputs[0]].shape.clone();
    add(graph, NodeKind::Map { op, loop_index, inputs: inputs.iter().copied().collect() }, &shape, dtype)
}

pub(crate) fn fold(graph: &mut Graph, name: &str, input: NodeId, axes: &[usize]) -> NodeId {
    let (op, loop_index, dtype) = loop_of(name, graph[input].dtype);
    let from = graph[input].shape.clone();
    let shape = Shape::new((0..from.ndim()).filter(|a| !axes.contains(a)).map(|a| from[a]));
    let axes = axes.iter().copied().collect();
    add(graph, NodeKind::Fold { op, loop_index, input, axes, ddof: Ddof(0.0) }, &shape, dtype)
}

/// A source whose blocks count how often they are read, and that counts as stored elsewhere.
pub(crate) struct Counted {
    pub(crate) inner: BlockSource,
    pub(crate) reads: AtomicUsize,
    /// Called before each read with its number.
    pub(crate) hook: Box<dyn Fn(usize) -> Result<(), SourceError> + Send + Sync>,
}

impl Source for Counted {
    fn grid(&self) -> &Chunks {
        self.inner.grid()
    }
    fn dtype(&self) -> DType {
        self.inner.dtype()
    }
    fn block(&self, index: &[usize]) -> Result<Block, SourceError> {
        (self.hook)(self.reads.fetch_add(1, Ordering::SeqCst))?;
        self.inner.block(index)
    }
    fn is_resident(&self) -> bool {
        false
    }
    fn label(&self) -> &str {
        "counted"
    }
    fn stored_bytes(&self) -> Option<u64> {
        None
    }
}

pub(crate) fn counted(inner: BlockSource) -> Counted {
    Counted { inner, reads: AtomicUsize::new(0), hook: Box::new(|_| Ok(())) }
}

/// An array in blocks, element `i` (row-major) being element `i` of `data`.
pub(crate) fn blocks(data: &Data, grid: &Chunks) -> BlockSource {
    let strides = grid.shape().strides();
    let block = |number: usize| {
        let region = block_region(grid, number);
        let mut block = Data::zeros(data.dtype(), region.size());
        for i in 0..region.size() {
            copy_run(data.as_ref(), flat(&region, i, &strides), 0, &mut block, i, 1);
        }
        Arc::new(block)
    };
    BlockSource::new(grid, data.dtype(), (0..grid.count()).map(block).collect())
}

fn flat(region: &Region, number: usize, strides: &[usize]) -> usize {
    let index = unravel(number, &region.len);
    index.iter().zip(&region.start).zip(strides).map(|((i, s), stride)| (i + s) * stride).sum()
}

/// How a graph is to be run.
pub(crate) struct Setting<'a> {
    pub(crate) threads: usize,
    pub(crate) sources: &'a Sources,
    pub(crate) cancel: Cancel,
}

/// How memory is used; what comes out does not depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// 0 for no limit.
    pub(crate) limit_bytes: u64,
    /// Whether everything that can be kept is kept, on disk.
    pub(crate) on_disk: bool,
}

impl Memory {
    pub(crate) fn options(self, options: Options) -> Options {
        let memory_limit_bytes = self.limit_bytes;
        let slow = Machine { uniform_s: 1.0, normal_s: 1.0, add_s: 1.0, stage_s: 0.0, ..Machine::default() };
        let moves = Machine { read_bps: 1e30, read_all_bps: 1e30, touch_bps: 1e30, ..slow };
        let eager = Machine { decode_bps: 1e30, disk_read_bps: 1e30, disk_write_bps: 1e30, ..moves };
        match self.on_disk {
            true => Options { memory_limit_bytes, rates: eager, holding: Holding::AllOnDisk, ..options },
            false => Options { memory_limit_bytes, ..options },
        }
    }
}

/// Runs a graph; the outputs as dense buffers, and the report.
pub(crate) fn compute(
    graph: &Graph,
    wanted: &[(NodeId, Cut)],
    setting: &Setting<'_>,
) -> Result<(Vec<Data>, RunReport), RunError> {
    compute_within(graph, wanted, setting, Memory::default())
}

/// The limit that is named where nothing fits.
pub(crate) fn needed(graph: &Graph, wanted: &[(NodeId, Cut)], setting: &Setting<'_>, memory: Memory) -> u64 {
    let outputs: Vec<Output> =
        wanted.iter().map(|(n, cut)| Output { node: *n, cut: cut.clone(), held: true }).collect();
    let options = Options { threads: setting.threads, sources: setting.sources.clone(), ..Options::default() };
    match plan(graph, &outputs, &Memory { limit_bytes: 1, ..memory }.options(options)) {
        Err(PlanError::DoesNotFit { needed, .. }) => needed,
        other => panic!("{other:?}"),
    }
}

/// The same, with memory used as `memory` says; nothing stays on disk.
pub(crate) fn compute_within(
    graph: &Graph,
    wanted: &[(NodeId, Cut)],
    setting: &Setting<'_>,
    memory: Memory,
) -> Result<(Vec<Data>, RunReport), RunError> {
    let outputs: Vec<Output> =
        wanted.iter().map(|(n, cut)| Output { node: *n, cut: cut.clone(), held: true }).collect();
    let options = Options { threads: setting.threads, sources: setting.sources.clone(), ..Options::default() };
    let plan = plan(graph, &outputs, &memory.options(options)).unwrap();
    assert!(memory.limit_bytes == 0 || plan.totals.peak_bytes <= memory.limit_bytes, "{plan}");
    let dense: Vec<Option<Arc<DenseSink>>> = wanted
        .iter()
        .map(|(n, cut)| (*cut == Cut::Engine).then(|| Arc::new(DenseSink::new(&graph[*n].shape, graph[*n].dtype))))
        .collect();
    let grids: Vec<Option<Arc<GridSink>>> = wanted
        .iter()
        .map(|(n, cut)| match cut {
            Cut::Engine => None,
            Cut::Grid(grid) => Some(Arc::new(GridSink::new(grid, graph[*n].dtype))),
        })
        .collect();
    let sink = |i: usize| match (&dense[i], &grids[i]) {
        (Some(sink), _) => Arc::clone(sink) as Arc<dyn Sink>,
        (None, Some(sink)) => Arc::clone(sink) as Arc<dyn Sink>,
        (None, None) => unreachable!(),
    };
    let sinks: Vec<Arc<dyn Sink>> = (0..wanted.len()).map(sink).collect();
    let control = Control { cancel: setting.cancel.clone(), events: &|_| {} };
    let spill = tempfile::tempdir().unwrap();
    let pool = Pool::new(setting.threads).unwrap().spilling_to(spill.path().to_owned());
    let report = run(&pool, &plan, setting.sources, &sinks, &control);
    assert_eq!(std::fs::read_dir(spill.path()).unwrap().count(), 0, "nothing stays on disk");
    let report = report?;
    assert_eq!(report.bytes_left, 0, "{plan}");
    assert!(report.peak_bytes <= plan.totals.peak_bytes, "{} held\n{plan}", report.peak_bytes);
    let results = dense.iter().zip(&grids).map(|(d, g)| match (d, g) {
        (Some(sink), _) => sink.take(),
        (None, Some(sink)) => sink.source().to_dense(),
        (None, None) => unreachable!(),
    });
    Ok((results.collect(), report))
}
