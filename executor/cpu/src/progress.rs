//! How far a run is, told at most every 50 ms.

use crate::ledger::Ledger;
use crate::share::Share;
use cleave_plan::event::Progress;
use cleave_plan::{Event, Plan, Stage};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two reports.
const EVERY: Duration = Duration::from_millis(50);

/// Counts elements, and tells.
pub(crate) struct Meter<'a> {
    tell: &'a (dyn Fn(Event) + Sync),
    ledger: &'a Ledger,
    started: Instant,
    total: f64,
    /// Elements visited in all stages.
    elements: AtomicU64,
    /// How often threads looked whether to stop.
    looks: AtomicU64,
    /// Guards what is known of the present stage.
    stage: Mutex<Present>,
    /// Guards the time of the last report.
    last: Mutex<Instant>,
}

/// The stage that runs.
#[derive(Clone, Copy)]
struct Present {
    number: usize,
    /// Work of the stages before it.
    before: f64,
    weight: f64,
    /// Elements visited before it, and its own.
    first: u64,
    elements: u64,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(plan: &Plan, ledger: &'a Ledger, tell: &'a (dyn Fn(Event) + Sync)) -> Self {
        let present = Present { number: 0, before: 0.0, weight: 1.0, first: 0, elements: 1 };
        Self::of(plan.totals.work, present, ledger, tell)
    }

    /// Of a share alone.
    pub(crate) fn of_share(stage: &Stage, share: &Share, ledger: &'a Ledger, tell: &'a (dyn Fn(Event) + Sync)) -> Self {
        let (elements, weight) = (stage.elements_of(&share.tasks), stage.weight.max(1.0));
        let present = Present { number: share.stage, before: 0.0, weight, first: 0, elements };
        Self::of(elements as f64 * weight, present, ledger, tell)
    }

    fn of(total: f64, present: Present, ledger: &'a Ledger, tell: &'a (dyn Fn(Event) + Sync)) -> Self {
        let now = Instant::now();
        Self {
            tell,
            ledger,
            started: now,
            total,
            elements: AtomicU64::new(0),
            looks: AtomicU64::new(0),
            stage: Mutex::new(present),
            last: Mutex::new(now),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// A stage begins; what came before is done.
    pub(crate) fn begin(&self, number: usize, plan: &Plan) {
        let before = plan.stages[..number].iter().map(|s| s.work_total()).sum();
        let (weight, elements) = (plan.stages[number].weight.max(1.0), plan.stages[number].elements());
        *self.present() = Present { number, before, weight, first: self.elements.load(Ordering::Relaxed), elements };
        (self.tell)(Event::Stage { stage: number, stages: plan.stages.len() });
    }

    /// How often threads have looked whether to stop.
    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Counts elements that were visited and looks at whether to stop, and tells if it is time.
    pub(crate) fn advance(&self, elements: u64, looks: u64) {
        self.looks.fetch_add(looks, Ordering::Relaxed);
        self.elements.fetch_add(elements, Ordering::Relaxed);
        let Ok(mut last) = self.last.try_lock() else { return };
        let now = Instant::now();
        if now.duration_since(*last) >= EVERY {
            *last = now;
            (self.tell)(Event::Progress(self.progress()));
        }
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> Progress {
        let elements = self.elements.load(Ordering::Relaxed);
        let stage = *self.present();
        let here = elements.saturating_sub(stage.first) as f64;
        let elapsed = self.elapsed();
        Progress {
            done: stage.before + here * stage.weight,
            total: self.total,
            stage: stage.number,
            stage_done: (here / (stage.elements as f64).max(1.0)).min(1.0),
            elements,
            rate: elements as f64 / elapsed.as_secs_f64().max(1e-9),
            bytes_in_use: self.ledger.used(),
            elapsed,
        }
    }
}
