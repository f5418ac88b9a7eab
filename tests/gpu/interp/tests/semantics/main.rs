//! Every instruction over edge values against Rust's own arithmetic: `bench` runs one instruction over all
//! combinations, the other files are tables of instructions.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bench;
mod bits;
mod convert;
mod float;
mod integer;
