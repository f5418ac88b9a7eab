//! From a graph to its results: rewrites, plan, run. Holds the data that arrays are loaded from.

use crate::board::{Board, RunState, StageState};
use crate::cluster::{self, Asked, Places};
use crate::facts::{estimate_facts, run_facts};
use crate::fault::{plan_failure, run_failure};
use crate::forecast::Forecaster;
use crate::meter::Meter;
use crate::output::{LaneFacts, PoolFacts, RunFacts};
use crate::pace::{At, Pace};
use crate::plan_facts::stage_flow;
use crate::plan_steps::Drawing;
use crate::remote::{Remote, Remotes};
use crate::settings::{Scheduler, Settings};
use crate::world::failure;
use cleave_cpu::{Blocks, Cancel, Control, Pool};
use cleave_graph::host::{Failure, How, Workers};
use cleave_graph::rewrite::{RewriteOptions, optimize};
use cleave_graph::value::Client;
use cleave_graph::{Graph, NodeId, NodeKind, SourceId};
use cleave_plan::{
    Cut, Delivery, Demand, Estimate, Event, Options, Output, Plan, PlanError, RunError, RunReport, Sink, Source,
    Sources,
};
use cleave_remote::cluster::Watch;
use cleave_remote::spec::JobParts;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A run of no more elements is over before its progress could be read, and costs no thread that tells it.
const BRIEF: u64 = 1 << 16;

/// Bytes of memory that wait for their next use between cells; more where the limit is high, fewer where it is low.
const IDLE_BYTES: u64 = 128 << 20;

/// What computes: settings, threads, and the data that arrays are loaded from.
pub(crate) struct Engine {
    pub(crate) settings: Settings,
    pub(crate) cancel: Cancel,
    pub(crate) sources: Sources,
    /// Those that were computed to be seen, not to be kept in chunks.
    pub(crate) values: HashSet<SourceId>,
    pub(crate) forecaster: Forecaster,
    /// Where workers find stored arrays.
    pub(crate) places: Places,
    /// Connections to workers.
    pub(crate) remotes: Remotes,
    /// What those see who watch.
    pub(crate) board: Board,
    pool: Option<Pool>,
    next_source: u64,
    /// Sources up to this one were there before the cell and are there again if it fails.
    before_cell: u64,
    /// The last client before the cell, and where arrays were computed then.
    clients_before: (u64, Scheduler, crate::address::Addresses),
    /// Sources up to this one were looked at by the last sweep.
    swept: u64,
    next_run: u64,
    /// Threads that wait for failed runs' sinks, to remove what they wrote.
    clearing: Vec<JoinHandle<()>>,
}

impl Drop for Engine {
    /// Nothing half-written outlives the session.
    fn drop(&mut self) {
        self.clearing.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// A plan with the graph it was made of.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    /// What the rewrites did, one line each.
    pub(crate) rewrites: Vec<String>,
    /// The graph after the rewrites.
    pub(crate) graph: Graph,
    /// The job that makes the same plan at workers, where they compute.
    pub(crate) job: Option<JobParts>,
}

/// A piece of news about a run that takes long enough to be shown.
pub(crate) struct News {
    pub(crate) id: u64,
    pub(crate) progress: cleave_plan::event::Progress,
    /// How far it is by cost, and what is left.
    pub(crate) at: At,
    /// How it ended, on the last one.
    pub(crate) end: Option<&'static str>,
}

impl Engine {
    pub(crate) fn new(settings: Settings) -> Self {
        let sources = Sources::default();
        Self {
            forecaster: Forecaster::new(settings.cache_folder.clone()),
            places: Places::default(),
            remotes: Remotes::default(),
            board: Board::default(),
            clients_before: (0, settings.scheduler, settings.workers.clone()),
            settings,
            cancel: Cancel::default(),
            sources,
            values: HashSet::new(),
            pool: None,
            next_source: 0,
            before_cell: 0,
            swept: 0,
            next_run: 0,
            clearing: Vec::new(),
        }
    }

    /// Gives data a name that graphs can load.
    pub(crate) fn add(&mut self, source: Arc<dyn Source>) -> SourceId {
        self.next_source += 1;
        let id = SourceId(self.next_source);
        self.sources.insert(id, source);
        id
    }

