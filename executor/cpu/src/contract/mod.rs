//! A task that multiplies: a block of sums, panel after panel.
//!
//! In reading order: `panel` (an operand, tile by tile), `pack` (tiles into strips), `kernel` (strips times strips),
//! `segments` (blocks whose sums come in parts), `then` (what is computed from what is finished).

mod kernel;
mod pack;
mod panel;
mod segments;
mod then;

pub(crate) use segments::{Segments, Sums, finish};
pub(crate) use then::then;

use crate::ledger::{Claim, Ledger};
use crate::machine::Inputs;
use crate::watch::Watch;
use cleave_ops::op::Product;
use cleave_ops::{Data, DataRef, Region};
use cleave_plan::contract::{BlockSides, contract_loop, matrix_bytes, panel_bytes, sums_dtype};
use cleave_plan::stage::unravel;
use cleave_plan::{ContractWork, RunError};
use kernel::{ROWS, Real, Strips, columns_at_once, tiles_len, unpack_row};
use panel::{Panel, Role};
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

/// The most products, and the most sums that are cleared, between two looks at whether to stop.
const MOST_PRODUCTS: usize = 1 << 27;
const MOST_CLEARED: usize = 1 << 19;

/// Where finished parts of the result go.
pub(crate) struct Hand<'a> {
    pub(crate) give: &'a mut dyn FnMut(&Region, Data) -> Result<(), RunError>,
    pub(crate) ledger: &'a Arc<Ledger>,
}

/// What one thread needs to multiply.
pub(crate) struct Multiplier<'a> {
    work: &'a ContractWork,
    left: Panel<'a>,
    right: Panel<'a>,
    /// The sums of one matrix, in tiles.
    tiles: Data,
    _claim: Claim,
}

impl<'a> Multiplier<'a> {
    pub(crate) fn new(work: &'a ContractWork, inputs: &Inputs<'a>) -> Result<Self, RunError> {
        let [_, rows, columns] = work.block_lens();
        let panels = panel_bytes(work.dtype, rows) + panel_bytes(work.dtype, columns);
        let claim = inputs.ledger.claim(panels + matrix_bytes(work.dtype, rows, columns));
        Ok(Self {
            work,
            left: Panel::new(&work.left, Role::Left, work.dtype, inputs)?,
            right: Panel::new(&work.right, Role::Right, work.dtype, inputs)?,
            tiles: Data::with_capacity(sums_dtype(work.dtype), 0),
            _claim: claim,
        })
    }

    /// Makes the sums of a task's block over its segment; hands over what of the result is finished, or gives all
    /// that was summed where more is to be done with it.
    pub(crate) fn task(&mut self, task: usize, watch: &Watch<'_>, hand: Hand<'_>) -> Result<Option<Sums>, RunError> {
        let region = self.work.region(task);
        let (sides, panels) = (self.work.block_sides(&region), self.work.panels(task));
        let steps = sides.batch.size() * panels.len() * sides.columns.size().div_ceil(columns_at_once());
        let mut progress = Progress { watch, elements: region.size(), steps: steps.max(1), step: 0 };
        if let Some(bands) = self.work.bands(&sides) {
            self.sum(&sides, &sides.batch.start, panels, &mut progress)?;
            progress.finish()?;
            return self.hand_over(&sides, &bands, hand, watch).map(|()| None);
        }
        let part = self.whole(&sides, panels, &mut progress, hand.ledger)?;
        progress.finish()?;
        Ok(Some(part))
    }

