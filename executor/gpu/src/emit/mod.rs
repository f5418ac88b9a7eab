//! A stage as the text of kernels, with what must be known to launch them.
//!
//! In reading order: `unfit` (why a stage stays on the processor), `recipe` (a stage's program as one tape), `text` (lines
//! and registers), `access` (parameters, addresses, memory), `steps`, `integers` and `conversions` (a tape's steps as instructions), `kernel` (what is emitted),
//! `store` (elements that are kept), `cell` (a node of a reduction's tree, what both layouts share), `element`
//! (a cell's elements), `tile` (random numbers that wait), `rows` and `columns`
//! (the two layouts).
//!
//! PTX 7.0 for `sm_75`: every driver since 2020 compiles it. Floats are rounded to nearest in every instruction, nothing is
//! contracted, and nans are the only results whose bits may differ from those of the processor.

mod access;
mod cell;
mod columns;
mod conversions;
mod element;
mod integers;
mod kernel;
mod recipe;
mod rows;
mod steps;
mod store;
mod text;
mod tile;
mod unfit;

pub use kernel::{FoldKernel, Grid, Kernel, Nodes, Param, Placed, StoreKernel};
pub use recipe::{Load, Seen};
pub use unfit::Unfit;

use cleave_plan::{Stage, Work};

/// The kernels of a stage.
#[derive(Clone, Debug)]
pub enum Kernels {
    /// One that makes any box of the space.
    Store(StoreKernel),
    /// One for each of the stage's reductions.
    Folds(Vec<FoldKernel>),
}

/// Writes a stage's kernels.
pub fn kernels(stage: &Stage) -> Result<Kernels, Unfit> {
    match &stage.work {
        Work::Store(work) => store::kernel(&stage.program, work).map(Kernels::Store),
        Work::Fold(_) | Work::Joint(_) => {
            let folds = stage.work.folds().iter();
            folds.map(|work| cell::kernel(stage, work)).collect::<Result<_, _>>().map(Kernels::Folds)
        }
        Work::Contract(_) => Err(Unfit::Product),
    }
}
