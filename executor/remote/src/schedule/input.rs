//! What a schedule is told.

use super::{ShareId, WorkerId};
use std::time::Duration;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Input {
    /// A worker is told of the job; it is counted on from now on, but gets nothing yet.
    Coming { worker: WorkerId, threads: usize },
    /// A worker is ready: it has the job and came to the same plan. One that was away gets again what it had.
    Joined { worker: WorkerId, threads: usize },
    /// A sign of life of its process.
    Heard { worker: WorkerId },
    /// Its computing threads got on.
    Progress { worker: WorkerId },
    /// It has done a share.
    Done(Answer),
    /// What the answer left for the kernel has arrived.
    Secured { worker: WorkerId, share: ShareId },
    /// What the answer left for the kernel could not be had.
    Missed { worker: WorkerId, share: ShareId, failure: Failure },
    /// It has not done a share, at that attempt.
    Failed { worker: WorkerId, share: ShareId, attempt: u32, failure: Failure },
    /// It wants no new shares, but finishes what it has.
    Draining { worker: WorkerId },
    /// The connection to it ended, but it may come back by another: then it has joined again.
    Away { worker: WorkerId },
    /// The connection to it ended for good.
    Gone { worker: WorkerId, why: String },
    /// One that was lost has not ended: the same process is connected again.
    Lives { worker: WorkerId },
    /// The user wants to stop.
    Cancel,
    /// Time passed.
    Tick,
}

/// A share that was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// By whom.
    pub worker: WorkerId,
    /// Which.
    pub share: ShareId,
    /// Over all that came out of it.
    pub checksum: u32,
    /// Whether blocks that later stages read stay at the worker.
    pub kept: bool,
    /// Time of its threads, all together.
    pub busy: Duration,
}

/// Why a share was not done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The stable code.
    pub code: String,
    /// In words.
    pub message: String,
    /// Whether another worker, or another time, may give an answer.
    pub passing: bool,
    /// Whether it was only handed back.
    pub returned: bool,
    /// Whether fewer tasks at once may give an answer.
    pub too_large: bool,
    /// The shares whose blocks could not be had from where they were said to be.
    pub lost: Vec<ShareId>,
}
