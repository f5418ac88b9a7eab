//! Work that cannot be stopped at once, such as packing a chunk: done where nobody has to wait for it.

use crate::ledger::{Claim, Ledger};
use cleave_plan::{RunError, Stop};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Blocks of fewer bytes are read and written at once: that takes a few milliseconds.
pub(crate) const LARGE_BYTES: usize = 4 << 20;
/// How often a waiting thread looks whether the run is to stop.
const LOOK: Duration = Duration::from_millis(10);

/// What work on a block takes.
pub(crate) struct Taken {
    /// Bytes of the block, which say how long it may be.
    pub(crate) block: usize,
    /// Bytes that nobody counts any more when the run has left the work to itself.
    pub(crate) left: u64,
}

/// Counts what work takes that was left to itself, until it is done.
type Left = Arc<Mutex<Option<Claim>>>;

/// Does `work` on a block. Where that may take long it is done on a thread of its own, and a run that is to stop leaves
/// that thread to end as soon as it can; what it takes stays claimed until then.
pub(crate) fn apart<T: Send + 'static>(
    taken: Taken,
    ledger: &Arc<Ledger>,
    cancel: &AtomicBool,
    work: impl FnOnce(Stop<'_>) -> T + Send + 'static,
) -> Result<T, RunError> {
    if taken.block < LARGE_BYTES {
        let stop = || cancel.load(Ordering::Relaxed);
        let done = work(&stop);
        // It may have ended early, and looks like a failure.
        return if stop() { Err(RunError::Cancelled) } else { Ok(done) };
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let (left, is_left) = (Left::default(), Arc::new(AtomicBool::new(false)));
    let (until_done, stop) = (Arc::clone(&left), Arc::clone(&is_left));
    let body = move || {
        // The receiver is gone if the run has stopped; then nobody wants the outcome.
        drop(sender.send(catch_unwind(AssertUnwindSafe(|| work(&|| stop.load(Ordering::Relaxed))))));
        drop(until_done);
    };
    thread::Builder::new().name("apart".to_owned()).spawn(body).map_err(|e| RunError::Threads(Box::new(e)))?;
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(RecvTimeoutError::Timeout) if !cancel.load(Ordering::Relaxed) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                *left.lock().unwrap_or_else(PoisonError::into_inner) = Some(ledger.claim(taken.left));
                is_left.store(true, Ordering::Relaxed);
                return Err(RunError::Cancelled);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::Rooms;
    use std::sync::mpsc::channel;

    const LARGE: Taken = Taken { block: LARGE_BYTES, left: 7 };

    fn ledger() -> (Arc<Rooms>, Arc<Ledger>) {
        let rooms = Arc::default();
        let ledger = Arc::new(Ledger::new(&rooms, 0));
        (rooms, ledger)
    }

    #[test]
    fn a_run_that_stops_does_not_wait_for_it_and_what_it_takes_counts() {
        let ((go, wait), (rooms, ledger)) = (channel::<()>(), ledger());
        let cancel = AtomicBool::new(true);
        let (told, hears) = channel::<bool>();
        let stopped = apart(LARGE, &ledger, &cancel, move |stop| {
            while !stop() {
                thread::sleep(LOOK);
            }
            wait.recv().is_ok() || told.send(stop()).is_ok()
        });
        assert!(matches!(stopped, Err(RunError::Cancelled)));
        drop(ledger);
        assert_eq!(rooms.claimed_bytes(), 7);
        drop(go);
        assert_eq!(hears.recv(), Ok(true), "it is told to stop");
        while rooms.claimed_bytes() > 0 {
            thread::sleep(LOOK);
        }
    }

    #[test]
    fn what_it_gives_and_its_panic_come_back() {
        let (cancel, (rooms, ledger)) = (AtomicBool::new(false), ledger());
        assert!(matches!(apart(LARGE, &ledger, &cancel, |_| 7), Ok(7)));
        let panics = || apart(LARGE, &ledger, &cancel, |_| resume_unwind(Box::new("in it")));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert_eq!(rooms.claimed_bytes(), 0);
    }
}
