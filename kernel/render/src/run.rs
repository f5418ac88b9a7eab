//! The card of a computation.

use crate::device;
use crate::estimate::{choice_words, gauge, is_within, time_words, verdict, warning, worth_showing};
use crate::flow;
use crate::heat;
use crate::lanes;
use crate::markup::{bar, card, escape, row};
use crate::units::{bytes, plural, rate, rough, seconds, size};
use cleave_session::output::{EstimateFacts, RunFacts, StageFacts};

/// As HTML.
pub(crate) fn html(facts: &RunFacts) -> String {
    let head = format!("computed in {}", seconds(facts.wall_s));
    let heat = || facts.heat.as_ref().and_then(|h| heat::picture(h, false));
    let picture = lanes::picture(&facts.lanes, facts.wall_s, false).or_else(heat).unwrap_or_default();
    card(&head, &escape(&facts.scheduler), &format!("<table>{}</table>", rows(facts)), &picture)
}

fn rows(facts: &RunFacts) -> String {
    let cores = format!("{} <span style=\"color:var(--a)\">{}</span>", cpu(facts), busy(facts));
    let mut out = row("wall · CPU", &[&format!("{} · {cores}", seconds(facts.wall_s))]);
    if let Some(e) = predicted(facts) {
        out += &row("predicted", &[&format!("{} {} · {}", gauge(e, facts.wall_s), time_words(e), judged(e, facts))]);
    }
    if let Some(choice) = &facts.choice {
        out += &row("auto", &[&escape(&choice_words(choice))]);
    }
    for (i, stage) in facts.stages.iter().enumerate() {
        let share = stage.wall_s / facts.wall_s.max(1e-12);
        let expected =
            stage_prediction(facts, stage).map_or(String::new(), |s| format!(" <span class=\"soft\">{s}</span>"));
        let words = format!("{}{expected} &nbsp; {}", seconds(stage.wall_s), flow::boxes(&stage.flow));
        out += &row(&format!("stage {}", i + 1), &[&bar(share, &words)]);
    }
    out += &row("rate", &[&throughput(facts)]);
    let share = facts.peak_bytes as f64 / facts.limit_bytes.max(1) as f64;
    out += &row("peak memory", &[&bar(share, &memory(facts))]);
    out += &row("bytes", &[&moved(facts)]);
    for (head, cell) in facts.card.iter().flat_map(device::rows) {
        out += &row(&head, &[&cell]);
    }
    out
}

/// As text, with the same facts.
pub(crate) fn text(facts: &RunFacts) -> String {
    let mut lines = vec![format!("computed in {} · {}", seconds(facts.wall_s), facts.scheduler)];
    lines.push(format!("  CPU     {} · {}", cpu(facts), busy(facts)));
    lines.extend(predicted(facts).map(|e| format!("  expect  {} · {}", time_words(e), verdict(e, facts.wall_s))));
    lines.extend(facts.choice.iter().map(|choice| format!("  auto    {}", choice_words(choice))));
    lines.extend(facts.stages.iter().enumerate().map(|(i, stage)| stage_line(i, stage, facts)));
    lines.push(format!("  rate    {}", throughput(facts)));
    lines.push(format!("  memory  peak {}", memory(facts)));
    lines.push(format!("  bytes   {}", moved(facts)));
    lines.extend(lanes::lines(&facts.lanes, facts.wall_s));
    lines.extend(facts.card.iter().flat_map(device::lines));
    lines.join("\n")
}

fn stage_line(i: usize, stage: &StageFacts, facts: &RunFacts) -> String {
    let expected = stage_prediction(facts, stage).map_or(String::new(), |s| format!(" ({s})"));
    format!("  stage {} {}{expected}: {}", i + 1, seconds(stage.wall_s), flow::words(&stage.flow))
}

/// What was predicted, where that is worth showing.
fn predicted(facts: &RunFacts) -> Option<&EstimateFacts> {
    facts.predicted.as_ref().filter(|e| worth_showing(e, facts.wall_s))
}

fn judged(estimate: &EstimateFacts, facts: &RunFacts) -> String {
    let words = verdict(estimate, facts.wall_s);
    match is_within(estimate, facts.wall_s) {
        true => format!("<span class=\"soft\">{words}</span>"),
        false => warning(&words),
    }
}

/// What was predicted of a stage that takes long enough, where there are several.
fn stage_prediction(facts: &RunFacts, stage: &StageFacts) -> Option<String> {
    let worth = facts.stages.len() > 1 && stage.predicted_s.max(stage.wall_s) >= 1e-3 && stage.predicted_s > 0.0;
    worth.then(|| format!("{} predicted", rough(stage.predicted_s)))
}

fn cpu(facts: &RunFacts) -> String {
    match facts.lanes.is_empty() {
        true => format!("{} user, {} sys", seconds(facts.user_s), seconds(facts.sys_s)),
        false => format!("{} at workers, {} here", seconds(at_workers_s(facts)), seconds(facts.user_s + facts.sys_s)),
    }
}

/// Thread seconds of all workers.
fn at_workers_s(facts: &RunFacts) -> f64 {
    facts.lanes.iter().map(|lane| lane.busy.as_secs_f64()).sum()
}

fn busy(facts: &RunFacts) -> String {
    let possible = facts.wall_s * facts.threads.max(1) as f64;
    let used_s = if facts.lanes.is_empty() { facts.user_s + facts.sys_s } else { at_workers_s(facts) };
    let share = used_s / possible.max(1e-12);
    match facts.threads {
        0 | 1 => format!("{:.0} % of one core", (share * 100.0).min(100.0)),
        2 => format!("{:.0} % of both cores", (share * 100.0).min(100.0)),
        n => format!("{:.0} % of {n} cores", (share * 100.0).min(100.0)),
    }
}

fn throughput(facts: &RunFacts) -> String {
    let wall = facts.wall_s.max(1e-9);
    let each = match facts.tasks {
        0 => String::new(),
        n => format!(" of {}", seconds(facts.stages.iter().map(|s| s.cpu_s).sum::<f64>() / n as f64)),
    };
    let volume = bytes((facts.bytes as f64 / wall) as u64);
    format!("{} · {volume}/s · {}{each}", rate(facts.elements as f64 / wall), plural(facts.tasks, "task"))
}

fn memory(facts: &RunFacts) -> String {
    let expected = predicted(facts).map_or(String::new(), |e| format!(", {} predicted", size(e.peak_bytes)));
    format!("{} of {}{expected}", size(facts.peak_bytes), size(facts.limit_bytes))
}

fn moved(facts: &RunFacts) -> String {
    let part = |n: u64, word: &str| format!("{} {word}", bytes(n));
    let parts =
        [part(facts.read_bytes, "read"), part(facts.written_bytes, "written"), part(facts.spilled_bytes, "spilled")];
    format!("{} · {} visited", parts.join(" · "), plural(facts.elements, "element"))
}
