//! Why a kernel cannot serve.

use crate::connection::ConnectionError;
use std::fmt;

/// Why a kernel cannot serve.
#[derive(Debug)]
pub enum Error {
    /// The connection file is no good.
    Connection(ConnectionError),
    /// The socket threads or another thread cannot be started.
    Threads(std::io::Error),
    /// A channel's socket cannot be opened.
    Bind {
        /// `shell`, `control`, `stdin`, `iopub` or `heartbeat`.
        channel: &'static str,
        /// Where it should have been.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The thread that runs cells ended.
    EvaluationEnded,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Threads(error) => write!(f, "the kernel's threads cannot be started: {error}"),
            Self::Bind { channel, place, source } => {
                write!(f, "the {channel} channel cannot be opened at {place}: {source}")
            }
            Self::EvaluationEnded => f.write_str("the thread that runs cells ended unexpectedly"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connection(error) => Some(error),
            Self::Threads(error) | Self::Bind { source: error, .. } => Some(error),
            Self::EvaluationEnded => None,
        }
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(error)
    }
}
