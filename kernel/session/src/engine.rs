//! From a graph to its results: rewrites, plan, run. Holds the data that arrays are loaded from.

use crate::facts::{estimate_facts, run_facts};
use crate::forecast::Forecaster;
use crate::meter::Meter;
use crate::output::RunFacts;
use crate::pace::{At, Pace};
use crate::settings::{Scheduler, Settings};
use cleave_cpu::{Blocks, Cancel, Control, Pool};
use cleave_graph::host::{Failure, How};
use cleave_graph::rewrite::{RewriteOptions, optimize};
use cleave_graph::{Graph, NodeId, NodeKind, SourceId};
use cleave_plan::{
    Cut, Delivery, Demand, Estimate, Event, Options, Output, Plan, PlanError, RunError, RunReport, Sink, Source,
    Sources,
};
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
    pool: Option<Pool>,
    next_source: u64,
    /// Sources up to this one were there before the cell and are there again if it fails.
    before_cell: u64,
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
    /// The graph after the rewrites, as text.
    pub(crate) graph: String,
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
        let options = || Options {
            threads,
            memory_limit_bytes: settings.memory_limit_bytes,
            sources: self.sources.clone(),
            rates: self.forecaster.rates(),
            ..Options::default()
        };
        let mut plan = cleave_plan::plan(&graph, &outputs, &options())?;
        if self.forecaster.look(&plan, &self.sources, threads) {
            plan = cleave_plan::plan(&graph, &outputs, &options())?;
        }
        let rewrites = applied.iter().map(ToString::to_string).collect();
        Ok(Planned { plan, rewrites, graph: graph.to_string() })
    }

    /// The settings a call asks for.
    pub(crate) fn settings_for(&self, how: &How) -> Result<Settings, Failure> {
        let mut settings = self.settings.clone();
        if let Some(name) = &how.scheduler {
            settings.scheduler = Scheduler::parse(name).ok_or_else(|| unknown_scheduler(name))?;
        }
        if let Some(threads) = how.threads {
            settings.threads = threads.clamp(1, 1024);
        }
        Ok(settings)
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
        let rooms = Arc::clone(self.pool(settings)?.rooms());
        let blocks: Vec<Arc<Blocks>> =
            planned.plan.outputs.iter().map(|output| Arc::new(Blocks::new(output, &rooms))).collect();
        let sinks: Vec<Arc<dyn Sink>> = blocks.iter().map(|b| Arc::clone(b) as Arc<dyn Sink>).collect();
        let facts = self.run(&planned.plan, &sinks, settings, Delivery::Looked, tell)?;
        Ok((blocks, facts))
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
        let settings = self.settings.clone();
        let planned = self.plan(graph, &[Output { node: root, cut, held: false }], &settings).map_err(plan_failure)?;
        let sinks = [sink];
        let done = self.run(&planned.plan, &sinks, &settings, delivery, tell);
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
        let (workers, directory) = (settings.workers(), settings.spill_directory());
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
        plan: &Plan,
        sinks: &[Arc<dyn Sink>],
        settings: &Settings,
        delivery: Delivery,
        tell: Option<&mut dyn FnMut(News)>,
    ) -> Result<RunFacts, Failure> {
        self.pool(settings)?;
        let pool = self.pool.as_ref().expect("the pool was made just above");
        self.next_run += 1;
        let predicted = self.forecaster.estimate(plan, &self.sources, settings.workers(), delivery);
        let meter = Meter::start();
        let told = |_: &&mut dyn FnMut(News)| plan.totals.elements > BRIEF || settings.progress_delay_s == 0.0;
        let report = match tell.filter(told) {
            None => {
                let quiet = |_: Event| {};
                cleave_cpu::run(
                    pool,
                    plan,
                    &self.sources,
                    sinks,
                    &Control { cancel: self.cancel.clone(), events: &quiet },
                )
            }
            Some(tell) => watched(self.next_run, settings.progress_delay_s, &predicted, tell, &|events| {
                cleave_cpu::run(pool, plan, &self.sources, sinks, &Control { cancel: self.cancel.clone(), events })
            }),
        };
        let report: RunReport = report.map_err(|e| run_failure(&e))?;
        let reading = meter.read();
        let mut facts = run_facts(plan, &report, reading, settings, &self.sources);
        facts.stages.iter_mut().zip(&predicted.stages).for_each(|(facts, stage)| facts.predicted_s = stage.seconds);
        facts.predicted = Some(estimate_facts(&predicted, self.forecaster.is_measured()));
        let busy_s = (reading.user_s + reading.sys_s) / settings.workers().min(plan.totals.tasks.max(1)) as f64;
        self.forecaster.learn(&predicted, report.wall.as_secs_f64(), busy_s);
        Ok(facts)
    }
}

