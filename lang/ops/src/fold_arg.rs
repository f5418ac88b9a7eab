//! Positions of the least and greatest element: the first of equals, a nan before all.

use crate::data::{Data, Element};
use crate::dtype::DType;
use crate::fold::{SIDE, fold_row, side};
use crate::loops::OPERAND;
use crate::op::{Cell, FoldFacts, FoldLoop, Gist, Layout, Within};
use crate::scalar::Scalar;
use crate::trace::{FoldTrace, Pass, Ranking, Start, Trace, Var};
use crate::vectors::Arch;
use pulp::{Simd, WithSimd};
use std::ops::{BitAnd, BitOr, Not};

/// An element that has an order, nan included: `false < true` and so on.
pub(crate) trait Ordered: Element + Ranked<Mask = bool> {
    /// The dtypes of value and position.
    const STATE: &'static [DType] = &[Self::DTYPE, DType::I64];
    /// What `best` gives of numbers that are not nan.
    #[inline(always)]
    fn plain<const MAX: bool>(a: Self, b: Self) -> Self {
        let better = if MAX { a.below(b) } else { b.below(a) };
        if better { b } else { a }
    }
}

/// What stands in an order: an element, or a number on a tape.
pub(crate) trait Ranked: Copy {
    /// Whether something holds.
    type Mask: Copy + BitAnd<Output = Self::Mask> + BitOr<Output = Self::Mask> + Not<Output = Self::Mask>;
    fn below(self, other: Self) -> Self::Mask;
    fn at_most(self, other: Self) -> Self::Mask;
    fn equals(self, other: Self) -> Self::Mask;
    fn choose(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// Whether it is no nan.
    #[inline(always)]
    fn is_number(self) -> Self::Mask {
        self.equals(self)
    }
}

macro_rules! ordered {
    ($($t:ty)*) => {$(
        impl Ordered for $t {}
        impl Ranked for $t {
            type Mask = bool;
            #[inline(always)]
            fn below(self, other: Self) -> bool { self < other }
            #[inline(always)]
            fn at_most(self, other: Self) -> bool { self <= other }
            #[inline(always)]
            fn equals(self, other: Self) -> bool { self == other }
            #[inline(always)]
            fn choose(mask: bool, yes: Self, no: Self) -> Self { if mask { yes } else { no } }
        }
    )*};
}

ordered! { bool i8 u8 i16 u16 i32 u32 i64 u64 half::f16 f32 f64 }

/// Whether `a` comes before `b` when the least, or the greatest as `MAX`, is looked for.
#[inline(always)]
fn beats<T: Ranked, const MAX: bool>(a: T, b: T) -> T::Mask {
    let before = if MAX { b.below(a) } else { a.below(b) };
    (!a.is_number() & b.is_number()) | (before & b.is_number())
}

/// Whether neither comes before the other.
#[inline(always)]
fn ties<T: Ranked>(a: T, b: T) -> T::Mask {
    a.equals(b) | (!a.is_number() & !b.is_number())
}

/// The one of two that comes first, either if they tie.
#[inline(always)]
fn best<T: Ranked, const MAX: bool>(a: T, b: T) -> T {
    let holds = if MAX { b.at_most(a) } else { a.at_most(b) };
    T::choose(!a.is_number() | holds, a, b)
}

/// Whether the second of two states, each a value and where it stands, takes the place of the first.
#[inline(always)]
fn replaces<T: Ranked, P: Ranked<Mask = T::Mask>, const MAX: bool>(
    (value, place): (T, P),
    (w, q): (T, P),
    nowhere: P,
) -> T::Mask {
    let better = beats::<T, MAX>(w, value) | (ties(w, value) & q.below(place));
    !q.equals(nowhere) & (place.equals(nowhere) | better)
}

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
        trace: Some(Written::<MAX>::TRACE),
        finish: |state: &[Data], _: &FoldFacts, out: &mut Data| out.clone_from(&state[1]),
    }
}

/// The reduction, written down.
struct Written<const MAX: bool>;

impl<const MAX: bool> Written<MAX> {
    const BEST: Trace = |x| best::<Ranking, MAX>(Ranking(x[0]), Ranking(x[1])).0;
    const TRACE: &'static FoldTrace = &FoldTrace {
        passes: &[
            Pass { start: Start::First, load: |x| x[0], join: Self::BEST },
            Pass { start: Start::Value(|| Scalar::Int(NOWHERE.into())), load: placed, join: lesser },
        ],
        columns: &[|x| x[1], |x| x[2]],
        combine: &[|x| Self::either(x, 0), |x| Self::either(x, 1)],
    };

    fn either(x: &[Var], column: usize) -> Var {
        let [value, place, w, q] = [x[0], x[1], x[2], x[3]].map(Ranking);
        let replaced = replaces::<Ranking, Ranking, MAX>((value, place), (w, q), Ranking::whole(NOWHERE));
        Ranking::choose(replaced, Ranking(x[2 + column]), Ranking(x[column])).0
    }
}

/// The position of an element that ties with the best, which is the fourth operand.
fn placed(x: &[Var]) -> Var {
    let [element, place, best] = [x[0], x[1], x[3]].map(Ranking);
    Ranking::choose(ties(element, best), place, Ranking::whole(NOWHERE)).0
}

fn lesser(x: &[Var]) -> Var {
    let [a, b] = [x[0], x[1]].map(Ranking);
    Ranking::choose(b.below(a), b, a).0
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
                best::<T, MAX>,
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
        place = place.min(if ties(x, best) { position } else { NOWHERE });
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
            let better = replaces::<T, i64, MAX>((*value, *place), (x, position), NOWHERE);
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
            let replaced = replaces::<T, i64, MAX>((*value, *place), (w, q), NOWHERE);
            (*value, *place) = if replaced { (w, q) } else { (*value, *place) };
        }
    }
}
