//! Runs on workers of this process, over loopback: the same bits as on threads, whatever becomes of the workers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod faults;
mod same_bits;
mod stores;
#[path = "../../../cpu/tests/support/mod.rs"]
mod support;
mod workers;
