//! Where the boxes of stages and the nodes of their steps stand: lines as long as a page is wide, never one long row.

use cleave_session::output::{PlanStage, PlanStep};

pub(super) const NODE_W: f64 = 126.0;
pub(super) const NODE_H: f64 = 40.0;
/// Where the frame of a stage begins below its words.
pub(super) const HEAD: f64 = 24.0;
const GAP_X: f64 = 34.0;
const GAP_Y: f64 = 14.0;
const PAD: f64 = 16.0;
/// Room between stages, for edges.
const BETWEEN: f64 = 44.0;
/// Room between lines of steps, for edges that go back to the left.
const TURN: f64 = 34.0;
/// Steps beside each other in a stage; those further from its sources stand in the next line.
const COLUMNS: usize = 5;
/// How wide a line of stages may be, unless one is wider; JupyterLab's output has about that room.
const LINE_W: f64 = 880.0;
/// The width of a letter of the words above a stage.
const LETTER_W: f64 = 5.9;
/// The most steps of a stage that are drawn.
const MOST_STEPS: usize = 24;
/// The most stages that are drawn: as many of the first as of the last.
const MOST_STAGES: usize = 24;

/// A corner or a place on the page, in pixels to the right and down.
pub(super) type At = (f64, f64);

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
    /// How many of the stage's first steps are drawn as one.
    pub(super) merged: usize,
}

/// What a box stands for.
pub(super) enum What {
    /// The stage of this number, counted from 0.
    Stage(usize),
    /// So many stages that are not drawn.
    Hidden(usize),
}

impl Placed {
    /// The place of a step of the stage, by its number there.
    pub(super) fn place(&self, step: usize) -> Option<At> {
        self.steps.get(drawn_at(step, self.merged)).or(self.steps.last()).map(|s| s.1)
    }
}

/// The page: its boxes, width and height.
pub(super) fn page(stages: &[PlanStage], words: impl Fn(usize) -> String) -> (Vec<Placed>, f64, f64) {
    let (mut at, mut line_h, mut width) = ((6.0, 0.0), 0.0_f64, 0.0_f64);
    let mut page = Vec::new();
    for what in shown(stages.len()) {
        let mut placed = match what {
            What::Stage(i) => stage_at_origin(i, &stages[i], words(i).chars().count()),
            What::Hidden(n) => Placed { what: What::Hidden(n), at, size: (NODE_W, NODE_H), steps: vec![], merged: 0 },
        };
        if at.0 > 6.0 && at.0 + placed.size.0 > LINE_W + 6.0 {
            at = (6.0, at.1 + line_h + HEAD);
            line_h = 0.0;
        }
        placed.at = at;
        placed.steps.iter_mut().for_each(|(_, place)| *place = (place.0 + at.0, place.1 + at.1));
        width = width.max(at.0 + placed.size.0 + 6.0);
        line_h = line_h.max(HEAD + placed.size.1);
        at.0 += placed.size.0 + BETWEEN;
        page.push(placed);
    }
    (page, width.max(40.0), (at.1 + line_h + 6.0).max(30.0))
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

fn stage_at_origin(number: usize, stage: &PlanStage, letters: usize) -> Placed {
    let (steps, merged) = shortened(&stage.steps);
    let (places, width, height) = lay_out(&steps);
    let width = (width + 2.0 * PAD).max(letters as f64 * LETTER_W + 16.0);
    let steps = steps.into_iter().zip(places).collect();
    Placed { what: What::Stage(number), at: (0.0, 0.0), size: (width, height + 2.0 * PAD), steps, merged }
}

/// The steps that are drawn, and how many of the first are one of them.
fn shortened(steps: &[PlanStep]) -> (Vec<PlanStep>, usize) {
    let Some(merged) = steps.len().checked_sub(MOST_STEPS - 1).filter(|&n| n > 1) else {
        return (steps.to_vec(), 1);
    };
    let first = PlanStep { name: "…".to_owned(), note: format!("{merged} steps"), inputs: Vec::new() };
    let rest = steps[merged..].iter().map(|step| {
        let mut inputs: Vec<usize> = step.inputs.iter().map(|&i| drawn_at(i, merged)).collect();
        inputs.dedup();
        PlanStep { inputs, ..step.clone() }
    });
    (std::iter::once(first).chain(rest).collect(), merged)
}

fn drawn_at(step: usize, merged: usize) -> usize {
    (step + 1).saturating_sub(merged)
}

/// Columns by depth from the sources, so that every edge of a line goes right; a line of steps below the other.
fn lay_out(steps: &[PlanStep]) -> (Vec<At>, f64, f64) {
    let mut depth: Vec<usize> = Vec::new();
    for step in steps {
        depth.push(step.inputs.iter().filter_map(|&i| depth.get(i)).map(|d| d + 1).max().unwrap_or(0));
    }
    let mut used = vec![0_usize; depth.iter().max().map_or(1, |d| d + 1)];
    let mut row_of = |d: usize| {
        used[d] += 1;
        used[d] - 1
    };
    let rows: Vec<usize> = depth.iter().map(|&d| row_of(d)).collect();
    let tall = |count: usize| count.max(1) as f64 * (NODE_H + GAP_Y) - GAP_Y;
    let (mut tops, mut y) = (Vec::new(), HEAD + PAD);
    for line in used.chunks(COLUMNS) {
        let height = line.iter().copied().map(tall).fold(0.0, f64::max);
        tops.push((y, height));
        y += height + TURN;
    }
    let place = |(&d, &row): (&usize, &usize)| {
        let (top, height) = tops[d / COLUMNS];
        let x = PAD + (d % COLUMNS) as f64 * (NODE_W + GAP_X);
        (x, top + (height - tall(used[d])) / 2.0 + row as f64 * (NODE_H + GAP_Y))
    };
    let places = depth.iter().zip(&rows).map(place).collect();
    (places, used.len().min(COLUMNS) as f64 * (NODE_W + GAP_X) - GAP_X, y - TURN - HEAD - PAD)
}
