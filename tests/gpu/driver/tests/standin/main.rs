//! The real cudarc on the stand-in driver. A process has one driver, so every test runs in a process of its own.
#![allow(clippy::unwrap_used)]
#![expect(unsafe_code, reason = "cudarc leaves launches and raw calls to the caller's care")]

mod detection;
mod faults;
mod kernels;
mod memory;
mod process;
mod streams;
