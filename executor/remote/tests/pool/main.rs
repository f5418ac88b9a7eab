//! Runs on workers of this process, over loopback: the same bits as on threads, whatever becomes of the workers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod abuse;
mod between;
mod faults;
mod liars;
mod names;
mod resets;
mod same_bits;
mod silence;
mod simulated;
mod stores;
#[path = "../../../cpu/tests/support/mod.rs"]
mod support;
mod thin;
mod workers;
