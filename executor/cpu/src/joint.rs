//! A task that reduces over several axes at once: each reduction keeps trees of its own for the kept side of every
//! block, and takes its cells as soon as they are made; what one goal's loop gives of another is not made again.

use crate::fold::{append, rule, tiles};
use crate::ledger::{Claim, Ledger};
use crate::machine::Machine;
use crate::tree::{Counter, Partial, State, empty_state};
use crate::watch::Watch;
use cleave_ops::op::{Cell, Layout};
use cleave_ops::{Class, Data, DataRef, FoldLoop, Region, Shape, copy_run};
use cleave_plan::joint::{Making, makings, ravel};
use cleave_plan::{FoldGoal, FoldWork, JointWork, RunError, Slot};
use smallvec::SmallVec;
use std::sync::Arc;

/// What one thread needs for that.
pub(crate) struct Folders<'a> {
    work: &'a JointWork,
    /// The reductions that take their cells from blocks, and those that take them from tiles.
    folds: Vec<Folding<'a>>,
    of_blocks: usize,
    /// The axes of which tiles hold no more than one place.
    tiled: usize,
    /// The block at hand, tile after tile: elements of each register that reductions of blocks read.
    block: Vec<(Slot, Data)>,
    _claim: Claim,
}

/// One of the reductions.
struct Folding<'a> {
    fold: &'a FoldWork,
    axis: usize,
    goals: Vec<Forest<'a>>,
    /// The kept side of the box at hand, and how many tiles it has on each axis.
    kept: Region,
    tiles: Shape,
    /// The tile of the block at hand, how many kept elements it has, and where its cells stand on the axis.
    tile: usize,
    states: usize,
    positions: Vec<i64>,
}

/// How the cells of a reduction lie in a run of elements.
struct Lay {
    layout: Layout,
    reduced: usize,
    /// Cells that lie in one piece each, and those among them that lie between two rows of one cell.
    cells: usize,
    between: usize,
    /// Kept elements of a cell, elements from one cell to the next, and the state of the first.
    kept: usize,
    apart: usize,
    first: usize,
}

/// The trees of a goal, one for each tile of kept elements.
struct Forest<'a> {
    goal: &'a FoldGoal,
    rule: &'static FoldLoop,
    making: Making,
    trees: Vec<Counter>,
    free: Vec<State>,
    /// What the block at hand gives.
    leaf: State,
}

impl<'a> Folders<'a> {
    pub(crate) fn new(work: &'a JointWork, machine: &Machine<'_>, ledger: &Arc<Ledger>) -> Self {
        let tiled = work.tiled_axes();
        let of_blocks = work.folds.iter().take_while(|fold| fold.lattice.reduced[0] < tiled).count();
        let mut slots: Vec<Slot> = work.folds[..of_blocks].iter().flat_map(|f| &f.goals).map(|g| g.slot).collect();
        slots.sort_unstable();
        slots.dedup();
        let len = work.block_room();
        let zeros = |slot: Slot| (slot, Data::zeros(machine.program().slots[slot.0 as usize], len));
        let block: Vec<(Slot, Data)> = slots.into_iter().map(zeros).collect();
        let claim = ledger.claim(block.iter().map(|(_, data)| data.nbytes() as u64).sum());
        Self { work, folds: work.folds.iter().map(Folding::new).collect(), of_blocks, tiled, block, _claim: claim }
    }

    /// The states of each reduction for its side of a task's box.
    pub(crate) fn task(
        &mut self,
        task: usize,
        machine: &mut Machine<'_>,
        watch: &Watch<'_>,
        ledger: &Arc<Ledger>,
    ) -> Result<Vec<Partial>, RunError> {
        let region = self.work.region(task);
        self.folds.iter_mut().for_each(|folding| folding.begin(&region));
        self.part(&region, machine, watch)?;
        Ok(self.folds.iter_mut().map(|folding| folding.end(ledger)).collect())
    }

