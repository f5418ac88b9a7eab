//! Squares of elements of 8 bytes, turned in vector registers.

use bytemuck::cast_slice;
use cleave_ops::{Data, DataRef, Plane};
use pulp::cast;
use pulp::x86::{V3, V4};
use std::arch::x86_64::__m512d;

/// Copies a plane whose rows become columns, if the machine has vectors and the elements suit them.
pub(super) fn turn(src: DataRef<'_>, from: Plane, dst: &mut Data, to: Plane, lens: [usize; 2]) -> bool {
    let words = match (src, dst) {
        (DataRef::F64(x), Data::F64(y)) => Some((cast_slice(x), bytemuck::cast_slice_mut(y))),
        (DataRef::I64(x), Data::I64(y)) => Some((cast_slice(x), bytemuck::cast_slice_mut(y))),
        (DataRef::U64(x), Data::U64(y)) => Some((x, &mut y[..])),
        _ => None,
    };
    let Some((x, y)) = words else { return false };
    let sides = Sides { from, to, lens };
    if let Some(simd) = V4::try_new() {
        simd.vectorize(
            #[inline(always)]
            || {
                each_square(
                    x,
                    y,
                    &sides,
                    #[inline(always)]
                    |rows| turn_eight(simd, rows),
                );
            },
        );
        return true;
    }
    let Some(simd) = V3::try_new() else { return false };
    simd.vectorize(
        #[inline(always)]
        || {
            each_square(
                x,
                y,
                &sides,
                #[inline(always)]
                |rows| turn_four(simd, rows),
            );
        },
    );
    true
}

struct Sides {
    from: Plane,
    to: Plane,
    lens: [usize; 2],
}

impl Sides {
    #[inline(always)]
    fn read(&self, row: usize, column: usize) -> usize {
        self.from.base.wrapping_add_signed(self.from.strides[0] * row as isize + column as isize)
    }

    #[inline(always)]
    fn write(&self, row: usize, column: usize) -> usize {
        self.to.base.wrapping_add_signed(row as isize + self.to.strides[1] * column as isize)
    }
}

/// Turns squares of a side of `N`, and what is left beside and below them one by one.
#[inline(always)]
fn each_square<const N: usize>(x: &[u64], y: &mut [u64], sides: &Sides, turn: impl Fn([[u64; N]; N]) -> [[u64; N]; N]) {
    let [height, width] = sides.lens;
    let (high, wide) = (height - height % N, width - width % N);
    for row in (0..high).step_by(N) {
        for column in (0..wide).step_by(N) {
            let mut rows = [[0; N]; N];
            for (i, to) in rows.iter_mut().enumerate() {
                let at = sides.read(row + i, column);
                to.copy_from_slice(&x[at..at + N]);
            }
            let columns = turn(rows);
            for (j, turned) in columns.iter().enumerate() {
                let at = sides.write(row, column + j);
                y[at..at + N].copy_from_slice(turned);
            }
        }
    }
    for row in 0..height {
        for column in if row < high { wide } else { 0 }..width {
            y[sides.write(row, column)] = x[sides.read(row, column)];
        }
    }
}

/// Pairs of rows are interleaved, then pairs of elements brought to their place in two steps. Closures here would be
/// compiled without the wide vectors.
#[inline(always)]
fn turn_eight(simd: V4, rows: [[u64; 8]; 8]) -> [[u64; 8]; 8] {
    let v = simd.avx512f;
    let [a, b, c, d] = [cast(rows[0]), cast(rows[1]), cast(rows[2]), cast(rows[3])];
    let [e, f, g, h] = [cast(rows[4]), cast(rows[5]), cast(rows[6]), cast(rows[7])];
    let even = [v._mm512_unpacklo_pd(a, b), v._mm512_unpacklo_pd(c, d)];
    let even = [even, [v._mm512_unpacklo_pd(e, f), v._mm512_unpacklo_pd(g, h)]];
    let odd = [v._mm512_unpackhi_pd(a, b), v._mm512_unpackhi_pd(c, d)];
    let odd = [odd, [v._mm512_unpackhi_pd(e, f), v._mm512_unpackhi_pd(g, h)]];
    let [c0, c2, c4, c6] = every_other(simd, even);
    let [c1, c3, c5, c7] = every_other(simd, odd);
    [c0, c1, c2, c3, c4, c5, c6, c7]
}

/// The columns 0, 2, 4 and 6, or one further on, of interleaved rows, the upper four and the lower.
#[inline(always)]
fn every_other(simd: V4, [[ab, cd], [ef, gh]]: [[__m512d; 2]; 2]) -> [[u64; 8]; 4] {
    let v = simd.avx512f;
    let (top_04, low_04) = (v._mm512_shuffle_f64x2::<0x88>(ab, cd), v._mm512_shuffle_f64x2::<0x88>(ef, gh));
    let (top_26, low_26) = (v._mm512_shuffle_f64x2::<0xdd>(ab, cd), v._mm512_shuffle_f64x2::<0xdd>(ef, gh));
    [
        cast(v._mm512_shuffle_f64x2::<0x88>(top_04, low_04)),
        cast(v._mm512_shuffle_f64x2::<0x88>(top_26, low_26)),
        cast(v._mm512_shuffle_f64x2::<0xdd>(top_04, low_04)),
        cast(v._mm512_shuffle_f64x2::<0xdd>(top_26, low_26)),
    ]
}

#[inline(always)]
fn turn_four(simd: V3, rows: [[u64; 4]; 4]) -> [[u64; 4]; 4] {
    let v = simd.avx;
    let [a, b, c, d] = [cast(rows[0]), cast(rows[1]), cast(rows[2]), cast(rows[3])];
    let (top_even, top_odd) = (v._mm256_unpacklo_pd(a, b), v._mm256_unpackhi_pd(a, b));
    let (low_even, low_odd) = (v._mm256_unpacklo_pd(c, d), v._mm256_unpackhi_pd(c, d));
    [
        cast(v._mm256_permute2f128_pd::<0x20>(top_even, low_even)),
        cast(v._mm256_permute2f128_pd::<0x20>(top_odd, low_odd)),
        cast(v._mm256_permute2f128_pd::<0x31>(top_even, low_even)),
        cast(v._mm256_permute2f128_pd::<0x31>(top_odd, low_odd)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_turned() {
        fn check<const N: usize>(turn: impl Fn([[u64; N]; N]) -> [[u64; N]; N]) {
            let rows: [[u64; N]; N] = std::array::from_fn(|i| std::array::from_fn(|j| (10 * i + j) as u64));
            assert_eq!(turn(rows), std::array::from_fn(|j| std::array::from_fn(|i| rows[i][j])));
        }
        V4::try_new().iter().for_each(|&simd| check(|rows| turn_eight(simd, rows)));
        V3::try_new().iter().for_each(|&simd| check(|rows| turn_four(simd, rows)));
    }
}
