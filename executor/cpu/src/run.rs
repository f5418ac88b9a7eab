//! A plan, stage after stage: tasks are numbers that threads take from a counter.

use crate::apart::apart;
use crate::between::{Between, Betweens, Making};
use crate::cache::Cache;
use crate::contract::{Hand, Multiplier, Segments};
use crate::fold::{self, Folder, rule};
use crate::joint::Joiner;
use crate::ledger::{Claim, Ledger};
use crate::machine::{Inputs, Machine};
use crate::pool::Pool;
use crate::progress::Meter;
use crate::room::IDLE_BYTES;
use crate::spill::Spill;
use crate::stage_clock::StageClock;
use crate::staged::staged;
use crate::store;
use crate::tree::{Merger, Partial};
use crate::watch::Watch;
use cleave_ops::{Data, Region};
use cleave_plan::{
    ContractWork, Event, FoldWork, Plan, RunError, RunReport, Sink, Sources, Stage, StageReport, Target, Work,
};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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

/// Runs a plan; output `n` goes to `sinks[n]`.
pub fn run(
    pool: &Pool,
    plan: &Plan,
    sources: &Sources,
    sinks: &[Arc<dyn Sink>],
    control: &Control<'_>,
) -> Result<RunReport, RunError> {
    let ledger = Arc::new(Ledger::default());
    let stages = {
        let cache = Cache::new(Arc::clone(&ledger), Arc::clone(&control.cancel.0));
        let meter = Meter::new(plan, &ledger, control.events);
        let _present = ledger.claim(sources.values().map(|s| s.held_bytes()).sum());
        let written = AtomicU64::new(0);
        let spill = Arc::new(Spill::new(&pool.spill_directory));
        let sources = &staged(plan, sources, &spill, &ledger, &control.cancel.0);
        let run = Run {
            pool,
            plan,
            sources,
            sinks,
            cancel: &control.cancel.0,
            ledger: &ledger,
            cache: &cache,
            meter: &meter,
            written: &written,
            spill: &spill,
        };
        let stages = run.stages();
        pool.rooms.allow_idle(run.idle_bytes(plan.totals.peak_bytes).min(IDLE_BYTES.max(plan.limit_bytes / 8)));
        run.report(stages?)
    };
    Ok(RunReport { peak_bytes: ledger.peak(), bytes_left: ledger.used(), ..stages })
}

struct Run<'a> {
    pool: &'a Pool,
    plan: &'a Plan,
    sources: &'a Sources,
    sinks: &'a [Arc<dyn Sink>],
    cancel: &'a AtomicBool,
    ledger: &'a Arc<Ledger>,
    cache: &'a Cache,
    meter: &'a Meter<'a>,
    written: &'a AtomicU64,
    spill: &'a Spill,
}

