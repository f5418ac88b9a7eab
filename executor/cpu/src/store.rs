//! A task that keeps: one block, filled tile by tile.

use crate::copy::{Walk, copy_box};
use crate::fold::tiles;
use crate::machine::Machine;
use crate::watch::Watch;
use cleave_ops::{Data, Region};
use cleave_plan::locals::block_shape;
use cleave_plan::stage::block_region;
use cleave_plan::{RunError, StoreWork};
use smallvec::SmallVec;

/// The block of a task, for each goal.
pub(crate) fn task(
    work: &StoreWork,
    task: usize,
    machine: &mut Machine<'_>,
    watch: &Watch<'_>,
) -> Result<(Region, Vec<Data>), RunError> {
    let region = block_region(&work.boxes, task);
    let mut blocks: Vec<Data> = work.goals.iter().map(|g| Data::zeros(g.dtype, region.size())).collect();
    let step = if machine.has_locals() { block_shape(&region.len) } else { region.len.clone() };
    for part in tiles(&region, &step) {
        machine.prepare(&part, watch)?;
        for tile in tiles(&part, &work.tile(&part.len)) {
            watch.visit(tile.size())?;
            machine.tile(&tile)?;
            let inside: SmallVec<[usize; 4]> = tile.start.iter().zip(&region.start).map(|(a, b)| a - b).collect();
            let to = Walk::inside(&inside, &region.len);
            for (goal, block) in work.goals.iter().zip(&mut blocks) {
                copy_box(&tile.len, machine.register(goal.slot), &Walk::whole(&tile.len), block, &to);
            }
        }
    }
    Ok((region, blocks))
}

/// Bytes of the blocks of a task.
pub(crate) fn bytes(work: &StoreWork, task: usize) -> u64 {
    let elements = block_region(&work.boxes, task).size();
    work.goals.iter().map(|g| (elements * g.dtype.size()) as u64).sum()
}
