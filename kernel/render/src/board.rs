//! A session's snapshot for a page of its own: how a computation goes, its stages coloured by state, who worked when,
//! workers, and what there was before.

mod course;
mod stages;

use crate::client;
use crate::lanes;
use crate::markup::{bar, escape, row};
use crate::units::{bytes, large, plural, rate, rough, seconds, size};
use cleave_session::Snapshot;
use cleave_session::board::{RunState, Totals};
use cleave_session::output::{LaneFacts, RunFacts, Span, Stint};

/// The part of a run that says as much about the rest as the prediction does.
const SOME: f64 = 0.1;

/// What a page shows; the same snapshot gives the same bytes.
pub fn board_html(snapshot: &Snapshot) -> String {
    let style = crate::style::SHEET;
    let mut body = format!("<style>{style}</style>");
    match &snapshot.run {
        None => body += &part("<p>Nothing was computed yet.</p>"),
        Some(run) => body += &part(&run_part(run, &snapshot.scheduler)),
    }
    if let Some(run) = &snapshot.run
        && let Some(picture) = lanes::picture(&snapshot.lanes, run.elapsed_s, false)
    {
        body += &part(&format!("<h2>workers so far</h2>{picture}"));
    } else if let Some(last) = &snapshot.last
        && let Some(picture) = stream(last)
    {
        let who = if last.lanes.is_empty() { "threads" } else { "workers" };
        body += &part(&format!("<h2>{who} over time, last computation</h2>{picture}"));
    }
    if let Some(pool) = &snapshot.pool {
        body += &client::html(pool);
    }
    body + &part(&format!("<h2>session</h2><table>{}</table>", totals(&snapshot.totals, snapshot.uptime_s)))
}

fn part(body: &str) -> String {
    format!("<div class=\"clv\"><div class=\"main\">{body}</div></div>")
}

/// Who worked when: workers, or the threads of this program.
fn stream(run: &RunFacts) -> Option<String> {
    let mut lanes: Vec<LaneFacts> = run.lanes.clone();
    if lanes.is_empty() {
        let last = run.stints.iter().map(|s| s.thread).max()?;
        lanes = (0..=last).map(|thread| thread_lane(thread, &run.stints)).collect();
    }
    lanes::picture(&lanes, run.wall_s, false)
}

/// What a thread did, as if it were a worker.
fn thread_lane(thread: usize, stints: &[Stint]) -> LaneFacts {
    let own = stints.iter().filter(|s| s.thread == thread);
    let span =
        |s: &Stint| Span { stage: s.stage, start: s.start, end: s.end, tasks: s.tasks, attempt: 1, counted: true };
    LaneFacts {
        endpoint: format!("thread {}", thread + 1),
        threads: 1,
        busy: own.clone().map(|s| s.end.saturating_sub(s.start)).sum(),
        spans: own.map(span).collect(),
        ..LaneFacts::default()
    }
}

fn run_part(run: &RunState, scheduler: &str) -> String {
    let head = match run.end {
        None => format!("computing on {}", escape(scheduler)),
        Some(end) => format!("{end} on {}", escape(scheduler)),
    };
    let mut rows = row("time", &[&time(run)]);
    rows += &row("done", &[&bar(done(run), &format!("{:.0} %", (done(run) * 100.0).floor()))]);
    let share =
        run.bytes.max(if run.end.is_some() { run.peak_bytes } else { 0 }) as f64 / run.limit_bytes.max(1) as f64;
    rows += &row("memory", &[&bar(share, &memory(run))]);
    let visited =
        format!("{} · {} elements", rate(run.elements as f64 / run.elapsed_s.max(1e-9)), large(run.elements as f64));
    rows += &row("rate", &[&visited]);
    format!(
        "<div class=\"head\"><b>{head}</b></div><div class=\"beside\"><table>{rows}</table>{}</div>{}",
        course::pictures(run),
        stages::pictures(run)
    )
}

fn time(run: &RunState) -> String {
    let left = (run.end.is_none() && run.predicted_s > 0.0).then(|| format!(", about {} left", rough(left_s(run))));
    format!("{}, {} predicted{}", seconds(run.elapsed_s), rough(run.predicted_s), left.unwrap_or_default())
}

/// What was predicted counts until enough was seen.
fn left_s(run: &RunState) -> f64 {
    let done = done(run);
    let seen = done / (done + SOME);
    let (predicted_s, seen_s) = (run.predicted_s * (1.0 - done), run.elapsed_s * (1.0 - done) / done.max(1e-3));
    (predicted_s * (1.0 - seen) + seen_s * seen).max(0.0)
}

fn memory(run: &RunState) -> String {
    let now = if run.end.is_none() { format!("{} now, ", size(run.bytes)) } else { String::new() };
    format!("{now}{} at most, limit {}", size(run.peak_bytes), size(run.limit_bytes))
}

/// By predicted cost, 0 to 1.
fn done(run: &RunState) -> f64 {
    let total: f64 = run.stages.iter().map(|s| s.predicted_s.max(1e-9)).sum();
    let before: f64 = run.stages.iter().take(run.stage).map(|s| s.predicted_s.max(1e-9)).sum();
    let now = run.stages.get(run.stage).map_or(0.0, |s| s.predicted_s.max(1e-9) * run.stage_done.clamp(0.0, 1.0));
    if total > 0.0 { ((before + now) / total).clamp(0.0, 1.0) } else { 0.0 }
}

fn totals(totals: &Totals, uptime_s: f64) -> String {
    let ended = |n: u64, word: &str| if n > 0 { format!(" · {n} {word}") } else { String::new() };
    let computed = format!(
        "{}{}{} {}",
        plural(totals.computed, "computation"),
        ended(totals.failed, "failed"),
        ended(totals.interrupted, "stopped"),
        up(uptime_s)
    );
    let work = format!(
        "{} elements · {} · {} of threads in {}",
        large(totals.elements as f64),
        plural(totals.tasks, "task"),
        seconds(totals.cpu_s),
        seconds(totals.wall_s)
    );
    let parts = [
        (totals.read_bytes, "read"),
        (totals.written_bytes, "written"),
        (totals.spilled_bytes, "spilled"),
        (totals.fetched_bytes, "between workers"),
    ];
    let moved = parts.map(|(n, word)| format!("{} {word}", bytes(n))).join(" · ");
    row("computed", &[&computed]) + &row("work", &[&work]) + &row("bytes", &[&moved])
}

/// Time in steps that do not change the page at each look.
fn up(uptime_s: f64) -> String {
    match uptime_s {
        s if s < 60.0 => "in the first minute".to_owned(),
        s if s < 3600.0 => format!("in {:.0} min", (s / 60.0).floor()),
        s => format!("in {:.0} h {:.0} min", (s / 3600.0).floor(), (s % 3600.0 / 60.0).floor()),
    }
}
