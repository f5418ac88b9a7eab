//! The steps of a stage in columns by depth, so that every edge goes right. An edge that passes a column has a lane in
//! it, so that none lies behind a node.

use super::edge::Edge;
use super::layout::{At, NODE_H, NODE_W};
use cleave_session::output::PlanStep;

const GAP_X: f64 = 34.0;
const GAP_Y: f64 = 14.0;
const LANE_H: f64 = 2.0;
/// Steps beside each other in a stage; those further from its sources stand in the next line.
const COLUMNS: usize = 5;
/// Room between lines, and for each edge that goes back to the left there.
const BETWEEN: f64 = 24.0;
const TRACK: f64 = 6.0;

/// Steps and their edges, from the upper left corner of what they take.
pub(super) struct Inner {
    pub(super) places: Vec<At>,
    pub(super) edges: Vec<Edge>,
    pub(super) size: (f64, f64),
}

/// Where steps stand and how their edges go.
pub(super) fn lay_out(steps: &[PlanStep]) -> Inner {
    let mut table = Table::of(steps);
    table.order();
    let height = table.settle();
    let (places, edges) = (table.places(), table.edges());
    Inner { places, edges, size: (table.right() + table.margin(), height) }
}

/// What stands in a column: a step, or the lane of one that is read further right.
#[derive(Clone, Copy)]
struct Item {
    step: usize,
    is_lane: bool,
    /// Where its middle is.
    y: f64,
}

impl Item {
    fn height(self) -> f64 {
        if self.is_lane { LANE_H } else { NODE_H }
    }

    /// Whether it takes what an item of the column before it gives.
    fn reads(self, from: Item, steps: &[PlanStep]) -> bool {
        if self.is_lane { self.step == from.step } else { steps[self.step].inputs.contains(&from.step) }
    }
}

struct Table<'a> {
    steps: &'a [PlanStep],
    columns: Vec<Vec<Item>>,
    /// Where each line of columns ends.
    bottoms: Vec<f64>,
}

impl<'a> Table<'a> {
    fn of(steps: &'a [PlanStep]) -> Self {
        let depth = depths(steps);
        let mut last = depth.clone();
        for (i, step) in steps.iter().enumerate() {
            step.inputs.iter().for_each(|&input| last[input] = last[input].max(depth[i]));
        }
        let mut columns = vec![Vec::new(); depth.iter().max().map_or(0, |d| d + 1)];
        for (step, (&depth, &last)) in depth.iter().zip(&last).enumerate() {
            columns[depth].push(Item { step, is_lane: false, y: 0.0 });
            (depth + 1..last).for_each(|c| columns[c].push(Item { step, is_lane: true, y: 0.0 }));
        }
        Self { steps, columns, bottoms: Vec::new() }
    }

    /// Puts each item beside those it is joined to, to the right, to the left and to the right again.
    fn order(&mut self) {
        let count = self.columns.len();
        for (c, beside) in (1..count).map(|c| (c, c - 1)).chain((1..count).rev().map(|c| (c - 1, c))) {
            self.order_column(c, beside);
        }
        (1..count).for_each(|c| self.order_column(c, c - 1));
    }

    fn order_column(&mut self, c: usize, beside: usize) {
        let key = |item: &Item| {
            let joined = |other: &Item| match beside < c {
                true => item.reads(*other, self.steps),
                false => other.reads(*item, self.steps),
            };
            mean(self.columns[beside].iter().enumerate().filter(|(_, other)| joined(other)).map(|(i, _)| i as f64))
        };
        let mut keyed: Vec<(f64, Item)> =
            self.columns[c].iter().map(|item| (key(item).unwrap_or(f64::INFINITY), *item)).collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.columns[c] = keyed.into_iter().map(|(_, item)| item).collect();
    }

    /// Gives each item its height on the page, line after line; the height of all.
    fn settle(&mut self) -> f64 {
        let mut top = 0.0;
        for first in (0..self.columns.len()).step_by(COLUMNS) {
            let line = first..self.columns.len().min(first + COLUMNS);
            line.clone().for_each(|c| self.stack(c, c > first));
            let items = || self.columns[line.clone()].iter().flatten();
            let least = items().map(|i| i.y - i.height() / 2.0).fold(f64::INFINITY, f64::min);
            self.columns[line.clone()].iter_mut().flatten().for_each(|item| item.y += top - least);
            let bottom =
                self.columns[line.clone()].iter().flatten().map(|i| i.y + i.height() / 2.0).fold(top, f64::max);
            self.bottoms.push(bottom);
            top = bottom + BETWEEN + TRACK * self.turning(line.end).len() as f64;
        }
        self.bottoms.last().copied().unwrap_or(0.0)
    }

