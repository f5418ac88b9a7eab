//! Positions of the least and greatest element: the first of equals, a nan before all.

use crate::data::{Data, Element};
use crate::dtype::DType;
use crate::fold::{SIDE, fold_row, side};
use crate::loops::OPERAND;
use crate::op::{Cell, FoldFacts, FoldLoop, Gist, Layout, Within};
use crate::vectors::Arch;
use pulp::{Simd, WithSimd};

/// An element that has an order, nan included: `false < true` and so on.
pub(crate) trait Ordered: Element {
    /// The dtypes of value and position.
    const STATE: &'static [DType] = &[Self::DTYPE, DType::I64];
    /// Whether `self` comes before `other` when the least, or the greatest as `MAX`, is looked for.
    fn beats<const MAX: bool>(self, other: Self) -> bool;
    /// Whether neither comes before the other.
    fn ties(self, other: Self) -> bool;
    /// The one of two that comes first, either if they tie.
    fn best<const MAX: bool>(a: Self, b: Self) -> Self;
    /// What `best` gives of numbers that are not nan.
    fn plain<const MAX: bool>(a: Self, b: Self) -> Self;
    /// Whether it is no nan.
    fn is_number(self) -> bool;
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
        #[inline(always)]
        fn best<const MAX: bool>(a: Self, b: Self) -> Self {
            #[allow(clippy::eq_op)]
            let nan = a != a;
            if nan | if MAX { a >= b } else { a <= b } { a } else { b }
        }
        #[inline(always)]
        fn plain<const MAX: bool>(a: Self, b: Self) -> Self {
            let better = if MAX { b > a } else { b < a };
            if better { b } else { a }
        }
        #[inline(always)]
        fn is_number(self) -> bool {
            #[allow(clippy::eq_op)]
            let is_number = self == self;
            is_number
        }
    })*};
}

ordered! { bool i8 u8 i16 u16 i32 u32 i64 u64 half::f16 f32 f64 }

const COLUMNS: &str = "a position has two columns of state";
/// No element yet.
const NOWHERE: i64 = i64::MAX;

/// The loop of `argmin`, or of `argmax` as `MAX`.
pub(crate) const fn arg_fold<T: Ordered, const MAX: bool>() -> FoldLoop {
    FoldLoop {
        input: T::DTYPE,
        output: DType::I64,
        state: T::STATE,
        gist: None,
        within: Some(Within::Column(if MAX { Gist::Greatest } else { Gist::Least })),
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
    let [value, place] = state else { unreachable!("{COLUMNS}") };
    (T::of_mut(value).expect(OPERAND), i64::of_mut(place).expect(OPERAND))
}

fn take<T: Ordered, const MAX: bool>(cell: &Cell<'_>, state: &mut [Data]) {
    let x = T::of(cell.data).expect(OPERAND);
    let [value, place] = state else { unreachable!("{COLUMNS}") };
    let (values, places) = (cell.part::<T>(value), cell.part::<i64>(place));
    match cell.layout {
        _ if cell.reduced == 0 => {
            values.fill(T::default());
            places.fill(NOWHERE);
        }
        Layout::Rows => Arch::new().dispatch(Rows::<T, MAX>(x, cell.positions, values, places)),
        Layout::Columns => {
            Arch::new().dispatch(Columns::<T, MAX> { x, positions: cell.positions, values, places, apart: cell.row });
        }
    }
}

struct Rows<'a, T, const MAX: bool>(&'a [T], &'a [i64], &'a mut [T], &'a mut [i64]);
struct Columns<'a, T, const MAX: bool> {
    x: &'a [T],
    positions: &'a [i64],
    values: &'a mut [T],
    places: &'a mut [i64],
    /// Elements from one row to the next.
    apart: usize,
}

impl<T: Ordered, const MAX: bool> WithSimd for Rows<'_, T, MAX> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for ((row, value), place) in self.0.chunks_exact(self.1.len()).zip(self.2).zip(self.3) {
            *value = fold_row(
                row,
                row[0],
                #[inline(always)]
                |x| x,
                T::best::<MAX>,
            );
            *place = place_of(*value, row, self.1);
        }
    }
}

