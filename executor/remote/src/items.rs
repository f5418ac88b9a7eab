//! What of a stage's results travels how, as both sides see it.

use crate::elements::view;
use crate::proto::{Finished, Share};
use crate::spec::{JobParts, StoredPlace};
use cleave_cpu::Part;
use cleave_graph::SourceId;
use cleave_ops::DType;
use cleave_plan::contract::sums_dtype;
use cleave_plan::cut::fold_loop;
use cleave_plan::stage::block_region;
use cleave_plan::{BufferId, Keep, Plan, Target, Work};

/// Bytes of results that go with the answer of a share; more is fetched.
pub(crate) const INLINE_BYTES: usize = 64 << 10;

/// The value between stages whose blocks stay with the worker that made them.
pub(crate) fn kept(plan: &Plan, target: &Target) -> Option<BufferId> {
    target.buffer.filter(|&b| plan.buffer(b).keep != Keep::Dense)
}

/// The small value between stages that the kernel puts together and hands to all.
pub(crate) fn dense(plan: &Plan, target: &Target) -> Option<BufferId> {
    target.buffer.filter(|&b| plan.buffer(b).keep == Keep::Dense)
}

/// The number under which blocks of a goal wait for the kernel, if it wants them: that of the first output they are
/// for, or one after all outputs for a value between stages.
pub(crate) fn fetched(plan: &Plan, target: &Target) -> Option<usize> {
    target.outputs.first().copied().or_else(|| dense(plan, target).map(|b| plan.outputs.len() + b.0 as usize))
}

/// The source whose blocks are put under a number.
pub(crate) fn put_source(parts: &JobParts, number: u64) -> Option<SourceId> {
    let is_it = |place: &StoredPlace| matches!(place, StoredPlace::Put { number: n } if *n == number);
    parts.sources.iter().find(|s| is_it(&s.place)).map(|s| s.id)
}

/// The dtypes of the columns of a part, goal after goal, and how many elements each has; `None` where the stage has
/// no such part.
pub(crate) fn columns(plan: &Plan, stage: usize, place: usize) -> Option<(Vec<Vec<DType>>, usize)> {
    match &plan.stages[stage].work {
        Work::Fold(work) if place < work.boxes.count() => {
            let states = work.goals.iter().map(|g| fold_loop(g.op, g.loop_index).state.to_vec()).collect();
            Some((states, block_region(&work.boxes, place).size()))
        }
        Work::Contract(work) if place < work.boxes.count() => {
            Some((vec![vec![sums_dtype(work.dtype)]], block_region(&work.boxes, place).size()))
        }
        Work::Fold(_) | Work::Joint(_) | Work::Contract(_) | Work::Store(_) => None,
    }
}

/// The checksum of an answer: over what was asked, and over all that came out of it, in the order of its message.
pub(crate) fn checksum<'a>(asked: &Share, finished: &[Finished], parts: impl Iterator<Item = &'a Part>) -> u32 {
    let numbers = |sum: u32, numbers: &[u64]| {
        numbers.iter().fold(sum, |sum, number| crc32c::crc32c_append(sum, &number.to_le_bytes()))
    };
    let sum = numbers(0, &[asked.id, u64::from(asked.stage), asked.first, asked.count, finished.len() as u64]);
    let sum = finished.iter().fold(sum, |sum, f| {
        numbers(sum, &[u64::from(f.goal), f.block, f.nbytes, u64::from(f.checksum), u64::from(f.written)])
    });
    parts.fold(sum, |sum, part| {
        let sum = numbers(sum, &[part.place as u64, u64::from(part.level), part.number as u64]);
        part.columns.iter().flatten().fold(sum, |sum, data| crc32c::crc32c_append(sum, view(data.as_ref())))
    })
}
