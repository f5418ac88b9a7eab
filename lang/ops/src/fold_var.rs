//! Variances: a cell gives count, mean and sum of squared distances; two are joined by Chan's formula.

use crate::cast::Cast;
use crate::data::{Data, Element};
use crate::dtype::DType;
use crate::fold::fold_row;
use crate::loops::OPERAND;
use crate::op::{Cell, FoldFacts, FoldLoop, Layout};
use pulp::{Arch, Simd, WithSimd};

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
        let kept = mean.len().max(1);
        for row in x.chunks_exact(kept) {
            mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x.cast());
        }
        mean.iter_mut().for_each(|sum| *sum /= reduced as f64);
        for row in x.chunks_exact(kept) {
            m2.iter_mut().zip(&*mean).zip(row).for_each(|((m2, mean), &x)| *m2 += square(x.cast() - mean));
        }
    }
}

#[inline(always)]
fn square(x: f64) -> f64 {
    x * x
}

fn combine(left: &mut [Data], right: &[Data]) {
    let [count, mean, m2] = columns(left);
    let [n, m, s] = [0, 1, 2].map(|i| f64::of(right[i].as_ref()).expect(OPERAND));
    for i in 0..count.len() {
        let (a, b) = (count[i], n[i]);
        if b == 0.0 {
            continue;
        }
        let total = a + b;
        let apart = m[i] - mean[i];
        let weight = b / total;
        // With nothing on the left the result is the right side to the bit.
        mean[i] = if a == 0.0 { m[i] } else { mean[i] + apart * weight };
        m2[i] = if a == 0.0 { s[i] } else { m2[i] + s[i] + square(apart) * a * weight };
        count[i] = total;
    }
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
