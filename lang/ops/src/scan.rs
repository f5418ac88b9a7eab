//! Running values: what each element of a block is together with all before it.
//!
//! Along the axis the order is that of the index. Elements side by side are independent, so the loops take many
//! of them at once: a row of the axes behind, or one element of several rows.

use crate::data::{Data, Element};
use crate::fold::Reduce;
use crate::loops::OPERAND;
use crate::op::{ScanBlock, ScanLoop, ScanRow};
use crate::trace::ScanTrace;
use crate::vectors::Arch;
use pulp::{Simd, WithSimd};

/// So many rows are walked side by side; only speed depends on it.
const ROWS: usize = 8;

/// The loop of a reduction's running values.
pub(crate) const fn running<R: Reduce>() -> ScanLoop {
    let trace = ScanTrace { load: R::LOAD, join: R::JOIN };
    ScanLoop { input: R::In::DTYPE, output: R::State::DTYPE, run: run::<R>, row: row::<R>, trace }
}

fn run<R: Reduce>(block: &ScanBlock<'_>, out: &mut Data) {
    let [outer, len, inner] = block.lens;
    out.resize(outer * len * inner);
    let x = R::In::of(block.data).expect(OPERAND);
    let y = R::State::of_mut(out).expect(OPERAND);
    if len == 0 || y.is_empty() {
        return;
    }
    Arch::new().dispatch(Walk::<R> { x, y, len, inner });
    if let Some(before) = block.before {
        let before = R::State::of(before).expect(OPERAND);
        Arch::new().dispatch(After::<R> { before, y, len, inner });
    }
}

fn row<R: Reduce>(row: &ScanRow<'_>, running: &mut Data, out: &mut Data) {
    running.resize(row.data.len());
    out.resize(row.data.len());
    let x = R::In::of(row.data).expect(OPERAND);
    let last = R::State::of_mut(running).expect(OPERAND);
    let y = R::State::of_mut(out).expect(OPERAND);
    let before = row.before.map(|before| R::State::of(before).expect(OPERAND));
    Arch::new().dispatch(Next::<R> { x, last, before, y, is_first: row.is_first });
}

struct Next<'a, R: Reduce> {
    x: &'a [R::In],
    last: &'a mut [R::State],
    before: Option<&'a [R::State]>,
    y: &'a mut [R::State],
    is_first: bool,
}

impl<R: Reduce> WithSimd for Next<'_, R> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Next { x, last, before, y, is_first } = self;
        let rows = last.iter_mut().zip(y).zip(x);
        match (is_first, before) {
            (true, None) => rows.for_each(|((last, y), &x)| (*last, *y) = (R::load(x), R::load(x))),
            (false, None) => rows.for_each(|((last, y), &x)| {
                *last = R::join(*last, R::load(x));
                *y = *last;
            }),
            (true, Some(before)) => rows.zip(before).for_each(|(((last, y), &x), &before)| {
                *last = R::load(x);
                *y = R::join(before, *last);
            }),
            (false, Some(before)) => rows.zip(before).for_each(|(((last, y), &x), &before)| {
                *last = R::join(*last, R::load(x));
                *y = R::join(before, *last);
            }),
        }
    }
}

struct Walk<'a, R: Reduce> {
    x: &'a [R::In],
    y: &'a mut [R::State],
    len: usize,
    inner: usize,
}

impl<R: Reduce> WithSimd for Walk<'_, R> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Walk { x, y, len, inner } = self;
        if inner > 1 {
            let slabs = x.chunks_exact(len * inner).zip(y.chunks_exact_mut(len * inner));
            return slabs.for_each(|(x, y)| walk_slab::<R>(x, y, inner));
        }
        let (many_x, rest_x) = x.split_at(x.len() / (ROWS * len) * (ROWS * len));
        let (many_y, rest_y) = y.split_at_mut(many_x.len());
        let groups = many_x.chunks_exact(ROWS * len).zip(many_y.chunks_exact_mut(ROWS * len));
        groups.for_each(|(x, y)| walk_rows::<R, ROWS>(x, y, len));
        let rows = rest_x.chunks_exact(len).zip(rest_y.chunks_exact_mut(len));
        rows.for_each(|(x, y)| walk_rows::<R, 1>(x, y, len));
    }
}

