//! Elementwise steps one after the other in one loop: what a step gives goes on to the next one in the processor's
//! registers, and is never written down.

use crate::data::{DataMut, DataRef, Element};
use crate::dtype::DType;
use crate::lane::Float;
use crate::loops::{OPERAND, result};
use crate::vectors::Arch;
use pulp::{Simd, WithSimd};
use smallvec::SmallVec;

/// What an elementwise operation of floats does with a value that is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Link {
    Add,
    Subtract,
    Multiply,
    Divide,
    Negate,
    Size,
}

/// A step of a chain; operands are named by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainStep {
    /// An operand becomes the value at hand.
    Load(usize),
    /// The value at hand is put aside; a load comes next.
    Keep,
    /// The value at hand alone.
    Alone(Link),
    /// The value at hand, then an operand.
    Then(Link, usize),
    /// An operand, then the value at hand.
    After(Link, usize),
    /// The value at hand, then what was put aside.
    ThenKept(Link),
    /// What was put aside, then the value at hand.
    AfterKept(Link),
}

/// Elements that a chain reads.
#[derive(Clone, Copy, Debug)]
pub struct ChainOperand<'a> {
    /// As many as the chain makes; or more than [`CHAIN_REACH`] of them.
    pub data: DataRef<'a>,
    /// Whether all are the same, so that any stand for the rest.
    pub is_same: bool,
}

/// So many elements of an operand whose elements are all the same are looked at.
pub const CHAIN_REACH: usize = 64;

/// Whether chains can be made of elements of that dtype.
pub fn is_chained(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64)
}

/// Runs a chain of steps, the first of which is a load, over operands of the dtype of `out`, by their numbers; bits
/// are those of the steps' own loops.
pub fn run_chain<'a>(steps: &[ChainStep], operand: impl Fn(usize) -> ChainOperand<'a>, out: DataMut<'_>) {
    match out.dtype() {
        DType::F32 => run::<f32>(steps, operand, result(out)),
        _ => run::<f64>(steps, operand, result(out)),
    }
}

fn run<'a, T: Lanes>(steps: &[ChainStep], operand: impl Fn(usize) -> ChainOperand<'a>, out: &mut [T]) {
    let operand = |number: usize| {
        let ChainOperand { data, is_same } = operand(number);
        let data = T::of(data).expect(OPERAND);
        assert!(data.len() >= if is_same { out.len().min(CHAIN_REACH) } else { out.len() }, "operands are long enough");
        (data, is_same)
    };
    let nothing = (&[][..], true);
    let code = |step: &ChainStep| {
        let (work, (data, is_same)) = match *step {
            ChainStep::Load(number) => (Work::Load, operand(number)),
            ChainStep::Keep => (Work::Keep, nothing),
            ChainStep::Alone(link) => (work(link, false), nothing),
            ChainStep::Then(link, number) => (work(link, false), operand(number)),
            ChainStep::After(link, number) => (work(link, true), operand(number)),
            ChainStep::ThenKept(link) => (work(link, false), nothing),
            ChainStep::AfterKept(link) => (work(link, true), nothing),
        };
        Code { work, data, moves: usize::from(!is_same) }
    };
    let code: SmallVec<[Code<'_, T>; 12]> = steps.iter().map(code).collect();
    Arch::new().dispatch(Chain { code: &code, out });
}

/// What one step does with the value at hand and its operand; without one, that is what was put aside.
#[derive(Clone, Copy)]
enum Work {
    Load,
    Keep,
    Add,
    Subtract,
    SubtractFrom,
    Multiply,
    Divide,
    DivideInto,
    Negate,
    Size,
}

fn work(link: Link, is_turned: bool) -> Work {
    match (link, is_turned) {
        (Link::Add, _) => Work::Add,
        (Link::Subtract, false) => Work::Subtract,
        (Link::Subtract, true) => Work::SubtractFrom,
        (Link::Multiply, _) => Work::Multiply,
        (Link::Divide, false) => Work::Divide,
        (Link::Divide, true) => Work::DivideInto,
        (Link::Negate, _) => Work::Negate,
        (Link::Size, _) => Work::Size,
    }
}

struct Code<'a, T> {
    work: Work,
    data: &'a [T],
    /// What an index is multiplied by.
    moves: usize,
}

struct Chain<'a, T> {
    code: &'a [Code<'a, T>],
    out: &'a mut [T],
}

/// Vectors that go through a chain together.
const WIDE: usize = 4;

/// That many of them, each by itself so that it stays in a register.
#[derive(Clone, Copy)]
struct Four<V>(V, V, V, V);

impl<V: Copy> Four<V> {
    #[inline(always)]
    fn of(slice: &[V]) -> Self {
        Self(slice[0], slice[1], slice[2], slice[3])
    }
}

impl<T: Lanes> WithSimd for Chain<'_, T> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Chain { code, out } = self;
        let (vectors, _) = T::split_mut::<S>(out);
        let lanes = size_of::<T::Of<S>>() / size_of::<T>();
        let wide = vectors.len() / WIDE;
        for (number, to) in vectors.chunks_exact_mut(WIDE).enumerate() {
            let four = all_steps::<T, S>(simd, code, number * WIDE * lanes);
            (to[0], to[1], to[2], to[3]) = (four.0, four.1, four.2, four.3);
        }
        let left = wide * WIDE * lanes;
        for (at, to) in (left..).zip(&mut out[left..]) {
            *to = one(code, at);
        }
    }
}

