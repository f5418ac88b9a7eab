//! Graph to plan: fused stages over a task grid, their memory, and what a run reports.
//!
//! In reading order: `source` (data that exists, as a backend sees it), `program` (what one tile does),
//! `progression`, `locals` (values made for a block at a time) and `build` (programs from nodes seen through
//! views), `lattice` (the fixed order of a reduction), `stage` (a loop nest over tasks), `contract` and
//! `contract_cut` (products of matrices), `cut` (which nodes end a stage), `size` (how much a task
//! does), `memory`, `plan`, `text` (how a plan prints), `event` (what a run reports), `error`. A plan is
//! made, checked and then only read; a task is a number in a stage's grid, so a million chunks cost nothing.
//! This crate touches no file, clock, socket or thread.

// A plan holds few of its large variants; boxing them would only blur the types.
#![allow(clippy::large_enum_variant)]

pub mod build;
pub mod contract;
mod contract_cut;
pub mod cut;
pub mod error;
pub mod event;
pub mod lattice;
pub mod locals;
pub mod memory;
pub mod plan;
pub mod program;
pub mod progression;
pub mod size;
pub mod source;
pub mod stage;
mod text;

pub use contract::ContractWork;
pub use error::{PlanError, RunError};
pub use event::{Event, Heat, RunReport, StageReport};
pub use lattice::Lattice;
pub use plan::{Cut, Options, Output, Plan, Totals, plan};
pub use program::{Action, Local, Making, Origin, Program, Slot, Step};
pub use source::{Block, Elements, Sink, Source, SourceError, Sources};
pub use stage::{BufferId, FoldGoal, FoldWork, Stage, StoreGoal, StoreWork, Target, Work};