impl Run<'_> {
    /// Runs all stages; what a stage leaves is forgotten after the last that reads it.
    fn stages(&self) -> Result<Vec<StageReport>, RunError> {
        let mut betweens = Betweens::new(self.plan, &self.pool.rooms, self.spill, self.ledger);
        let mut results = Vec::new();
        let mut reports = Vec::with_capacity(self.plan.stages.len());
        for (number, stage) in self.plan.stages.iter().enumerate() {
            self.meter.begin(number, self.plan);
            self.cache.keep_to(self.plan.needs[number].cache_bytes);
            self.pool.rooms.allow_idle(self.idle_bytes(self.plan.needs[number].bytes));
            let made = self.plan.outputs.iter().filter(|o| o.held && o.made_by == number);
            results.push(self.ledger.claim(made.map(|o| o.nbytes()).sum()));
            betweens.begin(number).map_err(RunError::Spill)?;
            reports.push(self.stage(number, stage, &betweens.ready, &betweens.making)?);
            betweens.end(number);
        }
        Ok(reports)
    }

    /// Bytes of memory that may wait for their next use while so many are needed.
    fn idle_bytes(&self, needed: u64) -> u64 {
        if self.plan.limit_bytes == 0 { IDLE_BYTES } else { self.plan.limit_bytes.saturating_sub(needed) }
    }

    fn stage(
        &self,
        number: usize,
        stage: &Stage,
        buffers: &[Option<Between>],
        making: &[Option<Making>],
    ) -> Result<StageReport, RunError> {
        let inputs = Inputs {
            stored: self.sources,
            buffers,
            planned: &self.plan.buffers,
            cache: self.cache,
            ledger: self.ledger,
        };
        let merger = |work: &FoldWork| Merger::new(work.goals.iter().map(rule).collect(), work.spans);
        let shift = Shift {
            run: self,
            number,
            stage,
            inputs,
            making,
            mergers: stage.work.folds().iter().map(merger).collect(),
            at_work: AtomicUsize::new(0),
            segments: Segments::default(),
            next: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            error: Mutex::new(None),
            clock: StageClock::new(stage),
        };
        self.pool.each(stage.tasks, || shift.work());
        match shift.error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(shift.clock.report(stage)),
        }
    }

    /// Hands a finished block to all who want it; the last that would otherwise copy may take it.
    fn deliver(
        &self,
        target: &Target,
        making: &[Option<Making>],
        region: &Region,
        block: &mut Data,
    ) -> Result<(), RunError> {
        if let Some(making) = target.buffer.and_then(|b| making[b.0 as usize].as_ref()) {
            making.keep(region, block).map_err(RunError::Spill)?;
        }
        let bytes = (block.nbytes() * target.outputs.len()) as u64;
        self.written.fetch_add(bytes, Ordering::Relaxed);
        let (held, streamed): (Vec<usize>, Vec<usize>) =
            target.outputs.iter().partition(|&&output| self.plan.outputs[output].held);
        for output in held {
            self.sinks[output].copy(region, block).map_err(RunError::Write)?;
        }
        let Some((&last, others)) = streamed.split_last() else { return Ok(()) };
        for &output in others {
            self.put(output, region, block.clone())?;
        }
        let none = Data::with_capacity(block.dtype(), 0);
        self.put(last, region, std::mem::replace(block, none))
    }

    fn put(&self, output: usize, region: &Region, block: Data) -> Result<(), RunError> {
        // A copy of it, packed, is there until it is written.
        let _packed = self.ledger.claim(block.nbytes() as u64);
        let (sink, region) = (Arc::clone(&self.sinks[output]), region.clone());
        apart(block.nbytes(), self.cancel, move || sink.put(&region, block))?.map_err(RunError::Write)
    }

    fn report(&self, stages: Vec<StageReport>) -> RunReport {
        let resident = |id: &_| self.sources.get(id).is_some_and(|s| s.is_resident());
        let read = self.plan.stages.iter().flat_map(|s| s.stored_bytes()).filter(|(id, _)| resident(id));
        RunReport {
            wall: self.meter.elapsed(),
            stages,
            bytes_read: self.cache.read_bytes() + read.map(|(_, bytes)| bytes).sum::<u64>(),
            bytes_written: self.written.load(Ordering::Relaxed),
            bytes_spilled: self.spill.written_bytes(),
            bytes_computed: self.plan.totals.bytes_computed,
            peak_bytes: 0,
            bytes_left: 0,
            threads: self.pool.threads(),
        }
    }
}

/// One stage while it runs, shared by the threads that work on it.
struct Shift<'a> {
    run: &'a Run<'a>,
    number: usize,
    stage: &'a Stage,
    inputs: Inputs<'a>,
    making: &'a [Option<Making>],
    /// One for each reduction.
    mergers: Vec<Merger>,
    at_work: AtomicUsize,
    segments: Segments,
    next: AtomicUsize,
    failed: AtomicBool,
    /// Guards the first error.
    error: Mutex<Option<RunError>>,
    clock: StageClock,
}

