//! What a worker is started with.

use crate::roots::Roots;
use crate::security::{Tls, Token};
use crate::transport::Dialer;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// How long what a job left is kept once nobody listens: with the seconds until a silent kernel counts as lost, it is
/// gone within a minute.
pub const KEEP: Duration = Duration::from_secs(45);

/// What a worker is started with.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// What it calls itself.
    pub name: String,
    /// Threads that compute.
    pub threads: usize,
    /// Bytes it may hold.
    pub memory_bytes: u64,
    /// Folders below which it reads and writes.
    pub roots: Roots,
    /// The secret that those who connect must show.
    pub token: Option<Token>,
    /// Certificates, where connections are encrypted.
    pub tls: Option<Tls>,
    /// What opens connections to other workers.
    pub dialer: Dialer,
    /// Whether it may listen to everyone without either.
    pub insecure: bool,
    /// Where blocks are put aside.
    pub spill_directory: PathBuf,
    /// How long it may take to end.
    pub grace: Duration,
    /// How long what a job left is kept once nobody listens.
    pub keep: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            name: "worker".to_owned(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: 1 << 30,
            roots: Roots::default(),
            token: None,
            tls: None,
            dialer: Dialer::tcp(),
            insecure: false,
            spill_directory: std::env::temp_dir(),
            grace: Duration::from_secs(30),
            keep: KEEP,
        }
    }
}
