//! Products that the vendor's library makes of what is packed, where that is wanted: it adds in an order of its own.

use super::Flight;
use super::factors::Of;
use super::product::Bench;
use crate::device::Gemm;
use crate::emit::Factors;
use crate::notes::{NoLibrary, Products};
use crate::shelf::Stop;
use cleave_ops::DType;
use std::ops::Range;
use std::time::Instant;

/// Rows of some matrices: all of several, or some of one.
#[derive(Debug, PartialEq, Eq)]
struct Rows {
    matrices: Range<usize>,
    rows: Range<usize>,
}

impl Flight<'_> {
    /// Whether the library makes products of that dtype; notes who does where it is asked for.
    pub(super) fn has_library(&mut self, dtype: DType) -> bool {
        if !self.library {
            return false;
        }
        let found = match dtype {
            DType::F32 | DType::F64 => self.device.library(),
            _ => Err(NoLibrary::Integers),
        };
        let is_there = found.is_ok();
        self.note.multiplied(found.map_or_else(Products::Own, |()| Products::Library));
        is_there
    }

    /// From now on kernels multiply.
    pub(super) fn leave_library(&mut self, why: NoLibrary) {
        self.device.leave_library(why.clone());
        self.note.multiplied(Products::Own(why));
    }

    /// Multiplies what is packed, in calls none of which takes long.
    pub(super) fn calls(&mut self, of: Of<'_>, factors: &Factors, bench: &mut Bench) -> Result<(), Stop> {
        self.device.wait()?;
        let [rows, columns] = factors.lens;
        let (mut row, each) = (0, (columns * factors.shared).max(1));
        while row < rows * factors.batches {
            let part = Rows::next(row, (rows, factors.batches), (bench.products / each).max(1));
            row += part.matrices.len() * part.rows.len();
            self.pass.visited(0)?;
            let began = Instant::now();
            self.device.multiply(&part.gemm(of, factors))?;
            self.device.wait()?;
            bench.adapt(began.elapsed());
            self.note.launches += 1;
        }
        Ok(())
    }
}

impl Rows {
    /// From a row on, of so many rows of so many matrices, at most `most`.
    fn next(row: usize, (rows, matrices): (usize, usize), most: usize) -> Self {
        let (matrix, inside) = (row / rows, row % rows);
        match inside == 0 && most >= rows {
            true => Self { matrices: matrix..matrices.min(matrix + most / rows), rows: 0..rows },
            false => Self { matrices: matrix..matrix + 1, rows: inside..rows.min(inside + most) },
        }
    }

    fn gemm(&self, of: Of<'_>, factors: &Factors) -> Gemm {
        let (product, [rows, columns], shared) = (of.product(), factors.lens, factors.shared);
        let [left, right] = [rows, columns].map(|len| product.pitch(len));
        let apart = [shared * left, shared * right, rows * columns];
        let [a, b] = factors.operands;
        let first = [self.rows.start, 0, self.rows.start * columns];
        let place = |side: usize, address: u64| {
            let elements = self.matrices.start * apart[side] + first[side];
            address + (elements * product.dtype.size()) as u64
        };
        Gemm {
            dtype: product.dtype,
            lens: [self.rows.len(), columns, shared],
            places: [place(0, a), place(1, b), place(2, factors.sums)],
            pitches: [left, right, columns],
            apart,
            matrices: self.matrices.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_multiplied_once() {
        for (rows, matrices, most) in [(7, 3, 1), (7, 3, 4), (7, 3, 7), (7, 3, 15), (7, 3, 100), (1, 5, 2), (9, 1, 8)] {
            let (mut row, mut found) = (0, vec![]);
            while row < rows * matrices {
                let part = Rows::next(row, (rows, matrices), most);
                assert!(part.matrices.len() * part.rows.len() <= most, "{part:?}");
                row += part.matrices.len() * part.rows.len();
                found.extend(part.matrices.flat_map(|m| part.rows.clone().map(move |r| m * rows + r)));
            }
            assert_eq!(found, (0..rows * matrices).collect::<Vec<_>>(), "{rows} {matrices} {most}");
        }
    }
}
