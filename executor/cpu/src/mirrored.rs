//! Tasks that reduce two places whose axes have changed at once: block by block, each followed by the one opposite, for which all is
//! there that both read. Each tile of kept elements has trees of its own, so its cells are combined in their order.

use crate::fold::{Folder, Seen, state_bytes, tiles};
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::tree::{Counter, Partial};
use crate::watch::Watch;
use cleave_ops::{Region, Shape};
use cleave_plan::joint::ravel;
use cleave_plan::mirror::{Turned, turned_index, turned_region};
use cleave_plan::stage::unravel;
use cleave_plan::{FoldWork, Mirror, RunError};
use smallvec::SmallVec;
use std::sync::Arc;

/// What one thread needs for that.
pub(crate) struct Mirrored<'a> {
    work: &'a FoldWork,
    mirror: &'a Mirror,
    axes: &'a Turned,
    folder: Folder<'a>,
    /// The space.
    space: &'a Shape,
    /// Lengths of a tile of one cell.
    tile: Shape,
    groves: [Grove; 2],
}

/// The trees of a task: for each tile of kept elements, row-major, one for each goal.
#[derive(Default)]
struct Grove {
    kept: Region,
    trees: Vec<Vec<Counter>>,
}

/// A task and its states.
type Done = (usize, Partial);

impl<'a> Mirrored<'a> {
    pub(crate) fn new(work: &'a FoldWork, (mirror, axes): (&'a Mirror, &'a Turned), machine: &mut Machine<'a>) -> Self {
        let whole = |lens: &Shape| Region::whole(lens);
        let tile = work.lattice.join(&whole(&work.kept_tile), &whole(&work.lattice.cell)).len;
        let space = &machine.program().space;
        Self { work, mirror, axes, folder: Folder::new(work, machine), space, tile, groves: Default::default() }
    }

    /// The states of a task, and of the opposite one if that is to be done too: it may be the task itself.
    pub(crate) fn task(
        &mut self,
        (task, opposite): (usize, Option<usize>),
        machine: &mut Machine<'_>,
        watch: &Watch<'_>,
        ledger: &Arc<Ledger>,
    ) -> Result<SmallVec<[Done; 2]>, RunError> {
        let tasks: SmallVec<[usize; 2]> =
            std::iter::once(task).chain(opposite.filter(|&other| other != task)).collect();
        tasks.iter().enumerate().for_each(|(place, &task)| self.begin(place, task));
        let (region, last) = (self.work.task_region(task, self.space), tasks.len() - 1);
        let counts: Shape = region.len.iter().zip(self.mirror.block.iter()).map(|(len, b)| len.div_ceil(*b)).collect();
        for (number, block) in tiles(&region, &self.mirror.block).enumerate() {
            let index = unravel(number, &counts);
            let other = turned_index(self.axes, &index);
            let is_own = opposite == Some(task);
            if is_own && other < index {
                continue;
            }
            machine.prepare(&block, watch)?;
            self.block(0, &block, machine, watch)?;
            if opposite.is_some() && !(is_own && other == index) {
                machine.go_opposite(self.mirror);
                self.block(last, &turned_region(self.axes, &block), machine, watch)?;
            }
        }
        Ok(tasks.iter().enumerate().map(|(place, &task)| (task, self.end(place, ledger))).collect())
    }

    fn begin(&mut self, place: usize, task: usize) {
        let kept = self.work.kept_region(task);
        let count = self.tiles_of(&kept).size();
        let grove = &mut self.groves[place];
        grove.trees.resize_with(count, || self.folder.fresh_trees().collect());
        grove.kept = kept;
    }

    /// Adds all cells of a block to the trees of their tiles.
    fn block(
        &mut self,
        place: usize,
        block: &Region,
        machine: &mut Machine<'_>,
        watch: &Watch<'_>,
    ) -> Result<(), RunError> {
        for tile in tiles(block, &self.tile) {
            let number = self.number(&self.groves[place].kept, &tile);
            let seen = Seen::new(&self.work.lattice, tile);
            self.folder.exchange(&mut self.groves[place].trees[number]);
            let done = self.folder.cell(&seen, machine, watch);
            self.folder.exchange(&mut self.groves[place].trees[number]);
            done?;
        }
        Ok(())
    }

    /// The states of all tiles, one behind the other.
    fn end(&mut self, place: usize, ledger: &Arc<Ledger>) -> Partial {
        let _claim = ledger.claim(self.groves[place].kept.size() as u64 * state_bytes(self.work));
        let mut states = self.folder.no_states();
        for trees in &mut self.groves[place].trees {
            self.folder.exchange(trees);
            self.folder.gather(&mut states);
            self.folder.exchange(trees);
        }
        Partial { states, _claim }
    }

    /// How many tiles a kept box has on each kept axis.
    fn tiles_of(&self, kept: &Region) -> Shape {
        kept.len.iter().zip(self.work.kept_tile.iter()).map(|(len, side)| len.div_ceil(*side)).collect()
    }

    /// The number of the tile of a kept box in which a region of the space lies.
    fn number(&self, kept: &Region, region: &Region) -> usize {
        let axes = self.work.lattice.kept.iter().zip(&kept.start).zip(self.work.kept_tile.iter());
        let index: SmallVec<[usize; 4]> =
            axes.map(|((&axis, start), side)| (region.start[axis] - start) / side).collect();
        ravel(&index, &self.tiles_of(kept))
    }
}
