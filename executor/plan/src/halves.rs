//! Reductions of everything that read the same array directly and through a flip. A task takes a box of the first half
//! of the space, block by block, and with each block the cells that lie opposite it in the second half. The image of a
//! cell is no cell, so each cell belongs to the block in which it begins, or to that in which the image of its beginning
//! lies; what is made for a block reaches beyond it by no more than a cell.

use crate::lattice::Lattice;
use crate::mirror::Flipped;
use crate::plan::Options;
use crate::size::{FoldCut, previous_power_of_two};
use crate::stage::{FoldWork, block_region};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, Region, Shape};
use smallvec::SmallVec;

/// The most elements of a block: it and the one opposite stay in a core's own cache.
const BLOCK_LEN: usize = 1 << 15;
/// The most elements of a task's box, and tasks that a thread should find.
const TASK_LEN: usize = 1 << 22;
const TASKS_A_THREAD: usize = 8;
/// The most superboxes that tasks may leave unfinished.
const MOST_OPEN: usize = 1 << 10;
/// Nodes that may wait in a superbox for others: on each level of its tree at either end of what tasks have done, in two
/// halves.
const OPEN_NODES: usize = 32;
/// What a node that waits takes besides its state.
const NODE_BYTES: u64 = 128;

/// How a space is done by halves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halves {
    /// Whether each axis runs backwards at the opposite place.
    pub flips: Flipped,
    /// The axis whose halves lie opposite each other.
    pub axis: usize,
    /// How the first half is cut into the boxes of tasks.
    pub boxes: Chunks,
    /// Lengths of a block of a box: whole cells, but where the half ends.
    pub block: Shape,
    /// Lengths of the space.
    lens: Shape,
}

/// A block and what lies opposite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The cells of the first half, and those of the second, by their indices.
    pub cells: [Region; 2],
    /// The elements on which the first ones lie, and the images of the others.
    pub hull: Region,
}

impl Halves {
    /// Cuts a reduction of all of `space` that reads what lies opposite, some axes running backwards; gives the lengths
    /// of the largest hull too.
    pub(crate) fn cut(
        space: &Shape,
        lattice: &Lattice,
        flips: &Flipped,
        options: &Options,
    ) -> Option<(FoldCut, Self, Shape)> {
        let axis = (0..space.ndim()).find(|&axis| flips[axis] && space[axis] > 1)?;
        let is_all = lattice.kept.is_empty() && !space.is_empty_array();
        if !is_all || options.choices.shrink > 0 || options.at_once {
            return None;
        }
        let half = space.with(axis, space[axis].div_ceil(2));
        let block = block(&half, lattice);
        let share = half.size() / (TASKS_A_THREAD * options.threads.max(1));
        let sides = taller(&block, &half, share.min(TASK_LEN) / block.size());
        let boxes = Chunks(half.iter().zip(sides.iter()).map(|(&len, &side)| AxisChunks::regular(len, side)).collect());
        let halves = Self { flips: flips.clone(), axis, boxes, block, lens: space.clone() };
        let hull = halves.longest_hull(lattice);
        let none = Chunks(SmallVec::new());
        let cut = FoldCut { boxes: none, kept_tile: Shape::default(), span: 1, spans: halves.boxes.count() };
        (halves.open_superboxes(lattice) <= MOST_OPEN).then_some((cut, halves, hull))
    }

    /// The box of a task.
    pub fn region(&self, task: usize) -> Region {
        block_region(&self.boxes, task)
    }

    /// The opposite region.
    pub fn opposite(&self, region: &Region) -> Region {
        let start = |axis: usize| match self.flips[axis] {
            true => self.lens[axis] - region.start[axis] - region.len[axis],
            false => region.start[axis],
        };
        Region { start: (0..self.lens.ndim()).map(start).collect(), len: region.len.clone() }
    }

    /// The opposite index, by the axes of the space.
    pub(crate) fn opposite_index(&self) -> SmallVec<[SourceAxis; 4]> {
        let at = |(axis, &flips): (usize, &bool)| match flips {
            true => SourceAxis::along(axis, self.lens[axis] as i64 - 1, -1),
            false => SourceAxis::whole(axis),
        };
        self.flips.iter().enumerate().map(at).collect()
    }

