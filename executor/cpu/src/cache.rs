//! Decoded blocks of stored arrays: each is read once even if several threads want it, the one used longest
//! ago goes first, and together with those being read they keep to a number of bytes. A thread that reads waits
//! until there is room, and holds nothing meanwhile; one that copies from a block never waits: so all go on.

use crate::apart::{Taken, apart};
use crate::ledger::{Claim, Ledger};
use crate::room::Rooms;
use cleave_graph::SourceId;
use cleave_plan::{Block, RunError, Source, Sources, Stop};
use lru::LruCache;
use smallvec::SmallVec;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// How often a waiting thread looks whether there is room, and whether the run is to stop.
const LOOK: Duration = Duration::from_millis(2);

/// A block's place: its source and its index in that source's grid.
pub(crate) type Key = (SourceId, SmallVec<[usize; 4]>);

/// A block with the bytes it counts for.
pub(crate) struct Held {
    bytes: u64,
    /// Dropped before the block, so that its memory may wait for the next.
    _claim: Option<Claim>,
    pub(crate) block: Block,
}

/// The block a thread read last. One of a stored array stays only as long as the cache wants it.
pub(crate) enum Last {
    Resident(Arc<Held>),
    Cached(Weak<Held>),
}

/// Mapped files of a run, and how much of them memory may hold.
pub(crate) struct Mapped {
    sources: Vec<Arc<dyn Source>>,
    most_bytes: u64,
    rooms: Arc<Rooms>,
    /// How often they were let go.
    times: AtomicU64,
}

/// The system brings so many bytes around each that is looked at.
const AROUND_BYTES: u64 = 64 << 10;

pub(crate) struct Cache {
    pub(crate) mapped: Mapped,
    /// Guards the list of blocks and the keys being read.
    inner: Mutex<Inner>,
    arrived: Condvar,
    rooms: Arc<Rooms>,
    ledger: Arc<Ledger>,
    cancel: Arc<AtomicBool>,
}

struct Inner {
    ready: LruCache<Key, Arc<Held>>,
    loading: HashSet<Key>,
    /// Bytes of blocks that are there, and of those being read.
    bytes: u64,
    limit_bytes: u64,
    read_bytes: u64,
}

/// Where a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    There,
    Loading,
    Absent,
}

impl Last {
    pub(crate) fn block(&self) -> Option<Arc<Held>> {
        match self {
            Last::Resident(held) => Some(Arc::clone(held)),
            Last::Cached(held) => held.upgrade(),
        }
    }
}

impl Mapped {
    /// Those of a run's sources.
    pub(crate) fn of(sources: &Sources, rooms: &Arc<Rooms>, most_bytes: u64) -> Self {
        let sources = sources.values().filter(|s| s.is_mapped()).cloned().collect();
        let mapped = Self { sources, most_bytes, rooms: Arc::clone(rooms), times: AtomicU64::default() };
        // Earlier runs have left what they looked at.
        mapped.see(0, 0);
        mapped
    }

