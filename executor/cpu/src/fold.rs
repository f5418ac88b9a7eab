//! A task that reduces: cells of a kept box, combined in the lattice's order.

use crate::copy::{Walk, copy_box};
use crate::ledger::Ledger;
use crate::machine::{Machine, ends_chain, map_loop};
use crate::tree::{Counter, Partial, State, empty_state};
use crate::watch::Watch;
use cleave_ops::op::{Cell, Layout, SumLoop};
use cleave_ops::{Class, Data, DataRef, FoldLoop, Region, Shape};
use cleave_plan::cut::fold_loop;
use cleave_plan::stage::unravel;
use cleave_plan::{Action, FoldGoal, FoldWork, Lattice, Program, RunError, Slot};
use smallvec::SmallVec;
use std::sync::Arc;

/// What one thread needs to reduce, besides registers.
pub(crate) struct Folder<'a> {
    work: &'a FoldWork,
    goals: Vec<GoalTrees>,
    wants_positions: bool,
    positions: Vec<i64>,
    turned: Vec<Data>,
}

/// The trees of one goal: over the cells of a superbox, and over superboxes.
struct GoalTrees {
    rule: &'static FoldLoop,
    /// The step before it, where both are one loop.
    fused: Option<Fused>,
    cells: Counter,
    superboxes: Counter,
}

/// An elementwise step whose results are added up at once.
struct Fused {
    step: usize,
    inputs: SmallVec<[Slot; 3]>,
    sum: &'static SumLoop,
}

impl Fused {
    /// The step that writes what a goal alone reads, if it is best added up as it is made.
    fn of(goal: &FoldGoal, work: &FoldWork, program: &Program) -> Option<Self> {
        let step = work.summed_step(goal, program)?;
        let Action::Map { op, loop_index, inputs } = &program.steps[step].action else { return None };
        let sum = map_loop(op, *loop_index).sum_for(rule(goal))?;
        if ends_chain(program, step) {
            return None;
        }
        Some(Self { step, inputs: inputs.clone(), sum })
    }
}

/// The loop of a goal.
pub(crate) fn rule(goal: &FoldGoal) -> &'static FoldLoop {
    fold_loop(goal.op, goal.loop_index)
}

impl<'a> Folder<'a> {
    pub(crate) fn new(work: &'a FoldWork, machine: &mut Machine<'_>) -> Self {
        let mut trees = |goal: &FoldGoal| {
            let rule = rule(goal);
            let fused = Fused::of(goal, work, machine.program());
            fused.iter().for_each(|f| machine.defer(f.step));
            GoalTrees { rule, fused, cells: Counter::new(rule), superboxes: Counter::new(rule) }
        };
        let positions = |g: &FoldGoal| matches!(&g.op.class, Class::Fold(fold) if fold.needs_positions);
        Self {
            work,
            goals: work.goals.iter().map(&mut trees).collect(),
            wants_positions: work.goals.iter().any(positions),
            positions: Vec::new(),
            turned: work.goals.iter().map(|g| Data::with_capacity(rule(g).input, 0)).collect(),
        }
    }

    /// The states of a task's kept box, tile after tile.
    pub(crate) fn task(
        &mut self,
        task: usize,
        machine: &mut Machine<'_>,
        watch: &Watch<'_>,
        ledger: &Arc<Ledger>,
    ) -> Result<Partial, RunError> {
        let kept = self.work.kept_region(task);
        let bytes = kept.size() as u64 * state_bytes(self.work);
        let claim = ledger.claim(bytes);
        let mut states = self.no_states();
        for tile in tiles(&kept, &self.work.kept_tile) {
            self.tile(task, &tile, machine, watch)?;
            for (goal, all) in self.goals.iter_mut().zip(&mut states) {
                let state = goal.root(tile.size());
                append(all, &state);
                goal.superboxes.recycle(state);
            }
        }
        Ok(Partial { states, _claim: claim })
    }

