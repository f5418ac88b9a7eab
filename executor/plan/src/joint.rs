//! Reductions over different axes of one space in one pass.
//!
//! A task takes a box of the space whose sides on reduced axes are whole superboxes, and goes through it half by half,
//! down to blocks. A block holds one cell of each reduction, for several kept elements, and is made tile by tile:
//! reductions over axes that are whole in a tile take their cells from it, the others when the block is complete.
//! Each keeps its own lattice, so its bits are those it has alone.

use crate::cut::fold_loop;
use crate::forest::{halved, most_states};
use crate::lattice::{Lattice, TILE_LEN, inner_box};
use crate::memory::{self, largest_block};
use crate::plan::Options;
use crate::program::{Action, Origin, Program};
use crate::stage::{FoldGoal, FoldWork, block_region, unravel};
use cleave_ops::op::{Cell, Within};
use cleave_ops::{AxisChunks, Chunks, Data, Region, Shape};
use smallvec::SmallVec;

/// Elements of a block: it stays in a core's own cache.
const BLOCK_LEN: usize = 1 << 15;
/// Rows of odd multiples of so many elements of 8 bytes fall in places of a cache that are as far apart as can be.
const PITCH: usize = 32;
/// A block has rows of so many elements at least, as shorter ones are made slowly.
const LEAST_ROW: usize = 64;
/// A pass is shared where each thread finds so many tasks.
const TASKS_A_THREAD: usize = 4;
/// States of a tile beside those in trees: the one at hand, and the next.
const SPARE_STATES: u64 = 2;
/// The most bytes of states of one thread.
const STATE_BYTES: u64 = 128 << 20;

/// Reductions over one axis each, of one space.
#[derive(Clone, Debug)]
pub struct JointWork {
    /// How the space is cut into the boxes of tasks.
    pub boxes: Chunks,
    /// Lengths of a block.
    pub block: Shape,
    /// The reductions, by axis; their kept boxes and spans are the sides of `boxes`.
    pub folds: Vec<FoldWork>,
    /// The axes in the order in which tasks go through them, those first that nobody reduces: states of one box
    /// there are complete before those of the next begin.
    order: SmallVec<[usize; 4]>,
}

/// Where the states of a goal come from.
#[derive(Clone, Copy, Debug)]
pub enum Making {
    /// Its own loop.
    Own,
    /// Its own loop, which makes leaves for another goal, a sum, too.
    WithSum {
        /// The other goal.
        of: usize,
        /// The loop.
        take: fn(&Cell<'_>, &mut [Data], &mut [Data]),
    },
    /// The loop of another goal, cell by cell.
    Leaves,
    /// The first column of another goal's states, in the end.
    Column {
        /// The other goal.
        of: usize,
    },
}

/// How the states of each goal come about: those that another goal's loop makes are not made again.
pub fn makings(goals: &[FoldGoal]) -> Vec<Making> {
    let rule = |goal: &FoldGoal| fold_loop(goal.op, goal.loop_index);
    let mut makings = vec![Making::Own; goals.len()];
    for (number, goal) in goals.iter().enumerate() {
        let giver = |&of: &usize| {
            let is_free = matches!(makings[of], Making::Own);
            let within = (goals[of].slot == goal.slot && is_free).then(|| rule(&goals[of]).gives(rule(goal))).flatten();
            within.map(|within| (of, within))
        };
        match (0..goals.len()).find_map(|of| giver(&of)) {
            None => {}
            Some((of, Within::Column(_))) => makings[number] = Making::Column { of },
            Some((of, Within::Sum(take))) => {
                makings[of] = Making::WithSum { of: number, take: *take };
                makings[number] = Making::Leaves;
            }
        }
    }
    makings
}

/// The axis of each of some reductions, ascending, if their passes over a space may be one.
pub(crate) fn axes_of<'a>(space: &Shape, all: impl Iterator<Item = &'a [usize]>) -> Option<SmallVec<[usize; 4]>> {
    let mut axes: SmallVec<[usize; 4]> = SmallVec::new();
    for reduced in all {
        let &[axis] = reduced else { return None };
        axes.push(axis);
    }
    axes.sort_unstable();
    let block = block(space, &lattices(space, &axes));
    let is_wide = block.last().is_some_and(|&row| row >= LEAST_ROW);
    (axes.len() > 1 && is_wide && block.size() <= 2 * BLOCK_LEN).then_some(axes)
}

fn lattices(space: &Shape, axes: &[usize]) -> Vec<Lattice> {
    axes.iter().map(|&axis| Lattice::new(space, &[axis])).collect()
}