    /// What is done for a box of the first half.
    pub fn pair(&self, lattice: &Lattice, first: &Region) -> Pair {
        let mut second = self.opposite(first);
        let (half, end) = (self.lens[self.axis].div_ceil(2), second.start[self.axis] + second.len[self.axis]);
        second.start[self.axis] = second.start[self.axis].max(half);
        second.len = second.len.with(self.axis, end.saturating_sub(half).min(second.len[self.axis]));
        let cells = [begun(lattice, first), begun(lattice, &second)];
        let [near, far] = [&cells[0], &cells[1]].map(|cells| elements(lattice, cells));
        let hull = if far.len.is_empty_array() { near } else { near.hull(&self.opposite(&far)) };
        Pair { cells, hull }
    }

    /// The most elements on each axis of the hull of a block.
    fn longest_hull(&self, lattice: &Lattice) -> Shape {
        let edges = |axis: usize| usize::from(self.flips[axis]) + usize::from(axis == self.axis);
        let beyond = |axis: usize| (lattice.cell[axis] - 1) * edges(axis);
        (0..self.lens.ndim()).map(|axis| (self.block[axis] + beyond(axis)).min(self.lens[axis])).collect()
    }

    /// Superboxes that are begun and not finished at a time: those beside each other, as tasks go along the first axis
    /// that they cut. Where that leads from both ends to the middle, all are open there.
    fn open_superboxes(&self, lattice: &Lattice) -> usize {
        let along = self.boxes.0.iter().position(|axis| axis.count() > 1).unwrap_or(self.axis);
        let ends_meet = self.flips[along] && along != self.axis;
        let open = |(axis, &count): (usize, &usize)| if axis == along && !ends_meet { 1 } else { count };
        lattice.superboxes.iter().enumerate().map(open).product()
    }
}

impl FoldWork {
    /// How its halves are done together, if they are.
    pub fn halves(&self) -> Option<&Halves> {
        self.mirror.as_ref()?.halves()
    }

    /// The most nodes that may wait for others while tasks do halves.
    pub(crate) fn open_nodes(&self) -> Option<usize> {
        self.halves().map(|halves| halves.open_superboxes(&self.lattice) * OPEN_NODES)
    }

    /// Bytes of such nodes, their states being so long.
    pub(crate) fn open_bytes(&self, state_bytes: u64) -> u64 {
        self.open_nodes().map_or(0, |nodes| nodes as u64 * (state_bytes + NODE_BYTES))
    }
}

/// A block of whole cells: as much of a row as there is room for, in equal parts, then rows.
fn block(half: &Shape, lattice: &Lattice) -> Shape {
    let (mut sides, mut room) = (SmallVec::<[usize; 4]>::from_elem(1, half.ndim()), BLOCK_LEN);
    for axis in (0..half.ndim()).rev() {
        let (len, cell) = (half[axis], lattice.cell[axis]);
        sides[axis] = match len.div_ceil(room) {
            1 => len,
            parts if axis + 1 == half.ndim() => len.div_ceil(parts).next_multiple_of(cell).min(len),
            _ => (cell * previous_power_of_two(room / cell)).min(len),
        };
        room = (room / sides[axis]).max(1);
    }
    Shape::new(sides)
}

/// Sides of about so many blocks below each other, then beside each other.
fn taller(block: &Shape, lens: &Shape, blocks: usize) -> Shape {
    let (mut sides, mut room) = (SmallVec::<[usize; 4]>::from_slice(block), blocks.max(1));
    let last = lens.ndim() - 1;
    for axis in (0..last).rev().chain([last]) {
        let many = lens[axis].div_ceil(block[axis]);
        let taken = if many <= room { many } else { previous_power_of_two(room) };
        sides[axis] = (block[axis] * taken).min(lens[axis]);
        room = (room / taken).max(1);
    }
    Shape::new(sides)
}

/// The cells that begin in a region.
fn begun(lattice: &Lattice, region: &Region) -> Region {
    let first = |(at, cell): (usize, &usize)| at.div_ceil(*cell);
    let start: SmallVec<[usize; 4]> = region.start.iter().copied().zip(lattice.cell.iter()).map(first).collect();
    let ends = region.ends().zip(lattice.cell.iter()).map(first);
    let len = ends.zip(&start).map(|(end, start)| end - start).collect();
    Region { start, len }
}

