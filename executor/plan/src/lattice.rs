//! The order in which a reduction combines its elements: a function of the space and the reduced axes alone,
//! so that the result has the same bits for any chunks, tasks, threads and workers.
//!
//! The reduced axes are cut into cells, anchored at index 0; a cell is folded by itself. Cells stand in
//! superboxes, superboxes in the lattice; both are combined by a binary segment tree over their row-major
//! number: node `j` of level `k` is what lies in `j * 2^k .. (j + 1) * 2^k`, and a child that is missing
//! changes nothing. Any cut into aligned ranges of `2^k` superboxes therefore gives the same tree.

use crate::stage::unravel;
use cleave_ops::op::Layout;
use cleave_ops::{Region, Shape};
use smallvec::SmallVec;
use std::ops::Range;

/// The most elements of a tile, and of a cell.
pub const TILE_LEN: usize = 2048;
/// Most cells of a superbox where the last axis is reduced, and where it is kept.
const ROW_CELLS: usize = 512;
const COLUMN_CELLS: usize = 64;
/// Reduced elements of a cell where the last axis is kept: few, so that a tile is wide; more, where what is
/// kept is narrow.
const COLUMN_LENS: (usize, usize) = (16, 256);

/// The fixed order of a reduction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lattice {
    /// How a cell lies in memory.
    pub layout: Layout,
    /// The reduced axes, ascending.
    pub reduced: SmallVec<[usize; 4]>,
    /// The other axes, ascending.
    pub kept: SmallVec<[usize; 4]>,
    /// The lengths of the reduced axes.
    pub lens: Shape,
    /// The lengths of a cell on the reduced axes.
    pub cell: Shape,
    /// Cells on each reduced axis.
    pub cells: Shape,
    /// Cells of a superbox on each reduced axis.
    pub superbox: Shape,
    /// Superboxes on each reduced axis.
    pub superboxes: Shape,
}

/// Cells that make a block, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Runs {
    cells: usize,
    /// After so many cells a new block begins in any case: cells from two rows would not lie beside each other.
    group: usize,
}

impl Runs {
    /// The cells of the block that begins with a cell, if one does.
    pub fn at(self, cell: usize) -> Option<Range<usize>> {
        let inside = cell % self.group.max(1);
        inside.is_multiple_of(self.cells).then(|| cell..cell + self.cells.min(self.group - inside))
    }
}

impl Lattice {
    /// The lattice of a reduction of `space` over `axes`, ascending.
    pub fn new(space: &Shape, axes: &[usize]) -> Self {
        let kept: SmallVec<[usize; 4]> = (0..space.ndim()).filter(|a| !axes.contains(a)).collect();
        let lens = Shape::new(axes.iter().map(|&a| space[a]));
        let behind = axes.last().map_or(0, |&a| a + 1);
        let last_reduced = space[behind..].iter().all(|&len| len == 1);
        let (layout, most, many) = if last_reduced {
            (Layout::Rows, TILE_LEN, ROW_CELLS)
        } else {
            let kept_len = kept.iter().map(|&a| space[a]).product::<usize>().max(1);
            (Layout::Columns, (TILE_LEN / kept_len).clamp(COLUMN_LENS.0, COLUMN_LENS.1), COLUMN_CELLS)
        };
        let cell = inner_box(&lens, most);
        let cells: Shape = lens.iter().zip(cell.iter()).map(|(len, c)| len.div_ceil(*c)).collect();
        let superbox = tall_box(&cells, many);
        let superboxes = cells.iter().zip(superbox.iter()).map(|(len, s)| len.div_ceil(*s)).collect();
        Self { layout, reduced: SmallVec::from_slice(axes), kept, lens, cell, cells, superbox, superboxes }
    }

    /// The number of superboxes; 0 where nothing is reduced.
    pub fn superbox_count(&self) -> usize {
        self.superboxes.size()
    }

    /// The most elements of one superbox, for each kept element.
    pub fn superbox_len(&self) -> usize {
        let len = |i: usize| (self.cell[i] * self.superbox[i]).min(self.lens[i]);
        (0..self.lens.ndim()).map(len).product()
    }

