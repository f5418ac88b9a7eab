//! Tasks that reduce cells of both halves of a space: block by block, each followed by the cells that begin opposite it,
//! for which all is there that both read. These come from the end, and fill no superboxes, so all go into trees that
//! take them by their numbers; what finds no neighbour in its task meets it in the joiner.

use crate::fold::{Folder, Seen, advance, state_bytes, tiles};
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::tree::{Grove, Partial};
use crate::watch::Watch;
use cleave_ops::{Region, Shape};
use cleave_plan::{FoldWork, Halves, Mirror, RunError};
use std::sync::Arc;

/// What one thread needs for that.
pub(crate) struct Halved<'a> {
    work: &'a FoldWork,
    mirror: &'a Mirror,
    halves: &'a Halves,
    folder: Folder<'a>,
    /// The trees of a task, one for each goal.
    groves: Vec<Grove>,
}

/// A node of the tree, by level and number, and its states.
type Done = ((u32, usize), Partial);

impl<'a> Halved<'a> {
    pub(crate) fn new(
        work: &'a FoldWork,
        (mirror, halves): (&'a Mirror, &'a Halves),
        machine: &mut Machine<'a>,
    ) -> Self {
        let groves = work.goals.iter().map(|_| Grove::default()).collect();
        Self { work, mirror, halves, folder: Folder::new(work, machine), groves }
    }

    /// The nodes that a task leaves.
    pub(crate) fn task(
        &mut self,
        task: usize,
        machine: &mut Machine<'_>,
        watch: &Watch<'_>,
        ledger: &Arc<Ledger>,
    ) -> Result<Vec<Done>, RunError> {
        for block in tiles(&self.halves.region(task), &self.halves.block) {
            let pair = self.halves.pair(&self.work.lattice, &block);
            machine.prepare(&pair.hull, watch)?;
            self.cells(&pair.cells[0], machine, watch)?;
            machine.go_opposite(self.mirror);
            self.cells(&pair.cells[1], machine, watch)?;
        }
        Ok(self.nodes(ledger))
    }

    /// Adds a box of cells to the trees.
    fn cells(&mut self, cells: &Region, machine: &mut Machine<'_>, watch: &Watch<'_>) -> Result<(), RunError> {
        if cells.len.is_empty_array() {
            return Ok(());
        }
        let lattice = &self.work.lattice;
        let (mut seen, mut index) = (Seen::nowhere(lattice, &Region::whole(&Shape::default())), cells.start.clone());
        loop {
            seen.go_to(lattice, &index);
            self.folder.cell(&seen, machine, watch)?;
            let (leaf, groves) = (self.work.cell_leaf(&index), &mut self.groves);
            self.folder.each_cell(|goal, rule, state, free| groves[goal].add(leaf, state, rule, free));
            if !advance(&mut index, cells) {
                return Ok(());
            }
        }
    }

    /// The nodes of the trees, which are empty again.
    fn nodes(&mut self, ledger: &Arc<Ledger>) -> Vec<Done> {
        let places = self.groves.first().map(Grove::places).unwrap_or_default();
        let node = |place: (u32, usize)| {
            let states = self.groves.iter_mut().filter_map(|grove| grove.take(place)).collect();
            (place, Partial { states, _claim: ledger.claim(state_bytes(self.work)) })
        };
        places.into_iter().map(node).collect()
    }
}
