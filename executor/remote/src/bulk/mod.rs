//! Large values in frames: from an offset on, with a checksum over all of it at the end.
//!
//! In reading order: `pace` (how large frames are), `serve` (a value as frames), `read` (frames as they come), `fetch`
//! (who wants a value), `put` and `receive` (who brings one, and to whom), `attend` (transfers are watched), `error`.

mod attend;
mod error;
mod fetch;
mod pace;
mod put;
mod read;
mod receive;
mod serve;

pub use attend::attended;
pub use error::BulkError;
pub use fetch::{Fetch, fetch, fetch_block};
pub use pace::LEAST_FRAME_BYTES;
pub use put::put;
pub use receive::{Begun, Received, Receiving};
pub use serve::frames;

/// The most bytes a frame from elsewhere may have.
pub const MOST_FRAME_BYTES: usize = 2 << 20;
/// How often a transfer is tried.
pub const ATTEMPTS: u32 = 3;
/// How often it is tried where connections are made and lost again before anything came.
pub const LOSSES: u32 = 8;
