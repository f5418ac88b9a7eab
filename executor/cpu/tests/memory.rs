//! Programs under limits: what must wait goes to disk, threads wait for each other rather than exceed, and what
//! cannot be is refused before it starts.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use cleave_cpu::{Cancel, Pool, run};
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, DType, Data, Fill, Law, Scalar, Shape, View};
use cleave_plan::{Cut, Demand, Keep, Options, Output, Plan, PlanError, Source, SourceError, Sources, Why, plan};
use std::sync::Arc;
use support::{Memory, Setting, blocks, compute_within, counted, fill, fold, load, map, view};

const MIB: u64 = 1 << 20;

fn random(graph: &mut Graph, shape: &Shape) -> NodeId {
    let law = Law::Uniform { low: Scalar::Float(0.0), high: Scalar::Float(1.0) };
    fill(graph, Fill::Random { seed: 3, draw: 0, law }, shape, DType::F64)
}

/// Sums along each row, seen again by each element: `x - x.sum(1)[:, None]`, summed.
fn rows(shape: &Shape, expensive: usize) -> (Graph, NodeId) {
    let mut graph = Graph::new();
    let mut x = random(&mut graph, shape);
    for _ in 0..expensive {
        x = map(&mut graph, "asinh", &[x]);
        x = map(&mut graph, "negative", &[x]);
    }
    let total = fold(&mut graph, "sum", x, &[1]);
    let mut wide = View::identity(shape);
    wide.source.pop();
    let wide = view(&mut graph, total, wide);
    let less = map(&mut graph, "subtract", &[x, wide]);
    let sum = fold(&mut graph, "sum", less, &[0, 1]);
    (graph, sum)
}

fn planned(graph: &Graph, node: NodeId, held: bool, limit_bytes: u64) -> Result<Plan, PlanError> {
    let options = Options { threads: 2, memory_limit_bytes: limit_bytes, ..Options::default() };
    plan(graph, &[Output { node, cut: Cut::Engine, held }], &options)
}

#[test]
fn what_is_cheap_is_computed_again_and_what_is_dear_is_kept_where_it_fits() {
    let shape = Shape::new([4000, 4000]);
    let kept = |expensive: usize, limit: u64| {
        let (graph, sum) = rows(&shape, expensive);
        let plan = planned(&graph, sum, true, limit).unwrap();
        assert!(plan.totals.peak_bytes <= limit);
        plan.buffers.iter().find(|b| b.shape == shape).map(|b| b.keep)
    };
    assert_eq!(kept(0, 1 << 30), None);
    assert_eq!(kept(4, 1 << 30), Some(Keep::Memory));
    assert_eq!(kept(4, 40 * MIB), None, "twice to disk takes longer");
    assert!(matches!(kept(400, 40 * MIB), Some(Keep::Spill { memory_bytes }) if memory_bytes > 0));
}

