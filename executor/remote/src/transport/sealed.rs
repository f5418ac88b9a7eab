//! An encrypted connection after its handshake. Records are read into one piece of memory and decrypted where they lie:
//! from there to the reader there is one copy, where the usual stream has three, which cost more than the cipher. What
//! encrypts and decrypts is that of the TLS library.

use super::corked::{Corked, HEAD_BYTES};
use super::settings::{ENCRYPTED_BYTES, READ_BYTES};
use super::stream::Stream;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, Iv, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundPlainMessage,
};
use tokio_rustls::rustls::{
    AlertDescription, Connection, ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion, SupportedCipherSuite,
};

/// The most bytes of a record, and what encryption adds at most.
const RECORD_BYTES: usize = 16 << 10;
const MORE_BYTES: usize = 256;
/// Records that go to the socket at once.
const AT_ONCE: usize = 64;
/// A message between handshakes that need not be heard: it offers to resume a session.
const TICKET: u8 = 4;
/// A warning, and of what: that no more comes.
const CLOSE: [u8; 2] = [1, 0];

/// An encrypted connection.
pub(super) struct Sealed {
    stream: Box<dyn Stream>,
    inward: Inward,
    outward: Outward,
}

struct Inward {
    decrypter: Box<dyn MessageDecrypter>,
    records: u64,
    bytes: Vec<u8>,
    /// Of these bytes those that are decrypted and not read, and those that are not decrypted.
    plain: Range<usize>,
    sealed: Range<usize>,
    is_closed: bool,
    /// What is wrong with what comes after those bytes.
    failure: Option<io::Error>,
}

struct Outward {
    encrypter: Box<dyn MessageEncrypter>,
    records: u64,
    /// No more may be encrypted with one key.
    most_records: u64,
    waiting: VecDeque<Vec<u8>>,
    /// Bytes of all that waits, and of the first of it those that went.
    nbytes: usize,
    gone: usize,
    is_closed: bool,
}

impl Sealed {
    /// Takes over a connection whose handshake is done, and of which all that was to be sent has been.
    pub(super) fn new(corked: Corked, mut connection: Connection) -> io::Result<Self> {
        let Some(SupportedCipherSuite::Tls13(suite)) = connection.negotiated_cipher_suite() else {
            return Err(failed(Error::HandshakeNotComplete));
        };
        // What came with the last words of the handshake is decrypted already.
        let mut bytes = Vec::new();
        match connection.reader().read_to_end(&mut bytes) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let secrets = connection.dangerous_extract_secrets().map_err(failed)?;
        let (stream, rest) = corked.uncork();
        let plain = 0..bytes.len();
        bytes.extend_from_slice(&rest);
        let sealed = plain.end..bytes.len();
        bytes.resize(bytes.len().max(READ_BYTES), 0);
        let ((sent, out), (came, into)) = (secrets.tx, secrets.rx);
        let ((out, out_iv), (into, into_iv)) = (key(out)?, key(into)?);
        let decrypter = suite.aead_alg.decrypter(into, into_iv);
        let encrypter = suite.aead_alg.encrypter(out, out_iv);
        Ok(Self {
            stream,
            inward: Inward { decrypter, records: came, bytes, plain, sealed, is_closed: false, failure: None },
            outward: Outward {
                encrypter,
                records: sent,
                most_records: suite.common.confidentiality_limit,
                waiting: VecDeque::new(),
                nbytes: 0,
                gone: 0,
                is_closed: false,
            },
        })
    }
}

/// The key of one direction.
fn key(secrets: ConnectionTrafficSecrets) -> io::Result<(AeadKey, Iv)> {
    use ConnectionTrafficSecrets::{Aes128Gcm, Aes256Gcm, Chacha20Poly1305};
    let (Aes128Gcm { key, iv } | Aes256Gcm { key, iv } | Chacha20Poly1305 { key, iv }) = secrets else {
        return Err(failed(Error::HandshakeNotComplete));
    };
    Ok((key, iv))
}

