//! A plan and sources in, finished blocks and a report out, on this machine's threads.
//!
//! In reading order: `run` (stages one after the other, tasks handed to threads), `pool` (the threads),
//! `machine` (a program over one tile), `maker` (values made for a block of tiles), `gather` (elements of data that exists), `apart` (work that cannot be
//! stopped), `cache` (decoded blocks of
//! stored arrays), `store`, `fold` and `contract` (the kinds of task), `tree` (the fixed order in which states are
//! combined), `copy` (strided boxes), `ledger` (who holds how many bytes), `watch`, `progress` and `stage_clock`
//! (what a run tells), `memory` (results that
//! stay: sinks that become sources). Threads share only counters, the block cache and the states that wait
//! for their neighbour; what comes out does not depend on how many threads there are.

mod apart;
mod cache;
mod contract;
mod copy;
mod fold;
mod gather;
mod ledger;
mod machine;
mod maker;
pub mod memory;
mod pool;
mod progress;
mod run;
mod stage_clock;
mod store;
mod tree;
mod watch;

pub use memory::{BlockSource, DenseSink, GridSink, MemorySource};
pub use pool::Pool;
pub use run::{Cancel, Control, run};
