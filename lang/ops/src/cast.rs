//! Conversions between dtypes as `astype` does them.

use crate::data::{Data, DataMut, DataRef, Element};
use crate::each_dtype;
use crate::half_float;
use crate::loops::{OPERAND, fast};
use half::f16;

/// A conversion between two element types; integers wrap, floats are cut toward zero.
///
/// A float that no integer holds becomes what an x86 processor makes of it, as with NumPy there.
pub trait Cast<To> {
    /// Converts.
    fn cast(self) -> To;
}

/// Converts all elements; `to` is resized.
pub fn cast(from: DataRef<'_>, to: &mut Data) {
    to.resize(from.len());
    cast_part(from, to.as_mut());
}

/// Converts as many elements as there are.
pub fn cast_part(from: DataRef<'_>, to: DataMut<'_>) {
    each_dtype!(DataRef, from, x => each_dtype!(DataMut, to, y => cast_slice(x, y)));
}

fn cast_slice<A: Element + Cast<B>, B: Element>(from: &[A], to: &mut [B]) {
    fast::map(from, to, A::cast);
}

/// Copies `n` elements that stand `stride` apart from `base` on to `dst[at..at + n]`; both of one dtype.
pub fn copy_run(src: DataRef<'_>, base: usize, stride: isize, dst: &mut Data, at: usize, n: usize) {
    each_dtype!(DataRef, src, x => {
        let y = Element::of_mut(dst).expect(OPERAND);
        gather(x, base, stride, &mut y[at..at + n]);
    });
}

/// Copies `src[at..at + n]` to elements of `dst` that stand `stride` apart from `base` on.
pub fn scatter_run(src: DataRef<'_>, at: usize, dst: &mut Data, base: usize, stride: isize, n: usize) {
    each_dtype!(DataRef, src, x => {
        let y = Element::of_mut(dst).expect(OPERAND);
        for (i, value) in x[at..at + n].iter().enumerate() {
            y[base.wrapping_add_signed(stride * i as isize)] = *value;
        }
    });
}

/// A plane of elements: where it begins, and the distance of neighbours on each of its two axes.
#[derive(Clone, Copy, Debug)]
pub struct Plane {
    /// The first element.
    pub base: usize,
    /// The distance of neighbours on the outer and on the inner axis.
    pub strides: [isize; 2],
}

/// Copies `lens` elements from plane to plane; fastest where the source's inner stride is 1.
pub fn copy_plane(src: DataRef<'_>, from: Plane, dst: &mut Data, to: Plane, lens: [usize; 2]) {
    each_dtype!(DataRef, src, x => {
        plane(x, from, Element::of_mut(dst).expect(OPERAND), to, lens);
    });
}

/// Rows that are copied side by side, and how many elements of each in turn.
const SIDE_BY_SIDE: usize = 8;
const IN_TURN: usize = 16;

/// Copies `lens` elements from plane to plane where both inner strides are 1 and rows of the target follow each other:
/// some rows side by side, so that more of what lies far apart is on its way at a time.
pub fn copy_rows(src: DataRef<'_>, from: Plane, dst: &mut Data, to: Plane, lens: [usize; 2]) {
    each_dtype!(DataRef, src, x => rows(x, from, Element::of_mut(dst).expect(OPERAND), to, lens));
}

