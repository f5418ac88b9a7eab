//! What we say: one function a message.

use crate::wire::{Message, PROTOCOL_VERSION};
use cleave_render::{bundle, error_ansi};
use cleave_session::assist::{Completeness, Completions, HistoryEntry};
use cleave_session::output::{Failed, HelpFacts, Payload, Shown};
use serde_json::{Map, Value, json};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Bundles above this freeze browsers; their heaviest forms are left out.
const LARGEST_BUNDLE_BYTES: usize = 10_000_000;

impl Message {
    pub(crate) fn new(kind: &'static str, content: Value) -> Self {
        Self { kind, metadata: json!({}), content }
    }
}

/// `busy`, `idle` or `starting`.
pub(crate) fn status(state: &str) -> Message {
    Message::new("status", json!({ "execution_state": state }))
}

pub(crate) fn stream(error: bool, text: &str) -> Message {
    Message::new("stream", json!({ "name": if error { "stderr" } else { "stdout" }, "text": text }))
}

/// An output with its forms; one with an id can be replaced later.
pub(crate) fn display(kind: &'static str, data: Value, id: Option<&str>) -> Message {
    let transient = id.map_or(json!({}), |id| json!({ "display_id": id }));
    Message::new(kind, json!({ "data": data, "metadata": {}, "transient": transient }))
}

/// The forms of something rich by MIME type.
pub(crate) fn data(shown: &Shown) -> Value {
    let mut forms: Vec<(&str, String)> = bundle(shown).0;
    forms.sort_by_key(|(_, text)| text.len());
    let mut room = LARGEST_BUNDLE_BYTES;
    let total = forms.len();
    let mut data: Map<String, Value> = Map::new();
    for (mime, text) in forms {
        if text.len() <= room {
            room -= text.len();
            data.insert(mime.to_owned(), text.into());
        }
    }
    if data.len() < total && !data.contains_key("text/plain") {
        data.insert("text/plain".to_owned(), "(too large to show)".into());
    }
    data.into()
}

pub(crate) fn execute_result(count: u32, data: Value) -> Message {
    Message::new("execute_result", json!({ "execution_count": count, "data": data, "metadata": {} }))
}

pub(crate) fn execute_input(count: u32, code: &str) -> Message {
    Message::new("execute_input", json!({ "execution_count": count, "code": code }))
}

pub(crate) fn error(failed: &Failed) -> Message {
    Message::new("error", failure(failed))
}

/// The three fields that tell of an error, in outputs, replies and user expressions.
pub(crate) fn failure(failed: &Failed) -> Value {
    json!({ "ename": failed.code, "evalue": failed.message, "traceback": error_ansi(failed) })
}

/// A reply to a request whose content is not what the protocol says.
pub(crate) fn malformed(kind: &'static str, error: &serde_json::Error) -> Message {
    let evalue = error.to_string();
    Message::new(
        kind,
        json!({ "status": "error", "ename": "malformed-request", "evalue": evalue, "traceback": [evalue] }),
    )
}

pub(crate) fn aborted() -> Message {
    Message::new("execute_reply", json!({ "status": "aborted" }))
}

pub(crate) fn payload(payload: &Payload) -> Value {
    match payload {
        Payload::NextInput { text, replace } => {
            json!({ "source": "set_next_input", "text": text, "replace": replace })
        }
        Payload::Exit => json!({ "source": "ask_exit", "keepkernel": false }),
    }
}

pub(crate) fn page(data: Value) -> Value {
    json!({ "source": "page", "data": data, "start": 0 })
}

pub(crate) fn complete(found: &Completions) -> Message {
    let texts: Vec<&str> = found.matches.iter().map(|found| found.text.as_str()).collect();
    let types: Vec<Value> = found
        .matches
        .iter()
        .map(|one| {
            json!({ "start": found.start, "end": found.end, "text": one.text, "type": one.kind,
                "signature": one.signature })
        })
        .collect();
    Message::new(
        "complete_reply",
        json!({ "status": "ok", "matches": texts, "cursor_start": found.start, "cursor_end": found.end,
            "metadata": { "_jupyter_types_experimental": types } }),
    )
}

pub(crate) fn inspect(found: Option<HelpFacts>) -> Message {
    let data = found.as_ref().map(|help| data(&Shown::Help(Box::new(help.clone()))));
    Message::new(
        "inspect_reply",
        json!({ "status": "ok", "found": data.is_some(), "data": data.unwrap_or(json!({})), "metadata": {} }),
    )
}

pub(crate) fn is_complete(completeness: &Completeness) -> Message {
    let content = match completeness {
        Completeness::Complete => json!({ "status": "complete" }),
        Completeness::Incomplete { indent } => json!({ "status": "incomplete", "indent": indent }),
        Completeness::Invalid => json!({ "status": "invalid" }),
    };
    Message::new("is_complete_reply", content)
}

pub(crate) fn history(entries: &[HistoryEntry], with_output: bool) -> Message {
    let entry = |entry: &HistoryEntry| match with_output {
        true => json!([entry.session, entry.line, [entry.input, entry.output]]),
        false => json!([entry.session, entry.line, entry.input]),
    };
    let entries: Vec<Value> = entries.iter().map(entry).collect();
    Message::new("history_reply", json!({ "status": "ok", "history": entries }))
}

pub(crate) fn kernel_info() -> Message {
    Message::new(
        "kernel_info_reply",
        json!({
            "status": "ok",
            "protocol_version": PROTOCOL_VERSION,
            "implementation": "cleave",
            "implementation_version": VERSION,
            "banner": format!("Cleave {VERSION}: chunked arrays, lazily. `name?` shows help, `%lsmagic` the magics."),
            "debugger": false,
            "supported_features": [],
            "help_links": [],
            "language_info": language_info(),
        }),
    )
}

/// The mode's second key colours cells as Python where no extension knows the first; the lexer falls back
/// to Python by itself.
fn language_info() -> Value {
    json!({
        "name": "cleave",
        "version": VERSION,
        "mimetype": "text/x-cleave",
        "file_extension": ".clv",
        "pygments_lexer": "ipython3",
        "codemirror_mode": { "name": "cleave", "mime": "text/x-python" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_with_and_without_output() {
        let entry = HistoryEntry { session: 1, line: 2, input: "a".to_owned(), output: Some("b".to_owned()) };
        assert_eq!(history(std::slice::from_ref(&entry), false).content["history"], json!([[1, 2, "a"]]));
        assert_eq!(history(&[entry], true).content["history"], json!([[1, 2, ["a", "b"]]]));
    }

    #[test]
    fn heavy_forms_are_left_out() {
        let text = "x".repeat(LARGEST_BUNDLE_BYTES + 1);
        assert_eq!(data(&Shown::Text(text))["text/plain"], "(too large to show)");
        assert_eq!(data(&Shown::Text("small".to_owned()))["text/plain"], "small");
    }

    #[test]
    fn completions_carry_their_types() {
        let one = cleave_session::assist::Completion {
            text: "ones".to_owned(),
            kind: "function".to_owned(),
            ..Default::default()
        };
        let reply = complete(&Completions { start: 1, end: 3, matches: vec![one] }).content;
        assert_eq!((&reply["matches"], &reply["cursor_start"]), (&json!(["ones"]), &json!(1)));
        assert_eq!(reply["metadata"]["_jupyter_types_experimental"][0]["type"], "function");
    }
}
