//! A run as a trace that Perfetto and browsers open: a track for the stages, one for each thread of each worker.

use crate::output::{LaneFacts, RunFacts, Span};
use serde_json::{Value, json};
use std::time::Duration;

/// The stages' own process in the trace; workers follow.
const STAGES: usize = 0;

/// As JSON in the trace event format.
pub fn trace_json(run: &RunFacts) -> String {
    let mut events = vec![named("process_name", STAGES, 0, &format!("stages on {}", run.scheduler))];
    events.extend(stages(run));
    for (i, lane) in run.lanes.iter().enumerate() {
        events.extend(worker(i + 1, lane, run));
    }
    json!({ "displayTimeUnit": "ms", "traceEvents": events }).to_string()
}

/// The stages one after the other.
fn stages(run: &RunFacts) -> Vec<Value> {
    let mut events = Vec::new();
    let mut start_s = 0.0;
    for (i, stage) in run.stages.iter().enumerate() {
        let about = json!({
            "steps": stage.flow.join(" → "), "tasks": stage.tasks, "elements": stage.elements,
            "thread_seconds": stage.cpu_s, "predicted_seconds": stage.predicted_s,
        });
        let name = format!("stage {}", i + 1);
        events.push(json!({
            "ph": "X", "pid": STAGES, "tid": 0, "cat": "stage", "name": name,
            "ts": micros(start_s), "dur": micros(stage.wall_s), "args": about,
        }));
        start_s += stage.wall_s;
    }
    events
}

/// A worker's shares; what ran at the same time is on several tracks.
fn worker(pid: usize, lane: &LaneFacts, run: &RunFacts) -> Vec<Value> {
    let mut events = vec![named("process_name", pid, 0, &lane.endpoint)];
    let mut spans: Vec<&Span> = lane.spans.iter().collect();
    spans.sort_by_key(|s| (s.start, s.end));
    let mut tracks: Vec<Duration> = Vec::new();
    for span in spans {
        let free = tracks.iter().position(|end| *end <= span.start);
        let track = free.unwrap_or_else(|| {
            tracks.push(Duration::ZERO);
            tracks.len() - 1
        });
        tracks[track] = span.end;
        events.push(share(pid, track, span, run));
    }
    events.extend((0..tracks.len()).map(|t| named("thread_name", pid, t, &format!("share {}", t + 1))));
    events
}

fn share(pid: usize, track: usize, span: &Span, run: &RunFacts) -> Value {
    let steps = run.stages.get(span.stage).map_or_else(String::new, |s| s.flow.join(" → "));
    json!({
        "ph": "X", "pid": pid, "tid": track, "cat": if span.counted { "share" } else { "lost" },
        "name": format!("stage {}", span.stage + 1), "ts": micros(span.start.as_secs_f64()),
        "dur": micros(span.end.saturating_sub(span.start).as_secs_f64()),
        "args": { "steps": steps, "tasks": span.tasks, "attempt": span.attempt, "counted": span.counted },
    })
}

fn named(kind: &str, pid: usize, tid: usize, name: &str) -> Value {
    json!({ "ph": "M", "pid": pid, "tid": tid, "name": kind, "args": { "name": name } })
}

fn micros(seconds: f64) -> f64 {
    (seconds * 1e6).round()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::StageFacts;

    fn span(start: u64, end: u64) -> Span {
        let at = Duration::from_millis;
        Span { stage: 0, start: at(start), end: at(end), tasks: 3, attempt: 1, counted: true }
    }

    #[test]
    fn what_overlaps_is_on_several_tracks_of_its_worker() {
        let lane = LaneFacts {
            endpoint: "a:1".to_owned(),
            spans: vec![span(0, 10), span(5, 20), span(10, 15)],
            ..LaneFacts::default()
        };
        let stage =
            StageFacts { flow: vec!["ones".to_owned(), "sum".to_owned()], wall_s: 0.02, ..StageFacts::default() };
        let run = RunFacts { lanes: vec![lane], stages: vec![stage.clone(), stage], ..RunFacts::default() };
        let trace: Value = serde_json::from_str(&trace_json(&run)).expect("it is JSON");
        let events = trace["traceEvents"].as_array().expect("a list of events");
        let of = |pid: u64| events.iter().filter(move |e| e["pid"] == pid && e["ph"] == "X");
        let tracks: Vec<u64> = of(1).filter_map(|e| e["tid"].as_u64()).collect();
        assert_eq!(tracks, [0, 1, 0]);
        assert_eq!(of(1).next().map(|e| e["args"]["steps"].clone()), Some("ones → sum".into()));
        let starts: Vec<f64> = of(0).filter_map(|e| e["ts"].as_f64()).collect();
        assert_eq!(starts, [0.0, 20_000.0]);
    }
}
