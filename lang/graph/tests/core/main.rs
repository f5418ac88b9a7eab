//! The graph core: what calls and subscripts build, what the passes make of it, and that both mean the same.

#![allow(clippy::unwrap_used, clippy::panic)]

mod blocks;
mod build_calls;
mod evaluate;
mod make;
mod passes;
mod random_graphs;