    /// Makes all blocks of a region.
    fn part(&mut self, region: &Region, machine: &mut Machine<'_>, watch: &Watch<'_>) -> Result<(), RunError> {
        match self.work.halves(region) {
            None => self.block(region, machine, watch),
            Some(halves) => halves.iter().try_for_each(|half| self.part(half, machine, watch)),
        }
    }

    /// Makes a block tile by tile; reductions of tiles take each, the others the whole.
    fn block(&mut self, block: &Region, machine: &mut Machine<'_>, watch: &Watch<'_>) -> Result<(), RunError> {
        let (of_blocks, of_tiles) = self.folds.split_at_mut(self.of_blocks);
        of_blocks.iter_mut().chain(&mut *of_tiles).for_each(|folding| folding.begin_block(block));
        let tile = (0..self.tiled).fold(block.len.clone(), |tile, axis| tile.with(axis, 1));
        let pitch = JointWork::tile_pitch(tile.size());
        for (number, part) in tiles(block, &tile).enumerate() {
            watch.visit(tile.size())?;
            machine.tile(&part)?;
            for folding in &mut *of_tiles {
                folding.take(&folding.lay_in_tile(number, &tile), &|slot| machine.register(slot));
            }
            for (slot, data) in &mut self.block {
                copy_run(machine.register(*slot), 0, 1, data, number * pitch, tile.size());
            }
        }
        let blocks = &self.block;
        let whole = |slot: Slot| {
            let (_, data) = blocks.iter().find(|(of, _)| *of == slot).expect("a register that is read is kept");
            data.as_ref()
        };
        for folding in of_blocks {
            folding.take(&folding.lay_in_block(&block.len[..self.tiled], tile.size()), &whole);
        }
        self.folds.iter_mut().for_each(Folding::end_block);
        Ok(())
    }
}

impl<'a> Folding<'a> {
    fn new(fold: &'a FoldWork) -> Self {
        let forest = |(goal, making)| Forest {
            goal,
            rule: rule(goal),
            making,
            trees: Vec::new(),
            free: Vec::new(),
            leaf: empty_state(rule(goal)),
        };
        Self {
            fold,
            axis: fold.lattice.reduced[0],
            goals: fold.goals.iter().zip(makings(&fold.goals)).map(forest).collect(),
            kept: Region::default(),
            tiles: Shape::default(),
            tile: 0,
            states: 0,
            positions: Vec::new(),
        }
    }

    /// Goes to the next box: no tile of it has seen anything.
    fn begin(&mut self, region: &Region) {
        let side =
            |lens: &[usize]| -> SmallVec<[usize; 4]> { self.fold.lattice.kept.iter().map(|&a| lens[a]).collect() };
        self.kept = Region { start: side(&region.start), len: Shape::new(side(&region.len)) };
        let tiles = self.kept.len.iter().zip(self.fold.kept_tile.iter());
        self.tiles = tiles.map(|(len, tile)| len.div_ceil(*tile)).collect();
        for forest in self.goals.iter_mut().filter(|f| !matches!(f.making, Making::Column { .. })) {
            forest.trees.resize_with(self.tiles.size(), || Counter::new(forest.rule));
        }
    }

    /// Goes to the next block, which is one cell long.
    fn begin_block(&mut self, block: &Region) {
        let kept = self.fold.lattice.kept.iter().zip(&self.kept.start).zip(self.fold.kept_tile.iter());
        let index = kept.map(|((&axis, start), side)| (block.start[axis] - start) / side);
        self.tile = ravel(&index.collect::<SmallVec<[usize; 4]>>(), &self.tiles);
        self.states = block.len.size() / block.len[self.axis].max(1);
        let start = block.start[self.axis] as i64;
        self.positions.clear();
        self.positions.extend(start..start + block.len[self.axis] as i64);
    }

    /// The cells in a block's tile of that number.
    fn lay_in_tile(&self, number: usize, tile: &Shape) -> Lay {
        let (layout, reduced) = (self.fold.lattice.layout, tile[self.axis]);
        let states = tile.size() / reduced.max(1);
        let kept = match layout {
            Layout::Rows => states,
            Layout::Columns => tile[self.axis + 1..].iter().product(),
        };
        let cells = states / kept.max(1);
        Lay { layout, reduced, cells, between: 1, kept, apart: kept, first: number * states }
    }

