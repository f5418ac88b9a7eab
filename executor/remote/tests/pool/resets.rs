//! Connections that are reset again and again: what is on its way comes, as long as something of it does each time.

use crate::support::{blocks, fill, fold, load, map};
use crate::workers::{Outcome, Started, Task, bits};
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::{AxisChunks, Chunks, DType, Data, Fill, Law, Scalar, Shape};
use cleave_plan::{Cut, Source, Sources};
use cleave_remote::cluster::{Cluster, ConnectOptions, Named};
use cleave_remote::schedule::Rules;
use cleave_remote::transport::Endpoint;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;

/// Stands before a worker, and resets all connections whenever so many bytes have passed.
struct Resetting {
    at: SocketAddr,
    resets: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Resetting {
    fn new(worker: SocketAddr, every: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (at, resets) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (count, (reset, _)) = (Arc::clone(&resets), broadcast::channel::<()>(16));
        let passed = Arc::new(AtomicUsize::new(0));
        runtime.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (reset, count, passed) = (reset.clone(), Arc::clone(&count), Arc::clone(&passed));
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(worker).await else { return };
                    let mut told = reset.subscribe();
                    for stream in [&near, &far] {
                        stream.set_zero_linger().unwrap();
                    }
                    let is_full = tokio::select! {
                        is_full = pass(near, far, every, &passed) => is_full,
                        _ = told.recv() => false,
                    };
                    if is_full {
                        passed.store(0, Ordering::Relaxed);
                        count.fetch_add(1, Ordering::Relaxed);
                        let _ = reset.send(());
                    }
                });
            }
        });
        Self { at, resets, _runtime: runtime }
    }

    fn endpoint(&self) -> Endpoint {
        self.at.to_string().parse().unwrap()
    }
}

/// Passes bytes on until a side closes, or so many have passed on all connections together: then it is true.
async fn pass(near: TcpStream, far: TcpStream, every: usize, passed: &AtomicUsize) -> bool {
    let ((from_kernel, to_kernel), (from_worker, to_worker)) = (near.into_split(), far.into_split());
    tokio::select! {
        is_full = pass_on(from_kernel, to_worker, every, passed) => is_full,
        is_full = pass_on(from_worker, to_kernel, every, passed) => is_full,
    }
}

async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, every: usize, passed: &AtomicUsize) -> bool {
    let mut room = vec![0; 1 << 14];
    while let Ok(count @ 1..) = from.read(&mut room).await {
        if passed.fetch_add(count, Ordering::Relaxed) + count > every {
            return true;
        }
        if to.write_all(&room[..count]).await.is_err() {
            break;
        }
    }
    false
}

/// Random numbers, in one block if it is wanted.
fn noise(lens: [usize; 2]) -> (Graph, Vec<(NodeId, Cut)>) {
    let (mut graph, shape) = (Graph::new(), Shape::new(lens));
    let law = Law::Uniform { low: Scalar::Float(0.0), high: Scalar::Float(1.0) };
    let x = fill(&mut graph, Fill::Random { seed: 5, draw: 0, law }, &shape, DType::F64);
    let y = map(&mut graph, "sqrt", &[x]);
    (graph, vec![(y, Cut::Grid(Chunks::single(&shape)))])
}

/// Tasks of all answers, and shares that the only worker has done.
fn done(outcome: &Outcome, cluster: &Cluster) -> (usize, u64) {
    let tasks = outcome.lanes.iter().flat_map(|l| &l.spans).map(|s| s.tasks).sum();
    (tasks, cluster.facts().workers[0].done)
}

#[test]
fn a_share_with_a_large_result_over_a_link_that_is_reset_again_and_again() {
    let worker = Started::new(1);
    let proxy = Resetting::new(worker.address, 1 << 20);
    // One share has all of it.
    let rules = Rules { share_s: (60.0, 60.0), first_share_s: 60.0, ..Rules::default() };
    let named = Named::One(proxy.endpoint());
    let cluster = Cluster::connect(&[named], ConnectOptions { rules, ..ConnectOptions::default() }).unwrap();
    let (graph, wanted) = noise([1500, 1000]);
    let task = Task::new(&graph, &wanted, &Sources::new(), 1, false);
    let outcome = task.remote(&cluster).unwrap();
    assert_eq!(bits(&outcome.data), bits(&task.local()));
    let resets = proxy.resets.load(Ordering::Relaxed);
    assert!(resets >= 11, "{resets} resets");
    let (tasks, shares) = done(&outcome, &cluster);
    // The worker's own count comes over connections that are reset as well, and perhaps too late.
    assert_eq!((tasks, shares.max(1)), (task.plan().totals.tasks, 1), "what was done was done again");
}

#[test]
fn shares_at_work_are_not_to_blame_for_resets() {
    let worker = Started::new(1);
    let proxy = Resetting::new(worker.address, 1 << 20);
    let rules = Rules { share_s: (0.0, 0.0), first_share_s: 0.0, ..Rules::default() };
    let named = Named::One(proxy.endpoint());
    let cluster = Cluster::connect(&[named], ConnectOptions { rules, ..ConnectOptions::default() }).unwrap();
    let (graph, mut wanted) = noise([2000, 800]);
    wanted[0].1 = Cut::Grid(Chunks([2000, 800].map(|len| AxisChunks::regular(len, 400)).into_iter().collect()));
    let task = Task::new(&graph, &wanted, &Sources::new(), 1, false);
    let outcome = task.remote(&cluster).unwrap();
    assert_eq!(bits(&outcome.data), bits(&task.local()));
    let resets = proxy.resets.load(Ordering::Relaxed);
    assert!(resets >= 12, "{resets} resets");
    let answers: usize = outcome.lanes.iter().map(|l| l.spans.len()).sum();
    assert!(answers > 3, "{answers} shares");
    assert_eq!(done(&outcome, &cluster).0, task.plan().totals.tasks, "what was done was done again");
    assert!(done(&outcome, &cluster).1 <= answers as u64, "what was at work was done again");
}

#[test]
fn a_source_over_a_link_that_is_reset_again_and_again() {
    let worker = Started::new(1);
    let proxy = Resetting::new(worker.address, 1 << 20);
    let cluster = Cluster::connect(&[Named::One(proxy.endpoint())], ConnectOptions::default()).unwrap();
    let (mut graph, shape) = (Graph::new(), Shape::new([1500, 1000]));
    let id = SourceId(3);
    let stored = Data::F64((0..1_500_000).map(f64::from).collect());
    let grid = Chunks::single(&shape);
    let x = load(&mut graph, id.0, &shape, DType::F64);
    let sum = fold(&mut graph, "sum", x, &[0]);
    let sources = Sources::from([(id, Arc::new(blocks(&stored, &grid)) as Arc<dyn Source>)]);
    let task = Task::new(&graph, &[(sum, Cut::Engine)], &sources, 1, false);
    let outcome = task.remote(&cluster).unwrap();
    assert_eq!(bits(&outcome.data), bits(&task.local()));
    // It takes at least as many as it has megabytes: one that began anew with each would never end. How many more
    // there are depends on what the worker has read of each before it is reset.
    let resets = proxy.resets.load(Ordering::Relaxed);
    assert!(resets >= 11, "{resets} resets");
}
