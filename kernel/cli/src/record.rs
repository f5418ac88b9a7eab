//! `--json`: an object a line for each top-level statement.

use cleave_session::Output;
use cleave_session::output::{
    CardStage, EstimateFacts, Failed, Outcome, PlanFacts, PlanStage, Ran, RunFacts, Shown, StageFacts,
};
use serde_json::{Value, json};

/// All records, one a line; a failed program's error is the last.
pub(crate) fn lines(outcome: &Outcome) -> String {
    let mut out: String = outcome.statements.iter().map(|ran| format!("{}\n", record(ran))).collect();
    if let Some(failed) = &outcome.failed {
        out += &format!("{}\n", error(failed));
    }
    out
}

/// The plans that were shown, one a line; a failed program's error is the last.
pub(crate) fn plans(shown: &[Output], outcome: &Outcome) -> String {
    let plan = |output: &Output| match output {
        Output::Show(Shown::Plan(facts)) | Output::Result(Shown::Plan(facts)) => Some(format!("{}\n", plan(facts))),
        _ => None,
    };
    let mut out: String = shown.iter().filter_map(plan).collect();
    if let Some(failed) = &outcome.failed {
        out += &format!("{}\n", error(failed));
    }
    out
}

fn plan(facts: &PlanFacts) -> Value {
    let mut value = estimate(&facts.estimate);
    value["title"] = facts.title.as_str().into();
    value["threads"] = facts.threads.into();
    value["limit_bytes"] = facts.limit_bytes.into();
    if let Some(choice) = &facts.choice {
        value["auto"] = json!({ "picked": choice.picked, "why": choice.why });
    }
    value["stages"] = facts.stages.iter().map(planned_stage).collect();
    value["kept"] = facts.kept.iter().map(|k| json!({ "name": k.name, "bytes": k.bytes, "fate": k.fate })).collect();
    value["advice"] = facts.advice.iter().map(|a| json!({ "source": a.source, "better": a.better.to_vec() })).collect();
    value
}

fn planned_stage(stage: &PlanStage) -> Value {
    json!({
        "predicted_s": stage.seconds,
        "tasks": stage.tasks,
        "elements": stage.elements,
        "flops": stage.flops,
        "computed_bytes": stage.computed_bytes,
        "read_bytes": stage.read_bytes,
        "written_bytes": stage.written_bytes,
        "predicted_peak_bytes": stage.bytes,
        "dominant": stage.kind,
    })
}

/// What was predicted, before anything ran.
fn estimate(facts: &EstimateFacts) -> Value {
    json!({
        "predicted_s": facts.seconds,
        "low_s": facts.low_s,
        "high_s": facts.high_s,
        "predicted_peak_bytes": facts.peak_bytes,
        "predicted_read_bytes": facts.read_bytes,
        "predicted_written_bytes": facts.written_bytes,
        "flops": facts.flops,
        "computed_bytes": facts.computed_bytes,
        "dominant": facts.kind,
        "measured": facts.measured,
    })
}

/// What a computation took beside what was predicted.
fn run(facts: &RunFacts) -> Value {
    let mut value = facts.predicted.as_ref().map_or_else(|| json!({}), estimate);
    value["wall_s"] = facts.wall_s.into();
    value["cpu_s"] = (facts.user_s + facts.sys_s).into();
    value["peak_bytes"] = facts.peak_bytes.into();
    value["limit_bytes"] = facts.limit_bytes.into();
    value["read_bytes"] = facts.read_bytes.into();
    value["written_bytes"] = facts.written_bytes.into();
    value["spilled_bytes"] = facts.spilled_bytes.into();
    if let Some(choice) = &facts.choice {
        value["auto"] = json!({ "picked": choice.picked, "why": choice.why });
    }
    if let Some(card) = &facts.card {
        let stages: Vec<Value> = card.stages.iter().map(card_stage).collect();
        value["card"] = json!({ "device": card.device, "open_s": card.open_s, "stages": stages });
    }
    value
}

/// What a GPU did of a stage.
fn card_stage(stage: &CardStage) -> Value {
    let left: Vec<Value> = stage.left.iter().map(|(tasks, why)| json!({ "tasks": tasks, "why": why })).collect();
    json!({
        "stage": stage.stage + 1,
        "tasks": stage.tasks,
        "done": stage.done,
        "products": stage.products,
        "left": left,
        "kernels": stage.kernels,
        "registers": stage.registers,
        "launches": stage.launches,
        "compile_s": stage.compile_s,
        "compute_s": stage.compute_s,
        "up_bytes": stage.up.0,
        "up_s": stage.up.1,
        "down_bytes": stage.down.0,
        "down_s": stage.down.1,
        "memory_bytes": stage.memory_bytes,
        "flops": stage.flops,
        "of_memory": stage.of_memory,
        "of_arithmetic": stage.of_arithmetic,
    })
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
        "runs": [],
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
        "runs": ran.runs.iter().map(run).collect::<Vec<_>>(),
    })
}

fn stage(stage: &StageFacts) -> Value {
    json!({
        "flow": stage.flow,
        "wall_s": stage.wall_s,
        "predicted_s": stage.predicted_s,
        "cpu_s": stage.cpu_s,
        "tasks": stage.tasks,
        "elements": stage.elements,
    })
}