/// The least of the positions of elements that tie with `best`.
#[inline(always)]
fn place_of<T: Ordered>(best: T, row: &[T], positions: &[i64]) -> i64 {
    let mut place = NOWHERE;
    for (&x, &position) in row.iter().zip(positions) {
        place = place.min(if x.ties(best) { position } else { NOWHERE });
    }
    place
}

impl<T: Ordered, const MAX: bool> WithSimd for Columns<'_, T, MAX> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Columns { x, positions, values, places, apart } = self;
        let apart = apart.max(1);
        let ((value_sides, value_rest), (place_sides, place_rest)) =
            (values.as_chunks_mut::<SIDE>(), places.as_chunks_mut::<SIDE>());
        let behind = value_sides.len() * SIDE;
        for ((values, places), first) in value_sides.iter_mut().zip(place_sides).zip((0..behind).step_by(SIDE)) {
            match first_of_side::<T, MAX>(x, positions, apart, first) {
                Some(found) => (*values, *places) = found,
                None => one_by_one::<T, MAX>(x, positions, (apart, first), (values, places)),
            }
        }
        one_by_one::<T, MAX>(x, positions, (apart, behind), (value_rest, place_rest));
    }
}

/// The best of columns from the first on, row by row.
#[inline(always)]
fn one_by_one<T: Ordered, const MAX: bool>(
    x: &[T],
    positions: &[i64],
    (apart, first): (usize, usize),
    (values, places): (&mut [T], &mut [i64]),
) {
    places.fill(NOWHERE);
    for (row, &position) in x.chunks(apart).zip(positions) {
        for ((value, place), &x) in values.iter_mut().zip(&mut *places).zip(&row[first..]) {
            let better = x.beats::<MAX>(*value) | (x.ties(*value) & (position < *place)) | (*place == NOWHERE);
            *value = if better { x } else { *value };
            *place = if better { position } else { *place };
        }
    }
}

/// The best of columns side by side, and then where each stands first; nothing where there is a nan.
#[inline(always)]
fn first_of_side<T: Ordered, const MAX: bool>(
    x: &[T],
    positions: &[i64],
    apart: usize,
    first: usize,
) -> Option<([T; SIDE], [i64; SIDE])> {
    let mut best = *side(x, first);
    let mut all_numbers = true;
    for row in x.chunks(apart) {
        let row = side(row, first);
        for j in 0..SIDE {
            best[j] = T::plain::<MAX>(best[j], row[j]);
            all_numbers &= row[j].is_number();
        }
    }
    if !all_numbers {
        return None;
    }
    let mut places = [NOWHERE; SIDE];
    for (row, &position) in x.chunks(apart).zip(positions).rev() {
        let row = side(row, first);
        for j in 0..SIDE {
            places[j] = if row[j] == best[j] { position } else { places[j] };
        }
    }
    Some((best, places))
}

fn combine<T: Ordered, const MAX: bool>(left: &mut [Data], right: &[Data]) {
    let (values, places) = columns::<T>(left);
    let others = T::of(right[0].as_ref()).expect(OPERAND);
    let other_places = i64::of(right[1].as_ref()).expect(OPERAND);
    let right = (others, other_places);
    Arch::new().dispatch(Combine::<T, MAX> { left: (values, places), right });
}

struct Combine<'a, T, const MAX: bool> {
    left: (&'a mut [T], &'a mut [i64]),
    right: (&'a [T], &'a [i64]),
}

impl<T: Ordered, const MAX: bool> WithSimd for Combine<'_, T, MAX> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let ((values, places), (others, other_places)) = (self.left, self.right);
        for ((value, place), (&w, &q)) in values.iter_mut().zip(places).zip(others.iter().zip(other_places)) {
            let better = w.beats::<MAX>(*value) | (w.ties(*value) & (q < *place));
            let replaced = (q != NOWHERE) & ((*place == NOWHERE) | better);
            (*value, *place) = if replaced { (w, q) } else { (*value, *place) };
        }
    }
}
