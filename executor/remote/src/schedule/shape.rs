//! What is to be done, as far as a schedule must know it.

use crate::items::INLINE_BYTES;
use cleave_ops::AxisChunks;
use cleave_plan::{BufferId, Plan, Stage, Work};
use std::collections::BTreeSet;

/// Additions a thread does in a second, before anything is measured.
const GUESSED_RATE: f64 = 1e9;
/// So many tasks at least are worth a share of their own, however little they do.
const A_GOOD_MANY: usize = 64;

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
    /// The most tasks of a share: results of so many go with its answer, where each is small.
    pub most: usize,
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
    /// The shape of a plan whose workers may write some outputs themselves.
    pub fn of(plan: &Plan, may_write: impl Fn(usize) -> bool) -> Self {
        let read: Vec<BTreeSet<BufferId>> = plan.stages.iter().map(Stage::buffers).collect();
        let read_by = |number: usize| (0..read.len()).filter(|&s| read[s].contains(&BufferId(number as u32))).collect();
        let buffers = plan.buffers.iter().enumerate();
        Self {
            stages: (0..plan.stages.len()).map(|stage| StageShape::of(plan, stage, &may_write)).collect(),
            buffers: buffers.map(|(i, b)| BufferShape { made_by: b.made_by, read_by: read_by(i) }).collect(),
        }
    }
}

impl StageShape {
    fn of(plan: &Plan, number: usize, may_write: &impl Fn(usize) -> bool) -> Self {
        let stage = &plan.stages[number];
        let group = match &stage.work {
            Work::Fold(work) => work.spans,
            Work::Contract(work) => work.segments,
            Work::Store(_) | Work::Joint(_) => 1,
        };
        let work = stage.elements() as f64 * stage.weight.max(1.0);
        let task_s = work / GUESSED_RATE / stage.tasks.max(1) as f64;
        let most = most(stage, may_write).unwrap_or(usize::MAX);
        Self { tasks: stage.tasks, task_s, group: group.max(1), near: near(plan, number), most }
    }
}

/// The stage before one with which it has the most bytes in common; of several the last.
fn near(plan: &Plan, stage: usize) -> Option<usize> {
    let (stored, read) = (plan.stages[stage].stored_bytes(), plan.stages[stage].buffers());
    let common = |other: usize| {
        let both = plan.stages[other].stored_bytes().into_iter().filter(|(id, _)| stored.contains_key(id));
        let made = read.iter().map(|&id| plan.buffer(id)).filter(|b| b.made_by == other);
        both.map(|(_, bytes)| bytes).chain(made.map(|b| b.nbytes())).fold(0, u64::saturating_add)
    };
    let found = (0..stage).map(|other| (common(other), other)).filter(|&(bytes, _)| bytes > 0);
    found.max().map(|(_, other)| other)
}

/// How many tasks of a stage leave no more than goes with an answer, if that is a good many and the kernel wants it:
/// it would have to fetch the blocks of others one by one.
fn most(stage: &Stage, may_write: &impl Fn(usize) -> bool) -> Option<usize> {
    let Work::Store(work) = &stage.work else { return None };
    let wanted = work.goals.iter().filter(|goal| goal.target.outputs.iter().any(|&output| !may_write(output)));
    let block = work.boxes.0.iter().map(AxisChunks::longest).fold(1, usize::saturating_mul);
    let bytes = wanted.map(|goal| goal.dtype.size().saturating_mul(block));
    let task_bytes = bytes.fold(0, usize::saturating_add);
    INLINE_BYTES.checked_div(task_bytes).filter(|&tasks| tasks >= A_GOOD_MANY)
}
