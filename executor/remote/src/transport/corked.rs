//! A connection while TLS shakes hands: records are handed on one by one and whole, so that none is begun when others
//! take over the reading.

use super::stream::{Stream, writes_through};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// What stands before a record: its type, a version, its length.
pub(super) const HEAD_BYTES: usize = 5;
/// What is read at once; handshakes are small.
const READ_BYTES: usize = 4 << 10;
/// The types of records there are.
const TYPES: std::ops::RangeInclusive<u8> = 20..=23;

/// A stream whose reader gets whole records.
pub(super) struct Corked {
    stream: Box<dyn Stream>,
    bytes: Vec<u8>,
    /// Where the first record ends of those bytes, once it is whole.
    whole: usize,
}

impl Corked {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, bytes: Vec::new(), whole: 0 }
    }

    /// The stream, and what came that was not read.
    pub(super) fn uncork(self) -> (Box<dyn Stream>, Vec<u8>) {
        (self.stream, self.bytes)
    }
}

/// Where the first record ends, if it is there; what is no record is all handed on, to be found out.
fn first_end(bytes: &[u8]) -> usize {
    match bytes {
        [kind, ..] if !TYPES.contains(kind) => bytes.len(),
        [_, major, ..] if *major != 3 => bytes.len(),
        [_, _, _, high, low, rest @ ..] => {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            if rest.len() >= len { HEAD_BYTES + len } else { 0 }
        }
        _ => 0,
    }
}

impl AsyncRead for Corked {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.whole == 0 {
            let mut room = [0; READ_BYTES];
            let mut part = ReadBuf::new(&mut room);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
            self.bytes.extend_from_slice(part.filled());
            // What is cut off is handed on as well.
            self.whole = if part.filled().is_empty() { self.bytes.len() } else { first_end(&self.bytes) };
            if part.filled().is_empty() && self.whole == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        let count = self.whole.min(buf.remaining());
        buf.put_slice(&self.bytes[..count]);
        self.bytes.drain(..count);
        self.whole -= count;
        if self.whole == 0 {
            self.whole = first_end(&self.bytes);
        }
        Poll::Ready(Ok(()))
    }
}

writes_through!(Corked);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_end_where_they_say_and_what_is_none_at_once() {
        let table: [(&[u8], usize); 8] = [
            (&[], 0),
            (&[22], 0),
            (&[22, 3, 1, 0, 2, 7], 0),
            (&[22, 3, 1, 0, 2, 7, 7], 7),
            (&[23, 3, 3, 0, 0, 23, 3], 5),
            (b"HTTP/1.1", 8),
            (&[22, 9], 2),
            (&[0, 0, 12], 3),
        ];
        for (bytes, end) in table {
            assert_eq!(first_end(bytes), end, "{bytes:?}");
        }
    }
}