impl Shift<'_> {
    /// Takes tasks until there are none; a panic ends the run as an error.
    fn work(&self) {
        if self.at_work.fetch_add(1, Ordering::Relaxed) >= self.run.plan.needs[self.number].workers {
            return;
        }
        let task = Cell::new(0);
        let done = catch_unwind(AssertUnwindSafe(|| self.tasks(&task)));
        let error = match done {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(panic) => RunError::Bug { stage: self.number, task: task.get(), message: message(panic.as_ref()) },
        };
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.failed.swap(true, Ordering::Relaxed) {
            *first = Some(error);
        }
    }

    fn tasks(&self, current: &Cell<usize>) -> Result<(), RunError> {
        let watch = Watch::new(self.run.cancel, &self.failed, self.run.meter);
        let mut machine = Machine::new(&self.stage.program, &self.inputs)?;
        let (mut folder, mut joiner) = (None, None);
        let (mut blocks, _claim) = (Vec::new(), self.blocks_claim());
        let mut multiplier = None;
        loop {
            let task = self.next.fetch_add(1, Ordering::Relaxed);
            if task >= self.stage.tasks {
                watch.flush();
                return Ok(());
            }
            current.set(task);
            watch.visit(0)?;
            let timer = self.clock.start();
            match &self.stage.work {
                Work::Fold(work) => {
                    let folder = folder.get_or_insert_with(|| Folder::new(work, &mut machine));
                    let part = folder.task(task, &mut machine, &watch, self.run.ledger)?;
                    self.merge(work, 0, task, part)?;
                }
                Work::Joint(work) => {
                    let joiner = joiner.get_or_insert_with(|| Joiner::new(work, &machine, self.run.ledger));
                    let parts = joiner.task(task, &mut machine, &watch, self.run.ledger)?;
                    for (number, (fold, part)) in work.folds.iter().zip(parts).enumerate() {
                        self.merge(fold, number, work.fold_task(fold, task), part)?;
                    }
                }
                Work::Store(work) => {
                    let region = store::task(work, task, &mut machine, &watch, &mut blocks)?;
                    for (goal, block) in work.goals.iter().zip(&mut blocks) {
                        self.run.deliver(&goal.target, self.making, &region, block)?;
                    }
                }
                Work::Contract(work) => {
                    let multiplier = match &mut multiplier {
                        Some(multiplier) => multiplier,
                        none => none.insert(Multiplier::new(work, &self.inputs)?),
                    };
                    self.contract(work, multiplier, task, &watch)?;
                }
            }
            self.clock.stop(timer, &self.stage.task_region(task));
        }
    }

    /// Counts the blocks a thread fills again and again.
    fn blocks_claim(&self) -> Option<Claim> {
        match &self.stage.work {
            Work::Fold(_) | Work::Joint(_) | Work::Contract(_) => None,
            Work::Store(work) => Some(self.run.ledger.claim(store::most_bytes(work))),
        }
    }

    /// Adds what a task of one of the stage's reductions made; the last one for a kept box finishes it.
    fn merge(&self, work: &FoldWork, number: usize, task: usize, part: Partial) -> Result<(), RunError> {
        match self.mergers[number].add(task / work.spans, task % work.spans, part) {
            Some(whole) => self.finish(work, &work.kept_region(task), &whole),
            None => Ok(()),
        }
    }

    fn contract(
        &self,
        work: &ContractWork,
        multiplier: &mut Multiplier<'_>,
        task: usize,
        watch: &Watch<'_>,
    ) -> Result<(), RunError> {
        let give = |region: &Region, mut block: Data| self.run.deliver(&work.target, self.making, region, &mut block);
        let Some(part) = multiplier.task(task, watch, Hand { give: &give, ledger: self.run.ledger })? else {
            return Ok(());
        };
        let block = self.segments.add(work, task, part, self.run.ledger);
        block.map_or(Ok(()), |block| give(&work.region(task), block.data))
    }

    fn finish(&self, work: &FoldWork, kept: &Region, whole: &Partial) -> Result<(), RunError> {
        for (goal, state) in work.goals.iter().zip(&whole.states) {
            let mut block = fold::finish(goal, work, kept, state);
            let _claim = self.run.ledger.claim(block.nbytes() as u64);
            self.run.deliver(&goal.target, self.making, kept, &mut block)?;
        }
        Ok(())
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without text".to_owned())
}
