//! A worker that takes part.

use super::{ShareId, Time};
use std::collections::VecDeque;

/// One of the pool, as long as it is connected.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) threads: usize,
    /// When its process was heard of.
    pub(super) heard: Time,
    /// When its computing threads got on, or got something to do.
    pub(super) moved: Time,
    pub(super) standing: Standing,
    /// The share at work, then those that wait.
    pub(super) queue: VecDeque<ShareId>,
}

/// Whether a member gets shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Ready,
    Suspect,
    /// There is no connection to it.
    Away,
    Draining,
}

/// Why a worker no longer takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Loss {
    /// The connection ended.
    Gone(String),
    /// Nothing was heard of it for so many seconds.
    Silent { seconds: u64 },
    /// It answers, but its threads do not get on.
    Stuck { seconds: u64 },
    /// It answered for a share it was not given.
    Untrue { share: ShareId },
}

impl Member {
    pub(super) fn new(threads: usize, now: Time) -> Self {
        let queue = VecDeque::new();
        Self { threads: threads.max(1), heard: now, moved: now, standing: Standing::Ready, queue }
    }

    /// It is alive.
    pub(super) fn hear(&mut self, now: Time) {
        self.heard = now;
        if self.standing == Standing::Suspect {
            self.standing = Standing::Ready;
        }
    }

    /// The connection to it ended.
    pub(super) fn leave(&mut self) {
        if self.standing != Standing::Draining {
            self.standing = Standing::Away;
        }
    }

    /// Takes a share off it; whether it was there.
    pub(super) fn remove(&mut self, share: ShareId) -> bool {
        let before = self.queue.len();
        self.queue.retain(|&s| s != share);
        self.queue.len() < before
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Loss::Gone(why) => f.write_str(why),
            Loss::Silent { seconds } => write!(f, "nothing was heard of it for {seconds} s"),
            Loss::Stuck { seconds } => write!(f, "its threads did not get on for {seconds} s"),
            Loss::Untrue { share } => write!(f, "it answered for share {}, which it was not given", share.0),
        }
    }
}
