//! Random laws: what becomes of a stream's bits.
//!
//! An element depends on seed, draw and index alone. Both elements of a block are made at once, by the loop that makes
//! their bits.

use crate::cast::Cast;
use crate::data::Element;
use crate::loops::fast;
use crate::math::{self, Lane};
use crate::rng::{Rows, Stream};
use crate::scalar::Scalar;
use crate::unit::Unit;
use std::f64::consts::TAU;

/// Elements of a stream: the first, and how far each is from the one before in its row.
#[derive(Clone, Copy)]
pub(crate) struct Draws {
    pub(crate) stream: Stream,
    pub(crate) first: u64,
    pub(crate) step: i64,
    pub(crate) rows: Rows,
}

impl Draws {
    fn make<T: Copy>(self, out: &mut [T], f: impl Fn([u64; 2], Unit) -> [T; 2]) {
        self.stream.draw_rows(self.first, self.step, self.rows, out, f);
    }

    /// Makes batches of a wide type and converts them.
    fn convert<W: Element + Cast<T>, T: Element>(self, out: &mut [T], make: impl Fn(Draws, &mut [W])) {
        let mut wide = [W::default(); BATCH];
        let mut first = self.first;
        for row in out.chunks_mut(self.rows.len.max(1)) {
            let mut draws = Draws { first, rows: Rows { len: BATCH, apart: 0 }, ..self };
            for batch in row.chunks_mut(BATCH) {
                let wide = &mut wide[..batch.len()];
                make(draws, wide);
                fast::map(wide, batch, W::cast);
                draws.first = draws.first.wrapping_add_signed(draws.step.wrapping_mul(batch.len() as i64));
            }
            first = first.wrapping_add_signed(self.rows.apart);
        }
    }
}

/// How many elements are converted at once.
const BATCH: usize = 512;

/// An element type that can be drawn.
pub(crate) trait Drawn: Element
where
    f64: Cast<Self>,
    i64: Cast<Self>,
{
    /// Uniform in `[low, high)`.
    fn uniform(draws: Draws, (low, high): (f64, f64), out: &mut [Self]) {
        draws.convert(out, |draws, out| f64::uniform(draws, (low, high), out));
    }

    /// Gaussian of a mean and a standard deviation.
    fn normal(draws: Draws, (mean, std): (f64, f64), out: &mut [Self]) {
        draws.convert(out, |draws, out| f64::normal(draws, (mean, std), out));
    }

    /// Integers in `[low, high)`.
    fn integers(draws: Draws, (low, high): (Scalar, Scalar), out: &mut [Self]) {
        draws.convert(out, |draws, out| i64::integers(draws, (low, high), out));
    }
}

macro_rules! drawn {
    ($($t:ident)*) => {$(impl Drawn for $t {})*};
}

drawn! { bool i8 u8 i16 u16 i32 u32 u64 }

impl Drawn for half::f16 {}

impl Drawn for f64 {
    fn uniform(draws: Draws, (low, high): (f64, f64), out: &mut [f64]) {
        let span = high - low;
        draws.make(
            out,
            #[inline(always)]
            move |words, unit| words.map(|bits| low + unit.of(bits) * span),
        );
    }

    fn normal(draws: Draws, (mean, std): (f64, f64), out: &mut [f64]) {
        draws.make(
            out,
            #[inline(always)]
            move |words, unit| gauss(words.map(|bits| unit.of(bits))).map(|z| mean + std * z),
        );
    }
}

impl Drawn for f32 {
    /// 24 bits, so that rounding never reaches the upper end of `[0, 1)`.
    fn uniform(draws: Draws, (low, high): (f64, f64), out: &mut [f32]) {
        let (low, span) = (low as f32, (high - low) as f32);
        draws.make(
            out,
            #[inline(always)]
            move |words, _| words.map(|bits| low + (bits >> 40) as u32 as f32 * NARROW_UNIT * span),
        );
    }

    fn normal(draws: Draws, (mean, std): (f64, f64), out: &mut [f32]) {
        draws.make(
            out,
            #[inline(always)]
            move |words, unit| gauss(words.map(|bits| unit.of(bits))).map(|z| (mean + std * z) as f32),
        );
    }
}

impl Drawn for i64 {
    fn integers(draws: Draws, (low, high): (Scalar, Scalar), out: &mut [i64]) {
        let low = low.to_int().unwrap_or(0);
        let span = high.to_int().unwrap_or(0).saturating_sub(low) as u128;
        let low = low as i64;
        match u32::try_from(span) {
            Ok(span) => draws.make(
                out,
                #[inline(always)]
                move |words, _| words.map(|bits| low.wrapping_add(scaled(bits, span) as i64)),
            ),
            Err(_) => {
                let wide = move |bits| low.wrapping_add(((u128::from(bits) * span) >> 64) as i64);
                draws.make(
                    out,
                    #[inline(always)]
                    move |words, _| words.map(wide),
                );
            }
        }
    }
}

/// What turns 24 bits into a number in `[0, 1)`.
pub(crate) const NARROW_UNIT: f32 = 1.0 / 16_777_216.0;

/// The upper 64 of the 96 bits of a product, by halves.
#[inline(always)]
fn scaled(bits: u64, span: u32) -> u64 {
    let (high, low, span) = (bits >> 32, bits & 0xffff_ffff, u64::from(span));
    (high * span + ((low * span) >> 32)) >> 32
}

/// Two Gaussian numbers of two in `[0, 1)` that share a radius and an angle (Box and Muller): the even one takes the
/// cosine.
#[inline(always)]
pub(crate) fn gauss<L: Lane>([a, b]: [L; 2]) -> [L; 2] {
    let radius = (L::of(-2.0) * math::log(L::of(1.0) - a)).sqrt();
    let (sin, cos) = math::sincos(L::of(TAU) * b);
    [radius * cos, radius * sin]
}
