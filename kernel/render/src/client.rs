//! Workers that are connected: how many, what each has and does, and what became of those that are gone.

use crate::estimate::warning;
use crate::markup::{bar, card, escape};
use crate::sheet;
use crate::units::{count, plural, seconds, size};
use cleave_session::output::{PoolFacts, Table, WorkerFacts, WorkerState};
use std::fmt::Write;
use std::time::Duration;

/// The most workers with a row of their own.
const MOST: usize = 8;
const HEADS: [&str; 8] = ["worker", "state", "memory", "CPU", "running · ready", "threads", "spilled", "seen"];

/// As HTML.
pub(crate) fn html(pool: &PoolFacts) -> String {
    let head = format!("client {}", escape(&short_address(pool)));
    let (rows, rest) = rows(pool);
    let mut body = "<table style=\"white-space:nowrap\"><thead><tr>".to_owned();
    HEADS.iter().for_each(|h| body += &format!("<th>{h}</th>"));
    body += "</tr></thead><tbody>";
    rows.iter().for_each(|w| body += &row(w));
    body += "</tbody></table>";
    if let Some(rest) = rest {
        let _ = write!(body, "<div class=\"soft\">{}</div>", escape(&rest));
    }
    card(&head, &escape(&summary(pool)), &body, "")
}

/// As text, with the same facts.
pub(crate) fn text(pool: &PoolFacts) -> String {
    let (shown, rest) = rows(pool);
    let cells = |w: &&WorkerFacts| {
        let mut cells = vec![w.endpoint.clone(), state(w), memory(w), cpu(w), work(w), w.threads.to_string()];
        cells.extend([size(w.spilled_bytes), ago(w.last_seen), about(w)]);
        cells
    };
    let heads = HEADS.iter().chain(&["about"]).map(|h| (*h).to_owned()).collect();
    let table = Table { heads, rows: shown.iter().map(cells).collect(), empty: "no workers".to_owned() };
    let mut out = format!("client {} · {}\n{}", short_address(pool), summary(pool), sheet::table_text(&table));
    rest.into_iter().for_each(|rest| out += &format!("\n{rest}"));
    out
}

/// The workers with a row of their own, those in trouble first among equals, and words for the others.
fn rows(pool: &PoolFacts) -> (Vec<&WorkerFacts>, Option<String>) {
    if pool.workers.len() <= MOST {
        return (pool.workers.iter().collect(), None);
    }
    let mut order: Vec<&WorkerFacts> = pool.workers.iter().collect();
    order.sort_by_key(|w| w.state == WorkerState::Ready);
    let rest = order.split_off(MOST);
    let sum = |of: fn(&WorkerFacts) -> u64| rest.iter().map(|w| of(w)).sum::<u64>();
    let words = format!(
        "and {}: {}, {} running, {} of {}",
        plural(rest.len() as u64, "more worker"),
        plural(sum(|w| w.threads as u64), "thread"),
        count(sum(|w| w.running as u64)),
        size(sum(|w| w.memory_used_bytes)),
        size(sum(|w| w.memory_bytes))
    );
    (order, Some(words))
}

/// `10.0.0.4:7711 (+2)`
fn short_address(pool: &PoolFacts) -> String {
    let mut named = pool.address.split(',');
    let first = named.next().unwrap_or_default().to_owned();
    match named.count() {
        0 => first,
        n => format!("{first} (+{n})"),
    }
}

/// What can be used, and how many cannot, and why.
fn summary(pool: &PoolFacts) -> String {
    let ready: Vec<&WorkerFacts> = pool.workers.iter().filter(|w| w.state == WorkerState::Ready).collect();
    let mut parts = vec![match ready.len() == pool.workers.len() {
        true => plural(ready.len() as u64, "worker"),
        false => format!("{} of {}", ready.len(), plural(pool.workers.len() as u64, "worker")),
    }];
    parts.push(plural(pool.threads() as u64, "thread"));
    parts.push(size(pool.memory_bytes()));
    parts.extend(nearest(&ready).map(|l| format!("{} away", seconds(l.as_secs_f64()))));
    let kinds: [(&str, Is); 5] = [
        ("connecting", |s| *s == WorkerState::Connecting),
        ("silent", |s| *s == WorkerState::Suspect),
        ("draining", |s| *s == WorkerState::Draining),
        ("lost", |s| matches!(s, WorkerState::Lost(_))),
        ("refused", |s| matches!(s, WorkerState::Refused(_))),
    ];
    for (word, is) in kinds {
        let n = pool.workers.iter().filter(|w| is(&w.state)).count();
        parts.extend((n > 0).then(|| format!("{n} {word}")));
    }
    parts.join(" · ")
}

