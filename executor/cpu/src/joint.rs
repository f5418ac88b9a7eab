//! A task that reduces over several axes at once: each reduction keeps trees of its own for every tile of kept
//! elements, and takes its cells as soon as they are made; what one goal's loop gives of another is not made again.

use crate::copy::{Walk, copy_box};
use crate::fold::{append, rule, tiles};
use crate::ledger::{Claim, Ledger};
use crate::machine::Machine;
use crate::tree::{Counter, Partial, State, empty_state};
use crate::watch::Watch;
use cleave_ops::op::{Cell, Layout};
use cleave_ops::{Class, Data, DataRef, FoldLoop, Region, Shape};
use cleave_plan::joint::{Making, makings, ravel};
use cleave_plan::stage::unravel;
use cleave_plan::{FoldGoal, FoldWork, JointWork, RunError, Slot};
use smallvec::SmallVec;
use std::sync::Arc;

/// What one thread needs for that.
pub(crate) struct Folders<'a> {
    work: &'a JointWork,
    folds: Vec<Folding<'a>>,
    /// The block at hand: elements of each register that another reduction than the first reads.
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
    positions: Vec<i64>,
}

/// The trees of a goal, one for each tile of kept elements.
struct Forest<'a> {
    goal: &'a FoldGoal,
    rule: &'static FoldLoop,
    making: Making,
    trees: Vec<Counter>,
    free: Vec<State>,
}

impl<'a> Folders<'a> {
    pub(crate) fn new(work: &'a JointWork, machine: &Machine<'_>, ledger: &Arc<Ledger>) -> Self {
        let mut slots: Vec<Slot> = work.folds[1..].iter().flat_map(|f| &f.goals).map(|g| g.slot).collect();
        slots.sort_unstable();
        slots.dedup();
        let len = work.block.size();
        let zeros = |slot: Slot| (slot, Data::zeros(machine.program().slots[slot.0 as usize], len));
        let block: Vec<(Slot, Data)> = slots.into_iter().map(zeros).collect();
        let claim = ledger.claim(block.iter().map(|(_, data)| data.nbytes() as u64).sum());
        Self { work, folds: work.folds.iter().map(Folding::new).collect(), block, _claim: claim }
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
        let strip = self.work.strip();
        for strip in tiles(&region, &strip) {
            for block in tiles(&strip, &self.work.block) {
                self.block(&block, machine, watch)?;
            }
        }
        Ok(self.folds.iter_mut().map(|folding| folding.end(ledger)).collect())
    }

    /// Makes a block tile by tile; the first reduction takes each, the others the whole.
    fn block(&mut self, block: &Region, machine: &mut Machine<'_>, watch: &Watch<'_>) -> Result<(), RunError> {
        let [first, others @ ..] = &mut self.folds[..] else { return Ok(()) };
        for tile in tiles(block, &first.tile_in(&block.len)) {
            watch.visit(tile.size())?;
            machine.tile(&tile)?;
            first.take(&tile, &|slot| machine.register(slot));
            let inside: SmallVec<[usize; 4]> = tile.start.iter().zip(&block.start).map(|(a, b)| a - b).collect();
            let to = Walk::inside(&inside, &block.len);
            for (slot, data) in &mut self.block {
                copy_box(&tile.len, machine.register(*slot), &Walk::whole(&tile.len), data, &to);
            }
        }
        let blocks = &self.block;
        let whole = |slot: Slot| {
            let (_, data) = blocks.iter().find(|(of, _)| *of == slot).expect("a register that is read is kept");
            data.as_ref().slice(0..block.size())
        };
        others.iter_mut().for_each(|folding| folding.take(block, &whole));
        Ok(())
    }
}

