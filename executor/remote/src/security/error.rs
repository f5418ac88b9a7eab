//! What is wrong with tokens, certificates and their files.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

/// What is wrong with a token, a certificate, or a place to listen at.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum SecurityError {
    /// Listening beyond this machine without certificates or without a token.
    Open { at: IpAddr, tls: bool, token: bool },
    /// A file that cannot be read or written.
    File { path: PathBuf, cause: io::Error },
    /// A secret that others can read.
    Readable { path: PathBuf, mode: u32 },
    /// Text that is not a token; `None` if it came from the environment.
    NotAToken { path: Option<PathBuf> },
    /// A file without what it should hold.
    NoPem { path: PathBuf, what: &'static str },
    /// Certificates that do not fit each other.
    Tls(tokio_rustls::rustls::Error),
    /// A certificate authority or its clients' certificates that cannot be used.
    Authority { path: PathBuf, cause: String },
    /// A certificate that cannot be made.
    Certificate { name: String, cause: rcgen::Error },
    /// No names for a certificate.
    NoNames,
}

impl SecurityError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            SecurityError::Open { .. } => "insecure-listen",
            SecurityError::File { .. } => "file-failed",
            SecurityError::Readable { .. } => "secret-readable",
            SecurityError::NotAToken { .. } => "not-a-token",
            SecurityError::NoPem { .. } | SecurityError::Authority { .. } | SecurityError::Tls(_) => "bad-certificate",
            SecurityError::Certificate { .. } | SecurityError::NoNames => "bad-name",
        }
    }
}

impl fmt::Display for SecurityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecurityError::Open { at, tls, token } => {
                let missing = match (tls, token) {
                    (false, false) => "certificates and a token",
                    (false, true) => "certificates",
                    (true, _) => "a token",
                };
                write!(f, "listening at {at} lets other machines in, and that takes {missing}")
            }
            SecurityError::File { path, cause } => write!(f, "{}: {cause}", path.display()),
            SecurityError::Readable { path, mode } => {
                write!(f, "{} holds a secret and others can read it (mode {mode:o}): chmod 600 it", path.display())
            }
            SecurityError::NotAToken { path: Some(path) } => {
                write!(f, "{} does not hold a token of 64 hexadecimal digits", path.display())
            }
            SecurityError::NotAToken { path: None } => {
                write!(f, "{} is not a token of 64 hexadecimal digits", super::TOKEN_VARIABLE)
            }
            SecurityError::NoPem { path, what } => write!(f, "{} holds no {what} in PEM form", path.display()),
            SecurityError::Tls(error) => write!(f, "the certificate cannot be used: {error}"),
            SecurityError::Authority { path, cause } => write!(f, "{} cannot be used: {cause}", path.display()),
            SecurityError::Certificate { name, cause } => write!(f, "no certificate for `{name}`: {cause}"),
            SecurityError::NoNames => f.write_str("a certificate needs at least one name or address"),
        }
    }
}

impl std::error::Error for SecurityError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SecurityError::File { cause, .. } => Some(cause),
            SecurityError::Tls(error) => Some(error),
            SecurityError::Certificate { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