/// What a chain makes of the elements from an index on.
#[inline(always)]
fn all_steps<T: Lanes, S: Simd>(simd: S, code: &[Code<'_, T>], at: usize) -> Four<T::Of<S>> {
    let lanes = size_of::<T::Of<S>>() / size_of::<T>();
    let nothing = Four(T::zero(simd), T::zero(simd), T::zero(simd), T::zero(simd));
    let (mut value, mut kept) = (nothing, nothing);
    for step in code {
        let x = match step.data {
            [] => kept,
            data => {
                let (x, _) = T::split::<S>(&data[at * step.moves..][..WIDE * lanes]);
                Four::of(x)
            }
        };
        value = match step.work {
            Work::Load => x,
            Work::Keep => {
                kept = value;
                value
            }
            Work::Add => T::plus(simd, value, x),
            Work::Subtract => T::minus(simd, value, x),
            Work::SubtractFrom => T::minus(simd, x, value),
            Work::Multiply => T::times(simd, value, x),
            Work::Divide => T::over(simd, value, x),
            Work::DivideInto => T::over(simd, x, value),
            Work::Negate => T::turned(simd, value),
            Work::Size => T::size(simd, value),
        };
    }
    value
}

/// What a chain makes of one element.
#[inline(always)]
fn one<T: Lanes>(code: &[Code<'_, T>], at: usize) -> T {
    let (mut value, mut kept) = (T::ZERO, T::ZERO);
    for step in code {
        let x = step.data.get(at * step.moves).copied().unwrap_or(kept);
        match step.work {
            Work::Load => value = x,
            Work::Keep => kept = value,
            Work::Add => value = value.add(x),
            Work::Subtract => value = value.sub(x),
            Work::SubtractFrom => value = x.sub(value),
            Work::Multiply => value = value.mul(x),
            Work::Divide => value = Float::div(value, x),
            Work::DivideInto => value = Float::div(x, value),
            Work::Negate => value = value.neg(),
            Work::Size => value = value.abs(),
        }
    }
    value
}

/// An element whose vectors are written down as such.
trait Lanes: Float + Element {
    type Of<S: Simd>: Copy;
    fn split<S: Simd>(x: &[Self]) -> (&[Self::Of<S>], &[Self]);
    fn split_mut<S: Simd>(x: &mut [Self]) -> (&mut [Self::Of<S>], &mut [Self]);
    fn zero<S: Simd>(simd: S) -> Self::Of<S>;
    fn plus<S: Simd>(simd: S, a: Four<Self::Of<S>>, b: Four<Self::Of<S>>) -> Four<Self::Of<S>>;
    fn minus<S: Simd>(simd: S, a: Four<Self::Of<S>>, b: Four<Self::Of<S>>) -> Four<Self::Of<S>>;
    fn times<S: Simd>(simd: S, a: Four<Self::Of<S>>, b: Four<Self::Of<S>>) -> Four<Self::Of<S>>;
    fn over<S: Simd>(simd: S, a: Four<Self::Of<S>>, b: Four<Self::Of<S>>) -> Four<Self::Of<S>>;
    fn turned<S: Simd>(simd: S, a: Four<Self::Of<S>>) -> Four<Self::Of<S>>;
    fn size<S: Simd>(simd: S, a: Four<Self::Of<S>>) -> Four<Self::Of<S>>;
}

macro_rules! lanes {
    ($t:ident $of:ident: $split:ident $split_mut:ident $splat:ident; $($two:ident $of_two:ident)*; $($one:ident $of_one:ident)*) => {
        impl Lanes for $t {
            type Of<S: Simd> = S::$of;
            #[inline(always)]
            fn split<S: Simd>(x: &[Self]) -> (&[S::$of], &[Self]) {
                S::$split(x)
            }
            #[inline(always)]
            fn split_mut<S: Simd>(x: &mut [Self]) -> (&mut [S::$of], &mut [Self]) {
                S::$split_mut(x)
            }
            #[inline(always)]
            fn zero<S: Simd>(simd: S) -> S::$of {
                simd.$splat(0.0)
            }
            $(#[inline(always)]
            fn $two<S: Simd>(simd: S, a: Four<S::$of>, b: Four<S::$of>) -> Four<S::$of> {
                let (low, high) = (simd.$of_two(a.0, b.0), simd.$of_two(a.1, b.1));
                Four(low, high, simd.$of_two(a.2, b.2), simd.$of_two(a.3, b.3))
            })*
            $(#[inline(always)]
            fn $one<S: Simd>(simd: S, a: Four<S::$of>) -> Four<S::$of> {
                Four(simd.$of_one(a.0), simd.$of_one(a.1), simd.$of_one(a.2), simd.$of_one(a.3))
            })*
        }
    };
}

lanes! {
    f32 f32s: as_simd_f32s as_mut_simd_f32s splat_f32s;
    plus add_f32s minus sub_f32s times mul_f32s over div_f32s;
    turned neg_f32s size abs_f32s
}
lanes! {
    f64 f64s: as_simd_f64s as_mut_simd_f64s splat_f64s;
    plus add_f64s minus sub_f64s times mul_f64s over div_f64s;
    turned neg_f64s size abs_f64s
}
