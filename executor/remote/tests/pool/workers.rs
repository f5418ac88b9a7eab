//! Workers of this process, each with a runtime of its own that can be ended like a process.

use cleave_cpu::{Cancel, Control, DenseSink, GridSink, Pool, run};
use cleave_graph::{Graph, NodeId};
use cleave_ops::Data;
use cleave_plan::{Cut, Holding, Machine, Plan, RunError, RunReport, Sink, Sources};
use cleave_remote::cluster::{Cluster, ConnectOptions, Named, RemoteJob};
use cleave_remote::facts::LaneFacts;
use cleave_remote::schedule::Rules;
use cleave_remote::spec::{JobParts, Limits, Planning, Prepared, StoredPlace, StoredSource, Wanted, plan_of, prepare};
use cleave_remote::transport::Endpoint;
use cleave_remote::worker::{Worker, WorkerOptions};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A worker that can be killed.
pub(crate) struct Started {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
}

impl Started {
    pub(crate) fn new(threads: usize) -> Self {
        Self::at(threads, ([127, 0, 0, 1], 0).into())
    }

    pub(crate) fn at(threads: usize, listen: SocketAddr) -> Self {
        Self::with(WorkerOptions { listen, ..Self::options(threads) })
    }

    pub(crate) fn options(threads: usize) -> WorkerOptions {
        let memory_bytes = threads as u64 * (256 << 20);
        WorkerOptions { threads, memory_bytes, grace: Duration::from_secs(5), ..WorkerOptions::default() }
    }

    pub(crate) fn with(options: WorkerOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let worker = runtime.block_on(Worker::bind(options)).unwrap();
        let address = worker.address().unwrap();
        let (stop, stopped) = oneshot::channel();
        runtime.spawn(worker.serve(async { drop(stopped.await) }));
        Self { address, runtime: Some(runtime), stop: Some(stop) }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.address.to_string().parse().unwrap()
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }

    /// Tells it to end.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What is wanted of a graph, and how it is planned.
pub(crate) struct Task {
    pub(crate) parts: JobParts,
    pub(crate) prepared: Prepared,
    pub(crate) sources: Sources,
}

impl Task {
    pub(crate) fn new(graph: &Graph, wanted: &[(NodeId, Cut)], sources: &Sources, threads: usize, keeps: bool) -> Self {
        let wanted = wanted.iter().map(|(node, cut)| Wanted { node: *node, cut: cut.clone(), held: true, zarr: None });
        // Rates at which everything that can be kept between stages is kept.
        let slow = Machine { uniform_s: 1.0, normal_s: 1.0, add_s: 1.0, stage_s: 1e-9, ..Machine::default() };
        let moves = Machine { read_bps: 1e15, read_all_bps: 1e15, touch_bps: 1e15, ..slow };
        let eager = Machine { decode_bps: 1e15, disk_read_bps: 1e15, disk_write_bps: 1e15, ..moves };
        let (rates, holding) = match keeps {
            true => (eager, Holding::AllOnDisk),
            false => (Machine::default(), Holding::AsFits),
        };
        let put = |(id, source): (_, &Arc<dyn cleave_plan::Source>)| StoredSource {
            id,
            dtype: source.dtype(),
            grid: source.grid().clone(),
            resident: source.is_resident(),
            place: StoredPlace::Put { number: id.0 + 100 },
        };
        let mut stored: Vec<StoredSource> = sources.iter().map(|(&id, source)| put((id, source))).collect();
        stored.sort_by_key(|s: &StoredSource| s.id.0);
        let planning = Planning { threads, memory_bytes: 0, rates, holding };
        let parts = JobParts { graph: graph.clone(), wanted: wanted.collect(), planning, sources: stored };
        let plan = Arc::new(plan_of(&parts).unwrap());
        let prepared = prepare(&parts, plan, &Limits::default()).unwrap();
        Self { parts, prepared, sources: sources.clone() }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.prepared.plan
    }

