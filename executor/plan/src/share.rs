//! A stage's tasks cut into shares, which may run apart from each other, and what a stage hands on.

use crate::program::{Action, Origin};
use crate::stage::{BufferId, FoldWork, Stage, Target, Work};
use cleave_ops::{AxisChunks, Chunks, Shape};
use std::collections::BTreeSet;
use std::ops::Range;

/// What a task costs besides its elements, in elements.
const TASK_LEN: u128 = 4096;
/// How far an edge may move to a rounder place, as a part of a share.
const SLACK: usize = 4;

/// Cuts a stage's tasks into about `count` shares of nearly equal work. Their edges lie where few nodes of a
/// reduction's tree are left incomplete: between kept boxes, else at multiples of a high power of two.
pub fn shares(stage: &Stage, count: usize) -> Vec<Range<usize>> {
    let count = count.clamp(1, stage.tasks.max(1));
    let (total, unit) = (stage.work_before(stage.tasks), stage.round());
    let mut edges = vec![0];
    for number in 1..count {
        let wanted = total * number as u128 / count as u128;
        let even = first_with(stage.tasks, |task| stage.work_before(task) >= wanted);
        let edge = roundest(even, stage.tasks / count / SLACK, unit);
        if edges.last().is_some_and(|&last| last < edge) && edge < stage.tasks {
            edges.push(edge);
        }
    }
    edges.push(stage.tasks);
    edges.windows(2).map(|pair| pair[0]..pair[1]).filter(|share| !share.is_empty()).collect()
}

/// The first number below `end` of which something holds that holds of all later ones; `end` where of none.
fn first_with(end: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// The number within `slack` of another that is a multiple of `unit`, else that lies at a multiple of the highest
/// power of two from such a one on.
fn roundest(number: usize, slack: usize, unit: usize) -> usize {
    let near = |start: usize, step: usize| {
        let below = start + (number - start) / step * step;
        let nearest = if number - below > step / 2 { below + step } else { below };
        (nearest.abs_diff(number) <= slack).then_some(nearest)
    };
    let start = number / unit * unit;
    let powers = (0..=unit.ilog2()).rev().map(|k| near(start, 1 << k));
    std::iter::once(near(0, unit)).chain(powers).flatten().next().unwrap_or(number)
}

impl Stage {
    /// The blocks in which its results are made, goal after goal.
    pub fn grids(&self) -> Vec<Chunks> {
        match &self.work {
            Work::Fold(_) | Work::Joint(_) => {
                self.work.folds().iter().flat_map(|fold| fold.goals.iter().map(|_| fold.boxes.clone())).collect()
            }
            Work::Store(store) => store.goals.iter().map(|_| store.boxes.clone()).collect(),
            Work::Contract(contract) => vec![contract.finished(); contract.goals.len()],
        }
    }

    /// Where its results go, goal after goal.
    pub fn targets(&self) -> Vec<&Target> {
        match &self.work {
            Work::Fold(_) | Work::Joint(_) => {
                self.work.folds().iter().flat_map(|fold| &fold.goals).map(|g| &g.target).collect()
            }
            Work::Store(work) => work.goals.iter().map(|g| &g.target).collect(),
            Work::Contract(work) => work.goals.iter().map(|g| &g.target).collect(),
        }
    }

    /// The values between stages it reads.
    pub fn buffers(&self) -> BTreeSet<BufferId> {
        let mut found = BTreeSet::new();
        self.programs().for_each(|program| {
            program.each_step(&mut |_, step| {
                if let Action::Load { origin: Origin::Buffer(id), .. } = &step.action {
                    found.insert(*id);
                }
            });
        });
        found
    }

    /// The elements that so many of its tasks visit, such that those of all shares add up to those of the stage.
    pub fn elements_of(&self, tasks: &Range<usize>) -> u64 {
        let (elements, all) = (u128::from(self.elements()), self.tasks.max(1) as u128);
        let before = |task: usize| (elements * task as u128 / all) as u64;
        before(tasks.end) - before(tasks.start)
    }

    /// What the tasks before one cost, in elements they visit or sum.
    pub fn work_before(&self, task: usize) -> u128 {
        let visited = match &self.work {
            Work::Store(work) => size_before(&work.boxes, task),
            // Its boxes are nearly alike.
            Work::Joint(_) => u128::from(self.elements_of(&(0..task))),
            Work::Fold(work) => {
                let parts = summed(work);
                let part = (task % work.spans * work.span).min(parts.count());
                nested_before(&work.boxes, task / work.spans, &parts, part)
            }
            Work::Contract(work) => {
                let panels = even(&work.sides.shared, &work.panel);
                nested_before(&work.boxes, task / work.segments, &panels, work.panels(task).start)
            }
        };
        visited + task as u128 * TASK_LEN
    }

    /// Multiples of so many tasks are good places to cut: what lies between is a kept box, a block of a product,
    /// or a row of blocks.
    fn round(&self) -> usize {
        let tasks = match &self.work {
            Work::Fold(work) => work.spans,
            Work::Joint(_) => 1,
            Work::Contract(work) => work.segments,
            Work::Store(work) => work.boxes.0.last().map_or(1, AxisChunks::count),
        };
        tasks.max(1)
    }
}

/// Boxes of those sides that cover each axis.
fn even(lens: &Shape, sides: &Shape) -> Chunks {
    Chunks(lens.iter().zip(sides.iter()).map(|(&len, &side)| AxisChunks::regular(len, side)).collect())
}

/// The superboxes, or the boxes of a half, as a grid over the reduced axes.
fn summed(work: &FoldWork) -> Chunks {
    if let Some(halves) = work.halves() {
        return halves.boxes.clone();
    }
    let lattice = &work.lattice;
    let sides = lattice.cell.iter().zip(lattice.superbox.iter()).map(|(cell, many)| cell * many).collect();
    even(&lattice.lens, &sides)
}

/// Elements of all pairs of an outer and an inner one before that part of that block.
fn nested_before(blocks: &Chunks, block: usize, parts: &Chunks, part: usize) -> u128 {
    let before = size_before(blocks, block);
    let here = size_before(blocks, (block + 1).min(blocks.count())) - before;
    before * parts.shape().iter().map(|&len| len as u128).product::<u128>() + here * size_before(parts, part)
}

/// Elements of the blocks, row-major, before one.
fn size_before(chunks: &Chunks, number: usize) -> u128 {
    let shape = chunks.shape();
    if number >= chunks.count() {
        return shape.iter().map(|&len| len as u128).product();
    }
    let (mut before, mut beside) = (0, 1);
    for (axis, &at) in chunks.index(number).iter().enumerate() {
        let (start, len) = chunks.0[axis].span(at);
        let inner: u128 = shape[axis + 1..].iter().map(|&len| len as u128).product();
        before += beside * start as u128 * inner;
        beside *= len as u128;
    }
    before
}