    /// The same for what was computed to be seen.
    pub(crate) fn add_values(&mut self, source: Arc<dyn Source>) -> SourceId {
        let id = self.add(source);
        self.values.insert(id);
        id
    }

    /// A cell begins.
    pub(crate) fn begin_cell(&mut self) {
        self.before_cell = self.next_source;
        let settings = &self.settings;
        self.clients_before = (self.remotes.last_client(), settings.scheduler, settings.workers.clone());
    }

    /// The cell failed: clients it made have no name.
    pub(crate) fn fail_cell(&mut self) {
        let (last, scheduler, workers) = self.clients_before.clone();
        if self.remotes.last_client() > last {
            (last + 1..=self.remotes.last_client()).for_each(|client| self.remotes.close(client));
            (self.settings.scheduler, self.settings.workers) = (scheduler, workers);
        }
    }

    /// A client of workers, which compute from now on.
    pub(crate) fn connect(&mut self, workers: &Workers) -> Result<Client, Failure> {
        let (client, addresses) = self.remotes.client(workers, &self.settings)?;
        (self.settings.scheduler, self.settings.workers) = (Scheduler::Workers, addresses);
        self.board.pool(self.remotes.last().map(Remote::watch));
        Ok(client)
    }

    /// A client lets go of its workers; if they computed, threads do from now on. What was known of
    /// those whose connection ends with it.
    pub(crate) fn disconnect(&mut self, client: &Client) -> Option<PoolFacts> {
        let held = self.remotes.held_by(client.id).map(|r| (r.addresses.clone(), r.facts()));
        self.remotes.close(client.id);
        self.board.pool(self.remotes.last().map(Remote::watch));
        let lost = self.remotes.find(&self.settings.workers).is_none();
        if lost && self.settings.scheduler == Scheduler::Workers {
            self.settings.scheduler = Scheduler::Threads;
        }
        let ended = held.filter(|(addresses, _)| self.remotes.find(addresses).is_none());
        ended.map(|(_, facts)| PoolFacts { closed: true, ..facts })
    }

    /// What is known of the workers that compute under these settings, at any time.
    pub(crate) fn watch(&self, settings: &Settings) -> Option<Watch> {
        self.remote(settings).map(Remote::watch)
    }

    /// What is known of the workers that compute, or were connected last.
    pub(crate) fn pool_facts(&mut self) -> Result<PoolFacts, Failure> {
        let remote = match self.settings.scheduler {
            Scheduler::Workers => Some(self.remotes.of_settings(&self.settings)?),
            Scheduler::Threads | Scheduler::SingleThreaded => self.remotes.last(),
        };
        self.board.pool(remote.map(Remote::watch));
        remote
            .map(Remote::facts)
            .ok_or_else(|| crate::remote::address_failure(&crate::address::AddressError::NoWorkers))
    }

    /// Forgets data the cell has made that no named array needs any more.
    pub(crate) fn forget_unnamed(&mut self, graph: &Graph, named: &dyn Fn() -> Vec<NodeId>) {
        if self.swept == self.next_source {
            return;
        }
        self.swept = self.next_source;
        let (mut open, mut seen, mut live) = (named(), HashSet::new(), HashSet::new());
        while let Some(node) = open.pop() {
            if seen.insert(node) {
                open.extend(graph[node].kind.inputs());
                live.extend(if let NodeKind::Load(id) = graph[node].kind { Some(id) } else { None });
            }
        }
        let before = self.before_cell;
        self.sources.retain(|id, _| id.0 <= before || live.contains(id));
    }

    /// Forgets the data that no array of the graph loads, and gives memory back that waited for its next use.
    pub(crate) fn sweep(&mut self, graph: &Graph) {
        let live: HashSet<SourceId> = graph
            .iter()
            .filter_map(|(_, node)| if let NodeKind::Load(id) = node.kind { Some(id) } else { None })
            .collect();
        self.sources.retain(|id, _| live.contains(id));
        self.values.retain(|id| live.contains(id));
        self.places.retain(|id, _| live.contains(id));
        if let Some(pool) = &self.pool {
            let limit = self.settings.memory_limit_bytes;
            pool.rooms().allow_idle(IDLE_BYTES.max(limit / 16).min(limit / 8));
        }
    }

