//! Other machines: the plans that threads run, run by workers over gRPC, to the same bits.
//!
//! In reading order: `proto` (the service's messages, from `proto/engine.proto`), `schedule` (who does what of a run,
//! as a state machine) and `facts` (what pictures need to know of workers and runs).

pub mod facts;
pub mod proto;
pub mod schedule;
