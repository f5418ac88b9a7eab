//! The plan as a picture: a box a stage, a node a step, never a node a chunk.

use super::clip;
use super::layout::{At, HEAD, NODE_H, NODE_W, Placed, What, page};
use crate::diagram::{Picture, wrap};
use crate::markup::{escape, px};
use crate::units::{count, plural, rough, size};
use cleave_session::output::{PlanFacts, PlanStage};
use std::fmt::Write;

/// The picture; `alone` adds what a picture outside a card needs.
pub(crate) fn svg(facts: &PlanFacts, alone: bool) -> String {
    let (boxes, width, height) = page(&facts.stages, |i| words(i, &facts.stages[i]));
    let edges = boxes.iter().map(|placed| edges_to(placed, facts, &boxes));
    let drawn = boxes.iter().map(|placed| match placed.what {
        What::Stage(i) => frame(placed, i, &facts.stages[i]) + &nodes(placed),
        What::Hidden(n) => hidden(placed, n),
    });
    // Edges lie below what they join.
    let body = edges.chain(drawn).collect();
    let title = format!("plan of {}", facts.title);
    let desc = facts.stages.iter().enumerate().map(|(i, s)| sentence(i, s)).collect::<Vec<_>>().join("; ");
    wrap(&Picture { width, height, body }, &title, &clip(&desc, 4000), alone)
}

fn sentence(i: usize, stage: &PlanStage) -> String {
    let names: Vec<&str> = stage.steps.iter().map(|s| s.name.as_str()).collect();
    format!("stage {}: {}", i + 1, names.join(", "))
}

/// What stands above a stage.
fn words(i: usize, stage: &PlanStage) -> String {
    format!("stage {} · {} · {} · {}", i + 1, plural(stage.tasks, "task"), rough(stage.seconds), size(stage.bytes))
}

fn frame(placed: &Placed, i: usize, stage: &PlanStage) -> String {
    let ((x, y), (w, h)) = (placed.at, placed.size);
    format!(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"10\" fill=\"none\" stroke=\"var(--l,#8886)\"/>\
         <text x=\"{}\" y=\"{}\">{}<title>{} elements</title></text>",
        px(x),
        px(y + HEAD),
        px(w),
        px(h),
        px(x + 8.0),
        px(y + 16.0),
        words(i, stage),
        count(stage.elements)
    )
}

fn hidden(placed: &Placed, stages: usize) -> String {
    let ((x, y), (w, h)) = (placed.at, placed.size);
    format!(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"10\" fill=\"none\" stroke=\"var(--l,#8886)\" \
         stroke-dasharray=\"4 3\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{} more</text>",
        px(x),
        px(y + HEAD),
        px(w),
        px(h),
        px(x + w / 2.0),
        px(y + HEAD + h / 2.0 + 4.0),
        plural(stages as u64, "stage")
    )
}

/// The edges that end in a stage: between its steps, and from those of earlier stages.
fn edges_to(placed: &Placed, facts: &PlanFacts, boxes: &[Placed]) -> String {
    let What::Stage(number) = placed.what else { return String::new() };
    let stage_of = |wanted: usize| boxes.iter().find(|b| matches!(b.what, What::Stage(i) if i == wanted));
    let inner = placed.steps.iter().flat_map(|(step, to)| step.inputs.iter().map(move |&from| (from, *to)));
    let inner = inner.filter_map(|(from, to)| Some((placed.steps.get(from)?.1, to)));
    let outer = facts.stages[number].reads.iter();
    let outer = outer.filter_map(|read| Some((stage_of(read.stage)?.place(read.from)?, placed.place(read.to)?)));
    inner.chain(outer).map(|(from, to)| edge(from, to)).collect()
}

fn nodes(placed: &Placed) -> String {
    let mut out = String::new();
    for (step, (x, y)) in &placed.steps {
        let _ = write!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"{NODE_W}\" height=\"{NODE_H}\" rx=\"6\" fill=\"var(--p,#fff)\"/>\
             <rect x=\"{}\" y=\"{}\" width=\"{NODE_W}\" height=\"{NODE_H}\" rx=\"6\" fill=\"var(--a,#0f7b8a)\" fill-opacity=\".07\" \
             stroke=\"var(--a,#0f7b8a)\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\" style=\"font-size:12px;fill:currentColor\">{}</text>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" style=\"font-size:10.5px\">{}</text>",
            px(*x),
            px(*y),
            px(*x),
            px(*y),
            px(x + NODE_W / 2.0),
            px(y + 17.0),
            escape(&clip(&step.name, 17)),
            px(x + NODE_W / 2.0),
            px(y + 32.0),
            escape(&clip(&step.note, 24))
        );
    }
    out
}

/// From side to side where it goes right, else from the lower edge to the upper one of a line below.
fn edge((x0, y0): At, (x1, y1): At) -> String {
    let path = if x1 >= x0 + NODE_W {
        let (x0, y0, y1) = (x0 + NODE_W, y0 + NODE_H / 2.0, y1 + NODE_H / 2.0);
        let mid = px(f64::midpoint(x0, x1));
        format!("M{} {}C{mid} {} {mid} {} {} {}", px(x0), px(y0), px(y0), px(y1), px(x1), px(y1))
    } else {
        let (x0, x1, y0) = (x0 + NODE_W / 2.0, x1 + NODE_W / 2.0, y0 + NODE_H);
        let mid = px(f64::midpoint(y0, y1));
        format!("M{} {}C{} {mid} {} {mid} {} {}", px(x0), px(y0), px(x0), px(x1), px(x1), px(y1))
    };
    format!("<path d=\"{path}\" fill=\"none\" stroke=\"var(--s,#7a858f)\" stroke-width=\"1.2\"/>")
}
