//! The backlog between threads: producers wait for room, the publisher for something to send.

use super::backlog::{Backlog, Item, Next};
use crate::limits::Piece;
use crate::wire::Header;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Above this producers wait.
const ROOM_BYTES: usize = 8 << 20;
/// A waiting producer looks so often whether its cell is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(Default)]
pub(super) struct Queue {
    /// Guards the order of output; held for a few lines, never across a wait.
    state: Mutex<State>,
    changed: Condvar,
    filled: Notify,
}

#[derive(Default)]
struct State {
    backlog: Backlog,
    heard: bool,
}

impl Queue {
    pub(super) fn push(&self, item: Item) {
        self.lock().backlog.push(item);
        self.filled.notify_one();
    }

    pub(super) fn push_text(&self, parent: &Arc<Header>, piece: &Piece) {
        self.lock().backlog.push_text(parent, piece, Instant::now());
        self.filled.notify_one();
    }

    /// Waits for room; false when it was `stop` that ended the waiting.
    pub(super) fn wait_for_room(&self, stop: &dyn Fn() -> bool) -> bool {
        let mut state = self.lock();
        while state.backlog.bytes() >= ROOM_BYTES {
            if stop() {
                return false;
            }
            state = self.wait(state, LOOK_EVERY);
        }
        true
    }

    pub(super) fn wait_for_subscriber(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        let mut state = self.lock();
        while !state.heard && Instant::now() < until {
            state = self.wait(state, until.saturating_duration_since(Instant::now()));
        }
        state.heard = true;
    }

    pub(super) fn subscribed(&self) {
        self.lock().heard = true;
        self.changed.notify_all();
    }

    /// The next thing to send; may be dropped while it waits without losing anything.
    pub(super) async fn next(&self) -> Item {
        loop {
            let next = self.lock().backlog.next(Instant::now());
            match next {
                Next::Send(item) => {
                    self.changed.notify_all();
                    return item;
                }
                Next::WaitUntil(due) => {
                    let _ = tokio::time::timeout_at(due.into(), self.filled.notified()).await;
                }
                Next::Wait => self.filled.notified().await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, at_most: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, at_most).unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iopub::backlog::Outgoing;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn item(bytes: usize) -> Item {
        Item::Message(Outgoing { frames: vec![vec![0; bytes]], state: None })
    }

    #[test]
    fn a_full_queue_holds_its_producer_until_it_is_told_to_stop() {
        let (queue, looked) = (Queue::default(), AtomicUsize::new(0));
        queue.push(item(ROOM_BYTES));
        let stop = || looked.fetch_add(1, Ordering::Relaxed) == 2;
        assert!(!queue.wait_for_room(&stop));
        assert_eq!(looked.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn a_producer_goes_on_when_there_is_room() {
        let queue = Arc::new(Queue::default());
        queue.push(item(ROOM_BYTES));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        std::thread::scope(|scope| {
            let producer = scope.spawn(|| queue.wait_for_room(&|| false));
            runtime.block_on(queue.next());
            assert!(producer.join().expect("the producer"));
        });
    }
}
