//! Why a run ended without a result.

use super::{Failure, Loss, ShareId, WorkerId};
use std::ops::Range;

/// Why a run ended without a result.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum End {
    /// The user wanted it.
    Cancelled,
    /// A share failed in a way that does not pass, or too often.
    Failed { worker: WorkerId, stage: usize, tasks: Range<usize>, failure: Failure },
    /// A share took down every worker that tried it.
    Deadly { stage: usize, tasks: Range<usize>, workers: Vec<WorkerId> },
    /// Two workers gave different answers.
    Disagree { share: ShareId, stage: usize, tasks: Range<usize>, workers: Vec<WorkerId> },
    /// No worker is left.
    Nobody { lost: Vec<(WorkerId, Loss)> },
}
