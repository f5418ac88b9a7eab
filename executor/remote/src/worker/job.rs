//! One job on a worker: its plan, what it keeps, and the thread that runs its shares.

use super::WorkerOptions;
use super::desk::Desk;
use super::house::{AtWork, House, JobKey};
use super::outbox::Outbox;
use super::room::Room;
use super::share::Given;
use super::targets::Targets;
use super::turns::Turns;
use crate::items::{fetched, kept, put_source};
use crate::proto::{self, Done, Failure, Item, item};
use crate::spec::{self, JobParts, Limits, Opened};
use crate::transport::Endpoint;
use blake3::Hash;
use bytes::Bytes;
use cleave_cpu::{Cancel, Item as Kind, Kept, Site};
use cleave_graph::SourceId;
use cleave_ops::{Chunks, DType, Data};
use cleave_plan::{Block, BufferId, Keep, Plan, RunError, SourceError, Sources};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// How long a job without shares holds decoded blocks, and how often it looks whether others want to work.
const LINGER: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(5);

/// Parts that wait to be fetched, by share and number.
type Left = HashMap<(u64, u32), Bytes>;
/// Checksums of blocks that are kept.
type Sums = HashMap<(Kind, usize), u32>;

pub(super) struct Job {
    pub(super) key: JobKey,
    /// What names its program.
    pub(super) program: Bytes,
    pub(super) parts: JobParts,
    pub(super) plan: Arc<Plan>,
    /// What names it.
    pub(super) plan_hash: Hash,
    pub(super) sources: Sources,
    pub(super) kept: Arc<Kept>,
    pub(super) targets: Targets,
    /// What its tasks may use here.
    pub(super) room: Room,
    /// The stream it is served by, and shares that wait or are at work.
    pub(super) desk: Desk,
    /// Bytes that its share at work holds.
    pub(super) bytes_in_use: AtomicU64,
    pub(super) bytes_fetched: AtomicU64,
    /// Where shares go that are ready to run.
    inbox: mpsc::Sender<(Given, AtWork)>,
    cancel: Cancel,
    /// Guards what is known of where values are.
    places: Mutex<HashMap<BufferId, Vec<Place>>>,
    /// Guards parts that wait to be fetched, by share and number.
    left: Arc<Mutex<Left>>,
    /// Guards the checksums of blocks that are kept.
    sums: Arc<Mutex<Sums>>,
    /// Guards blocks that are being sent.
    lent: Mutex<HashMap<(Kind, usize), Weak<Data>>>,
    /// Guards when something of it was asked for last.
    asked: Mutex<Instant>,
    /// Somebody else has its name now.
    replaced: Notify,
    /// Its room among all jobs.
    _place: OwnedSemaphorePermit,
}

/// Where some blocks of a value are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) blocks: Range<u64>,
    pub(super) endpoint: Endpoint,
    pub(super) epoch: u64,
}

impl Job {
    /// Reads and plans a job, opens what it reads and writes, and starts its thread.
    pub(super) fn open(
        house: &Arc<House>,
        open: &proto::Open,
        (outbox, place): (Outbox, OwnedSemaphorePermit),
    ) -> Result<Arc<Self>, Failure> {
        let refused = |code: &str, text: String| Failure { code: code.into(), message: text, ..Failure::default() };
        if blake3::hash(&open.program).as_bytes()[..] != open.hash[..] {
            return Err(refused("hash-differs", "the job is not what its hash says".into()));
        }
        let opened = spec::open(&open.program, &Limits::default());
        let Opened { parts, plan, plan_hash } = opened.map_err(|error| refused(error.code(), error.to_string()))?;
        let mut sources = Sources::new();
        for source in &parts.sources {
            let opened = house.options.roots.open(source).map_err(|error| refused(error.code(), error.to_string()))?;
            opened.into_iter().for_each(|opened| drop(sources.insert(source.id, opened)));
        }
        let memory_bytes = match open.memory_bytes {
            0 => house.options.memory_bytes,
            some => some.min(house.options.memory_bytes),
        };
        let WorkerOptions { threads, memory_bytes: all_bytes, .. } = house.options;
        let room = Room::of(&plan, (memory_bytes, all_bytes), (threads, parts.planning.threads));
        let room = room.map_err(|error| refused(error.code(), error.to_string()))?;
        let key = (open.session.clone(), open.job);
        let (shelves, left, sums) = taken_up(house, &key, &open.hash);
        for source in parts.sources.iter().filter(|s| !sources.contains_key(&s.id)).collect::<Vec<_>>() {
            shelves.open(Kind::Source(source.id), &source.grid, source.dtype);
            shelves.source(Kind::Source(source.id)).into_iter().for_each(|s| drop(sources.insert(source.id, s)));
        }
        let targets = Targets::open(&house.options.roots, &parts, &plan);
        let (inbox, shares) = mpsc::channel();
        let job = Arc::new(Self {
            key,
            program: open.hash.clone(),
            room,
            parts,
            plan,
            plan_hash,
            sources,
            kept: shelves,
            targets,
            desk: Desk::new(outbox),
            bytes_in_use: AtomicU64::new(0),
            bytes_fetched: AtomicU64::new(0),
            inbox,
            cancel: Cancel::default(),
            places: Mutex::default(),
            left,
            sums,
            lent: Mutex::default(),
            asked: Mutex::new(Instant::now()),
            replaced: Notify::new(),
            _place: place,
        });
        let (own, house) = (Arc::downgrade(&job), Arc::clone(house));
        let started = std::thread::Builder::new().name("job".into()).spawn(move || {
            let Some(job) = own.upgrade() else { return };
            let (plan, sources, cancel) = (Arc::clone(&job.plan), job.sources.clone(), job.cancel.clone());
            let work_bytes = job.room.work_bytes;
            drop(job);
            let site = Site::within(&house.pool, &plan, &sources, &cancel, work_bytes);
            while let Some((given, _at_work)) = next(&shares, &site, &house.turns) {
                let Some(job) = own.upgrade() else { break };
                given.run(&house, &job, &site);
            }
            house.left.notify_waiters();
        });
        started.map_err(|cause| refused("no-threads", RunError::Threads(Box::new(cause)).to_string()))?;
        Ok(job)
    }

