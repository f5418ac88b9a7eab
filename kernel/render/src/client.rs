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
/// Columns after the worker, and whether they hold numbers.
const HEADS: [(&str, bool); 8] = [
    ("state", false),
    ("threads", true),
    ("running", true),
    ("ready", true),
    ("memory", false),
    ("CPU", true),
    ("spilled", true),
    ("seen", true),
];
/// Numbers stand under each other; on a narrow screen a worker's numbers stand in lines, each with its name.
const SHEET: &str = ".clv.clv .w{white-space:nowrap}.clv.clv .w .n{text-align:right}.clv.clv .w .a td{white-space:normal;max-width:0;padding-left:14px}\
@media(max-width:640px){.clv.clv .w thead{display:none}.clv.clv .w{white-space:normal}.clv.clv .w tr{display:flex;flex-wrap:wrap}\
.clv.clv .w td:nth-child(6){order:1;flex-basis:100%}.clv.clv .w .n::before{content:attr(data-h) \" \";color:var(--s)}\
.clv.clv .w .a td{max-width:none;padding:0 0 6px}}";

/// As HTML.
pub(crate) fn html(pool: &PoolFacts) -> String {
    let head = format!("client {}", escape(&short_address(pool)));
    let (rows, rest) = rows(pool);
    let mut body = format!("<style>{SHEET}</style><table class=\"w\"><thead><tr><th>worker</th>");
    for (head, is_number) in HEADS {
        let _ = write!(body, "<th{}>{head}</th>", if is_number { " class=\"n\"" } else { "" });
    }
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
    let line = |w: &&WorkerFacts| {
        let [state, threads, running, ready, memory, cpu, spilled, seen] = cells(w);
        vec![w.endpoint.clone(), state, threads, running, ready, memory, cpu, spilled, seen, about(w)]
    };
    let heads = ["worker"].into_iter().chain(HEADS.map(|h| h.0)).chain(["about"]);
    let table = Table {
        heads: heads.map(str::to_owned).collect(),
        rows: shown.iter().map(line).collect(),
        empty: "no workers".to_owned(),
    };
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
    let mut parts = Vec::new();
    parts.extend(pool.closed.then(|| "closed".to_owned()));
    parts.push(match ready.len() == pool.workers.len() {
        true => plural(ready.len() as u64, "worker"),
        false => format!("{} of {}", ready.len(), plural(pool.workers.len() as u64, "worker")),
    });
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

/// What stands in the columns.
fn cells(w: &WorkerFacts) -> [String; 8] {
    let there = |text: String| if is_there(w) { text } else { "–".to_owned() };
    [
        state(w).to_owned(),
        w.threads.to_string(),
        there(count(w.running as u64)),
        there(count(w.ready as u64)),
        there(format!("{} of {}", size(w.memory_used_bytes), size(w.memory_bytes))),
        there(format!("{:.0} %", 100.0 * w.cpu / w.threads.max(1) as f64)),
        there(size(w.spilled_bytes)),
        ago(w),
    ]
}

/// A worker's row, and one below it for what fits into no column.
fn row(w: &WorkerFacts) -> String {
    let mut out = format!("<tr><th>{}</th>", escape(&w.endpoint));
    for ((head, is_number), text) in HEADS.into_iter().zip(cells(w)) {
        let _ = match (head, is_number) {
            (_, true) => write!(out, "<td class=\"n\" data-h=\"{head}\">{text}</td>"),
            ("memory", false) if is_there(w) => write!(out, "<td>{}</td>", memory_bar(w, &text)),
            ("state", false) if w.state != WorkerState::Ready => write!(out, "<td>{}</td>", warning(&text)),
            (_, false) => write!(out, "<td>{text}</td>"),
        };
    }
    let about = escape(&about(w));
    if !about.is_empty() {
        let about = match &w.state {
            WorkerState::Lost(_) | WorkerState::Refused(_) => warning(&about),
            WorkerState::Connecting | WorkerState::Ready | WorkerState::Suspect | WorkerState::Draining => {
                format!("<span class=\"soft\">{about}</span>")
            }
        };
        let _ = write!(out, "</tr><tr class=\"a\"><td colspan=\"9\">{about}</td>");
    }
    out + "</tr>"
}

fn memory_bar(w: &WorkerFacts, text: &str) -> String {
    let share = w.memory_used_bytes as f64 / w.memory_bytes.max(1) as f64;
    let drawn = bar(share, text);
    if share > 0.8 { drawn.replace("<i style=\"", FULL) } else { drawn }
}

/// A bar that is nearly full.
const FULL: &str = "<i style=\"background:#c2701c;";

fn is_there(w: &WorkerFacts) -> bool {
    !matches!(w.state, WorkerState::Lost(_) | WorkerState::Refused(_) | WorkerState::Connecting)
}

fn state(w: &WorkerFacts) -> &'static str {
    match &w.state {
        WorkerState::Connecting => "connecting",
        WorkerState::Ready => "ready",
        WorkerState::Suspect => "silent",
        WorkerState::Draining => "draining",
        WorkerState::Lost(_) => "lost",
        WorkerState::Refused(_) => "refused",
    }
}

/// How long ago it was heard of; workers that are well say how they are twice a second.
fn ago(w: &WorkerFacts) -> String {
    match w.last_seen.as_secs_f64() {
        _ if w.version.is_empty() => "never".to_owned(),
        s if s < 1.0 => "now".to_owned(),
        s if s < 59.95 => format!("{s:.0} s"),
        s => seconds(s),
    }
}

/// Time in steps that do not change a card at each look.
fn up(uptime: Duration) -> Option<String> {
    match uptime.as_secs() / 60 {
        0 => None,
        minutes @ 1..60 => Some(format!("up {minutes} min")),
        minutes => Some(format!("up {} h {} min", minutes / 60, minutes % 60)),
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
    parts.extend(up(w.uptime));
    parts.extend((w.done > 0).then(|| format!("{} done", plural(w.done, "share"))));
    parts.extend((w.sent_bytes > 0).then(|| format!("{} sent", size(w.sent_bytes))));
    parts.extend((w.received_bytes > 0).then(|| format!("{} received", size(w.received_bytes))));
    parts.join(" · ")
}