/// One cell on each reduced axis, and what there is room for on the others.
fn block(space: &Shape, lattices: &[Lattice]) -> Shape {
    let mut sides: SmallVec<[usize; 4]> = SmallVec::from_elem(0, space.ndim());
    lattices.iter().for_each(|l| sides[l.reduced[0]] = l.cell[0]);
    let room = BLOCK_LEN / lattices.iter().map(|l| l.cell[0]).product::<usize>().max(1);
    let free: SmallVec<[usize; 4]> = (0..space.ndim()).filter(|&axis| sides[axis] == 0).collect();
    let most = |axis: usize| if axis + 1 == space.ndim() { TILE_LEN } else { usize::MAX };
    let lens: SmallVec<[usize; 4]> = free.iter().map(|&axis| space[axis].min(most(axis))).collect();
    free.iter().zip(inner_box(&lens, room).iter()).for_each(|(&axis, &side)| sides[axis] = side);
    Shape::new(sides)
}

/// One pass for reductions over these axes, ascending, with their goals, if that is worth it and there is room.
pub(crate) fn joint(
    space: &Shape,
    goals: Vec<(usize, Vec<FoldGoal>)>,
    program: &Program,
    options: &Options,
) -> Option<JointWork> {
    if options.apart || options.choices.shrink > 0 || program.has_locals() || reads_apart(program, options) {
        return None;
    }
    let axes: SmallVec<[usize; 4]> = goals.iter().map(|(axis, _)| *axis).collect();
    let lattices = lattices(space, &axes);
    let block = block(space, &lattices);
    let mut sides = block.to_vec();
    lattices.iter().for_each(|l| sides[l.reduced[0]] = l.superbox_len());
    let boxes = Chunks(space.iter().zip(&sides).map(|(&len, &side)| AxisChunks::regular(len, side)).collect());
    let mut order: SmallVec<[usize; 4]> = (0..space.ndim()).filter(|axis| !axes.contains(axis)).collect();
    order.extend(axes);
    let folds = lattices.into_iter().zip(goals).map(|(lattice, (_, goals))| fold(lattice, &boxes, &block, goals));
    let work = JointWork { folds: folds.collect(), boxes, block, order };
    let many = work.tasks() >= TASKS_A_THREAD * options.threads.max(1);
    let workers = options.threads.max(1) as u64;
    let held = work.bytes().saturating_mul(workers).saturating_add(work.waiting_bytes());
    let allowed = if options.memory_limit_bytes == 0 { u64::MAX } else { options.memory_limit_bytes / 4 };
    (many && work.bytes() <= STATE_BYTES && held <= allowed).then_some(work)
}

/// Whether something is read that is cut in blocks of its own, or across: its readers are cut to suit it.
fn reads_apart(program: &Program, options: &Options) -> bool {
    let mut apart = crate::size::axis_across(&program.space, program).is_some();
    program.each_step(&mut |_, step| {
        if let Action::Load { origin: Origin::Stored(id), .. } = &step.action {
            apart |= options.sources.get(id).is_some_and(|source| !source.is_resident());
        }
    });
    apart
}

fn fold(lattice: Lattice, boxes: &Chunks, block: &Shape, goals: Vec<FoldGoal>) -> FoldWork {
    let axis = lattice.reduced[0];
    let kept_tile = lattice.kept.iter().map(|&kept| block[kept]).collect();
    let kept = Chunks(lattice.kept.iter().map(|&kept| boxes.0[kept].clone()).collect());
    FoldWork {
        boxes: kept,
        kept_tile,
        span: 1,
        spans: boxes.0[axis].count(),
        strips: None,
        mirror: None,
        lattice,
        goals,
    }
}

impl JointWork {
    /// How many boxes there are.
    pub fn tasks(&self) -> usize {
        self.boxes.count()
    }

    /// The box of a task.
    pub fn region(&self, task: usize) -> Region {
        block_region(&self.boxes, ravel(&self.index(task), &self.boxes.numblocks()))
    }

    /// The number that a task has in one of the reductions.
    pub fn fold_task(&self, fold: &FoldWork, task: usize) -> usize {
        let index = self.index(task);
        let kept: SmallVec<[usize; 4]> = fold.lattice.kept.iter().map(|&axis| index[axis]).collect();
        ravel(&kept, &fold.boxes.numblocks()) * fold.spans + index[fold.lattice.reduced[0]]
    }

    fn index(&self, task: usize) -> SmallVec<[usize; 4]> {
        let counts = self.boxes.numblocks();
        let ordered: SmallVec<[usize; 4]> = self.order.iter().map(|&axis| counts[axis]).collect();
        let mut index = SmallVec::from_elem(0, counts.ndim());
        self.order.iter().zip(unravel(task, &ordered)).for_each(|(&axis, i)| index[axis] = i);
        index
    }

