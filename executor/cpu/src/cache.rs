//! Decoded blocks of stored arrays: each is read once even if several threads want it, the one used longest
//! ago goes first, and together they keep to a number of bytes.

use crate::apart::apart;
use crate::ledger::{Claim, Ledger};
use cleave_graph::SourceId;
use cleave_plan::{Block, RunError, Source};
use lru::LruCache;
use smallvec::SmallVec;
use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A block's place: its source and its index in that source's grid.
pub(crate) type Key = (SourceId, SmallVec<[usize; 4]>);

/// A block with the bytes it counts for.
pub(crate) struct Held {
    pub(crate) block: Block,
    bytes: u64,
    _claim: Option<Claim>,
}

pub(crate) struct Cache {
    /// Guards the list of blocks and the keys being read.
    inner: Mutex<Inner>,
    arrived: Condvar,
    limit_bytes: u64,
    ledger: Arc<Ledger>,
    cancel: Arc<AtomicBool>,
}

struct Inner {
    ready: LruCache<Key, Arc<Held>>,
    loading: HashSet<Key>,
    bytes: u64,
    read_bytes: u64,
}

impl Cache {
    pub(crate) fn new(limit_bytes: u64, ledger: Arc<Ledger>, cancel: Arc<AtomicBool>) -> Self {
        let inner = Inner { ready: LruCache::unbounded(), loading: HashSet::new(), bytes: 0, read_bytes: 0 };
        Self { inner: Mutex::new(inner), arrived: Condvar::new(), limit_bytes, ledger, cancel }
    }

    /// Bytes of all blocks read so far.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.lock().read_bytes
    }

    /// The block, read if need be.
    pub(crate) fn block(&self, key: &Key, source: &Arc<dyn Source>) -> Result<Arc<Held>, RunError> {
        let mut inner = self.lock();
        loop {
            if let Some(held) = inner.ready.get(key) {
                return Ok(Arc::clone(held));
            }
            if inner.loading.insert(key.clone()) {
                break;
            }
            inner = self.arrived.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        drop(inner);
        let _turn = Turn { cache: self, key };
        let bytes = source.grid().region(&key.1).size() * source.dtype().size();
        let (source, index) = (Arc::clone(source), key.1.clone());
        let block = apart(bytes, &self.cancel, move || source.block(&index))?.map_err(RunError::Read)?;
        Ok(self.keep(key, block))
    }

    fn keep(&self, key: &Key, block: Block) -> Arc<Held> {
        let elements = block.elements();
        let bytes = (elements.len() * elements.dtype().size()) as u64;
        let held = Arc::new(Held { block, bytes, _claim: Some(self.ledger.claim(bytes)) });
        let mut inner = self.lock();
        inner.read_bytes += bytes;
        inner.bytes += bytes;
        inner.ready.put(key.clone(), Arc::clone(&held));
        while inner.bytes > self.limit_bytes && inner.ready.len() > 1 {
            let Some((_, gone)) = inner.ready.pop_lru() else { break };
            inner.bytes -= gone.bytes;
        }
        held
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to read a block; wakes those who wait for it, also when reading fails or panics.
struct Turn<'a> {
    cache: &'a Cache,
    key: &'a Key,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.cache.lock().loading.remove(self.key);
        self.cache.arrived.notify_all();
    }
}

/// A block that costs nothing to hold.
pub(crate) fn resident(block: Block) -> Arc<Held> {
    Arc::new(Held { block, bytes: 0, _claim: None })
}
