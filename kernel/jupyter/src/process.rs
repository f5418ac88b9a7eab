//! The process around the kernel: its parent, its signals, its limits, its log.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::kill;
use nix::unistd::{Pid, getppid};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Enough for thousands of clients and files.
const OPEN_FILES: u64 = 65_536;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Writes a line for whoever keeps the server's log.
#[allow(clippy::print_stderr, reason = "a server's standard error is its log")]
pub(crate) fn log(line: &str) {
    eprintln!("cleave kernel: {line}");
}

/// Allows as many open files as the system lets us; with few, accepting clients would fail in a loop.
pub(crate) fn raise_file_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(OPEN_FILES)), hard);
    }
}

/// Resolves when the process that started this kernel is gone; never if nobody said who it is.
pub(crate) async fn parent_gone() {
    let named = std::env::var("JPY_PARENT_PID").ok().and_then(|pid| pid.parse().ok()).map(Pid::from_raw);
    let Some(named) = named else { return std::future::pending().await };
    let (parent, watched) = (getppid(), is_alive(named));
    while getppid() == parent && (!watched || is_alive(named)) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Calls `act` for every signal of a kind.
pub(crate) async fn on_signal(kind: SignalKind, mut act: impl FnMut()) {
    let Ok(mut signals) = signal(kind) else { return std::future::pending().await };
    while signals.recv().await.is_some() {
        act();
    }
}

fn is_alive(pid: Pid) -> bool {
    kill(pid, None) != Err(Errno::ESRCH)
}
