//! Runs on workers of this process, over loopback: the same bits as on threads, whatever becomes of the workers.
#![allow(clippy::unwrap_used)]

mod faults;
mod same_bits;
#[path = "../../../cpu/tests/support/mod.rs"]
mod support;
mod workers;
