//! One notebook's state. A cell of text goes in; output comes out in order, and an outcome at the end.
//!
//! In reading order: `output` (what a cell shows, as facts), `address` (where workers are), `settings`, `session`
//! (the road, written down once in `Session::evaluate`), `cell` (a cell's text: program, magics, questions), `runner`
//! (statement by statement), `world` (what programs ask of the world), `loaded` (data that graphs load), `files`
//! (arrays from files and to them), `engine` (graph, plan, run), `watched` (a run while it goes on), `fault` (what went
//! wrong in them), `placement` (where arrays are computed), `remote` (connections to workers), `cluster` (where plans
//! leave for them), `unreachable` (what is wrong with them), `local` (workers of this machine), `facts`, `plan_facts`
//! and `plan_steps` (what cards say), `board` (what those see who watch), `trace`, `forecast` (what runs will take),
//! `gpu` (cards), `choice` (what
//! `auto` picks), `calibration` (the rates of this machine), `pace` (how far a run is), `magic` (one entry a magic), `agreement` (whether results have the same bits), `assist`
//! (completion, inspection, history), `meter` (CPU time and memory of the process). How facts look is the next
//! crate's business; how they travel is the one's after that.

pub mod address;
mod agreement;
pub mod assist;
pub mod board;
pub mod calibration;
mod cell;
mod choice;
mod cluster;
mod engine;
mod facts;
mod fault;
mod files;
mod forecast;
mod gpu;
mod loaded;
pub mod local;
mod magic;
mod meter;
pub mod output;
mod pace;
mod placement;
mod plan_facts;
mod plan_steps;
mod remote;
mod runner;
mod session;
pub mod settings;
mod trace;
mod unreachable;
mod watched;
mod world;

pub use assist::Assistant;
pub use board::{Board, Snapshot};
pub use cleave_cpu::Cancel;
pub use cleave_graph::host::Failure;
pub use cleave_graph::interp::STACK_BYTES;
pub use output::{Failed, InputError, Io, Outcome, Output, Shown};
pub use remote::{TOKEN_FILE, tls_files};
pub use session::{Cell, OpenDashboard, Session};
pub use settings::{Scheduler, Settings};
pub use trace::trace_json;
