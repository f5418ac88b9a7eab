//! Receiving requests on a routed socket and sending replies to whoever asked.

use crate::process::log;
use crate::wire::{Composer, Header, Message, Request};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use zeromq::{RouterRecvHalf, RouterSendHalf, SocketRecv, SocketSend, ZmqMessage};

/// Replies of one channel that wait for their socket. A client that reads no replies loses those beyond.
const WAITING_REPLIES: usize = 4096;

/// The way back to the clients of one channel; usable from any thread, never waits.
#[derive(Clone)]
pub(crate) struct Outbox {
    composer: Arc<Composer>,
    waiting: mpsc::Sender<ZmqMessage>,
}

impl Outbox {
    /// An outbox whose messages the task `deliver` sends.
    pub(crate) fn new(composer: Arc<Composer>) -> (Self, mpsc::Receiver<ZmqMessage>) {
        let (waiting, messages) = mpsc::channel(WAITING_REPLIES);
        (Self { composer, waiting }, messages)
    }

    /// Answers a request.
    pub(crate) fn reply(&self, request: &Request, message: &Message) {
        self.send(&request.identities, &request.header, message);
    }

    /// Sends to the client with these identities.
    pub(crate) fn send(&self, identities: &[Vec<u8>], parent: &Header, message: &Message) {
        let frames = self.composer.frames(message, Some(parent));
        let Some(routed) = self::message(identities.iter().cloned().chain(frames).collect()) else { return };
        if self.waiting.try_send(routed).is_err() {
            log("a client reads no replies; one is dropped");
        }
    }
}

/// Sends what an outbox holds; a client that is gone concerns nobody else.
pub(crate) async fn deliver(mut socket: RouterSendHalf, mut messages: mpsc::Receiver<ZmqMessage>) {
    while let Some(message) = messages.recv().await {
        let _ = socket.send(message).await;
    }
}

/// Hands on every good request; others are logged and dropped.
pub(crate) async fn receive(mut socket: RouterRecvHalf, composer: Arc<Composer>, mut take: impl FnMut(Request)) {
    loop {
        let Ok(message) = socket.recv().await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        match composer.decode(&message.into_vec()) {
            Ok(request) => take(request),
            Err(error) => log(&format!("dropped {error}")),
        }
    }
}

/// Frames as the socket library takes them; none for no frames.
pub(crate) fn message(frames: Vec<Vec<u8>>) -> Option<ZmqMessage> {
    let mut frames = frames.into_iter();
    let mut message = ZmqMessage::from(frames.next()?);
    frames.for_each(|frame| message.push_back(frame.into()));
    Some(message)
}
