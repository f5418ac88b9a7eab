//! The plan as a picture: a box a stage, a node a step, never a node a chunk.

use super::clip;
use super::edge::{Edge, head};
use super::layout::{HEAD, NODE_H, NODE_W, Page, Placed, What, page};
use crate::diagram::{Picture, wrap};
use crate::markup::{escape, px};
use crate::units::{count, plural, rough, size};
use cleave_session::output::{PlanFacts, PlanStage};
use std::fmt::Write;

/// The picture; `alone` adds what a picture outside a card needs.
pub(crate) fn svg(facts: &PlanFacts, alone: bool) -> String {
    let Page { boxes, roads, size: (width, height) } = page(&facts.stages, |i| words(i, &facts.stages[i]));
    let drawn = boxes.iter().map(|placed| match placed.what {
        What::Stage(i) => {
            let edges: String = placed.edges.iter().map(Edge::svg).collect();
            frame(placed, i, &facts.stages[i]) + &edges + &nodes(placed)
        }
        What::Hidden(n) => hidden(placed, n),
    });
    let between = roads.iter().map(|road| road.svg() + &road.end().map(head).unwrap_or_default());
    let body = drawn.chain(between).collect();
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
