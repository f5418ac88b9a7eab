//! A session's snapshot for a page of its own: stages coloured by state, memory, bytes, workers, lanes.

use crate::client;
use crate::flow;
use crate::lanes;
use crate::markup::{bar, escape, px, row};
use crate::units::{bytes, count, large, plural, rate, rough, seconds, size};
use cleave_session::Snapshot;
use cleave_session::board::{RunState, StageState, Totals};
use std::fmt::Write;

const BOX_W: f64 = 206.0;
const BOX_H: f64 = 74.0;
const GAP_X: f64 = 44.0;
const GAP_Y: f64 = 34.0;
/// Boxes in a row before the next row begins.
const COLUMNS: usize = 4;
/// The most stages that are drawn.
const MOST: usize = 24;
/// The most letters of a line in a box.
const LETTERS: usize = 27;

/// What a page shows; the same snapshot gives the same bytes.
pub fn board_html(snapshot: &Snapshot) -> String {
    let style = crate::style::SHEET;
    let mut body = format!("<style>{style}</style><div class=\"clv\"><div class=\"main\">");
    match &snapshot.run {
        None => body += "<p>Nothing was computed yet.</p>",
        Some(run) => body += &run_part(run, &snapshot.scheduler),
    }
    if let Some(last) = &snapshot.last
        && let Some(picture) = lanes::picture(&last.lanes, last.wall_s, false)
    {
        body += &format!("<h2>workers over time, last computation</h2>{picture}");
    }
    let _ = write!(body, "<h2>session</h2><table>{}</table></div></div>", totals(&snapshot.totals, snapshot.uptime_s));
    if let Some(pool) = &snapshot.pool {
        body += &client::html(pool);
    }
    body
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
        format!("{} · {}", rate(run.elements as f64 / run.elapsed_s.max(1e-9)), plural(run.elements, "element"));
    rows += &row("rate", &[&visited]);
    format!("<div class=\"head\"><b>{head}</b></div><table>{rows}</table>{}", graph(run))
}

fn time(run: &RunState) -> String {
    let left = (run.end.is_none() && run.predicted_s > 0.0).then(|| {
        let left = (run.predicted_s * (1.0 - done(run))).max(0.0);
        format!(", about {} left", rough(left))
    });
    format!("{} of {} predicted{}", seconds(run.elapsed_s), rough(run.predicted_s), left.unwrap_or_default())
}

