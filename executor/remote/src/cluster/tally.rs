//! How far a run is, what it did, and who did what.

use super::live::Live;
use crate::facts::{LaneFacts, Span};
use crate::proto::{self, Done, ShareReport};
use crate::schedule::{ShareId, WorkerId};
use cleave_plan::event::Progress;
use cleave_plan::{Event, Plan, RunReport, StageReport, Stint};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What is believed of one report, and the highest number of a thread.
const MOST_STINTS: usize = 1024;
const MOST_THREADS: usize = 4095;

/// How far a run is, and what it did.
pub(super) struct Tally {
    pub(super) started: Instant,
    stage: usize,
    stages: Vec<StageTally>,
    /// Elements of shares at work, of each copy, and the bytes its worker held then.
    at_work: HashMap<(ShareId, WorkerId), (u64, u64)>,
    /// Signs that blocks come for the same before they begin.
    coming: HashMap<(ShareId, WorkerId), u64>,
    given: HashMap<(ShareId, WorkerId), (Duration, u32)>,
    lanes: BTreeMap<WorkerId, LaneFacts>,
    /// What lanes so far are told to.
    live: Arc<Live>,
    peaks: BTreeMap<WorkerId, u64>,
    spilled: BTreeMap<WorkerId, u64>,
    bytes_read: u64,
}

#[derive(Clone, Default)]
struct StageTally {
    first: Option<Duration>,
    last: Duration,
    report: StageReport,
}

