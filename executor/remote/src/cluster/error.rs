//! Why there is no connection, and why a run on workers has no result.

use crate::transport::ReachError;
use cleave_plan::RunError;
use std::fmt;
use std::io;
use std::ops::Range;

/// Why there is no connection.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum ConnectError {
    /// No worker was named.
    None,
    /// No worker answers; what is wrong with each.
    Unreachable(Vec<ReachError>),
    /// The threads could not be started.
    Threads(io::Error),
    /// The user wanted it no more.
    Cancelled,
}

/// Why a run on workers has no result.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum RemoteError {
    /// A share failed for good.
    Failed { endpoint: String, stage: usize, tasks: Range<usize>, code: String, message: String },
    /// A share took down every worker that tried it.
    Deadly { stage: usize, tasks: Range<usize>, endpoints: Vec<String>, memory: Memory },
    /// Two workers gave different answers.
    Disagree { stage: usize, tasks: Range<usize>, endpoints: Vec<String> },
    /// No worker takes the job; what the last one said.
    Refused { code: String, why: String },
    /// No worker is left; why each was lost.
    Nobody { lost: Vec<(String, String)>, memory: Option<Memory> },
    /// A stage ended, but not all of it is there.
    Incomplete { stage: usize },
}

/// The memory that work takes, for those who look for why workers ended: the system says nothing when it ends them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes that a task needs.
    pub needed: u64,
    /// Bytes that a worker says it may use.
    pub there: u64,
}

impl ConnectError {
    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            ConnectError::None => "no-workers",
            ConnectError::Unreachable(errors) => errors.first().map_or("no-workers", |e| e.fault.code()),
            ConnectError::Threads(_) => "no-threads",
            ConnectError::Cancelled => "interrupted",
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::None => write!(f, "no worker was named"),
            ConnectError::Unreachable(errors) => listed(f, errors),
            ConnectError::Threads(error) => write!(f, "the threads of connections could not be started: {error}"),
            ConnectError::Cancelled => write!(f, "stopped by the user"),
        }
    }
}

impl std::error::Error for ConnectError {}

impl RemoteError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            RemoteError::Failed { code, .. } => known(code).unwrap_or("worker-failed"),
            RemoteError::Deadly { .. } => "deadly-task",
            RemoteError::Disagree { .. } => "workers-disagree",
            RemoteError::Refused { code, .. } => known(code).unwrap_or("job-refused"),
            RemoteError::Nobody { .. } => "no-workers",
            RemoteError::Incomplete { .. } => "incomplete",
        }
    }
}

/// The code of a worker's error, if this side has it too.
fn known(code: &str) -> Option<&'static str> {
    const CODES: [&str; 14] = [
        "task-too-large",
        "share-too-large",
        "file-not-found",
        "read-failed",
        "write-failed",
        "disk-full",
        "spill-failed",
        "spill-unreadable",
        "spill-damaged",
        "missing-source",
        "wrong-source",
        "bug",
        "no-threads",
        "outside-roots",
    ];
    CODES.into_iter().find(|known| *known == code)
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RemoteError::Failed { endpoint, stage, tasks, message, .. } => {
                write!(f, "{message} (at {endpoint}, in {})", Tasks(*stage, tasks))
            }
            RemoteError::Deadly { stage, tasks, endpoints, memory } => {
                let count = endpoints.len();
                write!(f, "{} took down {count} workers: {}; {memory}", Tasks(*stage, tasks), endpoints.join(", "))
            }
            RemoteError::Disagree { stage, tasks, endpoints } => {
                write!(f, "{} gave different results at {}", Tasks(*stage, tasks), endpoints.join(" and "))
            }
            RemoteError::Refused { why, .. } => write!(f, "no worker takes this job: {why}"),
            RemoteError::Nobody { lost, .. } if lost.is_empty() => write!(f, "no workers are left"),
            RemoteError::Nobody { lost, memory } => {
                write!(f, "no workers are left ({} lost: ", lost.len())?;
                listed(f, &lost.iter().map(|(endpoint, why)| format!("{endpoint}: {why}")).collect::<Vec<_>>())?;
                f.write_str(")")?;
                memory.map_or(Ok(()), |memory| write!(f, "; {memory}"))
            }
            RemoteError::Incomplete { stage } => write!(f, "parts of stage {} never came", stage + 1),
        }
    }
}

impl std::error::Error for RemoteError {}

impl From<RemoteError> for RunError {
    fn from(error: RemoteError) -> Self {
        RunError::Elsewhere { code: error.code(), cause: Box::new(error) }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a task needs {} bytes of memory where workers say they have {}", self.needed, self.there)
    }
}

/// Tasks of a stage in words.
struct Tasks<'a>(usize, &'a Range<usize>);

impl fmt::Display for Tasks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tasks(stage, tasks) = self;
        write!(f, "tasks {} to {} of stage {}", tasks.start, tasks.end.saturating_sub(1), stage + 1)
    }
}

fn listed(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display]) -> fmt::Result {
    for (number, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if number == 0 { "" } else { "; " })?;
    }
    Ok(())
}
