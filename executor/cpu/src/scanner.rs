//! Running values: of a whole region at a time, or from row to row.

use crate::carry::Carry;
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::maker::fill;
use crate::scratch::Scratch;
use crate::watch::Watch;
use cleave_graph::SCAN_LEN;
use cleave_ops::op::{ScanBlock, ScanRow};
use cleave_ops::{Class, Data, DataRef, Op, Region, ScanLoop, copy_run};
use cleave_plan::{Making, RunError};
use smallvec::SmallVec;
use std::sync::Arc;

/// What turns elements into running values.
pub(crate) struct Scanner<'a> {
    pub(crate) making: &'a Making,
    rule: &'static ScanLoop,
    axis: usize,
    begins: Begins<'a>,
    /// What lies before, where it is carried.
    carry: Option<Carry>,
    /// The elements of a region before they are added up, and a block's values.
    pub(crate) elements: Scratch,
    values: Scratch,
    rows: ScanRows,
}

/// What lies before each block of running values.
struct Begins<'a> {
    axis: usize,
    machine: Option<Machine<'a>>,
    region: Region,
    values: Scratch,
}

/// What is kept from one row to the next.
struct ScanRows {
    /// The index from which the next row goes on.
    next: Option<SmallVec<[usize; 4]>>,
    elements: Data,
    running: Data,
    /// A row that only the rows below it need.
    unwanted: Data,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(
        making: &'a Making,
        rule: &'static ScanLoop,
        axis: usize,
        before: (Option<Machine<'a>>, Option<Carry>),
        ledger: &Arc<Ledger>,
    ) -> Self {
        let (before, carry) = before;
        let empty = |dtype| Scratch::new(dtype, ledger);
        let begins = Begins { axis, machine: before, region: Region::default(), values: empty(rule.output) };
        let rows = ScanRows {
            next: None,
            elements: Data::with_capacity(rule.input, 0),
            running: Data::with_capacity(rule.output, 0),
            unwanted: Data::with_capacity(rule.output, 0),
        };
        Self { making, rule, axis, begins, carry, elements: empty(rule.input), values: empty(rule.output), rows }
    }

    /// The running values of a region that begins where a block of them does.
    pub(crate) fn run(&mut self, region: &Region, out: &mut Scratch, watch: &Watch<'_>) -> Result<(), RunError> {
        let out = out.room(region.size());
        let (start, len) = (region.start[self.axis], region.len[self.axis]);
        self.begins.read(region, watch)?;
        let outer: usize = region.len[..self.axis].iter().product();
        let inner: usize = region.len[self.axis + 1..].iter().product();
        let one_block = len <= SCAN_LEN;
        if one_block || inner == 1 && start > 0 && len.is_multiple_of(SCAN_LEN) {
            let lens = if one_block { [outer, len, inner] } else { [outer * len / SCAN_LEN, SCAN_LEN, 1] };
            let before = (start > 0 && self.begins.machine.is_some()).then(|| self.begins.values.elements());
            (self.rule.run)(&ScanBlock { data: self.elements.elements(), lens, before }, out);
            return Ok(());
        }
        for number in 0..outer {
            for at in (0..len).step_by(SCAN_LEN) {
                let rows = SCAN_LEN.min(len - at);
                let first = (number * len + at) * inner;
                let data = self.elements.elements().slice(first..first + rows * inner);
                let before = self.begins.of((start + at) / SCAN_LEN, number, inner);
                let values = self.values.room(rows * inner);
                (self.rule.run)(&ScanBlock { data, lens: [1, rows, inner], before }, values);
                copy_run(values.as_ref(), 0, 1, out, first, rows * inner);
            }
        }
        Ok(())
    }
}

impl Scanner<'_> {
    /// A part of a strip, from where the running values are known: from the row after the last, or else from the
    /// beginning of its block.
    pub(crate) fn continued(&self, missing: Region) -> Region {
        let goes_on = self.rows.next.as_ref().is_some_and(|next| *next == missing.start && self.is_strip(&missing));
        if goes_on || missing.len.is_empty_array() { missing } else { self.making.widened(&missing) }
    }

    /// Whether a region is one strip, with rows as long as those done last.
    fn is_strip(&self, region: &Region) -> bool {
        let is_one_slab = (0..self.axis).all(|axis| region.len[axis] == 1);
        is_one_slab && region.len.last().is_some_and(|&width| width == self.rows.running.len())
    }

    /// Says which rows come.
    pub(crate) fn begin(&mut self, missing: &Region) {
        if self.rows.next.take().is_none_or(|next| next != missing.start) {
            self.begins.region = Region::default();
            self.carry.iter_mut().for_each(Carry::begin);
        }
    }

    /// Says which rows are done.
    pub(crate) fn end(&mut self, done: &Region) {
        let is_one_slab = (0..self.axis).all(|axis| done.len[axis] == 1);
        let mut next = done.start.clone();
        next[self.axis] += done.len[self.axis];
        self.rows.next = is_one_slab.then_some(next);
    }

    /// Room for a row's elements.
    pub(crate) fn row_of_elements(&mut self) -> &mut Data {
        &mut self.rows.elements
    }

    /// Adds a row's elements to the running values; `out` gets the row, if it is wanted.
    pub(crate) fn go_on(&mut self, row: &Region, out: Option<&mut Data>, watch: &Watch<'_>) -> Result<(), RunError> {
        let (at, width) = (row.start[self.axis], row.size());
        let is_first = at.is_multiple_of(SCAN_LEN);
        if is_first || self.begins.region.len.is_empty_array() {
            self.begins.read(row, watch)?;
        }
        let ScanRows { elements, running, unwanted, .. } = &mut self.rows;
        let before = match &self.carry {
            Some(carry) => carry.before(at),
            None => self.begins.of(at / SCAN_LEN, 0, width),
        };
        let next = ScanRow { data: elements.as_ref(), is_first, before };
        (self.rule.row)(&next, running, out.unwrap_or(unwanted));
        self.carry.iter_mut().for_each(|carry| carry.add(elements, at));
        Ok(())
    }
}

impl Begins<'_> {
    /// Reads what lies before each block of a region but the first of all.
    fn read(&mut self, region: &Region, watch: &Watch<'_>) -> Result<(), RunError> {
        let Some(before) = &mut self.machine else { return Ok(()) };
        let first = (region.start[self.axis] / SCAN_LEN).max(1);
        let end = (region.start[self.axis] + region.len[self.axis]).div_ceil(SCAN_LEN).max(first);
        let mut wanted = region.clone();
        wanted.start[self.axis] = first - 1;
        wanted.len = region.len.with(self.axis, end - first);
        if end > first {
            fill(before, None, &wanted, &[], &mut self.values, watch)?;
        }
        self.region = wanted;
        Ok(())
    }

    /// What lies before a block, for one index of the axes before.
    fn of(&self, block: usize, number: usize, inner: usize) -> Option<DataRef<'_>> {
        if block == 0 || self.machine.is_none() {
            return None;
        }
        let (start, len) = (self.region.start[self.axis], self.region.len[self.axis]);
        let first = (number * len + block - 1 - start) * inner;
        Some(self.values.elements().slice(first..first + inner))
    }
}

pub(crate) fn scan_loop(op: &'static Op, loop_index: usize) -> &'static ScanLoop {
    match &op.class {
        Class::Scan(scan) => &scan.loops[loop_index],
        _ => unreachable!("running values are those of a cumulative operation"),
    }
}