    /// The cells of a superbox.
    pub fn superbox_cells(&self, number: usize) -> Region {
        let index = unravel(number, &self.superboxes);
        let start: SmallVec<[usize; 4]> = index.iter().zip(self.superbox.iter()).map(|(i, s)| i * s).collect();
        let len = |i: usize| self.superbox[i].min(self.cells[i] - start[i]);
        Region { len: Shape::new((0..start.len()).map(len)), start }
    }

    /// The elements of a superbox, in reduced axes.
    pub fn superbox_elements(&self, number: usize) -> Region {
        let cells = self.superbox_cells(number);
        let start: SmallVec<[usize; 4]> = cells.start.iter().zip(self.cell.iter()).map(|(s, c)| s * c).collect();
        let len = |i: usize| (cells.len[i] * self.cell[i]).min(self.lens[i] - start[i]);
        Region { len: Shape::new((0..start.len()).map(len)), start }
    }

    /// The elements of a cell, in reduced axes.
    pub fn cell_elements(&self, index: &[usize]) -> Region {
        let start: SmallVec<[usize; 4]> = index.iter().zip(self.cell.iter()).map(|(i, c)| i * c).collect();
        let len = |i: usize| self.cell[i].min(self.lens[i] - start[i]);
        Region { len: Shape::new((0..start.len()).map(len)), start }
    }

    /// How the cells of a superbox of those lengths, in order, are cut into blocks of that many elements at most. No
    /// block is larger than the first of a whole superbox.
    pub fn runs(&self, cells: &Shape, kept: usize, block_len: usize) -> Runs {
        let most = (block_len / (self.cell.size() * kept).max(1)).max(1);
        let (mut whole, mut group) = (1, 1);
        for (&len, &side) in cells.iter().zip(self.superbox.iter()).rev() {
            if whole * side > most {
                let parts = side.div_ceil((most / whole).max(1));
                return Runs { cells: group * side.div_ceil(parts), group: group * len };
            }
            (whole, group) = (whole * side, group * len);
        }
        Runs { cells: group, group }
    }

    /// The least box of elements, in reduced axes, that holds the cells of those numbers in a superbox.
    pub fn cells_hull(&self, cells: &Region, numbers: Range<usize>) -> Region {
        let at = |number: usize| -> SmallVec<[usize; 4]> {
            unravel(number, &cells.len).iter().zip(&cells.start).map(|(i, s)| i + s).collect()
        };
        let (first, last) = (at(numbers.start), at(numbers.end.min(cells.size()) - 1));
        let (mut low, mut high) = (first, last);
        if let Some(axis) = (0..low.len()).find(|&axis| low[axis] != high[axis]) {
            for inner in axis + 1..low.len() {
                (low[inner], high[inner]) = (cells.start[inner], cells.start[inner] + cells.len[inner] - 1);
            }
        }
        self.cell_elements(&low).hull(&self.cell_elements(&high))
    }

    /// The region of the space that is `kept` on the kept axes and `reduced` on the reduced ones.
    pub fn join(&self, kept: &Region, reduced: &Region) -> Region {
        let ndim = self.kept.len() + self.reduced.len();
        let (mut start, mut len) = (SmallVec::from_elem(0, ndim), SmallVec::<[usize; 4]>::from_elem(0, ndim));
        for (axes, part) in [(&self.kept, kept), (&self.reduced, reduced)] {
            for (i, &axis) in axes.iter().enumerate() {
                (start[axis], len[axis]) = (part.start[i], part.len[i]);
            }
        }
        Region { start, len: Shape::new(len) }
    }
}

/// A box of at most `most` elements, as long as can be on the last axes; no length is 0.
pub fn inner_box(lens: &[usize], most: usize) -> Shape {
    let mut sides: SmallVec<[usize; 4]> = SmallVec::from_elem(1, lens.len());
    let mut room = most.max(1);
    for axis in (0..lens.len()).rev() {
        sides[axis] = lens[axis].min(room).max(1);
        room /= sides[axis];
    }
    Shape::new(sides)
}

