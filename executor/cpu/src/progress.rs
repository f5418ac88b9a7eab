//! How far a run is, told at most every 50 ms.

use crate::ledger::Ledger;
use cleave_plan::event::Progress;
use cleave_plan::{Event, Plan};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Work of the stages that are done, and the weight of the present one with its first element's number.
    stage: Mutex<(f64, f64, u64)>,
    /// Guards the time of the last report.
    last: Mutex<Instant>,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(plan: &Plan, ledger: &'a Ledger, tell: &'a (dyn Fn(Event) + Sync)) -> Self {
        let now = Instant::now();
        Self {
            tell,
            ledger,
            started: now,
            total: plan.totals.work,
            elements: AtomicU64::new(0),
            stage: Mutex::new((0.0, 1.0, 0)),
            last: Mutex::new(now),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// A stage begins; what came before is done.
    pub(crate) fn begin(&self, number: usize, plan: &Plan) {
        let done = plan.stages[..number].iter().map(|s| s.work_total()).sum();
        if let Ok(mut stage) = self.stage.lock() {
            *stage = (done, plan.stages[number].weight.max(1.0), self.elements.load(Ordering::Relaxed));
        }
        (self.tell)(Event::Stage { stage: number, stages: plan.stages.len() });
    }

    /// Counts elements that were visited, and tells if it is time.
    pub(crate) fn advance(&self, elements: u64) {
        self.elements.fetch_add(elements, Ordering::Relaxed);
        let Ok(mut last) = self.last.try_lock() else { return };
        let now = Instant::now();
        if now.duration_since(*last) >= EVERY {
            *last = now;
            (self.tell)(Event::Progress(self.progress()));
        }
    }

    fn progress(&self) -> Progress {
        let elements = self.elements.load(Ordering::Relaxed);
        let (before, weight, first) = self.stage.lock().map_or((0.0, 1.0, 0), |s| *s);
        let elapsed = self.elapsed();
        Progress {
            done: before + (elements.saturating_sub(first)) as f64 * weight,
            total: self.total,
            elements,
            rate: elements as f64 / elapsed.as_secs_f64().max(1e-9),
            bytes_in_use: self.ledger.used(),
            elapsed,
        }
    }
}
