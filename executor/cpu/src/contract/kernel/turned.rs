//! Strips times strips with vectors that run down the rows, for machines with few registers: the elements of a strip of
//! the left panel are whole vectors as they stand, and twelve sums, two of these and one number of the right strip
//! leave no register over. With vectors along the columns one sum would go through memory at each step.

use super::{Pair, ROWS, Real};
use pulp::Simd;

/// Sums at once, in vectors: enough to cover the latency of a multiply-add on two units.
const SUMS: usize = 12;
/// Shared indices after which the sums are put down: what both strips have of them stays in the nearest cache until all
/// columns have seen it.
const SHARED: usize = 96;
/// The columns of the widest strip.
const MOST_COLUMNS: usize = 48;

/// Whether a strip's rows are one or two vectors of a machine that has few registers.
pub(super) fn is_turned<T: Real, S: Simd>() -> bool {
    S::REGISTER_COUNT < 32 && matches!(ROWS / T::lanes::<S>(), 1 | 2)
}

impl<T: Real> Pair<'_, T> {
    /// Adds the products to a tile.
    #[inline(always)]
    pub(super) fn add_turned<S: Simd>(&self, simd: S, tile: &mut [T]) {
        let mut sums = [T::default(); ROWS * MOST_COLUMNS];
        for (left, right) in self.left.chunks(SHARED * ROWS).zip(self.right.chunks(SHARED * T::COLUMNS)) {
            let part = Pair { left, right, ..*self };
            match ROWS / T::lanes::<S>() {
                1 => part.all_columns::<S, 1, SUMS>(simd, &mut sums),
                _ => part.all_columns::<S, 2, { SUMS / 2 }>(simd, &mut sums),
            }
        }
        for (row, tile) in tile.chunks_exact_mut(T::COLUMNS).enumerate() {
            let sums = sums[row..].iter().step_by(ROWS);
            tile.iter_mut().zip(sums).for_each(|(to, sum)| *to = *to + *sum);
        }
    }

    /// Goes on with all sums, which stand column after column.
    #[inline(always)]
    fn all_columns<S: Simd, const V: usize, const C: usize>(&self, simd: S, sums: &mut [T]) {
        for column in (0..self.width.min(T::COLUMNS)).step_by(C) {
            self.columns::<S, V, C>(simd, column, &mut sums[column * ROWS..][..C * ROWS]);
        }
    }

    /// `C` columns of `V` vectors. Loops are counted by constants, so that the sums stay in registers.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)]
    fn columns<S: Simd, const V: usize, const C: usize>(&self, simd: S, column: usize, sums: &mut [T]) {
        let sums = &mut T::vectors_mut::<S>(sums)[..V * C];
        let mut all: [[T::Vector<S>; V]; C] = std::array::from_fn(|c| std::array::from_fn(|v| sums[c * V + v]));
        for (rows, columns) in self.left.chunks_exact(ROWS).zip(self.right.chunks_exact(T::COLUMNS)) {
            let rows = &T::vectors::<S>(rows)[..V];
            let columns = &columns[column..column + C];
            for c in 0..C {
                let right = T::splat(simd, columns[c]);
                for v in 0..V {
                    all[c][v] = T::fused(simd, rows[v], right, all[c][v]);
                }
            }
        }
        sums.iter_mut().zip(all.iter().flatten()).for_each(|(to, sum)| *to = *sum);
    }
}
