//! Requests that overtake others, answered at once on the socket threads.

use crate::content;
use crate::kernel::{ExitReason, Kernel};
use crate::questions;
use crate::router::Outbox;
use crate::wire::{Message, Request};
use serde_json::json;

/// Answers a request of the control channel.
pub(crate) fn take(kernel: &Kernel, request: &Request) {
    answer(kernel, &kernel.control, request);
}

/// Answers a request on the channel that brought it.
pub(crate) fn answer(kernel: &Kernel, channel: &Outbox, request: &Request) {
    match request.header.kind.as_str() {
        "interrupt_request" => interrupt(kernel, channel, request),
        "shutdown_request" => shutdown(kernel, channel, request),
        "debug_request" => refuse_debugger(kernel, channel, request),
        _ => questions::answer(kernel, channel, request),
    }
}

fn interrupt(kernel: &Kernel, channel: &Outbox, request: &Request) {
    kernel.interrupt();
    let reply = Message::new("interrupt_reply", json!({ "status": "ok" }));
    kernel.iopub.aside(&request.header, || channel.reply(request, &reply));
}

fn shutdown(kernel: &Kernel, channel: &Outbox, request: &Request) {
    let asked: content::Shutdown = serde_json::from_str(request.content.get()).unwrap_or_default();
    let reply = Message::new("shutdown_reply", json!({ "status": "ok", "restart": asked.restart }));
    kernel.iopub.aside(&request.header, || {
        channel.reply(request, &reply);
        kernel.iopub.send(&reply, Some(&request.header));
    });
    kernel.exit(ExitReason::Shutdown { restart: asked.restart });
}

fn refuse_debugger(kernel: &Kernel, channel: &Outbox, request: &Request) {
    let asked: content::Debug = serde_json::from_str(request.content.get()).unwrap_or_default();
    let content = json!({ "type": "response", "success": false, "request_seq": asked.seq, "seq": 0,
        "command": asked.command, "message": "this kernel has no debugger" });
    kernel.iopub.aside(&request.header, || channel.reply(request, &Message::new("debug_reply", content)));
}
