//! What is wrong with a peer, in one sentence each.

use super::endpoint::Endpoint;
use std::fmt;
use std::io;
use std::time::Duration;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error as TlsError};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// A peer that cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub struct ReachError {
    /// Where it is.
    pub endpoint: Endpoint,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a peer.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Fault {
    /// The name leads nowhere.
    Unresolved { cause: String },
    /// Nobody listens there.
    Refused,
    /// No connection within the time.
    TimedOut { after: Duration },
    /// Connected, but not a word came.
    Silent { after: Duration },
    /// It closed the connection at once.
    Closed,
    /// It speaks HTTP/1 only.
    Http1,
    /// It speaks something else; how that begins.
    NotOurs { first: Vec<u8> },
    /// It speaks TLS and this side does not.
    NeedsTls,
    /// This side speaks TLS and it does not.
    NoTls,
    /// It speaks no TLS that this side takes.
    OldTls,
    /// Its certificate is not taken.
    Certificate(CertificateFault),
    /// It does not take this side's certificate, and what it says of it.
    ClientCertificate { alert: String },
    /// It asks for a token and none was shown.
    TokenMissing,
    /// The token is not that of its pool.
    TokenWrong,
    /// It speaks gRPC but offers no such service.
    NotEngine,
    /// It refused a call, by its own code and words.
    Refusal { code: String, message: String },
    /// The connection was lost, or a call on it failed.
    Lost { cause: String },
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CertificateFault {
    Expired,
    NotYetValid,
    UnknownAuthority,
    OtherName,
    Other(String),
}

/// Metadata under which a refusal carries its code.
pub(crate) const WORD: &str = "cleave-code";

/// A status that carries a stable code.
pub fn refusal(code: Code, word: &'static str, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    status.metadata_mut().insert(WORD, MetadataValue::from_static(word));
    status
}

/// The stable code of a refusal.
pub fn word_of(status: &Status) -> Option<&str> {
    status.metadata().get(WORD).and_then(|word| word.to_str().ok())
}

impl Fault {
    /// Of a connection that failed, bare or encrypted.
    pub(super) fn of_io(error: &io::Error) -> Fault {
        if let Some(tls) = tls_error(error) {
            return Fault::of_tls(tls);
        }
        match error.kind() {
            io::ErrorKind::NotFound => Fault::Unresolved { cause: error.to_string() },
            io::ErrorKind::ConnectionRefused => Fault::Refused,
            io::ErrorKind::TimedOut => Fault::TimedOut { after: Duration::ZERO },
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => Fault::Closed,
            _ => Fault::Lost { cause: error.to_string() },
        }
    }

    /// Of a handshake that failed: who closes at the first word of TLS most likely knows none.
    pub(super) fn of_handshake(error: &io::Error) -> Fault {
        match Fault::of_io(error) {
            Fault::Closed => Fault::NoTls,
            fault => fault,
        }
    }

    fn of_tls(error: &TlsError) -> Fault {
        match error {
            TlsError::InvalidCertificate(error) => Fault::Certificate(CertificateFault::of(error)),
            TlsError::AlertReceived(AlertDescription::ProtocolVersion) | TlsError::PeerIncompatible(_) => Fault::OldTls,
            TlsError::AlertReceived(alert) => Fault::ClientCertificate { alert: format!("{alert:?}") },
            TlsError::InvalidMessage(_) => Fault::NoTls,
            other => Fault::Lost { cause: other.to_string() },
        }
    }

    /// Of a call that failed, and what was heard of the peer last.
    pub(super) fn of_status(status: &Status, heard: Option<Fault>) -> Fault {
        match (status.code(), word_of(status)) {
            (_, Some("token-missing")) => Fault::TokenMissing,
            (_, Some("token-wrong")) => Fault::TokenWrong,
            (_, Some(word)) => Fault::Refusal { code: word.into(), message: cut(status.message()) },
            (Code::Unimplemented, None) => Fault::NotEngine,
            (_, None) => heard.unwrap_or_else(|| Fault::Lost { cause: deepest(status) }),
        }
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Fault::Unresolved { .. } => "unknown-host",
            Fault::Refused => "connection-refused",
            Fault::TimedOut { .. } => "connection-timed-out",
            Fault::Silent { .. } => "silent-endpoint",
            Fault::Closed => "connection-closed",
            Fault::Http1 | Fault::NotOurs { .. } | Fault::NotEngine => "not-a-worker",
            Fault::NeedsTls => "needs-tls",
            Fault::NoTls | Fault::OldTls => "no-tls",
            Fault::Certificate(fault) => fault.code(),
            Fault::ClientCertificate { .. } => "client-certificate-refused",
            Fault::TokenMissing => "token-missing",
            Fault::TokenWrong => "token-wrong",
            Fault::Refusal { code, .. } => code,
            Fault::Lost { .. } => "connection-lost",
        }
    }

    /// Whether another attempt may go better.
    pub fn is_passing(&self) -> bool {
        let passing = [Fault::Refused, Fault::Closed];
        passing.contains(self) || matches!(self, Fault::TimedOut { .. } | Fault::Silent { .. } | Fault::Lost { .. })
    }
}

