//! Who holds how many bytes.

use crate::room::Rooms;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes held by a run, and the most there ever were. What is not held may wait in the rooms for its next use.
pub(crate) struct Ledger {
    used: AtomicU64,
    peak: AtomicU64,
    rooms: Arc<Rooms>,
}

/// Bytes that count until this is dropped.
pub(crate) struct Claim {
    ledger: Arc<Ledger>,
    bytes: u64,
}

impl Ledger {
    /// Of a run that may hold so many bytes; 0 for no limit.
    pub(crate) fn new(rooms: &Arc<Rooms>, limit_bytes: u64) -> Self {
        rooms.allow_idle(if limit_bytes == 0 { u64::MAX } else { limit_bytes });
        Self { used: AtomicU64::new(0), peak: AtomicU64::new(0), rooms: Arc::clone(rooms) }
    }

    pub(crate) fn claim(self: &Arc<Self>, bytes: u64) -> Claim {
        self.rooms.claim(bytes);
        let used = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.peak.fetch_max(used, Ordering::Relaxed);
        Claim { ledger: Arc::clone(self), bytes }
    }

    /// Where memory waits.
    pub(crate) fn rooms(&self) -> &Arc<Rooms> {
        &self.rooms
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.ledger.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.ledger.rooms.unclaim(self.bytes);
    }
}
