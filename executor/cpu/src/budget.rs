//! Memory for blocks that are kept, shared by all that keep some: the blocks that came first make room for others.

use crate::stock::Stock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Bytes of memory for blocks that are kept.
pub struct Budget {
    /// Guards who takes how much, and what came when.
    inner: Mutex<Inner>,
}

struct Inner {
    limit_bytes: u64,
    used_bytes: u64,
    next: u64,
    /// Blocks in memory that may go to disk, in the order in which they came.
    oldest: BTreeMap<u64, (Weak<Stock>, usize)>,
}

impl Budget {
    /// So many bytes.
    pub fn new(limit_bytes: u64) -> Arc<Self> {
        let inner = Inner { limit_bytes, used_bytes: 0, next: 0, oldest: BTreeMap::new() };
        Arc::new(Self { inner: Mutex::new(inner) })
    }

    /// Allows another number of bytes from now on; what is too much goes to disk.
    pub fn allow(&self, limit_bytes: u64) {
        self.inner().limit_bytes = limit_bytes;
        self.make_room(0);
    }

    /// Bytes of blocks in memory.
    pub fn used_bytes(&self) -> u64 {
        self.inner().used_bytes
    }

    /// How many blocks are in memory.
    pub fn blocks(&self) -> usize {
        self.inner().oldest.len()
    }

    /// Takes memory for a block; whether there is.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        self.make_room(bytes)
    }

    /// A block for which memory was taken can be put aside from now on; under which number it came.
    pub(crate) fn enter(&self, stock: &Arc<Stock>, block: usize) -> u64 {
        let mut inner = self.inner();
        inner.next += 1;
        let number = inner.next;
        inner.oldest.insert(number, (Arc::downgrade(stock), block));
        number
    }

    /// Blocks are no longer in memory.
    pub(crate) fn leave(&self, numbers: impl Iterator<Item = u64>, bytes: u64) {
        let mut inner = self.inner();
        inner.used_bytes -= bytes;
        // Those weak references hold no stock, so nothing is dropped here that would want the lock.
        numbers.for_each(|number| drop(inner.oldest.remove(&number)));
    }

    /// Puts aside what came first until so many bytes are free, and takes them.
    fn make_room(&self, bytes: u64) -> bool {
        loop {
            let first = {
                let mut inner = self.inner();
                if inner.used_bytes.saturating_add(bytes) <= inner.limit_bytes {
                    inner.used_bytes += bytes;
                    return true;
                }
                if bytes > inner.limit_bytes {
                    return false;
                }
                inner.oldest.pop_first()
            };
            // Others may just be putting blocks aside; it is not waited for.
            let Some((_, (stock, block))) = first else { return false };
            if stock.upgrade().is_some_and(|stock| stock.put_aside(block).is_err()) {
                return false;
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
