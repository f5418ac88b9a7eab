//! A panel of an operand: its program tile by tile, laid out for the product.

use super::kernel::{ROWS, Real};
use super::pack::{Place, pack};
use crate::copy::{Walk, copy_box};
use crate::machine::{Inputs, LINE_BYTES, Machine};
use crate::watch::Watch;
use cleave_ops::data::Element;
use cleave_ops::{DType, Data, DataRef, Region, cast, each_dtype};
use cleave_plan::RunError;
use cleave_plan::contract::{Operand, Side, runs, sums_dtype};
use cleave_plan::lattice::TILE_LEN;

/// The most rows or columns of a tile that lie side by side: whole strips of any width.
const ROW_LEN: usize = 240;

/// Which operand it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Left,
    Right,
}

/// One thread's panels of one operand.
pub(crate) struct Panel<'a> {
    operand: &'a Operand,
    machine: Machine<'a>,
    role: Role,
    /// Rows or columns of a strip; `None` where the panel is a row-major matrix.
    width: Option<usize>,
    data: Data,
    /// Where the panel begins in `data`, on a cache line: vectors that cross lines take twice as long to load.
    first: usize,
    widened: Data,
}

impl<'a> Panel<'a> {
    pub(crate) fn new(operand: &'a Operand, role: Role, dtype: DType, inputs: &Inputs<'a>) -> Result<Self, RunError> {
        let sums = sums_dtype(dtype);
        let width = match (sums, role) {
            (DType::F32 | DType::F64, Role::Left) => Some(ROWS),
            (DType::F64, Role::Right) => Some(f64::COLUMNS),
            (DType::F32, Role::Right) => Some(f32::COLUMNS),
            _ => None,
        };
        let machine = Machine::new(&operand.program, inputs)?;
        let (data, widened) = (Data::with_capacity(sums, 0), Data::with_capacity(sums, 0));
        Ok(Self { operand, machine, role, width, data, first: 0, widened })
    }

    /// The panel made last.
    pub(crate) fn data(&self) -> DataRef<'_> {
        self.data.as_ref().slice(self.first..self.data.len())
    }

    /// Makes room for so many elements; what is there is of no use.
    fn fit(&mut self, len: usize) {
        let line = if self.width.is_some() { LINE_BYTES / self.data.dtype().size() } else { 1 };
        self.data.resize(len + line - 1);
        let place = each_dtype!(Data, &self.data, v => v.as_ptr().addr()) / self.data.dtype().size();
        self.first = place.next_multiple_of(line) - place;
        self.data.resize(self.first + len);
    }

    /// Makes the panel of a batch index, for a box of each side.
    pub(crate) fn fill(
        &mut self,
        batch: &[usize],
        free: &Region,
        shared: &Region,
        watch: &Watch<'_>,
    ) -> Result<(), RunError> {
        let (free_len, panel) = (free.size(), shared.size());
        self.fit(free_len.next_multiple_of(self.width.unwrap_or(1)) * panel);
        let [free_most, shared_most] = self.tile_lens(free_len, panel);
        let (frees, shareds) = (placed(free, free_most), placed(shared, shared_most));
        // Tile after tile along the side that lies in memory.
        let [outer, inner] = match self.operand.first {
            Side::Free => [&frees, &shareds],
            Side::Shared => [&shareds, &frees],
        };
        for outer in outer {
            for inner in inner {
                watch.visit(0)?;
                let (free, shared) = if self.operand.first == Side::Free { (outer, inner) } else { (inner, outer) };
                let region = self.operand.region(batch, &free.1, &shared.1);
                self.machine.prepare(&region, watch)?;
                self.machine.tile(&region)?;
                let width = self.width.unwrap_or(1);
                let (free, shared) = ((free.0, free.1.size()), (shared.0, shared.1.size()));
                self.place(&Place { free, shared, panel, width }, free_len);
            }
        }
        Ok(())
    }

    /// The lengths of a tile: whole strips, long where the elements of the operand lie side by side.
    fn tile_lens(&self, free: usize, shared: usize) -> [usize; 2] {
        let width = self.width.unwrap_or(1);
        let whole = |len: usize| (len - len % width).max(width).min(TILE_LEN);
        match self.operand.first {
            Side::Shared => {
                let free = free.clamp(1, whole(ROW_LEN));
                [free, TILE_LEN / free]
            }
            Side::Free => {
                let shared = shared.clamp(1, TILE_LEN / width.max(ROWS));
                [whole(TILE_LEN / shared), shared]
            }
        }
    }

    fn place(&mut self, place: &Place, free_len: usize) {
        let tile = self.machine.register(self.operand.program.results[0]);
        if self.width.is_none() {
            return lay(tile, self.operand.first, self.role, place, free_len, &mut self.data);
        }
        let tile = if tile.dtype() == self.data.dtype() {
            tile
        } else {
            cast(tile, &mut self.widened);
            self.widened.as_ref()
        };
        match &mut self.data {
            Data::F64(panel) => pack(f64::of(tile).expect(SAME), self.operand.first, place, &mut panel[self.first..]),
            Data::F32(panel) => pack(f32::of(tile).expect(SAME), self.operand.first, place, &mut panel[self.first..]),
            _ => unreachable!("only floats are packed into strips"),
        }
    }
}

const SAME: &str = "a tile has the dtype of its panel";

/// The runs of a box with where they begin in it.
fn placed(region: &Region, most: usize) -> Vec<(usize, Region)> {
    let mut at = 0;
    let place = |run: Region| {
        at += run.size();
        (at - run.size(), run)
    };
    runs(region, most).into_iter().map(place).collect()
}

/// Copies a tile into a panel that is a row-major matrix.
fn lay(tile: DataRef<'_>, first: Side, role: Role, place: &Place, free_len: usize, panel: &mut Data) {
    let [free, shared] = match role {
        Role::Left => [place.panel as isize, 1],
        Role::Right => [1, free_len as isize],
    };
    let base = place.free.0 as isize * free + place.shared.0 as isize * shared;
    let (lens, strides) = match first {
        Side::Free => ([place.free.1, place.shared.1], [free, shared]),
        Side::Shared => ([place.shared.1, place.free.1], [shared, free]),
    };
    let from = Walk { base: 0, strides: [lens[1] as isize, 1].into_iter().collect() };
    copy_box(&lens, tile, &from, panel, &Walk { base, strides: strides.into_iter().collect() });
}
