//! What workers do in the run that goes on, for those who look at it.

use crate::facts::LaneFacts;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lanes so far: told only while somebody looks, and as they were when he looked last.
#[derive(Default)]
pub(super) struct Live {
    is_watched: AtomicBool,
    /// Guards what was told last.
    lanes: Mutex<Vec<LaneFacts>>,
}

impl Live {
    /// What was told last; from now on there is something newer.
    pub(super) fn look(&self) -> Vec<LaneFacts> {
        self.is_watched.store(true, Ordering::Relaxed);
        self.lanes().clone()
    }

    /// Tells lanes, if somebody looked since the last time.
    pub(super) fn show(&self, lanes: impl FnOnce() -> Vec<LaneFacts>) {
        if self.is_watched.swap(false, Ordering::Relaxed) {
            *self.lanes() = lanes();
        }
    }

    /// Nothing runs any more.
    pub(super) fn clear(&self) {
        self.lanes().clear();
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<LaneFacts>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
