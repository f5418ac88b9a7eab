//! What is computed from a product, part by part as it is finished.

use crate::copy::{Walk, copy_box};
use crate::fold::tiles;
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::made::Made;
use crate::watch::Watch;
use cleave_ops::{Data, Region};
use cleave_plan::size::{axis_across, tile_shape};
use cleave_plan::{ContractWork, RunError};
use smallvec::SmallVec;
use std::sync::Arc;

/// Runs the machine's program for a finished part of the product; a block for each goal.
pub(crate) fn then(
    work: &ContractWork,
    machine: &mut Machine<'_>,
    region: &Region,
    product: Data,
    (watch, ledger): (&Watch<'_>, &Arc<Ledger>),
) -> Result<Vec<Data>, RunError> {
    let program = machine.program();
    let made = [Made::given(region.clone(), product, ledger)];
    let mut blocks: Vec<Data> = work.goals.iter().map(|g| Data::zeros(g.dtype, region.size())).collect();
    let tile = tile_shape(&region.len, axis_across(&region.len, program));
    for tile in tiles(region, &tile) {
        watch.visit(0)?;
        machine.run(&tile, &made)?;
        let inside: SmallVec<[usize; 4]> = tile.start.iter().zip(&region.start).map(|(a, b)| a - b).collect();
        let to = Walk::inside(&inside, &region.len);
        for (goal, block) in work.goals.iter().zip(&mut blocks) {
            copy_box(&tile.len, machine.operand(goal.slot, &made), &Walk::whole(&tile.len), block, &to);
        }
    }
    Ok(blocks)
}
