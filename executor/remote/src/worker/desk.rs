//! Who is told of a job's shares. A stream may end while they are at work, and the next one ask for the same: what is
//! at work then goes on, and what was answered to nobody is answered again.

use super::outbox::Outbox;
use crate::proto::{Done, Share, event};
use cleave_cpu::Cancel;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Answers that are remembered: a kernel waits for fewer at once.
const ANSWERS: usize = 8;

pub(super) struct Desk {
    /// Guards what is asked for and by whom.
    state: Mutex<State>,
    /// Counts the streams that served it.
    streams: watch::Sender<u64>,
}

struct State {
    is_open: bool,
    /// Whether its stream has ended and another is waited for.
    is_left: bool,
    outbox: Outbox,
    /// Shares that wait or are at work.
    given: HashMap<u64, Asked>,
    /// The last answers, and to what.
    answers: VecDeque<(Share, Done)>,
}

struct Asked {
    share: Share,
    cancel: Cancel,
    /// Whether the present stream has asked for it.
    is_wanted: bool,
}

impl Asked {
    fn is_for(&self, share: &Share) -> bool {
        self.share == *share
    }
}

impl State {
    fn close(&mut self) {
        self.is_open = false;
        self.given.drain().for_each(|(_, asked)| asked.cancel.cancel());
    }
}

impl Desk {
    pub(super) fn new(outbox: Outbox) -> Self {
        let (given, answers) = (HashMap::new(), VecDeque::new());
        let state = Mutex::new(State { is_open: true, is_left: false, outbox, given, answers });
        Self { state, streams: watch::Sender::new(0) }
    }

    /// A new stream serves the job from now on, if it has not ended; which one that is.
    pub(super) fn serve_by(&self, outbox: &Outbox) -> Option<u64> {
        let mut state = self.state();
        if !state.is_open {
            return None;
        }
        (state.outbox, state.is_left) = (outbox.clone(), false);
        state.given.values_mut().for_each(|asked| asked.is_wanted = false);
        self.streams.send_modify(|count| *count += 1);
        Some(self.stream())
    }

    /// The number of the stream that serves it now.
    fn stream(&self) -> u64 {
        *self.streams.borrow()
    }

    /// Waits until another stream than that one serves it.
    pub(super) async fn passed_on(&self, from: u64) {
        let _ = self.streams.subscribe().wait_for(|&now| now != from).await;
    }

    /// That stream has ended; whether none serves it now.
    pub(super) fn leave(&self, stream: u64) -> bool {
        let mut state = self.state();
        let is_last = self.stream() == stream;
        state.is_left |= is_last;
        is_last
    }

    /// Nobody is told anything any more.
    pub(super) fn close(&self) {
        self.state().close();
    }

    /// The same, unless another stream than that one serves it; whether it is closed.
    pub(super) fn close_after(&self, stream: u64) -> bool {
        let mut state = self.state();
        let is_last = self.stream() == stream;
        if is_last {
            state.close();
        }
        is_last
    }

    /// Whether somebody listens to what comes of the job.
    pub(super) fn is_heard(&self) -> bool {
        let state = self.state();
        state.is_open && !state.is_left
    }

    /// A share is asked for: what stops it, unless it is at work or answered already.
    pub(super) fn take(&self, share: &Share, is_here: impl Fn(&Done) -> bool) -> Option<Cancel> {
        let mut state = self.state();
        if let Some(asked) = state.given.get_mut(&share.id).filter(|asked| asked.is_for(share)) {
            asked.is_wanted = true;
            return None;
        }
        let answered = state.answers.iter().find(|(to, _)| to == share).map(|(_, done)| done.clone());
        drop(state);
        // What it speaks of is looked for without holding up others.
        let answered = answered.filter(is_here);
        let mut state = self.state();
        if let Some(done) = answered {
            state.outbox.send(event::Event::Done(done));
            return None;
        }
        let cancel = Cancel::default();
        let asked = Asked { share: *share, cancel: cancel.clone(), is_wanted: true };
        let former = state.given.insert(share.id, asked);
        former.iter().for_each(|former| former.cancel.cancel());
        Some(cancel)
    }

    /// Begins a share, unless a stream that ended left it and the next one did not ask for it again.
    pub(super) fn begin(&self, share: &Share) -> bool {
        let mut state = self.state();
        let is_wanted =
            state.is_left || state.given.get(&share.id).is_some_and(|asked| asked.is_for(share) && asked.is_wanted);
        if !is_wanted && state.given.get(&share.id).is_some_and(|asked| asked.is_for(share)) {
            state.given.remove(&share.id);
        }
        is_wanted
    }

    /// Tells of a share, if it is asked for.
    pub(super) fn tell(&self, share: &Share, event: event::Event) {
        let state = self.state();
        if !state.is_left && state.given.get(&share.id).is_some_and(|asked| asked.is_for(share) && asked.is_wanted) {
            state.outbox.send(event);
        }
    }

    /// A share is done, or was not; there is nothing more of it.
    pub(super) fn answer(&self, share: &Share, event: Option<event::Event>) {
        let mut state = self.state();
        if !state.given.get(&share.id).is_some_and(|asked| asked.is_for(share)) {
            return;
        }
        let asked = state.given.remove(&share.id);
        if let Some(event::Event::Done(done)) = &event {
            state.answers.truncate(ANSWERS - 1);
            state.answers.push_front((*share, done.clone()));
        }
        if let Some(event) = event.filter(|_| !state.is_left && asked.is_some_and(|asked| asked.is_wanted)) {
            state.outbox.send(event);
        }
    }

    /// Shares are no longer wanted; none means all.
    pub(super) fn cancel(&self, shares: &[u64]) {
        self.state().given.retain(|share, asked| {
            let stays = !shares.is_empty() && !shares.contains(share);
            if !stays {
                asked.cancel.cancel();
            }
            stays
        });
    }

    /// How many shares wait or are at work.
    pub(super) fn shares(&self) -> usize {
        self.state().given.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