fn rows<T: Element>(x: &[T], from: Plane, y: &mut [T], to: Plane, [count, len]: [usize; 2]) {
    let row = |number: usize| &x[from.base.wrapping_add_signed(number as isize * from.strides[0])..][..len];
    let mut targets = y[to.base..].chunks_mut(to.strides[0].unsigned_abs()).map(|row| &mut row[..len]);
    let mut number = 0;
    while number + SIDE_BY_SIDE <= count {
        let sources: [&[T]; SIDE_BY_SIDE] = std::array::from_fn(|i| row(number + i));
        let mut targets: [&mut [T]; SIDE_BY_SIDE] = std::array::from_fn(|_| targets.next().unwrap_or_default());
        for at in (0..len).step_by(IN_TURN) {
            for (to, from) in targets.iter_mut().zip(&sources) {
                match (to[at..].first_chunk_mut::<IN_TURN>(), from[at..].first_chunk::<IN_TURN>()) {
                    (Some(to), Some(from)) => *to = *from,
                    _ => to[at..].copy_from_slice(&from[at..]),
                }
            }
        }
        number += SIDE_BY_SIDE;
    }
    (number..count).zip(targets).for_each(|(number, to)| to.copy_from_slice(row(number)));
}

fn plane<T: Element>(x: &[T], from: Plane, y: &mut [T], to: Plane, lens: [usize; 2]) {
    let (step, put) = (from.strides[1], to.strides[1]);
    for outer in 0..lens[0] as isize {
        let read = from.base.wrapping_add_signed(outer * from.strides[0]);
        let write = to.base.wrapping_add_signed(outer * to.strides[0]);
        if step == 1 && put > 0 {
            let run = &x[read..read + lens[1]];
            y[write..].iter_mut().step_by(put as usize).zip(run).for_each(|(to, from)| *to = *from);
        } else {
            for inner in 0..lens[1] as isize {
                y[write.wrapping_add_signed(inner * put)] = x[read.wrapping_add_signed(inner * step)];
            }
        }
    }
}

fn gather<T: Element>(src: &[T], base: usize, stride: isize, dst: &mut [T]) {
    let n = dst.len();
    match stride {
        _ if n == 0 => {}
        1 => dst.copy_from_slice(&src[base..base + n]),
        0 => dst.fill(src[base]),
        -1 => {
            let run = &src[base + 1 - n..=base];
            dst.iter_mut().zip(run.iter().rev()).for_each(|(to, from)| *to = *from);
        }
        _ if stride > 0 => {
            let run = src[base..].iter().step_by(stride as usize);
            dst.iter_mut().zip(run).for_each(|(to, from)| *to = *from);
        }
        _ => {
            let run = src[..=base].iter().rev().step_by(stride.unsigned_abs());
            dst.iter_mut().zip(run).for_each(|(to, from)| *to = *from);
        }
    }
}

#[inline(always)]
fn int32(value: f64) -> i32 {
    let whole = int64(value);
    if whole == i64::from(whole as i32) { whole as i32 } else { i32::MIN }
}

/// By bits, since processors differ in what they make of a float that is too large.
#[inline(always)]
fn int64(value: f64) -> i64 {
    let bits = value.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let digits = (bits & ((1 << 52) - 1)) | (1 << 52);
    let (up, down) = ((exponent - 52) as u64 & 63, (52 - exponent) as u64 & 63);
    let size = if exponent >= 52 { digits << up } else { digits >> down } as i64;
    let size = if exponent < 0 { 0 } else { size };
    let signed = if value < 0.0 { size.wrapping_neg() } else { size };
    if exponent < 63 { signed } else { i64::MIN }
}

#[inline(always)]
fn uint64(value: f64) -> u64 {
    let large = value >= 9_223_372_036_854_775_808.0;
    let high = int64(value - 9_223_372_036_854_775_808.0) as u64 ^ (1 << 63);
    if large { if value < 18_446_744_073_709_551_616.0 { high } else { u64::MAX } } else { int64(value) as u64 }
}

macro_rules! casts {
    ($($from:ident as $x:ident: $($to:ident => $value:expr),*;)*) => {
        $($(impl Cast<$to> for $from {
            #[inline(always)]
            fn cast(self) -> $to {
                let $x = self;
                $value
            }
        })*)*
    };
}

