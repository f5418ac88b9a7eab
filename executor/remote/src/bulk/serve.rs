//! The side that keeps values.

use super::{BulkError, FRAME_BYTES, MOST_FRAME_BYTES};
use crate::proto::{Frame, Item, PutFrame};
use crate::transport::refusal;
use bytes::{Bytes, BytesMut};
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

/// A value that came whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// What it is.
    pub item: Item,
    /// Its bytes.
    pub data: Bytes,
}

/// Values that come one after the other in frames, each within a limit.
#[derive(Debug)]
pub struct Receiving {
    /// The most bytes a value may have.
    limit: u64,
    now: Option<(Item, u64, BytesMut)>,
}

impl Receiving {
    /// Takes values of at most so many bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit, now: None }
    }

    /// Takes a frame; the value that it completes, if it does.
    pub fn take(&mut self, frame: PutFrame) -> Result<Option<Received>, BulkError> {
        if frame.data.len() > MOST_FRAME_BYTES {
            return Err(BulkError::TooLarge { nbytes: frame.data.len() as u64, limit: MOST_FRAME_BYTES as u64 });
        }
        if let Some(item) = frame.item {
            self.begin(item, frame.nbytes)?;
        }
        let Some((_, nbytes, data)) = &mut self.now else {
            return Err(BulkError::Malformed { what: "bytes of nothing" });
        };
        let found = data.len() as u64 + frame.data.len() as u64;
        if found > *nbytes {
            return Err(BulkError::Length { expected: *nbytes, found });
        }
        data.extend_from_slice(&frame.data);
        frame.checksum.map(|checksum| self.finish(checksum)).transpose()
    }

    fn begin(&mut self, item: Item, nbytes: Option<u64>) -> Result<(), BulkError> {
        if self.now.is_some() {
            return Err(BulkError::Malformed { what: "a value within a value" });
        }
        let nbytes = nbytes.ok_or(BulkError::Malformed { what: "a value without its length" })?;
        if nbytes > self.limit {
            return Err(BulkError::TooLarge { nbytes, limit: self.limit });
        }
        // Memory is given to what comes, not to what is announced.
        let room = usize::try_from(nbytes).unwrap_or(usize::MAX).min(MOST_FRAME_BYTES);
        self.now = Some((item, nbytes, BytesMut::with_capacity(room)));
        Ok(())
    }

    fn finish(&mut self, expected: u32) -> Result<Received, BulkError> {
        let (item, nbytes, data) = self.now.take().ok_or(BulkError::Malformed { what: "an end of nothing" })?;
        if data.len() as u64 != nbytes {
            return Err(BulkError::Length { expected: nbytes, found: data.len() as u64 });
        }
        let found = crc32c::crc32c(&data);
        if found != expected {
            return Err(BulkError::Damaged { expected, found });
        }
        Ok(Received { item, data: data.freeze() })
    }

    /// Whether a value has begun and not ended.
    pub fn is_within(&self) -> bool {
        self.now.is_some()
    }
}
