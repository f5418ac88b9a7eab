//! Stages of a plan on a graphics card: the same formulas in the same order, so the same bits.
//!
//! In reading order: `emit` (a stage as PTX text) and `join` (what kernels leave of a reduction, by task), both pure; `detect`
//! (whether there is a card, step by step), `error` (what a driver refuses), `device` (memory, kernels, streams),
//! `ring` (how arrays go there and results come back), `piece` (tasks as launches), `batch` (which tasks are done
//! together), `cargo` (what they read), `runs` (where a part of a box lies), `resident` (results that stay on the
//! device) and `anew` (how they are made if it fails), `shelf` (parts of arrays there), `stock` (values made there before
//! they are read), `flight` (a stage's tasks, some at a time), `notes` (what the card did and what threads did in its
//! place), `card` (a card as the crew of a run), `rates` (what a card does in a second), `trial` (graphs with which a
//! card is tried).

mod anew;
mod batch;
mod card;
mod cargo;
pub mod detect;
mod device;
pub mod emit;
mod error;
mod flight;
pub mod join;
mod notes;
mod piece;
mod rates;
mod resident;
mod ring;
mod runs;
mod shelf;
mod stock;
pub mod trial;

pub use card::{Card, CardOptions};
pub use device::{Device, Memory, Took};
pub use error::GpuError;
pub use notes::{NoLibrary, Products, StageNote, Why, kernel_counts, products};
pub use rates::{measure, measure_products};
pub use resident::Resident;