    /// Rewrites and plans.
    pub(crate) fn plan(&self, graph: &Graph, outputs: &[Output], settings: &Settings) -> Result<Planned, PlanError> {
        let roots: Vec<NodeId> = outputs.iter().map(|o| o.node).collect();
        let (graph, roots, applied) = optimize(graph, &roots, RewriteOptions { fold: settings.fold });
        let outputs: Vec<Output> = outputs.iter().zip(roots).map(|(o, node)| Output { node, ..o.clone() }).collect();
        let threads = settings.workers();
        let made = || {
            let (memory_limit_bytes, rates) = (settings.memory_limit_bytes, self.forecaster.rates());
            let job = self.remote(settings).map(|_| {
                let asked =
                    Asked { graph: &graph, outputs: &outputs, threads, memory_limit_bytes, rates: rates.clone() };
                cluster::job(asked, &self.sources, &self.places)
            });
            let here = || Options {
                threads,
                memory_limit_bytes,
                sources: self.sources.clone(),
                rates: rates.clone(),
                cancel: Arc::clone(&self.cancel.0),
                ..Options::default()
            };
            let options = job
                .as_ref()
                .map_or_else(here, |job| Options { cancel: Arc::clone(&self.cancel.0), ..cluster::planning(job) });
            cleave_plan::plan(&graph, &outputs, &options).map(|plan| (plan, job))
        };
        let (mut plan, mut job) = made()?;
        if self.forecaster.look(&plan, &self.sources, threads) {
            (plan, job) = made()?;
        }
        let rewrites = applied.iter().map(ToString::to_string).collect();
        Ok(Planned { plan, rewrites, graph, job })
    }

    /// The settings a call asks for.
    pub(crate) fn settings_for(&mut self, how: &How) -> Result<Settings, Failure> {
        let mut settings = self.settings.clone();
        if let Some(name) = &how.scheduler {
            settings.set("scheduler", name).map_err(|e| failure(e.code(), e.to_string(), &e.help()))?;
        }
        if let Some(threads) = how.threads {
            settings.threads = threads.clamp(1, 1024);
        }
        if settings.scheduler == Scheduler::Workers {
            self.remotes.of_settings(&settings)?;
        }
        Ok(self.placed(settings))
    }

    /// The session's settings, with the threads and the memory of the workers where they compute and are connected.
    pub(crate) fn now(&self) -> Settings {
        self.placed(self.settings.clone())
    }

    /// The session's settings for what is too small to send away.
    pub(crate) fn here(&self) -> Settings {
        match self.settings.scheduler {
            Scheduler::Workers => Settings { scheduler: Scheduler::Threads, ..self.settings.clone() },
            Scheduler::Threads | Scheduler::SingleThreaded => self.settings.clone(),
        }
    }

    fn placed(&self, mut settings: Settings) -> Settings {
        if let Some(remote) = self.remote(&settings) {
            (settings.threads, settings.memory_limit_bytes) = remote.cluster.planning();
        }
        settings
    }

    /// The workers that compute under these settings.
    fn remote(&self, settings: &Settings) -> Option<&Remote> {
        match settings.scheduler {
            Scheduler::Workers => self.remotes.find(&settings.workers),
            Scheduler::Threads | Scheduler::SingleThreaded => None,
        }
    }

    /// Computes arrays into memory, in one pass, in blocks of the engine's choice.
    pub(crate) fn held(
        &mut self,
        graph: &Graph,
        roots: &[NodeId],
        settings: &Settings,
        tell: Option<&mut dyn FnMut(News)>,
    ) -> Result<(Vec<Arc<Blocks>>, RunFacts), Failure> {
        let outputs: Vec<Output> = roots.iter().map(|&node| Output { node, cut: Cut::Engine, held: true }).collect();
        let planned = self.plan(graph, &outputs, settings).map_err(plan_failure)?;
        self.room_for(&planned).map_err(plan_failure)?;
        let rooms = Arc::clone(self.pool(settings)?.rooms());
        let blocks: Vec<Arc<Blocks>> =
            planned.plan.outputs.iter().map(|output| Arc::new(Blocks::new(output, &rooms))).collect();
        let sinks: Vec<Arc<dyn Sink>> = blocks.iter().map(|b| Arc::clone(b) as Arc<dyn Sink>).collect();
        let facts = self.run(&planned, &sinks, settings, Delivery::Looked, tell)?;
        Ok((blocks, facts))
    }