    /// Changes places with other trees over cells, one a goal.
    pub(crate) fn exchange(&mut self, trees: &mut [Counter]) {
        self.goals.iter_mut().zip(trees).for_each(|(goal, tree)| goal.cells.exchange(tree));
    }

    /// Trees over cells that have seen nothing, one a goal.
    pub(crate) fn fresh_trees(&self) -> impl Iterator<Item = Counter> + '_ {
        self.goals.iter().map(|goal| Counter::new(goal.rule))
    }

    /// Puts the states of all cells that the trees have seen behind others; the trees are empty again.
    pub(crate) fn gather(&mut self, all: &mut [State]) {
        for (goal, all) in self.goals.iter_mut().zip(all) {
            if let Some(state) = goal.cells.finish() {
                append(all, &state);
                goal.cells.recycle(state);
            }
        }
    }

    /// Takes the state of the only cell that the trees have seen out of each, with its rule; `give` hands states back
    /// that are no longer needed.
    pub(crate) fn each_cell(&mut self, mut give: impl FnMut(usize, &'static FoldLoop, State, &mut Vec<State>)) {
        for (number, goal) in self.goals.iter_mut().enumerate() {
            if let Some(state) = goal.cells.finish() {
                give(number, goal.rule, state, goal.cells.free());
            }
        }
    }

    /// States of no kept elements, one a goal.
    pub(crate) fn no_states(&self) -> Vec<State> {
        self.goals.iter().map(|goal| empty_state(goal.rule)).collect()
    }

    /// Folds all superboxes of a task for one tile of kept elements.
    fn tile(
        &mut self,
        task: usize,
        kept: &Region,
        machine: &mut Machine<'_>,
        watch: &Watch<'_>,
    ) -> Result<(), RunError> {
        let lattice = &self.work.lattice;
        let mut seen = Seen::nowhere(lattice, kept);
        for superbox in self.work.superboxes(task) {
            let cells = lattice.superbox_cells(superbox);
            let runs = lattice.runs(&cells.len, kept.size(), machine.blocking().block_len());
            let (mut index, mut number) = (cells.start.clone(), 0_usize);
            loop {
                if let Some(run) = runs.at(number).filter(|_| machine.has_locals()) {
                    let block = lattice.cells_hull(&cells, run);
                    machine.prepare(&lattice.join(kept, &block), watch)?;
                }
                number += 1;
                seen.go_to(lattice, &index);
                self.cell(&seen, machine, watch)?;
                if !advance(&mut index, &cells) {
                    break;
                }
            }
            for goal in &mut self.goals {
                if let Some(state) = goal.cells.finish() {
                    goal.superboxes.push(state);
                    goal.trade();
                }
            }
        }
        Ok(())
    }

    /// Makes a cell for a tile of kept elements and adds it to the trees.
    pub(crate) fn cell(&mut self, seen: &Seen, machine: &mut Machine<'_>, watch: &Watch<'_>) -> Result<(), RunError> {
        let lattice = &self.work.lattice;
        watch.visit(seen.kept * seen.reduced)?;
        machine.tile(&seen.region)?;
        if self.wants_positions {
            positions(lattice, &seen.region, &mut self.positions);
        }
        for (goal, (trees, turned)) in self.work.goals.iter().zip(self.goals.iter_mut().zip(&mut self.turned)) {
            let Seen { kept, reduced, .. } = *seen;
            let mut leaf = trees.cells.fresh();
            match &trees.fused {
                Some(fused) if seen.turn.is_none() => {
                    let operands = fused.inputs.iter().map(|&s| machine.register(s));
                    let operands: SmallVec<[DataRef<'_>; 3]> = operands.collect();
                    (fused.sum.take)(&operands, kept, reduced, lattice.layout, &mut leaf);
                }
                fused => {
                    if let Some(fused) = fused {
                        machine.catch_up(fused.step, &seen.region)?;
                    }
                    let tile = machine.register(goal.slot);
                    let data = seen.turn.as_ref().map_or(tile, |t| t.of(tile, turned));
                    let cell = Cell::dense(data, [kept, reduced], lattice.layout, &self.positions);
                    (trees.rule.take)(&cell, &mut leaf);
                }
            }
            trees.cells.push(leaf);
        }
        Ok(())
    }
}

/// The cell a thread is at. What depends on its lengths alone is kept while they stay.
pub(crate) struct Seen {
    region: Region,
    kept: usize,
    reduced: usize,
    turn: Option<Turn>,
}

impl Seen {
    /// One cell for a tile of kept elements.
    pub(crate) fn new(lattice: &Lattice, region: Region) -> Self {
        let size = |axes: &[usize]| axes.iter().map(|&axis| region.len[axis]).product();
        let turn = turn(lattice, &region);
        Self { kept: size(&lattice.kept), reduced: size(&lattice.reduced), turn, region }
    }

    /// No cell yet, for a tile of kept elements.
    pub(crate) fn nowhere(lattice: &Lattice, kept: &Region) -> Self {
        let nothing = Region {
            start: SmallVec::from_elem(0, lattice.lens.ndim()),
            len: Shape::new(lattice.lens.iter().map(|_| 0)),
        };
        Self { region: lattice.join(kept, &nothing), kept: kept.size(), reduced: 0, turn: None }
    }

    /// Goes to a cell by its index.
    pub(crate) fn go_to(&mut self, lattice: &Lattice, index: &[usize]) {
        let mut same = true;
        for (i, &axis) in lattice.reduced.iter().enumerate() {
            let start = index[i] * lattice.cell[i];
            self.region.start[axis] = start;
            same &= self.region.len[axis] == lattice.cell[i].min(lattice.lens[i] - start);
        }
        if same && self.reduced > 0 {
            return;
        }
        let cell = lattice.cell_elements(index);
        let mut lens: SmallVec<[usize; 4]> = SmallVec::from_slice(&self.region.len);
        lattice.reduced.iter().zip(cell.len.iter()).for_each(|(&axis, &len)| lens[axis] = len);
        self.region.len = Shape::new(lens);
        self.reduced = cell.size();
        self.turn = turn(lattice, &self.region);
    }
}

/// The next index of a box, row-major; `false` after the last.
pub(crate) fn advance(index: &mut [usize], within: &Region) -> bool {
    for axis in (0..index.len()).rev() {
        index[axis] += 1;
        if index[axis] < within.start[axis] + within.len[axis] {
            return true;
        }
        index[axis] = within.start[axis];
    }
    false
}

impl GoalTrees {
    /// The state of everything the tile saw.
    fn root(&mut self, kept: usize) -> State {
        self.superboxes.finish().unwrap_or_else(|| {
            let mut none = self.superboxes.fresh();
            (self.rule.identity)(kept, &mut none);
            none
        })
    }

    /// Gives the cells' tree a used state back for the one that went up.
    fn trade(&mut self) {
        let state = self.superboxes.fresh();
        self.cells.recycle(state);
    }
}

/// Puts the states of more elements behind.
pub(crate) fn append(all: &mut State, more: &State) {
    for (column, more) in all.iter_mut().zip(more) {
        let (at, n) = (column.len(), more.len());
        column.resize(at + n);
        cleave_ops::copy_run(more.as_ref(), 0, 1, column, at, n);
    }
}

/// Bytes of all goals' states for one kept element.
pub(crate) fn state_bytes(work: &FoldWork) -> u64 {
    work.goals.iter().flat_map(|g| rule(g).state).map(|d| d.size() as u64).sum()
}

/// The tiles of a region, row-major.
pub(crate) fn tiles<'a>(region: &'a Region, tile: &'a Shape) -> impl Iterator<Item = Region> + 'a {
    let counts: Shape = region.len.iter().zip(tile.iter()).map(|(len, t)| len.div_ceil((*t).max(1))).collect();
    (0..counts.size()).map(move |number| {
        let index = unravel(number, &counts);
        let at: SmallVec<[usize; 4]> = index.iter().zip(tile.iter()).map(|(i, t)| i * t).collect();
        let len = at.iter().zip(tile.iter()).zip(region.len.iter()).map(|((a, t), len)| (*t).min(len - a)).collect();
        Region { start: at.iter().zip(&region.start).map(|(a, s)| a + s).collect(), len }
    })
}

/// The flat index in the reduced space of every element of a cell.
fn positions(lattice: &Lattice, region: &Region, out: &mut Vec<i64>) {
    out.clear();
    let strides = lattice.lens.strides();
    let lens: SmallVec<[usize; 4]> = lattice.reduced.iter().map(|&a| region.len[a]).collect();
    let row = lens.last().copied().unwrap_or(1);
    for first in (0..lens.iter().product()).step_by(row.max(1)) {
        let index = unravel(first, &lens);
        let starts = lattice.reduced.iter().map(|&a| region.start[a]);
        let flat: usize = index.iter().zip(starts).zip(&strides).map(|((i, s), stride)| (i + s) * stride).sum();
        out.extend(flat as i64..(flat + row) as i64);
    }
}

/// How to bring a tile into the order its cell wants.
struct Turn {
    lens: SmallVec<[usize; 4]>,
    from: Walk,
}

/// `None` where the tile lies in the right order already.
fn turn(lattice: &Lattice, region: &Region) -> Option<Turn> {
    let (outer, inner) = match lattice.layout {
        Layout::Rows => (&lattice.kept, &lattice.reduced),
        Layout::Columns => (&lattice.reduced, &lattice.kept),
    };
    let long = |axes: &[usize]| axes.iter().copied().filter(|&a| region.len[a] > 1).collect::<SmallVec<[usize; 4]>>();
    if long(outer).last().zip(long(inner).first()).is_none_or(|(a, b)| a < b) {
        return None;
    }
    let strides = region.len.strides();
    let order = outer.iter().chain(inner);
    let lens = order.clone().map(|&a| region.len[a]).collect();
    Some(Turn { lens, from: Walk { base: 0, strides: order.map(|&a| strides[a] as isize).collect() } })
}

impl Turn {
    fn of<'d>(&self, tile: DataRef<'_>, out: &'d mut Data) -> DataRef<'d> {
        out.resize(tile.len());
        copy_box(&self.lens, tile, &self.from, out, &Walk::whole(&Shape::new(self.lens.iter().copied())));
        out.as_ref()
    }
}

/// A column of states that is row-major in a kept box, in the order of its tiles, in which states stand.
pub(crate) fn in_tiles(work: &FoldWork, kept: &Region, column: &Data) -> Data {
    if kept.len.ndim() < 2 {
        return column.clone();
    }
    let mut ordered = Data::zeros(column.dtype(), kept.size());
    let mut done = 0;
    for tile in tiles(kept, &work.kept_tile) {
        let inside: SmallVec<[usize; 4]> = tile.start.iter().zip(&kept.start).map(|(a, b)| a - b).collect();
        let to = Walk { base: done as isize, ..Walk::whole(&tile.len) };
        copy_box(&tile.len, column.as_ref(), &Walk::inside(&inside, &kept.len), &mut ordered, &to);
        done += tile.size();
    }
    ordered
}

/// The finished block of a kept box, row-major, from states that stand tile after tile.
pub(crate) fn finish(goal: &FoldGoal, work: &FoldWork, kept: &Region, state: &State) -> Data {
    let mut values = Data::with_capacity(goal.dtype, 0);
    (rule(goal).finish)(state, &goal.facts, &mut values);
    if kept.len.ndim() < 2 {
        return values;
    }
    let mut block = Data::zeros(goal.dtype, kept.size());
    let mut done = 0;
    for tile in tiles(kept, &work.kept_tile) {
        let inside: SmallVec<[usize; 4]> = tile.start.iter().zip(&kept.start).map(|(a, b)| a - b).collect();
        let from = Walk { base: done as isize, ..Walk::whole(&tile.len) };
        copy_box(&tile.len, values.as_ref(), &from, &mut block, &Walk::inside(&inside, &kept.len));
        done += tile.size();
    }
    block
}
