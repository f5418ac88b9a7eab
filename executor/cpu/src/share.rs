//! Some tasks of a stage on this machine's threads, with what earlier stages left given from outside. A run on one
//! machine is one share of all tasks of each stage; for a run on several, a stage's shares go to different machines.

use crate::ahead::Ahead;
use crate::apart::{Taken, apart};
use crate::cache::{Cache, Mapped};
use crate::contract::{Hand, Multiplier, finish, then};
use crate::fold::Folder;
use crate::joiner::Part;
use crate::joint::Folders;
use crate::ledger::{Claim, Ledger};
use crate::machine::{Inputs, Machine};
use crate::mirrored::Mirrored;
use crate::pass::{Ends, Pass};
use crate::pool::Pool;
use crate::progress::Meter;
use crate::room::IDLE_BYTES;
use crate::run::{Cancel, Control};
use crate::spill::Spill;
use crate::staged::staged;
use crate::store;
use crate::tree::Partial;
use crate::turns::Turns;
use crate::watch::Watch;
use cleave_ops::{Data, Region};
use cleave_plan::memory::stream_bytes;
use cleave_plan::{BufferId, ContractWork, FoldWork, Plan, RunError, Sink, Source, Sources, Stage, StageReport, Work};
use std::any::Any;
use std::cell::Cell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Some tasks of one stage, and what they may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The stage, counted from 0.
    pub stage: usize,
    /// The tasks.
    pub tasks: Range<usize>,
    /// The most threads that work at once, at least one.
    pub workers: usize,
    /// Bytes for decoded blocks.
    pub cache_bytes: u64,
}

impl Share {
    /// Whether the plan has such a stage and such tasks.
    pub fn is_of(&self, plan: &Plan) -> bool {
        let tasks = plan.stages.get(self.stage).map_or(0, |stage| stage.tasks);
        self.tasks.start < self.tasks.end && self.tasks.end <= tasks
    }
}

/// What earlier stages left.
pub trait Values: Sync {
    /// All of a value that the plan keeps dense as one block, of others those blocks that will be read.
    fn buffer(&self, id: BufferId) -> Option<Arc<dyn Source>>;
}

/// Takes finished blocks; called from many threads at once.
pub trait Receiver: Sync {
    /// A block of one of the stage's goals: its row-major number in the stage's grid, the region of the result it
    /// covers and its elements, which may be taken.
    fn block(&self, goal: usize, number: usize, region: &Region, data: &mut Data) -> Result<(), RunError>;
}

/// What a share leaves besides finished blocks.
#[derive(Debug)]
pub struct ShareDone {
    /// Parts of blocks that it could not finish alone.
    pub parts: Vec<Part>,
    /// Where its time went.
    pub report: StageReport,
}

/// The least bytes of mapped files that may be in memory.
const LEAST_LOOK_BYTES: u64 = 16 << 20;

/// What all shares of one plan have in common on a machine: threads, sources, decoded blocks, and who holds how
/// many bytes.
pub struct Site<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) plan: &'a Plan,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) spill: Arc<Spill>,
    pub(crate) sources: Sources,
    pub(crate) cache: Cache,
    _present: Claim,
    /// Last, after all claims.
    _rest: Rest,
}

/// Says when all is done how much memory may wait for the next plan.
struct Rest {
    ledger: Arc<Ledger>,
    limit_bytes: u64,
}

/// Bytes of mapped files that may be in memory beside all that a plan takes; some must, whatever the limit.
fn room_to_look(plan: &Plan, limit_bytes: u64) -> u64 {
    match limit_bytes {
        0 => u64::MAX,
        // A thread may hold the map before while others look at the next.
        limit => (limit.saturating_sub(plan.totals.peak_bytes) / 2).max(LEAST_LOOK_BYTES),
    }
}

impl<'a> Site<'a> {
    /// A place to run shares of a plan, with all the memory of the plan; `cancel` ends waiting for blocks of
    /// sources.
    pub fn new(pool: &'a Pool, plan: &'a Plan, sources: &Sources, cancel: &Cancel) -> Self {
        Self::within(pool, plan, sources, cancel, plan.limit_bytes)
    }

    /// The same on one of several machines, with so many bytes of the plan's memory; 0 for no limit.
    pub fn within(pool: &'a Pool, plan: &'a Plan, sources: &Sources, cancel: &Cancel, limit_bytes: u64) -> Self {
        let ledger = Arc::new(Ledger::new(&pool.rooms, limit_bytes));
        let spill = Arc::new(Spill::new(&pool.spill_directory));
        Self {
            pool,
            plan,
            cache: Cache::new(
                &ledger,
                Mapped::of(sources, &pool.rooms, room_to_look(plan, limit_bytes)),
                Arc::clone(&cancel.0),
            ),
            sources: staged(plan, sources, (&spill, &pool.rooms), &ledger, &cancel.0),
            spill,
            _present: ledger.claim(sources.values().map(|s| s.held_bytes()).sum()),
            _rest: Rest { ledger: Arc::clone(&ledger), limit_bytes },
            ledger,
        }
    }