    /// Workers plan with their own memory; what they give is held in this process's.
    fn room_for(&self, planned: &Planned) -> Result<(), PlanError> {
        let needed: u64 = planned.plan.outputs.iter().map(|o| cleave_plan::plan::nbytes(&o.shape, o.dtype)).sum();
        let limit = self.settings.memory_limit_bytes;
        match planned.job.is_some() && needed > limit {
            true => Err(PlanError::DoesNotFit { needed, limit, what: Demand::Results(needed) }),
            false => Ok(()),
        }
    }

    /// Computes an array block by block into a sink of another kind.
    pub(crate) fn stream(
        &mut self,
        graph: &Graph,
        root: NodeId,
        cut: Cut,
        (sink, delivery): (Arc<dyn Sink>, Delivery),
        tell: Option<&mut dyn FnMut(News)>,
    ) -> Result<RunFacts, Failure> {
        let settings = self.settings_for(&How::default())?;
        let planned = self.plan(graph, &[Output { node: root, cut, held: false }], &settings).map_err(plan_failure)?;
        let sinks = [sink];
        let done = self.run(&planned, &sinks, &settings, delivery, tell);
        let [sink] = sinks;
        let mut facts = done.inspect_err(|_| self.clear_away(sink))?;
        facts.written_bytes = planned.plan.totals.bytes_written;
        Ok(facts)
    }

