//! Large values in frames: from an offset on, with a checksum over all of it at the end.

mod attend;
mod error;
mod fetch;
mod put;
mod read;
mod receive;
mod serve;

pub use attend::attended;
pub use error::BulkError;
pub use fetch::{Fetch, fetch, fetch_block};
pub use put::put;
pub use receive::{Begun, Received, Receiving};
pub use serve::frames;

/// Bytes of a frame: enough to keep up with a bare socket, and little enough that others get a turn. With what stands
/// around them they fill one frame of HTTP/2, so that no tiny one follows.
pub const FRAME_BYTES: usize = (256 << 10) - 64;
/// The most bytes a frame from elsewhere may have.
pub const MOST_FRAME_BYTES: usize = 2 << 20;
/// How often a transfer is tried.
pub const ATTEMPTS: u32 = 3;
/// How often it is tried where connections are made and lost again before anything came.
pub const LOSSES: u32 = 8;
