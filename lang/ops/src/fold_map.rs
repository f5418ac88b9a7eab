//! Sums of what a formula makes of its operands, without writing it down in between.

use crate::cast::Cast;
use crate::data::{Data, DataRef, Element};
use crate::fold::fold_rows;
use crate::lane::Num;
use crate::loops::{OPERAND, operand};
use crate::op::Layout;
use crate::vectors::Arch;
use pulp::{Simd, WithSimd};

/// The matrix to fold, as in [`crate::op::Cell`].
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) kept: usize,
    pub(crate) reduced: usize,
    pub(crate) layout: Layout,
}

/// Adds up in `S` what a formula makes of one operand.
pub(crate) fn unary<A: Element, R: Cast<S>, S: Num + Element>(
    operands: &[DataRef<'_>],
    extent: Extent,
    state: &mut [Data],
    f: impl Fn(A) -> R,
) {
    let x = operand::<A>(operands, 0);
    take(
        x,
        x,
        extent,
        state,
        #[inline(always)]
        |a, _| f(a).cast(),
    );
}

/// Adds up in `S` what a formula makes of two operands.
pub(crate) fn binary<A: Element, R: Cast<S>, S: Num + Element>(
    operands: &[DataRef<'_>],
    extent: Extent,
    state: &mut [Data],
    f: impl Fn(A, A) -> R,
) {
    take(
        operand::<A>(operands, 0),
        operand::<A>(operands, 1),
        extent,
        state,
        #[inline(always)]
        |a, b| f(a, b).cast(),
    );
}

fn take<A: Element, S: Num + Element>(x: &[A], y: &[A], extent: Extent, state: &mut [Data], f: impl Fn(A, A) -> S) {
    let out = S::of_mut(&mut state[0]).expect(OPERAND);
    out.clear();
    out.resize(extent.kept, S::ZERO);
    if extent.kept * extent.reduced > 0 {
        Arch::new().dispatch(Mapped { x, y, extent, out, f });
    }
}

struct Mapped<'a, A, S, F> {
    x: &'a [A],
    y: &'a [A],
    extent: Extent,
    out: &'a mut [S],
    f: F,
}

impl<A: Element, S: Num + Element, F: Fn(A, A) -> S> WithSimd for Mapped<'_, A, S, F> {
    type Output = ();
    #[inline(always)]
    fn with_simd<V: Simd>(self, _simd: V) {
        match self.extent.layout {
            Layout::Rows => self.rows(),
            Layout::Columns => self.columns(),
        }
    }
}

impl<A: Element, S: Num + Element, F: Fn(A, A) -> S> Mapped<'_, A, S, F> {
    #[inline(always)]
    fn rows(self) {
        let reduced = self.extent.reduced;
        let rows = self.x.chunks_exact(reduced).zip(self.y.chunks_exact(reduced));
        for ((x, y), out) in rows.zip(self.out) {
            *out = fold_rows(x, y, S::ZERO, &self.f, S::add);
        }
    }

    #[inline(always)]
    fn columns(self) {
        let kept = self.extent.kept;
        for (x, y) in self.x.chunks_exact(kept).zip(self.y.chunks_exact(kept)) {
            for ((sum, &x), &y) in self.out.iter_mut().zip(x).zip(y) {
                *sum = sum.add((self.f)(x, y));
            }
        }
    }
}
