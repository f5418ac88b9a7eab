//! Variances: a cell gives count, mean and sum of squared distances; two are joined by Chan's formula.

use crate::cast::Cast;
use crate::data::{Data, Element};
use crate::dtype::DType;
use crate::fold::{SIDE, fold_row, side};
use crate::loops::OPERAND;
use crate::op::{Cell, FoldFacts, FoldLoop, Layout};
use crate::vectors::Arch;
use pulp::{Simd, WithSimd};

/// How many states are joined side by side.
const BATCH: usize = 16;

/// The loop of a variance, or of its square root.
pub(crate) const fn var_fold<I: Element + Cast<f64>, O: Element, const ROOT: bool>() -> FoldLoop
where
    f64: Cast<O>,
{
    FoldLoop {
        input: I::DTYPE,
        output: O::DTYPE,
        state: &[DType::F64, DType::F64, DType::F64],
        takes_sum: false,
        take: take::<I>,
        combine,
        identity: |kept, state| state.iter_mut().for_each(|column| *column = Data::F64(vec![0.0; kept])),
        finish: finish::<O, ROOT>,
    }
}

fn columns(state: &mut [Data]) -> [&mut Vec<f64>; 3] {
    let [count, mean, m2] = state else { unreachable!("a variance has three columns of state") };
    [count, mean, m2].map(|column| f64::of_mut(column).expect(OPERAND))
}

fn take<I: Element + Cast<f64>>(cell: &Cell<'_>, state: &mut [Data]) {
    let x = I::of(cell.data).expect(OPERAND);
    let [count, mean, m2] = columns(state);
    for (column, value) in [(count, cell.reduced as f64), (&mut *mean, 0.0), (&mut *m2, 0.0)] {
        column.clear();
        column.resize(cell.kept, value);
    }
    match cell.layout {
        _ if cell.reduced == 0 => {}
        Layout::Rows => Arch::new().dispatch(Rows(x, mean, m2, cell.reduced)),
        Layout::Columns => Arch::new().dispatch(Columns(x, mean, m2, cell.reduced)),
    }
}

struct Rows<'a, I>(&'a [I], &'a mut [f64], &'a mut [f64], usize);
struct Columns<'a, I>(&'a [I], &'a mut [f64], &'a mut [f64], usize);

impl<I: Element + Cast<f64>> WithSimd for Rows<'_, I> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let add = |a: f64, b: f64| a + b;
        for ((row, mean), m2) in self.0.chunks_exact(self.3).zip(self.1).zip(self.2) {
            let center = fold_row(row, 0.0, I::cast, add) / self.3 as f64;
            *mean = center;
            *m2 = fold_row(row, 0.0, |x| square(x.cast() - center), add);
        }
    }
}

impl<I: Element + Cast<f64>> WithSimd for Columns<'_, I> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Columns(x, mean, m2, reduced) = self;
        let (kept, count) = (mean.len().max(1), reduced as f64);
        let ((means, mean), (m2s, m2)) = (mean.as_chunks_mut::<SIDE>(), m2.as_chunks_mut::<SIDE>());
        let behind = means.len() * SIDE;
        for ((center, apart), first) in means.iter_mut().zip(m2s).zip((0..).step_by(SIDE)) {
            (*center, *apart) = side_moments(x, kept, first, count);
        }
        for row in x.chunks_exact(kept) {
            mean.iter_mut().zip(&row[behind..]).for_each(|(sum, &x)| *sum += x.cast());
        }
        mean.iter_mut().for_each(|sum| *sum /= count);
        for row in x.chunks_exact(kept) {
            m2.iter_mut().zip(&*mean).zip(&row[behind..]).for_each(|((m2, mean), &x)| *m2 += square(x.cast() - mean));
        }
    }
}

/// Means and sums of squared distances of columns side by side.
#[inline(always)]
fn side_moments<I: Element + Cast<f64>>(x: &[I], kept: usize, first: usize, count: f64) -> ([f64; SIDE], [f64; SIDE]) {
    let (mut mean, mut m2) = ([0.0; SIDE], [0.0; SIDE]);
    for row in x.chunks_exact(kept) {
        let row = side(row, first);
        for j in 0..SIDE {
            mean[j] += row[j].cast();
        }
    }
    for center in &mut mean {
        *center /= count;
    }
    for row in x.chunks_exact(kept) {
        let row = side(row, first);
        for j in 0..SIDE {
            m2[j] += square(row[j].cast() - mean[j]);
        }
    }
    (mean, m2)
}

#[inline(always)]
fn square(x: f64) -> f64 {
    x * x
}

fn combine(left: &mut [Data], right: &[Data]) {
    let [count, mean, m2] = columns(left);
    let [n, m, s] = [0, 1, 2].map(|i| f64::of(right[i].as_ref()).expect(OPERAND));
    Arch::new().dispatch(Combine { left: [count, mean, m2], right: [n, m, s] });
}

struct Combine<'a> {
    left: [&'a mut [f64]; 3],
    right: [&'a [f64]; 3],
}

impl WithSimd for Combine<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let [counts, means, m2s] = self.left.map(|column| column.as_chunks_mut::<BATCH>());
        let [n, m, s] = self.right.map(|column| column.as_chunks::<BATCH>());
        for ((((count, mean), m2), n), (m, s)) in
            counts.0.iter_mut().zip(means.0).zip(m2s.0).zip(n.0).zip(m.0.iter().zip(s.0))
        {
            let (mut a, b) = ([*count, *mean, *m2], [*n, *m, *s]);
            for j in 0..BATCH {
                [a[0][j], a[1][j], a[2][j]] = joined([a[0][j], a[1][j], a[2][j]], [b[0][j], b[1][j], b[2][j]]);
            }
            [*count, *mean, *m2] = a;
        }
        for ((((count, mean), m2), n), (m, s)) in
            counts.1.iter_mut().zip(means.1).zip(m2s.1).zip(n.1).zip(m.1.iter().zip(s.1))
        {
            [*count, *mean, *m2] = joined([*count, *mean, *m2], [*n, *m, *s]);
        }
    }
}

/// Both states as one; a side of no elements leaves the other as it is, to the bit.
#[inline(always)]
fn joined([a, mean, m2]: [f64; 3], [b, m, s]: [f64; 3]) -> [f64; 3] {
    let total = a + b;
    let apart = m - mean;
    let weight = b / total;
    let both = [mean + apart * weight, m2 + s + square(apart) * a * weight];
    let either = |left: f64, both: f64, right: f64| match () {
        () if b == 0.0 => left,
        () if a == 0.0 => right,
        () => both,
    };
    [total, either(mean, both[0], m), either(m2, both[1], s)]
}

fn finish<O: Element, const ROOT: bool>(state: &[Data], facts: &FoldFacts, out: &mut Data)
where
    f64: Cast<O>,
{
    let m2 = f64::of(state[2].as_ref()).expect(OPERAND);
    let freedom = (facts.count as f64 - facts.ddof).max(0.0);
    let value = |&s: &f64| if ROOT { (s / freedom).sqrt() } else { s / freedom };
    *out = O::wrap(m2.iter().map(|s| value(s).cast()).collect());
}
