//! Cells that wait for the evaluation thread.

use crate::wire::Request;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A front end sends the cells of "run all" over 50 to 100 ms; after an error all of them must be here.
const QUIET: Duration = Duration::from_millis(80);
const QUIET_AT_MOST: Duration = Duration::from_secs(1);

/// The queue between the socket threads and the evaluation thread.
#[derive(Default)]
pub(crate) struct Jobs {
    /// Guards the order of requests; held for a few lines, never across a wait.
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Request>,
    last_arrival: Option<Instant>,
}

impl Jobs {
    pub(crate) fn push(&self, request: Request) {
        let mut state = self.lock();
        state.waiting.push_back(request);
        state.last_arrival = Some(Instant::now());
        self.arrived.notify_all();
    }

    /// The next request, once there is one.
    pub(crate) fn pop(&self) -> Request {
        let mut state = self.lock();
        loop {
            if let Some(request) = state.waiting.pop_front() {
                return request;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Everything that waits, once nothing has arrived for a moment: at once if the failed cell ran longer than that.
    pub(crate) fn take_settled(&self) -> Vec<Request> {
        let start = Instant::now();
        loop {
            let now = Instant::now();
            let last = self.lock().last_arrival.unwrap_or(start);
            let settled = (last + QUIET).min(start + QUIET_AT_MOST);
            if now >= settled {
                return self.lock().waiting.drain(..).collect();
            }
            std::thread::sleep(settled - now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
