//! Work that cannot be stopped in its middle, such as packing a chunk: done where nobody has to wait for it.

use cleave_plan::RunError;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Blocks of fewer bytes are read and written at once: that takes a few milliseconds.
pub(crate) const LARGE_BYTES: usize = 4 << 20;
/// How often a waiting thread looks whether the run is to stop.
const LOOK: Duration = Duration::from_millis(10);

/// Does `work` on `bytes` bytes. Where that may take long it is done on a thread of its own, and a run that is to
/// stop leaves that thread to end by itself.
pub(crate) fn apart<T: Send + 'static>(
    bytes: usize,
    cancel: &AtomicBool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RunError> {
    if bytes < LARGE_BYTES {
        return Ok(work());
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    // The receiver is gone if the run has stopped; then nobody wants the outcome.
    let body = move || drop(sender.send(catch_unwind(AssertUnwindSafe(work))));
    thread::Builder::new().name("apart".to_owned()).spawn(body).map_err(|e| RunError::Threads(Box::new(e)))?;
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(RecvTimeoutError::Timeout) if !cancel.load(Ordering::Relaxed) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(RunError::Cancelled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_run_that_stops_does_not_wait_for_it() {
        let (go, wait) = channel::<()>();
        let cancel = AtomicBool::new(true);
        let stopped = apart(LARGE_BYTES, &cancel, move || wait.recv().is_ok());
        assert!(matches!(stopped, Err(RunError::Cancelled)));
        drop(go);
    }

    #[test]
    fn what_it_gives_and_its_panic_come_back() {
        let cancel = AtomicBool::new(false);
        assert!(matches!(apart(LARGE_BYTES, &cancel, || 7), Ok(7)));
        let panic = catch_unwind(AssertUnwindSafe(|| apart(LARGE_BYTES, &cancel, || resume_unwind(Box::new("in it")))));
        assert!(panic.is_err());
    }
}