    /// The sums of all matrices of a block.
    fn whole(
        &mut self,
        sides: &BlockSides,
        panels: Range<usize>,
        progress: &mut Progress<'_>,
        ledger: &Arc<Ledger>,
    ) -> Result<Sums, RunError> {
        let size = sides.rows.size() * sides.columns.size();
        let matrices = if size == 0 { 0 } else { sides.batch.size() };
        let claim = ledger.claim((matrices * size * self.tiles.dtype().size()) as u64);
        let mut data = Data::zeros(self.tiles.dtype(), matrices * size);
        for number in 0..matrices {
            let inside = unravel(number, &sides.batch.len);
            let batch: SmallVec<[usize; 4]> = inside.iter().zip(&sides.batch.start).map(|(i, s)| i + s).collect();
            self.sum(sides, &batch, panels.clone(), progress)?;
            self.unpack(sides.rows.size(), sides.columns.size(), 0, &mut data, number * size);
        }
        Ok(Sums { data, _claim: claim })
    }

    /// Finishes a matrix a few rows at a time.
    fn hand_over(
        &self,
        sides: &BlockSides,
        bands: &[Region],
        hand: Hand<'_>,
        watch: &Watch<'_>,
    ) -> Result<(), RunError> {
        let (rows, columns) = (sides.rows.size(), sides.columns.size());
        let mut row = 0;
        for band in bands {
            watch.visit(0)?;
            let len = band.size() * columns;
            let claim = hand.ledger.claim((len * self.tiles.dtype().size()) as u64);
            let mut data = Data::zeros(self.tiles.dtype(), len);
            self.unpack(rows, columns, row, &mut data, 0);
            let part = finish(self.work, Sums { data, _claim: claim }, hand.ledger);
            (hand.give)(&sides.with_rows(band), part.data)?;
            row += band.size();
        }
        Ok(())
    }

    /// Makes the sums of one matrix.
    fn sum(
        &mut self,
        sides: &BlockSides,
        batch: &[usize],
        panels: Range<usize>,
        progress: &mut Progress<'_>,
    ) -> Result<(), RunError> {
        let (rows, columns) = (sides.rows.size(), sides.columns.size());
        self.clear(rows, columns, progress.watch)?;
        for panel in panels {
            let shared = self.work.panel_region(panel);
            self.left.fill(batch, &sides.rows, &shared, progress.watch)?;
            self.right.fill(batch, &sides.columns, &shared, progress.watch)?;
            self.multiply(&Lens { rows, columns, shared: shared.size() }, progress)?;
        }
        Ok(())
    }

    fn clear(&mut self, rows: usize, columns: usize, watch: &Watch<'_>) -> Result<(), RunError> {
        let len = match &self.tiles {
            Data::F64(_) => tiles_len::<f64>(rows, columns),
            Data::F32(_) => tiles_len::<f32>(rows, columns),
            _ => rows * columns,
        };
        self.tiles.resize(0);
        self.tiles.reserve(len);
        for first in (0..len).step_by(MOST_CLEARED) {
            watch.visit(0)?;
            self.tiles.resize(len.min(first + MOST_CLEARED));
        }
        Ok(())
    }

    /// Adds the product of both panels to the sums.
    fn multiply(&mut self, lens: &Lens, progress: &mut Progress<'_>) -> Result<(), RunError> {
        let (left, right) = (self.left.data(), self.right.data());
        match &mut self.tiles {
            Data::F64(tiles) => strips(left, right, lens, tiles, progress),
            Data::F32(tiles) => strips(left, right, lens, tiles, progress),
            sums => {
                let Lens { rows, columns, shared } = *lens;
                groups(columns).try_for_each(|_| progress.advance())?;
                let product = Product { left, right, rows, shared, columns };
                (contract_loop(self.work.op, self.work.loop_index).add)(&product, sums);
                Ok(())
            }
        }
    }

    /// Writes sums from a row on, row-major, from a place of `out` to its end or that of the matrix.
    fn unpack(&self, rows: usize, columns: usize, row: usize, out: &mut Data, at: usize) {
        match (&self.tiles, out) {
            (Data::F64(tiles), Data::F64(out)) => unpack_rows(tiles, rows, columns, row, &mut out[at..]),
            (Data::F32(tiles), Data::F32(out)) => unpack_rows(tiles, rows, columns, row, &mut out[at..]),
            (sums, out) => {
                let len = ((rows - row) * columns).min(out.len() - at);
                cleave_ops::copy_run(sums.as_ref(), row * columns, 1, out, at, len);
            }
        }
    }
}