fn failed(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl Inward {
    /// Decrypts the next record if it is there; whether it was.
    fn open(&mut self) -> io::Result<bool> {
        let there = &self.bytes[self.sealed.clone()];
        let Some(&[kind, _, _, high, low]) = there.first_chunk::<HEAD_BYTES>() else { return Ok(false) };
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len > RECORD_BYTES + MORE_BYTES {
            return Err(failed(Error::PeerSentOversizedRecord));
        }
        if there.len() < HEAD_BYTES + len {
            return Ok(false);
        }
        let start = self.sealed.start + HEAD_BYTES;
        let record = &mut self.bytes[start..start + len];
        let message = InboundOpaqueMessage::new(ContentType::from(kind), ProtocolVersion::TLSv1_2, record);
        if message.typ != ContentType::ApplicationData {
            return Err(failed(Error::DecryptError));
        }
        let message = self.decrypter.decrypt(message, self.records).map_err(failed)?;
        // Decrypted in place, so that it begins where the record does.
        let (kind, plain) = (message.typ, start..start + message.payload.len());
        self.records += 1;
        self.sealed.start = start + len;
        match kind {
            ContentType::ApplicationData => self.plain = plain,
            ContentType::Alert => self.warn(plain)?,
            ContentType::Handshake if self.bytes[plain.clone()].first() == Some(&TICKET) => {}
            _ => return Err(failed(Error::General("a handshake after the handshake".into()))),
        }
        Ok(true)
    }

    fn warn(&mut self, alert: Range<usize>) -> io::Result<()> {
        match &self.bytes[alert] {
            [_, 0] => self.is_closed = true,
            [_, what] => return Err(failed(Error::AlertReceived(AlertDescription::from(*what)))),
            _ => return Err(failed(Error::DecryptError)),
        }
        Ok(())
    }

    /// Makes room for more behind what is not decrypted yet, which is less than a record.
    fn room(&mut self) -> &mut [u8] {
        self.bytes.copy_within(self.sealed.clone(), 0);
        self.sealed = 0..self.sealed.len();
        &mut self.bytes[self.sealed.end..]
    }
}

impl AsyncRead for Sealed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        loop {
            let Self { stream, inward, .. } = &mut *self;
            let count = inward.plain.len().min(buf.remaining());
            buf.put_slice(&inward.bytes[inward.plain.start..inward.plain.start + count]);
            inward.plain.start += count;
            let is_given = buf.filled().len() > before;
            if let Some(failure) = inward.failure.take_if(|_| !is_given) {
                return Poll::Ready(Err(failure));
            }
            if inward.is_closed || inward.failure.is_some() || buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            match inward.open() {
                Ok(true) => continue,
                Ok(false) if is_given => return Poll::Ready(Ok(())),
                Ok(false) => {}
                Err(failure) => {
                    inward.failure = Some(failure);
                    continue;
                }
            }
            let mut more = ReadBuf::new(inward.room());
            ready!(Pin::new(stream).poll_read(cx, &mut more))?;
            match more.filled().len() {
                0 => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                count => inward.sealed.end += count,
            }
        }
    }
}

impl Outward {
    /// Encrypts as much of some bytes as there is room for.
    fn seal_all(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let (mut taken, mut left) = (0, slices.iter().map(|slice| &slice[..]).collect::<VecDeque<&[u8]>>());
        while self.nbytes < ENCRYPTED_BYTES {
            let (mut parts, mut len) = (SmallVec::<[&[u8]; 8]>::new(), 0);
            while len < RECORD_BYTES {
                let Some(next) = left.pop_front() else { break };
                let (now, later) = next.split_at(next.len().min(RECORD_BYTES - len));
                len += now.len();
                parts.push(now);
                if !later.is_empty() {
                    left.push_front(later);
                }
            }
            if len == 0 {
                break;
            }
            self.seal(ContentType::ApplicationData, OutboundChunks::new(&parts))?;
            taken += len;
        }
        Ok(taken)
    }

    fn seal(&mut self, typ: ContentType, payload: OutboundChunks<'_>) -> io::Result<()> {
        if self.records >= self.most_records {
            // A new connection has a new key.
            return Err(failed(Error::EncryptError));
        }
        let message = OutboundPlainMessage { typ, version: ProtocolVersion::TLSv1_3, payload };
        let record = self.encrypter.encrypt(message, self.records).map_err(failed)?.encode();
        self.records += 1;
        self.nbytes += record.len();
        self.waiting.push_back(record);
        Ok(())
    }

