//! A share, from the time it is cut off until it counts.

use super::{Time, WorkerId};
use std::collections::BTreeSet;
use std::ops::Range;

/// Some tasks of a stage.
#[derive(Clone, Debug)]
pub(super) struct Share {
    pub(super) stage: usize,
    pub(super) tasks: Range<usize>,
    pub(super) state: State,
    /// Those that have it now.
    pub(super) copies: Vec<Copy>,
    /// How often it was given out.
    pub(super) attempts: u32,
    /// Faults that may pass, and times at which blocks were lost that it reads or left.
    pub(super) faults: u32,
    pub(super) misses: u32,
    /// Everyone it was ever given to.
    pub(super) given: BTreeSet<WorkerId>,
    /// Everyone who was lost while at work on it.
    pub(super) killed: BTreeSet<WorkerId>,
    /// Over what came out of it, and who said so first.
    pub(super) answer: Option<(u32, WorkerId)>,
    /// Who said something else before it was known whether the first told the truth.
    pub(super) rival: Option<WorkerId>,
    /// Whether what it left for the kernel is there.
    pub(super) taken: bool,
    /// Whether it leaves blocks for later stages with a worker, and with whom they are.
    pub(super) kept: bool,
    pub(super) holder: Option<WorkerId>,
    /// Who had better not try it again, not before which time even if there is nobody else, and who had better.
    pub(super) avoid: Option<WorkerId>,
    pub(super) rests_until: Time,
    pub(super) prefer: Option<WorkerId>,
}

/// Where a share stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody has it.
    Waiting,
    /// Somebody has it.
    AtWork,
    /// It is done, and what it left is on its way from that worker.
    Securing(WorkerId),
    /// It counts.
    Done,
    /// Its halves are shares of their own.
    Halved,
}

/// A share with one worker.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) worker: WorkerId,
    pub(super) attempt: u32,
    /// When it came to the head of its worker's queue.
    pub(super) began: Option<Time>,
}

impl Share {
    pub(super) fn new(stage: usize, tasks: Range<usize>) -> Self {
        Self {
            stage,
            tasks,
            state: State::Waiting,
            copies: Vec::new(),
            attempts: 0,
            faults: 0,
            misses: 0,
            given: BTreeSet::new(),
            killed: BTreeSet::new(),
            answer: None,
            rival: None,
            taken: false,
            kept: false,
            holder: None,
            avoid: None,
            rests_until: Time::ZERO,
            prefer: None,
        }
    }

    /// Takes it from a worker; it waits if nobody else has it.
    pub(super) fn leave(&mut self, worker: WorkerId) {
        self.copies.retain(|c| c.worker != worker);
        if self.state == State::AtWork && self.copies.is_empty() {
            self.state = State::Waiting;
        }
    }
}
