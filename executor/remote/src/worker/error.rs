//! Why a worker cannot serve.

use crate::security::SecurityError;
use cleave_plan::RunError;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why a worker cannot serve.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum ServeError {
    /// Everyone could connect.
    Security(SecurityError),
    /// The address is taken, or is not this machine's.
    Listen { at: SocketAddr, cause: io::Error },
    /// The compute threads could not be started.
    Pool(RunError),
    /// The threads of the service could not be started.
    Threads(io::Error),
}

impl ServeError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            ServeError::Security(error) => error.code(),
            ServeError::Listen { cause, .. } if cause.kind() == io::ErrorKind::AddrInUse => "port-taken",
            ServeError::Listen { .. } => "cannot-listen",
            ServeError::Pool(error) => error.code(),
            ServeError::Threads(_) => "no-threads",
        }
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::Security(error) => write!(f, "{error}"),
            ServeError::Listen { at, cause } => write!(f, "cannot listen on {at}: {cause}"),
            ServeError::Pool(error) => write!(f, "{error}"),
            ServeError::Threads(error) => write!(f, "the threads of the service could not be started: {error}"),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ServeError::Security(error) => Some(error),
            ServeError::Listen { cause, .. } | ServeError::Threads(cause) => Some(cause),
            ServeError::Pool(error) => Some(error),
        }
    }
}