impl CertificateFault {
    fn of(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                CertificateFault::NotYetValid
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => CertificateFault::UnknownAuthority,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                CertificateFault::OtherName
            }
            other => CertificateFault::Other(other.to_string()),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            CertificateFault::Expired => "certificate-expired",
            CertificateFault::NotYetValid => "certificate-not-yet-valid",
            CertificateFault::UnknownAuthority => "certificate-of-another-authority",
            CertificateFault::OtherName => "certificate-of-another-name",
            CertificateFault::Other(_) => "bad-certificate",
        }
    }
}

/// What a TLS layer found, wherever in the chain of causes it is.
fn tls_error(error: &io::Error) -> Option<&TlsError> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>())
}

/// The first cause of a failed call, which says more than its summary.
fn deepest(status: &Status) -> String {
    let mut error: &dyn std::error::Error = status;
    while let Some(cause) = error.source() {
        error = cause;
    }
    if std::ptr::addr_eq(error, status) { cut(status.message()) } else { cut(&error.to_string()) }
}

/// Somebody else's words, cut to what a line holds.
fn cut(text: &str) -> String {
    plain(text, 500)
}

/// Somebody else's words without what is no letter, of so many at most.
pub(crate) fn plain(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
}

impl fmt::Display for ReachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.endpoint;
        match &self.fault {
            Fault::Unresolved { .. } => write!(f, "no machine is known by the name of {at}"),
            Fault::Refused => write!(f, "nothing listens at {at}"),
            Fault::TimedOut { after } if after.is_zero() => write!(f, "{at} did not answer in time"),
            Fault::TimedOut { after } => write!(f, "{at} did not answer within {} s", after.as_secs_f32()),
            Fault::Silent { after } => {
                write!(f, "something listens at {at} but said nothing within {} s", after.as_secs_f32())
            }
            Fault::Closed => write!(f, "{at} closed the connection at once"),
            Fault::Http1 => write!(f, "{at} is a web server, not a worker"),
            Fault::NotOurs { first } => write!(f, "{at} is not a worker: it begins with `{}`", first.escape_ascii()),
            Fault::NeedsTls => write!(f, "{at} speaks TLS: give certificates to connect with"),
            Fault::NoTls => write!(f, "{at} does not speak TLS: connect without certificates, or start it with them"),
            Fault::OldTls => write!(f, "{at} does not speak TLS 1.3"),
            Fault::Certificate(fault) => write_certificate(f, at, fault),
            Fault::ClientCertificate { alert } => write!(f, "{at} does not take this side's certificate: {alert}"),
            Fault::TokenMissing => write!(f, "{at} asks for its pool's token"),
            Fault::TokenWrong => write!(f, "the token is not that of the pool of {at}"),
            Fault::NotEngine => write!(f, "{at} speaks gRPC but is not a worker"),
            Fault::Refusal { message, .. } => write!(f, "{at} refuses: {message}"),
            Fault::Lost { cause } => write!(f, "the connection to {at} was lost: {cause}"),
        }
    }
}

fn write_certificate(f: &mut fmt::Formatter<'_>, at: &Endpoint, fault: &CertificateFault) -> fmt::Result {
    match fault {
        CertificateFault::Expired => write!(f, "the certificate of {at} has expired"),
        CertificateFault::NotYetValid => write!(f, "the certificate of {at} is not valid yet: compare the clocks"),
        CertificateFault::UnknownAuthority => {
            write!(f, "the certificate of {at} was made by another authority than the one trusted here")
        }
        CertificateFault::OtherName => {
            write!(f, "the certificate of {at} is for other names than `{}`", at.host)
        }
        CertificateFault::Other(cause) => write!(f, "the certificate of {at} cannot be taken: {cause}"),
    }
}

impl std::error::Error for ReachError {}