    /// Nothing more comes of it.
    pub(super) fn end(&self) {
        self.desk.close();
        self.cancel.cancel();
    }

    /// The same, unless another stream than that one serves it; whether it is over.
    pub(super) fn end_after(&self, stream: u64) -> bool {
        let is_over = self.desk.close_after(stream);
        if is_over {
            self.cancel.cancel();
        }
        is_over
    }

    /// Another has its name, and all that it kept.
    pub(super) fn give_way(&self) {
        self.end();
        self.replaced.notify_one();
    }

    /// Something of it is asked for.
    pub(super) fn ask(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Waits until nobody has asked for anything for so long, or another has its name.
    pub(super) async fn forgotten(&self, after: Duration) {
        let unasked_for = async {
            loop {
                let until = *self.asked.lock().unwrap_or_else(PoisonError::into_inner) + after;
                if until <= Instant::now() {
                    return;
                }
                sleep_until(until).await;
            }
        };
        tokio::select! {
            () = unasked_for => {}
            () = self.replaced.notified() => {}
        }
    }

    /// A share came, which this one may have already: what stops it, if it has yet to be run.
    pub(super) fn take(&self, share: &proto::Share) -> Option<Cancel> {
        self.desk.take(share, |done| self.holds_all(share.stage as usize, done))
    }

    /// Whether all that an answer speaks of is here.
    fn holds_all(&self, stage: usize, done: &Done) -> bool {
        let Some(stage) = self.plan.stages.get(stage) else { return false };
        let targets = stage.targets();
        let holds = |f: &proto::Finished| {
            let Some(target) = targets.get(f.goal as usize) else { return false };
            let block = f.block as usize;
            let is_kept = kept(&self.plan, target).is_none_or(|b| self.kept.holds(Kind::Buffer(b), block));
            let waits = fetched(&self.plan, target).filter(|_| f.data.is_none() && !f.written);
            is_kept && waits.is_none_or(|o| self.kept.holds(Kind::Output(o), block))
        };
        let has = |p: &proto::Part| {
            let what = p.item.as_ref().and_then(|item| item.what.as_ref());
            !matches!(what, Some(item::What::Part(o)) if !self.left().contains_key(&(o.share, o.number)))
        };
        done.finished.iter().all(holds) && done.parts.iter().all(has)
    }

    /// A share is to be run.
    pub(super) fn queue(&self, house: &Arc<House>, given: Given) {
        // The thread ends only when the job does.
        let _ = self.inbox.send((given, AtWork::new(house)));
    }

    /// Learns where a value's blocks are, all of them anew; of what the plan lacks it learns nothing.
    pub(super) fn place(&self, buffer: BufferId, places: Vec<Place>) {
        if buffer.0 as usize >= self.plan.buffers.len() {
            return;
        }
        self.places.lock().unwrap_or_else(PoisonError::into_inner).insert(buffer, places);
    }

    /// Where a block is.
    pub(super) fn place_of(&self, buffer: BufferId, block: u64) -> Option<Place> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(&buffer)?.iter().find(|p| p.blocks.contains(&block)).cloned()
    }

