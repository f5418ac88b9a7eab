//! The connection file: where the sockets are and the key of their messages.

use crate::process::log;
use serde::Deserialize;
use std::fmt;
use std::fs::Permissions;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What a file's mode says of everyone but its owner.
const OTHERS: u32 = 0o077;

/// What a connection file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Where the sockets are.
    pub transport: Transport,
    /// The ports of the five channels, or the numbers that end their socket files' names.
    pub ports: Ports,
    /// The key of the signatures; empty for none.
    pub key: String,
}

/// How the sockets are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP at this address.
    Tcp(IpAddr),
    /// Unix sockets whose files begin so.
    Ipc(PathBuf),
}

/// One number a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Ports {
    /// Requests.
    #[serde(rename = "shell_port")]
    pub shell: u16,
    /// Requests that overtake others.
    #[serde(rename = "control_port")]
    pub control: u16,
    /// Questions to the user.
    #[serde(rename = "stdin_port")]
    pub stdin: u16,
    /// Output.
    #[serde(rename = "iopub_port")]
    pub iopub: u16,
    /// Heartbeat.
    #[serde(rename = "hb_port")]
    pub heartbeat: u16,
}

/// Why a connection file cannot be used.
#[derive(Debug)]
pub enum ConnectionError {
    /// It cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// It is not the JSON that it must be.
    Malformed(PathBuf, serde_json::Error),
    /// Its transport is neither `tcp` nor `ipc`.
    UnknownTransport(PathBuf, String),
    /// Its address is none.
    NoAddress(PathBuf, String),
    /// Its signatures are of a kind that is not known here.
    UnknownScheme(PathBuf, String),
}

#[derive(Deserialize)]
struct File {
    #[serde(default = "tcp")]
    transport: String,
    ip: String,
    #[serde(default)]
    key: String,
    signature_scheme: Option<String>,
    #[serde(flatten)]
    ports: Ports,
}

impl Connection {
    /// Reads a connection file. Whoever has its key may run code: one that others can read, as some front ends write
    /// it, is closed to them first.
    pub fn read(path: &Path) -> Result<Self, ConnectionError> {
        let unreadable = |error| ConnectionError::Unreadable(path.into(), error);
        close(path).map_err(unreadable)?;
        Self::parse(&std::fs::read(path).map_err(unreadable)?, path)
    }

    fn parse(text: &[u8], path: &Path) -> Result<Self, ConnectionError> {
        let file: File =
            serde_json::from_slice(text).map_err(|error| ConnectionError::Malformed(path.into(), error))?;
        let scheme = file.signature_scheme.filter(|scheme| !scheme.is_empty() && scheme != "hmac-sha256");
        if let (Some(scheme), false) = (scheme, file.key.is_empty()) {
            return Err(ConnectionError::UnknownScheme(path.into(), scheme));
        }
        let transport = match file.transport.as_str() {
            "tcp" => Transport::Tcp(address(&file.ip).ok_or_else(|| ConnectionError::NoAddress(path.into(), file.ip))?),
            "ipc" => Transport::Ipc(file.ip.into()),
            _ => return Err(ConnectionError::UnknownTransport(path.into(), file.transport)),
        };
        Ok(Self { transport, ports: file.ports, key: file.key })
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => {
                write!(f, "the connection file {} cannot be read: {error}", path.display())
            }
            Self::Malformed(path, error) => write!(f, "the connection file {} is malformed: {error}", path.display()),
            Self::UnknownTransport(path, found) => {
                write!(f, "the connection file {} names the transport `{found}`; tcp and ipc are known", path.display())
            }
            Self::NoAddress(path, found) => {
                write!(f, "the connection file {} names `{found}` as its ip, which is no address", path.display())
            }
            Self::UnknownScheme(path, found) => {
                write!(f, "the connection file {} wants `{found}` signatures; hmac-sha256 is known", path.display())
            }
        }
    }
}

impl std::error::Error for ConnectionError {}

/// Leaves a file to its owner alone, and says so where it was not. Files of others may be shared on purpose.
fn close(path: &Path) -> std::io::Result<()> {
    let about = std::fs::metadata(path)?;
    let is_open = about.is_file() && about.mode() & OTHERS != 0;
    if is_open && std::fs::set_permissions(path, Permissions::from_mode(about.mode() & !OTHERS)).is_ok() {
        log(&format!("others could read the connection file {}; now they cannot", path.display()));
    }
    Ok(())
}

fn tcp() -> String {
    "tcp".to_owned()
}

fn address(text: &str) -> Option<IpAddr> {
    match text {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        "*" => Some(Ipv4Addr::UNSPECIFIED.into()),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"ip": "127.0.0.1", "transport": "tcp", "key": "k", "signature_scheme": "hmac-sha256",
        "shell_port": 1, "control_port": 2, "stdin_port": 3, "iopub_port": 4, "hb_port": 5, "kernel_name": "cleave"}"#;

    fn parse(text: &str) -> Result<Connection, String> {
        Connection::parse(text.as_bytes(), Path::new("c.json")).map_err(|error| error.to_string())
    }

    #[test]
    fn good_files() {
        let connection = parse(GOOD).expect("a good file");
        assert_eq!(connection.transport, Transport::Tcp(Ipv4Addr::LOCALHOST.into()));
        assert_eq!(connection.ports, Ports { shell: 1, control: 2, stdin: 3, iopub: 4, heartbeat: 5 });
        let ipc = parse(&GOOD.replace("tcp", "ipc").replace("127.0.0.1", "/run/k")).expect("a good file");
        assert_eq!(ipc.transport, Transport::Ipc("/run/k".into()));
    }

    #[test]
    fn bad_files() {
        for (from, to, said) in [
            ("{", "[", "malformed"),
            ("\"shell_port\": 1,", "", "missing field `shell_port`"),
            ("\"hb_port\": 5", "\"hb_port\": 70000", "malformed"),
            ("tcp", "pigeon", "pigeon"),
            ("hmac-sha256", "rot13", "rot13"),
            ("127.0.0.1", "not an address", "not an address"),
        ] {
            let error = parse(&GOOD.replacen(from, to, 1)).expect_err(to);
            assert!(error.contains(said) && error.contains("c.json"), "{error}");
        }
    }
}
