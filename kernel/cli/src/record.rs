//! `--json`: an object a line for each top-level statement.

use cleave_session::output::{Outcome, Ran, StageFacts};
use serde_json::{Value, json};

/// All records, one a line; a failed program's error is the last.
pub(crate) fn lines(outcome: &Outcome) -> String {
    let mut out: String = outcome.statements.iter().map(|ran| format!("{}\n", record(ran))).collect();
    if let Some(failed) = &outcome.failed {
        let line = failed.diagnostics.first().and_then(|d| Some(d.source.line_of(d.labels.first()?.span.start)));
        let error = json!({"kind": "error", "line": line, "code": failed.code, "text": failed.message});
        out += &format!("{error}\n");
    }
    out
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