    /// The cells in a block of so many tiles on each axis before those that are whole in a tile.
    fn lay_in_block(&self, tiles: &[usize], kept: usize) -> Lay {
        let between = tiles[self.axis + 1..].iter().product();
        let cells = between * tiles[..self.axis].iter().product::<usize>();
        let (layout, reduced, apart) = (Layout::Columns, tiles[self.axis], JointWork::tile_pitch(kept));
        Lay { layout, reduced, cells, between, kept, apart, first: 0 }
    }

    /// Takes all cells that lie so.
    fn take<'d>(&mut self, lay: &Lay, data: &dyn Fn(Slot) -> DataRef<'d>) {
        let Lay { layout, reduced, kept, .. } = *lay;
        let (row, states) = (lay.between * lay.apart, self.states);
        let positions = std::mem::take(&mut self.positions);
        for goal in 0..self.goals.len() {
            let data = data(self.goals[goal].goal.slot);
            for cell in 0..lay.cells {
                let start = (cell / lay.between * reduced * lay.between + cell % lay.between) * lay.apart;
                let data = data.slice(start..start + reduced.saturating_sub(1) * row + kept);
                let first = lay.first + cell * kept;
                self.leaf(goal, &Cell { data, kept, reduced, layout, positions: &positions, row, states, first });
            }
        }
        self.positions = positions;
    }

    /// Takes a cell for a goal, and for the one whose leaves that makes too.
    fn leaf(&mut self, goal: usize, cell: &Cell<'_>) {
        let needs = matches!(&self.goals[goal].goal.op.class, Class::Fold(fold) if fold.needs_positions);
        let cell = Cell { positions: if needs { cell.positions } else { &[] }, ..*cell };
        let mut leaf = std::mem::take(&mut self.goals[goal].leaf);
        match self.goals[goal].making {
            Making::Leaves | Making::Column { .. } => {}
            Making::Own => (self.goals[goal].rule.take)(&cell, &mut leaf),
            Making::WithSum { of, take } => take(&cell, &mut leaf, &mut self.goals[of].leaf),
        }
        self.goals[goal].leaf = leaf;
    }

    /// Adds what the block gave to its trees.
    fn end_block(&mut self) {
        let tile = self.tile;
        self.goals.iter_mut().filter(|f| !matches!(f.making, Making::Column { .. })).for_each(|f| f.push(tile));
    }

    /// The states of the box's kept side, tile after tile.
    fn end(&mut self, ledger: &Arc<Ledger>) -> Partial {
        let kept = self.kept.size();
        let mut states: Vec<State> = self.goals.iter_mut().map(|forest| forest.end(kept)).collect();
        for (goal, forest) in self.goals.iter().enumerate() {
            if let Making::Column { of } = forest.making {
                states[goal] = vec![states[of][0].clone()];
            }
        }
        let bytes: usize = states.iter().flatten().map(Data::nbytes).sum();
        Partial { states, _claim: ledger.claim(bytes as u64) }
    }
}

impl Forest<'_> {
    /// Adds the block's leaf to a tree.
    fn push(&mut self, tile: usize) {
        let tree = &mut self.trees[tile];
        tree.trade(&mut self.free);
        let next = tree.fresh();
        tree.push(std::mem::replace(&mut self.leaf, next));
        tree.trade(&mut self.free);
    }

    /// A box is one superbox long, so the root over its cells is all that a tile has seen.
    fn end(&mut self, kept: usize) -> State {
        let mut all: State = self.rule.state.iter().map(|&dtype| Data::with_capacity(dtype, kept)).collect();
        for tree in &mut self.trees {
            tree.trade(&mut self.free);
            if let Some(root) = tree.finish() {
                append(&mut all, &root);
                tree.recycle(root);
            }
            tree.trade(&mut self.free);
        }
        self.trees.clear();
        all
    }
}
