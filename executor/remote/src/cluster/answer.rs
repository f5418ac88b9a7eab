//! What a worker says of a share, read against the plan: nothing of it is believed unseen.

use crate::elements;
use crate::items;
use crate::proto::{self, Done, Finished, Share};
use cleave_cpu::Part;
use cleave_ops::{Chunks, DType, Region};
use cleave_plan::stage::block_region;
use cleave_plan::{Plan, Target, Work};
use std::ops::Range;

/// A stage's results, as answers refer to them.
pub(super) struct Results<'a> {
    pub(super) targets: Vec<&'a Target>,
    pub(super) dtypes: Vec<DType>,
    pub(super) grids: Vec<Chunks>,
}

impl<'a> Results<'a> {
    pub(super) fn of(plan: &'a Plan, stage: usize) -> Self {
        let stage = &plan.stages[stage];
        let dtypes = match &stage.work {
            Work::Fold(_) | Work::Joint(_) => {
                stage.work.folds().iter().flat_map(|fold| &fold.goals).map(|g| g.dtype).collect()
            }
            Work::Store(work) => work.goals.iter().map(|g| g.dtype).collect(),
            Work::Contract(work) => work.goals.iter().map(|g| g.dtype).collect(),
        };
        Self { targets: stage.targets(), dtypes, grids: stage.grids() }
    }

    /// A finished block's goal, number, region and dtype; `None` where there is no such block.
    pub(super) fn block(&self, finished: &Finished) -> Option<(usize, usize, Region, DType)> {
        let goal = finished.goal as usize;
        let grid = self.grids.get(goal)?;
        let block = usize::try_from(finished.block).ok().filter(|&b| b < grid.count())?;
        let region = block_region(grid, block);
        let dtype = *self.dtypes.get(goal)?;
        (finished.nbytes == (region.size() * dtype.size()) as u64).then_some((goal, block, region, dtype))
    }
}

/// Whether an answer has all that the tasks make, and nothing else.
pub(super) fn is_whole(plan: &Plan, stage: usize, tasks: &Range<usize>, done: &Done) -> bool {
    let results = Results::of(plan, stage);
    if !done.finished.iter().all(|f| results.block(f).is_some()) {
        return false;
    }
    match &plan.stages[stage].work {
        Work::Store(work) => {
            let wanted = tasks.clone().flat_map(|block| (0..work.goals.len()).map(move |goal| (goal, block)));
            let mut wanted: Vec<_> = wanted.collect();
            let mut found: Vec<_> = done.finished.iter().map(|f| (f.goal as usize, f.block as usize)).collect();
            wanted.sort_unstable();
            found.sort_unstable();
            done.parts.is_empty() && wanted == found
        }
        Work::Fold(work) => {
            let first = tasks.start.div_ceil(work.spans);
            let boxes = first..(tasks.end / work.spans).max(first);
            let is_inside = |f: &Finished| boxes.contains(&(f.block as usize));
            done.finished.len() == boxes.len() * work.goals.len() && done.finished.iter().all(is_inside)
        }
        // Plans for several machines have no such stages.
        Work::Joint(_) => false,
        Work::Contract(work) => {
            let boxes = tasks.start / work.segments..tasks.end.div_ceil(work.segments);
            done.parts.iter().all(|p| boxes.contains(&(p.r#box as usize)))
        }
    }
}

/// What a worker was asked that answers.
pub(super) fn asked((stage, tasks): (usize, &Range<usize>), done: &Done) -> Share {
    let (first, count) = (tasks.start as u64, tasks.len() as u64);
    Share { id: done.share, stage: stage as u32, first, count, attempt: done.attempt }
}

/// Whether an answer came as it was sent, as far as that is known before the rest of it is fetched.
pub(super) fn is_as_sent(plan: &Plan, (stage, tasks): (usize, &Range<usize>), done: &Done) -> bool {
    if done.parts.iter().any(|p| p.item.is_some()) {
        return true;
    }
    let parts: Option<Vec<Part>> = done.parts.iter().map(|told| part(plan, stage, told, None)).collect();
    let sum = |parts: Vec<Part>| items::checksum(&asked((stage, tasks), done), &done.finished, parts.iter());
    parts.map(sum) == Some(done.checksum)
}

/// A part whose elements came with it, or are those bytes.
pub(super) fn part(plan: &Plan, stage: usize, part: &proto::Part, bytes: Option<&[u8]>) -> Option<Part> {
    let place = usize::try_from(part.r#box).ok()?;
    let (goals, len) = items::columns(plan, stage, place)?;
    let (mut columns, mut at, mut inline) = (Vec::new(), 0, part.columns.iter());
    for dtypes in goals {
        let mut goal = Vec::new();
        for dtype in dtypes {
            goal.push(match bytes {
                None => elements::from_block(inline.next()?, dtype, len).ok()?,
                Some(bytes) => {
                    let end = at + len * dtype.size();
                    let column = elements::from_bytes(dtype, len, bytes.get(at..end)?).ok()?;
                    at = end;
                    column
                }
            });
        }
        columns.push(goal);
    }
    Some(Part { fold: 0, place, level: part.level, number: usize::try_from(part.number).ok()?, columns })
}

/// How many bytes the elements of a part have.
pub(super) fn part_bytes(plan: &Plan, stage: usize, part: &proto::Part) -> Option<u64> {
    let (goals, len) = items::columns(plan, stage, usize::try_from(part.r#box).ok()?)?;
    Some(goals.iter().flatten().map(|dtype| (dtype.size() * len) as u64).sum())
}
