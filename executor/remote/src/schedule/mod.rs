//! One run on a pool as a pure state machine: what happened goes in, what is to be done comes out. It knows no clock,
//! no socket and no data; time is a parameter, shares and workers are numbers.
//!
//! In reading order: `rules` (its constants), `shape` (what is to be done, as far as it matters here), `input`,
//! `order` and `end` (what goes in and comes out), `share` and `member` (its state), `state` (what each input
//! changes), `deal` (what is meant for whom), `left` (what of that nobody has yet), `assign` (who gets what), `cut` (how
//! much), `halve` (less), `watch` (what time changes).

mod assign;
mod cut;
mod deal;
mod end;
mod halve;
mod input;
mod left;
mod member;
mod order;
mod rules;
mod shape;
mod share;
mod state;
mod watch;

#[cfg(test)]
mod tests;

pub use end::End;
pub use input::{Answer, Failure, Input};
pub use member::Loss;
pub use order::Order;
pub use rules::Rules;
pub use shape::{BufferShape, Shape, StageShape};
pub use state::Schedule;

use std::time::Duration;

/// Time since the run began.
pub type Time = Duration;

/// A worker, as long as one connection to it lasts: who comes back is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u32);

/// Some tasks of a stage, run together by one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShareId(pub u64);
