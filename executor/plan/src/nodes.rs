//! The tree over what the tasks of a reduction leave for each kept box: over spans of superboxes or, where tasks do
//! opposite halves together, over cells. A superbox then has room for a power of two of them, so that all cells have
//! numbers in one tree; a child that is missing changes nothing.

use crate::joint::ravel;
use crate::lattice::Lattice;
use crate::stage::FoldWork;
use smallvec::SmallVec;

impl FoldWork {
    /// Whether the tree has a node on a level above its leaves, fewer than there are bits, by its number there.
    pub fn has_node(&self, level: u32, number: usize) -> bool {
        let inner = self.cell_levels();
        if level >= inner {
            return number < nodes(self.tops(), level - inner);
        }
        let (superbox, inside) = (number >> (inner - level), number & ((1 << (inner - level)) - 1));
        superbox < self.tops() && inside << level < self.lattice.superbox_cells(superbox).size()
    }

    /// Whether the node of a level is the root.
    pub fn is_root(&self, level: u32) -> bool {
        level == self.cell_levels() + self.tops().next_power_of_two().ilog2()
    }

    /// The most nodes that so many neighbouring tasks of a kept box leave.
    pub fn most_nodes(&self, tasks: usize) -> usize {
        self.open_nodes().unwrap_or(2 * tasks.max(1).ilog2() as usize + 1)
    }

    /// The number of the leaf of a cell, where cells are leaves.
    pub fn cell_leaf(&self, cell: &[usize]) -> usize {
        let (superbox, inside) = self.lattice.locate(cell);
        (superbox << self.cell_levels()) + inside
    }

    /// Levels of the tree that lie inside superboxes.
    fn cell_levels(&self) -> u32 {
        if self.halves().is_some() { self.lattice.superbox.size().next_power_of_two().ilog2() } else { 0 }
    }

    /// Spans, or superboxes.
    fn tops(&self) -> usize {
        if self.halves().is_some() { self.lattice.superbox_count() } else { self.spans }
    }
}

/// Nodes on a level of the tree over that many leaves; none above the root.
fn nodes(leaves: usize, level: u32) -> usize {
    let below = if level == 0 { usize::MAX } else { leaves.div_ceil(1 << (level - 1)) };
    if below > 1 { leaves.div_ceil(1 << level) } else { 0 }
}

impl Lattice {
    /// The superbox of a cell, and the cell's number in it.
    fn locate(&self, cell: &[usize]) -> (usize, usize) {
        let axes = || cell.iter().zip(self.superbox.iter());
        let index: SmallVec<[usize; 4]> = axes().map(|(at, side)| at / side).collect();
        let superbox = ravel(&index, &self.superboxes);
        let cells = self.superbox_cells(superbox);
        let inside: SmallVec<[usize; 4]> = axes().map(|(at, side)| at % side).collect();
        (superbox, ravel(&inside, &cells.len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_ends_at_its_root() {
        let counts: Vec<usize> = (0..5).map(|level| nodes(5, level)).collect();
        assert_eq!(counts, [5, 3, 2, 1, 0]);
        assert_eq!((nodes(1, 0), nodes(1, 1), nodes(0, 0)), (1, 0, 0));
    }
}
