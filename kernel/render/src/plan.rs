//! The plan as a card: the picture, what it takes stage by stage, and its text folded.

mod columns;
mod edge;
mod layout;
mod picture;
mod roads;

use crate::estimate::{
    advice_words, again_words, choice_words, kept_words, memory_words, plan_text, some, time_words, warning,
    where_words,
};
use crate::markup::{bar, escape, row};
use crate::units::{large, plural, rough, size};
use cleave_session::output::{PlanFacts, PlanStage};

pub(crate) use picture::svg;

/// The most stages whose times are in sight; the others are folded.
const MOST: usize = 12;

/// Pictures wider than the page are moved aside, not made small.
const SHEET: &str = ".clv .wide{overflow-x:auto}.clv .wide svg{max-width:none}";

/// Text of at most so many letters.
fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// The picture in a card, what it takes below it, the plan's text folded.
pub(crate) fn html(facts: &PlanFacts) -> String {
    let folded =
        format!("<details><summary class=\"soft\">as text</summary><pre>{}</pre></details>", escape(&text(facts)));
    let head = format!("plan of <code>{}</code>", escape(&clip(&facts.title, 60)));
    let remark = plural(facts.stages.len() as u64, "stage");
    let body = format!(
        "<style>{SHEET}</style><div class=\"wide\">{}</div>{}{}{folded}",
        svg(facts, false),
        costs(facts),
        notes(facts)
    );
    crate::markup::card(&head, &remark, &body, "")
}

/// As text: graph, rewrites and stages, then what they take.
pub(crate) fn text(facts: &PlanFacts) -> String {
    format!("{}\n{}", facts.text, plan_text(facts))
}

fn costs(facts: &PlanFacts) -> String {
    let e = &facts.estimate;
    let place = facts.place.as_deref().map(escape);
    let time = format!("<b>{}</b> {}", time_words(e), where_words(e, facts.threads, place.as_deref()));
    let mut rows = row("to compute", &[&time]);
    if let Some(choice) = &facts.choice {
        rows += &row("auto", &[&escape(&choice_words(choice))]);
    }
    let share = e.peak_bytes as f64 / facts.limit_bytes.max(1) as f64;
    rows += &row("peak memory", &[&bar(share, &memory_words(e.peak_bytes, facts.limit_bytes))]);
    rows += &row("reads · gives", &[&format!("{} · {}", some(e.read_bytes), some(e.written_bytes))]);
    if facts.stages.len() > 1 {
        stages_in_sight(&facts.stages).into_iter().for_each(|i| rows += &stage_row(i, facts));
    }
    format!("<table>{rows}</table>{}", all_stages(facts))
}

/// Those that take longest, in order.
fn stages_in_sight(stages: &[PlanStage]) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..stages.len()).collect();
    numbers.sort_by(|&a, &b| stages[b].seconds.total_cmp(&stages[a].seconds));
    numbers.truncate(MOST);
    numbers.sort_unstable();
    numbers
}

/// Every stage, folded, where not all are in sight.
fn all_stages(facts: &PlanFacts) -> String {
    let count = facts.stages.len();
    if count <= MOST {
        return String::new();
    }
    let rows: String = (0..count).map(|i| stage_row(i, facts)).collect();
    format!(
        "<details><summary class=\"soft\">above are the {MOST} that take longest; all {count} stages</summary>\
         <table>{rows}</table></details>"
    )
}

fn stage_row(i: usize, facts: &PlanFacts) -> String {
    row(&format!("stage {}", i + 1), &[&stage_bar(&facts.stages[i], facts.estimate.seconds)])
}

fn stage_bar(stage: &PlanStage, whole_s: f64) -> String {
    let read = if stage.read_bytes > 0 { format!(" · reads {}", size(stage.read_bytes)) } else { String::new() };
    let work = format!(
        "{} elements · {} computed{read} · {}",
        large(stage.elements as f64),
        size(stage.computed_bytes),
        stage.kind
    );
    bar(
        stage.seconds / whole_s.max(1e-12),
        &format!("{} &nbsp; <span class=\"soft\">{work}</span>", rough(stage.seconds)),
    )
}

/// What is kept between stages, and advice.
fn notes(facts: &PlanFacts) -> String {
    let line = |head: &str, words: String| format!("<div style=\"max-width:52em\">{head} {}</div>", escape(&words));
    let kept = facts.kept.iter().map(|k| line("<span class=\"soft\">kept</span>", kept_words(k)));
    let again = facts.again.iter().map(|a| line("<span class=\"soft\">again</span>", again_words(a)));
    kept.chain(again).chain(facts.advice.iter().map(|a| line(&warning("chunks"), advice_words(a)))).collect()
}
