//! Some tasks of a stage on this machine's threads, with what earlier stages left given from outside. A run on one
//! machine is one share of all tasks of each stage; for a run on several, a stage's shares go to different machines.

use crate::ahead::Ahead;
use crate::apart::{Taken, apart};
use crate::cache::{Cache, Mapped};
use crate::joiner::Part;
use crate::ledger::{Claim, Ledger};
use crate::pass::{Ends, Pass};
use crate::pool::Pool;
use crate::progress::Meter;
use crate::run::{Cancel, Control};
use crate::shift::Shift;
use crate::spill::Spill;
use crate::staged::staged;
use crate::turns::Turns;
use cleave_ops::{Data, Region};
use cleave_plan::memory::stream_bytes;
use cleave_plan::{BufferId, Plan, RunError, Sink, Source, Sources, StageReport};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize};
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

/// Leaves room for what is held beside a plan, and says when all is done how much memory may wait for the next one.
struct Rest {
    ledger: Arc<Ledger>,
    limit_bytes: u64,
    others_bytes: u64,
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
        let present = sources.values().map(|s| s.held_bytes()).sum();
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
            _present: ledger.claim(present),
            _rest: Rest::beside(present, &ledger, limit_bytes),
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

impl Rest {
    /// For a plan that holds so many bytes itself before it begins.
    fn beside(present: u64, ledger: &Arc<Ledger>, limit_bytes: u64) -> Self {
        let others_bytes = ledger.rooms().held_bytes().saturating_sub(present);
        ledger.rooms().claim(others_bytes);
        Self { ledger: Arc::clone(ledger), limit_bytes, others_bytes }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.ledger.rooms().unclaim(self.others_bytes);
        self.ledger.rooms().rest(self.limit_bytes);
    }
}
