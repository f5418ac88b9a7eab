//! Where the boxes of stages stand: in lines as wide as a page, never one long row.

use super::columns::{Inner, lay_out};
use super::edge::Edge;
use super::roads::Roads;
use cleave_session::output::{PlanStage, PlanStep};

pub(super) const NODE_W: f64 = 126.0;
pub(super) const NODE_H: f64 = 40.0;
/// Where the frame of a stage begins below its words.
pub(super) const HEAD: f64 = 24.0;
const PAD: f64 = 16.0;
/// Room between stages, for edges.
const BETWEEN: f64 = 44.0;
/// Room around the page.
pub(super) const BORDER: f64 = 6.0;
/// How wide a line of stages may be, unless one is wider; JupyterLab's output has room for it and the edges beside it.
const LINE_W: f64 = 830.0;
/// The width of a letter of the words above a stage.
const LETTER_W: f64 = 5.9;
/// The most steps of a stage that are drawn.
const MOST_STEPS: usize = 24;
/// The most stages that are drawn: as many of the first as of the last.
const MOST_STAGES: usize = 24;

/// A corner or a place on the page, in pixels to the right and down.
pub(super) type At = (f64, f64);

/// All that is drawn, and the page's width and height.
pub(super) struct Page {
    pub(super) boxes: Vec<Placed>,
    pub(super) roads: Vec<Edge>,
    pub(super) size: (f64, f64),
}

/// A stage on the page.
pub(super) struct Placed {
    /// Which stage of the plan, or how many are left out here.
    pub(super) what: What,
    /// The upper left corner of its words; the frame begins `HEAD` below.
    pub(super) at: At,
    /// The frame's width and height.
    pub(super) size: (f64, f64),
    /// Its steps as they are drawn, with the place of each.
    pub(super) steps: Vec<(PlanStep, At)>,
    /// The edges between them.
    pub(super) edges: Vec<Edge>,
    /// The line it stands in.
    pub(super) line: usize,
    /// How many stand in that line before it.
    pub(super) before: usize,
}

/// What a box stands for.
pub(super) enum What {
    /// The stage of this number, counted from 0.
    Stage(usize),
    /// So many stages that are not drawn.
    Hidden(usize),
}

impl Placed {
    fn empty(what: What) -> Self {
        let (at, size) = ((0.0, 0.0), (NODE_W, NODE_H));
        Self { what, at, size, steps: Vec::new(), edges: Vec::new(), line: 0, before: 0 }
    }

    fn move_by(&mut self, by: At) {
        self.at = (self.at.0 + by.0, self.at.1 + by.1);
        self.steps.iter_mut().for_each(|(_, at)| *at = (at.0 + by.0, at.1 + by.1));
        self.edges.iter_mut().for_each(|edge| edge.move_by(by));
    }

    /// Where its frame ends, right and below.
    pub(super) fn end(&self) -> At {
        (self.at.0 + self.size.0, self.at.1 + HEAD + self.size.1)
    }
}

/// The page of some stages; `words` are those above each.
pub(super) fn page(stages: &[PlanStage], words: impl Fn(usize) -> String) -> Page {
    let boxes = shown(stages.len()).into_iter().map(|what| match what {
        What::Stage(i) => stage_at_origin(i, &stages[i], words(i).chars().count()),
        What::Hidden(_) => Placed::empty(what),
    });
    let mut boxes: Vec<Placed> = boxes.collect();
    into_lines(&mut boxes);
    let roads = Roads::between(&boxes, stages);
    let height = move_apart(&mut boxes, &roads);
    let width = boxes.iter().map(|b| b.end().0).fold(40.0 - BORDER, f64::max) + BORDER;
    let roads = roads.drawn(&boxes);
    Page { boxes, roads, size: (width, height.max(30.0)) }
}

fn shown(count: usize) -> Vec<What> {
    let ends = MOST_STAGES / 2;
    match count.checked_sub(MOST_STAGES) {
        None | Some(0 | 1) => (0..count).map(What::Stage).collect(),
        Some(hidden) => {
            let first = (0..ends).map(What::Stage).chain([What::Hidden(hidden)]);
            first.chain((count - ends..count).map(What::Stage)).collect()
        }
    }
}

/// Beside each other as long as there is room, from the page's left edge.
fn into_lines(boxes: &mut [Placed]) {
    let (mut x, mut line, mut before) = (0.0, 0, 0);
    for placed in boxes {
        if x > 0.0 && x + placed.size.0 > LINE_W {
            (x, line, before) = (0.0, line + 1, 0);
        }
        placed.move_by((x, 0.0));
        (placed.line, placed.before) = (line, before);
        x += placed.size.0 + BETWEEN;
        before += 1;
    }
}

/// Lines below each other with room for what goes between them; the page's height.
fn move_apart(boxes: &mut [Placed], roads: &Roads) -> f64 {
    let lines = boxes.last().map_or(0, |b| b.line + 1);
    let mut top = 0.0;
    for line in 0..lines {
        let mut bottom = top;
        for placed in boxes.iter_mut().filter(|b| b.line == line) {
            placed.move_by((BORDER + roads.left(), top));
            bottom = placed.end().1.max(bottom);
        }
        top = bottom + roads.below(line);
    }
    top + BORDER
}

fn stage_at_origin(number: usize, stage: &PlanStage, letters: usize) -> Placed {
    let steps = shortened(&stage.steps);
    let Inner { places, edges, size: (width, height) } = lay_out(&steps);
    let size = ((width + 2.0 * PAD).max(letters as f64 * LETTER_W + 16.0), height + 2.0 * PAD);
    let steps = steps.into_iter().zip(places).map(|(step, (x, y))| (step, (x + PAD, y + HEAD + PAD))).collect();
    let mut placed = Placed { size, steps, ..Placed::empty(What::Stage(number)) };
    placed.edges = edges;
    placed.edges.iter_mut().for_each(|edge| edge.move_by((PAD, HEAD + PAD)));
    placed
}

/// The steps that are drawn: of many, the first are one.
fn shortened(steps: &[PlanStep]) -> Vec<PlanStep> {
    let Some(merged) = steps.len().checked_sub(MOST_STEPS - 1).filter(|&n| n > 1) else { return steps.to_vec() };
    let first = PlanStep { name: "…".to_owned(), note: format!("{merged} steps"), inputs: Vec::new() };
    let rest = steps[merged..].iter().map(|step| {
        let mut inputs: Vec<usize> = step.inputs.iter().map(|&i| (i + 1).saturating_sub(merged)).collect();
        inputs.dedup();
        PlanStep { inputs, ..step.clone() }
    });
    std::iter::once(first).chain(rest).collect()
}
