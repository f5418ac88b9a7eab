//! What a computation will take, in words, and as a gauge beside what it took.

use crate::chunking::times;
use crate::markup::px;
use crate::units::{about, count, large, plural, seconds, size};
use cleave_session::output::{AdviceFacts, AgainFacts, ChoiceFacts, EstimateFacts, KeptFacts, PlanFacts, PlanStage};

/// Shorter spans are not worth a prediction beside them, in seconds.
const SHORT_S: f64 = 1e-3;

/// A colour that warns and is readable on light and on dark ground.
const WARNING: &str = "#c2701c";

/// Text in the colour of a warning.
pub(crate) fn warning(text: &str) -> String {
    format!("<span style=\"color:{WARNING}\">{text}</span>")
}

/// Whether a run took as long as was predicted.
pub(crate) fn is_within(estimate: &EstimateFacts, wall_s: f64) -> bool {
    (estimate.low_s..=estimate.high_s).contains(&wall_s)
}

/// `about 3.6 s (2.9–4.5)`
pub(crate) fn time_words(estimate: &EstimateFacts) -> String {
    about(estimate.seconds, estimate.low_s, estimate.high_s)
}

/// Where it would run, on a card or on so many threads, and what takes most of the time.
pub(crate) fn where_words(estimate: &EstimateFacts, threads: usize, card: Option<&str>) -> String {
    let kind = if estimate.seconds < SHORT_S { String::new() } else { format!(", mostly {}", estimate.kind) };
    let place = card.map_or_else(|| plural(threads as u64, "thread"), str::to_owned);
    format!("on {place}{kind}")
}

/// What `auto` picked, and why.
pub(crate) fn choice_words(choice: &ChoiceFacts) -> String {
    format!("{}, because {}", choice.picked, choice.why)
}

/// `16 MiB of 14.1 GiB`, or that it is more than there is.
pub(crate) fn memory_words(peak_bytes: u64, limit_bytes: u64) -> String {
    match peak_bytes > limit_bytes {
        true => format!("{}, more than the limit of {}", size(peak_bytes), size(limit_bytes)),
        false => format!("{} of {}", size(peak_bytes), size(limit_bytes)),
    }
}

/// Bytes, or `nothing`.
pub(crate) fn some(bytes: u64) -> String {
    if bytes == 0 { "nothing".to_owned() } else { size(bytes) }
}

/// Whether a prediction is worth showing beside what was.
pub(crate) fn worth_showing(estimate: &EstimateFacts, wall_s: f64) -> bool {
    estimate.seconds.max(wall_s) >= SHORT_S
}

/// How what was stands to what was predicted.
pub(crate) fn verdict(estimate: &EstimateFacts, wall_s: f64) -> String {
    let ratio = wall_s / estimate.seconds.max(1e-12);
    match () {
        () if is_within(estimate, wall_s) => "as predicted".to_owned(),
        () if ratio < 1.0 => format!("{:.1} times faster", 1.0 / ratio.max(1e-6)),
        () => format!("{ratio:.1} times slower"),
    }
}

/// The predicted band as a shaded stretch of a track, what was as a mark on it.
pub(crate) fn gauge(estimate: &EstimateFacts, wall_s: f64) -> String {
    let whole = (estimate.high_s.max(wall_s) * 1.15).max(1e-12);
    let at = |s: f64| px((s / whole * 84.0).clamp(0.0, 84.0));
    let color = if is_within(estimate, wall_s) { "var(--a)" } else { WARNING };
    let label = format!("{} of {}", seconds(wall_s), time_words(estimate));
    format!(
        "<svg role=\"img\" width=\"84\" height=\"13\" viewBox=\"0 0 84 13\" style=\"vertical-align:middle\"><title>{label}</title>\
         <rect y=\"3\" width=\"84\" height=\"7\" rx=\"3.5\" fill=\"var(--l)\"/>\
         <rect x=\"{}\" y=\"3\" width=\"{}\" height=\"7\" rx=\"3.5\" fill=\"var(--a)\" fill-opacity=\".4\"/>\
         <rect x=\"{}\" width=\"2\" height=\"13\" fill=\"{color}\"/></svg>",
        at(estimate.low_s),
        at(estimate.high_s - estimate.low_s),
        at(wall_s)
    )
}

