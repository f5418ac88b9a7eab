//! Streams that end early where nobody wants the rest.

use cleave_plan::Stop;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

/// Bytes that go through between two questions.
const PIECE_BYTES: usize = 1 << 20;

/// A stream, and whether it is to stop.
pub(crate) struct Stopping<'a, T> {
    pub(crate) inner: T,
    pub(crate) stop: Stop<'a>,
}

/// Why such a stream ended.
#[derive(Debug)]
struct Stopped;

impl<T> Stopping<'_, T> {
    fn check(&self) -> io::Result<()> {
        if (self.stop)() { Err(io::Error::other(Stopped)) } else { Ok(()) }
    }
}

impl Stopping<'_, &File> {
    /// Writes bytes at a place of the file.
    pub(crate) fn write_all_at(&self, bytes: &[u8], mut offset: u64) -> io::Result<()> {
        for piece in bytes.chunks(PIECE_BYTES) {
            self.check()?;
            self.inner.write_all_at(piece, offset)?;
            offset += piece.len() as u64;
        }
        Ok(())
    }
}

impl<T: Read> Read for Stopping<'_, T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let most = bytes.len().min(PIECE_BYTES);
        self.inner.read(&mut bytes[..most])
    }
}

impl<T: Write> Write for Stopping<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        self.inner.write(&bytes[..bytes.len().min(PIECE_BYTES)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was stopped")
    }
}

impl std::error::Error for Stopped {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Says so the third time it is asked.
    fn third(asked: &Cell<u32>) -> bool {
        asked.set(asked.get() + 1);
        asked.get() == 3
    }

    #[test]
    fn no_more_than_a_piece_goes_through_between_two_questions() {
        let asked = Cell::new(0);
        let stop = || third(&asked);
        let mut read = vec![0; 5 * PIECE_BYTES];
        let mut from = Stopping { inner: io::repeat(7), stop: &stop };
        assert!(from.read_exact(&mut read).is_err());
        assert_eq!(read.iter().filter(|&&byte| byte == 7).count(), 2 * PIECE_BYTES);
        asked.set(0);
        let mut into = Stopping { inner: Vec::new(), stop: &stop };
        assert!(into.write_all(&read).is_err());
        assert_eq!(into.inner.len(), 2 * PIECE_BYTES);
    }
}
