//! Values that are made for a block at a time: tile by tile into memory that stays in the cache.

use crate::copy::{Walk, copy_box};
use crate::fold::tiles;
use crate::ledger::Ledger;
use crate::machine::{Inputs, Machine};
use crate::made::{Made, Room, Rows};
use crate::scratch::Scratch;
use crate::watch::Watch;
use cleave_graph::SCAN_LEN;
use cleave_ops::op::ScanBlock;
use cleave_ops::{Class, DataRef, Op, Region, ScanLoop, Shape, copy_run};
use cleave_plan::size::{axis_across, tile_shape};
use cleave_plan::stage::unravel;
use cleave_plan::{Local, Making, RunError};
use smallvec::SmallVec;
use std::sync::Arc;

/// What makes one local.
pub(crate) struct Maker<'a> {
    machine: Machine<'a>,
    across: Option<usize>,
    scan: Option<Scanner<'a>>,
}

/// What turns elements into running values.
struct Scanner<'a> {
    rule: &'static ScanLoop,
    axis: usize,
    begins: Begins<'a>,
    /// The elements of a region before they are added up, and a block's values.
    elements: Scratch,
    values: Scratch,
}

/// What lies before each block of running values.
struct Begins<'a> {
    axis: usize,
    machine: Option<Machine<'a>>,
    region: Region,
    values: Scratch,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(local: &'a Local, inputs: &Inputs<'a>) -> Result<Self, RunError> {
        let scan = match &local.making {
            Making::Plain => None,
            Making::Scan { op, loop_index, axis, before } => {
                let before = before.as_ref().map(|b| Machine::nested(b, inputs)).transpose()?;
                Some(Scanner::new(scan_loop(op, *loop_index), *axis, before, inputs.ledger))
            }
        };
        let across = axis_across(&local.program.space, &local.program);
        Ok(Self { machine: Machine::nested(&local.program, inputs)?, across, scan })
    }

    /// Makes a region of the local from `earlier` ones.
    pub(crate) fn make(
        &mut self,
        region: &Region,
        earlier: &[Made],
        out: &mut Made,
        watch: &Watch<'_>,
    ) -> Result<(), RunError> {
        let missing = out.missing(region);
        match (&mut self.scan, out.room(region)) {
            (None, Room::Dense(out)) => fill(&mut self.machine, self.across, region, earlier, out, watch)?,
            (None, Room::Rows(_)) if missing.len.is_empty_array() => {}
            (None, Room::Rows(rows)) => {
                let part = Part { whole: region, missing: &missing };
                fill_rows(&mut self.machine, self.across, part, earlier, rows, watch)?;
            }
            (Some(scan), Room::Dense(out)) => {
                fill(&mut self.machine, self.across, region, earlier, &mut scan.elements, watch)?;
                scan.run(region, out, watch)?;
            }
            (Some(_), Room::Rows(_)) => unreachable!("running values are not kept in rows"),
        }
        out.is_made(region);
        Ok(())
    }
}

/// A region, and what is not there yet of it.
struct Part<'a> {
    whole: &'a Region,
    missing: &'a Region,
}

/// Runs a program for the rows of a region that are not there, each written as it is made where it is one tile.
fn fill_rows(
    machine: &mut Machine<'_>,
    across: Option<usize>,
    Part { whole, missing }: Part<'_>,
    earlier: &[Made],
    rows: &mut Rows,
    watch: &Watch<'_>,
) -> Result<(), RunError> {
    let last = whole.len.ndim() - 1;
    for block in blocks(machine, missing) {
        machine.prepare_patches(&block, watch)?;
        for tile in tiles(&block, &even(&block.len, &tile_shape(&block.len, across))) {
            watch.visit(0)?;
            let (width, count) = (tile.len[last], tile.size() / tile.len[last]);
            if count == 1 && width == whole.len[last] {
                machine.run_into(&tile, earlier, rows.row(row_of(whole, &tile.start)))?;
                continue;
            }
            machine.run(&tile, earlier)?;
            for number in 0..count {
                let index = unravel(number, &tile.len[..last]);
                let index: SmallVec<[usize; 4]> = index.iter().zip(&tile.start).map(|(i, start)| i + start).collect();
                let first = tile.start[last] - whole.start[last];
                let row = rows.row(row_of(whole, &index));
                copy_run(machine.result(earlier), number * width, 1, row, first, width);
            }
        }
    }
    Ok(())
}

