//! Reductions: what a cell of the lattice gives, and how two are joined.
//!
//! A row is folded by [`LANES`] virtual lanes, element `i` going to lane `i % LANES`; the lanes are then joined
//! by halves. So the order of work depends on the row's length alone, never on the machine's vectors.

use crate::cast::Cast;
use crate::data::{Data, Element};
use crate::dtype::DType;
use crate::lane::Num;
use crate::loops::{OPERAND, fast};
use crate::op::{Cell, FoldFacts, FoldLoop, Gist, Layout};
use crate::trace::{Answer, Binary, FoldTrace, Number, Pass, Start, Trace, argument, binary, converted};
use crate::vectors::Arch;
use half::f16;
use pulp::{Simd, WithSimd};
use std::marker::PhantomData;

/// How many virtual lanes fold a row.
pub const LANES: usize = 32;
/// How many columns are folded side by side, so that their states stay in the processor's registers.
pub(crate) const SIDE: usize = 32;
/// So many chunks of lanes are taken without a branch between them; only speed depends on it.
const BLOCK: usize = 8;

/// A reduction whose state is one value.
pub(crate) trait Reduce: 'static {
    /// The element it reads.
    type In: Element;
    /// Its state.
    type State: Element;
    /// What it is for others.
    const GIST: Option<Gist> = None;
    /// The dtypes of its state.
    const STATE: &'static [DType] = &[Self::State::DTYPE];
    /// The state of no elements.
    const START: Self::State;
    /// The state of one element.
    fn load(x: Self::In) -> Self::State;
    /// The state of both, `a` first.
    fn join(a: Self::State, b: Self::State) -> Self::State;
    /// `load`, written down.
    const LOAD: Trace = |x| converted(x[0], Self::State::DTYPE);
    /// `join`, written down.
    const JOIN: Trace;
    /// All of it, written down.
    const TRACE: &'static FoldTrace = &FoldTrace {
        passes: &[Pass { start: Start::Value(|| Self::START.to_scalar()), load: Self::LOAD, join: Self::JOIN }],
        columns: &[|x| x[1]],
        combine: &[Self::JOIN],
    };
    /// What `join` gives where no element [is odd](Self::is_odd), at less cost.
    #[inline(always)]
    fn plain(a: Self::State, b: Self::State) -> Self::State {
        Self::join(a, b)
    }
    /// Whether an element needs all of `join`.
    #[inline(always)]
    fn is_odd(_: Self::In) -> bool {
        false
    }
}

/// The loop of a reduction whose state is its result.
pub(crate) const fn plain_fold<R: Reduce>() -> FoldLoop {
    FoldLoop {
        input: R::In::DTYPE,
        output: R::State::DTYPE,
        state: R::STATE,
        gist: R::GIST,
        within: None,
        take: take::<R>,
        combine: combine::<R>,
        identity: identity::<R>,
        trace: Some(R::TRACE),
        finish: |state, _, out| out.clone_from(&state[0]),
    }
}

/// The loop of a mean: a sum, divided at the end.
pub(crate) const fn mean_fold<R: Reduce, O: Element>() -> FoldLoop
where
    R::State: Cast<f64>,
    f64: Cast<O>,
{
    FoldLoop { output: O::DTYPE, finish: divide::<R::State, O>, ..plain_fold::<R>() }
}

fn divide<S: Element + Cast<f64>, O: Element>(state: &[Data], facts: &FoldFacts, out: &mut Data)
where
    f64: Cast<O>,
{
    let sums = S::of(state[0].as_ref()).expect(OPERAND);
    let means = sums.iter().map(|&s| (s.cast() / facts.count as f64).cast());
    *out = O::wrap(means.collect());
}

fn take<R: Reduce>(cell: &Cell<'_>, state: &mut [Data]) {
    let x = R::In::of(cell.data).expect(OPERAND);
    let out: &mut [R::State] = cell.part(&mut state[0]);
    match cell.layout {
        _ if cell.reduced == 0 => out.fill(R::START),
        Layout::Rows => Arch::new().dispatch(Rows::<R>(x, out, cell.reduced)),
        Layout::Columns => {
            let plain = fast::all(
                x,
                #[inline(always)]
                |x| !R::is_odd(x),
            );
            match plain {
                true => Arch::new().dispatch(Columns::<R, true>(x, out, cell.row)),
                false => Arch::new().dispatch(Columns::<R, false>(x, out, cell.row)),
            }
        }
    }
}

