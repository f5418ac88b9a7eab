//! What a schedule wants done.

use super::{End, Loss, ShareId, WorkerId};
use std::ops::Range;

/// Something to do, in the order in which it was wanted.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Order {
    /// A stage begins, or is taken up again for what was lost of it.
    Stage { stage: usize },
    /// Give a share to a worker.
    Start { worker: WorkerId, share: ShareId, attempt: u32, stage: usize, tasks: Range<usize> },
    /// Tell a worker that a share is no longer wanted of it.
    Stop { worker: WorkerId, share: ShareId },
    /// Take what a share left, and say when it is there. Unless it is the first time only its blocks between stages
    /// count.
    Take { worker: WorkerId, share: ShareId, first: bool },
    /// No stage reads this value any more.
    Release { buffer: usize },
    /// End the connection to a worker.
    Lose { worker: WorkerId, why: Loss },
    /// The run is over. The last order.
    End(Result<(), End>),
}
