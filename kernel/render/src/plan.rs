//! The plan as a picture: a box a stage, a node a step, never a node a chunk.

use crate::diagram::{Picture, wrap};
use crate::estimate::{
    advice_words, again_words, kept_words, memory_words, plan_text, some, time_words, warning, where_words,
};
use crate::markup::{bar, escape, px, row};
use crate::units::{count, large, plural, rough, size};
use cleave_session::output::{PlanFacts, PlanRead, PlanStage, PlanStep};
use std::fmt::Write;

const NODE_W: f64 = 126.0;
const NODE_H: f64 = 40.0;
const GAP_X: f64 = 34.0;
const GAP_Y: f64 = 14.0;
const PAD: f64 = 16.0;
/// Room between stages, for edges.
const BETWEEN: f64 = 54.0;
/// The most steps of a stage that are drawn.
const MOST: usize = 14;

/// Where a step's node stands.
type Places = Vec<(f64, f64)>;

/// The picture; `alone` adds what a picture outside a card needs.
pub(crate) fn svg(facts: &PlanFacts, alone: bool) -> String {
    let (mut x, mut height, mut body) = (6.0, 0.0_f64, String::new());
    let mut placed: Vec<Places> = Vec::new();
    for (i, stage) in facts.stages.iter().enumerate() {
        let stage = &shortened(stage);
        let (places, width, tall) = lay_out(stage, x + PAD, 24.0 + PAD);
        let tall = tall + 2.0 * PAD;
        body += &frame(i, stage, x, width + 2.0 * PAD, tall);
        for read in &stage.reads {
            let start = placed.get(read.stage).and_then(|p: &Places| p.get(read.from).or(p.last()));
            if let (Some(&(fx, fy)), Some(&(tx, ty))) = (start, places.get(read.to)) {
                body += &edge((fx + NODE_W, fy + NODE_H / 2.0), (tx, ty + NODE_H / 2.0));
            }
        }
        body += &nodes(stage, &places);
        (x, height) = (x + width + 2.0 * PAD + BETWEEN, height.max(tall + 30.0));
        placed.push(places);
    }
    let title = format!("plan of {}", facts.title);
    let desc = facts.stages.iter().enumerate().map(|(i, s)| sentence(i, s)).collect::<Vec<_>>().join("; ");
    wrap(&Picture { width: (x - BETWEEN + 6.0).max(40.0), height: height.max(30.0), body }, &title, &desc, alone)
}

fn sentence(i: usize, stage: &PlanStage) -> String {
    let names: Vec<&str> = stage.steps.iter().map(|s| s.name.as_str()).collect();
    format!("stage {}: {}", i + 1, names.join(", "))
}

fn shortened(stage: &PlanStage) -> PlanStage {
    if stage.steps.len() <= MOST {
        return stage.clone();
    }
    let cut = stage.steps.len() - (MOST - 1);
    let note = format!("{} steps", cut);
    let mut steps = vec![PlanStep { name: "…".to_owned(), note, inputs: Vec::new() }];
    let moved = |&i: &usize| (i + 1).saturating_sub(cut);
    steps.extend(
        stage.steps[cut..].iter().map(|s| PlanStep { inputs: s.inputs.iter().map(moved).collect(), ..s.clone() }),
    );
    let reads = stage.reads.iter().map(|r| PlanRead { to: moved(&r.to), ..*r }).collect();
    PlanStage { steps, reads, ..stage.clone() }
}

/// Columns by depth from the sources, so that every edge goes right.
fn lay_out(stage: &PlanStage, x0: f64, y0: f64) -> (Places, f64, f64) {
    let mut depth: Vec<usize> = Vec::new();
    for step in &stage.steps {
        depth.push(step.inputs.iter().filter_map(|&i| depth.get(i)).map(|d| d + 1).max().unwrap_or(0));
    }
    let columns = depth.iter().max().map_or(1, |d| d + 1);
    let mut used = vec![0; columns];
    let mut rows = Vec::new();
    for &d in &depth {
        rows.push(used[d]);
        used[d] += 1;
    }
    let tallest = used.iter().copied().max().unwrap_or(1).max(1);
    let full = tallest as f64 * (NODE_H + GAP_Y) - GAP_Y;
    let place = |(&d, &r): (&usize, &usize)| {
        let column = used[d] as f64 * (NODE_H + GAP_Y) - GAP_Y;
        (x0 + d as f64 * (NODE_W + GAP_X), y0 + (full - column) / 2.0 + r as f64 * (NODE_H + GAP_Y))
    };
    let places = depth.iter().zip(&rows).map(place).collect();
    (places, columns as f64 * (NODE_W + GAP_X) - GAP_X, full)
}

