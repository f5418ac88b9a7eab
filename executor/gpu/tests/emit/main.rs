//! Kernels as text: what is emitted, that it is legal, and where it goes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod assembled;
mod computed;
mod corpus;
mod expected;
mod golden;
mod launches;
mod random;
#[path = "../../../cpu/tests/support/mod.rs"]
mod support;
