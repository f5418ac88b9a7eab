//! The evaluation thread: runs cells in order and replies to each.

use crate::cell::CellIo;
use crate::clock;
use crate::content::Execute;
use crate::kernel::Kernel;
use crate::reply;
use crate::wire::{Message, Request};
use cleave_session::{Cell, Outcome, Session};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// The first cell waits so long for a client that listens.
const FIRST_LISTENER: Duration = Duration::from_secs(1);

/// Runs cells as long as the process lives.
pub(crate) fn serve(session: &mut Session, kernel: &Kernel) {
    loop {
        let request = kernel.jobs.pop();
        kernel.iopub.wait_for_subscriber(FIRST_LISTENER);
        kernel.iopub.begin(&request.header);
        let aborted = match serde_json::from_str(request.content.get()) {
            Ok(asked) => execute(session, kernel, &request, asked),
            Err(error) => {
                kernel.shell.reply(&request, &reply::malformed("execute_reply", &error));
                Vec::new()
            }
        };
        kernel.iopub.end(&request.header);
        aborted.iter().for_each(|request| abort(kernel, request));
    }
}

/// Runs a cell and replies; the answer is the requests that its failure aborts.
fn execute(session: &mut Session, kernel: &Kernel, request: &Request, asked: Execute) -> Vec<Request> {
    let cell = Cell {
        store_history: asked.store_history.unwrap_or(true) && !asked.silent,
        silent: asked.silent,
        code: asked.code,
        ..Cell::default()
    };
    let count = session.count() + 1;
    if !cell.silent {
        kernel.iopub.send(&reply::execute_input(count, &cell.code), Some(&request.header));
    }
    let started = clock::now();
    let mut io = CellIo::new(kernel, request, count, cell.silent, asked.allow_stdin);
    let outcome = session.evaluate(&cell, &mut io);
    let pages = io.finish(outcome.failed.as_ref());
    kernel.learn(session.assistant());
    // What waits is marked before the reply leaves: a client may ask anew as soon as it sees the reply.
    let aborts = outcome.failed.is_some() && asked.stop_on_error && !cell.silent;
    let aborted = if aborts { kernel.jobs.take_settled() } else { Vec::new() };
    let content = content(session, &outcome, pages, &asked.user_expressions);
    let metadata = json!({ "started": started, "status": content["status"] });
    kernel.shell.reply(request, &Message { kind: "execute_reply", metadata, content });
    aborted
}

fn content(
    session: &mut Session,
    outcome: &Outcome,
    pages: Vec<Value>,
    expressions: &BTreeMap<String, String>,
) -> Value {
    if let Some(failed) = &outcome.failed {
        let mut content = reply::failure(failed);
        content["status"] = "error".into();
        content["execution_count"] = outcome.count.into();
        content["payload"] = pages.into();
        content["user_expressions"] = json!({});
        return content;
    }
    let payload: Vec<Value> = pages.into_iter().chain(outcome.payloads.iter().map(reply::payload)).collect();
    let values: Map<String, Value> =
        expressions.iter().map(|(name, code)| (name.clone(), expression(session, code))).collect();
    json!({ "status": "ok", "execution_count": outcome.count, "payload": payload, "user_expressions": values })
}

fn expression(session: &mut Session, code: &str) -> Value {
    match session.user_expression(code) {
        Ok(shown) => json!({ "status": "ok", "data": reply::data(&shown), "metadata": {} }),
        Err(failed) => {
            let mut value = reply::failure(&failed);
            value["status"] = "error".into();
            value
        }
    }
}

fn abort(kernel: &Kernel, request: &Request) {
    kernel.iopub.begin(&request.header);
    kernel.shell.reply(request, &reply::aborted());
    kernel.iopub.end(&request.header);
}
