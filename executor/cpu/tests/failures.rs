//! What happens when a run is stopped, a source fails, or a task panics.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use cleave_cpu::{Cancel, Control, DenseSink, Pool, run};
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::{AxisChunks, Chunks, DType, Data, Region, Shape};
use cleave_plan::{Cut, Demand, Options, Output, PlanError, RunError, Sink, Source, SourceError, Sources, plan};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use support::{Counted, Setting, blocks, compute, counted, fold, load, map};

/// `x.sum()` of 200 blocks.
fn sum() -> (Graph, NodeId, Counted) {
    let (shape, mut graph) = (Shape::new([200, 1000]), Graph::new());
    let x = load(&mut graph, 0, &shape, DType::F64);
    let sum = fold(&mut graph, "sum", x, &[0, 1]);
    let grid = Chunks([AxisChunks::regular(200, 1), AxisChunks::single(1000)].into_iter().collect());
    (graph, sum, counted(blocks(&Data::F64(vec![1.0; 200_000]), &grid)))
}

fn broken() -> SourceError {
    SourceError { what: "chunk (7, 0)".to_owned(), cause: Arc::new(std::io::Error::other("the disk is gone")) }
}

fn run_with(source: Arc<Counted>, threads: usize, cancel: Cancel) -> Result<Vec<Data>, RunError> {
    let (graph, node, _) = sum();
    let sources = Sources::from([(SourceId(0), source as Arc<dyn Source>)]);
    compute(&graph, &[(node, Cut::Engine)], &Setting { threads, sources: &sources, cancel }).map(|(data, _)| data)
}

#[test]
fn a_block_is_read_once_by_any_number_of_threads() {
    for threads in [1, 2, 4] {
        let source = Arc::new(sum().2);
        let data = run_with(Arc::clone(&source), threads, Cancel::default()).unwrap();
        assert_eq!(data, [Data::F64(vec![200_000.0])]);
        assert_eq!(source.reads.load(Ordering::SeqCst), 200, "{threads} threads");
    }
}

#[test]
fn threads_that_want_the_same_large_block_read_others_meanwhile() {
    let shape = Shape::new([8 << 20]);
    let mut graph = Graph::new();
    let x = load(&mut graph, 0, &shape, DType::F64);
    let wanted = [(fold(&mut graph, "sum", x, &[0]), Cut::Engine)];
    let grid = Chunks([AxisChunks::regular(8 << 20, 2 << 20)].into_iter().collect());
    let met = Arc::new((Mutex::new(0), Condvar::new()));
    let meeting = Arc::clone(&met);
    // The first two to read wait for each other.
    let hook = Box::new(move |read| {
        let (inside, arrived) = &*meeting;
        *inside.lock().unwrap() += 1;
        arrived.notify_all();
        if read < 2 {
            let alone = |inside: &mut usize| *inside < 2;
            drop(arrived.wait_timeout_while(inside.lock().unwrap(), Duration::from_secs(20), alone).unwrap());
        }
        let inside = *inside.lock().unwrap();
        if inside < 2 { Err(broken()) } else { Ok(()) }
    });
    let source = Arc::new(Counted { hook, ..counted(blocks(&Data::F64(vec![0.5; 8 << 20]), &grid)) });
    let sources = Sources::from([(SourceId(0), Arc::clone(&source) as Arc<dyn Source>)]);
    let setting = Setting { threads: 2, sources: &sources, cancel: Cancel::default() };
    let (data, _) = compute(&graph, &wanted, &setting).unwrap();
    assert_eq!(data, [Data::F64(vec![f64::from(4 << 20)])]);
    assert_eq!(source.reads.load(Ordering::SeqCst), 4, "each block once");
}

#[test]
fn a_run_stops_soon_after_it_is_cancelled() {
    for threads in [1, 2, 4] {
        let cancel = Cancel::default();
        let wish = cancel.clone();
        let hook = Box::new(move |read| {
            if read == 20 {
                wish.cancel();
            }
            Ok(())
        });
        let source = Arc::new(Counted { hook, ..sum().2 });
        let stopped = run_with(Arc::clone(&source), threads, cancel);
        assert!(matches!(stopped, Err(RunError::Cancelled)), "{stopped:?}");
        // A tile of each thread is under way, and a tile reads three blocks at most.
        assert!(source.reads.load(Ordering::SeqCst) <= 21 + 3 * threads);
    }
}

#[test]
fn a_source_that_fails_is_an_error() {
    for threads in [1, 4] {
        let hook = Box::new(|read: usize| if read == 7 { Err(broken()) } else { Ok(()) });
        let failed = run_with(Arc::new(Counted { hook, ..sum().2 }), threads, Cancel::default());
        let Err(RunError::Read(error)) = failed else { panic!("{failed:?}") };
        assert_eq!(error.to_string(), "chunk (7, 0): the disk is gone");
    }
}

