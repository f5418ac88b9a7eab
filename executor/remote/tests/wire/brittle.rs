//! Connections that end after some bytes, and large values over two connections.

use crate::keeper::{Fault, connector, put_item, serve};
use bytes::Bytes;
use cleave_remote::bulk::{Fetch, LEAST_FRAME_BYTES, fetch, frames};
use cleave_remote::security::certs::{Validity, create};
use cleave_remote::security::{Tls, TlsFiles};
use cleave_remote::transport::{Connector, Dialer, Door, Endpoint};
use futures_util::StreamExt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection that ends after so many bytes.
struct Brittle {
    stream: TcpStream,
    left: usize,
}

impl AsyncRead for Brittle {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let mut room = vec![0; buf.remaining().min(self.left)];
        let mut part = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        self.left -= part.filled().len();
        buf.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Brittle {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Connections that end after so many bytes each, and how many there were.
fn brittle(bytes: usize) -> (Connector, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let made = Arc::clone(&count);
    let dialer = Dialer::with(move |endpoint: Endpoint| {
        made.fetch_add(1, Ordering::Relaxed);
        async move { Ok(Brittle { stream: TcpStream::connect((endpoint.host, endpoint.port)).await?, left: bytes }) }
    });
    (Connector { dialer, ..Connector::default() }, count)
}

fn noise(len: usize) -> Bytes {
    (0..len).map(|i| (i * 7919 % 251) as u8).collect()
}

fn wanted(data: &Bytes) -> Fetch {
    Fetch { item: put_item(1), epoch: 0, nbytes: data.len() as u64 }
}

#[tokio::test]
async fn a_value_comes_over_connections_that_end_again_and_again() {
    // As many bytes as the smallest frame and little more, and others: of each connection about half counts.
    for (len, bytes) in [(500_000, LEAST_FRAME_BYTES + 2000), (1_500_000, 300_000), (12_000_000, 1 << 20)] {
        let running = serve(Door::default(), None).await;
        let data = noise(len);
        running.keeper.kept.lock().unwrap().insert(1, (data.clone(), None));
        let (connector, count) = brittle(bytes);
        let link = connector.connect(&running.endpoint).await.unwrap();
        let mut back = vec![0; len];
        fetch(&link, &wanted(&data), &mut back).await.unwrap();
        assert!(back == data, "{bytes}");
        let (made, least) = (count.load(Ordering::Relaxed), len / bytes);
        assert!((least..=3 * least + 4).contains(&made), "{made} connections of {bytes} bytes");
    }
}

#[tokio::test]
async fn large_values_come_over_two_connections_where_there_is_room_for_them() {
    let folder = tempfile::tempdir().unwrap();
    create(folder.path(), &["127.0.0.1".into()], Validity::days(2)).unwrap();
    let tls = |name: &str| {
        let at = |name: String| folder.path().join(name);
        let (cert, key) = (at(format!("{name}.pem")), at(format!("{name}-key.pem")));
        Some(Tls::load(&TlsFiles { ca: at("ca.pem".into()), cert, key }).unwrap())
    };
    let data = noise(20_000_000);
    for (connections, faults, fetches) in [(8, vec![], 2), (8, vec![Fault::Flipped(0)], 4), (1, vec![], 2)] {
        let running = serve(Door { connections, tls: tls("worker"), ..Door::default() }, None).await;
        running.keeper.kept.lock().unwrap().insert(1, (data.clone(), None));
        let link = connector(tls("client"), None).connect(&running.endpoint).await.unwrap();
        *running.keeper.faults.lock().unwrap() = faults;
        let mut back = vec![0; data.len()];
        let checksum = fetch(&link, &wanted(&data), &mut back).await.unwrap();
        assert!(back == data && checksum == crc32c::crc32c(&data), "{connections} connections");
        assert_eq!(running.keeper.fetches.load(Ordering::Relaxed), fetches, "{connections} connections");
    }
}

#[tokio::test]
async fn a_stretch_is_what_was_asked_for() {
    let data = noise(3_000_000);
    let all = data.len();
    let table = [
        (0, None, 0..all, true),
        (0, Some(all as u64), 0..all, true),
        (0, Some(2_000_000), 0..2_000_000, false),
        (1_000_000, Some(u64::MAX), 1_000_000..all, true),
        (1_000_000, Some(0), 1_000_000..1_000_000, false),
        (all as u64, None, all..all, true),
    ];
    for (offset, length, range, has_end) in table {
        for known in [None, Some(crc32c::crc32c(&data))] {
            let sent: Vec<_> = frames(data.clone(), offset, length, known).unwrap().map(Result::unwrap).collect().await;
            let bytes: Vec<u8> = sent.iter().flat_map(|frame| frame.data.to_vec()).collect();
            assert!(bytes == data[range.clone()], "{range:?}");
            let ends: Vec<_> = sent.iter().filter_map(|frame| frame.checksum).collect();
            assert_eq!(ends, vec![crc32c::crc32c(&data); usize::from(has_end)], "{range:?}");
            // Whoever lost a connection begins anew with small ones.
            let first = sent[0].data.len();
            assert_eq!(first, range.len().min(LEAST_FRAME_BYTES), "{range:?}");
            assert!(sent.windows(2).all(|pair| pair[1].data.len() <= 2 * pair[0].data.len() + 64), "{range:?}");
        }
    }
    assert!(frames(data, all as u64 + 1, None, None).is_err());
}