struct Rows<'a, R: Reduce>(&'a [R::In], &'a mut [R::State], usize);
struct Columns<'a, R: Reduce, const PLAIN: bool>(&'a [R::In], &'a mut [R::State], usize);

impl<R: Reduce> WithSimd for Rows<'_, R> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (row, out) in self.0.chunks_exact(self.2).zip(self.1) {
            *out = fold_row(row, R::START, R::load, R::join);
        }
    }
}

impl<R: Reduce, const PLAIN: bool> WithSimd for Columns<'_, R, PLAIN> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Columns(x, out, apart) = self;
        let (sides, rest) = out.as_chunks_mut::<SIDE>();
        let behind = sides.len() * SIDE;
        for (states, first) in sides.iter_mut().zip((0..).step_by(SIDE)) {
            let mut all = [R::START; SIDE];
            for row in x.chunks(apart.max(1)) {
                let row = side(row, first);
                for j in 0..SIDE {
                    let next = R::load(row[j]);
                    all[j] = if PLAIN { R::plain(all[j], next) } else { R::join(all[j], next) };
                }
            }
            *states = all;
        }
        rest.fill(R::START);
        for row in x.chunks(apart.max(1)) {
            for (state, &x) in rest.iter_mut().zip(&row[behind..]) {
                *state = R::join(*state, R::load(x));
            }
        }
    }
}

/// The columns of a row that are folded side by side, from the first on.
#[inline(always)]
pub(crate) fn side<T>(row: &[T], first: usize) -> &[T; SIDE] {
    row[first..].first_chunk().expect("a side lies within a row")
}

/// Folds a row in the fixed order of virtual lanes.
#[inline(always)]
pub(crate) fn fold_row<I: Copy, A: Element>(row: &[I], start: A, load: impl Fn(I) -> A, join: impl Fn(A, A) -> A) -> A {
    fold_rows(
        row,
        row,
        start,
        #[inline(always)]
        |x, _| load(x),
        join,
    )
}

/// Folds what `load` makes of two rows of equal length, in that order too.
#[inline(always)]
pub(crate) fn fold_rows<I: Copy, J: Copy, A: Element>(
    x: &[I],
    y: &[J],
    start: A,
    load: impl Fn(I, J) -> A,
    join: impl Fn(A, A) -> A,
) -> A {
    if in_any_order::<A>() || x.len() < LANES {
        let mut all = start;
        for (&x, &y) in x.iter().zip(y) {
            all = join(all, load(x, y));
        }
        return all;
    }
    let mut lanes = [start; LANES];
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    let ((x, x_left), (y, y_left)) = (x.as_chunks::<BLOCK>(), y.as_chunks::<BLOCK>());
    for (x, y) in x.iter().zip(y) {
        for (x, y) in x.iter().zip(y) {
            take_in(&mut lanes, x, y, &load, &join);
        }
    }
    for (x, y) in x_left.iter().zip(y_left) {
        take_in(&mut lanes, x, y, &load, &join);
    }
    for ((lane, &x), &y) in lanes.iter_mut().zip(x_rest).zip(y_rest) {
        *lane = join(*lane, load(x, y));
    }
    join_lanes(lanes, join)
}

/// Whether a state is the same in whatever order elements come, so that the compiler may choose.
#[inline(always)]
const fn in_any_order<A: Element>() -> bool {
    !matches!(A::DTYPE, DType::F16 | DType::F32 | DType::F64)
}

#[inline(always)]
fn take_in<I: Copy, J: Copy, A: Copy>(
    lanes: &mut [A; LANES],
    x: &[I; LANES],
    y: &[J; LANES],
    load: &impl Fn(I, J) -> A,
    join: &impl Fn(A, A) -> A,
) {
    for j in 0..LANES {
        lanes[j] = join(lanes[j], load(x[j], y[j]));
    }
}

#[inline(always)]
fn join_lanes<A: Copy>(mut lanes: [A; LANES], join: impl Fn(A, A) -> A) -> A {
    let mut half = LANES / 2;
    while half > 0 {
        for j in 0..half {
            lanes[j] = join(lanes[j], lanes[j + half]);
        }
        half /= 2;
    }
    lanes[0]
}

fn combine<R: Reduce>(left: &mut [Data], right: &[Data]) {
    let a = R::State::of_mut(&mut left[0]).expect(OPERAND);
    let b = R::State::of(right[0].as_ref()).expect(OPERAND);
    Arch::new().dispatch(Combine::<R>(a, b));
}

