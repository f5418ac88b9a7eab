//! The Jupyter protocol: signed messages come in on five sockets, replies and outputs go out.
//!
//! Threads by role: two socket threads (tokio) move messages and answer `control` at once, the evaluation
//! thread owns the session and runs cells in order, and one thread answers questions about code while a
//! cell runs. Output leaves through one bounded queue, so a slow reader slows the cell and nothing is lost.
//!
//! In reading order: `connection` (the file that names the sockets), `wire` (frames and signatures), `seen` (those that came),
//! `content` (what requests say), `reply` (what we say), `kernel` (`serve`), `sockets`, `router` (shell,
//! control and stdin), `iopub` (the queue and its publisher), `limits` (how much a cell may send), `jobs`
//! (cells that wait), `execute`, `cell` and `cards` (running one, and what stays fresh), `questions`, `control`, `stdin`, `process`,
//! and `install` (the kernelspec).
//!
//! Only this crate knows messages.

mod cards;
mod cell;
mod clock;
mod connection;
mod content;
mod control;
mod error;
mod execute;
mod install;
mod iopub;
mod jobs;
mod kernel;
mod limits;
mod process;
mod questions;
mod reply;
mod router;
mod seen;
mod sockets;
mod stdin;
mod wire;

pub use connection::{Connection, ConnectionError};
pub use error::Error;
pub use install::{InstallError, Target, found, install, uninstall};
pub use kernel::{ExitReason, serve};
