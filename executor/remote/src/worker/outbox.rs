//! Events on their way to the kernel: several in one message, as peers close connections that carry many small
//! ones, and none for a second means an empty message, so that the worker is heard of.

use crate::proto::{Event, Events, event};
use prost::Message;
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep_until, timeout};
use tonic::Status;

/// The least time between two messages, and the bytes after which one is full.
const EVERY: Duration = Duration::from_millis(5);
const FULL_BYTES: usize = 16 << 10;
/// How often there is a message even if nothing happens.
const BEAT: Duration = Duration::from_secs(1);

/// Takes events from any thread.
#[derive(Clone)]
pub(super) struct Outbox(UnboundedSender<Event>);

impl Outbox {
    /// One whose events go to `out`, until nobody takes them.
    pub(super) fn new(out: mpsc::Sender<Result<Events, Status>>) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        tokio::spawn(post(events, out));
        Self(sender)
    }

    /// Sends an event, sooner or later; to nobody if nobody listens any more.
    pub(super) fn send(&self, event: event::Event) {
        let _ = self.0.send(Event { event: Some(event) });
    }
}

async fn post(mut events: UnboundedReceiver<Event>, out: mpsc::Sender<Result<Events, Status>>) {
    let mut next = Instant::now();
    loop {
        let first = match timeout(BEAT, events.recv()).await {
            Ok(Some(event)) => Some(event),
            Ok(None) => return,
            Err(_) => None,
        };
        sleep_until(next).await;
        let message = Events { events: collect(first, &mut events) };
        if out.send(Ok(message)).await.is_err() {
            return;
        }
        next = Instant::now() + EVERY;
    }
}

/// An event and those that wait behind it; of progress only the last of each share.
fn collect(first: Option<Event>, waiting: &mut UnboundedReceiver<Event>) -> Vec<Event> {
    let mut bytes = first.as_ref().map_or(0, Message::encoded_len);
    let mut all: Vec<Event> = first.into_iter().collect();
    while let Some(event) = (bytes < FULL_BYTES).then(|| waiting.try_recv().ok()).flatten() {
        bytes += event.encoded_len();
        all.push(event);
    }
    let mut seen = HashSet::new();
    let mut is_last = |event: &Event| match &event.event {
        Some(event::Event::Progress(progress)) => seen.insert(progress.share),
        _ => true,
    };
    let mut kept: Vec<Event> = all.into_iter().rev().filter(|e| is_last(e)).collect();
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Done, Progress};

    fn progress(share: u64, elements: u64) -> event::Event {
        event::Event::Progress(Progress { share, elements, ..Progress::default() })
    }

    #[tokio::test]
    async fn events_come_together_and_in_order() {
        let (out, mut messages) = mpsc::channel(16);
        let outbox = Outbox::new(out);
        for n in 0..100 {
            outbox.send(progress(n % 3, n));
        }
        outbox.send(event::Event::Done(Done { share: 7, ..Done::default() }));
        drop(outbox);
        let (mut events, mut count) = (Vec::new(), 0);
        while let Some(Ok(message)) = messages.recv().await {
            count += 1;
            events.extend(message.events);
        }
        assert!(count <= 3, "{count} messages");
        let last: Vec<u64> = events.iter().rev().take(4).filter_map(elements).collect();
        assert_eq!(last, [99, 98, 97]);
        assert!(matches!(events.last(), Some(Event { event: Some(event::Event::Done(_)) })));
    }

    fn elements(event: &Event) -> Option<u64> {
        match &event.event {
            Some(event::Event::Progress(p)) => Some(p.elements),
            _ => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken() {
        let (out, mut messages) = mpsc::channel(16);
        let _outbox = Outbox::new(out);
        for _ in 0..3 {
            let message = messages.recv().await.expect("the outbox lives").expect("it sends no errors");
            assert!(message.events.is_empty());
        }
    }
}
