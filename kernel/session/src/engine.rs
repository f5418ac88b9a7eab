//! From a graph to its results: rewrites, plan, run.

use crate::board::{Board, RunState, StageState};
use crate::choice::{Predicted, Settled};
use crate::cluster::{self, Asked};
use crate::facts::{estimate_facts, run_facts};
use crate::fault::{plan_failure, run_failure};
use crate::forecast::Forecaster;
use crate::gpu::{Cards, card_facts};
use crate::loaded::Loaded;
use crate::meter::Meter;
use crate::output::RunFacts;
use crate::placement::Before;
use crate::plan_facts::stage_flow;
use crate::plan_steps::{Drawing, Drawn};
use crate::remote::Remotes;
use crate::settings::{Scheduler, Settings};
use crate::watched::{News, Others, Ran, Tell, end_word, watched};
use cleave_cpu::{Blocks, Cancel, Control, Pool, Rooms};
use cleave_gpu::{Resident, StageNote};
use cleave_graph::host::{Failure, How};
use cleave_graph::rewrite::{RewriteOptions, optimize};
use cleave_graph::{Graph, NodeId};
use cleave_plan::plan::PlannedOutput;
use cleave_plan::{Cut, Delivery, Demand, Estimate, Event, Options, Output, Plan, PlanError, Sink};
use cleave_remote::spec::JobParts;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// A run of no more elements is over before its progress could be read, and costs no thread that tells it.
const BRIEF: u64 = 1 << 16;

/// What computes: settings, threads, and the data that arrays are loaded from.
pub(crate) struct Engine {
    pub(crate) settings: Settings,
    pub(crate) cancel: Cancel,
    pub(crate) loaded: Loaded,
    pub(crate) forecaster: Forecaster,
    /// Connections to workers.
    pub(crate) remotes: Remotes,
    /// What those see who watch.
    pub(crate) board: Board,
    /// Where arrays were computed before the cell.
    pub(crate) before: Before,
    /// Whether arrays that were put on a GPU are computed there whatever the scheduler.
    pub(crate) follows_devices: bool,
    /// The GPUs.
    pub(crate) cards: Cards,
    pool: Option<Pool>,
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
    pub(crate) plan: Arc<Plan>,
    /// What the rewrites did, one line each.
    pub(crate) rewrites: Vec<String>,
    /// The graph after the rewrites.
    pub(crate) graph: Graph,
    /// The job that makes the same plan at workers, where they compute.
    pub(crate) job: Option<JobParts>,
}

impl Engine {
    pub(crate) fn new(settings: Settings) -> Self {
        let cancel = Cancel::default();
        Self {
            forecaster: Forecaster::new(settings.cache_folder.clone()),
            loaded: Loaded::default(),
            remotes: Remotes::new(cancel.clone()),
            board: Board::default(),
            before: Before::of(0, &settings),
            settings,
            cancel,
            follows_devices: true,
            cards: Cards::default(),
            pool: None,
            next_run: 0,
            clearing: Vec::new(),
        }
    }