    /// Where it keeps blocks of a value between stages: those that are whole everywhere are one block.
    pub(super) fn shelf(&self, id: BufferId) -> Option<Kind> {
        let buffer = self.plan.buffers.get(id.0 as usize)?;
        let kind = Kind::Buffer(id);
        match buffer.keep {
            Keep::Dense => self.kept.open(kind, &Chunks::single(&buffer.shape), buffer.dtype),
            Keep::Memory | Keep::Spill { .. } => self.kept.open(kind, &buffer.grid, buffer.dtype),
        }
        Some(kind)
    }

    /// Parts that are too large for an event.
    pub(super) fn left(&self) -> MutexGuard<'_, HashMap<(u64, u32), Bytes>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block that is kept, to be sent: whoever wants another stretch of it meanwhile has it from the same memory,
    /// wherever it is kept.
    pub(super) fn lend(&self, block: (Kind, usize)) -> Result<Option<Block>, SourceError> {
        let lent = || self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(data) = lent().get(&block).and_then(Weak::upgrade) {
            return Ok(Some(Block::Owned(data)));
        }
        let found = self.kept.get(block.0, block.1)?;
        if let Some(Block::Owned(data)) = &found {
            let mut lent = lent();
            lent.retain(|_, data| data.strong_count() > 0);
            lent.insert(block, Arc::downgrade(data));
        }
        Ok(found)
    }

    /// Remembers the checksum of a block that is kept.
    pub(super) fn note_sum(&self, block: (Kind, usize), checksum: u32) {
        self.sums().insert(block, checksum);
    }

    /// The checksum of a block that is kept, if it is known.
    pub(super) fn sum_of(&self, block: (Kind, usize)) -> Option<u32> {
        self.sums().get(&block).copied()
    }

    fn sums(&self) -> MutexGuard<'_, HashMap<(Kind, usize), u32>> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what the kernel has.
    pub(super) fn release(&self, release: &proto::Release) {
        for kind in release.buffers.iter().map(|&b| Kind::Buffer(BufferId(b))) {
            self.kept.release(kind);
            self.sums().retain(|(of, _), _| *of != kind);
        }
        for item in &release.items {
            match &item.what {
                Some(item::What::Output(o)) => {
                    let kind = Kind::Output(o.output as usize);
                    self.kept.release_block(kind, o.block as usize);
                    self.sums().remove(&(kind, o.block as usize));
                }
                Some(item::What::Part(part)) => drop(self.left().remove(&(part.share, part.number))),
                Some(item::What::Buffer(_) | item::What::Put(_)) | None => {}
            }
        }
    }

    /// The array and the block that a request names, with its element type and length; `None` if there is none.
    pub(super) fn named(&self, item: &Item) -> Option<(Kind, usize, DType, usize)> {
        let of = |grid: &Chunks, block: u64| {
            let block = usize::try_from(block).ok().filter(|&b| b < grid.count())?;
            Some((block, cleave_plan::stage::block_region(grid, block).size()))
        };
        match item.what.as_ref()? {
            item::What::Buffer(named) => {
                let id = BufferId(named.buffer);
                let kind = self.shelf(id)?;
                let buffer = self.plan.buffer(id);
                let single = Chunks::single(&buffer.shape);
                let (block, len) = of(if buffer.keep == Keep::Dense { &single } else { &buffer.grid }, named.block)?;
                Some((kind, block, buffer.dtype, len))
            }
            item::What::Put(named) => {
                let id: SourceId = put_source(&self.parts, named.number)?;
                let source = self.parts.sources.iter().find(|s| s.id == id)?;
                let (block, len) = of(&source.grid, named.block)?;
                Some((Kind::Source(id), block, source.dtype, len))
            }
            item::What::Output(_) | item::What::Part(_) => None,
        }
    }
}

/// What a job of the same name and program kept, which may be on its way although its connection was lost.
fn taken_up(house: &House, key: &JobKey, program: &Bytes) -> (Arc<Kept>, Arc<Mutex<Left>>, Arc<Mutex<Sums>>) {
    match house.jobs().get(key).filter(|former| former.program == *program) {
        Some(former) => (Arc::clone(&former.kept), Arc::clone(&former.left), Arc::clone(&former.sums)),
        None => (Arc::new(Kept::new(&house.pool, &house.budget)), Arc::default(), Arc::default()),
    }
}

/// The next share, once there is one. Decoded blocks are held for a moment, in which the next stage may begin that
/// reads them as well, unless others want to work.
fn next(shares: &mpsc::Receiver<(Given, AtWork)>, site: &Site<'_>, turns: &Turns) -> Option<(Given, AtWork)> {
    let (lingering, until) = (turns.linger(), Instant::now() + LINGER);
    let mut next = shares.try_recv().ok();
    while next.is_none() && turns.len() == 0 && Instant::now() < until {
        match shares.recv_timeout(LOOK) {
            Ok(given) => next = Some(given),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if next.is_none() || turns.len() > 0 {
        site.rest();
    }
    drop(lingering);
    next.or_else(|| shares.recv().ok())
}
