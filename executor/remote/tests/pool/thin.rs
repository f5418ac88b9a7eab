//! A connection that carries little.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use turmoil::net::TcpStream;

/// So often it carries something.
const EVERY: Duration = Duration::from_millis(50);

/// A stream that carries so many bytes each way at a time.
pub(crate) struct Thin {
    stream: TcpStream,
    most: usize,
    reads: Pin<Box<Sleep>>,
    writes: Pin<Box<Sleep>>,
}

impl Thin {
    pub(crate) fn new(stream: TcpStream, bytes_per_s: usize) -> Self {
        let most = bytes_per_s / (Duration::from_secs(1).as_millis() / EVERY.as_millis()) as usize;
        let now = || Box::pin(sleep(Duration::ZERO));
        Self { stream, most, reads: now(), writes: now() }
    }
}

impl AsyncRead for Thin {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.reads.as_mut().poll(cx));
        let mut room = vec![0; buf.remaining().min(self.most).min(1 << 16)];
        let mut part = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        if part.filled().len() == self.most {
            self.reads.as_mut().reset(Instant::now() + EVERY);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Thin {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.writes.as_mut().poll(cx));
        let part = &bytes[..bytes.len().min(self.most)];
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, part))?;
        if written == self.most {
            self.writes.as_mut().reset(Instant::now() + EVERY);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
