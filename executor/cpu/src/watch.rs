//! What a thread looks at between tiles: whether to stop, and whether it is time to tell how far it is.

use crate::progress::Meter;
use cleave_plan::RunError;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

/// Elements after which a thread adds to the common count.
const BATCH: u64 = 1 << 17;

/// One thread's look at the run.
pub(crate) struct Watch<'a> {
    cancel: &'a AtomicBool,
    failed: &'a AtomicBool,
    meter: &'a Meter<'a>,
    uncounted: Cell<u64>,
    looks: Cell<u64>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(cancel: &'a AtomicBool, failed: &'a AtomicBool, meter: &'a Meter<'a>) -> Self {
        Self { cancel, failed, meter, uncounted: Cell::new(0), looks: Cell::new(0) }
    }

    /// To be called before each tile of that many elements.
    pub(crate) fn visit(&self, elements: usize) -> Result<(), RunError> {
        if self.cancel.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed) {
            return Err(RunError::Cancelled);
        }
        self.looks.set(self.looks.get() + 1);
        let uncounted = self.uncounted.get() + elements as u64;
        self.uncounted.set(uncounted);
        if uncounted >= BATCH {
            self.flush();
        }
        Ok(())
    }

    /// Adds what was visited to the common count.
    pub(crate) fn flush(&self) {
        self.meter.advance(self.uncounted.take(), self.looks.take());
    }
}
