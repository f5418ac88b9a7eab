//! The card of a computation.

use crate::flow;
use crate::heat;
use crate::markup::{bar, card, escape, row};
use crate::units::{bytes, plural, rate, seconds};
use cleave_session::output::{RunFacts, StageFacts};

/// As HTML.
pub(crate) fn html(facts: &RunFacts) -> String {
    let head = format!("computed in {}", seconds(facts.wall_s));
    let picture = facts.heat.as_ref().and_then(|h| heat::picture(h, false)).unwrap_or_default();
    card(&head, &escape(&facts.scheduler), &format!("<table>{}</table>", rows(facts)), &picture)
}

fn rows(facts: &RunFacts) -> String {
    let cores = format!("{} <b class=\"ok\">{}</b>", cpu(facts), busy(facts));
    let mut out = row("wall · CPU", &[&format!("{} · {cores}", seconds(facts.wall_s))]);
    for (i, stage) in facts.stages.iter().enumerate() {
        let share = stage.wall_s / facts.wall_s.max(1e-12);
        let words = format!("{} &nbsp; {}", seconds(stage.wall_s), flow::boxes(&stage.flow));
        out += &row(&format!("stage {}", i + 1), &[&bar(share, &words)]);
    }
    out += &row("rate", &[&throughput(facts)]);
    let share = facts.peak_bytes as f64 / facts.limit_bytes.max(1) as f64;
    out += &row("peak memory", &[&bar(share, &memory(facts))]);
    out + &row("bytes", &[&moved(facts)])
}

/// As text, with the same facts.
pub(crate) fn text(facts: &RunFacts) -> String {
    let mut lines = vec![format!("computed in {} · {}", seconds(facts.wall_s), facts.scheduler)];
    lines.push(format!("  CPU     {} · {}", cpu(facts), busy(facts)));
    lines.extend(facts.stages.iter().enumerate().map(stage_line));
    lines.push(format!("  rate    {}", throughput(facts)));
    lines.push(format!("  memory  {} at most", memory(facts)));
    lines.push(format!("  bytes   {}", moved(facts)));
    lines.join("\n")
}

fn stage_line((i, stage): (usize, &StageFacts)) -> String {
    format!("  stage {} {}: {}", i + 1, seconds(stage.wall_s), flow::words(&stage.flow))
}

fn cpu(facts: &RunFacts) -> String {
    format!("{} user, {} sys", seconds(facts.user_s), seconds(facts.sys_s))
}

fn busy(facts: &RunFacts) -> String {
    let possible = facts.wall_s * facts.threads.max(1) as f64;
    let share = (facts.user_s + facts.sys_s) / possible.max(1e-12);
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
    format!("{} of {}", bytes(facts.peak_bytes), bytes(facts.limit_bytes))
}

fn moved(facts: &RunFacts) -> String {
    let part = |n: u64, word: &str| format!("{} {word}", bytes(n));
    let parts =
        [part(facts.read_bytes, "read"), part(facts.written_bytes, "written"), part(facts.spilled_bytes, "spilled")];
    format!("{} · {} visited", parts.join(" · "), plural(facts.elements, "element"))
}
