//! What runs, for those who watch from outside: a snapshot that any thread may take.

use crate::output::{LaneFacts, PoolFacts, RunFacts};
use cleave_plan::event::Progress;
use cleave_remote::cluster::Watch;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Where a session tells what runs. Clones are the same board.
#[derive(Clone, Debug)]
pub struct Board(Arc<Mutex<Told>>);

/// What was told; the lock guards a few numbers and is held for as long as they take to copy.
#[derive(Debug)]
struct Told {
    snapshot: Snapshot,
    began: Instant,
    /// The workers that are connected, who are asked when somebody looks.
    pool: Option<Watch>,
}

/// What a session does at a moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Seconds since the session began.
    pub uptime_s: f64,
    /// The scheduler with its threads.
    pub scheduler: String,
    /// The computation that runs, or ran last.
    pub run: Option<RunState>,
    /// What each worker did so far in the computation that runs.
    pub lanes: Vec<LaneFacts>,
    /// What the last computation took that went well.
    pub last: Option<Box<RunFacts>>,
    /// The workers that are connected.
    pub pool: Option<PoolFacts>,
    /// Sums over all computations.
    pub totals: Totals,
}

/// Sums over all computations of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Computations that went well.
    pub computed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that the user stopped.
    pub interrupted: u64,
    /// Tasks.
    pub tasks: u64,
    /// Elements visited.
    pub elements: u64,
    /// Seconds on the clock.
    pub wall_s: f64,
    /// Thread seconds.
    pub cpu_s: f64,
    /// Bytes read from stored arrays.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Bytes put aside on disk.
    pub spilled_bytes: u64,
    /// Bytes that workers fetched from others.
    pub fetched_bytes: u64,
}

/// A computation that runs, or has run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunState {
    /// Which of the session.
    pub id: u64,
    /// Its stages in order.
    pub stages: Vec<StageState>,
    /// The stage that runs.
    pub stage: usize,
    /// How much of that stage is done, 0 to 1.
    pub stage_done: f64,
    /// Seconds since it began.
    pub elapsed_s: f64,
    /// Seconds that were predicted.
    pub predicted_s: f64,
    /// Elements visited.
    pub elements: u64,
    /// Bytes held now.
    pub bytes: u64,
    /// The most bytes seen.
    pub peak_bytes: u64,
    /// The most bytes predicted.
    pub predicted_bytes: u64,
    /// The memory limit.
    pub limit_bytes: u64,
    /// How it ended: `computed`, `interrupted` or `failed`.
    pub end: Option<&'static str>,
    /// How it went so far, from its begin on; few, however long it takes.
    pub course: Vec<Moment>,
}

/// How far a computation was at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moment {
    /// Seconds since it began.
    pub at_s: f64,
    /// The stage that ran.
    pub stage: usize,
    /// Elements visited.
    pub elements: u64,
    /// Bytes held.
    pub bytes: u64,
}

/// The most moments of a computation that are remembered.
const MOMENTS: usize = 240;

/// A stage of a computation, as it is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StageState {
    /// Its steps in words.
    pub flow: Vec<String>,
    /// Its tasks.
    pub tasks: u64,
    /// Elements of its space.
    pub elements: u64,
    /// Seconds that were predicted.
    pub predicted_s: f64,
    /// Earlier stages whose results it reads.
    pub reads: Vec<usize>,
    /// Seconds it took, once it is known.
    pub wall_s: Option<f64>,
}

impl Default for Board {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Told { snapshot: Snapshot::default(), began: Instant::now(), pool: None })))
    }
}

impl Board {
    /// What a session does now.
    pub fn snapshot(&self) -> Snapshot {
        let (snapshot, uptime_s, pool) = {
            let told = self.told();
            (told.snapshot.clone(), told.began.elapsed().as_secs_f64(), told.pool.clone())
        };
        let runs = snapshot.run.as_ref().is_some_and(|run| run.end.is_none());
        let lanes = pool.as_ref().filter(|_| runs).map(Watch::lanes).unwrap_or_default();
        Snapshot { uptime_s, lanes, pool: pool.map(|watch| watch.facts()), ..snapshot }
    }

    /// A computation begins.
    pub(crate) fn begin(&self, scheduler: String, run: RunState) {
        let snapshot = &mut self.told().snapshot;
        (snapshot.scheduler, snapshot.run) = (scheduler, Some(run));
    }

    /// It is so far.
    pub(crate) fn progress(&self, progress: &Progress) {
        if let Some(run) = &mut self.told().snapshot.run {
            run.stage = progress.stage;
            run.stage_done = progress.stage_done;
            run.elapsed_s = progress.elapsed.as_secs_f64();
            run.elements = progress.elements;
            run.bytes = progress.bytes_in_use;
            run.peak_bytes = run.peak_bytes.max(progress.bytes_in_use);
            run.remember();
        }
    }

    /// It went well.
    pub(crate) fn computed(&self, facts: &RunFacts) {
        let snapshot = &mut self.told().snapshot;
        snapshot.totals.add(facts);
        if let Some(run) = &mut snapshot.run {
            run.stages.iter_mut().zip(&facts.stages).for_each(|(stage, took)| stage.wall_s = Some(took.wall_s));
            (run.stage, run.stage_done, run.bytes) = (run.stages.len(), 1.0, 0);
            (run.elapsed_s, run.elements) = (facts.wall_s, facts.elements);
            run.peak_bytes = run.peak_bytes.max(facts.peak_bytes);
            run.end = Some("computed");
            run.remember();
        }
        snapshot.last = Some(Box::new(facts.clone()));
    }

    /// It ended otherwise: `interrupted` or `failed`.
    pub(crate) fn ended(&self, how: &'static str) {
        let snapshot = &mut self.told().snapshot;
        match how {
            "interrupted" => snapshot.totals.interrupted += 1,
            _ => snapshot.totals.failed += 1,
        }
        if let Some(run) = &mut snapshot.run {
            (run.end, run.bytes) = (Some(how), 0);
        }
    }

    /// These workers are connected, or none.
    pub(crate) fn pool(&self, pool: Option<Watch>) {
        self.told().pool = pool;
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunState {
    /// Adds the present moment; when there are too many, every other one is forgotten.
    fn remember(&mut self) {
        let stage = self.stage.min(self.stages.len().saturating_sub(1));
        self.course.push(Moment { at_s: self.elapsed_s, stage, elements: self.elements, bytes: self.bytes });
        if self.course.len() > MOMENTS {
            let mut keep = false;
            self.course.retain(|_| {
                keep = !keep;
                keep
            });
        }
    }
}

impl Totals {
    fn add(&mut self, facts: &RunFacts) {
        self.computed += 1;
        self.tasks += facts.tasks;
        self.elements += facts.elements;
        self.wall_s += facts.wall_s;
        self.cpu_s += facts.stages.iter().map(|s| s.cpu_s).sum::<f64>();
        self.read_bytes += facts.read_bytes;
        self.written_bytes += facts.written_bytes;
        self.spilled_bytes += facts.spilled_bytes;
        self.fetched_bytes += facts.lanes.iter().map(|l| l.bytes_fetched).sum::<u64>();
    }
}
