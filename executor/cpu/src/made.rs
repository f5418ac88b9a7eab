//! Where values that were made for a block stand: dense, or row by row so that the next block below keeps the rows
//! that both have in common.

use crate::gather::{gather_part, run_in};
use crate::ledger::{Claim, Ledger};
use crate::machine::register;
use crate::scratch::Scratch;
use cleave_ops::{DType, Data, DataRef, Region, View, copy_run};
use cleave_plan::Local;
use cleave_plan::locals::Blocking;
use cleave_plan::rolling::{beyond, is_wide};
use std::sync::Arc;

/// Part of a local: its elements for a region of its space.
pub(crate) struct Made {
    region: Region,
    stay: Stay,
    in_rows: bool,
    dense: Scratch,
    rows: Rows,
}

/// Whether elements stand in rows, some of which stay for the next block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    /// They are dense, and none stays.
    Never,
    /// Rows stay that are long enough, since blocks go down and are read by shifts alone.
    Wide,
    /// Rows stay however short: what comes next goes on from them.
    Always,
}

impl Stay {
    /// That of a local of a program which is cut into such blocks.
    pub(crate) fn of(blocking: Blocking, local: &Local) -> Self {
        match blocking.rolls {
            false => Stay::Never,
            true if local.is_carried() => Stay::Always,
            true => Stay::Wide,
        }
    }
}

/// Rows of the last axis, each in memory of its own, so that keeping one is no copy.
pub(crate) struct Rows {
    dtype: DType,
    rows: Vec<Data>,
    /// Elements each row has room for.
    most: usize,
    ledger: Arc<Ledger>,
    claim: Option<Claim>,
}

/// What is to be filled of a local.
pub(crate) enum Room<'a> {
    /// All of the region, row-major.
    Dense(&'a mut Scratch),
    /// Rows, the first of which is the region's first.
    Rows(&'a mut Rows),
}

/// Where a run of elements stands: its row, and the first of them in it.
pub(crate) type At = (usize, usize);

impl Made {
    pub(crate) fn new(dtype: DType, stay: Stay, ledger: &Arc<Ledger>) -> Self {
        Self {
            region: Region::default(),
            stay,
            in_rows: false,
            dense: Scratch::new(dtype, ledger),
            rows: Rows { dtype, rows: Vec::new(), most: 0, ledger: Arc::clone(ledger), claim: None },
        }
    }

    /// What others made and count, row-major.
    pub(crate) fn given(region: Region, data: Data, ledger: &Arc<Ledger>) -> Self {
        let made = Self::new(data.dtype(), Stay::Never, ledger);
        Self { region, dense: Scratch::given(data, ledger), ..made }
    }

    /// Whether a region will stand in rows.
    pub(crate) fn will_roll(&self, wanted: &Region) -> bool {
        match self.stay {
            Stay::Never => false,
            Stay::Wide => is_wide(wanted),
            Stay::Always => true,
        }
    }

    /// The part of a region that is not there yet.
    pub(crate) fn missing(&self, wanted: &Region) -> Region {
        if self.in_rows && self.will_roll(wanted) { beyond(&self.region, wanted) } else { wanted.clone() }
    }

    /// Room for a region, in which what it has in common with the one before stays; all else is of no use. Until
    /// `is_made` the region counts as not there.
    pub(crate) fn room(&mut self, wanted: &Region) -> Room<'_> {
        let missing = self.missing(wanted);
        let before = std::mem::take(&mut self.region);
        self.in_rows = self.will_roll(wanted);
        if !self.in_rows {
            self.rows.forget();
            return Room::Dense(&mut self.dense);
        }
        self.dense.forget();
        if missing != *wanted {
            let axis = wanted.len.ndim() - 2;
            self.rows.rows.rotate_left(wanted.start[axis] - before.start[axis]);
        }
        let (width, outer) = wanted.len.split_last().expect("a wide region has axes");
        self.rows.hold(outer.iter().product(), *width);
        Room::Rows(&mut self.rows)
    }

    /// Says that the region given to `room` was filled.
    pub(crate) fn is_made(&mut self, region: &Region) {
        self.region.clone_from(region);
    }

    /// Where the elements of a region stand in their order, if they do.
    pub(crate) fn find(&self, view: &View, region: &Region) -> Option<At> {
        if !self.in_rows {
            return run_in(&self.region, view, region).map(|first| (0, first));
        }
        let (_, outer) = region.len.split_last()?;
        outer.iter().all(|&len| len == 1).then(|| self.at(view, &region.start))
    }

    /// A run of elements.
    pub(crate) fn run(&self, (row, first): At, len: usize) -> DataRef<'_> {
        let all = if self.in_rows { self.rows.rows[row].as_ref() } else { self.dense.elements() };
        all.slice(first..first + len)
    }

    /// Writes the elements of a region, row-major, seen through a view.
    pub(crate) fn gather(&self, view: &View, region: &Region, out: &mut Data) {
        if !self.in_rows {
            return gather_part(self.dense.elements(), &self.region, view, region, out);
        }
        let (&width, outer) = region.len.split_last().expect("what reads rows has axes");
        for number in 0..outer.iter().product() {
            let mut index = cleave_plan::stage::unravel(number, outer);
            index.push(0);
            index.iter_mut().zip(&region.start).for_each(|(i, start)| *i += start);
            let at = self.at(view, &index);
            copy_run(self.run(at, width), 0, 1, out, number * width, width);
        }
    }

    fn at(&self, view: &View, index: &[usize]) -> At {
        let inside = |axis: usize| view.source[axis].at(index) as usize - self.region.start[axis];
        let last = view.source.len() - 1;
        ((0..last).fold(0, |row, axis| row * self.region.len[axis] + inside(axis)), inside(last))
    }
}

