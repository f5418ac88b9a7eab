//! A plan, stage after stage: each is one share of all its tasks.

use crate::between::{Betweens, Making};
use crate::pass::{Crew, Ends, Pass};
use crate::pool::Pool;
use crate::progress::Meter;
use crate::share::{Receiver, Share, ShareDone, Site, Values};
use cleave_ops::{Data, Region};
use cleave_plan::plan::Need;
use cleave_plan::{Event, Plan, RunError, RunReport, Sink, Sources, StageReport, Target};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A wish to stop, shared with whoever may have it; looked at between tiles.
#[derive(Clone, Debug, Default)]
pub struct Cancel(pub Arc<AtomicBool>);

/// How a run is watched and stopped.
pub struct Control<'a> {
    /// Stops the run when it becomes true.
    pub cancel: Cancel,
    /// Hears of stages and progress; called from any thread, never twice at once for progress.
    pub events: &'a (dyn Fn(Event) + Sync),
}

impl Cancel {
    /// Stops every run that has this.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether runs are to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often a run that waits for memory looks whether there is enough.
const LOOK: Duration = Duration::from_millis(2);

/// Runs a plan on threads; output `n` goes to `sinks[n]`.
pub fn run(
    pool: &Pool,
    plan: &Plan,
    sources: &Sources,
    sinks: &[Arc<dyn Sink>],
    control: &Control<'_>,
) -> Result<RunReport, RunError> {
    run_with(None, pool, plan, (sources, sinks), control)
}

/// The same with a crew that does the tasks of stages, if there is one.
pub fn run_with(
    crew: Option<&dyn Crew>,
    pool: &Pool,
    plan: &Plan,
    (sources, sinks): (&Sources, &[Arc<dyn Sink>]),
    control: &Control<'_>,
) -> Result<RunReport, RunError> {
    wait_for_memory(pool, plan, &control.cancel)?;
    let site = Site::new(pool, plan, sources, &control.cancel);
    let ledger = Arc::clone(&site.ledger);
    let report = {
        let (meter, written) = (Meter::new(plan, &ledger, control.events), AtomicU64::new(0));
        let run = Run { site: &site, plan, sinks, cancel: &control.cancel.0, meter: &meter, written: &written };
        run.stages(crew).map(|stages| run.report(stages, sources))
    };
    drop(site);
    Ok(RunReport { peak_bytes: ledger.peak(), bytes_left: ledger.used(), ..report? })
}

/// Waits where what stopped runs left behind takes what the plan needs.
fn wait_for_memory(pool: &Pool, plan: &Plan, cancel: &Cancel) -> Result<(), RunError> {
    let left = plan.limit_bytes.saturating_sub(plan.totals.peak_bytes);
    while plan.limit_bytes > 0 && pool.rooms.claimed_bytes() > left {
        if cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

struct Run<'a> {
    site: &'a Site<'a>,
    plan: &'a Plan,
    sinks: &'a [Arc<dyn Sink>],
    cancel: &'a AtomicBool,
    meter: &'a Meter<'a>,
    written: &'a AtomicU64,
}

/// Where the blocks of a stage go.
struct Delivery<'a> {
    run: &'a Run<'a>,
    targets: Vec<&'a Target>,
    making: &'a [Option<Making>],
}

impl Receiver for Delivery<'_> {
    fn block(&self, goal: usize, number: usize, region: &Region, data: &mut Data) -> Result<(), RunError> {
        let target = self.targets[goal];
        if let Some(making) = target.buffer.and_then(|b| self.making[b.0 as usize].as_ref()) {
            making.keep(number, region, data).map_err(RunError::Spill)?;
        }
        self.run.deliver(target, region, data)
    }
}

impl Run<'_> {
    /// Runs all stages; what a stage leaves is forgotten after the last that reads it.
    fn stages(&self, crew: Option<&dyn Crew>) -> Result<Vec<StageReport>, RunError> {
        let Site { pool, spill, ledger, .. } = self.site;
        let mut betweens = Betweens::new(self.plan, &pool.rooms, spill, ledger);
        let mut results = Vec::new();
        let mut reports = Vec::with_capacity(self.plan.stages.len());
        for (number, stage) in self.plan.stages.iter().enumerate() {
            self.meter.begin(number, self.plan);
            self.site.keep_cached(self.plan.needs[number].cache_bytes);
            let Need { workers, cache_bytes, .. } = self.plan.needs[number];
            let made = self.plan.outputs.iter().filter(|o| o.held && o.made_by == number);
            results.push(ledger.claim(made.map(|o| o.nbytes()).sum()));
            betweens.begin(number);
            let began = self.meter.elapsed();
            let all = Share { stage: number, tasks: 0..stage.tasks, workers, cache_bytes };
            let out = Delivery { run: self, targets: stage.targets(), making: &betweens.making };
            let mut done = self.work(crew, &all, &betweens, &out)?;
            debug_assert!(done.parts.is_empty(), "all parts were there to be joined");
            done.report.stints.iter_mut().for_each(|s| (s.start, s.end) = (s.start + began, s.end + began));
            reports.push(done.report);
            betweens.end(number);
            self.site.spill.forget_spare();
        }
        Ok(reports)
    }

    /// Has a stage's tasks done.
    fn work(
        &self,
        crew: Option<&dyn Crew>,
        all: &Share,
        values: &dyn Values,
        out: &dyn Receiver,
    ) -> Result<ShareDone, RunError> {
        let Some(crew) = crew else { return self.site.work(all, values, out, self.cancel, self.meter) };
        let pass = Pass::new(self.site, all, values, Ends { out, cancel: self.cancel, meter: self.meter })?;
        crew.work(&pass)?;
        Ok(pass.done(&all.tasks))
    }

    /// Hands a finished block to all outputs that want it.
    fn deliver(&self, target: &Target, region: &Region, block: &mut Data) -> Result<(), RunError> {
        let bytes = (block.nbytes() * target.outputs.len()) as u64;
        self.written.fetch_add(bytes, Ordering::Relaxed);
        let (held, streamed): (Vec<usize>, Vec<usize>) =
            target.outputs.iter().partition(|&&output| self.plan.outputs[output].held);
        for output in held {
            self.sinks[output].copy(region, block).map_err(RunError::Write)?;
        }
        streamed.into_iter().try_for_each(|output| self.site.write(&self.sinks[output], region, block, self.cancel))
    }

    fn report(&self, stages: Vec<StageReport>, sources: &Sources) -> RunReport {
        let resident = |id: &_| sources.get(id).is_some_and(|s| s.is_resident());
        let read = self.plan.stages.iter().flat_map(|s| s.stored_bytes()).filter(|(id, _)| resident(id));
        RunReport {
            wall: self.meter.elapsed(),
            stages,
            bytes_read: self.site.bytes_read() + read.map(|(_, bytes)| bytes).sum::<u64>(),
            bytes_written: self.written.load(Ordering::Relaxed),
            bytes_spilled: self.site.bytes_spilled(),
            bytes_computed: self.plan.totals.bytes_computed,
            peak_bytes: 0,
            bytes_left: 0,
            threads: self.site.pool.threads(),
            looks: self.meter.looks(),
        }
    }
}