struct Combine<'a, R: Reduce>(&'a mut [R::State], &'a [R::State]);

impl<R: Reduce> WithSimd for Combine<'_, R> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (a, &b) in self.0.iter_mut().zip(self.1) {
            *a = R::join(*a, b);
        }
    }
}

fn identity<R: Reduce>(kept: usize, state: &mut [Data]) {
    state[0] = R::State::wrap(vec![R::START; kept]);
}

macro_rules! reductions {
    ($($(#[$doc:meta])* $name:ident<$i:ident, $a:ident: $bound:path> $gist:expr, $start:expr, $x:ident => $load:expr, $join:expr $(, $plain:expr)?;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name<$i, $a>(PhantomData<($i, $a)>);
        impl<$i: Element + Cast<$a>, $a: $bound + Element> Reduce for $name<$i, $a> {
            type In = $i;
            type State = $a;
            const GIST: Option<Gist> = $gist;
            const START: $a = $start;
            #[inline(always)]
            fn load($x: $i) -> $a { $load }
            #[inline(always)]
            fn join(a: $a, b: $a) -> $a { $join(a, b) }
            const JOIN: Trace = |x| Answer::var($join(argument::<Number>(x, 0), argument::<Number>(x, 1)));
            $(
                #[inline(always)]
                fn plain(a: $a, b: $a) -> $a { $plain(a, b) }
                #[inline(always)]
                fn is_odd($x: $i) -> bool { $load.is_nan() }
            )?
        }
    )*};
}

reductions! {
    /// The sum.
    Sum<I, A: Num> Some(Gist::Sum), A::ZERO, x => x.cast(), Num::add;
    /// The product.
    Prod<I, A: Num> None, A::ONE, x => x.cast(), Num::mul;
    /// The least element; nan where there is one.
    Min<I, A: Num> Some(Gist::Least), A::GREATEST, x => x.cast(), least, lesser;
    /// The greatest element; nan where there is one.
    Max<I, A: Num> Some(Gist::Greatest), A::LEAST, x => x.cast(), greatest, greater;
}

/// The lesser of two; nan if one is.
#[inline(always)]
pub(crate) fn least<T: Num>(a: T, b: T) -> T {
    if (a <= b) | a.is_nan() { a } else { b }
}

/// The greater of two; nan if one is.
#[inline(always)]
pub(crate) fn greatest<T: Num>(a: T, b: T) -> T {
    if (a >= b) | a.is_nan() { a } else { b }
}

/// The lesser of two numbers.
#[inline(always)]
fn lesser<T: Num>(a: T, b: T) -> T {
    if b < a { b } else { a }
}

/// The greater of two numbers.
#[inline(always)]
fn greater<T: Num>(a: T, b: T) -> T {
    if b > a { b } else { a }
}

/// Whether any element is true, as `OR`, or all are.
pub(crate) struct Truth<I, const OR: bool>(PhantomData<I>);

impl<I: Element + Cast<bool>, const OR: bool> Reduce for Truth<I, OR> {
    type In = I;
    type State = bool;
    const START: bool = !OR;
    #[inline(always)]
    fn load(x: I) -> bool {
        x.cast()
    }
    #[inline(always)]
    fn join(a: bool, b: bool) -> bool {
        if OR { a | b } else { a & b }
    }
    const JOIN: Trace = |x| binary(if OR { Binary::Or } else { Binary::And }, x);
}

/// How many elements are not zero.
pub(crate) struct Count<I>(PhantomData<I>);

impl<I: Element + Cast<bool>> Reduce for Count<I> {
    type In = I;
    type State = i64;
    const START: i64 = 0;
    #[inline(always)]
    fn load(x: I) -> i64 {
        i64::from(x.cast())
    }
    #[inline(always)]
    fn join(a: i64, b: i64) -> i64 {
        a + b
    }
    const LOAD: Trace = |x| converted(converted(x[0], DType::Bool), DType::I64);
    const JOIN: Trace = |x| binary(Binary::Add, x);
}

/// float16 sums have float32 states; this rounds them at the end.
pub(crate) const fn half_fold<R: Reduce<State = f32>>() -> FoldLoop {
    FoldLoop { output: DType::F16, finish: round_half, ..plain_fold::<R>() }
}

fn round_half(state: &[Data], _: &FoldFacts, out: &mut Data) {
    let wide = f32::of(state[0].as_ref()).expect(OPERAND);
    *out = f16::wrap(wide.iter().map(|&v| f16::from_f32(v)).collect());
}