    /// Runs the tasks of a share, which the plan has. Those blocks of which it has all go to `out`.
    pub fn run_share(
        &self,
        share: &Share,
        values: &dyn Values,
        out: &dyn Receiver,
        control: &Control<'_>,
    ) -> Result<ShareDone, RunError> {
        let meter = Meter::of_share(&self.plan.stages[share.stage], share, &self.ledger, control.events);
        self.work(share, values, out, &control.cancel.0, &meter)
    }

    /// The same, its progress being told as part of something larger.
    pub(crate) fn work(
        &self,
        share: &Share,
        values: &dyn Values,
        out: &dyn Receiver,
        cancel: &AtomicBool,
        meter: &Meter<'_>,
    ) -> Result<ShareDone, RunError> {
        let pass = Pass::new(self, share, values, Ends { out, cancel, meter })?;
        pass.on_threads(share.tasks.clone())?;
        Ok(pass.done(&share.tasks))
    }

    /// Has threads do tasks of a stage that runs.
    pub(crate) fn shift(&self, pass: &Pass<'_>, share: &Share) -> Result<(), RunError> {
        let stage = pass.stage;
        let shift = Shift {
            pass,
            share,
            stage,
            inputs: pass.inputs(),
            at_work: AtomicUsize::new(0),
            turns: Turns::new(stage, share),
            ahead: Ahead::new(self.plan, share, &self.sources, &self.cache),
            failed: AtomicBool::new(false),
            error: Mutex::new(None),
        };
        self.pool.each(share.tasks.len(), || shift.work());
        shift.error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Writes a block, which is there again afterwards. A run that is to stop does not wait for a large one.
    pub fn write(
        &self,
        sink: &Arc<dyn Sink>,
        region: &Region,
        block: &mut Data,
        cancel: &AtomicBool,
    ) -> Result<(), RunError> {
        let (bytes, packing) = (block.nbytes(), stream_bytes(block.nbytes() as u64));
        let (_packing, taken) = (self.ledger.claim(packing), Taken { block: bytes, left: packing + bytes as u64 });
        let (sink, region) = (Arc::clone(sink), region.clone());
        let none = Data::with_capacity(block.dtype(), 0);
        let whole = std::mem::replace(block, none);
        let (written, whole) =
            apart(taken, &self.ledger, cancel, move |stop| (sink.copy_unless(&region, &whole, stop), whole))?;
        *block = whole;
        written.map_err(RunError::Write)
    }

    /// Forgets decoded blocks, so that others have the memory.
    pub fn rest(&self) {
        self.keep_cached(0);
        self.spill.forget_spare();
    }

    /// Forgets decoded blocks beyond so many bytes, before others claim them.
    pub(crate) fn keep_cached(&self, bytes: u64) {
        self.cache.keep_to(bytes);
    }

    /// The plan.
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// Bytes read from stored sources by all shares so far.
    pub fn bytes_read(&self) -> u64 {
        self.cache.read_bytes()
    }

    /// Bytes put aside on disk by all shares so far.
    pub fn bytes_spilled(&self) -> u64 {
        self.spill.written_bytes()
    }

    /// Bytes held now.
    pub fn bytes_held(&self) -> u64 {
        self.ledger.used()
    }

    /// The most bytes there ever were.
    pub fn peak_bytes(&self) -> u64 {
        self.ledger.peak()
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.ledger.rooms().allow_idle(match self.limit_bytes {
            0 => IDLE_BYTES,
            limit => limit.saturating_sub(self.ledger.peak()).min(IDLE_BYTES.max(limit / 8)),
        });
    }
}

/// A share while it runs, seen by all threads that work on it.
struct Shift<'a> {
    share: &'a Share,
    pass: &'a Pass<'a>,
    stage: &'a Stage,
    inputs: Inputs<'a>,
    at_work: AtomicUsize,
    turns: Turns<'a>,
    ahead: Option<Ahead<'a>>,
    failed: AtomicBool,
    /// Guards the first error.
    error: Mutex<Option<RunError>>,
}

