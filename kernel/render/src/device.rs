//! What a GPU did of a run: kernels, bytes, what that is of what it can, copies and first use apart.

use crate::markup::{bar, escape};
use crate::units::{plural, seconds, size};
use cleave_session::output::{CardFacts, CardStage};

/// Shorter spans of what only the first use takes are not worth a word, in seconds.
const SHORT_S: f64 = 1e-4;

/// Head and cell of each of its rows, as markup.
pub(crate) fn rows(card: &CardFacts) -> Vec<(String, String)> {
    let mut rows = vec![(escape(&card.device), escape(&summary(card)))];
    for stage in &card.stages {
        let words = words(stage).iter().map(|line| escape(line)).collect::<Vec<_>>().join("<br>");
        let cell = match most(stage) {
            Some((share, _)) => bar(share, &words),
            None => words,
        };
        rows.push((format!("… stage {}", stage.stage + 1), cell));
    }
    rows
}

/// As lines of text, with the same facts.
pub(crate) fn lines(card: &CardFacts) -> Vec<String> {
    let mut lines = vec![format!("  {}: {}", card.device, summary(card))];
    for stage in &card.stages {
        lines.push(format!("    stage {}: {}", stage.stage + 1, words(stage).join("\n      ")));
    }
    lines
}

/// What it did in all: computing, copying, first use.
fn summary(card: &CardFacts) -> String {
    let sum = |of: fn(&CardStage) -> f64| seconds(card.stages.iter().map(of).sum());
    let mut parts =
        vec![format!("computing {}", sum(|s| s.compute_s)), format!("copying {}", sum(|s| s.up.1 + s.down.1))];
    parts.extend(
        (card.first_use_s() >= SHORT_S)
            .then(|| format!("{} that only the first use takes", seconds(card.first_use_s()))),
    );
    parts.join(" · ")
}

/// What it did of a stage, a line each.
fn words(stage: &CardStage) -> Vec<String> {
    let mut lines = Vec::new();
    if stage.done > 0 {
        let tasks = match stage.done == stage.tasks {
            true => plural(stage.tasks as u64, "task"),
            false => format!("{} of {}", stage.done, plural(stage.tasks as u64, "task")),
        };
        let kernels = plural(stage.kernels as u64, "kernel");
        let launches = stage.launches as u64;
        let started = if launches == 1 { "started once".to_owned() } else { format!("started {launches} times") };
        lines.push(format!("{tasks} by {kernels} of {}, {started}", plural(u64::from(stage.registers), "register")));
        let share =
            most(stage).map_or(String::new(), |(share, what)| format!(", {:.0} % of its {what}", share * 100.0));
        lines.push(format!(
            "computing {}{share}, {} of its memory",
            seconds(stage.compute_s),
            size(stage.memory_bytes)
        ));
    }
    let copied =
        |(bytes, s): (u64, f64), way: &str| (bytes > 0).then(|| format!("{} {way} in {}", size(bytes), seconds(s)));
    let first = (stage.compile_s >= SHORT_S).then(|| format!("compiled in {}", seconds(stage.compile_s)));
    let moved: Vec<String> =
        copied(stage.up, "there").into_iter().chain(copied(stage.down, "back")).chain(first).collect();
    lines.extend((!moved.is_empty()).then(|| moved.join(" · ")));
    lines.extend(stage.products.iter().cloned());
    lines.extend(stage.left.iter().map(|(tasks, why)| format!("{} on threads: {why}", plural(*tasks as u64, "task"))));
    lines
}

/// Of which of its rates a stage takes most, where they are known.
fn most(stage: &CardStage) -> Option<(f64, &'static str)> {
    let memory = stage.of_memory.map(|share| (share, "bandwidth"));
    let arithmetic = stage.of_arithmetic.map(|share| (share, "arithmetic"));
    memory.into_iter().chain(arithmetic).max_by(|a, b| a.0.total_cmp(&b.0))
}
