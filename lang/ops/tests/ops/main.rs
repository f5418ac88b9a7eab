//! Tests of the crate from outside, one file a subject.
#![allow(clippy::panic)]

mod args;
mod chains;
mod chunks;
mod data;
mod division;
mod folds;
mod precision;
mod promotion;
mod table;
mod trace_folds;
mod traces;
mod values;
mod views;