/// The number of the row of a region that holds an index.
fn row_of(region: &Region, index: &[usize]) -> usize {
    let outer = 0..region.len.ndim() - 1;
    outer.fold(0, |row, axis| row * region.len[axis] + index[axis] - region.start[axis])
}

/// The blocks of a region for each of which what patches read is made.
fn blocks(machine: &Machine<'_>, region: &Region) -> SmallVec<[Region; 1]> {
    if !machine.has_locals() {
        return SmallVec::from_iter([region.clone()]);
    }
    let cut = |lens: &Shape, shape: Shape| even(lens, &shape);
    let blocking = machine.blocking();
    let strips = cut(&region.len, blocking.strip_shape(&region.len));
    let step = cut(&region.len, blocking.block_shape(&region.len));
    let strips: SmallVec<[Region; 1]> = tiles(region, &strips).collect();
    strips.iter().flat_map(|strip| tiles(strip, &step)).collect()
}

/// Runs a program for a region, tile by tile.
fn fill(
    machine: &mut Machine<'_>,
    across: Option<usize>,
    region: &Region,
    earlier: &[Made],
    out: &mut Scratch,
    watch: &Watch<'_>,
) -> Result<(), RunError> {
    let out = out.room(region.size());
    for block in blocks(machine, region) {
        machine.prepare_patches(&block, watch)?;
        for tile in tiles(&block, &even(&block.len, &tile_shape(&block.len, across))) {
            watch.visit(0)?;
            machine.run(&tile, earlier)?;
            let inside: SmallVec<[usize; 4]> = tile.start.iter().zip(&region.start).map(|(a, b)| a - b).collect();
            let to = Walk::inside(&inside, &region.len);
            copy_box(&tile.len, machine.result(earlier), &Walk::whole(&tile.len), out, &to);
        }
    }
    Ok(())
}

/// Sides that cut `lens` into as many parts as `sides` do, but nearly equal ones: what is read beside a block
/// leaves no slivers.
fn even(lens: &Shape, sides: &Shape) -> Shape {
    lens.iter().zip(sides.iter()).map(|(&len, &side)| len.div_ceil((len + side / 2) / side.max(1)).max(1)).collect()
}

impl<'a> Scanner<'a> {
    fn new(rule: &'static ScanLoop, axis: usize, before: Option<Machine<'a>>, ledger: &Arc<Ledger>) -> Self {
        let empty = |dtype| Scratch::new(dtype, ledger);
        let begins = Begins { axis, machine: before, region: Region::default(), values: empty(rule.output) };
        Self { rule, axis, begins, elements: empty(rule.input), values: empty(rule.output) }
    }

    /// The running values of a region that begins where a block of them does.
    fn run(&mut self, region: &Region, out: &mut Scratch, watch: &Watch<'_>) -> Result<(), RunError> {
        let out = out.room(region.size());
        let (start, len) = (region.start[self.axis], region.len[self.axis]);
        self.begins.read(region, watch)?;
        let outer: usize = region.len[..self.axis].iter().product();
        let inner: usize = region.len[self.axis + 1..].iter().product();
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

fn scan_loop(op: &'static Op, loop_index: usize) -> &'static ScanLoop {
    match &op.class {
        Class::Scan(scan) => &scan.loops[loop_index],
        _ => unreachable!("running values are those of a cumulative operation"),
    }
}