impl<'a> Folding<'a> {
    fn new(fold: &'a FoldWork) -> Self {
        let forest = |(goal, making)| Forest { goal, rule: rule(goal), making, trees: Vec::new(), free: Vec::new() };
        Self {
            fold,
            axis: fold.lattice.reduced[0],
            goals: fold.goals.iter().zip(makings(&fold.goals)).map(forest).collect(),
            kept: Region::default(),
            tiles: Shape::default(),
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

    /// The lengths of a tile of a block that is one cell for some kept elements.
    fn tile_in(&self, block: &Shape) -> Shape {
        let mut tile = block.clone();
        for (&axis, &side) in self.fold.lattice.kept.iter().zip(self.fold.kept_tile.iter()) {
            tile = tile.with(axis, side.min(block[axis]));
        }
        tile
    }

    /// Takes all cells of a part of the box that is one cell long.
    fn take<'d>(&mut self, part: &Region, data: &dyn Fn(Slot) -> DataRef<'d>) {
        let reduced = part.len[self.axis];
        let start = part.start[self.axis];
        let layout = self.fold.lattice.layout;
        let mut positions = std::mem::take(&mut self.positions);
        positions.clear();
        positions.extend(start as i64..(start + reduced) as i64);
        let inner: usize = part.len[self.axis + 1..].iter().product();
        let before = Shape::new(part.len[..self.axis].iter().copied());
        let (outer, kept) = match layout {
            Layout::Rows => (1, before.size()),
            Layout::Columns => (before.size(), inner),
        };
        for number in 0..outer {
            let tile = self.tile_number(part, &before, number);
            let run = number * reduced * kept..(number + 1) * reduced * kept;
            for goal in 0..self.goals.len() {
                let data = data(self.goals[goal].goal.slot).slice(run.clone());
                self.leaf(goal, tile, &Cell { data, kept, reduced, layout, positions: &positions });
            }
        }
        self.positions = positions;
    }

    /// Takes a cell for a goal, and for the one whose leaves that makes too.
    fn leaf(&mut self, goal: usize, tile: usize, cell: &Cell<'_>) {
        let needs = matches!(&self.goals[goal].goal.op.class, Class::Fold(fold) if fold.needs_positions);
        let cell = Cell { positions: if needs { cell.positions } else { &[] }, ..*cell };
        match self.goals[goal].making {
            Making::Leaves | Making::Column { .. } => {}
            Making::Own => self.goals[goal].push(tile, |rule, leaf| (rule.take)(&cell, leaf)),
            Making::WithSum { of, take } => {
                let mut sums = self.goals[of].fresh();
                self.goals[goal].push(tile, |_, leaf| take(&cell, leaf, &mut sums));
                self.goals[of].push(tile, |_, leaf| std::mem::swap(leaf, &mut sums));
                self.goals[of].free.push(sums);
            }
        }
    }

    /// Which tile of the box's kept side the cells belong to that stand at a place on the axes before.
    fn tile_number(&self, part: &Region, before: &Shape, number: usize) -> usize {
        let outer = match self.fold.lattice.layout {
            Layout::Rows => SmallVec::from_elem(0, before.ndim()),
            Layout::Columns => unravel(number, before),
        };
        let kept = self.fold.lattice.kept.iter().zip(&self.kept.start).zip(self.fold.kept_tile.iter());
        let index = kept
            .map(|((&axis, start), side)| (part.start[axis] - start + outer.get(axis).copied().unwrap_or(0)) / side);
        ravel(&index.collect::<SmallVec<[usize; 4]>>(), &self.tiles)
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
    /// A state to write a leaf into.
    fn fresh(&mut self) -> State {
        self.free.pop().unwrap_or_else(|| empty_state(self.rule))
    }

    /// Adds the leaf that `take` makes of a tile's next cell.
    fn push(&mut self, tile: usize, take: impl FnOnce(&FoldLoop, &mut State)) {
        let mut leaf = self.fresh();
        take(self.rule, &mut leaf);
        let tree = &mut self.trees[tile];
        tree.trade(&mut self.free);
        tree.push(leaf);
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
