//! Questions about the kernel and about code. They are answered while a cell runs, from what the session
//! knew before it.

use crate::content::{CommOpen, History, IsComplete, Pointed};
use crate::kernel::Kernel;
use crate::process::log;
use crate::reply;
use crate::router::Outbox;
use crate::wire::{Message, Request};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Answers a question on the channel that brought it.
pub(crate) fn answer(kernel: &Kernel, channel: &Outbox, request: &Request) {
    let work = || {
        // A bug in an answer must not silence all later ones.
        let answer = catch_unwind(AssertUnwindSafe(|| compose(kernel, request)));
        match answer {
            Ok(Some(message)) => channel.reply(request, &message),
            Ok(None) => {}
            Err(_) => log(&format!("a bug in the answer to a message of type `{}`", request.header.kind)),
        }
    };
    kernel.iopub.aside(&request.header, work);
}

fn compose(kernel: &Kernel, request: &Request) -> Option<Message> {
    let known = || kernel.assistant();
    match request.header.kind.as_str() {
        "kernel_info_request" => Some(reply::kernel_info()),
        "comm_info_request" => Some(Message::new("comm_info_reply", json!({ "status": "ok", "comms": {} }))),
        "complete_request" => read("complete_reply", request, |asked: Pointed| {
            reply::complete(&known().complete(&asked.code, asked.cursor()))
        }),
        "inspect_request" => read("inspect_reply", request, |asked: Pointed| {
            reply::inspect(known().inspect(&asked.code, asked.cursor(), asked.detail_level))
        }),
        "is_complete_request" => read("is_complete_reply", request, |asked: IsComplete| {
            reply::is_complete(&known().completeness(&asked.code))
        }),
        "history_request" => read("history_reply", request, |asked: History| {
            reply::history(&known().history(&asked.query()), asked.output)
        }),
        "comm_open" => {
            close_comm(kernel, request);
            None
        }
        "comm_msg" | "comm_close" => None,
        unknown => {
            log(&format!("ignored a message of the unknown type `{unknown}`"));
            None
        }
    }
}

/// A reply to what a request says, or one that says what is wrong with it.
fn read<T: DeserializeOwned>(
    kind: &'static str,
    request: &Request,
    reply: impl FnOnce(T) -> Message,
) -> Option<Message> {
    Some(match serde_json::from_str(request.content.get()) {
        Ok(asked) => reply(asked),
        Err(error) => reply::malformed(kind, &error),
    })
}

fn close_comm(kernel: &Kernel, request: &Request) {
    if let Ok(opened) = serde_json::from_str::<CommOpen>(request.content.get()) {
        let message = Message::new("comm_close", json!({ "comm_id": opened.comm_id, "data": {} }));
        kernel.iopub.send(&message, Some(&request.header));
    }
}