impl Rows {
    /// The row of that number.
    pub(crate) fn row(&mut self, number: usize) -> &mut Data {
        &mut self.rows[number]
    }

    /// Has that many rows of that width; those that are wide enough stay.
    fn hold(&mut self, count: usize, width: usize) {
        if width > self.most {
            self.forget();
            self.most = width;
        }
        if count > self.rows.len() {
            self.claim = None;
            self.claim = Some(self.ledger.claim((count * self.most * self.dtype.size()) as u64));
            self.rows.resize_with(count, || register(self.dtype, self.most));
        }
        self.rows[..count].iter_mut().filter(|row| row.len() != width).for_each(|row| row.resize(width));
    }

    fn forget(&mut self) {
        self.rows = Vec::new();
        (self.most, self.claim) = (0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_ops::Shape;

    fn region(start: [usize; 2], len: [usize; 2]) -> Region {
        Region { start: start.into_iter().collect(), len: Shape::new(len) }
    }

    fn fill(made: &mut Made, wanted: &Region) -> usize {
        let missing = made.missing(wanted);
        let skipped = missing.start[0] - wanted.start[0];
        match made.room(wanted) {
            Room::Dense(_) => unreachable!("wide regions stand in rows"),
            Room::Rows(rows) => {
                for row in 0..missing.len[0] {
                    let value = (missing.start[0] + row) as f64;
                    *rows.row(skipped + row) = Data::F64(vec![value; wanted.len[1]]);
                }
            }
        }
        made.is_made(wanted);
        missing.len[0]
    }

    #[test]
    fn rows_in_common_are_kept() {
        let ledger = Arc::new(Ledger::new(&Arc::default(), 0));
        let mut made = Made::new(DType::F64, Stay::Wide, &ledger);
        let view = View::identity(&Shape::new([100, 600]));
        let blocks = [((0, 0), 10, 10), ((7, 0), 9, 6), ((7, 0), 9, 0), ((30, 0), 4, 4), ((32, 5), 4, 4)];
        for ((top, left), rows, new) in blocks {
            let wanted = region([top, left], [rows, 590]);
            assert_eq!(fill(&mut made, &wanted), new, "{wanted:?}");
            for row in top..top + rows {
                let at = made.find(&view, &region([row, left + 1], [1, 580])).expect("one row is a run");
                assert_eq!(made.run(at, 580), Data::F64(vec![row as f64; 580]).as_ref());
            }
            let mut out = Data::zeros(DType::F64, 6);
            made.gather(&view, &region([top + 1, left], [2, 3]), &mut out);
            let (a, b) = ((top + 1) as f64, (top + 2) as f64);
            assert_eq!(out, Data::F64(vec![a, a, a, b, b, b]));
        }
        drop(made);
        assert_eq!(ledger.used(), 0);
    }
}
