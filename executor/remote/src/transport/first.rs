//! The first words of a peer, which tell whether it speaks HTTP/2.

use super::reach::Fault;
use super::stream::{Stream, writes_through};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::watch;

/// The head of a frame.
const HEAD: usize = 9;
const SETTINGS: u8 = 4;

/// What has been heard of a peer.
#[derive(Clone, Debug, Default)]
pub(super) enum Heard {
    #[default]
    Nothing,
    /// It speaks HTTP/2.
    Greeting,
    Wrong(Fault),
}

/// What the newest connection to a peer has heard of it, shared with all who use it.
#[derive(Clone, Debug)]
pub(super) struct Ear(Arc<watch::Sender<Heard>>);

impl Ear {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Heard::Nothing)))
    }

    pub(super) fn put(&self, heard: Heard) {
        self.0.send_replace(heard);
    }

    pub(super) fn last(&self) -> Heard {
        self.0.borrow().clone()
    }

    /// Waits for the first words.
    pub(super) async fn greeting(&self) -> Result<(), Fault> {
        let mut heard = self.0.subscribe();
        loop {
            match &*heard.borrow_and_update() {
                Heard::Nothing => {}
                Heard::Greeting => return Ok(()),
                Heard::Wrong(fault) => return Err(fault.clone()),
            }
            if heard.changed().await.is_err() {
                return Err(Fault::Closed);
            }
        }
    }
}

/// A stream whose first words are listened to.
pub(super) struct Listened {
    stream: Box<dyn Stream>,
    ear: Ear,
    /// The first words so far; `None` once they are known.
    words: Option<Vec<u8>>,
}

impl Listened {
    pub(super) fn new(stream: Box<dyn Stream>, ear: Ear) -> Self {
        Self { stream, ear, words: Some(Vec::with_capacity(HEAD)) }
    }

    fn hear(&mut self, outcome: &io::Result<()>, new: &[u8]) {
        let Some(words) = &mut self.words else { return };
        words.extend(new.iter().take(HEAD - words.len()));
        let heard = match outcome {
            Err(error) if words.is_empty() => Heard::Wrong(Fault::of_io(error)),
            Err(_) => Heard::Wrong(cut_off(words)),
            Ok(()) if new.is_empty() => Heard::Wrong(cut_off(words)),
            Ok(()) if words.len() < HEAD => return,
            Ok(()) => judged(words).map_or(Heard::Greeting, Heard::Wrong),
        };
        self.words = None;
        self.ear.put(heard);
    }
}

/// What a peer is that closed after these words.
fn cut_off(words: &[u8]) -> Fault {
    judged(words).unwrap_or(Fault::Closed)
}

/// What is wrong with first words, if they are not those of HTTP/2.
fn judged(words: &[u8]) -> Option<Fault> {
    match words {
        [] => Some(Fault::Closed),
        [0, 0, len, SETTINGS, 0, 0, 0, 0, 0] if len % 6 == 0 => None,
        [0x15, 3, ..] => Some(Fault::NeedsTls),
        _ if words.starts_with(b"HTTP/") => Some(Fault::Http1),
        _ => Some(Fault::NotOurs { first: words.to_vec() }),
    }
}

impl AsyncRead for Listened {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let room = buf.remaining();
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        if self.words.is_some() && room > 0 {
            let new = buf.filled()[before..].to_vec();
            self.hear(&outcome, &new);
        }
        Poll::Ready(outcome)
    }
}

writes_through!(Listened);

impl Drop for Listened {
    /// A connection that is given up before it said a word has nothing more to say.
    fn drop(&mut self) {
        if let Some(words) = self.words.take() {
            self.ear.put(Heard::Wrong(cut_off(&words)));
        }
    }
}
