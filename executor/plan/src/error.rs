//! Why a graph cannot be planned, and why a run ended without a result.

use crate::source::SourceError;
use crate::stage::BufferId;
use cleave_graph::{NodeId, SourceId};
use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

/// What memory is needed for, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// The results, which stay in memory.
    Results(u64),
    /// Arrays that are in memory already.
    Present(u64),
    /// Blocks of a result that are packed whole for a file.
    WrittenBlock(u64),
    /// Blocks of a stored array, which are unpacked whole.
    ReadBlock(u64),
    /// The work in progress.
    Work(u64),
}

impl Demand {
    /// The bytes.
    pub fn bytes(&self) -> u64 {
        match self {
            Demand::Results(n)
            | Demand::Present(n)
            | Demand::WrittenBlock(n)
            | Demand::ReadBlock(n)
            | Demand::Work(n) => *n,
        }
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Demand::Results(_) => "the results",
            Demand::Present(_) => "arrays that are in memory already",
            Demand::WrittenBlock(_) => "a chunk that is written as a whole",
            Demand::ReadBlock(_) => "chunks of a stored array, which are read as a whole",
            Demand::Work(_) => "the work in progress",
        })
    }
}

/// Why a graph cannot be planned.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum PlanError {
    /// It was told to stop.
    Cancelled,
    /// The least memory the computation can do with is more than allowed; `what` needs the most.
    DoesNotFit { needed: u64, limit: u64, what: Demand },
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
            PlanError::Cancelled => "cancelled",
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
            PlanError::Cancelled => write!(f, "planning was cancelled"),
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
    /// A block could not be put aside on disk or fetched back.
    Spill(SpillError),
    /// The plan names a source that was not given.
    MissingSource(SourceId),
    /// A source is not what the plan says it is.
    WrongSource(SourceId),
    /// What an earlier stage should have left is not there, or is not what the plan says it is.
    MissingValue(BufferId),
    /// A part of a stage's result that is not of the form the stage says.
    WrongPart { stage: usize, place: usize },
    /// A panic in a task: an error of the program itself.
    Bug { stage: usize, task: usize, message: String },
    /// The threads could not be started.
    Threads(Box<dyn std::error::Error + Send + Sync>),
    /// Other machines could not do it.
    Elsewhere { code: &'static str, cause: Box<dyn std::error::Error + Send + Sync> },
}

impl RunError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            RunError::Cancelled => "cancelled",
            RunError::Read(_) => "read-failed",
            RunError::Write(error) if is_full(error) => "disk-full",
            RunError::Write(_) => "write-failed",
            RunError::Spill(error) => error.code(),
            RunError::MissingSource(_) => "missing-source",
            RunError::WrongSource(_) => "wrong-source",
            RunError::MissingValue(_) => "missing-value",
            RunError::WrongPart { .. } => "wrong-part",
            RunError::Bug { .. } => "bug",
            RunError::Threads(_) => "no-threads",
            RunError::Elsewhere { code, .. } => code,
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Cancelled => write!(f, "the run was cancelled"),
            RunError::Read(error) => write!(f, "reading {error}"),
            RunError::Write(error) => write!(f, "writing {error}"),
            RunError::Spill(error) => write!(f, "{error}"),
            RunError::MissingSource(id) => write!(f, "source {} is not there", id.0),
            RunError::WrongSource(id) => write!(f, "source {} is not what it was when the array was made", id.0),
            RunError::MissingValue(id) => write!(f, "value {} of an earlier stage is not there", id.0),
            RunError::WrongPart { stage, place } => {
                write!(f, "a part of block {place} of stage {stage} is not of the form the stage says")
            }
            RunError::Bug { stage, task, message } => write!(f, "in task {task} of stage {stage}: {message}"),
            RunError::Threads(error) => write!(f, "the compute threads could not be started: {error}"),
            RunError::Elsewhere { cause, .. } => write!(f, "{cause}"),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RunError::Read(error) | RunError::Write(error) => Some(error),
            RunError::Spill(error) => Some(error),
            RunError::Threads(error) => Some(error.as_ref()),
            RunError::Elsewhere { cause, .. } => Some(cause.as_ref()),
            _ => None,
        }
    }
}

/// A block that could not be put aside on disk or fetched back.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum SpillError {
    /// There is no place to put blocks.
    Directory { path: PathBuf, cause: Arc<std::io::Error> },
    /// Writing failed, most often because the disk is full.
    Write { path: PathBuf, bytes: u64, cause: Arc<std::io::Error> },
    /// Reading failed.
    Read { path: PathBuf, bytes: u64, cause: Arc<std::io::Error> },
    /// What was read is not what was written.
    Damaged { path: PathBuf, bytes: u64 },
}

impl SpillError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            SpillError::Write { .. } | SpillError::Directory { .. } if is_full(self) => "disk-full",
            SpillError::Directory { .. } | SpillError::Write { .. } => "spill-failed",
            SpillError::Read { .. } => "spill-unreadable",
            SpillError::Damaged { .. } => "spill-damaged",
        }
    }
}

impl fmt::Display for SpillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &PathBuf| path.display().to_string();
        match self {
            SpillError::Directory { path, cause } => {
                write!(f, "memory is short and no blocks can be put aside in {}: {cause}", shown(path))
            }
            SpillError::Write { path, bytes, cause } => {
                write!(f, "putting a block of {bytes} bytes aside in {}: {cause}", shown(path))
            }
            SpillError::Read { path, bytes, cause } => {
                write!(f, "fetching a block of {bytes} bytes back from {}: {cause}", shown(path))
            }
            SpillError::Damaged { path, bytes } => {
                write!(f, "a block of {bytes} bytes in {} is no longer what was written there", shown(path))
            }
        }
    }
}

impl std::error::Error for SpillError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SpillError::Directory { cause, .. } | SpillError::Write { cause, .. } | SpillError::Read { cause, .. } => {
                Some(cause.as_ref())
            }
            SpillError::Damaged { .. } => None,
        }
    }
}

/// Whether the reason is that no more may be written.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let says_so = |error: &std::io::Error| {
        matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
    };
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.downcast_ref::<std::io::Error>().is_some_and(says_so))
}

impl RunError {
    /// A block that a source did not give.
    pub fn read(error: SourceError) -> Self {
        if let Some(spill) = error.cause.downcast_ref::<SpillError>() {
            return RunError::Spill(spill.clone());
        }
        match error.cause.downcast_ref::<RunError>() {
            Some(RunError::Cancelled) => RunError::Cancelled,
            _ => RunError::Read(error),
        }
    }
}