macro_rules! from_integers {
    ($($t:ident)*) => { casts! {$(
        $t as x: bool => x != 0, i8 => x as i8, u8 => x as u8, i16 => x as i16, u16 => x as u16, i32 => x as i32,
            u32 => x as u32, i64 => x as i64, u64 => x as u64, f16 => half_float::narrow(x as f32), f32 => x as f32,
            f64 => x as f64;
    )*} };
}

macro_rules! from_floats {
    ($($t:ident)*) => { casts! {$(
        $t as x: bool => x != 0.0, i8 => int32(x.into()) as i8, u8 => int32(x.into()) as u8,
            i16 => int32(x.into()) as i16, u16 => int32(x.into()) as u16, i32 => int32(x.into()),
            u32 => int64(x.into()) as u32, i64 => int64(x.into()), u64 => uint64(x.into());
    )*} };
}

from_integers! { i8 u8 i16 u16 i32 u32 i64 u64 }
from_floats! { f32 f64 }

casts! {
    bool as x: bool => x, i8 => x.into(), u8 => x.into(), i16 => x.into(), u16 => x.into(), i32 => x.into(),
        u32 => x.into(), i64 => x.into(), u64 => x.into(), f16 => if x { f16::ONE } else { f16::ZERO },
        f32 => x.into(), f64 => x.into();
    f32 as x: f16 => half_float::narrow(x), f32 => x, f64 => x.into();
    f64 as x: f16 => half_float::narrow_wide(x), f32 => x as f32, f64 => x;
    f16 as x: bool => half_float::widen(x) != 0.0, i8 => half_float::widen(x).cast(), u8 => half_float::widen(x).cast(), i16 => half_float::widen(x).cast(),
        u16 => half_float::widen(x).cast(), i32 => half_float::widen(x).cast(), u32 => half_float::widen(x).cast(), i64 => half_float::widen(x).cast(),
        u64 => half_float::widen(x).cast(), f16 => x, f32 => half_float::widen(x), f64 => x.to_f64();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_side_by_side_are_copied_once() {
        for (count, len) in [(1, 5), (8, 16), (9, 17), (23, 1), (16, 40), (7, 33)] {
            let (apart, between) = (len + 7, len + 2);
            let source = Data::I32((0..(count * apart + 3) as i32).collect());
            for (base, stride) in [(3, apart as isize), (3 + (count - 1) * apart, -(apart as isize))] {
                let mut target = Data::I32(vec![-1; 1 + (count - 1) * between + len]);
                let from = Plane { base, strides: [stride, 1] };
                let to = Plane { base: 1, strides: [between as isize, 1] };
                copy_rows(source.as_ref(), from, &mut target, to, [count, len]);
                let value = |place: usize| {
                    let (row, column) = (place.checked_sub(1)? / between, (place - 1) % between);
                    (column < len).then_some(base as i32 + row as i32 * stride as i32 + column as i32)
                };
                let expected = (0..target.len()).map(|place| value(place).unwrap_or(-1)).collect();
                assert_eq!(target, Data::I32(expected), "{count} of {len} by {stride}");
            }
        }
    }

    #[test]
    fn floats_are_cut_toward_zero() {
        let ends = [9_223_372_036_854_775_808.0, 4_503_599_627_370_496.0, 2_147_483_648.0, 2_147_483_649.0, 1.0, 0.0];
        let near_ends = ends.iter().flat_map(|end: &f64| [end.next_down(), *end, end.next_up()]);
        let spread = (0..200_000_u64).map(|i| f64::from_bits(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let middle = (0..100_000_u64).map(|i| (i as f64).powi(4) / 7.0);
        for value in near_ends.chain(spread).chain(middle).flat_map(|v| [v, -v]) {
            let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
            assert_eq!(int64(value), if fits { value as i64 } else { i64::MIN }, "{value:e}");
            let fits = value > -2_147_483_649.0 && value < 2_147_483_648.0;
            assert_eq!(int32(value), if fits { value as i32 } else { i32::MIN }, "{value:e}");
        }
    }
}
