//! The side that keeps values.

use super::FRAME_BYTES;
use crate::proto::Frame;
use crate::transport::refusal;
use bytes::Bytes;
use futures_util::{Stream, stream};
use tonic::{Code, Status};

/// The frames of a value from an offset on; none of its bytes are copied here. Where its checksum is known, they are not
/// even looked at.
pub fn frames(
    data: Bytes,
    offset: u64,
    known: Option<u32>,
) -> Result<impl Stream<Item = Result<Frame, Status>> + Send + use<>, Status> {
    let start = usize::try_from(offset).ok().filter(|&start| start <= data.len());
    let start = start.ok_or_else(|| {
        let text = format!("offset {offset} is past the end of a value of {} bytes", data.len());
        refusal(Code::OutOfRange, "offset-past-end", text)
    })?;
    let checksum = known.unwrap_or_else(|| crc32c::crc32c(&data[..start]));
    let first = Sending { data, at: start, checksum, is_known: known.is_some(), begun: false, ended: false };
    Ok(stream::unfold(first, |sending| std::future::ready(sending.next())))
}

/// A value on its way.
struct Sending {
    data: Bytes,
    at: usize,
    /// Of all bytes before `at`, or of all there are where that is known.
    checksum: u32,
    is_known: bool,
    begun: bool,
    ended: bool,
}

impl Sending {
    fn next(mut self) -> Option<(Result<Frame, Status>, Self)> {
        if self.ended {
            return None;
        }
        let end = self.data.len().min(self.at + FRAME_BYTES);
        let data = self.data.slice(self.at..end);
        if !self.is_known {
            self.checksum = crc32c::crc32c_append(self.checksum, &data);
        }
        self.at = end;
        self.ended = end == self.data.len();
        let nbytes = (!self.begun).then_some(self.data.len() as u64);
        self.begun = true;
        Some((Ok(Frame { data, nbytes, checksum: self.ended.then_some(self.checksum) }), self))
    }
}
