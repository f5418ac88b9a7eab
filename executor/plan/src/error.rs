//! Why a graph cannot be planned, and why a run ended without a result.

use crate::source::SourceError;
use cleave_graph::{NodeId, SourceId};
use std::fmt;

/// Why a graph cannot be planned.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum PlanError {
    /// Results and working memory together are more than allowed; `what` needs the most.
    DoesNotFit { needed: u64, limit: u64, what: String },
    /// One pass would need more steps for each element than any pass may have.
    TooManySteps { node: NodeId, limit: usize },
    /// A patch whose place couples two axes of its base.
    CoupledPatch { node: NodeId },
    /// A grid that does not cover the array it cuts.
    WrongGrid { node: NodeId },
}

impl PlanError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            PlanError::DoesNotFit { .. } => "does-not-fit",
            PlanError::TooManySteps { .. } => "too-many-steps",
            PlanError::CoupledPatch { .. } => "coupled-patch",
            PlanError::WrongGrid { .. } => "wrong-grid",
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::DoesNotFit { needed, limit, what } => {
                write!(f, "this needs {needed} bytes of memory, most of it for {what}, and {limit} are allowed")
            }
            PlanError::TooManySteps { limit, .. } => {
                write!(f, "one pass would take more than {limit} steps an element")
            }
            PlanError::CoupledPatch { .. } => write!(f, "a patch cannot be laid along a diagonal"),
            PlanError::WrongGrid { .. } => write!(f, "a grid does not cover the array it cuts"),
        }
    }
}

impl std::error::Error for PlanError {}

/// Why a run ended without a result.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum RunError {
    /// It was told to stop.
    Cancelled,
    /// A block could not be read.
    Read(SourceError),
    /// A block could not be written.
    Write(SourceError),
    /// The plan names a source that was not given.
    MissingSource(SourceId),
    /// A source is not what the plan says it is.
    WrongSource(SourceId),
    /// A panic in a task: an error of the program itself.
    Bug { stage: usize, task: usize, message: String },
    /// The threads could not be started.
    Threads(Box<dyn std::error::Error + Send + Sync>),
}

impl RunError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            RunError::Cancelled => "cancelled",
            RunError::Read(_) => "read-failed",
            RunError::Write(_) => "write-failed",
            RunError::MissingSource(_) => "missing-source",
            RunError::WrongSource(_) => "wrong-source",
            RunError::Bug { .. } => "bug",
            RunError::Threads(_) => "no-threads",
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Cancelled => write!(f, "the run was cancelled"),
            RunError::Read(error) => write!(f, "reading {error}"),
            RunError::Write(error) => write!(f, "writing {error}"),
            RunError::MissingSource(id) => write!(f, "source {} is not there", id.0),
            RunError::WrongSource(id) => write!(f, "source {} is not what it was when the array was made", id.0),
            RunError::Bug { stage, task, message } => write!(f, "in task {task} of stage {stage}: {message}"),
            RunError::Threads(error) => write!(f, "the compute threads could not be started: {error}"),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RunError::Read(error) | RunError::Write(error) => Some(error),
            RunError::Threads(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}
