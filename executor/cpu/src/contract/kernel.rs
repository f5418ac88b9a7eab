//! Products of packed panels.
//!
//! Each element of the result is one chain of fused multiply-adds in index order, then one addition, wherever it
//! stands in a block and whatever the width of the machine's vectors: the bits are the same on all of them.

mod turned;

use cleave_ops::Arch;
use cleave_ops::data::Element;
use pulp::{Simd, WithSimd};
use turned::is_turned;

/// The rows of a strip of the left panel.
pub(crate) const ROWS: usize = 8;
/// The vectors of a strip of the right panel that a machine with many registers takes at once; one less where a sum
/// would not find a register.
const VECTORS: usize = 3;

/// A float that can be multiplied in vectors.
pub(crate) trait Real: Element + std::ops::Add<Output = Self> {
    /// The columns of a strip of the right panel.
    const COLUMNS: usize;
    type Vector<S: Simd>: Copy;
    fn lanes<S: Simd>() -> usize;
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// `a * b + c`, rounded once.
    fn fused<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    fn vectors<S: Simd>(slice: &[Self]) -> &[Self::Vector<S>];
    fn vectors_mut<S: Simd>(slice: &mut [Self]) -> &mut [Self::Vector<S>];
}

macro_rules! real {
    ($t:ident $columns:literal $vector:ident $lanes:ident $splat:ident $fused:ident $plus:ident $slice:ident $mut:ident) => {
        impl Real for $t {
            const COLUMNS: usize = $columns;
            type Vector<S: Simd> = S::$vector;
            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$lanes
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$vector {
                simd.$splat(value)
            }
            #[inline(always)]
            fn fused<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$fused(a, b, c)
            }
            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$plus(a, b)
            }
            #[inline(always)]
            fn vectors<S: Simd>(slice: &[Self]) -> &[S::$vector] {
                S::$slice(slice).0
            }
            #[inline(always)]
            fn vectors_mut<S: Simd>(slice: &mut [Self]) -> &mut [S::$vector] {
                S::$mut(slice).0
            }
        }
    };
}

real! { f64 24 f64s F64_LANES splat_f64s mul_add_f64s add_f64s as_simd_f64s as_mut_simd_f64s }
real! { f32 48 f32s F32_LANES splat_f32s mul_add_f32s add_f32s as_simd_f32s as_mut_simd_f32s }

/// Strips of a left panel times strips of a right one, added to tiles of sums.
pub(crate) struct Strips<'a, T> {
    /// For each [`ROWS`] rows, for each shared index, their elements; what lies past the last row is ignored.
    pub(crate) left: &'a [T],
    /// For each [`Real::COLUMNS`] columns, for each shared index, their elements.
    pub(crate) right: &'a [T],
    /// Elements of the shared side, at least one.
    pub(crate) shared: usize,
    /// Rows of the result.
    pub(crate) rows: usize,
    /// Columns of the result.
    pub(crate) columns: usize,
    /// The sums of each pair of strips, row after row of them, in the order in which they are needed.
    pub(crate) tiles: &'a mut [T],
}

impl<T: Real> Strips<'_, T> {
    /// Multiplies with the widest vectors of the machine.
    pub(crate) fn add(self) {
        Arch::new().dispatch(self);
    }
}

/// How many columns are multiplied at once, in whole strips: a panel of them stays in a core's cache, or is read from
/// the next one while wide vectors are busy with long strips.
pub(crate) fn columns_at_once() -> usize {
    Arch::new().dispatch(ColumnsAtOnce)
}

struct ColumnsAtOnce;

impl WithSimd for ColumnsAtOnce {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        if S::REGISTER_COUNT >= 32 { 240 } else { 96 }
    }
}

/// The sums of a result of that size in tiles.
pub(crate) fn tiles_len<T: Real>(rows: usize, columns: usize) -> usize {
    rows.next_multiple_of(ROWS) * columns.next_multiple_of(T::COLUMNS)
}

/// Writes one row of the tiles of that many columns into a slice of them.
pub(crate) fn unpack_row<T: Real>(tiles: &[T], row: usize, out: &mut [T]) {
    let strips = out.len().div_ceil(T::COLUMNS);
    let tiles = &tiles[row / ROWS * strips * ROWS * T::COLUMNS..];
    for (out, tile) in out.chunks_mut(T::COLUMNS).zip(tiles.chunks_exact(ROWS * T::COLUMNS)) {
        out.copy_from_slice(&tile[row % ROWS * T::COLUMNS..][..out.len()]);
    }
}

impl<T: Real> WithSimd for Strips<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Strips { left, right, shared, rows, columns, tiles } = self;
        let mut tiles = tiles.chunks_exact_mut(ROWS * T::COLUMNS);
        for (left, row) in left.chunks_exact(shared * ROWS).zip((0..rows).step_by(ROWS)) {
            for (right, column) in right.chunks_exact(shared * T::COLUMNS).zip((0..columns).step_by(T::COLUMNS)) {
                let Some(tile) = tiles.next() else { return };
                let pair = Pair { left, right, height: rows - row, width: columns - column };
                match is_turned::<T, S>() && pair.height > ROWS / 2 {
                    true => pair.add_turned(simd, tile),
                    false => pair.add(simd, tile),
                }
            }
        }
    }
}

/// A strip of each panel, and how many rows and columns are left in the result.
#[derive(Clone, Copy)]
struct Pair<'a, T> {
    left: &'a [T],
    right: &'a [T],
    height: usize,
    width: usize,
}