    /// So many runs of so many bytes were looked at.
    pub(crate) fn see(&self, runs: usize, bytes: usize) {
        let seen = (bytes as u64).max(AROUND_BYTES).saturating_mul(runs as u64);
        if self.rooms.mapped_bytes.fetch_add(seen, Ordering::Relaxed).saturating_add(seen) > self.most_bytes {
            self.rooms.mapped_bytes.store(0, Ordering::Relaxed);
            self.sources.iter().for_each(|source| source.let_go());
            self.times.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often what was looked at was let go; blocks handed out before then are not to be kept.
    pub(crate) fn times(&self) -> u64 {
        self.times.load(Ordering::Relaxed)
    }
}

impl Cache {
    pub(crate) fn new(ledger: &Arc<Ledger>, mapped: Mapped, cancel: Arc<AtomicBool>) -> Self {
        let ready = LruCache::unbounded();
        let inner = Inner { ready, loading: HashSet::new(), bytes: 0, limit_bytes: 0, read_bytes: 0 };
        let (rooms, ledger) = (Arc::clone(ledger.rooms()), Arc::clone(ledger));
        Self { mapped, inner: Mutex::new(inner), arrived: Condvar::new(), rooms, ledger, cancel }
    }

    /// Keeps to another number of bytes from now on; nobody is reading.
    pub(crate) fn keep_to(&self, limit_bytes: u64) {
        let mut inner = self.lock();
        inner.limit_bytes = limit_bytes;
        inner.make_room(0);
    }

    /// Bytes of all blocks read so far.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.lock().read_bytes
    }

    /// Whether a block is there, or soon will be.
    pub(crate) fn stand(&self, key: &Key) -> Stand {
        let inner = self.lock();
        match () {
            () if inner.ready.contains(key) => Stand::There,
            () if inner.loading.contains(key) => Stand::Loading,
            () => Stand::Absent,
        }
    }

    /// The block, read if need be.
    pub(crate) fn block(&self, key: &Key, source: &Arc<dyn Source>) -> Result<Arc<Held>, RunError> {
        match self.admit(key, reading_bytes(key, source))? {
            Admitted::There(held) => Ok(held),
            Admitted::Read => self.read(key, source),
        }
    }

    /// Reads the block if it is not there, nobody else is reading it and there is room: nobody is waited for.
    pub(crate) fn fetch(&self, key: &Key, source: &Arc<dyn Source>) -> Result<(), RunError> {
        let admitted = self.lock().admit(key, reading_bytes(key, source));
        if let Some(Admitted::Read) = admitted { self.read(key, source).map(drop) } else { Ok(()) }
    }

    /// Reads a block, having been admitted to do so.
    fn read(&self, key: &Key, source: &Arc<dyn Source>) -> Result<Arc<Held>, RunError> {
        let (bytes, unpacking) = (bytes_of(key, source), source.unpacking_bytes());
        let is_mapped = source.is_mapped();
        let turn = Turn { cache: self, key, bytes: bytes + unpacking };
        let unpacking_claim = self.ledger.claim(unpacking);
        let (rooms, ledger) = (Arc::clone(&self.rooms), Arc::clone(&self.ledger));
        let (source, index) = (Arc::clone(source), key.1.clone());
        let read = move |stop: Stop<'_>| rooms.read(source.as_ref(), &index, &ledger, stop);
        let taken = Taken { block: bytes as usize, left: unpacking };
        let (block, claim) = apart(taken, &self.ledger, &self.cancel, read)?.map_err(RunError::read)?;
        drop(unpacking_claim);
        if is_mapped {
            self.mapped.see(1, bytes as usize);
        }
        let held = self.keep(key, Held { bytes, _claim: Some(claim), block });
        drop(turn);
        Ok(held)
    }

    /// Waits until the block is there or may be read with so many bytes.
    fn admit(&self, key: &Key, bytes: u64) -> Result<Admitted, RunError> {
        let mut inner = self.lock();
        loop {
            if let Some(admitted) = inner.admit(key, bytes) {
                return Ok(admitted);
            }
            if self.cancel.load(Ordering::Relaxed) {
                return Err(RunError::Cancelled);
            }
            inner = self.arrived.wait_timeout(inner, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn keep(&self, key: &Key, held: Held) -> Arc<Held> {
        let held = Arc::new(held);
        let mut inner = self.lock();
        inner.read_bytes += held.bytes;
        inner.bytes += held.bytes;
        inner.ready.put(key.clone(), Arc::clone(&held));
        held
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a thread that wants a block finds.
enum Admitted {
    There(Arc<Held>),
    Read,
}

/// Bytes of a block.
fn bytes_of(key: &Key, source: &Arc<dyn Source>) -> u64 {
    (source.grid().region(&key.1).size() * source.dtype().size()) as u64
}

/// Bytes of a block and of what is taken while it is read.
fn reading_bytes(key: &Key, source: &Arc<dyn Source>) -> u64 {
    bytes_of(key, source) + source.unpacking_bytes()
}

impl Inner {
    /// The block, or the right to read it with so many bytes; `None` while others read it or there is no room.
    fn admit(&mut self, key: &Key, bytes: u64) -> Option<Admitted> {
        if let Some(held) = self.ready.get(key) {
            return Some(Admitted::There(Arc::clone(held)));
        }
        if self.loading.contains(key) {
            return None;
        }
        self.make_room(bytes);
        let has_room = self.bytes == 0 || self.bytes + bytes <= self.limit_bytes;
        has_room.then(|| {
            self.loading.insert(key.clone());
            self.bytes += bytes;
            Admitted::Read
        })
    }

    /// Forgets blocks that nobody copies from, the one used longest ago first, until there is room.
    fn make_room(&mut self, bytes: u64) {
        while self.bytes + bytes > self.limit_bytes {
            let unused = self.ready.iter().rev().find(|(_, held)| Arc::strong_count(held) == 1);
            let Some(key) = unused.map(|(key, _)| key.clone()) else { return };
            if let Some(gone) = self.ready.pop(&key) {
                self.bytes -= gone.bytes;
            }
        }
    }
}

/// The right to read a block; wakes those who wait for it, also when reading fails or panics.
struct Turn<'a> {
    cache: &'a Cache,
    key: &'a Key,
    bytes: u64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut inner = self.cache.lock();
        inner.loading.remove(self.key);
        inner.bytes -= self.bytes;
        drop(inner);
        self.cache.arrived.notify_all();
    }
}

/// A block that costs nothing to hold.
pub(crate) fn resident(block: Block) -> Arc<Held> {
    Arc::new(Held { bytes: 0, _claim: None, block })
}