    /// Forgets the data that no array of the graph loads, and gives memory back that waited for its next use.
    pub(crate) fn sweep(&mut self, graph: &Graph) {
        self.loaded.sweep(graph);
        self.cards.forget(&self.loaded.sources);
        if let Some(pool) = &self.pool {
            pool.rooms().rest(self.settings.memory_limit_bytes);
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
                cluster::job(asked, &self.loaded.sources, &self.loaded.places)
            });
            let here = || Options {
                threads,
                memory_limit_bytes,
                sources: self.loaded.sources.clone(),
                rates: rates.clone(),
                at_once: settings.scheduler == Scheduler::Cuda,
                cancel: Arc::clone(&self.cancel.0),
                ..Options::default()
            };
            let options = job
                .as_ref()
                .map_or_else(here, |job| Options { cancel: Arc::clone(&self.cancel.0), ..cluster::planning(job) });
            cleave_plan::plan(&graph, &outputs, &options).map(|plan| (plan, job))
        };
        let (mut plan, mut job) = made()?;
        if self.forecaster.look(&plan, &self.loaded.sources, threads) {
            (plan, job) = made()?;
        }
        let rewrites = applied.iter().map(ToString::to_string).collect();
        Ok(Planned { plan: Arc::new(plan), rewrites, graph, job })
    }

    /// Computes arrays into memory, in one pass, in blocks of the engine's choice.
    pub(crate) fn held(
        &mut self,
        graph: &Graph,
        roots: &[NodeId],
        settings: &Settings,
        tell: Option<&mut dyn FnMut(News)>,
    ) -> Result<(Vec<Arc<Blocks>>, RunFacts), Failure> {
        self.run_into(graph, roots, settings, &Blocks::new, tell)
    }

    /// The same into memory that may be a card's.
    pub(crate) fn kept(
        &mut self,
        graph: &Graph,
        roots: &[NodeId],
        settings: &Settings,
        tell: Option<&mut dyn FnMut(News)>,
    ) -> Result<(Vec<Arc<Resident>>, RunFacts), Failure> {
        self.run_into(graph, roots, settings, &Resident::new, tell)
    }

    fn run_into<S: Sink + 'static>(
        &mut self,
        graph: &Graph,
        roots: &[NodeId],
        settings: &Settings,
        sink: &dyn Fn(&PlannedOutput, &Arc<Rooms>) -> S,
        tell: Option<&mut dyn FnMut(News)>,
    ) -> Result<(Vec<Arc<S>>, RunFacts), Failure> {
        let outputs: Vec<Output> = roots.iter().map(|&node| Output { node, cut: Cut::Engine, held: true }).collect();
        let settled = self.settle_to_run(graph, &outputs, settings, Delivery::Looked).map_err(plan_failure)?;
        let planned = &settled.planned;
        self.room_for(planned).map_err(plan_failure)?;
        let rooms = Arc::clone(self.pool(&settled.settings)?.rooms());
        let held: Vec<Arc<S>> = planned.plan.outputs.iter().map(|output| Arc::new(sink(output, &rooms))).collect();
        let sinks: Vec<Arc<dyn Sink>> = held.iter().map(|sink| Arc::clone(sink) as Arc<dyn Sink>).collect();
        let facts = self.run(&settled, &sinks, Delivery::Looked, tell)?;
        Ok((held, facts))
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
        let settings = self.settings_of(graph, &[root], &How::default())?;
        let outputs = [Output { node: root, cut, held: false }];
        let mut settled = self.settle_to_run(graph, &outputs, &settings, delivery).map_err(plan_failure)?;
        // Workers that may write there write what they finish; the rest comes here.
        let lent = |sink: &Arc<dyn Sink>| Some(sink.lend()?.to_str()?.to_owned());
        settled.planned.job.iter_mut().for_each(|job| job.wanted[0].zarr = lent(&sink));
        let sinks = [sink];
        let done = self.run(&settled, &sinks, delivery, tell);
        let [sink] = sinks;
        let mut facts = done.inspect_err(|_| self.clear_away(sink))?;
        facts.written_bytes = settled.planned.plan.totals.bytes_written;
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

    fn run(
        &mut self,
        Settled { planned, settings, choice, .. }: &Settled,
        sinks: &[Arc<dyn Sink>],
        delivery: Delivery,
        tell: Option<&mut dyn FnMut(News)>,
    ) -> Result<RunFacts, Failure> {
        let plan = &planned.plan;
        self.pool(settings)?;
        self.open_card(settings)?;
        let opened_s = std::mem::take(&mut self.cards.opened_s);
        self.next_run += 1;
        let Predicted { estimate: predicted, measured, .. } = self.predicted(plan, settings, delivery);
        let shown = plan.totals.elements > BRIEF || settings.progress_delay_s == 0.0;
        self.board.begin(settings.scheduler_words(), self.state(plan, &predicted, settings));
        self.watch(settings).into_iter().for_each(|watch| self.board.pool(Some(watch)));
        let meter = Meter::start();
        let run = |events: Tell<'_>| self.run_at(planned, sinks, settings, events);
        let done = match tell.filter(|_| shown) {
            None => run(&|_| {}),
            Some(tell) => watched(self.next_run, settings.progress_delay_s, &predicted, tell, &run),
        };
        let (report, Others { lanes, card }) = done.map_err(|e| {
            self.board.ended(end_word(&Err(&e)));
            run_failure(&e)
        })?;
        let reading = meter.read();
        let mut facts = run_facts(plan, &report, reading, settings, &self.loaded.sources);
        (facts.lanes, facts.card, facts.choice) = (lanes, card, choice.clone());
        facts.card.iter_mut().for_each(|card| card.open_s = opened_s);
        facts.stages.iter_mut().zip(&predicted.stages).for_each(|(facts, stage)| facts.predicted_s = stage.seconds);
        facts.predicted = Some(estimate_facts(&predicted, measured));
        self.board.computed(&facts);
        // What others take says nothing of this machine's threads.
        if facts.lanes.is_empty() && facts.card.is_none() {
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
        let (plan, sources) = (&planned.plan, &self.loaded.sources);
        if let Some((remote, job)) = self.remote(settings).zip(planned.job.as_ref()) {
            let ran = remote.cluster.run((job, plan), sources, sinks, &control);
            return ran.map(|(report, lanes)| (report, Others { lanes, ..Others::default() }));
        }
        let pool = self.pool.as_ref().expect("the pool is made before a run");
        if let Some(card) = self.card(settings) {
            let ran = card.run(pool, plan, (sources, sinks), &control);
            let rates = self.measured_card(settings);
            let facts = |notes: &[StageNote]| Some(card_facts(card, notes, plan, rates.as_ref()));
            return ran.map(|(report, notes)| (report, Others { card: facts(&notes), ..Others::default() }));
        }
        cleave_cpu::run(pool, plan, sources, sinks, &control).map(|report| (report, Others::default()))
    }

    /// A run that begins, for those who watch.
    fn state(&self, plan: &Plan, predicted: &Estimate, settings: &Settings) -> RunState {
        let mut drawing = Drawing::new(plan, &self.loaded.sources);
        let stages = plan.stages.iter().zip(&predicted.stages).map(|(stage, e)| {
            let Drawn { reads, .. } = drawing.stage(stage);
            StageState {
                flow: stage_flow(stage, &self.loaded.sources),
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
