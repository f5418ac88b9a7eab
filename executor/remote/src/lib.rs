//! Other machines: the plans that threads run, run by workers over gRPC, to the same bits.
//!
//! In reading order: `proto` (the service's messages, from `proto/engine.proto`), `facts` (what pictures need to know
//! of workers and runs), `spec` (jobs as messages, and back with every check), `versions` (whether two sides would
//! plan alike), `elements` (blocks as bytes), `roots` (which files a worker touches), `security` (the pool's token,
//! mutual TLS, certificates), `transport` (connections, their settings, and what is wrong with an endpoint), `bulk`
//! (large values in frames), `schedule` (who does what of a run, as a state machine), `items` (what of a plan's values
//! goes where), `worker` (the serving side) and `cluster` (the kernel's).

pub mod bulk;
pub mod cluster;
pub mod elements;
pub mod facts;
mod items;
pub mod proto;
pub mod roots;
pub mod schedule;
pub mod security;
pub mod spec;
pub mod transport;
pub mod versions;
pub mod worker;
