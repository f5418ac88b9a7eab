//! A task that keeps: one block, filled tile by tile.

use crate::copy::{Walk, copy_box};
use crate::fold::tiles;
use crate::machine::Machine;
use crate::watch::Watch;
use cleave_ops::{Data, Region};
use cleave_plan::stage::block_region;
use cleave_plan::{RunError, StoreWork};
use smallvec::SmallVec;

/// Fills the block of a task for each goal; `blocks` are there from the task before, or empty.
pub(crate) fn task(
    work: &StoreWork,
    task: usize,
    machine: &mut Machine<'_>,
    watch: &Watch<'_>,
    blocks: &mut Vec<Data>,
) -> Result<Region, RunError> {
    let region = block_region(&work.boxes, task);
    blocks.truncate(work.goals.len());
    blocks.extend(work.goals[blocks.len()..].iter().map(|g| Data::with_capacity(g.dtype, 0)));
    blocks.iter_mut().for_each(|block| make_room(block, region.size()));
    let step = if machine.has_locals() { machine.blocking().block_shape(&region.len) } else { region.len.clone() };
    let strip = if machine.has_locals() { machine.blocking().strip_shape(&region.len) } else { step.clone() };
    let strips: SmallVec<[Region; 1]> = tiles(&region, &strip).collect();
    for part in strips.iter().flat_map(|strip| tiles(strip, &step)) {
        machine.prepare(&part, watch)?;
        for tile in tiles(&part, &work.tile(&part.len)) {
            watch.visit(tile.size())?;
            machine.tile(&tile)?;
            let inside: SmallVec<[usize; 4]> = tile.start.iter().zip(&region.start).map(|(a, b)| a - b).collect();
            let to = Walk::inside(&inside, &region.len);
            for (goal, block) in work.goals.iter().zip(blocks.iter_mut()) {
                copy_box(&tile.len, machine.register(goal.slot), &Walk::whole(&tile.len), block, &to);
            }
        }
    }
    Ok(region)
}

/// Gives a block its length; what it holds is of no use. Zeros from the system cost less than written ones.
fn make_room(block: &mut Data, len: usize) {
    if block.is_empty() {
        *block = Data::zeros(block.dtype(), len);
    }
    block.resize(len);
}

/// Bytes of the largest blocks a thread fills.
pub(crate) fn most_bytes(work: &StoreWork) -> u64 {
    let elements: usize = work.boxes.0.iter().map(|axis| axis.longest()).product();
    work.goals.iter().map(|g| (elements * g.dtype.size()) as u64).sum()
}
