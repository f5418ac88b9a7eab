//! What lies before each block of running values, known because the blocks are gone through from the first on.
//!
//! Each block's total is made in the order in which a reduction of it would be, so that it has the same bits.

use crate::machine::register;
use crate::tree::{Counter, State};
use cleave_graph::SCAN_LEN;
use cleave_ops::op::{Cell, FoldFacts, Layout, ScanRow};
use cleave_ops::{Class, Data, DataRef, FoldLoop, Op, ScanLoop, Shape, copy_run};
use cleave_plan::Lattice;

/// The totals of what was gone through.
pub(crate) struct Carry {
    fold: &'static FoldLoop,
    running: &'static ScanLoop,
    /// Rows of a cell of the reduction.
    cell_rows: usize,
    cell: CellAtHand,
    cells: Counter,
    /// The total of the block before, that of all blocks, and how it is seen by the block at hand.
    total: Data,
    totals: Data,
    before: Data,
}

/// The cell that rows are added to.
enum CellAtHand {
    /// Its state, where that is of the elements' dtype, so that rows are states themselves.
    State(Option<State>),
    /// Its rows.
    Rows(Data),
}

impl Carry {
    /// That of running values along the second last axis of a space, which is longer than a block.
    pub(crate) fn new(op: &'static Op, rule: &ScanLoop, space: &Shape) -> Self {
        let Class::Scan(scan) = &op.class else { unreachable!("running values are those of a cumulative operation") };
        let Class::Fold(fold) = &scan.fold.class else { unreachable!("a scan runs a reduction") };
        let fold = fold.loops.iter().find(|l| l.input == rule.input);
        let fold = fold.expect("a scan's reduction has a loop for each of its own");
        let running = scan.loops.iter().find(|l| l.input == fold.output);
        let running = running.expect("every result of a scan's loops is an input of one");
        let empty = |dtype| Data::with_capacity(dtype, 0);
        Self {
            fold,
            running,
            cell_rows: cell_rows(space),
            cell: CellAtHand::of(fold),
            cells: Counter::new(fold),
            total: empty(fold.output),
            totals: empty(running.output),
            before: empty(running.output),
        }
    }

    /// Forgets all, as the first row comes next.
    pub(crate) fn begin(&mut self) {
        if let Some(state) = self.cells.finish() {
            self.cells.recycle(state);
        }
    }

    /// What lies before the block of a row.
    pub(crate) fn before(&self, at: usize) -> Option<DataRef<'_>> {
        (at >= SCAN_LEN).then(|| self.before.as_ref())
    }

    /// Adds the row of an index, the one before being the last that was added.
    pub(crate) fn add(&mut self, row: &Data, at: usize) {
        let place = at % self.cell_rows;
        let is_last = place + 1 == self.cell_rows;
        match &mut self.cell {
            CellAtHand::State(state) => {
                let mut leaf = state.take().filter(|_| place > 0).unwrap_or_else(|| {
                    let mut leaf = self.cells.fresh();
                    (self.fold.identity)(row.len(), &mut leaf);
                    leaf
                });
                (self.fold.combine)(&mut leaf, std::slice::from_ref(row));
                match is_last {
                    true => self.cells.push(leaf),
                    false => *state = Some(leaf),
                }
            }
            CellAtHand::Rows(rows) => {
                hold(rows, row, place, self.cell_rows);
                if is_last {
                    let mut leaf = self.cells.fresh();
                    take(self.fold, rows, row.len(), &mut leaf);
                    self.cells.push(leaf);
                }
            }
        }
        if (at + 1).is_multiple_of(SCAN_LEN) {
            self.end_block(at + 1 == SCAN_LEN);
        }
    }

    fn end_block(&mut self, is_first: bool) {
        let state = self.cells.finish().expect("a block has cells");
        (self.fold.finish)(&state, &FoldFacts { count: SCAN_LEN as u64, ddof: 0.0 }, &mut self.total);
        self.cells.recycle(state);
        let next = ScanRow { data: self.total.as_ref(), is_first, before: None };
        (self.running.row)(&next, &mut self.totals, &mut self.before);
    }
}

impl CellAtHand {
    fn of(fold: &FoldLoop) -> Self {
        match fold.gist {
            Some(_) if *fold.state == [fold.input] => CellAtHand::State(None),
            _ => CellAtHand::Rows(Data::with_capacity(fold.input, 0)),
        }
    }
}

/// Puts a row at its place in a cell of so many.
fn hold(cell: &mut Data, row: &Data, place: usize, rows: usize) {
    let width = row.len();
    if cell.len() != width * rows {
        *cell = register(row.dtype(), width * rows);
        cell.resize(width * rows);
    }
    copy_run(row.as_ref(), 0, 1, cell, place * width, width);
}

/// The state of a cell of rows of that width.
fn take(fold: &FoldLoop, rows: &Data, width: usize, leaf: &mut State) {
    let (data, reduced) = (rows.as_ref(), rows.len() / width.max(1));
    (fold.take)(&Cell::dense(data, [width, reduced], Layout::Columns, &[]), leaf);
}

/// Rows of a cell where the blocks of a space are reduced.
fn cell_rows(space: &Shape) -> usize {
    let axis = space.ndim() - 2;
    let blocks = space[axis].div_ceil(SCAN_LEN) - 1;
    let mut lens = space.to_vec();
    lens[axis] = blocks;
    lens.insert(axis + 1, SCAN_LEN);
    Lattice::new(&lens.into_iter().collect(), &[axis + 1]).cell[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_fill_blocks() {
        for lens in [[300, 512], [70_000, 20_000], [257, 1]] {
            assert_eq!(SCAN_LEN % cell_rows(&Shape::new(lens)), 0, "{lens:?}");
        }
        assert_eq!(cell_rows(&Shape::new([20_000, 20_000])), 16);
    }
}