fn memory(run: &RunState) -> String {
    let now = if run.end.is_none() { format!("{} now, ", size(run.bytes)) } else { String::new() };
    format!(
        "{now}{} at most, {} predicted, limit {}",
        size(run.peak_bytes),
        size(run.predicted_bytes),
        size(run.limit_bytes)
    )
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
        "{}{}{} in {}",
        plural(totals.computed, "computation"),
        ended(totals.failed, "failed"),
        ended(totals.interrupted, "stopped"),
        seconds(uptime_s.floor())
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

/// A box a stage; what is done is filled, what runs is filled as far as it is.
fn graph(run: &RunState) -> String {
    let shown = run.stages.len().min(MOST);
    let first = run.stage.saturating_sub(MOST / 2).min(run.stages.len() - shown);
    let place = |i: usize| {
        let at = i - first;
        ((at % COLUMNS) as f64 * (BOX_W + GAP_X) + 2.0, (at / COLUMNS) as f64 * (BOX_H + GAP_Y) + 2.0)
    };
    let mut body = String::new();
    for i in first..first + shown {
        let stage = &run.stages[i];
        for &from in stage.reads.iter().filter(|&&from| from >= first && from < i) {
            body += &edge(place(from), place(i));
        }
    }
    for i in first..first + shown {
        body += &stage_box(i, run, place(i));
    }
    let width = shown.clamp(1, COLUMNS) as f64 * (BOX_W + GAP_X) - GAP_X + 4.0;
    let height = shown.div_ceil(COLUMNS).max(1) as f64 * (BOX_H + GAP_Y) + 2.0;
    let hidden = match run.stages.len() - shown {
        0 => String::new(),
        n => format!("<div class=\"soft\">{} not drawn</div>", plural(n as u64, "stage")),
    };
    let title = format!("{} of the plan", plural(run.stages.len() as u64, "stage"));
    let picture = crate::diagram::Picture { width, height, body };
    // Narrow screens scroll it rather than make its letters small.
    format!(
        "<div style=\"min-width:{width:.0}px\">{}</div>{hidden}",
        crate::diagram::wrap(&picture, &title, &said(run), false)
    )
}

fn said(run: &RunState) -> String {
    let state = |i: usize| match i.cmp(&run.stage) {
        std::cmp::Ordering::Less => "done".to_owned(),
        std::cmp::Ordering::Equal => format!("{:.0} % done", run.stage_done * 100.0),
        std::cmp::Ordering::Greater => "waits".to_owned(),
    };
    let part = |i: usize| format!("stage {} {}", i + 1, state(i));
    (0..run.stages.len().min(MOST)).map(part).collect::<Vec<_>>().join(", ")
}

fn stage_box(i: usize, run: &RunState, (x, y): (f64, f64)) -> String {
    let stage = &run.stages[i];
    let share = match i.cmp(&run.stage) {
        std::cmp::Ordering::Less => 1.0,
        std::cmp::Ordering::Equal => run.stage_done.clamp(0.0, 1.0),
        std::cmp::Ordering::Greater => 0.0,
    };
    let runs = i == run.stage && run.end.is_none();
    let (fill, edge) = match run.end {
        Some("computed") | None => ("var(--a,#0f7b8a)", if runs { "2" } else { "1" }),
        Some(_) => ("#c2701c", "1"),
    };
    let mut out = format!("<g transform=\"translate({},{})\">", px(x), px(y));
    let _ = write!(
        out,
        "<rect width=\"{w}\" height=\"{BOX_H}\" fill=\"{fill}\" fill-opacity=\".28\"/>\
         <rect width=\"{BOX_W}\" height=\"{BOX_H}\" rx=\"5\" fill=\"none\" stroke=\"{fill}\" stroke-width=\"{edge}\"/>",
        w = px(BOX_W * share)
    );
    for (line, text) in words(i, stage).iter().enumerate() {
        let _ = write!(out, "<text x=\"8\" y=\"{}\">{}</text>", 18 + 16 * line, escape(text));
    }
    out + "</g>"
}

fn words(i: usize, stage: &StageState) -> [String; 4] {
    let took = match stage.wall_s {
        Some(s) => format!("{}, {} predicted", seconds(s), rough(stage.predicted_s)),
        None => format!("{} predicted", rough(stage.predicted_s)),
    };
    let flow = flow::words(&stage.flow);
    let flow = match flow.chars().count() > LETTERS {
        true => flow.chars().take(LETTERS - 1).chain(['…']).collect(),
        false => flow,
    };
    let sizes = format!("{} tasks · {} elements", count(stage.tasks), large(stage.elements as f64));
    [format!("stage {}", i + 1), flow, sizes, took]
}

/// Straight to the next box; below the boxes to those further on.
fn edge((fx, fy): (f64, f64), (tx, ty): (f64, f64)) -> String {
    let next = fy == ty && tx - fx < BOX_W + GAP_X + 1.0;
    let path = match next {
        true => format!("M{} {}H{}", px(fx + BOX_W), px(fy + BOX_H / 2.0), px(tx)),
        false => {
            let (from, to) = (fx + BOX_W * 0.6, tx + BOX_W * 0.4);
            let (below, end) = (fy + BOX_H + GAP_Y * 0.8, if fy == ty { ty + BOX_H } else { ty });
            let (start, back) = (px(fy + BOX_H), if fy == ty { below } else { ty - GAP_Y * 0.8 });
            format!("M{} {start}C{} {} {} {} {} {}", px(from), px(from), px(below), px(to), px(back), px(to), px(end))
        }
    };
    format!("<path d=\"{path}\" fill=\"none\" stroke=\"var(--s,#7a858f)\"/>")
}