    /// Sends what waits.
    fn send(&mut self, stream: &mut Box<dyn Stream>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.nbytes > 0 {
            let mut slices = SmallVec::<[IoSlice<'_>; AT_ONCE]>::new();
            slices.extend(self.waiting.iter().take(AT_ONCE).map(|record| IoSlice::new(record)));
            if let Some(first) = slices.first_mut() {
                *first = IoSlice::new(&self.waiting[0][self.gone..]);
            }
            let count = ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &slices))?;
            drop(slices);
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.nbytes -= count;
            self.gone += count;
            while let Some(first) = self.waiting.front().filter(|first| first.len() <= self.gone) {
                self.gone -= first.len();
                self.waiting.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Sealed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, outward, .. } = &mut *self;
        if outward.nbytes >= ENCRYPTED_BYTES {
            ready!(outward.send(stream, cx))?;
        }
        let taken = outward.seal_all(slices)?;
        // What does not go now goes with the next bytes, or when all is to go.
        if let Poll::Ready(sent) = outward.send(stream, cx) {
            sent?;
        }
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, outward, .. } = &mut *self;
        ready!(outward.send(stream, cx))?;
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, outward, .. } = &mut *self;
        if !outward.is_closed {
            outward.is_closed = true;
            outward.seal(ContentType::Alert, OutboundChunks::Single(&CLOSE))?;
        }
        ready!(outward.send(stream, cx))?;
        Pin::new(stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::certs::{Validity, create};
    use crate::security::{Tls, TlsFiles};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

    /// A client and a server that have shaken hands over memory.
    async fn shaken() -> (client::TlsStream<Corked>, server::TlsStream<Corked>) {
        let folder = tempfile::tempdir().expect("a directory");
        create(folder.path(), &["127.0.0.1".into()], Validity::days(2)).expect("certificates");
        let tls = |name: &str| {
            let at = |name: String| folder.path().join(name);
            let (cert, key) = (at(format!("{name}.pem")), at(format!("{name}-key.pem")));
            Tls::load(&TlsFiles { ca: at("ca.pem".into()), cert, key }).expect("they are right")
        };
        let (near, far) = duplex(50_000);
        let name = ServerName::try_from("127.0.0.1").expect("an address");
        let connect = TlsConnector::from(tls("client").configs().0).connect(name, Corked::new(Box::new(near)));
        let accept = TlsAcceptor::from(tls("worker").configs().1).accept(Corked::new(Box::new(far)));
        let (connected, accepted) = tokio::join!(connect, accept);
        (connected.expect("it trusts the server"), accepted.expect("it trusts the client"))
    }

    async fn sealed() -> (Sealed, Sealed) {
        let (mut client, mut server) = shaken().await;
        client.flush().await.expect("all goes");
        server.flush().await.expect("all goes");
        let ((near, client), (far, server)) = (client.into_inner(), server.into_inner());
        let near = Sealed::new(near, Connection::Client(client)).expect("it is done");
        (near, Sealed::new(far, Connection::Server(server)).expect("it is done"))
    }

    /// Both send each other much and little and read it whole, up to the end.
    async fn talk(near: impl Stream, far: impl Stream) {
        let words: Vec<u8> = (0..400_000u32).map(|i| (i % 251) as u8).collect();
        let side = |stream: Box<dyn Stream>| async {
            let (mut read, mut write) = tokio::io::split(stream);
            let mut found = Vec::new();
            let told = async {
                for part in [&words[..], &words[..1], &[], &words[..RECORD_BYTES], &words[..RECORD_BYTES + 1]] {
                    write.write_all(part).await.expect("it is read");
                    write.flush().await.expect("it is read");
                }
                write.shutdown().await.expect("it is read");
            };
            let (_, heard) = tokio::join!(told, read.read_to_end(&mut found));
            (heard.expect("it ends as it should"), found)
        };
        let all = [&words[..], &words[..1], &words[..RECORD_BYTES], &words[..RECORD_BYTES + 1]].concat();
        let (one, other) = tokio::join!(side(Box::new(near)), side(Box::new(far)));
        assert!(one == (all.len(), all.clone()) && other == (all.len(), all));
    }

    #[tokio::test]
    async fn both_sides_are_understood_also_by_the_usual_stream() {
        let (near, far) = sealed().await;
        talk(near, far).await;
        let (mut near, far) = shaken().await;
        near.flush().await.expect("all goes");
        let (corked, connection) = near.into_inner();
        talk(Sealed::new(corked, Connection::Client(connection)).expect("it is done"), far).await;
        let (near, mut far) = shaken().await;
        far.flush().await.expect("all goes");
        let (corked, connection) = far.into_inner();
        talk(near, Sealed::new(corked, Connection::Server(connection)).expect("it is done")).await;
    }

    #[tokio::test]
    async fn words_that_come_with_the_handshake_are_not_lost() {
        let (mut near, mut far) = shaken().await;
        near.write_all(b"first").await.expect("there is room");
        near.flush().await.expect("all goes");
        let mut byte = [0];
        far.read_exact(&mut byte).await.expect("it is there");
        let (corked, connection) = far.into_inner();
        let mut far = Sealed::new(corked, Connection::Server(connection)).expect("it is done");
        near.write_all(b", then").await.expect("there is room");
        near.flush().await.expect("all goes");
        let mut rest = [0; 10];
        far.read_exact(&mut rest).await.expect("it is there");
        assert_eq!((&byte, &rest), (b"f", b"irst, then"));
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_after_what_was_right() {
        let alert = [2, 116];
        type Spoil = fn(&mut Outward);
        let table: [(Spoil, Error); 4] = [
            (|out| out.waiting[1][9] ^= 1, Error::DecryptError),
            (|out| out.waiting[1][0] = 22, Error::DecryptError),
            (|out| out.waiting[1][3] = 0xff, Error::PeerSentOversizedRecord),
            (|_| {}, Error::AlertReceived(AlertDescription::CertificateRequired)),
        ];
        for (spoil, expected) in table {
            let (mut near, mut far) = sealed().await;
            far.outward.seal(ContentType::ApplicationData, OutboundChunks::Single(b"right")).expect("a key");
            far.outward.seal(ContentType::Alert, OutboundChunks::Single(&alert)).expect("a key");
            spoil(&mut far.outward);
            far.flush().await.expect("there is room");
            let mut found = Vec::new();
            let error = near.read_to_end(&mut found).await.expect_err("it is wrong");
            let error = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
            assert_eq!((found.as_slice(), error), (&b"right"[..], Some(&expected)));
        }
        let (mut near, far) = sealed().await;
        drop(far);
        let cut = near.read(&mut [0]).await.map_err(|error| error.kind());
        assert_eq!(cut, Err(io::ErrorKind::UnexpectedEof));
        near.outward.most_records = near.outward.records;
        assert!(near.write_all(b"too much").await.is_err());
    }
}