#[test]
fn a_panic_is_an_error_and_nobody_waits_for_ever() {
    for threads in [1, 4] {
        let hook = Box::new(|read: usize| if read >= 7 { panic!("read {}", read.min(7)) } else { Ok(()) });
        let failed = run_with(Arc::new(Counted { hook, ..sum().2 }), threads, Cancel::default());
        let Err(RunError::Bug { message, .. }) = failed else { panic!("{failed:?}") };
        assert_eq!(message, "read 7");
    }
}

/// A sink that takes nothing.
struct Full;

impl Sink for Full {
    fn put(&self, _region: &Region, _data: Data) -> Result<(), SourceError> {
        Err(broken())
    }
}

#[test]
fn a_sink_that_fails_is_an_error() {
    let (graph, node, source) = sum();
    let sources = Sources::from([(SourceId(0), Arc::new(source) as Arc<dyn Source>)]);
    let outputs = [Output { node, cut: Cut::Engine, held: false }];
    let plan = plan(&graph, &outputs, &Options { threads: 2, sources: sources.clone(), ..Options::default() }).unwrap();
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    let failed = run(&Pool::new(2).unwrap(), &plan, &sources, &[Arc::new(Full)], &control);
    assert!(matches!(failed, Err(RunError::Write(_))));
}

#[test]
fn a_source_that_is_gone_is_an_error() {
    let (graph, node, _) = sum();
    let setting = Setting { threads: 1, sources: &Sources::new(), cancel: Cancel::default() };
    let failed = compute(&graph, &[(node, Cut::Engine)], &setting);
    assert!(matches!(failed, Err(RunError::MissingSource(SourceId(0)))));
}

#[test]
fn what_does_not_fit_is_refused_before_it_runs() {
    let (shape, mut graph) = (Shape::new([1000, 1000]), Graph::new());
    let x = load(&mut graph, 0, &shape, DType::F64);
    let twice = map(&mut graph, "add", &[x, x]);
    let refused = |held, limit| {
        let options = Options { threads: 1, memory_limit_bytes: limit, ..Options::default() };
        plan(&graph, &[Output { node: twice, cut: Cut::Engine, held }], &options)
    };
    let Err(PlanError::DoesNotFit { needed, limit, what }) = refused(true, 7_000_000) else { panic!() };
    assert!(needed > 8_000_000 && needed < 12_000_000, "{needed}");
    assert_eq!((limit, what), (7_000_000, Demand::Results(8_000_000)));
    assert!(refused(true, needed).is_ok());
    assert!(refused(true, needed - 1).is_err());
    assert!(refused(false, 7_000_000).is_ok());
}

/// Runs a plan for the sum of one block of 8 MiB with little more memory than that takes.
fn sum_of_a_large_block(pool: &Pool, cancel: Cancel, hook: Hook) -> Result<(), RunError> {
    let (shape, mut graph) = (Shape::new([1 << 20]), Graph::new());
    let x = load(&mut graph, 0, &shape, DType::F64);
    let node = fold(&mut graph, "sum", x, &[0]);
    let stored = counted(blocks(&Data::F64(vec![1.0; 1 << 20]), &Chunks::single(&shape)));
    let sources = Sources::from([(SourceId(0), Arc::new(Counted { hook, ..stored }) as Arc<dyn Source>)]);
    let options = Options { memory_limit_bytes: 24 << 20, sources: sources.clone(), ..Options::default() };
    let plan = plan(&graph, &[Output { node, cut: Cut::Engine, held: true }], &options).unwrap();
    let sink: Arc<dyn Sink> = Arc::new(DenseSink::new(&Shape::default(), DType::F64));
    run(pool, &plan, &sources, &[sink], &Control { cancel, events: &|_| {} }).map(drop)
}

type Hook = Box<dyn Fn(usize) -> Result<(), SourceError> + Send + Sync>;

#[test]
fn a_run_waits_for_the_memory_of_one_that_was_stopped() {
    let (pool, cancel, (go, wait)) = (Pool::new(2).unwrap(), Cancel::default(), channel::<()>());
    let (wish, wait) = (cancel.clone(), Mutex::new(wait));
    let stops_and_stays = Box::new(move |_| {
        wish.cancel();
        let _it_ends = wait.lock().unwrap().recv();
        Ok(())
    });
    let stopped = sum_of_a_large_block(&pool, cancel, stops_and_stays);
    assert!(matches!(stopped, Err(RunError::Cancelled)), "{stopped:?}");
    let never = Cancel::default();
    never.cancel();
    let waits_in_vain = sum_of_a_large_block(&pool, never, Box::new(|_| Ok(())));
    assert!(matches!(waits_in_vain, Err(RunError::Cancelled)), "{waits_in_vain:?}");
    let is_gone = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_gone);
    let reads = Box::new(move |_| if seen.load(Ordering::SeqCst) { Ok(()) } else { Err(broken()) });
    std::thread::scope(|scope| {
        let next = scope.spawn(|| sum_of_a_large_block(&pool, Cancel::default(), reads));
        std::thread::sleep(Duration::from_millis(30));
        is_gone.store(true, Ordering::SeqCst);
        drop(go);
        next.join().unwrap().unwrap();
    });
}
