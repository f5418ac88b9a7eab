//! Values made from an index, for one tile.

use cleave_ops::{Data, Fill, FillRows, Region, Row, Shape, View, fill_row, fill_rows};
use smallvec::SmallVec;

/// Fills a tile row by row.
pub(super) fn fill_tile(fill: &Fill, shape: &Shape, view: &View, region: &Region, out: &mut Data) {
    let len = region.size();
    if len == 0 {
        return;
    }
    if let Fill::Const(_) = fill {
        return fill_row(fill, shape, Row { at: &[], axis: None, step: 0 }, out, 0..len);
    }
    let row_axis = row_axis(view, region);
    let n = row_axis.map_or(1, |axis| region.len[axis..].iter().product());
    let along = row_axis.and_then(|axis| view.source.iter().position(|s| s.follows(axis)).zip(Some(axis)));
    let step = along.map_or(0, |(s, axis)| view.source[s].step_on(axis));
    let along = along.map(|(s, _)| s);
    let outer = row_axis.unwrap_or(region.len.ndim());
    let next = (0..outer).rev().find(|&axis| region.len[axis] > 1);
    let rows = next.map_or(1, |axis| region.len[axis]);
    let apart: SmallVec<[i64; 4]> = view.source.iter().map(|s| next.map_or(0, |axis| s.step_on(axis))).collect();
    let mut index = region.start.clone();
    let mut at: SmallVec<[i64; 4]> = SmallVec::from_elem(0, view.source.len());
    for first in (0..len).step_by(n * rows) {
        at.iter_mut().zip(&view.source).for_each(|(at, s)| *at = s.at(&index));
        let rows_of = FillRows { first: Row { at: &at, axis: along, step }, apart: &apart, len: n };
        fill_rows(fill, shape, rows_of, out, first..first + n * rows);
        next_index(&mut index[..next.unwrap_or(0)], region);
    }
}

/// Goes to the next index of a region's first axes, row-major; after the last comes the first.
fn next_index(index: &mut [usize], region: &Region) {
    for axis in (0..index.len()).rev() {
        index[axis] += 1;
        if index[axis] < region.start[axis] + region.len[axis] {
            return;
        }
        index[axis] = region.start[axis];
    }
}

/// The axis of the tile along which a row of it runs: the last of any length, if at most one source axis
/// follows it; rows of one element otherwise.
fn row_axis(view: &View, region: &Region) -> Option<usize> {
    let last = (0..region.len.ndim()).rev().find(|&a| region.len[a] > 1)?;
    let followers = view.source.iter().filter(|s| s.follows(last)).count();
    (followers <= 1).then_some(last)
}
