//! `--json`: an object a line for each top-level statement.

use cleave_session::output::{Failed, Outcome, Ran, StageFacts};
use serde_json::{Value, json};

/// All records, one a line; a failed program's error is the last.
pub(crate) fn lines(outcome: &Outcome) -> String {
    let mut out: String = outcome.statements.iter().map(|ran| format!("{}\n", record(ran))).collect();
    if let Some(failed) = &outcome.failed {
        out += &format!("{}\n", error(failed));
    }
    out
}

/// The same fields as a statement's, so that readers need not look first what they have.
fn error(failed: &Failed) -> Value {
    let place = failed.diagnostics.first().and_then(|d| Some((&d.source, d.labels.first()?.span.start)));
    let line = place.map(|(source, at)| source.line_of(at));
    json!({
        "line": line,
        "source": place.zip(line).and_then(|((source, _), line)| source.text.lines().nth(line - 1)),
        "kind": "error",
        "code": failed.code,
        "text": failed.message,
        "wall_s": 0.0,
        "cpu_s": 0.0,
        "peak_bytes": 0,
        "stages": [],
    })
}

fn record(ran: &Ran) -> Value {
    json!({
        "line": ran.line,
        "source": &*ran.source,
        "kind": ran.kind,
        "text": ran.text,
        "wall_s": ran.wall_s,
        "cpu_s": ran.cpu_s,
        "peak_bytes": ran.peak_bytes,
        "stages": ran.stages.iter().map(stage).collect::<Vec<_>>(),
    })
}

fn stage(stage: &StageFacts) -> Value {
    json!({
        "flow": stage.flow,
        "wall_s": stage.wall_s,
        "cpu_s": stage.cpu_s,
        "tasks": stage.tasks,
        "elements": stage.elements,
    })
}
