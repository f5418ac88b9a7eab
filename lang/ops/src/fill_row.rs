//! Rows of a fill: the values along one axis, written into a buffer.

use crate::cast::Cast;
use crate::data::{Data, Element};
use crate::draw::{Drawn, Draws};
use crate::dtype::DType;
use crate::each_dtype;
use crate::fill::{Fill, Law};
use crate::lane::Num;
use crate::loops::fast;
use crate::rng::{Rows, Stream};
use crate::scalar::Scalar;
use crate::shape::Shape;
use half::f16;
use smallvec::SmallVec;
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

/// Rows that stand one behind the other in a buffer: the first, and how far each begins from the one before, one
/// entry an axis.
#[derive(Clone, Copy, Debug)]
pub struct FillRows<'a> {
    /// The first row.
    pub first: Row<'a>,
    /// From row to row.
    pub apart: &'a [i64],
    /// The elements of a row.
    pub len: usize,
}

/// Writes rows into `out[range]`.
pub fn fill_rows(fill: &Fill, shape: &Shape, rows: FillRows<'_>, out: &mut Data, range: Range<usize>) {
    if let Fill::Random { seed, draw, law } = fill {
        let strides = shape.strides();
        let apart = rows.apart.iter().zip(&strides).map(|(&d, &s)| d * s as i64).sum();
        let stream = Stream { seed: *seed, draw: *draw };
        let rows_of = Rows { len: rows.len, apart };
        return each_dtype!(Data, out, v => random(stream, law, &strides, rows.first, rows_of, &mut v[range]));
    }
    let mut at: SmallVec<[i64; 4]> = SmallVec::from_slice(rows.first.at);
    for start in range.clone().step_by(rows.len.max(1)) {
        let end = (start + rows.len).min(range.end);
        fill_row(fill, shape, Row { at: &at, ..rows.first }, out, start..end);
        at.iter_mut().zip(rows.apart).for_each(|(at, apart)| *at += apart);
    }
}

/// Writes a row into `out[range]`, in the dtype of `out`; `shape` is the fill's own, before views.
pub fn fill_row(fill: &Fill, shape: &Shape, row: Row<'_>, out: &mut Data, range: Range<usize>) {
    each_dtype!(Data, out, v => fill_slice(fill, shape, row, &mut v[range]));
}

fn fill_slice<T: Drawn + Ramp>(fill: &Fill, shape: &Shape, row: Row<'_>, out: &mut [T])
where
    f64: Cast<T>,
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
        Fill::Random { seed, draw, law } => {
            let rows = Rows { len: out.len(), apart: 0 };
            random(Stream { seed: *seed, draw: *draw }, law, &shape.strides(), row, rows, out);
        }
    }
}

fn indices<T: Element>(first: i64, step: i64, out: &mut [T])
where
    i64: Cast<T>,
{
    fast::counted(
        out,
        #[inline(always)]
        |i| (first + step * i).cast(),
    );
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
    fast::counted(
        out,
        #[inline(always)]
        |i| hit(first + step * i).cast(),
    );
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
                fast::counted(out, #[inline(always)] |i| {
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
    let whole = !matches!(T::DTYPE, DType::F16 | DType::F32 | DType::F64);
    fast::counted(
        out,
        #[inline(always)]
        move |i| {
            let index = at + step * i;
            let between = index as f64 * by + start;
            let value = if index == last.0 { end } else { between };
            if whole { value.floor().cast() } else { value.cast() }
        },
    );
}

fn random<T: Drawn>(stream: Stream, law: &Law, strides: &[usize], row: Row<'_>, rows: Rows, out: &mut [T])
where
    f64: Cast<T>,
    i64: Cast<T>,
{
    let flat = row.at.iter().zip(strides).map(|(&i, &s)| i * s as i64).sum::<i64>();
    let step = row.axis.map_or(0, |axis| row.step * strides[axis] as i64);
    let walk = Draws { stream, first: flat as u64, step, rows };
    match law {
        Law::Uniform { low, high } => T::uniform(walk, (low.to_f64(), high.to_f64()), out),
        Law::Normal { mean, std } => T::normal(walk, (mean.to_f64(), std.to_f64()), out),
        Law::Integers { low, high } => T::integers(walk, (*low, *high), out),
    }
}
