//! Graph to plan: fused stages over a task grid, their memory, and what a run reports.
//!
//! In reading order:
//! - `source` (data that exists, as a backend sees it), `program` (what one tile does), `progression`, `locals` (values
//!   made for a block at a time), `rolling` (what of them stays for the next block), `carry` (running values that are
//!   known when a block begins), `running` (those of which blocks hold too little), `build` (programs from nodes seen through views);
//! - `lattice` (the fixed order of a reduction), `stage` (a loop nest over tasks), `joint` (reductions over different axes
//!   in one pass) and `forest` (the states these hold), `contract` and `contract_cut` (products of matrices), `epilogue`
//!   (what goes on with a product), `mirror` (opposite places that read the same), `halves` (those that lie in the two halves of a space) and `nodes` (the
//!   tree over what tasks leave), `hold` (what is worth keeping between
//!   stages), `cut` (which nodes end a stage), `assemble` (stages out of them);
//! - `size` (how much a task does), `memory` (what a stage takes), `turns` (in which order), `fit` (until it is allowed),
//!   `plan`, `share` (tasks cut into shares), `reads` (what these read);
//! - `cost` (seconds, bytes and memory of a plan before it runs), `advice` (chunks that would suit better), `text` (how a
//!   plan prints), `event` (what a run reports), `error`.
//!
//! A plan is made, checked and then only read; a task is a number in a stage's grid, so a million chunks cost nothing.
//! This crate touches no file, clock, socket or thread.

// A plan holds few of its large variants; boxing them would only blur the types.
#![allow(clippy::large_enum_variant)]

pub mod advice;
mod assemble;
pub mod build;
mod carry;
pub mod contract;
mod contract_cut;
pub mod cost;
pub mod cut;
pub(crate) mod epilogue;
pub mod error;
pub mod event;
pub mod fit;
mod forest;
pub mod halves;
pub mod hold;
pub mod joint;
pub mod lattice;
pub mod locals;
pub mod memory;
pub mod mirror;
mod nodes;
pub mod plan;
pub mod program;
pub mod progression;
mod reads;
pub mod rolling;
mod running;
mod share;
pub mod size;
pub mod source;
pub mod stage;
mod text;
mod turns;

pub use advice::{Advice, advice};
pub use contract::ContractWork;
pub use cost::{Delivery, Estimate, Factors, Forecast, Kind, Machine, Parts, StageEstimate, estimate};
pub use error::{Demand, PlanError, RunError, SpillError};
pub use event::{Event, Heat, RunReport, StageReport, Stint};
pub use halves::Halves;
pub use hold::Why;
pub use joint::JointWork;
pub use lattice::Lattice;
pub use mirror::{Facing, Mirror};
pub use plan::{Cut, Holding, Keep, Need, Options, Output, Plan, Totals, plan};
pub use program::{Action, Local, Making, Origin, Program, Slot, Step};
pub use reads::reads;
pub use share::shares;
pub use source::{Block, Elements, Sink, Source, SourceError, Sources, Stop};
pub use stage::{BufferId, FoldGoal, FoldWork, Stage, StoreGoal, StoreWork, Target, Work};
