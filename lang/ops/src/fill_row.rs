//! Rows of a fill: the values along one axis, written into a buffer.

use crate::cast::Cast;
use crate::data::{Data, Element};
use crate::each_dtype;
use crate::fill::{Fill, Law};
use crate::lane::Num;
use crate::loops::fast;
use crate::rng::Stream;
use crate::scalar::Scalar;
use crate::shape::Shape;
use half::f16;
use std::f64::consts::TAU;
use std::ops::Range;

/// A row in a fill's own index space: it begins at `at` and advances by `step` on `axis`, or stands still.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The index of the first element, one entry an axis.
    pub at: &'a [i64],
    /// The axis on which the row advances; `None` repeats one element.
    pub axis: Option<usize>,
    /// How far each element is from the one before.
    pub step: i64,
}

/// Writes a row into `out[range]`, in the dtype of `out`; `shape` is the fill's own, before views.
pub fn fill_row(fill: &Fill, shape: &Shape, row: Row<'_>, out: &mut Data, range: Range<usize>) {
    each_dtype!(Data, out, v => fill_slice(fill, shape, row, &mut v[range]));
}

fn fill_slice<T: Drawn + Ramp>(fill: &Fill, shape: &Shape, row: Row<'_>, out: &mut [T])
where
    i64: Cast<T>,
    bool: Cast<T>,
{
    let along = |axis: usize| if row.axis == Some(axis) { row.step } else { 0 };
    match fill {
        Fill::Const(value) => out.fill(T::from_scalar(*value)),
        Fill::Ramp { start, step, last } => {
            let end = last.map(|value| (shape[0] as i64 - 1, value));
            T::ramp((*start, *step, end), row.at[0], along(0), out);
        }
        Fill::Index { axis } => indices(row.at[*axis], along(*axis), out),
        Fill::Diagonal { k } => offsets(row, shape, out, |offset| offset == *k),
        Fill::Band { k } => offsets(row, shape, out, |offset| offset <= *k),
        Fill::Random { seed, draw, law } => random(Stream { seed: *seed, draw: *draw }, law, shape, row, out),
    }
}

fn indices<T: Element>(first: i64, step: i64, out: &mut [T])
where
    i64: Cast<T>,
{
    counted(out, |i| (first + step * i).cast());
}

/// Writes `f(0)`, `f(1)` and so on.
#[inline(always)]
fn counted<T: Element>(out: &mut [T], f: impl Fn(i64) -> T) {
    out.iter_mut().zip(0..).for_each(|(o, i)| *o = f(i));
}

fn offsets<T: Element>(row: Row<'_>, shape: &Shape, out: &mut [T], hit: impl Fn(i64) -> bool)
where
    bool: Cast<T>,
{
    let ndim = shape.ndim();
    let first = row.at[ndim - 1] - row.at[ndim - 2];
    let step = match row.axis {
        Some(axis) if axis + 1 == ndim => row.step,
        Some(axis) if axis + 2 == ndim => -row.step,
        _ => 0,
    };
    counted(out, |i| hit(first + step * i).cast());
}

/// An element type in which a ramp is computed.
trait Ramp: Element {
    /// Start, step, and the last element with its index where it is fixed.
    fn ramp(rule: (Scalar, Scalar, Option<(i64, Scalar)>), at: i64, step: i64, out: &mut [Self]);
}

macro_rules! ramps {
    ($($t:ident in $wide:ident;)*) => {$(
        impl Ramp for $t {
            fn ramp((start, by, last): (Scalar, Scalar, Option<(i64, Scalar)>), at: i64, step: i64, out: &mut [Self]) {
                if let Some(last) = last {
                    return spaced(start, by, last, at, step, out);
                }
                let (start, by) = (<$wide>::from_scalar(start), <$wide>::from_scalar(by));
                counted(out, |i| {
                    let index: $wide = (at + step * i).cast();
                    start.add(index.mul(by)).cast()
                });
            }
        }
    )*};
}

ramps! {
    bool in i64; i8 in i8; u8 in u8; i16 in i16; u16 in u16; i32 in i32; u32 in u32; i64 in i64; u64 in u64;
    f16 in f32; f32 in f32; f64 in f64;
}

/// `linspace`: computed in float64, of integers the floor, the last element as it was given.
fn spaced<T: Element>(start: Scalar, by: Scalar, last: (i64, Scalar), at: i64, step: i64, out: &mut [T])
where
    f64: Cast<T>,
{
    let (start, by, end) = (start.to_f64(), by.to_f64(), last.1.to_f64());
    let whole = T::DTYPE.kind() != crate::dtype::Kind::Float;
    counted(out, |i| {
        let index = at + step * i;
        let value = if index == last.0 { end } else { index as f64 * by + start };
        if whole { value.floor().cast() } else { value.cast() }
    });
}

/// How many elements get their random bits at once.
const BATCH: usize = 512;

fn random<T: Drawn>(stream: Stream, law: &Law, shape: &Shape, row: Row<'_>, out: &mut [T]) {
    let strides = shape.strides();
    let flat = row.at.iter().zip(&strides).map(|(&i, &s)| i * s as i64).sum::<i64>();
    let step = row.axis.map_or(0, |axis| row.step * strides[axis] as i64);
    let mut first = flat as u64;
    for batch in out.chunks_mut(BATCH) {
        match law {
            Law::Uniform { low, high } => uniform(stream, first, step, (low.to_f64(), high.to_f64()), batch),
            Law::Normal { mean, std } => normal(stream, first, step, (mean.to_f64(), std.to_f64()), batch),
            Law::Integers { low, high } => integers(stream, first, step, (*low, *high), batch),
        }
        first = first.wrapping_add_signed(step * batch.len() as i64);
    }
}

/// An element type that can be drawn.
trait Drawn: Element {
    /// A uniform number in `[0, 1)` from the upper bits, scaled.
    fn uniform(bits: u64, low: f64, span: f64) -> Self;
    /// From a float.
    fn from_float(value: f64) -> Self;
    /// From an integer.
    fn from_wide(value: i128) -> Self;
}

macro_rules! drawn {
    ($($t:ident)*) => {$(impl Drawn for $t {
        #[inline(always)]
        fn uniform(bits: u64, low: f64, span: f64) -> Self { (low + unit(bits) * span).cast() }
        #[inline(always)]
        fn from_float(value: f64) -> Self { value.cast() }
        #[inline(always)]
        fn from_wide(value: i128) -> Self { (value as i64).cast() }
    })*};
}

drawn! { bool i8 u8 i16 u16 i32 u32 i64 u64 f16 f64 }

impl Drawn for f32 {
    /// 24 bits, so that rounding never reaches the upper end of `[0, 1)`.
    #[inline(always)]
    fn uniform(bits: u64, low: f64, span: f64) -> Self {
        low as f32 + (bits >> 40) as f32 * (1.0 / 16_777_216.0) * span as f32
    }
    #[inline(always)]
    fn from_float(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn from_wide(value: i128) -> Self {
        value as f32
    }
}

/// 53 bits as a number in `[0, 1)`.
#[inline(always)]
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

fn uniform<T: Drawn>(stream: Stream, first: u64, step: i64, (low, high): (f64, f64), out: &mut [T]) {
    let mut bits = [0; BATCH];
    let bits = &mut bits[..out.len()];
    stream.bits(first, step, bits);
    let span = high - low;
    fast::map(bits, out, |b| T::uniform(b, low, span));
}

fn integers<T: Drawn>(stream: Stream, first: u64, step: i64, (low, high): (Scalar, Scalar), out: &mut [T]) {
    let low = low.to_int().unwrap_or(0);
    let span = high.to_int().unwrap_or(0).saturating_sub(low) as u128;
    let mut bits = [0; BATCH];
    let bits = &mut bits[..out.len()];
    stream.bits(first, step, bits);
    fast::map(bits, out, |b| T::from_wide(low + ((u128::from(b) * span) >> 64) as i128));
}

/// Both elements of a block share a radius and an angle (Box and Muller): the even one takes the cosine.
fn normal<T: Drawn>(stream: Stream, first: u64, step: i64, (mean, std): (f64, f64), out: &mut [T]) {
    let element = |i: usize| first.wrapping_add_signed(step * i as i64);
    let mut block = (u64::MAX, [0.0; 2]);
    for (i, o) in out.iter_mut().enumerate() {
        let at = element(i);
        if at / 2 != block.0 {
            block = (at / 2, pair(stream, at / 2));
        }
        *o = T::from_float(mean + std * block.1[(at % 2) as usize]);
    }
}

fn pair(stream: Stream, block: u64) -> [f64; 2] {
    let mut words = [[0; 2]];
    stream.blocks(block, &mut words);
    let [a, b] = words[0].map(unit);
    let radius = (-2.0 * libm::log(1.0 - a)).sqrt();
    let (sin, cos) = libm::sincos(TAU * b);
    [radius * cos, radius * sin]
}
