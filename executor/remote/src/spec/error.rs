//! Why a job cannot be taken.

use super::Limits;
use blake3::Hash;
use cleave_graph::verify::Illegal;
use cleave_ops::OpError;
use cleave_plan::PlanError;
use std::fmt;

/// Why a job cannot be taken.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum SpecError {
    /// More bytes or nodes than a job may have.
    TooLarge { bytes: usize, nodes: usize, limits: Limits },
    /// More of something than a job may have.
    TooMany { what: &'static str, count: usize, limit: usize },
    /// Bytes that are no job.
    Malformed(prost::DecodeError),
    /// A field that must be there is not.
    Missing { what: &'static str },
    /// A number outside what it may be.
    Number { what: &'static str },
    /// An operation that the table does not have.
    UnknownOp { name: String },
    /// A dtype that does not exist.
    UnknownDType { name: String },
    /// A shape that no array may have.
    Shape(Box<OpError>),
    /// A node that is there twice.
    RepeatedNode { node: usize },
    /// A node that breaks a rule of graphs.
    Illegal(Illegal),
    /// A wanted array that is not there, or a grid that does not cover it.
    Wanted { number: usize },
    /// A source that does not fit the graph.
    Source { id: u64, fault: SourceFault },
    /// It cannot be planned.
    Plan(PlanError),
    /// Both sides planned it, to different ends.
    PlanDiffers { ours: Hash, theirs: Hash },
}

/// What is wrong with a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SourceFault {
    Unlisted,
    Repeated,
    Differs,
}

impl SpecError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            SpecError::TooLarge { .. } | SpecError::TooMany { .. } => "job-too-large",
            SpecError::Malformed(_) | SpecError::Missing { .. } => "malformed-job",
            SpecError::Number { .. } => "number-out-of-range",
            SpecError::UnknownOp { .. } => "unknown-operation",
            SpecError::UnknownDType { .. } => "unknown-dtype",
            SpecError::Shape(error) => error.code(),
            SpecError::RepeatedNode { .. } | SpecError::Illegal(_) => "illegal-graph",
            SpecError::Wanted { .. } => "wrong-output",
            SpecError::Source { .. } => "wrong-source",
            SpecError::Plan(error) => error.code(),
            SpecError::PlanDiffers { .. } => "plan-differs",
        }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpecError::TooLarge { bytes, nodes, limits: Limits { job_bytes, nodes: most, .. } } => {
                write!(f, "the job has {bytes} bytes and {nodes} nodes; at most {job_bytes} and {most} are taken")
            }
            SpecError::TooMany { what, count, limit } => write!(f, "the job has {count} {what}, at most {limit}"),
            SpecError::Malformed(error) => write!(f, "what came is not a job: {error}"),
            SpecError::Missing { what } => write!(f, "the job lacks {what}"),
            SpecError::Number { what } => write!(f, "{what} of the job is outside what it may be"),
            SpecError::UnknownOp { name } => write!(f, "the operation `{}` is not known here", short(name)),
            SpecError::UnknownDType { name } => write!(f, "the dtype `{}` is not known here", short(name)),
            SpecError::Shape(error) => write!(f, "{error}"),
            SpecError::RepeatedNode { node } => write!(f, "node {node} of the job is there twice"),
            SpecError::Illegal(error) => write!(f, "the graph is not legal: {error}"),
            SpecError::Wanted { number } => write!(f, "output {number} does not fit the graph"),
            SpecError::Source { id, fault } => write!(f, "source {id} {fault}"),
            SpecError::Plan(error) => write!(f, "{error}"),
            SpecError::PlanDiffers { ours, theirs } => {
                write!(f, "the job was planned differently: {theirs} there, {ours} here")
            }
        }
    }
}

impl fmt::Display for SourceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SourceFault::Unlisted => "is read but not listed",
            SourceFault::Repeated => "is listed twice",
            SourceFault::Differs => "is listed with a shape or dtype that the graph does not give it",
        })
    }
}

impl std::error::Error for SpecError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SpecError::Malformed(error) => Some(error),
            SpecError::Shape(error) => Some(error.as_ref()),
            SpecError::Illegal(error) => Some(error),
            SpecError::Plan(error) => Some(error),
            _ => None,
        }
    }
}

/// A name of somebody else's, cut to what a line holds.
fn short(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}
