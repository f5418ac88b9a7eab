//! Planes whose rows become columns.

#[cfg(target_arch = "x86_64")]
mod wide;

use cleave_ops::data::Element;
use cleave_ops::{Data, DataRef, Plane, each_dtype};

/// The elements of a row that are taken at once: whole cache lines, so that each is fetched once.
const WIDTH: usize = 16;
/// The rows that are taken before their columns are written: many, so that many lines are on their way at a time,
/// and few enough to stay in the fastest cache.
const HEIGHT: usize = 64;
/// Planes with a shorter side are not worth it.
const LEAST: usize = 8;

/// Whether a plane's rows lie in order where it is read and its columns where it is written.
pub(crate) fn turns(from: &Plane, to: &Plane, lens: [usize; 2]) -> bool {
    from.strides[1] == 1 && to.strides[0] == 1 && lens.iter().all(|&len| len >= LEAST)
}

/// Copies such a plane.
pub(crate) fn turn(src: DataRef<'_>, from: Plane, dst: &mut Data, to: Plane, lens: [usize; 2]) {
    #[cfg(target_arch = "x86_64")]
    if wide::turn(src, from, dst, to, lens) {
        return;
    }
    each_dtype!(DataRef, src, x => {
        turn_slice(x, from, Element::of_mut(dst).expect("both sides of a copy have one dtype"), to, lens);
    });
}

fn turn_slice<T: Element>(x: &[T], from: Plane, y: &mut [T], to: Plane, lens: [usize; 2]) {
    let mut rows = [[T::default(); WIDTH]; HEIGHT];
    for column in (0..lens[1]).step_by(WIDTH) {
        for row in (0..lens[0]).step_by(HEIGHT) {
            let (height, width) = (HEIGHT.min(lens[0] - row), WIDTH.min(lens[1] - column));
            let (read, write) = (at(&from, row, column), at(&to, row, column));
            take(x, read, from.strides[0], width, &mut rows[..height]);
            for j in 0..width {
                let write = write.wrapping_add_signed(to.strides[1] * j as isize);
                let out = &mut y[write..write + height];
                out.iter_mut().zip(&rows).for_each(|(to, row)| *to = row[j]);
            }
        }
    }
}

fn at(plane: &Plane, row: usize, column: usize) -> usize {
    let apart = plane.strides[0] * row as isize + plane.strides[1] * column as isize;
    plane.base.wrapping_add_signed(apart)
}

/// Takes the first elements of some rows; a width known beforehand makes wide loads.
fn take<T: Element>(x: &[T], first: usize, stride: isize, width: usize, rows: &mut [[T; WIDTH]]) {
    for (i, row) in rows.iter_mut().enumerate() {
        let start = first.wrapping_add_signed(stride * i as isize);
        match width {
            WIDTH => row.copy_from_slice(&x[start..start + WIDTH]),
            _ => row[..width].copy_from_slice(&x[start..start + width]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_copied_once() {
        for [rows, columns] in [[8, 8], [9, 17], [64, 16], [130, 40], [65, 33]] {
            let (wide, high) = (columns + 3, rows + 2);
            let source = Data::I64((0..(rows * wide) as i64).collect());
            let mut turned = Data::I64(vec![-1; columns * high]);
            let from = Plane { base: 2, strides: [wide as isize, 1] };
            let to = Plane { base: 1, strides: [1, high as isize] };
            assert!(turns(&from, &to, [rows, columns]));
            turn(source.as_ref(), from, &mut turned, to, [rows, columns]);
            let value = |place: usize| match (place / high, (place % high).checked_sub(1)) {
                (column, Some(row)) if row < rows => (row * wide + column + 2) as i64,
                _ => -1,
            };
            assert_eq!(turned, Data::I64((0..columns * high).map(value).collect()), "{rows} by {columns}");
        }
    }
}