/// One piece of advice as a sentence.
pub(crate) fn advice_words(advice: &AdviceFacts) -> String {
    let (now, better) = (times(&advice.chunks), times(&advice.better));
    match advice.tiny {
        Some(blocks) => format!(
            "{} is stored in {} chunks of {now}, {} each; opening them takes longer than reading: chunks of {better} would suit",
            advice.source,
            count(blocks),
            size(advice.decoded_bytes)
        ),
        None => {
            let ratio = advice.decoded_bytes as f64 / (advice.used_bytes as f64).max(1.0);
            format!(
                "{} is stored in chunks of {now}: {} are unpacked to use {}, {} bytes for each; with chunks of {better} it would be {}",
                advice.source,
                size(advice.decoded_bytes),
                size(advice.used_bytes),
                count(ratio.round() as u64),
                count(advice.better_ratio.round() as u64)
            )
        }
    }
}

/// What a plan takes: in all, stage by stage, what is kept between stages, and advice.
pub(crate) fn plan_text(facts: &PlanFacts) -> String {
    let e = &facts.estimate;
    let mut lines = vec![
        "estimate".to_owned(),
        format!("  {} {}", time_words(e), where_words(e, facts.threads, facts.place.as_deref())),
        format!("  peak {}", memory_words(e.peak_bytes, facts.limit_bytes)),
        format!(
            "  reads {}, gives {}, {}",
            some(e.read_bytes),
            some(e.written_bytes),
            work_words(e.flops, e.computed_bytes)
        ),
    ];
    lines.extend(facts.stages.iter().enumerate().map(|(i, s)| format!("  stage {}: {}", i + 1, stage_words(s))));
    lines.extend(facts.kept.iter().map(|k| format!("  kept: {}", kept_words(k))));
    lines.extend(facts.again.iter().map(|a| format!("  again: {}", again_words(a))));
    lines.extend(facts.advice.iter().map(|a| format!("  advice: {}", advice_words(a))));
    if !e.measured {
        lines.push("  the machine was not measured; `cleave doctor --calibrate` does".to_owned());
    }
    lines.join("\n")
}

fn work_words(flops: f64, computed_bytes: u64) -> String {
    format!("{} through registers, {}flop", some(computed_bytes), spaced(flops))
}

fn spaced(flops: f64) -> String {
    let text = large(flops);
    if text.contains(' ') { text } else { format!("{text} ") }
}

fn stage_words(stage: &PlanStage) -> String {
    let read = if stage.read_bytes > 0 { format!(", reads {}", size(stage.read_bytes)) } else { String::new() };
    format!(
        "{}, {}, {} elements, {}{read}, peak {}, mostly {}",
        crate::units::rough(stage.seconds),
        plural(stage.tasks, "task"),
        large(stage.elements as f64),
        work_words(stage.flops, stage.computed_bytes),
        size(stage.bytes),
        stage.kind
    )
}

/// Values that are computed again.
pub(crate) fn again_words(again: &AgainFacts) -> String {
    let stages = again.stages.iter().map(|s| (s + 1).to_string()).collect::<Vec<_>>().join(", ");
    format!("{} is made anew in stages {stages}, which costs less than keeping its {}", again.name, size(again.bytes))
}

/// A result between stages, with what becomes of it.
pub(crate) fn kept_words(kept: &KeptFacts) -> String {
    let until = if kept.last_read_by > kept.made_by + 1 { " and later" } else { "" };
    let place = match kept.disk_bytes {
        0 => "held in memory".to_owned(),
        bytes => format!("{} of it on disk", size(bytes)),
    };
    format!(
        "{} {}, {}, made by stage {}, read by stage {}{until}: {place}; {}",
        kept.name,
        kept.shape,
        size(kept.bytes),
        kept.made_by + 1,
        (kept.made_by + 2).min(kept.last_read_by + 1),
        kept.fate
    )
}