impl Shift<'_> {
    /// Takes tasks until there are none; a panic ends the share as an error.
    fn work(&self) {
        let thread = self.at_work.fetch_add(1, Ordering::Relaxed);
        if thread >= self.share.workers.max(1) {
            return;
        }
        let task = Cell::new(0);
        let done = catch_unwind(AssertUnwindSafe(|| self.tasks(thread, &task)));
        let error = match done {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(panic) => RunError::Bug { stage: self.share.stage, task: task.get(), message: message(panic.as_ref()) },
        };
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.failed.swap(true, Ordering::Relaxed) {
            *first = Some(error);
        }
    }

    fn tasks(&self, thread: usize, current: &Cell<usize>) -> Result<(), RunError> {
        let watch = Watch::new(self.pass.cancel, &self.failed, self.pass.meter);
        let mut machine = Machine::new(&self.stage.program, &self.inputs)?;
        let (mut folder, mut folders, mut mirrored) = (None, None, None);
        let (mut blocks, _claim) = (Vec::new(), self.blocks_claim());
        let mut multiplier = None;
        while let Some(task) = self.turns.take(thread) {
            current.set(task);
            watch.visit(0)?;
            let timer = self.pass.clock.start();
            if let Some(ahead) = &self.ahead {
                ahead.read(task, self.turns.later(thread))?;
            }
            match &self.stage.work {
                Work::Fold(work @ FoldWork { mirror: Some(mirror), .. }) => {
                    let opposite = work.opposite(task).filter(|other| self.share.tasks.contains(other));
                    if opposite.is_some_and(|other| other < task) {
                        continue;
                    }
                    let mirrored = mirrored.get_or_insert_with(|| Mirrored::new(work, mirror, &mut machine));
                    for (task, partial) in mirrored.task((task, opposite), &mut machine, &watch, self.inputs.ledger)? {
                        self.fold(work, 0, task, partial)?;
                    }
                }
                Work::Fold(work) => {
                    let folder = folder.get_or_insert_with(|| Folder::new(work, &mut machine));
                    let partial = folder.task(task, &mut machine, &watch, self.inputs.ledger)?;
                    self.fold(work, 0, task, partial)?;
                }
                Work::Joint(work) => {
                    let folders = folders.get_or_insert_with(|| Folders::new(work, &machine, self.inputs.ledger));
                    let partials = folders.task(task, &mut machine, &watch, self.inputs.ledger)?;
                    for (number, (fold, partial)) in work.folds.iter().zip(partials).enumerate() {
                        self.fold(fold, number, work.fold_task(fold, task), partial)?;
                    }
                }
                Work::Store(work) => {
                    let region = store::task(work, task, &mut machine, &watch, &mut blocks)?;
                    for (goal, block) in blocks.iter_mut().enumerate() {
                        self.pass.out.block(goal, task, &region, block)?;
                    }
                }
                Work::Contract(work) => {
                    let multiplier = match &mut multiplier {
                        Some(multiplier) => multiplier,
                        none => none.insert(Multiplier::new(work, &self.inputs)?),
                    };
                    self.contract(work, (multiplier, &mut machine), task, &watch)?;
                }
            }
            self.pass.clock.stop(timer, self.thread(thread), &self.stage.task_region(task));
        }
        watch.flush();
        Ok(())
    }

    /// The number of this thread in its pool, or among those at work.
    fn thread(&self, at_work: usize) -> usize {
        rayon::current_thread_index().unwrap_or(at_work)
    }

    /// Counts the blocks a thread fills again and again.
    fn blocks_claim(&self) -> Option<Claim> {
        match &self.stage.work {
            Work::Fold(_) | Work::Joint(_) | Work::Contract(_) => None,
            Work::Store(work) => Some(self.inputs.ledger.claim(store::most_bytes(work))),
        }
    }

    /// Adds what a task of one of the stage's reductions made.
    fn fold(&self, work: &FoldWork, number: usize, task: usize, partial: Partial) -> Result<(), RunError> {
        self.pass.joiner.states(number, (task / work.spans, 0, task % work.spans), partial, self.pass.out)
    }

    fn contract(
        &self,
        work: &ContractWork,
        (multiplier, machine): (&mut Multiplier<'_>, &mut Machine<'_>),
        task: usize,
        watch: &Watch<'_>,
    ) -> Result<(), RunError> {
        let ledger = self.inputs.ledger;
        let goes_on = !machine.program().steps.is_empty();
        let mut give = |region: &Region, mut block: Data| match goes_on {
            true => self.go_on(work, machine, region, block, watch),
            false => self.pass.out.block(0, self.pass.joiner.number(region), region, &mut block),
        };
        match multiplier.task(task, watch, Hand { give: &mut give, ledger })? {
            Some(sums) if goes_on => {
                let whole = finish(work, sums, ledger);
                self.go_on(work, machine, &work.region(task), whole.data, watch)
            }
            Some(sums) => {
                self.pass.joiner.sums(work, (task / work.segments, task % work.segments), sums, self.pass.out)
            }
            None => Ok(()),
        }
    }

    /// Computes what a finished part of a product is wanted for.
    fn go_on(
        &self,
        work: &ContractWork,
        machine: &mut Machine<'_>,
        region: &Region,
        product: Data,
        watch: &Watch<'_>,
    ) -> Result<(), RunError> {
        let ledger = self.inputs.ledger;
        let _claim = ledger.claim(work.goals.iter().map(|g| (region.size() * g.dtype.size()) as u64).sum());
        let blocks = then(work, machine, region, product, (watch, ledger))?;
        let number = self.pass.joiner.number(region);
        blocks
            .into_iter()
            .enumerate()
            .try_for_each(|(goal, mut block)| self.pass.out.block(goal, number, region, &mut block))
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without text".to_owned())
}
