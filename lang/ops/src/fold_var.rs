//! Variances: a cell gives count, mean and sum of squared distances; two are joined by Chan's formula.

use crate::cast::Cast;
use crate::data::{Data, Element};
use crate::dtype::DType;
use crate::fold::{SIDE, fold_row, side};
use crate::loops::{OPERAND, fast};
use crate::math::Lane;
use crate::op::{Cell, FoldFacts, FoldLoop, Layout, Within};
use crate::scalar::Scalar;
use crate::trace::{FoldTrace, Pass, Start, Trace, Var, converted, wide};
use crate::vectors::Arch;
use pulp::{Simd, WithSimd};

const COLUMNS: &str = "a variance has three columns of state";
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
        gist: None,
        within: Some(Within::Sum(take_with_sums::<I>)),
        take: take::<I>,
        combine,
        identity: |kept, state| state.iter_mut().for_each(|column| *column = Data::F64(vec![0.0; kept])),
        trace: Some(&TRACE),
        finish: finish::<O, ROOT>,
    }
}

const ZERO: Start = Start::Value(|| Scalar::Float(0.0));
const ADD: Trace = |x| wide(x, |[a, b]| a + b);
static TRACE: FoldTrace = FoldTrace {
    passes: &[
        Pass { start: ZERO, load: |x| converted(x[0], DType::F64), join: ADD },
        Pass { start: ZERO, load: |x| apart(&[converted(x[0], DType::F64), x[2], x[3]]), join: ADD },
    ],
    columns: &[|x| x[0], |x| wide(x, |[count, sum]| sum / count), |x| x[2]],
    combine: &[
        |x| wide(x, |[a, b, c, d, e, f]| joined([a, b, c], [d, e, f])[0]),
        |x| wide(x, |[a, b, c, d, e, f]| joined([a, b, c], [d, e, f])[1]),
        |x| wide(x, |[a, b, c, d, e, f]| joined([a, b, c], [d, e, f])[2]),
    ],
};

/// The squared distance of an element from the mean, from the element, the count and the sum.
fn apart(x: &[Var]) -> Var {
    wide(x, |[x, count, sum]| square(x - sum / count))
}

fn columns(state: &mut [Data]) -> [&mut Vec<f64>; 3] {
    let [count, mean, m2] = state else { unreachable!("{COLUMNS}") };
    [count, mean, m2].map(|column| f64::of_mut(column).expect(OPERAND))
}

fn take<I: Element + Cast<f64>>(cell: &Cell<'_>, state: &mut [Data]) {
    moments::<I>(cell, state, None);
}

fn take_with_sums<I: Element + Cast<f64>>(cell: &Cell<'_>, state: &mut [Data], sums: &mut [Data]) {
    moments::<I>(cell, state, Some(cell.part(&mut sums[0])));
}

fn moments<I: Element + Cast<f64>>(cell: &Cell<'_>, state: &mut [Data], sums: Option<&mut [f64]>) {
    let x = I::of(cell.data).expect(OPERAND);
    let [count, mean, m2] = state else { unreachable!("{COLUMNS}") };
    let [count, mean, m2] = [count, mean, m2].map(|column| cell.part::<f64>(column));
    count.fill(cell.reduced as f64);
    let (reduced, apart) = (cell.reduced, cell.row);
    match cell.layout {
        _ if reduced == 0 => {
            [mean, m2].into_iter().chain(sums).for_each(|column| column.fill(0.0));
        }
        Layout::Rows => Arch::new().dispatch(Rows { x, mean, m2, sums, reduced }),
        Layout::Columns => Arch::new().dispatch(Columns { x, mean, m2, sums, reduced, apart }),
    }
}

struct Rows<'a, I> {
    x: &'a [I],
    mean: &'a mut [f64],
    m2: &'a mut [f64],
    /// Where sums are wanted too.
    sums: Option<&'a mut [f64]>,
    reduced: usize,
}

struct Columns<'a, I> {
    x: &'a [I],
    mean: &'a mut [f64],
    m2: &'a mut [f64],
    /// Where sums are wanted too.
    sums: Option<&'a mut [f64]>,
    reduced: usize,
    /// Elements from one row to the next.
    apart: usize,
}

impl<I: Element + Cast<f64>> WithSimd for Rows<'_, I> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let add = |a: f64, b: f64| a + b;
        let Rows { x, mean, m2, mut sums, reduced } = self;
        for (((row, mean), m2), number) in x.chunks_exact(reduced).zip(mean).zip(m2).zip(0..) {
            let sum = fold_row(row, 0.0, I::cast, add);
            let center = sum / reduced as f64;
            *mean = center;
            *m2 = fold_row(row, 0.0, |x| square(x.cast() - center), add);
            if let Some(sums) = &mut sums {
                sums[number] = sum;
            }
        }
    }
}

