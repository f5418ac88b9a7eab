//! A plan and sources in, finished blocks and a report out, on this machine's threads.
//!
//! In reading order:
//! - `run` (stages one after the other), `pass` (one of them while it runs, for whoever does its tasks), `share` (some of
//!   its tasks) and `shift` (threads at work on them), `turns` (who does which), `joiner` (their parts become whole),
//!   `pool` (the threads);
//! - `machine` (a program over one tile), `maker` (values made for a block of tiles), `scanner` (running values), `carry`
//!   (what lies before their blocks), `made` and `scratch` (where they stand), `gather` (elements of data that exists);
//! - `cache` (decoded blocks of stored arrays), `ahead` (which are read before they are wanted), `apart` (work that
//!   cannot be stopped), `between` (what stages leave for later ones), `kept` (what a machine keeps for others, by
//!   `stock` within a `budget`), `hold` (values in blocks, in `parts` where they are cut), `shelf` (in memory, then
//!   on disk), `room` (their memory), `spill` (their place on disk), `staged` (stored arrays in blocks too large for
//!   memory);
//! - `store`, `fold`, `mirrored`, `halved`, `joint` and `contract` (the kinds of task), `reducer` (which of them a
//!   reduction has), `tree` (the fixed order in which states are combined), `copy` (strided boxes), `turn` (transposed
//!   ones);
//! - `ledger` (who holds how many bytes), `watch`, `progress`, `stage_clock` and `stints` (what a run tells), `memory` (results that
//!   stay: sinks that become sources), `calibrate` (what the machine does in a second).
//!
//! Threads share only counters, the block cache and the states that wait for their neighbour; what comes out does not
//! depend on how many threads there are.

mod ahead;
mod apart;
mod between;
mod budget;
mod cache;
pub mod calibrate;
mod carry;
mod contract;
mod copy;
mod fold;
mod gather;
mod halved;
mod hold;
mod joiner;
mod joint;
mod kept;
mod ledger;
mod machine;
mod made;
mod maker;
pub mod memory;
mod mirrored;
mod parts;
mod pass;
mod pool;
mod progress;
mod reducer;
mod room;
mod run;
mod scanner;
mod scratch;
mod share;
mod shelf;
mod shift;
mod spill;
mod stage_clock;
mod staged;
mod stints;
mod stock;
mod store;
mod tree;
mod turn;
mod turns;
mod watch;

pub use budget::Budget;
pub use hold::{Absent, Blocks};
pub use joiner::{Joiner, Part};
pub use kept::{Item, Kept};
pub use memory::{BlockSource, DenseSink, GridSink, MemorySource};
pub use pass::{Crew, Pass};
pub use pool::Pool;
pub use room::Rooms;
pub use run::{Cancel, Control, run, run_with};
pub use share::{Receiver, Share, ShareDone, Site, Values};
pub use spill::clear_leftovers;