    /// Items below each other, as near as there is room to what they read.
    fn stack(&mut self, c: usize, beside: bool) {
        let mut end = f64::NEG_INFINITY;
        let mut off = Vec::new();
        for i in 0..self.columns[c].len() {
            let item = self.columns[c][i];
            let free = if end.is_finite() { end + GAP_Y + item.height() / 2.0 } else { f64::NEG_INFINITY };
            let wanted = if beside { self.middle_of_inputs(c, item) } else { None };
            let y = wanted.unwrap_or(free).max(free).max(-1e6);
            off.extend(wanted.map(|w| w - y));
            self.columns[c][i].y = y;
            end = y + item.height() / 2.0;
        }
        let shift = mean(off.into_iter()).unwrap_or(0.0);
        self.columns[c].iter_mut().for_each(|item| item.y += shift);
    }

    fn middle_of_inputs(&self, c: usize, item: Item) -> Option<f64> {
        mean(self.columns[c - 1].iter().filter(|from| item.reads(**from, self.steps)).map(|from| from.y))
    }

    /// The items at the end of a line that are read in the next one, which begins with column `c`.
    fn turning(&self, c: usize) -> Vec<usize> {
        let Some(next) = self.columns.get(c).filter(|_| c > 0) else { return Vec::new() };
        let is_read = |from: &Item| next.iter().any(|item| item.reads(*from, self.steps));
        self.columns[c - 1].iter().enumerate().filter(|(_, from)| is_read(from)).map(|(i, _)| i).collect()
    }

    /// Room at both sides for edges that go on in the next line.
    fn margin(&self) -> f64 {
        let most = (COLUMNS..self.columns.len()).step_by(COLUMNS).map(|c| self.turning(c).len()).max();
        most.map_or(0.0, |n| TRACK * (n + 1) as f64)
    }

    fn left(&self, c: usize) -> f64 {
        self.margin() + (c % COLUMNS) as f64 * (NODE_W + GAP_X)
    }

    /// Where the last column ends.
    fn right(&self) -> f64 {
        self.left(self.columns.len().min(COLUMNS).saturating_sub(1)) + NODE_W
    }

    fn places(&self) -> Vec<At> {
        let mut places = vec![(0.0, 0.0); self.steps.len()];
        for (c, column) in self.columns.iter().enumerate() {
            for item in column.iter().filter(|item| !item.is_lane) {
                places[item.step] = (self.left(c), item.y - NODE_H / 2.0);
            }
        }
        places
    }

    fn edges(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (c, column) in self.columns.iter().enumerate() {
            for item in column {
                if item.is_lane {
                    edges.push(Edge::Wave((self.left(c), item.y), (self.left(c) + NODE_W, item.y)));
                }
                edges.extend(self.edges_to(c, *item));
            }
        }
        edges
    }

    fn edges_to(&self, c: usize, item: Item) -> impl Iterator<Item = Edge> {
        let before = if c > 0 { self.columns[c - 1].as_slice() } else { &[] };
        before.iter().enumerate().filter(move |(_, from)| item.reads(**from, self.steps)).map(move |(i, from)| {
            let (start, end) = ((self.left(c - 1) + NODE_W, from.y), (self.left(c), item.y));
            if c.is_multiple_of(COLUMNS) { self.turned(c, i, start, end) } else { Edge::Wave(start, end) }
        })
    }

    /// From the end of a line back to the beginning of the next, on a track of its own.
    fn turned(&self, c: usize, from: usize, start: At, end: At) -> Edge {
        let turning = self.turning(c);
        let track = turning.iter().position(|&i| i == from).unwrap_or(0);
        let inside = TRACK * (turning.len() - track) as f64;
        let outside = TRACK * (track + 1) as f64;
        let y = self.bottoms[c / COLUMNS - 1] + BETWEEN / 2.0 + inside;
        let (right, left) = (start.0 + inside, end.0 - outside);
        Edge::Turns(vec![start, (right, start.1), (right, y), (left, y), (left, end.1), end])
    }
}

/// How many steps each has before it; a source stands right before the first that reads it.
fn depths(steps: &[PlanStep]) -> Vec<usize> {
    let mut depth: Vec<usize> = Vec::with_capacity(steps.len());
    for step in steps {
        depth.push(step.inputs.iter().map(|&i| depth[i] + 1).max().unwrap_or(0));
    }
    for source in (0..steps.len()).filter(|&i| steps[i].inputs.is_empty()) {
        let readers = (0..steps.len()).filter(|&i| steps[i].inputs.contains(&source));
        depth[source] = readers.map(|i| depth[i] - 1).min().unwrap_or(0);
    }
    depth
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}
