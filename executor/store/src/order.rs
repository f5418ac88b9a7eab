//! Elements in another order than they are stored in, as views that are copied out row by row.

use cleave_ops::Shape;
use ndarray::{ArrayView, ArrayViewD, IxDyn, ShapeBuilder};

/// Elements of which the first axis varies fastest, reordered so that the last one does.
pub(crate) fn to_rows<T: Clone>(columns: &[T], shape: &Shape) -> Vec<T> {
    let view = ArrayView::from_shape(IxDyn(shape).f(), columns).expect("a block has as many elements as its shape");
    row_by_row(&view)
}

/// The elements of a view, copied with loops along its innermost axis; stepping an iterator takes far longer.
fn row_by_row<T: Clone>(view: &ArrayViewD<'_, T>) -> Vec<T> {
    view.as_standard_layout().into_owned().into_raw_vec_and_offset().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_rows() {
        assert_eq!(to_rows(&[1, 4, 2, 5, 3, 6], &Shape::new([2, 3])), [1, 2, 3, 4, 5, 6]);
        let shape = Shape::new([2, 3, 4]);
        let column_major: Vec<usize> = (0..24).map(|at| at % 2 * 12 + at / 2 % 3 * 4 + at / 6).collect();
        assert_eq!(to_rows(&column_major, &shape), (0..24).collect::<Vec<_>>());
        assert_eq!(to_rows(&[7], &Shape::default()), [7]);
    }
}
