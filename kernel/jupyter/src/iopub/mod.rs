//! Output on its way to all clients: one ordered, bounded queue and the task that publishes it.
//!
//! `backlog` is the order of things (pure), `queue` makes producers wait and the publisher wake, and
//! `publisher` owns the socket.

mod backlog;
pub(crate) mod publisher;
mod queue;

use crate::limits::Piece;
use crate::reply;
use crate::wire::{Composer, Header, Message};
use backlog::{Item, Outgoing};
use queue::Queue;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The way to all clients; every method may be called from any thread.
pub(crate) struct Iopub {
    composer: Arc<Composer>,
    queue: Queue,
    /// The request whose cell runs. Guards the order of status messages: whoever holds it may queue some.
    running: Mutex<Option<Arc<Header>>>,
}

impl Iopub {
    pub(crate) fn new(composer: Arc<Composer>) -> Self {
        Self { composer, queue: Queue::default(), running: Mutex::new(None) }
    }

    /// The id of this kernel's run.
    pub(crate) fn session(&self) -> &str {
        self.composer.session()
    }

    /// Says `starting`, once, and then `idle`.
    pub(crate) fn started(&self) {
        for state in ["starting", "idle"] {
            self.status(state, None);
        }
    }

    /// Says `busy` for a request that the evaluation thread takes up.
    pub(crate) fn begin(&self, parent: &Arc<Header>) {
        let mut running = self.running();
        *running = Some(parent.clone());
        self.status("busy", Some(parent));
    }

    /// Says `idle` for it.
    pub(crate) fn end(&self, parent: &Arc<Header>) {
        let mut running = self.running();
        *running = None;
        self.status("idle", Some(parent));
    }

    /// Whether a cell runs.
    pub(crate) fn is_running(&self) -> bool {
        self.running().is_some()
    }

    /// Brackets a request that is answered while a cell may be running; the cell's `busy` is said again,
    /// or front ends would take the kernel for idle.
    pub(crate) fn aside<T>(&self, parent: &Arc<Header>, work: impl FnOnce() -> T) -> T {
        self.status("busy", Some(parent));
        let answer = work();
        let running = self.running();
        self.status("idle", Some(parent));
        if let Some(cell) = running.as_ref() {
            self.status("busy", Some(cell));
        }
        answer
    }

    /// Queues a message at once.
    pub(crate) fn send(&self, message: &Message, parent: Option<&Arc<Header>>) {
        self.queue.push(Item::Message(self.outgoing(message, parent, None)));
    }

    /// Queues an output of a cell, once there is room or `stop` says that the cell is to end.
    pub(crate) fn output(&self, message: &Message, parent: &Arc<Header>, stop: &dyn Fn() -> bool) {
        let outgoing = self.outgoing(message, Some(parent), None);
        self.queue.wait_for_room(stop);
        self.queue.push(Item::Message(outgoing));
    }

    /// Queues text of a cell, once there is room; text of a cell that is to end is dropped.
    pub(crate) fn text(&self, piece: &Piece, parent: &Arc<Header>, stop: &dyn Fn() -> bool) {
        if self.queue.wait_for_room(stop) {
            self.queue.push_text(parent, piece);
        }
    }

    /// Lets waiting text go now, because something else waits for it to be seen.
    pub(crate) fn flush(&self) {
        self.queue.push(Item::Barrier(tokio::sync::oneshot::channel().0));
    }

    /// Resolves once everything queued so far has left the socket.
    pub(crate) fn barrier(&self) -> tokio::sync::oneshot::Receiver<()> {
        let (passed, barrier) = tokio::sync::oneshot::channel();
        self.queue.push(Item::Barrier(passed));
        barrier
    }

    /// Waits until a client listens, so that first outputs are heard.
    pub(crate) fn wait_for_subscriber(&self, at_most: Duration) {
        self.queue.wait_for_subscriber(at_most);
    }

    fn status(&self, state: &'static str, parent: Option<&Arc<Header>>) {
        let message = reply::status(state);
        self.queue.push(Item::Message(self.outgoing(&message, parent, Some(state))));
    }

    fn outgoing(&self, message: &Message, parent: Option<&Arc<Header>>, state: Option<&'static str>) -> Outgoing {
        let topic = format!("kernel.{}.{}", self.composer.session(), message.kind).into_bytes();
        let frames = self.composer.frames(message, parent.map(Arc::as_ref));
        Outgoing { frames: std::iter::once(topic).chain(frames).collect(), state }
    }

    fn running(&self) -> MutexGuard<'_, Option<Arc<Header>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
