//! What is to be done, as far as a schedule must know it.

use cleave_plan::{BufferId, Plan, Stage, Work};
use std::collections::BTreeSet;

/// Additions a thread does in a second, before anything is measured.
const GUESSED_RATE: f64 = 1e9;

/// A plan without its contents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Stages, to be run one after the other.
    pub stages: Vec<StageShape>,
    /// Values between stages.
    pub buffers: Vec<BufferShape>,
}

/// One stage.
#[derive(Clone, Debug, PartialEq)]
pub struct StageShape {
    /// How many tasks it has.
    pub tasks: usize,
    /// Seconds of one thread for a task, roughly.
    pub task_s: f64,
    /// Tasks that make one result together; shares had better hold all of them.
    pub group: usize,
    /// The stage before whose tasks, in the same order, read or made the most of what these read.
    pub near: Option<usize>,
}

/// A value between stages.
#[derive(Clone, Debug, PartialEq)]
pub struct BufferShape {
    /// The stage that makes it.
    pub made_by: usize,
    /// The stages that read it.
    pub read_by: Vec<usize>,
}

impl Shape {
    /// The shape of a plan.
    pub fn of(plan: &Plan) -> Self {
        let read: Vec<BTreeSet<BufferId>> = plan.stages.iter().map(Stage::buffers).collect();
        let read_by = |number: usize| (0..read.len()).filter(|&s| read[s].contains(&BufferId(number as u32))).collect();
        let buffers = plan.buffers.iter().enumerate();
        Self {
            stages: (0..plan.stages.len()).map(|stage| StageShape::of(plan, stage)).collect(),
            buffers: buffers.map(|(i, b)| BufferShape { made_by: b.made_by, read_by: read_by(i) }).collect(),
        }
    }
}

impl StageShape {
    fn of(plan: &Plan, number: usize) -> Self {
        let stage = &plan.stages[number];
        let group = match &stage.work {
            Work::Fold(work) => work.spans,
            Work::Contract(work) => work.segments,
            Work::Store(_) | Work::Joint(_) => 1,
        };
        let work = stage.elements() as f64 * stage.weight.max(1.0);
        let task_s = work / GUESSED_RATE / stage.tasks.max(1) as f64;
        Self { tasks: stage.tasks, task_s, group: group.max(1), near: near(plan, number) }
    }
}

/// The stage before one with which it has the most bytes in common; of several the last.
fn near(plan: &Plan, stage: usize) -> Option<usize> {
    let (stored, read) = (plan.stages[stage].stored_bytes(), plan.stages[stage].buffers());
    let common = |other: usize| {
        let both = plan.stages[other].stored_bytes().into_iter().filter(|(id, _)| stored.contains_key(id));
        let made = read.iter().map(|&id| plan.buffer(id)).filter(|b| b.made_by == other);
        both.map(|(_, bytes)| bytes).chain(made.map(|b| b.memory_bytes())).fold(0, u64::saturating_add)
    };
    let found = (0..stage).map(|other| (common(other), other)).filter(|&(bytes, _)| bytes > 0);
    found.max().map(|(_, other)| other)
}
