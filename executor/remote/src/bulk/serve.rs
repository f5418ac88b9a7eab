//! The side that keeps values.

use super::pace::Pace;
use crate::proto::Frame;
use crate::transport::refusal;
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::time::Instant;
use tonic::{Code, Status};

/// The frames of a value from an offset on, of so many bytes or up to its end; none of its bytes are copied here. Where
/// its checksum is known, they are not even looked at.
pub fn frames(
    data: Bytes,
    offset: u64,
    length: Option<u64>,
    known: Option<u32>,
) -> Result<impl Stream<Item = Result<Frame, Status>> + Send + use<>, Status> {
    let start = usize::try_from(offset).ok().filter(|&start| start <= data.len());
    let start = start.ok_or_else(|| {
        let text = format!("offset {offset} is past the end of a value of {} bytes", data.len());
        refusal(Code::OutOfRange, "offset-past-end", text)
    })?;
    let length = length.and_then(|length| usize::try_from(length).ok());
    let end = length.map_or(data.len(), |length| data.len().min(start.saturating_add(length)));
    // Only who gets the end of a value is told its checksum.
    let is_reckoned = known.is_none() && end == data.len();
    let checksum = known.unwrap_or_else(|| if is_reckoned { crc32c::crc32c(&data[..start]) } else { 0 });
    let pace = Pace::default();
    let first = Sending { data, at: start, end, checksum, is_reckoned, pace, begun: false, ended: false };
    Ok(stream::unfold(first, |sending| std::future::ready(sending.next())))
}

/// A stretch of a value on its way.
struct Sending {
    data: Bytes,
    at: usize,
    /// Where the stretch ends.
    end: usize,
    /// Of all bytes before `at` where it is reckoned, or of all there are.
    checksum: u32,
    is_reckoned: bool,
    pace: Pace,
    begun: bool,
    ended: bool,
}

impl Sending {
    fn next(mut self) -> Option<(Result<Frame, Status>, Self)> {
        if self.ended {
            return None;
        }
        let end = self.end.min(self.at + self.pace.next(Instant::now()));
        let data = self.data.slice(self.at..end);
        if self.is_reckoned {
            self.checksum = crc32c::crc32c_append(self.checksum, &data);
        }
        self.at = end;
        self.ended = end == self.end;
        let nbytes = (!self.begun).then_some(self.data.len() as u64);
        self.begun = true;
        let checksum = (end == self.data.len()).then_some(self.checksum);
        Some((Ok(Frame { data, nbytes, checksum }), self))
    }
}
