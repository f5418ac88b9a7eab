//! Questions to the user in the middle of a cell.

use crate::content::InputReply;
use crate::router::Outbox;
use crate::wire::{Message, Request};
use cleave_session::InputError;
use serde_json::json;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A waiting cell looks so often whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The way to the user who runs a cell.
pub(crate) struct Stdin {
    outbox: Outbox,
    /// Where the answer to the open question goes.
    waiting: Mutex<Option<mpsc::Sender<String>>>,
}

impl Stdin {
    pub(crate) fn new(outbox: Outbox) -> Self {
        Self { outbox, waiting: Mutex::new(None) }
    }

    /// Asks the client that sent a request, and waits for its answer until `stop`.
    pub(crate) fn ask(
        &self,
        request: &Request,
        prompt: &str,
        password: bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<String, InputError> {
        let (answer, answers) = mpsc::channel();
        self.expect(Some(answer));
        self.outbox.reply(request, &Message::new("input_request", json!({ "prompt": prompt, "password": password })));
        let answer = loop {
            match answers.recv_timeout(LOOK_EVERY) {
                Ok(answer) => break Ok(answer),
                Err(RecvTimeoutError::Timeout) if !stop() => {}
                Err(_) => break Err(InputError::Interrupted),
            }
        };
        self.expect(None);
        answer
    }

    /// Takes an answer; one that nobody waits for any more is dropped.
    pub(crate) fn take(&self, reply: &Request) {
        let Ok(reply) = serde_json::from_str::<InputReply>(reply.content.get()) else { return };
        if let Some(waiting) = self.expect(None) {
            let _ = waiting.send(reply.value);
        }
    }

    fn expect(&self, answer: Option<mpsc::Sender<String>>) -> Option<mpsc::Sender<String>> {
        std::mem::replace(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner), answer)
    }
}
