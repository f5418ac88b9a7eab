//! Jobs, blocks, files, tokens and connections, with everything that can be wrong with them.

#![allow(clippy::unwrap_used, clippy::panic)]

mod brittle;
mod bulk;
mod elements;
mod jobs;
mod keeper;
mod reach;
mod roots;
mod security;
mod simulated;
mod spec;
#[path = "../../../cpu/tests/support/mod.rs"]
mod support;