/// Whether a worker is in some state.
type Is = fn(&WorkerState) -> bool;

fn nearest(ready: &[&WorkerFacts]) -> Option<Duration> {
    ready.iter().map(|w| w.latency).filter(|l| !l.is_zero()).min()
}

/// A worker's row, and one below it for what fits into no column.
fn row(w: &WorkerFacts) -> String {
    let share = w.memory_used_bytes as f64 / w.memory_bytes.max(1) as f64;
    let memory = match is_there(w) {
        true => bar(share, &memory(w)).replace("<i style=\"", if share > 0.8 { FULL } else { "<i style=\"" }),
        false => "–".to_owned(),
    };
    let state = if w.state == WorkerState::Ready { state(w) } else { warning(&state(w)) };
    let mut out = format!("<tr><th>{}</th>", escape(&w.endpoint));
    for cell in [&state, &memory, &cpu(w), &work(w), &w.threads.to_string(), &size(w.spilled_bytes), &ago(w.last_seen)]
    {
        let _ = write!(out, "<td>{cell}</td>");
    }
    let about = about(w);
    if !about.is_empty() {
        let about = match &w.state {
            WorkerState::Lost(_) | WorkerState::Refused(_) => warning(&escape(&about)),
            WorkerState::Connecting | WorkerState::Ready | WorkerState::Suspect | WorkerState::Draining => {
                format!("<span class=\"soft\">{}</span>", escape(&about))
            }
        };
        let _ = write!(
            out,
            "</tr><tr><td colspan=\"8\"><div style=\"white-space:normal;max-width:46em;padding-left:14px\">{about}</div></td>"
        );
    }
    out + "</tr>"
}

/// A bar that is nearly full.
const FULL: &str = "<i style=\"background:#c2701c;";

fn is_there(w: &WorkerFacts) -> bool {
    !matches!(w.state, WorkerState::Lost(_) | WorkerState::Refused(_) | WorkerState::Connecting)
}

fn state(w: &WorkerFacts) -> String {
    match &w.state {
        WorkerState::Connecting => "connecting",
        WorkerState::Ready => "ready",
        WorkerState::Suspect => "silent",
        WorkerState::Draining => "draining",
        WorkerState::Lost(_) => "lost",
        WorkerState::Refused(_) => "refused",
    }
    .to_owned()
}

fn work(w: &WorkerFacts) -> String {
    if is_there(w) { format!("{} · {}", w.running, w.ready) } else { "–".to_owned() }
}

fn memory(w: &WorkerFacts) -> String {
    format!("{} of {}", size(w.memory_used_bytes), size(w.memory_bytes))
}

/// Of the threads it has.
fn cpu(w: &WorkerFacts) -> String {
    match is_there(w) {
        true => format!("{:.0} %", 100.0 * w.cpu / w.threads.max(1) as f64),
        false => "–".to_owned(),
    }
}

fn ago(since: Duration) -> String {
    match since.as_secs_f64() {
        s if s < 59.95 => format!("{s:.1} s"),
        s => seconds(s),
    }
}

/// Why it is gone, or its name, build, devices and traffic.
fn about(w: &WorkerFacts) -> String {
    if let WorkerState::Lost(why) | WorkerState::Refused(why) = &w.state {
        return why.clone();
    }
    let mut parts = Vec::new();
    parts.extend((!w.name.is_empty()).then(|| w.name.clone()));
    parts.extend((!w.version.is_empty()).then(|| format!("build {}", w.version)));
    parts.extend(w.devices.iter().filter(|d| *d != "cpu").cloned());
    parts.extend((!w.latency.is_zero()).then(|| format!("{} away", seconds(w.latency.as_secs_f64()))));
    parts.extend((w.uptime.as_secs() > 0).then(|| format!("up {}", seconds(w.uptime.as_secs_f64()))));
    parts.extend((w.done > 0).then(|| format!("{} done", plural(w.done, "share"))));
    let moved = w.sent_bytes + w.received_bytes > 0;
    parts.extend(moved.then(|| format!("{} sent, {} received", size(w.sent_bytes), size(w.received_bytes))));
    parts.join(" · ")
}
