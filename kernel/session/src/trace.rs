//! A run as a trace that Perfetto and browsers open: a track for the stages; for each worker its shares and its
//! threads, or the threads of this program.

use crate::output::{LaneFacts, RunFacts, Span, Stint};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// The stages' own process in the trace; workers, or this program, follow.
const STAGES: usize = 0;
/// Tracks of threads come after those of shares.
const THREADS: usize = 1000;

/// As JSON in the trace event format.
pub fn trace_json(run: &RunFacts) -> String {
    let mut events = vec![named("process_name", STAGES, 0, &format!("stages on {}", run.scheduler))];
    events.extend(stages(run));
    match run.lanes.as_slice() {
        [] => {
            events.push(named("process_name", 1, 0, &run.scheduler));
            events.extend(threads(1, &run.stints, run));
        }
        lanes => events.extend(lanes.iter().enumerate().flat_map(|(i, lane)| worker(i + 1, lane, run))),
    }
    // Readers sort by time as they go, and are faster when that is done already.
    events.sort_by(|a, b| moment(a).total_cmp(&moment(b)));
    json!({ "displayTimeUnit": "ms", "traceEvents": events }).to_string()
}

/// When an event begins; names come first.
fn moment(event: &Value) -> f64 {
    event["ts"].as_f64().unwrap_or(-1.0)
}

/// The stages one after the other.
fn stages(run: &RunFacts) -> Vec<Value> {
    let mut events = vec![named("thread_name", STAGES, 0, "stages")];
    let mut start_s = 0.0;
    for (i, stage) in run.stages.iter().enumerate() {
        let about = json!({
            "steps": stage.flow.join(" → "), "tasks": stage.tasks, "elements": stage.elements,
            "thread_seconds": stage.cpu_s, "predicted_seconds": stage.predicted_s,
        });
        let times = (Duration::from_secs_f64(start_s), Duration::from_secs_f64(start_s + stage.wall_s));
        events.push(slice((STAGES, 0), "stage", i, times, &about));
        start_s += stage.wall_s;
    }
    events
}

/// A worker's shares, of which those at the same time are on several tracks, and what its threads did.
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
        let about = json!({
            "steps": steps(span.stage, run), "tasks": span.tasks, "attempt": span.attempt, "counted": span.counted,
        });
        let kind = if span.counted { "share" } else { "lost" };
        events.push(slice((pid, track), kind, span.stage, (span.start, span.end), &about));
    }
    events.extend((0..tracks.len()).map(|t| named("thread_name", pid, t, &format!("shares {}", t + 1))));
    events.extend(threads(pid, &lane.stints, run));
    events
}

/// What threads did, a track each.
fn threads(pid: usize, stints: &[Stint], run: &RunFacts) -> Vec<Value> {
    let numbers: BTreeSet<usize> = stints.iter().map(|s| s.thread).collect();
    let name = |thread: usize| named("thread_name", pid, THREADS + thread, &format!("thread {}", thread + 1));
    let worked = |s: &Stint| {
        let about = json!({ "steps": steps(s.stage, run), "tasks": s.tasks });
        slice((pid, THREADS + s.thread), "tasks", s.stage, (s.start, s.end), &about)
    };
    numbers.into_iter().map(name).chain(stints.iter().map(worked)).collect()
}

fn steps(stage: usize, run: &RunFacts) -> String {
    run.stages.get(stage).map_or_else(String::new, |s| s.flow.join(" → "))
}

/// Something that lasts, named by its stage; slices of a track that do not overlap do not after rounding either.
fn slice(
    (pid, tid): (usize, usize),
    kind: &str,
    stage: usize,
    (start, end): (Duration, Duration),
    about: &Value,
) -> Value {
    let (from, to) = (micros(start), micros(end));
    json!({
        "ph": "X", "pid": pid, "tid": tid, "cat": kind, "name": format!("stage {}", stage + 1),
        "ts": from, "dur": to.saturating_sub(from), "args": about,
    })
}

fn named(kind: &str, pid: usize, tid: usize, name: &str) -> Value {
    json!({ "ph": "M", "pid": pid, "tid": tid, "name": kind, "args": { "name": name } })
}

/// Whole, because sums of fractions would let neighbours overlap.
fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::StageFacts;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn span(start: u64, end: u64) -> Span {
        Span { stage: 0, start: at(start), end: at(end), tasks: 3, attempt: 1, counted: true }
    }

    fn stint(thread: usize, start: u64, end: u64) -> Stint {
        Stint { stage: 0, thread, start: at(start), end: at(end), tasks: 2 }
    }

    fn run() -> RunFacts {
        let flow = vec!["ones".to_owned(), "sum".to_owned()];
        let stage = StageFacts { flow, wall_s: 0.02, ..StageFacts::default() };
        RunFacts { scheduler: "threads(2)".to_owned(), stages: vec![stage.clone(), stage], ..RunFacts::default() }
    }

    /// Process, track and begin of all that lasts.
    fn slices(run: &RunFacts) -> Vec<(u64, u64, u64)> {
        let trace: Value = serde_json::from_str(&trace_json(run)).expect("it is JSON");
        let events = trace["traceEvents"].as_array().expect("a list of events");
        let field = |e: &Value, name: &str| e[name].as_u64().expect("a number");
        let lasting = events.iter().filter(|e| e["ph"] == "X");
        lasting.map(|e| (field(e, "pid"), field(e, "tid"), field(e, "ts"))).collect()
    }

    #[test]
    fn what_overlaps_is_on_several_tracks_of_its_worker() {
        let lane = LaneFacts {
            endpoint: "a:1".to_owned(),
            spans: vec![span(0, 10), span(5, 20), span(10, 15)],
            stints: vec![stint(0, 0, 9), stint(3, 1, 8)],
            ..LaneFacts::default()
        };
        let found = slices(&RunFacts { lanes: vec![lane], ..run() });
        let want = [(0, 0, 0), (1, 0, 0), (1, 1000, 0), (1, 1003, 1000), (1, 1, 5000), (1, 0, 10_000), (0, 0, 20_000)];
        assert_eq!(found, want);
    }

    #[test]
    fn threads_of_this_program_have_tracks_of_their_own() {
        let found = slices(&RunFacts { stints: vec![stint(0, 0, 9), stint(1, 1, 8), stint(0, 9, 12)], ..run() });
        assert_eq!(found, [(0, 0, 0), (1, 1000, 0), (1, 1001, 1000), (1, 1000, 9000), (0, 0, 20_000)]);
    }
}
