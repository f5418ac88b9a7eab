//! Sums of products as products of matrices. Whatever the axes, the left array is seen as batch, rows and shared
//! axes, the right one as batch, shared and columns; each group is a matrix side, its indices row-major.
//!
//! Along the shared side the products are summed in panels, fixed boxes anchored at 0: within a panel in index
//! order from nothing, then panel after panel, then segment after segment. Panels and segments follow from the
//! shapes alone, so a sum has the same bits however the result is cut into blocks.

use crate::lattice::inner_box;
use crate::program::Program;
use crate::stage::{StoreGoal, block_region, unravel};
use cleave_graph::NodeKind;
use cleave_ops::{AxisChunks, Chunks, Class, ContractLoop, DType, Op, Region, Shape};
use smallvec::SmallVec;
use std::ops::Range;

/// The most elements of a panel on the shared side.
pub const PANEL_LEN: usize = 768;
/// The fewest panels of a segment.
const SEGMENT_PANELS: usize = 8;
/// The most elements of a result that are finished at once, if it is large and a row has no more.
const BAND_LEN: usize = 1 << 17;
/// The most segments, and the most sums that wait for those of other segments.
const MOST_SEGMENTS: usize = 64;
const MOST_WAITING: usize = 1 << 20;

/// A contraction. Task `t` makes segment `t % segments` of block `t / segments`, row-major, of `boxes`.
#[derive(Clone, Debug)]
pub struct ContractWork {
    /// The operation, for its loops.
    pub op: &'static Op,
    /// Which of them.
    pub loop_index: usize,
    /// The left array: its free side is the rows.
    pub left: Operand,
    /// The right array: its free side is the columns.
    pub right: Operand,
    /// What the axes are.
    pub sides: Sides,
    /// The lengths of a panel on the shared axes.
    pub panel: Shape,
    /// Parts of the shared side that are summed by themselves.
    pub segments: usize,
    /// How the result is cut.
    pub boxes: Chunks,
    /// The dtype of the operands and of the result.
    pub dtype: DType,
    /// What is kept of what the stage's program makes of each part of the product, its local 0, as soon as that is
    /// finished; where the program is empty, the product itself.
    pub goals: Vec<StoreGoal>,
}

/// One of the two arrays.
#[derive(Clone, Debug)]
pub struct Operand {
    /// Computes it, over its batch axes and then both sides.
    pub program: Program,
    /// Which side comes first.
    pub first: Side,
}

/// A side of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// That of the result: rows of the left array, columns of the right one.
    Free,
    /// That which is summed over.
    Shared,
}

/// The lengths of the axes of each group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides {
    /// Axes that go through unchanged.
    pub batch: Shape,
    /// Axes of the left array alone.
    pub rows: Shape,
    /// Axes that are summed over.
    pub shared: Shape,
    /// Axes of the right array alone.
    pub columns: Shape,
}

/// A box of the result by groups of axes.
#[derive(Clone, Debug)]
pub struct BlockSides {
    /// Batch indices.
    pub batch: Region,
    /// Rows.
    pub rows: Region,
    /// Columns.
    pub columns: Region,
}