fn frame(i: usize, stage: &PlanStage, x: f64, w: f64, h: f64) -> String {
    let (tasks, bytes) = (plural(stage.tasks, "task"), size(stage.bytes));
    let words = format!("stage {} · {tasks} · {} · {bytes}", i + 1, rough(stage.seconds));
    format!(
        "<rect x=\"{}\" y=\"24\" width=\"{}\" height=\"{}\" rx=\"10\" fill=\"none\" stroke=\"var(--l,#8886)\"/>\
         <text x=\"{}\" y=\"16\">{words}<title>{} elements</title></text>",
        px(x),
        px(w),
        px(h),
        px(x + 8.0),
        count(stage.elements)
    )
}

fn nodes(stage: &PlanStage, places: &Places) -> String {
    let mut out = String::new();
    for (step, &(x, y)) in stage.steps.iter().zip(places) {
        for &(fx, fy) in step.inputs.iter().filter_map(|&i| places.get(i)) {
            out += &edge((fx + NODE_W, fy + NODE_H / 2.0), (x, y + NODE_H / 2.0));
        }
        let _ = write!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"{NODE_W}\" height=\"{NODE_H}\" rx=\"6\" fill=\"var(--a,#0f7b8a)\" fill-opacity=\".07\" \
             stroke=\"var(--a,#0f7b8a)\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\" style=\"font-size:12px;fill:currentColor\">{}</text>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" style=\"font-size:10.5px\">{}</text>",
            px(x),
            px(y),
            px(x + NODE_W / 2.0),
            px(y + 17.0),
            escape(&clip(&step.name, 19)),
            px(x + NODE_W / 2.0),
            px(y + 32.0),
            escape(&clip(&step.note, 24))
        );
    }
    out
}

fn edge((x0, y0): (f64, f64), (x1, y1): (f64, f64)) -> String {
    let mid = px(f64::midpoint(x0, x1));
    format!(
        "<path d=\"M{} {}C{mid} {} {mid} {} {} {}\" fill=\"none\" stroke=\"var(--s,#7a858f)\" stroke-width=\"1.2\"/>",
        px(x0),
        px(y0),
        px(y0),
        px(y1),
        px(x1),
        px(y1)
    )
}

fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// The picture in a card, what it takes below it, the plan's text folded.
pub(crate) fn html(facts: &PlanFacts) -> String {
    let folded =
        format!("<details><summary class=\"soft\">as text</summary><pre>{}</pre></details>", escape(&text(facts)));
    let head = format!("plan of <code>{}</code>", escape(&clip(&facts.title, 60)));
    let remark = plural(facts.stages.len() as u64, "stage");
    let body = format!("<div>{}</div>{}{}{folded}", svg(facts, false), costs(facts), notes(facts));
    crate::markup::card(&head, &remark, &body, "")
}

/// As text: graph, rewrites and stages, then what they take.
pub(crate) fn text(facts: &PlanFacts) -> String {
    format!("{}\n{}", facts.text, plan_text(facts))
}

fn costs(facts: &PlanFacts) -> String {
    let e = &facts.estimate;
    let mut rows = row("to compute", &[&format!("<b>{}</b> {}", time_words(e), where_words(e, facts.threads))]);
    let share = e.peak_bytes as f64 / facts.limit_bytes.max(1) as f64;
    rows += &row("peak memory", &[&bar(share, &memory_words(e.peak_bytes, facts.limit_bytes))]);
    rows += &row("reads · gives", &[&format!("{} · {}", some(e.read_bytes), some(e.written_bytes))]);
    if facts.stages.len() > 1 {
        for (i, stage) in facts.stages.iter().enumerate() {
            rows += &row(&format!("stage {}", i + 1), &[&stage_bar(stage, e.seconds)]);
        }
    }
    format!("<table>{rows}</table>")
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
