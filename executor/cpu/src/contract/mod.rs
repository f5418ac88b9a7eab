//! A task that multiplies: a block of sums, panel after panel.
//!
//! In reading order: `panel` (an operand, tile by tile), `pack` (tiles into strips), `kernel` (strips times strips),
//! `segments` (blocks whose sums come in parts).

mod kernel;
mod pack;
mod panel;
mod segments;

pub(crate) use segments::{Part, Segments};

use crate::ledger::{Claim, Ledger};
use crate::machine::Inputs;
use crate::watch::Watch;
use cleave_ops::op::Product;
use cleave_ops::{Data, DataRef, Region};
use cleave_plan::contract::{BlockSides, contract_loop, panel_bytes, sums_dtype};
use cleave_plan::stage::unravel;
use cleave_plan::{ContractWork, RunError};
use kernel::{Real, Strips};
use panel::{Hand, Panel};
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

/// Columns multiplied at once: a panel of them stays in a core's cache, and whoever interrupts does not wait long.
const COLUMNS: usize = 240;

/// What one thread needs to multiply.
pub(crate) struct Multiplier<'a> {
    work: &'a ContractWork,
    left: Panel<'a>,
    right: Panel<'a>,
    _claim: Claim,
}

impl<'a> Multiplier<'a> {
    pub(crate) fn new(work: &'a ContractWork, inputs: &Inputs<'a>) -> Result<Self, RunError> {
        let [_, rows, columns] = work.block_lens();
        let claim = inputs.ledger.claim(panel_bytes(work.dtype, rows) + panel_bytes(work.dtype, columns));
        Ok(Self {
            work,
            left: Panel::new(&work.left, Hand::Left, work.dtype, inputs)?,
            right: Panel::new(&work.right, Hand::Right, work.dtype, inputs)?,
            _claim: claim,
        })
    }

    /// The sums of a task's block over its segment.
    pub(crate) fn task(&mut self, task: usize, watch: &Watch<'_>, ledger: &Arc<Ledger>) -> Result<Part, RunError> {
        let region = self.work.region(task);
        let sums = sums_dtype(self.work.dtype);
        let claim = ledger.claim((region.size() * sums.size()) as u64);
        let mut data = Data::zeros(sums, region.size());
        self.sum(&region, self.work.panels(task), &mut data, watch)?;
        Ok(Part { data, _claim: claim })
    }

    fn sum(&mut self, region: &Region, panels: Range<usize>, out: &mut Data, watch: &Watch<'_>) -> Result<(), RunError> {
        let sides = self.work.block_sides(region);
        let size = sides.rows.size() * sides.columns.size();
        let pieces = sides.columns.size().div_ceil(COLUMNS);
        let steps = sides.batch.size() * panels.len() * pieces;
        let mut progress = Progress { watch, elements: region.size(), steps: steps.max(1), step: 0 };
        for number in 0..sides.batch.size() {
            let inside = unravel(number, &sides.batch.len);
            let batch: SmallVec<[usize; 4]> = inside.iter().zip(&sides.batch.start).map(|(i, s)| i + s).collect();
            for panel in panels.clone() {
                let shared = self.work.panel_region(panel);
                self.left.fill(&batch, &sides.rows, &shared, watch)?;
                self.right.fill(&batch, &sides.columns, &shared, watch)?;
                self.multiply(&sides, shared.size(), number * size, out, &mut progress)?;
            }
        }
        progress.finish()
    }

    /// Adds the product of both panels to the matrix that begins at `at`.
    fn multiply(
        &self,
        sides: &BlockSides,
        shared: usize,
        at: usize,
        out: &mut Data,
        progress: &mut Progress<'_>,
    ) -> Result<(), RunError> {
        let (rows, columns) = (sides.rows.size(), sides.columns.size());
        let lens = Lens { rows, columns, shared };
        match out {
            Data::F64(out) => self.strips(&lens, &mut out[at..at + rows * columns], progress),
            Data::F32(out) => self.strips(&lens, &mut out[at..at + rows * columns], progress),
            _ => self.own_loop(&lens, at, out, progress),
        }
    }

    fn strips<T: Real>(&self, lens: &Lens, out: &mut [T], progress: &mut Progress<'_>) -> Result<(), RunError> {
        let Lens { rows, columns, shared } = *lens;
        let of = |data| T::of(data).expect("a panel of floats has the dtype of the sums");
        let (left, right): (&[T], &[T]) = (of(self.left.data()), of(self.right.data()));
        for column in (0..columns).step_by(COLUMNS) {
            progress.advance()?;
            let width = (columns - column).min(COLUMNS);
            let strips = width.next_multiple_of(T::COLUMNS) * shared;
            let right = &right[column * shared..][..strips];
            Strips { left, right, shared, rows, columns: width, out: &mut out[column..], stride: columns }.add();
        }
        Ok(())
    }

    fn own_loop(&self, lens: &Lens, at: usize, out: &mut Data, progress: &mut Progress<'_>) -> Result<(), RunError> {
        let Lens { rows, columns, shared } = *lens;
        (0..columns.div_ceil(COLUMNS)).try_for_each(|_| progress.advance())?;
        let product = Product { left: self.left.data(), right: self.right.data(), rows, shared, columns };
        let add = contract_loop(self.work.op, self.work.loop_index).add;
        if out.len() == rows * columns {
            add(&product, out);
            return Ok(());
        }
        let mut block = Data::zeros(out.dtype(), rows * columns);
        cleave_ops::copy_run(out.as_ref(), at, 1, &mut block, 0, rows * columns);
        add(&product, &mut block);
        cleave_ops::copy_run(block.as_ref(), 0, 1, out, at, rows * columns);
        Ok(())
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
