//! What waits to be published, in order. Text that follows text of the same stream and cell joins it.

use crate::limits::Piece;
use crate::wire::Header;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Text waits so long for more of it.
const FLUSH_AFTER: Duration = Duration::from_millis(30);
/// Text of this size waits no longer.
const FLUSH_BYTES: usize = 64 << 10;
/// Text of this size takes no more in.
const JOINED_BYTES: usize = 256 << 10;
/// What a message costs besides its frames.
const ITEM_BYTES: usize = 256;

/// Things that wait.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    items: VecDeque<Item>,
    bytes: usize,
}

/// One thing that waits.
#[derive(Debug)]
pub(super) enum Item {
    Message(Outgoing),
    Text(Text),
    /// Resolves when everything before it is out.
    Barrier(oneshot::Sender<()>),
}

/// A message as frames, its topic first.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) frames: Vec<Vec<u8>>,
    /// The state it tells, if it is a status.
    pub(super) state: Option<&'static str>,
}

/// Text of one stream of one cell.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) parent: Arc<Header>,
    pub(super) piece: Piece,
    born: Instant,
}

/// What the publisher is to do.
#[derive(Debug)]
pub(super) enum Next {
    Send(Item),
    WaitUntil(Instant),
    Wait,
}

impl Backlog {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, item: Item) {
        self.bytes += item.bytes();
        self.items.push_back(item);
    }

    pub(super) fn push_text(&mut self, parent: &Arc<Header>, piece: &Piece, now: Instant) {
        if let Some(Item::Text(last)) = self.items.back_mut()
            && last.takes(parent, piece)
        {
            last.piece.text.push_str(&piece.text);
            self.bytes += piece.text.len();
            return;
        }
        self.push(Item::Text(Text { parent: parent.clone(), piece: piece.clone(), born: now }));
    }

    pub(super) fn next(&mut self, now: Instant) -> Next {
        if let (Some(Item::Text(text)), 1) = (self.items.front(), self.items.len()) {
            let due = text.born + FLUSH_AFTER;
            if text.piece.text.len() < FLUSH_BYTES && now < due {
                return Next::WaitUntil(due);
            }
        }
        let Some(item) = self.items.pop_front() else { return Next::Wait };
        self.bytes -= item.bytes();
        Next::Send(item)
    }
}

impl Item {
    fn bytes(&self) -> usize {
        ITEM_BYTES
            + match self {
                Self::Message(outgoing) => outgoing.frames.iter().map(Vec::len).sum(),
                Self::Text(text) => text.piece.text.len(),
                Self::Barrier(_) => 0,
            }
    }
}

impl Text {
    fn takes(&self, parent: &Arc<Header>, piece: &Piece) -> bool {
        Arc::ptr_eq(&self.parent, parent)
            && self.piece.error == piece.error
            && self.piece.text.len() + piece.text.len() <= JOINED_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Composer, Key, Message};

    fn header() -> Arc<Header> {
        let composer = Composer::new(Key::new(""));
        let message = Message::new("execute_request", serde_json::json!({}));
        composer.decode(&composer.frames(&message, None)).expect("a good message").header
    }

    fn piece(error: bool, text: &str) -> Piece {
        Piece { error, text: text.to_owned() }
    }

    /// Everything that is due, as `out:…`, `err:…`, `message` and `|`.
    fn drain(backlog: &mut Backlog, now: Instant) -> String {
        let mut seen = Vec::new();
        while let Next::Send(item) = backlog.next(now) {
            seen.push(match item {
                Item::Message(_) => "message".to_owned(),
                Item::Barrier(_) => "|".to_owned(),
                Item::Text(Text { piece: Piece { error, text }, .. }) => {
                    format!("{}:{text}", if error { "err" } else { "out" })
                }
            });
        }
        seen.join(" ")
    }

    #[test]
    fn text_joins_text_of_its_stream_and_cell() {
        let (mut backlog, cell, now) = (Backlog::default(), header(), Instant::now());
        for (error, text) in [(false, "a"), (false, "b"), (true, "c"), (true, "d"), (false, "e")] {
            backlog.push_text(&cell, &piece(error, text), now);
        }
        backlog.push_text(&header(), &piece(false, "f"), now);
        backlog.push(Item::Message(Outgoing { frames: vec![], state: None }));
        backlog.push_text(&cell, &piece(false, "g"), now);
        assert_eq!(drain(&mut backlog, now), "out:ab err:cd out:e out:f message");
        assert_eq!(drain(&mut backlog, now + FLUSH_AFTER), "out:g");
        assert_eq!(backlog.bytes(), 0);
    }

    #[test]
    fn text_waits_for_more_until_it_is_due_large_or_followed() {
        let (mut backlog, cell, now) = (Backlog::default(), header(), Instant::now());
        assert!(matches!(backlog.next(now), Next::Wait));
        backlog.push_text(&cell, &piece(false, "a"), now);
        assert!(matches!(backlog.next(now), Next::WaitUntil(due) if due == now + FLUSH_AFTER));
        backlog.push(Item::Barrier(oneshot::channel().0));
        assert_eq!(drain(&mut backlog, now), "out:a |");
        backlog.push_text(&cell, &piece(false, &"x".repeat(FLUSH_BYTES)), now);
        assert!(matches!(backlog.next(now), Next::Send(_)));
    }

    #[test]
    fn joined_text_stays_small() {
        let (mut backlog, cell, now) = (Backlog::default(), header(), Instant::now());
        for _ in 0..10 {
            backlog.push_text(&cell, &piece(false, &"x".repeat(100 << 10)), now);
        }
        assert_eq!(drain(&mut backlog, now + FLUSH_AFTER).split(' ').count(), 5);
    }
}