impl<I: Element + Cast<f64>> WithSimd for Columns<'_, I> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Columns { x, mean, m2, mut sums, reduced, apart } = self;
        let (apart, count) = (apart.max(1), reduced as f64);
        let ((means, mean), (m2s, m2)) = (mean.as_chunks_mut::<SIDE>(), m2.as_chunks_mut::<SIDE>());
        let behind = means.len() * SIDE;
        for ((center, distance), first) in means.iter_mut().zip(m2s).zip((0..).step_by(SIDE)) {
            let sum;
            [sum, *center, *distance] = side_moments(x, apart, first, count);
            if let Some(sums) = &mut sums {
                sums[first..first + SIDE].copy_from_slice(&sum);
            }
        }
        mean.fill(0.0);
        m2.fill(0.0);
        for row in x.chunks(apart) {
            mean.iter_mut().zip(&row[behind..]).for_each(|(sum, &x)| *sum += x.cast());
        }
        if let Some(sums) = sums {
            sums[behind..].copy_from_slice(mean);
        }
        mean.iter_mut().for_each(|sum| *sum /= count);
        for row in x.chunks(apart) {
            m2.iter_mut().zip(&*mean).zip(&row[behind..]).for_each(|((m2, mean), &x)| *m2 += square(x.cast() - mean));
        }
    }
}

/// Sums, means and sums of squared distances of columns side by side.
#[inline(always)]
fn side_moments<I: Element + Cast<f64>>(x: &[I], apart: usize, first: usize, count: f64) -> [[f64; SIDE]; 3] {
    let (mut sum, mut m2) = ([0.0; SIDE], [0.0; SIDE]);
    for row in x.chunks(apart) {
        let row = side(row, first);
        for j in 0..SIDE {
            sum[j] += row[j].cast();
        }
    }
    let mut mean = sum;
    for center in &mut mean {
        *center /= count;
    }
    for row in x.chunks(apart) {
        let row = side(row, first);
        for j in 0..SIDE {
            m2[j] += square(row[j].cast() - mean[j]);
        }
    }
    [sum, mean, m2]
}

#[inline(always)]
fn square<L: Lane>(x: L) -> L {
    x * x
}

fn combine(left: &mut [Data], right: &[Data]) {
    let [count, mean, m2] = columns(left);
    let [n, m, s] = [0, 1, 2].map(|i| <f64 as Element>::of(right[i].as_ref()).expect(OPERAND));
    let counts = fast::common(count).zip(fast::common(n)).filter(|(a, b)| *a != 0.0 && *b != 0.0);
    match counts {
        Some((a, b)) => {
            count.fill(a + b);
            Arch::new().dispatch(CombineEqual { counts: [a, b], left: [mean, m2], right: [m, s] });
        }
        None => Arch::new().dispatch(Combine { left: [count, mean, m2], right: [n, m, s] }),
    }
}

/// States of equal counts, none of them 0.
struct CombineEqual<'a> {
    counts: [f64; 2],
    left: [&'a mut [f64]; 2],
    right: [&'a [f64]; 2],
}

impl WithSimd for CombineEqual<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let ([a, b], [means, m2s], [m, s]) = (self.counts, self.left, self.right);
        let weight = b / (a + b);
        for (((mean, m2), &m), &s) in means.iter_mut().zip(m2s).zip(m).zip(s) {
            (*mean, *m2) = both([a, *mean, *m2], [weight, m, s]);
        }
    }
}

/// Mean and sum of squared distances of two sides that have elements; the right one's `weight` is its part of all.
#[inline(always)]
fn both<L: Lane>([a, mean, m2]: [L; 3], [weight, m, s]: [L; 3]) -> (L, L) {
    let apart = m - mean;
    (mean + apart * weight, m2 + s + square(apart) * a * weight)
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
fn joined<L: Lane>([a, mean, m2]: [L; 3], [b, m, s]: [L; 3]) -> [L; 3] {
    let total = a + b;
    let (center, apart) = both([a, mean, m2], [b / total, m, s]);
    let (left_alone, right_alone) = (b.eq(L::of(0.0)), a.eq(L::of(0.0)));
    let either = |left: L, both: L, right: L| L::pick(left_alone, left, L::pick(right_alone, right, both));
    [total, either(mean, center, m), either(m2, apart, s)]
}

fn finish<O: Element, const ROOT: bool>(state: &[Data], facts: &FoldFacts, out: &mut Data)
where
    f64: Cast<O>,
{
    let m2 = <f64 as Element>::of(state[2].as_ref()).expect(OPERAND);
    let freedom = (facts.count as f64 - facts.ddof).max(0.0);
    let value = |&s: &f64| if ROOT { (s / freedom).sqrt() } else { s / freedom };
    *out = O::wrap(m2.iter().map(|s| value(s).cast()).collect());
}
