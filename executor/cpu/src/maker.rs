//! Values that are made for a block at a time: tile by tile into memory that stays in the cache.

use crate::carry::Carry;
use crate::copy::{Walk, copy_box};
use crate::fold::tiles;
use crate::machine::{Inputs, Machine};
use crate::made::{Made, Room, Rows};
use crate::scanner::{Scanner, scan_loop};
use crate::scratch::Scratch;
use crate::watch::Watch;
use cleave_ops::{Region, Shape, copy_run};
use cleave_plan::size::{axis_across, tile_shape};
use cleave_plan::stage::unravel;
use cleave_plan::{Local, Making, RunError};
use smallvec::SmallVec;

/// What makes one local.
pub(crate) struct Maker<'a> {
    machine: Machine<'a>,
    across: Option<usize>,
    scan: Option<Scanner<'a>>,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(local: &'a Local, inputs: &Inputs<'a>) -> Result<Self, RunError> {
        let scan = match &local.making {
            Making::Plain => None,
            Making::Scan { op, loop_index, axis, before } => {
                let before = before.as_ref().map(|b| Machine::nested(b, inputs)).transpose()?;
                let rule = scan_loop(op, *loop_index);
                let carry = local.is_carried().then(|| Carry::new(op, rule, &local.program.space));
                Some(Scanner::new(&local.making, rule, *axis, (before, carry), inputs.ledger))
            }
        };
        let across = axis_across(&local.program.space, &local.program);
        Ok(Self { machine: Machine::nested(&local.program, inputs)?, across, scan })
    }

    /// The region that must be there where one is wanted, and the part of it that is to be made.
    pub(crate) fn settle(&self, wanted: &Region, made: &Made) -> (Region, Region) {
        let missing = made.missing(wanted);
        match &self.scan {
            None => (wanted.clone(), missing),
            Some(scan) if made.will_roll(wanted) => (wanted.clone(), scan.continued(missing)),
            Some(scan) => {
                let all = scan.making.widened(wanted);
                (all.clone(), all)
            }
        }
    }

    /// Makes a region of the local from `earlier` ones.
    pub(crate) fn make(
        &mut self,
        region: &Region,
        earlier: &[Made],
        out: &mut Made,
        watch: &Watch<'_>,
    ) -> Result<(), RunError> {
        let (_, missing) = self.settle(region, out);
        match (&mut self.scan, out.room(region)) {
            (None, Room::Dense(out)) => fill(&mut self.machine, self.across, region, earlier, out, watch)?,
            (_, Room::Rows(_)) if missing.len.is_empty_array() => {}
            (None, Room::Rows(rows)) => {
                let part = Part { whole: region, missing: &missing };
                fill_rows(&mut self.machine, self.across, part, earlier, rows, watch)?;
            }
            (Some(scan), Room::Dense(out)) => {
                fill(&mut self.machine, self.across, region, earlier, &mut scan.elements, watch)?;
                scan.run(region, out, watch)?;
            }
            (Some(scan), Room::Rows(rows)) => {
                let part = Part { whole: region, missing: &missing };
                scan_rows(&mut self.machine, scan, part, earlier, rows, watch)?;
            }
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

/// Runs a program row by row, each row's elements being added to the running values.
fn scan_rows(
    machine: &mut Machine<'_>,
    scan: &mut Scanner<'_>,
    Part { whole, missing }: Part<'_>,
    earlier: &[Made],
    rows: &mut Rows,
    watch: &Watch<'_>,
) -> Result<(), RunError> {
    scan.begin(missing);
    let last = whole.len.ndim() - 1;
    // Blocks of whole rows, since running values go on from one row to the next.
    let high = if machine.has_locals() { machine.blocking().rows } else { missing.len[last - 1] };
    let rows_of = |count: usize| {
        let one = Shape::new((0..=last).map(|axis| if axis == last { missing.len[axis] } else { 1 }));
        one.with(last - 1, count)
    };
    for block in tiles(missing, &rows_of(high)) {
        machine.prepare_patches(&block, watch)?;
        for row in tiles(&block, &rows_of(1)) {
            let elements = scan.row_of_elements();
            for tile in tiles(&row, &even(&row.len, &tile_shape(&row.len, None))) {
                watch.visit(0)?;
                if tile == row {
                    machine.run_into(&tile, earlier, elements)?;
                    continue;
                }
                machine.run(&tile, earlier)?;
                elements.resize(row.len[last]);
                let first = tile.start[last] - row.start[last];
                copy_run(machine.result(earlier), 0, 1, elements, first, tile.len[last]);
            }
            let is_wanted = row.start.iter().zip(&whole.start).all(|(at, start)| at >= start);
            scan.go_on(&row, is_wanted.then(|| rows.row(row_of(whole, &row.start))), watch)?;
        }
    }
    scan.end(missing);
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
pub(crate) fn fill(
    machine: &mut Machine<'_>,
    across: Option<usize>,
    region: &Region,
    earlier: &[Made],
    out: &mut Scratch,
    watch: &Watch<'_>,
) -> Result<(), RunError> {
    let out = out.room(region.size());
    if machine.is_one_step() {
        watch.visit(0)?;
        return machine.run_into(region, earlier, out);
    }
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
