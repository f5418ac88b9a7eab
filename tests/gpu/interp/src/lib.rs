//! Runs PTX text on the CPU, one warp after the other, and says no where a GPU would go wrong in silence.
//!
//! In goes the text of a module and a launch over a [`Memory`]; out come changed bytes or one located error:
//! access that is misaligned, out of bounds, freed or uninitialised, a barrier that part of a block reaches,
//! a shuffle with lanes missing, warps that race in shared memory. Only what rounds the same everywhere is known:
//! `.approx`, `.ftz` and arithmetic that a compiler may contract are load errors.
//!
//! Files in reading order: `error` (what is refused), `scalar` (types), `token` and `parse` (text to `syntax`),
//! `semantics` (what an instruction computes, lane by lane), `op` (a decoded instruction), `decode` (syntax to ops,
//! with all checks of types), `memory` and `shared` (bytes that know whether they were written), `warp` (registers of
//! 32 lanes and the groups they run in), `execute` (one op), `access` and `exchange` (ops on memory and between lanes),
//! `launch` (blocks and grids).
//!
//! Lanes that parted run in groups, the group with the lowest instruction first, and join when they meet. Nothing
//! depends on time or threads: the same launch gives the same bytes and the same error.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access;
mod decode;
mod error;
mod exchange;
mod execute;
mod launch;
mod memory;
mod op;
mod parse;
mod scalar;
mod semantics;
mod shared;
mod syntax;
mod token;
mod warp;

pub use decode::{Kernel, Module, Symbol};
pub use error::{Fault, FaultKind, LoadError, LoadKind, MemoryError, Place};
pub use launch::{Launch, Order, Stats, launch};
pub use memory::{Memory, Snapshot, Uninitialised};
pub use scalar::{Class, Type};
