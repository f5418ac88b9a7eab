//! Running values in stages whose blocks do not hold whole blocks of theirs.
//!
//! An element of them needs all before it in its block of [`SCAN_LEN`](cleave_graph::SCAN_LEN). Blocks of the engine's
//! choice hold those, but the order of a reduction decides which elements are visited together, and a user which are
//! handed over together. Where that would make most of them again and again they are made once, in a stage of their own.

use crate::carry::carries;
use crate::program::{Action, Local, Making, Origin, Program, Step};
use crate::stage::{FoldWork, Stage, Work};
use cleave_ops::{Region, Shape};
use smallvec::SmallVec;
use std::cell::Cell;

/// How many times as much as is wanted may be made for the last block: it is about half of that for all.
const MOST_AGAIN: f64 = 4.0;

impl Program {
    /// The axes of the space along which running values go, a bit each.
    pub(crate) fn running_axes(&self) -> u64 {
        let mut along: Vec<SmallVec<[u64; 4]>> =
            self.locals.iter().map(|local| SmallVec::from_elem(0, local.program.space.ndim())).collect();
        note_axes(&self.steps, &|axis| 1 << axis, &mut along);
        for number in (0..self.locals.len()).rev() {
            let here = along[number].clone();
            note_axes(&self.locals[number].program.steps, &|axis| here[axis], &mut along);
        }
        let runs = |(local, along): (&Local, &SmallVec<[u64; 4]>)| match local.making {
            Making::Scan { axis, .. } => along[axis],
            Making::Plain => 0,
        };
        self.locals.iter().zip(&along).map(runs).fold(0, |all, axes| all | axes)
    }
}

/// Notes which axes of the space each axis of the locals follows that some steps read.
fn note_axes(steps: &[Step], of: &dyn Fn(usize) -> u64, along: &mut [SmallVec<[u64; 4]>]) {
    for step in steps {
        if let Action::Load { origin: Origin::Local(number), view, .. } = &step.action {
            for (axes, source) in along[*number as usize].iter_mut().zip(&view.source) {
                *axes |= source.terms.iter().fold(0, |all, term| all | of(term.axis));
            }
        }
    }
}

impl Stage {
    /// Whether it would make most of its running values again for each block.
    pub(crate) fn makes_again(&self) -> bool {
        if !self.program.scans() || carries(&self.program) || self.space.is_empty_array() {
            return false;
        }
        let len = self.visited_together();
        let start = len.iter().zip(self.space.iter()).map(|(&len, &all)| (all - 1) / len.max(1) * len).collect();
        let last = Region { start, len };
        let wanted = self.running_elements(&last, &|_, region| region.clone());
        self.running_elements(&last, &|local, region| local.making.widened(region)) > MOST_AGAIN * wanted
    }

    /// The elements of running values that are made for a block, `widened` saying what of each where a part is wanted.
    fn running_elements(&self, block: &Region, widened: &dyn Fn(&Local, &Region) -> Region) -> f64 {
        let elements = Cell::new(0.0);
        self.program.local_regions_beyond(block, &|number, region| {
            let local = &self.program.locals[number];
            let all = widened(local, region);
            if matches!(local.making, Making::Scan { .. }) {
                elements.set(elements.get() + all.len.size() as f64);
            }
            (all.clone(), all)
        });
        elements.get()
    }

    /// The elements for which values are made once: a block, or blocks below each other where rows are kept.
    fn visited_together(&self) -> Shape {
        let block = self.block();
        if !self.program.rolls() {
            return block;
        }
        let rows = block.ndim() - 2;
        match &self.work {
            Work::Store(store) => block.with(rows, store.boxes.0[rows].longest()),
            Work::Fold(fold) => match rows_below(fold, rows, &block) {
                Some(len) => block.with(rows, len),
                None => block,
            },
            Work::Joint(_) | Work::Contract(_) => block,
        }
    }
}

/// How far a task goes down an axis before it goes aside, if that is what it does.
fn rows_below(fold: &FoldWork, axis: usize, block: &Shape) -> Option<usize> {
    let lattice = &fold.lattice;
    let place = |axes: &[usize]| axes.iter().position(|&a| a == axis);
    if let Some(reduced) = place(&lattice.reduced) {
        return Some((lattice.superbox[reduced] * lattice.cell[reduced]).min(lattice.lens[reduced]));
    }
    let is_one_block = lattice.reduced.iter().zip(lattice.lens.iter()).all(|(&a, &len)| block[a] >= len);
    place(&lattice.kept).filter(|_| is_one_block).map(|kept| fold.boxes.0[kept].longest())
}
