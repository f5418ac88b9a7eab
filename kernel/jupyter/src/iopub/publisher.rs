//! The task that owns the output socket: it welcomes subscribers and publishes the queue.

use super::Iopub;
use super::backlog::Item;
use crate::reply;
use crate::sockets::Listener;
use crate::wire::Message;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use zeromq::{Socket, SocketRecv, SocketSend, XPubSocket, ZmqError, ZmqMessage};

/// One stalled subscriber holds up all. TCP on Linux cuts it off sooner by itself; where it does not, the
/// socket is opened anew, and clients that are alive come back.
const STALLED_AFTER: Duration = Duration::from_secs(15);
/// A socket that fails at once is not asked again before this.
const AFTER_FAILURE: Duration = Duration::from_millis(5);

/// Publishes until the runtime ends.
pub(crate) async fn publish(iopub: Arc<Iopub>, mut socket: XPubSocket, listener: Listener) {
    let mut state = "starting";
    loop {
        let sent = tokio::select! {
            subscription = socket.recv() => welcome(&iopub, &mut socket, subscription, state).await,
            item = iopub.queue.next() => {
                if let Item::Message(outgoing) = &item {
                    state = outgoing.state.unwrap_or(state);
                }
                send(&iopub, &mut socket, item).await
            }
        };
        if sent.is_err() {
            socket = reopened(&listener, socket).await;
        }
    }
}

/// A subscriber did not read for too long.
struct Stalled;

async fn welcome(
    iopub: &Iopub,
    socket: &mut XPubSocket,
    subscription: Result<ZmqMessage, ZmqError>,
    state: &'static str,
) -> Result<(), Stalled> {
    let Ok(subscription) = subscription else {
        tokio::time::sleep(AFTER_FAILURE).await;
        return Ok(());
    };
    let Some([1, topic @ ..]) = subscription.get(0).map(AsRef::as_ref) else { return Ok(()) };
    let welcome = Message::new("iopub_welcome", json!({ "subscription": String::from_utf8_lossy(topic) }));
    for message in [welcome, reply::status(state)] {
        let frames = iopub.composer.frames(&message, None);
        transmit(socket, std::iter::once(topic.to_vec()).chain(frames).collect()).await?;
    }
    iopub.queue.subscribed();
    Ok(())
}

async fn send(iopub: &Iopub, socket: &mut XPubSocket, item: Item) -> Result<(), Stalled> {
    match item {
        Item::Message(outgoing) => transmit(socket, outgoing.frames).await,
        Item::Text(text) => {
            let message = reply::stream(text.piece.error, &text.piece.text);
            transmit(socket, iopub.outgoing(&message, Some(&text.parent), None).frames).await
        }
        Item::Barrier(passed) => {
            let _ = passed.send(());
            Ok(())
        }
    }
}

/// What fails for one subscriber is no failure for the others.
async fn transmit(socket: &mut XPubSocket, frames: Vec<Vec<u8>>) -> Result<(), Stalled> {
    let Some(message) = crate::router::message(frames) else { return Ok(()) };
    match tokio::time::timeout(STALLED_AFTER, socket.send(message)).await {
        Ok(_) => Ok(()),
        Err(_) => Err(Stalled),
    }
}

async fn reopened(listener: &Listener, stalled: XPubSocket) -> XPubSocket {
    stalled.close().await;
    let mut socket = XPubSocket::new();
    while let Err(error) = listener.open(&mut socket).await {
        crate::process::log(&format!("the output socket cannot be opened again: {error}"));
        tokio::time::sleep(STALLED_AFTER).await;
    }
    socket
}