/// The loop of a contraction.
pub fn contract_loop(op: &'static Op, loop_index: usize) -> &'static ContractLoop {
    match &op.class {
        Class::Contract(contract) => &contract.loops[loop_index],
        _ => unreachable!("a Contract node holds a contraction"),
    }
}

/// The axes of an operand by group: batch, free, shared.
pub(crate) struct Axes {
    pub(crate) batch: SmallVec<[usize; 4]>,
    pub(crate) free: SmallVec<[usize; 4]>,
    pub(crate) shared: SmallVec<[usize; 4]>,
}

/// The axes of both operands of a contraction of arrays with that many axes.
pub(crate) fn axes(kind: &NodeKind, ndims: [usize; 2]) -> [Axes; 2] {
    let NodeKind::Contract { batch, summed, .. } = kind else { unreachable!("only contractions pair axes") };
    let of = |ndim: usize, side: fn(&(usize, usize)) -> usize| {
        let batch: SmallVec<[usize; 4]> = batch.iter().map(side).collect();
        let shared: SmallVec<[usize; 4]> = summed.iter().map(side).collect();
        let free = (0..ndim).filter(|a| !batch.contains(a) && !shared.contains(a)).collect();
        Axes { batch, free, shared }
    };
    [of(ndims[0], |p| p.0), of(ndims[1], |p| p.1)]
}

impl BlockSides {
    /// The box of the result with these rows instead.
    pub fn with_rows(&self, rows: &Region) -> Region {
        let sides = [&self.batch, rows, &self.columns];
        Region {
            start: sides.iter().flat_map(|s| s.start.iter().copied()).collect(),
            len: sides.iter().flat_map(|s| s.len.iter().copied()).collect(),
        }
    }
}

impl Sides {
    /// The lengths of a panel: as many whole inner axes as it holds, and even parts of the next one.
    pub fn panel(&self) -> Shape {
        let mut sides: SmallVec<[usize; 4]> = SmallVec::from_elem(1, self.shared.ndim());
        let mut room = PANEL_LEN;
        for (side, &len) in sides.iter_mut().zip(self.shared.iter()).rev() {
            *side = len.div_ceil(len.div_ceil(room).max(1)).max(1);
            room /= *side;
        }
        Shape::new(sides)
    }

    /// Parts of the shared side summed by themselves, so that threads find work where the result is small.
    pub fn segments(&self) -> usize {
        let results = [&self.batch, &self.rows, &self.columns].iter().map(|s| s.size()).product::<usize>().max(1);
        let panels = counts(&self.shared, &self.panel()).size();
        (panels / SEGMENT_PANELS).min(MOST_WAITING / results).clamp(1, MOST_SEGMENTS)
    }
}

/// How many boxes of those lengths cover each axis.
fn counts(lens: &Shape, sides: &Shape) -> Shape {
    lens.iter().zip(sides.iter()).map(|(len, side)| len.div_ceil(*side)).collect()
}

impl ContractWork {
    /// The number of tasks.
    pub fn tasks(&self) -> usize {
        self.boxes.count() * self.segments
    }

    /// The part of the result a task works for.
    pub fn region(&self, task: usize) -> Region {
        block_region(&self.boxes, task / self.segments)
    }

    /// The panels of a task.
    pub fn panels(&self, task: usize) -> Range<usize> {
        let count = counts(&self.sides.shared, &self.panel).size();
        let edge = |segment: usize| segment * count / self.segments;
        edge(task % self.segments)..edge(task % self.segments + 1)
    }

    /// The shared indices of a panel.
    pub fn panel_region(&self, number: usize) -> Region {
        let index = unravel(number, &counts(&self.sides.shared, &self.panel));
        let start: SmallVec<[usize; 4]> = index.iter().zip(self.panel.iter()).map(|(i, p)| i * p).collect();
        let len = |axis: usize| self.panel[axis].min(self.sides.shared[axis] - start[axis]);
        Region { len: (0..start.len()).map(len).collect(), start }
    }

    /// A box of the result by groups of axes.
    pub fn block_sides(&self, region: &Region) -> BlockSides {
        let (batch, rows) = (self.sides.batch.ndim(), self.sides.rows.ndim());
        let part = |axes: Range<usize>| Region {
            start: SmallVec::from_slice(&region.start[axes.clone()]),
            len: Shape::new(region.len[axes].iter().copied()),
        };
        BlockSides {
            batch: part(0..batch),
            rows: part(batch..batch + rows),
            columns: part(batch + rows..region.start.len()),
        }
    }

    /// The most elements of a block on each side: batch indices, rows, columns.
    pub fn block_lens(&self) -> [usize; 3] {
        let (batch, rows) = (self.sides.batch.ndim(), self.sides.rows.ndim());
        let axes = &self.boxes.0;
        let len = |range: Range<usize>| axes[range].iter().map(|a| a.longest()).product();
        [len(0..batch), len(batch..batch + rows), len(batch + rows..axes.len())]
    }

    /// Bytes one thread holds besides registers: sums of a block, the finished block, a panel of each operand, and what
    /// a program makes of the finished block.
    pub fn task_bytes(&self, program: &Program) -> u64 {
        let [batch, rows, columns] = self.block_lens();
        let made: usize = if program.steps.is_empty() { 0 } else { self.goals.iter().map(|g| g.dtype.size()).sum() };
        let finished = finished_len(batch, rows, columns, self.segments);
        let blocks = block_bytes(self.dtype, batch, rows, columns, self.segments);
        blocks.saturating_add(finished.saturating_mul(made as u64))
    }

    /// The boxes of rows in which a block is finished, in order; `None` where all of it is finished at once.
    pub fn bands(&self, sides: &BlockSides) -> Option<Vec<Region>> {
        self.band().map(|band| boxes_of(&sides.rows, &band))
    }

    /// The blocks in which the result is finished.
    pub fn finished(&self) -> Chunks {
        let Some(band) = self.band() else { return self.boxes.clone() };
        let mut chunks = self.boxes.clone();
        for (axis, &side) in chunks.0[self.sides.batch.ndim()..].iter_mut().zip(band.iter()) {
            let pieces = |len: usize| (0..len).step_by(side).map(move |at| side.min(len - at));
            *axis = AxisChunks::from_lens(axis.lens().flat_map(pieces).collect::<Vec<_>>());
        }
        chunks
    }

    /// The lengths of a band on the axes of the rows.
    fn band(&self) -> Option<Shape> {
        let [batch, rows, columns] = self.block_lens();
        let first = self.sides.batch.ndim();
        let axes = &self.boxes.0[first..first + self.sides.rows.ndim()];
        let lens: SmallVec<[usize; 4]> = axes.iter().map(|a| a.longest()).collect();
        in_bands(batch, rows, columns, self.segments).then(|| inner_box(&lens, (BAND_LEN / columns).max(1)))
    }

    /// Bytes of the sums that wait for those of other segments.
    pub fn waiting_bytes(&self) -> u64 {
        if self.segments == 1 {
            return 0;
        }
        (self.boxes.shape().size() * self.segments * sums_dtype(self.dtype).size()) as u64
    }
}

/// The dtype in which products are summed: half precision would lose all of a long sum.
pub fn sums_dtype(dtype: DType) -> DType {
    if dtype == DType::F16 { DType::F32 } else { dtype }
}

/// The lengths to which both sides of a block are filled up, so that a kernel finds whole strips.
pub const STRIP_LEN: usize = 48;

/// Bytes of a panel of an operand with that many rows or columns.
pub fn panel_bytes(dtype: DType, free: usize) -> u64 {
    (free.next_multiple_of(STRIP_LEN) * PANEL_LEN * sums_dtype(dtype).size()) as u64
}

/// Bytes of the sums of one matrix while they are made.
pub fn matrix_bytes(dtype: DType, rows: usize, columns: usize) -> u64 {
    let rows = rows.next_multiple_of(8) as u64;
    rows.saturating_mul(columns.next_multiple_of(STRIP_LEN) as u64).saturating_mul(sums_dtype(dtype).size() as u64)
}

/// Bytes of the work on a block of that size: panels, sums, and what is finished of the result at once.
pub(crate) fn block_bytes(dtype: DType, batch: usize, rows: usize, columns: usize, segments: usize) -> u64 {
    let sums = sums_dtype(dtype);
    let finished = if sums == dtype { 0 } else { dtype.size() };
    let results = finished_len(batch, rows, columns, segments);
    let parts = [
        results.saturating_mul((sums.size() + finished) as u64),
        matrix_bytes(dtype, rows, columns),
        panel_bytes(dtype, rows),
        panel_bytes(dtype, columns),
    ];
    parts.into_iter().fold(0, u64::saturating_add)
}

/// The most elements of a result that are finished at once.
fn finished_len(batch: usize, rows: usize, columns: usize, segments: usize) -> u64 {
    match in_bands(batch, rows, columns, segments) {
        true => BAND_LEN.max(columns) as u64,
        false => (rows as u64).saturating_mul(columns as u64).saturating_mul(batch as u64),
    }
}

/// Whether a block is finished a few rows at a time, so that it need not be there twice.
fn in_bands(batch: usize, rows: usize, columns: usize, segments: usize) -> bool {
    batch == 1 && segments == 1 && rows.saturating_mul(columns) > BAND_LEN
}

impl Operand {
    /// The part of its program's space at a batch index, for a box of each side.
    pub fn region(&self, batch: &[usize], free: &Region, shared: &Region) -> Region {
        let sides = match self.first {
            Side::Free => [free, shared],
            Side::Shared => [shared, free],
        };
        let start = batch.iter().copied().chain(sides.iter().flat_map(|s| s.start.iter().copied())).collect();
        let len = batch.iter().map(|_| 1).chain(sides.iter().flat_map(|s| s.len.iter().copied())).collect();
        Region { start, len }
    }
}

/// The boxes of a region, each a run of its row-major indices, of at most `most` elements.
pub fn runs(region: &Region, most: usize) -> Vec<Region> {
    boxes_of(region, &inner_box(&region.len, most))
}

/// The boxes of those lengths that cover a region, row-major.
fn boxes_of(region: &Region, sides: &Shape) -> Vec<Region> {
    let counts = counts(&region.len, sides);
    let one = |number: usize| {
        let index = unravel(number, &counts);
        let at: SmallVec<[usize; 4]> = index.iter().zip(sides.iter()).map(|(i, s)| i * s).collect();
        let len = (0..at.len()).map(|a| sides[a].min(region.len[a] - at[a])).collect();
        Region { start: at.iter().zip(&region.start).map(|(a, s)| a + s).collect(), len }
    };
    (0..counts.size()).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(batch: &[usize], rows: &[usize], shared: &[usize], columns: &[usize]) -> Sides {
        let shape = |lens: &[usize]| Shape::new(lens.iter().copied());
        Sides { batch: shape(batch), rows: shape(rows), shared: shape(shared), columns: shape(columns) }
    }

    #[test]
    fn panels_are_even_and_hold_whole_inner_axes() {
        for (shared, panel) in [
            (vec![8000], vec![728]),
            (vec![769], vec![385]),
            (vec![], vec![]),
            (vec![0], vec![1]),
            (vec![1000, 3], vec![250, 3]),
            (vec![5, 1000], vec![1, 500]),
            (vec![4, 5, 6], vec![4, 5, 6]),
        ] {
            assert_eq!(sides(&[], &[1], &shared, &[1]).panel(), Shape::new(panel), "{shared:?}");
        }
    }

    #[test]
    fn small_results_of_long_sums_come_in_segments() {
        assert_eq!(sides(&[], &[100], &[1_000_000], &[100]).segments(), 64);
        assert_eq!(sides(&[], &[8000], &[8000], &[8000]).segments(), 1);
        assert_eq!(sides(&[], &[], &[100], &[]).segments(), 1);
        assert_eq!(sides(&[0], &[], &[0], &[]).segments(), 1);
    }

    #[test]
    fn runs_are_consecutive() {
        let region = Region { start: [2, 0, 5].into_iter().collect(), len: Shape::new([3, 4, 7]) };
        for most in [1, 5, 7, 20, 28, 50, 1000] {
            let strides = region.len.strides();
            let mut next = 0;
            for run in runs(&region, most) {
                let at: usize =
                    run.start.iter().zip(&region.start).zip(&strides).map(|((r, s), stride)| (r - s) * stride).sum();
                assert_eq!(at, next);
                assert!(run.size() <= most);
                next += run.size();
            }
            assert_eq!(next, region.size());
        }
    }
}
