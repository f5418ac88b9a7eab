//! Positions of the least and greatest element: the first of equals, a nan before all.

use crate::data::{Data, Element};
use crate::dtype::DType;
use crate::fold::fold_row;
use crate::loops::OPERAND;
use crate::op::{Cell, FoldFacts, FoldLoop, Layout};
use pulp::{Arch, Simd, WithSimd};

/// An element that has an order, nan included: `false < true` and so on.
pub(crate) trait Ordered: Element {
    /// The dtypes of value and position.
    const STATE: &'static [DType] = &[Self::DTYPE, DType::I64];
    /// Whether `self` comes before `other` when the least, or the greatest as `MAX`, is looked for.
    fn beats<const MAX: bool>(self, other: Self) -> bool;
    /// Whether neither comes before the other.
    fn ties(self, other: Self) -> bool;
}

macro_rules! ordered {
    ($($t:ty)*) => {$(impl Ordered for $t {
        #[inline(always)]
        fn beats<const MAX: bool>(self, other: Self) -> bool {
            #[allow(clippy::eq_op)]
            let nan = (self != self) & (other == other);
            nan | if MAX { self > other } else { self < other } & (other == other)
        }
        #[inline(always)]
        fn ties(self, other: Self) -> bool {
            #[allow(clippy::eq_op)]
            let both_nan = (self != self) & (other != other);
            (self == other) | both_nan
        }
    })*};
}

ordered! { bool i8 u8 i16 u16 i32 u32 i64 u64 half::f16 f32 f64 }

/// No element yet.
const NOWHERE: i64 = i64::MAX;

/// The loop of `argmin`, or of `argmax` as `MAX`.
pub(crate) const fn arg_fold<T: Ordered, const MAX: bool>() -> FoldLoop {
    FoldLoop {
        input: T::DTYPE,
        output: DType::I64,
        state: T::STATE,
        takes_sum: false,
        take: take::<T, MAX>,
        combine: combine::<T, MAX>,
        identity: |kept, state| {
            state[0] = T::wrap(vec![T::default(); kept]);
            state[1] = Data::I64(vec![NOWHERE; kept]);
        },
        finish: |state: &[Data], _: &FoldFacts, out: &mut Data| out.clone_from(&state[1]),
    }
}

fn columns<T: Ordered>(state: &mut [Data]) -> (&mut Vec<T>, &mut Vec<i64>) {
    let [value, place] = state else { unreachable!("a position has two columns of state") };
    (T::of_mut(value).expect(OPERAND), i64::of_mut(place).expect(OPERAND))
}

fn take<T: Ordered, const MAX: bool>(cell: &Cell<'_>, state: &mut [Data]) {
    let x = T::of(cell.data).expect(OPERAND);
    let (values, places) = columns::<T>(state);
    values.clear();
    values.resize(cell.kept, T::default());
    places.clear();
    places.resize(cell.kept, NOWHERE);
    match cell.layout {
        _ if cell.reduced == 0 => {}
        Layout::Rows => Arch::new().dispatch(Rows::<T, MAX>(x, cell.positions, values, places)),
        Layout::Columns => take_columns::<T, MAX>(x, cell.positions, values, places),
    }
}

struct Rows<'a, T, const MAX: bool>(&'a [T], &'a [i64], &'a mut [T], &'a mut [i64]);

impl<T: Ordered, const MAX: bool> WithSimd for Rows<'_, T, MAX> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let better = |a: T, b: T| if b.beats::<MAX>(a) { b } else { a };
        for ((row, value), place) in self.0.chunks_exact(self.1.len()).zip(self.2).zip(self.3) {
            let best = fold_row(row, row[0], |x| x, better);
            *value = best;
            let at = |(&x, &p): (&T, &i64)| if x.ties(best) { p } else { NOWHERE };
            *place = row.iter().zip(self.1).map(at).fold(NOWHERE, i64::min);
        }
    }
}

fn take_columns<T: Ordered, const MAX: bool>(x: &[T], positions: &[i64], values: &mut [T], places: &mut [i64]) {
    for (row, &position) in x.chunks_exact(values.len().max(1)).zip(positions) {
        for ((value, place), &x) in values.iter_mut().zip(&mut *places).zip(row) {
            (*value, *place) = first::<T, MAX>((*value, *place), (x, position));
        }
    }
}

fn combine<T: Ordered, const MAX: bool>(left: &mut [Data], right: &[Data]) {
    let (values, places) = columns::<T>(left);
    let others = T::of(right[0].as_ref()).expect(OPERAND);
    let other_places = i64::of(right[1].as_ref()).expect(OPERAND);
    let states = values.iter_mut().zip(places).zip(others.iter().zip(other_places));
    states.for_each(|((v, p), (&w, &q))| (*v, *p) = first::<T, MAX>((*v, *p), (w, q)));
}

#[inline(always)]
fn first<T: Ordered, const MAX: bool>(a: (T, i64), b: (T, i64)) -> (T, i64) {
    let empty = a.1 == NOWHERE;
    let better = b.0.beats::<MAX>(a.0) | (b.0.ties(a.0) & (b.1 < a.1));
    if b.1 != NOWHERE && (empty | better) { b } else { a }
}