/// The elements of a box of cells.
fn elements(lattice: &Lattice, cells: &Region) -> Region {
    let start: SmallVec<[usize; 4]> = cells.start.iter().zip(lattice.cell.iter()).map(|(at, cell)| at * cell).collect();
    let ends =
        cells.ends().zip(lattice.cell.iter()).zip(lattice.lens.iter()).map(|((end, cell), &len)| (end * cell).min(len));
    let len = ends.zip(&start).map(|(end, &start)| end.saturating_sub(start)).collect();
    Region { start, len }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn halves(lens: &[usize], flips: &[bool], threads: usize) -> Option<(Lattice, Halves, Shape)> {
        let space = Shape::new(lens.iter().copied());
        let axes: Vec<usize> = (0..lens.len()).collect();
        let lattice = Lattice::new(&space, &axes);
        let options = Options { threads, ..Options::default() };
        let (_, halves, hull) = Halves::cut(&space, &lattice, &flips.iter().copied().collect(), &options)?;
        Some((lattice, halves, hull))
    }

    #[test]
    fn each_cell_is_done_once_and_what_it_reads_is_there() {
        for (lens, flips) in [
            (&[700, 5000][..], &[true, true][..]),
            (&[701, 5000], &[true, false]),
            (&[60, 70_000], &[false, true]),
            (&[333, 100], &[true, true]),
            (&[7, 41, 530], &[true, false, true]),
            (&[2, 999, 40], &[false, true, false]),
            (&[300_001], &[true]),
        ] {
            let (lattice, halves, longest) = halves(lens, flips, 3).expect("it is cut");
            let mut seen = HashSet::new();
            for task in 0..halves.boxes.count() {
                let region = halves.region(task);
                let counts: Shape = region.len.iter().zip(halves.block.iter()).map(|(l, b)| l.div_ceil(*b)).collect();
                for number in 0..counts.size() {
                    let at = crate::stage::unravel(number, &counts);
                    let start: SmallVec<[usize; 4]> = (0..at.len()).map(|a| at[a] * halves.block[a]).collect();
                    let len = (0..at.len()).map(|a| halves.block[a].min(region.len[a] - start[a])).collect();
                    let start = start.iter().zip(&region.start).map(|(a, b)| a + b).collect();
                    let Pair { cells, hull } = halves.pair(&lattice, &Region { start, len });
                    assert!(hull.len.iter().zip(longest.iter()).all(|(a, b)| a <= b), "{hull:?} {longest}");
                    for (far, cells) in cells.iter().enumerate() {
                        for number in 0..cells.size() {
                            let inside = crate::stage::unravel(number, &cells.len);
                            let index: Vec<usize> = inside.iter().zip(&cells.start).map(|(a, b)| a + b).collect();
                            let cell = lattice.cell_elements(&index);
                            let image = if far == 1 { halves.opposite(&cell) } else { cell };
                            assert_eq!(hull.hull(&image), hull, "{index:?}");
                            assert!(seen.insert(index), "twice");
                        }
                    }
                }
            }
            assert_eq!(seen.len(), lattice.cells.size(), "{lens:?} {flips:?}");
        }
    }

    #[test]
    fn blocks_are_of_whole_rows_or_of_equal_parts() {
        let cut = |lens: &[usize], flips: &[bool]| {
            halves(lens, flips, 2).map(|(_, halves, hull)| {
                let sides: Vec<usize> = halves.boxes.0.iter().map(AxisChunks::longest).collect();
                (halves.block.to_vec(), sides, hull.to_vec())
            })
        };
        let of = |block: &[usize], task: &[usize], hull: &[usize]| Some((block.to_vec(), task.to_vec(), hull.to_vec()));
        assert_eq!(cut(&[50_000, 50_000], &[true, true]), of(&[1, 26_624], &[128, 26_624], &[1, 28_671]));
        assert_eq!(cut(&[50_000, 5000], &[true, false]), of(&[4, 5000], &[512, 5000], &[4, 5000]));
        assert_eq!(cut(&[10_000_000], &[true]), of(&[32_768], &[262_144], &[36_862]));
        assert_eq!(cut(&[1, 5000], &[true, false]), None, "nothing moves");
        assert_eq!(cut(&[50, 100_000_000], &[true, true]), None, "all superboxes would wait");
    }
}
