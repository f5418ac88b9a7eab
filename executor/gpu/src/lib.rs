//! Stages of a plan on a graphics card: the same formulas in the same order, so the same bits.
//!
//! In reading order: `emit` (a stage as PTX text), `join` (what kernels leave of a reduction, joined); both are pure.
//! `detect` finds out whether there is a card.

pub mod detect;
pub mod emit;
pub mod join;