    /// How many axes, the first ones, have length 1 in a tile; the others are whole.
    pub fn tiled_axes(&self) -> usize {
        let mut len = 1;
        let fits = |&axis: &usize| {
            len *= self.block[axis];
            len <= TILE_LEN || axis + 1 == self.block.ndim()
        };
        self.block.ndim() - (0..self.block.ndim()).rev().take_while(fits).count()
    }

    /// Elements from one tile of a block to the next, where tiles are so long: as rows of a block come one a tile,
    /// no more than a few of them share their place in a cache.
    pub fn tile_pitch(tile_len: usize) -> usize {
        tile_len.next_multiple_of(PITCH) + if tile_len.div_ceil(PITCH).is_multiple_of(2) { PITCH } else { 0 }
    }

    /// Elements of a block, and those between its tiles.
    pub fn block_room(&self) -> usize {
        let (tiles, tile) = self.block.split_at(self.tiled_axes());
        tiles.iter().product::<usize>() * Self::tile_pitch(tile.iter().product())
    }

    /// The two parts of a region that are gone through one after the other, unless it is a block: halves of the axis
    /// of the most blocks, so that states of neighbours on any axis are combined before they leave the cache.
    pub fn halves(&self, region: &Region) -> Option<[Region; 2]> {
        let blocks = region.len.iter().zip(self.block.iter()).map(|(len, &side)| len.div_ceil(side.max(1)));
        let (axis, first) = halved(&blocks.collect::<SmallVec<[usize; 4]>>())?;
        let middle = first * self.block[axis];
        let [mut left, mut right] = [region.clone(), region.clone()];
        left.len = region.len.with(axis, middle);
        right.len = region.len.with(axis, region.len[axis] - middle);
        right.start[axis] += middle;
        Some([left, right])
    }

    /// All that is computed.
    pub fn goals(&self) -> impl Iterator<Item = &FoldGoal> {
        self.folds.iter().flat_map(|fold| &fold.goals)
    }

    /// Bytes of one thread: states of the trees, which stay for the next box, those of whole boxes, results, and blocks.
    pub(crate) fn bytes(&self) -> u64 {
        let longest = self.boxes.0.iter().map(AxisChunks::longest);
        let blocks: Shape = longest.zip(self.block.iter()).map(|(len, &side)| len.div_ceil(side.max(1))).collect();
        let fold = |fold: &FoldWork| {
            let open = (most_states(&blocks, fold.lattice.reduced[0]) + SPARE_STATES) * fold.kept_tile.size() as u64;
            largest_block(&fold.boxes) * state_bytes(fold) + open * tree_bytes(fold)
        };
        let result = |f: &FoldWork| f.goals.iter().map(|g| 3 * largest_block(&f.boxes) * g.dtype.size() as u64).max();
        let elements = 8 * self.block_room() as u64;
        let results = self.folds.iter().filter_map(result).max().unwrap_or(0);
        self.folds.iter().map(fold).sum::<u64>() + results + elements * self.goals().count() as u64
    }

    /// Bytes of states that wait for their neighbours.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        let fold = |fold: &FoldWork| {
            let len = |(axis, chunks): (&usize, &AxisChunks)| match self.is_reduced(*axis) {
                true => chunks.total() as u64,
                false => 2 * chunks.longest() as u64,
            };
            let kept: u64 = fold.lattice.kept.iter().zip(&fold.boxes.0).map(len).product();
            if fold.spans > 1 { kept * state_bytes(fold) } else { 0 }
        };
        self.folds.iter().map(fold).sum()
    }

    fn is_reduced(&self, axis: usize) -> bool {
        self.folds.iter().any(|fold| fold.lattice.reduced[0] == axis)
    }
}

fn state_bytes(fold: &FoldWork) -> u64 {
    fold.goals.iter().map(|goal| memory::state_bytes(goal) as u64).sum()
}

/// The same of those goals that have trees of their own.
fn tree_bytes(fold: &FoldWork) -> u64 {
    let of = |(goal, making): (&FoldGoal, Making)| match making {
        Making::Column { .. } => 0,
        Making::Own | Making::WithSum { .. } | Making::Leaves => memory::state_bytes(goal) as u64,
    };
    fold.goals.iter().zip(makings(&fold.goals)).map(of).sum()
}

/// The number, row-major, of an index in a grid of those lengths.
pub fn ravel(index: &[usize], lens: &[usize]) -> usize {
    index.iter().zip(lens).fold(0, |number, (i, len)| number * len + i)
}