/// The tiles of a matrix stand by groups of columns.
fn groups(columns: usize) -> impl Iterator<Item = Range<usize>> {
    let most = columns_at_once();
    (0..columns).step_by(most).map(move |column| column..(column + most).min(columns))
}

fn strips<T: Real>(
    left: DataRef<'_>,
    right: DataRef<'_>,
    lens: &Lens,
    tiles: &mut [T],
    progress: &mut Progress<'_>,
) -> Result<(), RunError> {
    let Lens { rows, columns, shared } = *lens;
    let of = |data| T::of(data).expect("a panel of floats has the dtype of the sums");
    let (left, right): (&[T], &[T]) = (of(left), of(right));
    let mut rest = tiles;
    for group in groups(columns) {
        progress.advance()?;
        let right = &right[group.start * shared..][..group.len().next_multiple_of(T::COLUMNS) * shared];
        let most = (MOST_PRODUCTS / (group.len() * shared).max(1)).next_multiple_of(ROWS).max(ROWS);
        for first in (0..rows).step_by(most) {
            progress.watch.visit(0)?;
            let (left, rows) = (&left[first * shared..], most.min(rows - first));
            let (tiles, more) = rest.split_at_mut(tiles_len::<T>(rows, group.len()));
            Strips { left, right, shared, rows, columns: group.len(), tiles }.add();
            rest = more;
        }
    }
    Ok(())
}

fn unpack_rows<T: Real>(tiles: &[T], rows: usize, columns: usize, first: usize, out: &mut [T]) {
    for (row, out) in (first..rows).zip(out.chunks_exact_mut(columns)) {
        let mut rest = tiles;
        for group in groups(columns) {
            let (tiles, more) = rest.split_at(tiles_len::<T>(rows, group.len()));
            unpack_row(tiles, row, &mut out[group]);
            rest = more;
        }
    }
}

/// The lengths of a product.
struct Lens {
    rows: usize,
    columns: usize,
    shared: usize,
}

/// Tells of a block's elements as its work gets on, step by step.
struct Progress<'a> {
    watch: &'a Watch<'a>,
    elements: usize,
    steps: usize,
    step: usize,
}

impl Progress<'_> {
    /// To be called before each step.
    fn advance(&mut self) -> Result<(), RunError> {
        let before = self.done();
        self.step += 1;
        self.watch.visit(self.done() - before)
    }

    fn done(&self) -> usize {
        (self.elements as u128 * self.step.min(self.steps) as u128 / self.steps as u128) as usize
    }

    /// Tells of what is left, where there was nothing to sum.
    fn finish(self) -> Result<(), RunError> {
        self.watch.visit(self.elements - self.done())
    }
}

/// One more product of a number with each element: how an operation adds.
fn add_all(work: &ContractWork, more: DataRef<'_>, sums: &mut Data) {
    match (more, &mut *sums) {
        (DataRef::F64(more), Data::F64(sums)) => sums.iter_mut().zip(more).for_each(|(to, from)| *to += from),
        (DataRef::F32(more), Data::F32(sums)) => sums.iter_mut().zip(more).for_each(|(to, from)| *to += from),
        (more, sums) => {
            let one = one(work);
            let product = Product { left: one.as_ref(), right: more, rows: 1, shared: 1, columns: more.len() };
            (contract_loop(work.op, work.loop_index).add)(&product, sums);
        }
    }
}

fn one(work: &ContractWork) -> Data {
    let mut one = Data::zeros(work.dtype, 1);
    cleave_ops::cast(DataRef::Bool(&[true]), &mut one);
    one
}