    fn sinks(&self) -> Vec<Collected> {
        let sink = |output: &cleave_plan::plan::PlannedOutput, wanted: &Wanted| match wanted.cut {
            Cut::Engine => Collected::Dense(Arc::new(DenseSink::new(&output.shape, output.dtype))),
            Cut::Grid(_) => Collected::Grid(Arc::new(GridSink::new(&output.grid, output.dtype))),
        };
        self.plan().outputs.iter().zip(&self.parts.wanted).map(|(o, w)| sink(o, w)).collect()
    }

    /// Runs it on threads of this process.
    pub(crate) fn local(&self) -> Vec<Data> {
        let sinks = self.sinks();
        let control = Control { cancel: Cancel::default(), events: &|_| {} };
        let taken: Vec<Arc<dyn Sink>> = sinks.iter().map(Collected::sink).collect();
        run(&Pool::new(2).unwrap(), self.plan(), &self.sources, &taken, &control).unwrap();
        sinks.iter().map(Collected::take).collect()
    }

    /// Runs it on workers.
    pub(crate) fn remote(&self, cluster: &Cluster) -> Result<Outcome, RunError> {
        self.remote_watched(cluster, &Cancel::default(), &|_| {})
    }

    pub(crate) fn remote_watched(
        &self,
        cluster: &Cluster,
        cancel: &Cancel,
        events: &(dyn Fn(cleave_plan::Event) + Sync),
    ) -> Result<Outcome, RunError> {
        let sinks = self.sinks();
        let taken: Vec<Arc<dyn Sink>> = sinks.iter().map(Collected::sink).collect();
        let job = RemoteJob { prepared: &self.prepared, parts: &self.parts, sources: &self.sources };
        let (report, lanes) = cluster.run(&job, &taken, &Control { cancel: cancel.clone(), events })?;
        Ok(Outcome { data: sinks.iter().map(Collected::take).collect(), report, lanes })
    }

    /// Runs it on workers that were joined on this runtime.
    pub(crate) async fn remote_here(&self, cluster: &Cluster, cancel: &Cancel) -> Result<Outcome, RunError> {
        let sinks = self.sinks();
        let taken: Vec<Arc<dyn Sink>> = sinks.iter().map(Collected::sink).collect();
        let job = RemoteJob { prepared: &self.prepared, parts: &self.parts, sources: &self.sources };
        let control = Control { cancel: cancel.clone(), events: &|_| {} };
        let (report, lanes) = cluster.run_here(&job, &taken, &control).await?;
        Ok(Outcome { data: sinks.iter().map(Collected::take).collect(), report, lanes })
    }
}

/// What a run on workers gave.
pub(crate) struct Outcome {
    pub(crate) data: Vec<Data>,
    pub(crate) report: RunReport,
    pub(crate) lanes: Vec<LaneFacts>,
}

enum Collected {
    Dense(Arc<DenseSink>),
    Grid(Arc<GridSink>),
}

impl Collected {
    fn sink(&self) -> Arc<dyn Sink> {
        match self {
            Collected::Dense(sink) => Arc::clone(sink) as Arc<dyn Sink>,
            Collected::Grid(sink) => Arc::clone(sink) as Arc<dyn Sink>,
        }
    }

    fn take(&self) -> Data {
        match self {
            Collected::Dense(sink) => sink.take(),
            Collected::Grid(sink) => sink.source().to_dense(),
        }
    }
}

pub(crate) fn connect(workers: &[Started]) -> Cluster {
    connect_by(workers, Rules::default())
}

pub(crate) fn connect_by(workers: &[Started], rules: Rules) -> Cluster {
    let named: Vec<Named> = workers.iter().map(|worker| Named::One(worker.endpoint())).collect();
    Cluster::connect(&named, ConnectOptions { rules, ..ConnectOptions::default() }).unwrap()
}

/// Bits of elements, so that values that are no numbers compare as well.
pub(crate) fn bits(data: &[Data]) -> Vec<Vec<u8>> {
    data.iter().map(|d| cleave_remote::elements::view(d.as_ref()).to_vec()).collect()
}