    /// Lets a sink go whose run failed, which removes what it wrote, once the blocks on their way to it are done.
    fn clear_away(&mut self, sink: Arc<dyn Sink>) {
        self.clearing.retain(|thread| !thread.is_finished());
        let wait = move || {
            while Arc::strong_count(&sink) > 1 {
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        self.clearing.extend(std::thread::Builder::new().name("clearing".to_owned()).spawn(wait));
    }

    /// The threads the settings ask for.
    fn pool(&mut self, settings: &Settings) -> Result<&Pool, Failure> {
        let workers = if settings.scheduler == Scheduler::Workers { self.settings.threads } else { settings.workers() };
        let directory = settings.spill_directory();
        let same = |p: &&Pool| p.threads() == workers && p.spill_directory() == directory;
        if self.pool.as_ref().filter(same).is_none() {
            cleave_cpu::clear_leftovers(&directory);
            self.pool = Some(Pool::new(workers).map_err(|e| run_failure(&e))?.spilling_to(directory));
        }
        Ok(self.pool.as_ref().expect("the pool was made just above"))
    }

    /// What a plan would take whose outputs are only looked at.
    pub(crate) fn estimate(&self, plan: &Plan, settings: &Settings) -> Estimate {
        self.forecaster.estimate(plan, &self.sources, settings.workers(), Delivery::Looked)
    }

    fn run(
        &mut self,
        planned: &Planned,
        sinks: &[Arc<dyn Sink>],
        settings: &Settings,
        delivery: Delivery,
        tell: Option<&mut dyn FnMut(News)>,
    ) -> Result<RunFacts, Failure> {
        let plan = &planned.plan;
        self.pool(settings)?;
        self.next_run += 1;
        let predicted = self.forecaster.estimate(plan, &self.sources, settings.workers(), delivery);
        let shown = plan.totals.elements > BRIEF || settings.progress_delay_s == 0.0;
        self.board.begin(settings.scheduler_words(), self.state(plan, &predicted, settings));
        self.watch(settings).into_iter().for_each(|watch| self.board.pool(Some(watch)));
        let meter = Meter::start();
        let run = |events: Tell<'_>| self.run_at(planned, sinks, settings, events);
        let done = match tell.filter(|_| shown) {
            None => run(&|_| {}),
            Some(tell) => watched(self.next_run, settings.progress_delay_s, &predicted, tell, &run),
        };
        let (report, lanes) = done.map_err(|e| {
            self.board.ended(end_word(&Err(&e)));
            run_failure(&e)
        })?;
        let reading = meter.read();
        let mut facts = run_facts(plan, &report, reading, settings, &self.sources);
        facts.lanes = lanes;
        facts.stages.iter_mut().zip(&predicted.stages).for_each(|(facts, stage)| facts.predicted_s = stage.seconds);
        facts.predicted = Some(estimate_facts(&predicted, self.forecaster.is_measured()));
        self.board.computed(&facts);
        // What workers take says nothing of this machine.
        if facts.lanes.is_empty() {
            let busy_s = (reading.user_s + reading.sys_s) / settings.workers().min(plan.totals.tasks.max(1)) as f64;
            self.forecaster.learn(&predicted, report.wall.as_secs_f64(), busy_s);
        }
        Ok(facts)
    }

    /// Runs a plan where the settings say.
    fn run_at(&self, planned: &Planned, sinks: &[Arc<dyn Sink>], settings: &Settings, tell: Tell<'_>) -> Ran {
        let events = |event: Event| {
            if let Event::Progress(progress) = &event {
                self.board.progress(progress);
            }
            tell(event);
        };
        let control = Control { cancel: self.cancel.clone(), events: &events };
        match self.remote(settings).zip(planned.job.as_ref()) {
            Some((remote, job)) => remote.cluster.run(job, &self.sources, sinks, &control),
            None => {
                let pool = self.pool.as_ref().expect("the pool is made before a run");
                cleave_cpu::run(pool, &planned.plan, &self.sources, sinks, &control).map(|report| (report, Vec::new()))
            }
        }
    }

    /// A run that begins, for those who watch.
    fn state(&self, plan: &Plan, predicted: &Estimate, settings: &Settings) -> RunState {
        let mut drawing = Drawing::new(plan, &self.sources);
        let stages = plan.stages.iter().zip(&predicted.stages).map(|(stage, e)| {
            let mut reads: Vec<usize> = drawing.stage(stage).reads.iter().map(|r| r.stage).collect();
            reads.sort_unstable();
            reads.dedup();
            StageState {
                flow: stage_flow(stage, &self.sources),
                tasks: e.tasks as u64,
                elements: stage.space.size() as u64,
                predicted_s: e.seconds,
                reads,
                wall_s: None,
            }
        });
        RunState {
            id: self.next_run,
            stages: stages.collect(),
            predicted_s: predicted.seconds,
            predicted_bytes: predicted.peak_bytes,
            limit_bytes: settings.memory_limit_bytes,
            ..RunState::default()
        }
    }
}

impl Settings {
    /// Threads that work.
    pub(crate) fn workers(&self) -> usize {
        match self.scheduler {
            Scheduler::Threads | Scheduler::Workers => self.threads,
            Scheduler::SingleThreaded => 1,
        }
    }
}

/// Told what happens in a run.
type Tell<'a> = &'a (dyn Fn(Event) + Sync);

/// What a run reports, and what each worker did in it.
type Ran = Result<(RunReport, Vec<LaneFacts>), RunError>;

/// Runs on a thread of its own while news are told on this one, the first after `delay_s`.
fn watched(
    id: u64,
    delay_s: f64,
    predicted: &Estimate,
    tell: &mut dyn FnMut(News),
    run: &(dyn Fn(Tell<'_>) -> Ran + Sync),
) -> Ran {
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let send = move |event: Event| drop(sender.send(event));
            run(&send)
        });
        let (mut last, mut pace) = (None, Pace::new(predicted));
        loop {
            match receiver.recv_timeout(Duration::from_millis(200)) {
                Ok(Event::Progress(progress)) => {
                    let at = pace.at(&progress);
                    if progress.elapsed.as_secs_f64() >= delay_s {
                        tell(News { id, progress, at, end: None });
                        last = Some((progress, at));
                    }
                }
                Ok(Event::Stage { .. }) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let result = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if let Some(last) = last {
            let report = result.as_ref().map(|(report, _)| report);
            let (progress, at) = finished(last, &report);
            tell(News { id, progress, at, end: Some(end_word(&report)) });
        }
        result
    })
}

fn finished(
    (mut last, mut at): (cleave_plan::event::Progress, At),
    result: &Result<&RunReport, &RunError>,
) -> (cleave_plan::event::Progress, At) {
    if let Ok(report) = result {
        last.elapsed = report.wall;
        last.elements = report.elements();
        at = At { fraction: 1.0, left_s: None, rate: report.elements() as f64 / report.wall.as_secs_f64().max(1e-9) };
    }
    (last, at)
}

fn end_word(result: &Result<&RunReport, &RunError>) -> &'static str {
    match result {
        Ok(_) => "computed",
        Err(RunError::Cancelled) => "interrupted",
        Err(_) => "failed",
    }
}