/// A box of at most `most` cells: long on the second last axis, then on outer ones, at last on the last.
/// Cells are wide, so this is nearly square in elements, which suits sources read through a transpose.
fn tall_box(lens: &[usize], most: usize) -> Shape {
    let mut sides: SmallVec<[usize; 4]> = SmallVec::from_elem(1, lens.len());
    let mut room = most;
    let outer = (0..lens.len().saturating_sub(1)).rev();
    for axis in outer.chain(lens.len().checked_sub(1)) {
        sides[axis] = lens[axis].min(room).max(1);
        room /= sides[axis];
    }
    Shape::new(sides)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cover_the_reduced_space_once() {
        for (space, axes) in [
            (vec![5000, 3], vec![0]),
            (vec![3, 5000], vec![1]),
            (vec![70, 4100], vec![0, 1]),
            (vec![9, 5, 700, 8], vec![0, 2]),
            (vec![40, 6, 2100], vec![0, 2]),
            (vec![], vec![]),
            (vec![4, 0], vec![1]),
        ] {
            let lattice = Lattice::new(&Shape::new(space), &axes);
            let mut covered = 0;
            for number in 0..lattice.superbox_count() {
                let cells = lattice.superbox_cells(number);
                let inside: usize = (0..cells.size())
                    .map(|i| {
                        let at = unravel(i, &cells.len);
                        let index: Vec<usize> = at.iter().zip(&cells.start).map(|(a, b)| a + b).collect();
                        lattice.cell_elements(&index).size()
                    })
                    .sum();
                assert_eq!(inside, lattice.superbox_elements(number).size());
                covered += inside;
            }
            assert_eq!(covered, lattice.lens.size(), "{lattice:?}");
        }
    }

    #[test]
    fn blocks_of_cells_are_boxes_and_none_is_larger_than_the_first_of_a_whole_superbox() {
        for (space, axes) in [
            (vec![70, 4100], vec![0, 1]),
            (vec![70, 9000], vec![0, 1]),
            (vec![9, 300, 700], vec![0, 1]),
            (vec![3, 41, 47, 4097], vec![1, 2, 3]),
            (vec![3_000_000], vec![0]),
        ] {
            let lattice = Lattice::new(&Shape::new(space), &axes);
            for block_len in [1, 4096, 20_000, 1 << 16, 1 << 20] {
                let first = lattice.runs(&lattice.superbox, 1, block_len).at(0).expect("a superbox has cells");
                let hull = |cells: &Region, run| lattice.cells_hull(cells, run).len;
                let largest = hull(&Region::whole(&lattice.superbox), first);
                for number in 0..lattice.superbox_count() {
                    let cells = lattice.superbox_cells(number);
                    let runs = lattice.runs(&cells.len, 1, block_len);
                    let blocks: Vec<_> = (0..cells.size()).filter_map(|cell| runs.at(cell)).collect();
                    let elements: usize = blocks.iter().map(|run| hull(&cells, run.clone()).size()).sum();
                    assert_eq!(
                        elements,
                        lattice.superbox_elements(number).size(),
                        "each once: {lattice:?} {block_len}"
                    );
                    let fits =
                        |run: &Range<usize>| hull(&cells, run.clone()).iter().zip(largest.iter()).all(|(a, b)| a <= b);
                    assert!(blocks.iter().all(fits), "{lattice:?} {block_len}");
                }
            }
        }
    }

    #[test]
    fn superboxes_are_nearly_square() {
        let lattice = Lattice::new(&Shape::new([200_000, 200_000]), &[0, 1]);
        assert_eq!(lattice.superbox_elements(0).len, Shape::new([512, 2048]));
        assert_eq!(lattice.superboxes, Shape::new([391, 98]));
        let line = Lattice::new(&Shape::new([10_000_000]), &[0]);
        assert_eq!(line.superbox_len(), 512 * 2048);
    }
}