impl Settings {
    /// Threads that work.
    pub(crate) fn workers(&self) -> usize {
        match self.scheduler {
            Scheduler::Threads => self.threads,
            Scheduler::SingleThreaded => 1,
        }
    }
}

/// Told what happens in a run.
type Tell<'a> = &'a (dyn Fn(Event) + Sync);

/// Runs on a thread of its own while news are told on this one, the first after `delay_s`.
fn watched(
    id: u64,
    delay_s: f64,
    predicted: &Estimate,
    tell: &mut dyn FnMut(News),
    run: &(dyn Fn(Tell<'_>) -> Result<RunReport, RunError> + Sync),
) -> Result<RunReport, RunError> {
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
            let (progress, at) = finished(last, &result);
            tell(News { id, progress, at, end: Some(end_word(&result)) });
        }
        result
    })
}

fn finished(
    (mut last, mut at): (cleave_plan::event::Progress, At),
    result: &Result<RunReport, RunError>,
) -> (cleave_plan::event::Progress, At) {
    if let Ok(report) = result {
        last.elapsed = report.wall;
        last.elements = report.elements();
        at = At { fraction: 1.0, left_s: None, rate: report.elements() as f64 / report.wall.as_secs_f64().max(1e-9) };
    }
    (last, at)
}

fn end_word(result: &Result<RunReport, RunError>) -> &'static str {
    match result {
        Ok(_) => "computed",
        Err(RunError::Cancelled) => "interrupted",
        Err(_) => "failed",
    }
}

fn unknown_scheduler(name: &str) -> Failure {
    Failure {
        code: "unknown-scheduler",
        message: format!("there is no scheduler `{name}` here"),
        help: Some("the schedulers are threads and single-threaded".to_owned()),
        cause: None,
    }
}

pub(crate) fn plan_failure(error: PlanError) -> Failure {
    let words = |n: u64| match n as f64 / f64::from(1 << 20) {
        mib if mib < 1024.0 => format!("{mib:.1} MiB"),
        mib => format!("{:.2} GiB", mib / 1024.0),
    };
    let (message, help) = match &error {
        PlanError::DoesNotFit { needed, limit, what } => (
            format!(
                "this needs {} of memory, {} of it for {what}, and the limit is {}",
                words(*needed),
                words(what.bytes()),
                words(*limit)
            ),
            Some(format!("{}, or set %config memory_limit={}MiB", way_out(what), needed.div_ceil(1 << 20))),
        ),
        other => (other.to_string(), None),
    };
    Failure { code: error.code(), message, help, cause: None }
}

/// What helps besides a higher limit.
fn way_out(what: &Demand) -> &'static str {
    match what {
        Demand::Results(_) => "write it with .to_zarr(\"out.zarr\"), compute less of it (a slice, a reduction)",
        Demand::Present(_) => "forget arrays that are no longer needed (del x)",
        Demand::WrittenBlock(_) => "write smaller chunks: x.rechunk(\"64MiB\").to_zarr(\"out.zarr\")",
        Demand::ReadBlock(_) => "store the array in smaller chunks",
        Demand::Work(_) => "use fewer threads (%config threads=1)",
    }
}

fn run_failure(error: &RunError) -> Failure {
    let (code, help) = match error {
        RunError::Cancelled => ("interrupted", None),
        RunError::Bug { .. } => {
            ("bug", Some("this is a mistake in Cleave, not in the program; the kernel goes on".to_owned()))
        }
        RunError::Spill(_) => (
            error.code(),
            Some(
                "set %config spill.directory to a disk with room, or raise memory_limit; the kernel goes on".to_owned(),
            ),
        ),
        other => (other.code(), None),
    };
    let message = match error {
        RunError::Cancelled => "stopped by the user".to_owned(),
        other => other.to_string(),
    };
    Failure { code, message, help, cause: None }
}
