//! Why a value did not arrive.

use super::{ATTEMPTS, LOSSES};
use crate::elements::ElementsError;
use crate::transport::{Fault, ReachError};
use std::fmt;

/// Why a value did not arrive.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum BulkError {
    /// The connection was lost, again and again, or the peer refuses.
    Reach(ReachError),
    /// More bytes than expected, or fewer.
    Length { expected: u64, found: u64 },
    /// More bytes than are taken.
    TooLarge { nbytes: u64, limit: u64 },
    /// What arrived is not what was sent.
    Damaged { expected: u32, found: u32 },
    /// Frames that make no value: without a length, without an end, or past it.
    Malformed { what: &'static str },
    /// The bytes are not the elements they should be.
    Elements(ElementsError),
}

impl BulkError {
    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            BulkError::Reach(error) => error.fault.code(),
            BulkError::Length { .. } => "wrong-length",
            BulkError::TooLarge { .. } => "too-large",
            BulkError::Damaged { .. } => "damaged-block",
            BulkError::Malformed { .. } => "malformed-frames",
            BulkError::Elements(error) => error.code(),
        }
    }

    /// How often one tries in vain: who was not reached within seconds is not there, and connections that end may do
    /// so again.
    pub(super) fn attempts(&self) -> u32 {
        match self {
            _ if !self.is_passing() => 1,
            BulkError::Reach(error) => match error.fault {
                Fault::TimedOut { .. } | Fault::Silent { .. } => 1,
                Fault::Closed | Fault::Lost { .. } => LOSSES,
                _ => ATTEMPTS,
            },
            _ => ATTEMPTS,
        }
    }

    /// Whether another attempt may go better.
    pub fn is_passing(&self) -> bool {
        match self {
            BulkError::Reach(error) => error.fault.is_passing(),
            BulkError::Damaged { .. } => true,
            BulkError::Length { .. }
            | BulkError::TooLarge { .. }
            | BulkError::Malformed { .. }
            | BulkError::Elements(_) => false,
        }
    }
}

impl fmt::Display for BulkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BulkError::Reach(error) => write!(f, "{error}"),
            BulkError::Length { expected, found } => write!(f, "{expected} bytes were expected, {found} came"),
            BulkError::TooLarge { nbytes, limit } => write!(f, "a value of {nbytes} bytes, where {limit} are taken"),
            BulkError::Damaged { expected, found } => {
                write!(f, "what arrived is not what was sent: checksum {found:08x} instead of {expected:08x}")
            }
            BulkError::Malformed { what } => write!(f, "the frames make no value: {what}"),
            BulkError::Elements(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for BulkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BulkError::Reach(error) => Some(error),
            BulkError::Elements(error) => Some(error),
            _ => None,
        }
    }
}
