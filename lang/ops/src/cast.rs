//! Conversions between dtypes as `astype` does them.

use crate::data::{Data, DataRef, Element};
use crate::each_dtype;
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
    each_dtype!(DataRef, from, x => each_dtype!(Data, to, y => cast_slice(x, y)));
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
    let fits = value > -2_147_483_649.0 && value < 2_147_483_648.0;
    if fits { value as i32 } else { i32::MIN }
}

#[inline(always)]
fn int64(value: f64) -> i64 {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    if fits { value as i64 } else { i64::MIN }
}

#[inline(always)]
fn uint64(value: f64) -> u64 {
    let large = value >= 9_223_372_036_854_775_808.0;
    if large { value as u64 } else { int64(value) as u64 }
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
            u32 => x as u32, i64 => x as i64, u64 => x as u64, f16 => f16::from_f32(x as f32), f32 => x as f32,
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
    f32 as x: f16 => f16::from_f32(x), f32 => x, f64 => x.into();
    f64 as x: f16 => f16::from_f64(x), f32 => x as f32, f64 => x;
    f16 as x: bool => x.to_f32() != 0.0, i8 => x.to_f32().cast(), u8 => x.to_f32().cast(), i16 => x.to_f32().cast(),
        u16 => x.to_f32().cast(), i32 => x.to_f32().cast(), u32 => x.to_f32().cast(), i64 => x.to_f32().cast(),
        u64 => x.to_f32().cast(), f16 => x, f32 => x.to_f32(), f64 => x.to_f64();
}
