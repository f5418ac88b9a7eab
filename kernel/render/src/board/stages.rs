//! Stages as boxes: what is done is filled, what runs is filled as far as it is, what waits is empty.

use crate::diagram::{Picture, wrap};
use crate::flow;
use crate::markup::{escape, px};
use crate::units::{large, plural, rough, seconds};
use cleave_session::board::{RunState, StageState};
use std::fmt::Write;

const BOX_W: f64 = 226.0;
const BOX_H: f64 = 78.0;
const GAP_X: f64 = 36.0;
const GAP_Y: f64 = 30.0;
/// Boxes in a row on a wide screen.
const COLUMNS: usize = 4;
/// The most stages that are drawn; those around the one that runs.
const MOST: usize = 24;
/// The most letters of a line in a box.
const LETTERS: usize = 34;

/// The stages twice: in rows for wide screens, in a column for narrow ones; the page's style shows one of them.
pub(super) fn pictures(run: &RunState) -> String {
    let shown = run.stages.len().min(MOST);
    let first = run.stage.saturating_sub(MOST / 2).min(run.stages.len() - shown);
    let hidden = match run.stages.len() - shown {
        0 => String::new(),
        n => format!("<div class=\"soft\">{} not drawn</div>", plural(n as u64, "stage")),
    };
    let drawn = |class: &str, columns: usize| {
        format!("<div class=\"{class}\">{}</div>", picture(run, first..first + shown, columns))
    };
    format!("<h2>stages</h2>{}{}{hidden}", drawn("wide", COLUMNS), drawn("narrow", 1))
}

fn picture(run: &RunState, drawn: std::ops::Range<usize>, columns: usize) -> String {
    let first = drawn.start;
    let place = |i: usize| {
        let at = i - first;
        ((at % columns) as f64 * (BOX_W + GAP_X) + 2.0, (at / columns) as f64 * (BOX_H + GAP_Y) + 2.0)
    };
    let mut body = String::new();
    for i in drawn.clone() {
        for &from in run.stages[i].reads.iter().filter(|&&from| from >= first && from < i) {
            body += &edge(place(from), place(i));
        }
    }
    drawn.clone().for_each(|i| body += &stage_box(i, run, place(i)));
    let width = drawn.len().clamp(1, columns) as f64 * (BOX_W + GAP_X) - GAP_X + 4.0;
    let lines = drawn.len().div_ceil(columns).max(1);
    // Edges to boxes further on pass below a line of several.
    let below = if columns > 1 && drawn.len() > 2 { GAP_Y } else { 4.0 };
    let height = lines as f64 * (BOX_H + GAP_Y) - GAP_Y + below;
    let title = format!("{} of the plan", plural(run.stages.len() as u64, "stage"));
    wrap(&Picture { width, height, body }, &title, &said(run), false)
}

/// How far a stage is, 0 to 1.
fn share(i: usize, run: &RunState) -> f64 {
    match i.cmp(&run.stage) {
        std::cmp::Ordering::Less => 1.0,
        std::cmp::Ordering::Equal => run.stage_done.clamp(0.0, 1.0),
        std::cmp::Ordering::Greater => 0.0,
    }
}

fn said(run: &RunState) -> String {
    (0..run.stages.len().min(MOST)).map(|i| format!("stage {} {}", i + 1, state(i, run))).collect::<Vec<_>>().join(", ")
}

fn state(i: usize, run: &RunState) -> String {
    match (i.cmp(&run.stage), run.end) {
        (std::cmp::Ordering::Less, _) => "done".to_owned(),
        (std::cmp::Ordering::Equal, None) => format!("{:.0} %", (share(i, run) * 100.0).floor()),
        (std::cmp::Ordering::Equal, Some(end)) => format!("{end} at {:.0} %", (share(i, run) * 100.0).floor()),
        (std::cmp::Ordering::Greater, None) => "waits".to_owned(),
        (std::cmp::Ordering::Greater, Some(_)) => "not begun".to_owned(),
    }
}

fn stage_box(i: usize, run: &RunState, (x, y): (f64, f64)) -> String {
    let runs = i == run.stage && run.end.is_none();
    let stopped = i >= run.stage && run.end.is_some_and(|end| end != "computed");
    let colour = if stopped { "#c2701c" } else { "var(--a,#0f7b8a)" };
    let (line, dash) = match (runs, share(i, run) > 0.0) {
        (true, _) => ("2", ""),
        (false, true) => ("1", ""),
        (false, false) => ("1", " stroke-dasharray=\"4 3\""),
    };
    let mut out = format!("<g class=\"box\" transform=\"translate({},{})\">", px(x), px(y));
    let _ = write!(
        out,
        "<rect width=\"{BOX_W}\" height=\"{BOX_H}\" rx=\"5\" fill=\"var(--p,#fff)\"/>\
         <rect width=\"{}\" height=\"{BOX_H}\" rx=\"5\" fill=\"{colour}\" fill-opacity=\".2\"/>\
         <rect width=\"{BOX_W}\" height=\"{BOX_H}\" rx=\"5\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{line}\"{dash}/>",
        px(BOX_W * share(i, run))
    );
    let _ = write!(
        out,
        "<text x=\"10\" y=\"19\" class=\"t\">stage {}</text><text x=\"{}\" y=\"19\" text-anchor=\"end\">{}</text>",
        i + 1,
        px(BOX_W - 10.0),
        state(i, run)
    );
    for (line, text) in words(&run.stages[i]).iter().enumerate() {
        let _ = write!(out, "<text x=\"10\" y=\"{}\">{}</text>", 36 + 16 * line, escape(text));
    }
    out + "</g>"
}

fn words(stage: &StageState) -> [String; 3] {
    let took = match stage.wall_s {
        Some(s) => format!("{}, {} predicted", seconds(s), rough(stage.predicted_s)),
        None => format!("{} predicted", rough(stage.predicted_s)),
    };
    let flow = flow::words(&stage.flow);
    let flow = match flow.chars().count() > LETTERS {
        true => flow.chars().take(LETTERS - 1).chain(['…']).collect(),
        false => flow,
    };
    [flow, format!("{} · {} elements", plural(stage.tasks, "task"), large(stage.elements as f64)), took]
}

/// Straight to the next box; around the boxes between to those further on.
fn edge((fx, fy): (f64, f64), (tx, ty): (f64, f64)) -> String {
    let beside = fy == ty && tx - fx < BOX_W + GAP_X + 1.0;
    let under = fx == tx && ty - fy < BOX_H + GAP_Y + 1.0;
    let path = if beside {
        format!("M{} {}H{}", px(fx + BOX_W), px(fy + BOX_H / 2.0), px(tx))
    } else if under {
        format!("M{} {}V{}", px(fx + BOX_W / 2.0), px(fy + BOX_H), px(ty))
    } else {
        let (from, to) = (fx + BOX_W * 0.6, tx + BOX_W * 0.4);
        let (below, end) = (fy + BOX_H + GAP_Y * 0.8, if fy == ty { ty + BOX_H } else { ty });
        let (start, back) = (px(fy + BOX_H), if fy == ty { below } else { ty - GAP_Y * 0.8 });
        format!("M{} {start}C{} {} {} {} {} {}", px(from), px(from), px(below), px(to), px(back), px(to), px(end))
    };
    format!("<path d=\"{path}\" fill=\"none\" stroke=\"var(--s,#7a858f)\"/>")
}
