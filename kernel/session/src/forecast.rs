//! What runs will take: the machine's rates, learned from what runs took, and measured anew while nothing runs.

use crate::calibration::{self, Calibration};
use cleave_cpu::Cancel;
use cleave_plan::cost::{CardWork, Delivery, Estimate, Forecast, Kind, Machine, card_estimate, estimate};
use cleave_plan::{Plan, Sources};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// Predictions shorter than this are not worth looking at the cache folder, or measuring.
const WORTH_LOOKING_S: f64 = 3e-3;
/// Runs shorter than this teach nothing: chance decides them.
const WORTH_LEARNING_S: f64 = 0.02;
/// The part of a run that a thread must have had a core for the run to teach something.
const OURS: f64 = 0.7;
/// What was learned is written at most so often while the session lives.
const SAVE_EVERY: Duration = Duration::from_secs(5);
/// The machine is measured when nothing ran for so long.
const IDLE: Duration = Duration::from_secs(4);
/// How often a waiting thread looks.
const LOOK: Duration = Duration::from_millis(250);

/// Predicts, and learns.
pub(crate) struct Forecaster {
    shared: Arc<Shared>,
}

struct Shared {
    /// Where rates are kept; `None` keeps nothing and measures nothing.
    folder: Option<PathBuf>,
    /// Guards what is known; held for a few lines, but once for the quick look.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    calibration: Calibration,
    looked: bool,
    /// Whether learned factors are not yet written.
    unsaved: bool,
    saved: Option<Instant>,
    /// Whether a cell runs, and since when none does.
    busy: bool,
    idle_since: Option<Instant>,
    /// Stops a measurement when a cell begins.
    measuring: Cancel,
    watched: bool,
}

impl Forecaster {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { shared: Arc::new(Shared { folder, known: Mutex::default() }) }
    }

    /// What is known of the machine, to plan with.
    pub(crate) fn rates(&self) -> Machine {
        self.shared.lock().calibration.machine.clone()
    }

    /// Looks for this machine's rates before the first plan that is worth it; whether other rates are known now.
    pub(crate) fn look(&self, plan: &Plan, sources: &Sources, threads: usize) -> bool {
        let mut known = self.shared.lock();
        let Some(folder) = self.shared.folder.as_deref().filter(|_| !known.looked) else { return false };
        if known.predict(plan, sources, threads, Delivery::Looked).seconds < WORTH_LOOKING_S {
            return false;
        }
        known.looked = true;
        known.calibration = calibration::load(folder).unwrap_or_else(|| Calibration::quick(calibration::cores()));
        true
    }

    /// What a plan costs, by what is known.
    pub(crate) fn estimate(&self, plan: &Plan, sources: &Sources, threads: usize, delivery: Delivery) -> Estimate {
        self.shared.lock().predict(plan, sources, threads, delivery)
    }

    /// The same where a card does what it has kernels for, and so many threads the rest.
    pub(crate) fn on_card(
        &self,
        plan: &Plan,
        (sources, threads): (&Sources, usize),
        delivery: Delivery,
        work: CardWork<'_>,
    ) -> Estimate {
        let known = self.shared.lock();
        let Calibration { machine, factors, .. } = &known.calibration;
        card_estimate(plan, &Forecast { machine, factors, sources, threads, delivery }, work)
    }

    /// Whether the rates were measured, not guessed.
    pub(crate) fn is_measured(&self) -> bool {
        self.shared.lock().calibration.measured_at.is_some()
    }

    /// Takes in what a run took; `busy_s` is how long each thread had a core. Where it had to share, another
    /// program's doing would be learned.
    pub(crate) fn learn(&self, predicted: &Estimate, real_s: f64, busy_s: f64) {
        let waits = matches!(predicted.kind(), Kind::Memory | Kind::Read | Kind::Write);
        let shared = !waits && busy_s < OURS * real_s;
        if real_s < WORTH_LEARNING_S || shared || predicted.kind() == Kind::Overhead {
            return;
        }
        let mut known = self.shared.lock();
        known.calibration.factors.learn(&predicted.parts, real_s);
        known.unsaved = true;
        if known.saved.is_none_or(|at| at.elapsed() > SAVE_EVERY) {
            self.shared.save(&mut known);
        }
    }

    /// A cell begins: a measurement stops.
    pub(crate) fn begin(&self) {
        let mut known = self.shared.lock();
        known.busy = true;
        known.measuring.cancel();
    }

    /// A cell has ended. The machine is measured later, if that is wanted and was not done.
    pub(crate) fn end(&self, may_measure: bool) {
        let mut known = self.shared.lock();
        (known.busy, known.idle_since) = (false, Some(Instant::now()));
        let wanted = may_measure && known.looked && known.calibration.measured_at.is_none();
        if !wanted || known.watched || self.shared.folder.is_none() {
            return;
        }
        known.watched = true;
        let shared = Arc::downgrade(&self.shared);
        // Without the thread the rates stay a guess.
        let _ = thread::Builder::new().name("calibration".to_owned()).spawn(move || watch(&shared));
    }
}

impl Drop for Forecaster {
    fn drop(&mut self) {
        let mut known = self.shared.lock();
        known.measuring.cancel();
        if known.unsaved {
            self.shared.save(&mut known);
        }
    }
}

impl Known {
    fn predict(&self, plan: &Plan, sources: &Sources, threads: usize, delivery: Delivery) -> Estimate {
        let Calibration { machine, factors, .. } = &self.calibration;
        estimate(plan, &Forecast { machine, factors, sources, threads, delivery })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is known; a folder that cannot be written to costs only the memory of it.
    fn save(&self, known: &mut Known) {
        if let Some(folder) = &self.folder {
            let _ = calibration::save(folder, &known.calibration);
        }
        (known.unsaved, known.saved) = (false, Some(Instant::now()));
    }
}

/// Waits until nothing runs, and measures; again if a cell came between. Ends with the session.
fn watch(shared: &Weak<Shared>) {
    loop {
        thread::sleep(LOOK);
        let Some(shared) = shared.upgrade() else { return };
        let (folder, cancel) = {
            let mut known = shared.lock();
            let idle = !known.busy && known.idle_since.is_some_and(|at| at.elapsed() >= IDLE);
            let Some(folder) = shared.folder.clone().filter(|_| idle) else { continue };
            known.measuring = Cancel::default();
            (folder, known.measuring.clone())
        };
        if let Some(measured) = Calibration::measure(calibration::cores(), &folder, &cancel) {
            let mut known = shared.lock();
            known.calibration = measured;
            shared.save(&mut known);
            return;
        }
    }
}