impl Tally {
    pub(super) fn new(plan: &Plan, live: &Arc<Live>) -> Self {
        Self {
            started: Instant::now(),
            stage: 0,
            stages: vec![StageTally::default(); plan.stages.len()],
            at_work: HashMap::new(),
            coming: HashMap::new(),
            given: HashMap::new(),
            lanes: BTreeMap::new(),
            live: Arc::clone(live),
            peaks: BTreeMap::new(),
            spilled: BTreeMap::new(),
            bytes_read: 0,
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether no worker ever took part.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    pub(super) fn joined(&mut self, worker: WorkerId, endpoint: String, threads: usize) {
        self.lanes.entry(worker).or_insert(LaneFacts { endpoint, threads, ..LaneFacts::default() });
    }

    /// The stage that runs.
    pub(super) fn now_in(&self) -> usize {
        self.stage
    }

    pub(super) fn stage(&mut self, stage: usize) {
        self.stage = stage;
    }

    pub(super) fn started(&mut self, worker: WorkerId, share: ShareId, stage: usize, attempt: u32) {
        let now = self.now();
        let given = self.given.entry((share, worker)).or_insert((now, attempt));
        if given.1 != attempt {
            *given = (now, attempt);
        }
        self.stages[stage].first.get_or_insert(now);
    }

    /// Elements that a share at work has visited; whether these are more than before.
    pub(super) fn progress(&mut self, worker: WorkerId, share: ShareId, (elements, bytes): (u64, u64)) -> bool {
        let before = self.at_work.insert((share, worker), (elements, bytes));
        before.is_none_or(|(before, _)| elements > before)
    }

    /// Signs that blocks come for a share; whether these are more than before.
    pub(super) fn fetched(&mut self, worker: WorkerId, share: ShareId, signs: u64) -> bool {
        signs > self.coming.insert((share, worker), signs).unwrap_or(0)
    }

    /// A share is no longer at work at a worker.
    pub(super) fn stopped(&mut self, worker: WorkerId, share: ShareId) {
        self.coming.remove(&(share, worker));
        self.at_work.remove(&(share, worker));
    }

    /// A worker answered for a share of so many tasks.
    pub(super) fn done(&mut self, worker: WorkerId, (stage, tasks): (usize, usize), done: &Done, counts: bool) {
        let (share, end, report) = (ShareId(done.share), self.now(), done.report.clone().unwrap_or_default());
        self.stopped(worker, share);
        let peak = self.peaks.entry(worker).or_default();
        *peak = (*peak).max(report.peak_bytes);
        let spilled = self.spilled.entry(worker).or_default();
        *spilled = (*spilled).max(report.bytes_spilled);
        self.span(worker, share, stage, Part { end, tasks, counts, report: &report });
        if !counts {
            return;
        }
        self.bytes_read += report.bytes_read;
        let stage = &mut self.stages[stage];
        stage.last = end;
        stage.report.busy += Duration::from_nanos(report.busy_ns);
        stage.report.tasks += tasks;
        stage.report.elements += report.elements;
    }

    fn span(&mut self, worker: WorkerId, share: ShareId, stage: usize, part: Part<'_>) {
        let Part { end, tasks, counts, report } = part;
        let (given, attempt) = self.given.remove(&(share, worker)).unwrap_or((end, 1));
        let Some(lane) = self.lanes.get_mut(&worker) else { return };
        let before = lane.spans.last().map_or(Duration::ZERO, |s| s.end);
        let start = end.saturating_sub(Duration::from_nanos(report.wall_ns)).max(given).max(before).min(end);
        lane.spans.push(Span { stage, start, end, tasks, attempt, counted: counts });
        lane.busy += Duration::from_nanos(report.busy_ns);
        lane.bytes_fetched += report.bytes_fetched;
        if counts {
            lane.stints.extend(report.stints.iter().take(MOST_STINTS).map(|told| stint(told, stage, (start, end))));
        }
    }

    /// How far the run is.
    pub(super) fn event(&self, plan: &Plan) -> Event {
        // Of a share that two workers have, the one that is further counts.
        let mut furthest: HashMap<ShareId, u64> = HashMap::new();
        for (&(share, _), &(elements, _)) in &self.at_work {
            let most = furthest.entry(share).or_default();
            *most = (*most).max(elements);
        }
        let here: u64 = furthest.values().sum();
        let weight = |stage: usize| plan.stages[stage].weight.max(1.0);
        let done: f64 = self.stages.iter().enumerate().map(|(i, s)| s.report.elements as f64 * weight(i)).sum();
        let elements: u64 = self.stages.iter().map(|s| s.report.elements).sum::<u64>() + here;
        let (own, all) = match self.stages.get(self.stage) {
            Some(stage) => (stage.report.elements + here, plan.stages[self.stage].elements()),
            None => (1, 1),
        };
        let elapsed = self.now();
        let work = done + here as f64 * self.stages.get(self.stage).map_or(1.0, |_| weight(self.stage));
        Event::Progress(Progress {
            done: work.min(plan.totals.work),
            total: plan.totals.work,
            stage: self.stage,
            stage_done: (own as f64 / (all as f64).max(1.0)).min(1.0),
            elements,
            rate: elements as f64 / elapsed.as_secs_f64().max(1e-9),
            bytes_in_use: self.at_work.values().map(|(_, bytes)| bytes).sum(),
            elapsed,
        })
    }

    /// Tells the lanes so far to those who look.
    pub(super) fn show(&self) {
        self.live.show(|| self.so_far());
    }

    /// The lanes, with the shares that threads work at now.
    fn so_far(&self) -> Vec<LaneFacts> {
        let (mut lanes, now) = (self.lanes.clone(), self.now());
        for (&(share, worker), &(given, attempt)) in &self.given {
            let Some(lane) = lanes.get_mut(&worker).filter(|_| self.at_work.contains_key(&(share, worker))) else {
                continue;
            };
            let before = lane.spans.last().map_or(Duration::ZERO, |s| s.end);
            let start = given.max(before).min(now);
            lane.busy += now.saturating_sub(start) * lane.threads as u32;
            lane.at_work.push(Span { stage: self.stage, start, end: now, tasks: 0, attempt, counted: true });
        }
        lanes.into_values().collect()
    }

    /// What the run did.
    pub(super) fn report(self, plan: &Plan, bytes_written: u64) -> (RunReport, Vec<LaneFacts>) {
        let report = RunReport {
            wall: self.now(),
            bytes_read: self.bytes_read,
            bytes_written,
            bytes_spilled: self.spilled.values().sum(),
            bytes_computed: plan.totals.bytes_computed,
            peak_bytes: self.peaks.values().sum(),
            bytes_left: 0,
            looks: 0,
            threads: self.lanes.values().map(|l| l.threads).sum(),
            stages: self.stages.into_iter().map(StageTally::report).collect(),
        };
        (report, self.lanes.into_values().collect())
    }
}

/// What is known of one share when it is done.
struct Part<'a> {
    end: Duration,
    tasks: usize,
    counts: bool,
    report: &'a ShareReport,
}

/// A stint on the kernel's clock: a share ends when its answer is here, and no stint is outside its share.
fn stint(told: &proto::Stint, stage: usize, (start, end): (Duration, Duration)) -> Stint {
    let at = |ns: u64| start.saturating_add(Duration::from_nanos(ns)).min(end);
    let (from, to) = (at(told.start_ns), at(told.end_ns));
    Stint {
        stage,
        thread: (told.thread as usize).min(MOST_THREADS),
        start: from,
        end: to.max(from),
        tasks: told.tasks as usize,
    }
}

impl StageTally {
    fn report(self) -> StageReport {
        StageReport { wall: self.last.saturating_sub(self.first.unwrap_or(self.last)), ..self.report }
    }
}
