//! Who is let in: so many connections, each of which shakes hands and begins with HTTP/2 in time.

use super::settings::{CONNECTIONS, ENCRYPTED_BYTES, PATIENCE, READ_BYTES};
use super::stream::{Stream, writes_through};
use crate::security::Tls;
use futures_util::{Stream as Items, StreamExt, stream};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

/// How a client of HTTP/2 begins.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What a peer is told that begins otherwise: web browsers show it, and TLS sees that it is none.
const ANSWER: &[u8] = b"HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain\r\n\
    Content-Length: 39\r\nConnection: close\r\n\r\nThis is a worker: it speaks gRPC only.\n";

/// Lets connections in.
#[derive(Clone, Debug)]
pub struct Door {
    /// Certificates, where connections are encrypted.
    pub tls: Option<Tls>,
    /// How many connections there are at most.
    pub connections: usize,
    /// How long a peer may take for each step until it has begun.
    pub patience: Duration,
}

impl Default for Door {
    fn default() -> Self {
        Self { tls: None, connections: CONNECTIONS, patience: PATIENCE }
    }
}

/// Where a connection comes from; a request's extensions hold it.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The other side's address.
    pub at: SocketAddr,
    silence: Silence,
}

impl Peer {
    /// How long nothing has come from it, at any time.
    pub(crate) fn silence(&self) -> Silence {
        self.silence.clone()
    }
}

/// How long nothing has come over a connection.
#[derive(Clone, Debug)]
pub(crate) struct Silence {
    began: Instant,
    /// When something came last, in milliseconds since then.
    heard: Arc<AtomicU64>,
}

impl Silence {
    fn new() -> Self {
        Self { began: Instant::now(), heard: Arc::default() }
    }

    fn end(&self) {
        self.heard.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Until now.
    pub(crate) fn lasts(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.heard.load(Ordering::Relaxed)))
    }
}

/// Connections of a listener; one that fails does not end them.
pub fn accepted(listener: TcpListener) -> impl Items<Item = io::Result<(TcpStream, SocketAddr)>> + Send {
    stream::unfold(listener, |listener| async move {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let ready = stream.set_nodelay(true).map(|()| (stream, peer));
                    return Some((ready, listener));
                }
                // Most often no file is left to open: the next moment may have one.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    })
}

impl Door {
    /// Those connections that may be served, until nobody takes them any more.
    pub fn admit<S: Stream>(
        self,
        incoming: impl Items<Item = io::Result<(S, SocketAddr)>> + Send + 'static,
    ) -> impl Items<Item = io::Result<Admitted>> + Send {
        let (out, admitted) = mpsc::channel(CONNECTIONS);
        tokio::spawn(async move {
            let (mut incoming, room) = (pin!(incoming), Arc::new(Semaphore::new(self.connections)));
            let door = Arc::new(self);
            loop {
                let next = tokio::select! { next = incoming.next() => next, () = out.closed() => None };
                let Some(next) = next else { return };
                // Without room the connection closes, which is what a peer is told.
                let (Ok((stream, peer)), Ok(place)) = (next, room.clone().try_acquire_owned()) else { continue };
                let (door, out) = (door.clone(), out.clone());
                tokio::spawn(async move {
                    if let Some(stream) = door.welcome(stream).await {
                        let peer = Peer { at: peer, silence: Silence::new() };
                        let admitted = Admitted { said: 0, stream, peer, _place: place };
                        let _ = out.send(Ok(admitted)).await;
                    }
                });
            }
        });
        ReceiverStream::new(admitted)
    }

    /// Shakes hands and reads the first words; a stream that has begun as it should, if it may be served.
    async fn welcome<S: Stream>(&self, stream: S) -> Option<Box<dyn Stream>> {
        let mut stream = self.secured(stream).await?;
        let mut head = [0; PREFACE.len()];
        let begun = timeout(self.patience, begin(&mut stream, &mut head)).await;
        match begun {
            Ok(Ok(true)) => Some(stream),
            Ok(Ok(false)) => {
                let _ = timeout(self.patience, stream.write_all(ANSWER)).await;
                dismiss(stream, self.patience).await;
                None
            }
            Ok(Err(_)) | Err(_) => None,
        }
    }

    async fn secured<S: Stream>(&self, stream: S) -> Option<Box<dyn Stream>> {
        let Some(tls) = &self.tls else { return Some(Box::new(stream)) };
        let shaken = TlsAcceptor::from(tls.server.clone()).accept(BufReader::with_capacity(READ_BYTES, stream));
        let shaken = shaken.into_fallible();
        match timeout(self.patience, shaken).await {
            Ok(Ok(mut stream)) => {
                stream.get_mut().1.set_buffer_limit(Some(ENCRYPTED_BYTES));
                Some(Box::new(stream))
            }
            Ok(Err((_, stream))) => {
                dismiss(stream, self.patience).await;
                None
            }
            Err(_) => None,
        }
    }
}

/// Reads until the first words are known to be those of HTTP/2, or not.
async fn begin(stream: &mut (impl AsyncRead + Unpin), head: &mut [u8; PREFACE.len()]) -> io::Result<bool> {
    let mut read = 0;
    while read < head.len() {
        match stream.read(&mut head[read..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => read += more,
        }
        if !PREFACE.starts_with(&head[..read]) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Closes so that the last words arrive: what the peer still says is read first, for a while.
async fn dismiss(mut stream: impl AsyncRead + AsyncWrite + Unpin, patience: Duration) {
    let _ = timeout(patience, async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(64 << 10), &mut tokio::io::sink()).await
    })
    .await;
}

/// A connection that may be served.
pub struct Admitted {
    /// How much of the preface, which was read at the door, has been read again behind it.
    said: usize,
    stream: Box<dyn Stream>,
    peer: Peer,
    _place: OwnedSemaphorePermit,
}

impl Connected for Admitted {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Admitted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = &PREFACE[self.said..];
        if left.is_empty() {
            let before = buf.filled().len();
            let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
            if buf.filled().len() > before {
                self.peer.silence.end();
            }
            return Poll::Ready(outcome);
        }
        let count = left.len().min(buf.remaining());
        buf.put_slice(&left[..count]);
        self.said += count;
        Poll::Ready(Ok(()))
    }
}

writes_through!(Admitted);