impl<T: Real> Pair<'_, T> {
    /// Takes as many rows and vectors at once as the machine has registers for, fewer at the edges.
    #[inline(always)]
    fn add<S: Simd>(&self, simd: S, tile: &mut [T]) {
        let lanes = T::lanes::<S>();
        let (most, vectors) = if S::REGISTER_COUNT >= 32 { (ROWS, VECTORS) } else { (ROWS / 2, VECTORS - 1) };
        let (mut row, height) = (0, self.height.min(ROWS));
        while row < height {
            let tall = match height - row {
                1 => 1,
                2..=4 => 4,
                _ => most,
            };
            let (mut column, width) = (0, self.width.min(T::COLUMNS));
            while column < width {
                let wide = (width - column).div_ceil(lanes).min(vectors);
                self.part(simd, [tall, wide], [row, column], tile);
                column += wide * lanes;
            }
            row += tall;
        }
    }

    #[inline(always)]
    fn part<S: Simd>(&self, simd: S, size: [usize; 2], at: [usize; 2], tile: &mut [T]) {
        match size {
            [8, 3] => self.tile::<S, 8, 3>(simd, at, tile),
            [8, 2] => self.tile::<S, 8, 2>(simd, at, tile),
            [8, _] => self.tile::<S, 8, 1>(simd, at, tile),
            [4, 3] => self.tile::<S, 4, 3>(simd, at, tile),
            [4, 2] => self.tile::<S, 4, 2>(simd, at, tile),
            [4, _] => self.tile::<S, 4, 1>(simd, at, tile),
            [_, 3] => self.tile::<S, 1, 3>(simd, at, tile),
            [_, 2] => self.tile::<S, 1, 2>(simd, at, tile),
            [_, _] => self.tile::<S, 1, 1>(simd, at, tile),
        }
    }

    /// `R` rows and `V` vectors of columns. Loops are counted by constants, so that the sums stay in registers.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)]
    fn tile<S: Simd, const R: usize, const V: usize>(&self, simd: S, at: [usize; 2], tile: &mut [T]) {
        let sums = self.products::<S, R, V>(simd, at);
        let full = V * T::lanes::<S>();
        for i in 0..R {
            let row = &mut T::vectors_mut::<S>(&mut tile[(at[0] + i) * T::COLUMNS + at[1]..][..full])[..V];
            for v in 0..V {
                row[v] = T::plus(simd, row[v], sums[i][v]);
            }
        }
    }

    #[inline(always)]
    #[allow(clippy::needless_range_loop)]
    fn products<S: Simd, const R: usize, const V: usize>(&self, simd: S, at: [usize; 2]) -> [[T::Vector<S>; V]; R] {
        let full = V * T::lanes::<S>();
        let mut sums = [[T::splat(simd, T::default()); V]; R];
        for (rows, columns) in self.left.chunks_exact(ROWS).zip(self.right.chunks_exact(T::COLUMNS)) {
            let rows = &rows[at[0]..at[0] + R];
            let columns = &T::vectors::<S>(&columns[at[1]..at[1] + full])[..V];
            for i in 0..R {
                let left = T::splat(simd, rows[i]);
                for v in 0..V {
                    sums[i][v] = T::fused(simd, left, columns[v], sums[i][v]);
                }
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(i: usize) -> f64 {
        ((i * 7919 % 1009) as f64 - 500.0) / 37.0
    }

    /// Compares a product of that size with a chain of scalar fused operations for each element.
    fn check<T: Real>(lens: [usize; 3], fused: fn(T, T, T) -> T, run: &dyn Fn(Strips<'_, T>)) {
        let [rows, columns, shared] = lens;
        let of = |i: usize| T::from_scalar(cleave_ops::Scalar::Float(number(i)));
        let left: Vec<T> = (0..rows.next_multiple_of(ROWS) * shared).map(of).collect();
        let right: Vec<T> = (0..columns.next_multiple_of(T::COLUMNS) * shared).map(|i| of(i + 31)).collect();
        let mut tiles = vec![of(5); tiles_len::<T>(rows, columns)];
        run(Strips { left: &left, right: &right, shared, rows, columns, tiles: &mut tiles });
        let mut out = vec![T::default(); rows * columns];
        out.chunks_mut(columns).enumerate().for_each(|(row, out)| unpack_row(&tiles, row, out));
        let at = |strip: usize, i: usize, k: usize| i / strip * shared * strip + k * strip + i % strip;
        for (i, got) in out.iter().enumerate() {
            let (row, column) = (i / columns, i % columns);
            let next = |sum: T, k: usize| fused(left[at(ROWS, row, k)], right[at(T::COLUMNS, column, k)], sum);
            let expected = of(5) + (0..shared).fold(T::default(), next);
            assert_eq!(*got, expected, "({row}, {column}) of {lens:?}");
        }
    }

    fn check_all<T: Real>(fused: fn(T, T, T) -> T) {
        for rows in [1, 2, 4, 5, 8, 9, 17] {
            for columns in [1, 7, 8, 9, 16, 24, 25, 40, 47, 48, 49, 101] {
                for shared in [1, 2, 19] {
                    let lens = [rows, columns, shared];
                    check(lens, fused, &|s: Strips<'_, T>| s.add());
                    check(lens, fused, &|s: Strips<'_, T>| s.with_simd(pulp::Scalar));
                    #[cfg(target_arch = "x86_64")]
                    if let Some(simd) = pulp::x86::V3::try_new() {
                        check(lens, fused, &|s: Strips<'_, T>| Simd::vectorize(simd, s));
                    }
                }
            }
        }
    }

    #[test]
    fn every_vector_unit_gives_the_same_bits_at_every_edge() {
        check_all::<f64>(f64::mul_add);
        check_all::<f32>(f32::mul_add);
    }
}