#[test]
fn a_value_on_disk_gives_the_same_bits() {
    let shape = Shape::new([1200, 1000]);
    let (graph, sum) = rows(&shape, 30);
    let wanted = [(sum, Cut::Engine)];
    let mut results = Vec::new();
    for (threads, limit_bytes, on_disk) in [(1, 0, false), (2, 0, true), (4, 6 * MIB, false), (4, 6 * MIB, true)] {
        let setting = Setting { threads, sources: &Sources::new(), cancel: Cancel::default() };
        let (data, report) = compute_within(&graph, &wanted, &setting, Memory { limit_bytes, on_disk }).unwrap();
        assert!(limit_bytes == 0 || report.peak_bytes <= limit_bytes);
        results.push(data);
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

/// `x + x.T`, summed, of a stored array in 4 blocks of 2 MiB.
fn stored() -> (Graph, NodeId, Sources) {
    let (shape, mut graph) = (Shape::new([1000, 1000]), Graph::new());
    let x = load(&mut graph, 0, &shape, DType::F64);
    let mut turned = View::identity(&shape);
    turned.source.reverse();
    let turned = view(&mut graph, x, turned);
    let both = map(&mut graph, "add", &[x, turned]);
    let sum = fold(&mut graph, "sum", both, &[0, 1]);
    let grid = Chunks(shape.iter().map(|&len| AxisChunks::regular(len, 500)).collect());
    let data = Data::F64((0..1_000_000).map(f64::from).collect());
    let source: Arc<dyn Source> = Arc::new(Outside(counted(blocks(&data, &grid))));
    (graph, sum, Sources::from([(SourceId(0), source)]))
}

#[test]
fn blocks_of_which_there_is_room_for_one_are_read_once_and_cut() {
    let (shape, mut graph) = (Shape::new([1500, 3000]), Graph::new());
    let x = load(&mut graph, 0, &shape, DType::F64);
    let mut flip = View::identity(&shape);
    for (axis, &len) in shape.iter().enumerate() {
        flip.source[axis] = SourceAxis::along(axis, len as i64 - 1, -1);
    }
    let flipped = view(&mut graph, x, flip);
    let product = map(&mut graph, "multiply", &[x, flipped]);
    let wanted = [fold(&mut graph, "sum", product, &[0, 1]), fold(&mut graph, "sum", x, &[1])];
    let wanted = wanted.map(|node| (node, Cut::Engine));
    let grid = Chunks([AxisChunks::regular(1500, 800), AxisChunks::regular(3000, 1600)].into_iter().collect());
    let data = Data::F64((0..4_500_000).map(f64::from).collect());
    let mut results = Vec::new();
    for (limit_bytes, threads) in [(0, 1), (32 * MIB, 1), (32 * MIB, 4)] {
        let source = Arc::new(Outside(counted(blocks(&data, &grid))));
        let sources = Sources::from([(SourceId(0), Arc::clone(&source) as Arc<dyn Source>)]);
        let setting = Setting { threads, sources: &sources, cancel: Cancel::default() };
        let (data, report) = compute_within(&graph, &wanted, &setting, Memory { limit_bytes, on_disk: false }).unwrap();
        results.push(data);
        if limit_bytes > 0 {
            assert_eq!(source.0.reads.load(std::sync::atomic::Ordering::SeqCst), 4, "each block once");
            assert!(report.bytes_spilled >= 36_000_000 && report.peak_bytes <= limit_bytes);
        }
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

/// Blocks that take no memory until they are read.
struct Outside(support::Counted);

impl Source for Outside {
    fn grid(&self) -> &Chunks {
        self.0.grid()
    }
    fn dtype(&self) -> DType {
        self.0.dtype()
    }
    fn block(&self, index: &[usize]) -> Result<cleave_plan::Block, SourceError> {
        self.0.block(index)
    }
    fn is_resident(&self) -> bool {
        false
    }
    fn label(&self) -> &str {
        "outside"
    }
    fn stored_bytes(&self) -> Option<u64> {
        None
    }
}

#[test]
fn stored_blocks_are_read_one_after_the_other_where_memory_is_short() {
    let (graph, sum, sources) = stored();
    let mut results = Vec::new();
    for limit_bytes in [0, 64 * MIB, 8 * MIB, 6 * MIB] {
        let setting = Setting { threads: 4, sources: &sources, cancel: Cancel::default() };
        let memory = Memory { limit_bytes, on_disk: false };
        results.push(compute_within(&graph, &[(sum, Cut::Engine)], &setting, memory).unwrap().0);
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
    let options = Options { threads: 4, memory_limit_bytes: 3 * MIB, sources, ..Options::default() };
    let refused = plan(&graph, &[Output { node: sum, cut: Cut::Engine, held: true }], &options);
    let Err(PlanError::DoesNotFit { needed, what, .. }) = refused else { panic!() };
    assert!(matches!(what, Demand::ReadBlock(_)), "{what}");
    assert!(
        plan(
            &graph,
            &[Output { node: sum, cut: Cut::Engine, held: true }],
            &Options { memory_limit_bytes: needed, ..options }
        )
        .is_ok()
    );
}

#[test]
fn a_chunk_that_is_written_whole_must_fit() {
    let (shape, mut graph) = (Shape::new([2000, 2000]), Graph::new());
    let x = random(&mut graph, &shape);
    let write = |rows: usize, limit: u64| {
        let grid = Chunks([AxisChunks::regular(2000, rows), AxisChunks::single(2000)].into_iter().collect());
        let options = Options { threads: 4, memory_limit_bytes: limit, ..Options::default() };
        plan(&graph, &[Output { node: x, cut: Cut::Grid(grid), held: false }], &options)
    };
    assert_eq!(write(500, 1 << 30).unwrap().needs[0].workers, 4);
    assert_eq!(write(500, 32 * MIB).unwrap().needs[0].workers, 2);
    assert!(matches!(write(2000, 32 * MIB), Err(PlanError::DoesNotFit { what: Demand::WrittenBlock(_), .. })));
}

#[test]
fn arrays_in_memory_count() {
    let (shape, mut graph) = (Shape::new([1000, 1000]), Graph::new());
    let x = load(&mut graph, 0, &shape, DType::F64);
    let sum = fold(&mut graph, "sum", x, &[0]);
    let source: Arc<dyn Source> = Arc::new(blocks(&Data::F64(vec![1.0; 1_000_000]), &Chunks::single(&shape)));
    let options =
        Options { sources: Sources::from([(SourceId(0), source)]), memory_limit_bytes: 7 * MIB, ..Options::default() };
    let refused = plan(&graph, &[Output { node: sum, cut: Cut::Engine, held: true }], &options);
    assert!(matches!(refused, Err(PlanError::DoesNotFit { what: Demand::Present(8_000_000), .. })), "{refused:?}");
}

#[test]
fn a_directory_that_cannot_be_used_is_an_error_and_the_pool_goes_on() {
    let (graph, sum) = rows(&Shape::new([1200, 1000]), 400);
    let plan = planned(&graph, sum, true, 6 * MIB).unwrap();
    assert!(plan.buffers.iter().any(|b| b.why != Why::Result && matches!(b.keep, Keep::Spill { .. })), "{plan}");
    let absent = std::path::PathBuf::from("/dev/null/absent");
    let pool = Pool::new(2).unwrap().spilling_to(absent);
    let sink: Arc<dyn cleave_plan::Sink> = Arc::new(cleave_cpu::DenseSink::new(&Shape::default(), DType::F64));
    let control = cleave_cpu::Control { cancel: Cancel::default(), events: &|_| {} };
    let failed = run(&pool, &plan, &Sources::new(), &[Arc::clone(&sink)], &control).unwrap_err();
    assert_eq!(failed.code(), "spill-failed");
    assert!(failed.to_string().contains("/dev/null/absent"), "{failed}");
    let pool = pool.spilling_to(std::env::temp_dir());
    assert!(run(&pool, &plan, &Sources::new(), &[sink], &control).is_ok());
}

/// A sink that never takes anything.
struct Panics;

impl cleave_plan::Sink for Panics {
    fn put(&self, _: &cleave_ops::Region, _: Data) -> Result<(), SourceError> {
        panic!("no")
    }
}

#[test]
fn a_run_that_is_stopped_or_breaks_leaves_nothing_on_disk() {
    let (graph, sum) = rows(&Shape::new([1200, 1000]), 400);
    let plan = planned(&graph, sum, false, 6 * MIB).unwrap();
    let parent = tempfile::tempdir().unwrap();
    let left = || std::fs::read_dir(parent.path()).unwrap().count();
    let pool = Pool::new(2).unwrap().spilling_to(parent.path().to_owned());
    let cancel = Cancel::default();
    let most = std::sync::atomic::AtomicUsize::new(0);
    let stop = |event: cleave_plan::Event| {
        most.fetch_max(left(), std::sync::atomic::Ordering::SeqCst);
        if matches!(event, cleave_plan::Event::Stage { stage: 1, .. }) {
            cancel.cancel();
        }
    };
    let control = cleave_cpu::Control { cancel: cancel.clone(), events: &stop };
    let stopped = run(&pool, &plan, &Sources::new(), &[Arc::new(Panics)], &control).unwrap_err();
    assert_eq!((stopped.code(), left()), ("cancelled", 0));
    assert_eq!(most.into_inner(), 1, "blocks were on disk before");
    let control = cleave_cpu::Control { cancel: Cancel::default(), events: &|_| {} };
    let broken = run(&pool, &plan, &Sources::new(), &[Arc::new(Panics)], &control).unwrap_err();
    assert_eq!((broken.code(), left()), ("bug", 0));
}
