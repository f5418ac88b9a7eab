//! Who may use a worker: holders of the pool's token, over connections that certificates vouch for.

pub mod certs;
mod error;
mod tls;
mod token;

pub use error::SecurityError;
pub use tls::{Tls, TlsFiles};
pub use token::{Bearer, Guard, TOKEN_VARIABLE, Token};

use std::net::IpAddr;

/// Refuses to listen where others may connect without certificates and a token, unless that is wanted knowingly.
pub fn may_listen(at: IpAddr, tls: bool, token: bool, insecure: bool) -> Result<(), SecurityError> {
    let guarded = tls && token;
    if at.is_loopback() || guarded || insecure { Ok(()) } else { Err(SecurityError::Open { at, tls, token }) }
}