/// Each row of `inner` elements is joined to the one before it.
#[inline(always)]
fn walk_slab<R: Reduce>(x: &[R::In], y: &mut [R::State], inner: usize) {
    let (first, mut rest) = y.split_at_mut(inner);
    first.iter_mut().zip(x).for_each(|(y, &x)| *y = R::load(x));
    let mut last = first;
    for x in x.chunks_exact(inner).skip(1) {
        let (row, behind) = rest.split_at_mut(inner);
        for ((y, &before), &x) in row.iter_mut().zip(last.iter()).zip(x) {
            *y = R::join(before, R::load(x));
        }
        (last, rest) = (row, behind);
    }
}

/// `N` rows of `len` elements, one step on each at a time.
#[inline(always)]
fn walk_rows<R: Reduce, const N: usize>(x: &[R::In], y: &mut [R::State], len: usize) {
    let mut states: [R::State; N] = std::array::from_fn(|row| R::load(x[row * len]));
    for at in 0..len {
        for (row, state) in states.iter_mut().enumerate() {
            if at > 0 {
                *state = R::join(*state, R::load(x[row * len + at]));
            }
            y[row * len + at] = *state;
        }
    }
}

struct After<'a, R: Reduce> {
    before: &'a [R::State],
    y: &'a mut [R::State],
    len: usize,
    inner: usize,
}

impl<R: Reduce> WithSimd for After<'_, R> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let After { before, y, len, inner } = self;
        for (before, slab) in before.chunks_exact(inner).zip(y.chunks_exact_mut(len * inner)) {
            if let [before] = *before {
                slab.iter_mut().for_each(|y| *y = R::join(before, *y));
                continue;
            }
            for row in slab.chunks_exact_mut(inner) {
                row.iter_mut().zip(before).for_each(|(y, &before)| *y = R::join(before, *y));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataRef;
    use crate::fold::{Max, Sum};

    fn expected(x: &[f64], [outer, len, inner]: [usize; 3], before: &[f64]) -> Vec<f64> {
        let mut y = x.to_vec();
        for o in 0..outer {
            for i in 0..inner {
                let at = |k: usize| (o * len + k) * inner + i;
                (1..len).for_each(|k| y[at(k)] += y[at(k - 1)]);
                (0..len).for_each(|k| y[at(k)] += before[o * inner + i]);
            }
        }
        y
    }

    #[test]
    fn every_layout_gives_the_running_sums() {
        for lens in [[1, 1, 1], [1, 7, 1], [19, 5, 1], [3, 4, 5], [2, 1, 3], [8, 2, 1], [0, 3, 2], [2, 0, 2]] {
            let size: usize = lens.iter().product();
            let x: Vec<f64> = (0..size).map(|i| (i * 7 % 11) as f64 - 3.0).collect();
            let before: Vec<f64> = (0..lens[0] * lens[2]).map(|i| i as f64 * 100.0).collect();
            let block = ScanBlock { data: DataRef::F64(&x), lens, before: Some(DataRef::F64(&before)) };
            let mut out = Data::F64(vec![0.0; size]);
            (running_sum().run)(&block, &mut out);
            assert_eq!(out, Data::F64(expected(&x, lens, &before)), "{lens:?}");
            if lens[0] == 1 {
                assert_eq!(row_by_row(&x, lens, &before), out, "{lens:?}");
            }
        }
    }

    fn row_by_row(x: &[f64], [_, len, inner]: [usize; 3], before: &[f64]) -> Data {
        let (mut running, mut row, mut all) = (Data::F64(Vec::new()), Data::F64(Vec::new()), Vec::new());
        for at in 0..len {
            let data = DataRef::F64(&x[at * inner..(at + 1) * inner]);
            let next = ScanRow { data, is_first: at == 0, before: Some(DataRef::F64(before)) };
            (running_sum().row)(&next, &mut running, &mut row);
            all.extend((0..inner).map(|i| row.get(i).to_f64()));
        }
        Data::F64(all)
    }

    fn running_sum() -> ScanLoop {
        running::<Sum<f64, f64>>()
    }

    #[test]
    fn nan_stays_once_it_is_met() {
        let x = [1.0, f64::NAN, 3.0];
        let block = ScanBlock { data: DataRef::F64(&x), lens: [1, 3, 1], before: None };
        let mut out = Data::F64(vec![0.0; 3]);
        (running::<Max<f64, f64>>().run)(&block, &mut out);
        let y = [0, 1, 2].map(|i| out.get(i).to_f64());
        assert!(y[0] == 1.0 && y[1].is_nan() && y[2].is_nan());
    }
}
