//! One notebook's state. A cell of text goes in; output comes out in order, and an outcome at the end.
//!
//! In reading order: `output` (what a cell shows, as facts), `settings`, `session` (the road, written down
//! once in `Session::evaluate`), `cell` (a cell's text: program, magics, questions), `runner` (statement by
//! statement), `world` (what programs ask of the world), `engine` (graph, plan, run), `facts`, `steps`, `plan_facts` and `plan_steps`
//! (what cards say), `forecast` (what runs will take), `calibration` (the rates of this machine), `pace` (how far a
//! run is), `magic` (one entry a magic), `assist` (completion, inspection, history), `meter` (CPU
//! time and memory of the process). How facts look is the next crate's business; how they travel is the
//! one's after that.

pub mod assist;
pub mod calibration;
mod cell;
mod engine;
mod facts;
mod files;
mod forecast;
mod magic;
mod meter;
pub mod output;
mod pace;
mod plan_facts;
mod plan_steps;
mod runner;
mod session;
pub mod settings;
mod world;

pub use assist::Assistant;
pub use cleave_cpu::Cancel;
pub use cleave_graph::interp::STACK_BYTES;
pub use output::{Failed, InputError, Io, Outcome, Output, Shown};
pub use session::{Cell, Session};
pub use settings::{Scheduler, Settings};
