//! What of a large array is printed: the corners.

use super::array::{EDGE, THRESHOLD};
use cleave_ops::{Data, DataRef, Shape, View, each_dtype};

/// The pieces of an array that are needed to print it: views to fetch, in the order that
/// [`array_str_from_corners`](super::array_str_from_corners) takes them. `None` if it is printed whole.
pub fn corners(shape: &Shape) -> Option<Vec<View>> {
    (shape.size() > THRESHOLD).then(|| pieces(shape).into_iter().map(|starts| piece(shape, &starts)).collect())
}

/// Whether only the ends of an axis are printed.
pub(super) fn is_cut(len: usize) -> bool {
    len > 2 * EDGE
}

/// The shape of the corners put together.
pub(super) fn lean_shape(shape: &Shape) -> Shape {
    shape.iter().map(|&len| if is_cut(len) { 2 * EDGE } else { len }).collect()
}

/// The corners of an array that is here.
pub(super) fn take(shape: &Shape, data: &Data) -> Data {
    let lean = lean_shape(shape);
    let strides = shape.strides();
    let at = |index: &[usize]| -> usize {
        let axis =
            |a: usize| if is_cut(shape[a]) && index[a] >= EDGE { index[a] + shape[a] - 2 * EDGE } else { index[a] };
        (0..shape.ndim()).map(|a| axis(a) * strides[a]).sum()
    };
    gather(data.as_ref(), indices(&lean).map(|index| at(&index)))
}

/// Puts fetched corners together.
pub(super) fn assemble(shape: &Shape, parts: &[Data]) -> Data {
    let lean = lean_shape(shape);
    let cuts: Vec<usize> = (0..shape.ndim()).filter(|&a| is_cut(shape[a])).collect();
    let part_shape: Shape = shape.iter().map(|&len| if is_cut(len) { EDGE } else { len }).collect();
    let strides = part_shape.strides();
    let mut joined = Data::zeros(parts[0].dtype(), 0);
    for index in indices(&lean) {
        let part = cuts.iter().fold(0, |n, &a| 2 * n + usize::from(index[a] >= EDGE));
        let within = |a: usize| if is_cut(shape[a]) { index[a] % EDGE } else { index[a] };
        let flat = (0..shape.ndim()).map(|a| within(a) * strides[a]).sum();
        push(&mut joined, &gather(parts[part].as_ref(), [flat]));
    }
    joined
}

/// For each piece, whether it is the trailing end on each axis that is cut.
fn pieces(shape: &Shape) -> Vec<Vec<bool>> {
    let cuts = shape.iter().filter(|&&len| is_cut(len)).count();
    (0..1_usize << cuts).map(|n| (0..cuts).rev().map(|bit| n >> bit & 1 == 1).collect()).collect()
}

fn piece(shape: &Shape, trailing: &[bool]) -> View {
    let mut ends = trailing.iter();
    let mut view = View::identity(shape);
    view.shape = shape.iter().map(|&len| if is_cut(len) { EDGE } else { len }).collect();
    for (axis, &len) in view.source.iter_mut().zip(shape.iter()) {
        let is_trailing = is_cut(len) && ends.next().copied().unwrap_or(false);
        axis.start = if is_trailing { (len - EDGE) as i64 } else { 0 };
    }
    view
}

/// All indices of a shape in row-major order.
fn indices(shape: &Shape) -> impl Iterator<Item = Vec<usize>> {
    let (shape, strides) = (shape.clone(), shape.strides());
    (0..shape.size()).map(move |flat| (0..shape.ndim()).map(|a| flat / strides[a] % shape[a]).collect())
}

fn gather(data: DataRef<'_>, at: impl IntoIterator<Item = usize>) -> Data {
    each_dtype!(DataRef, data, v => collect(v, at))
}

fn collect<T: cleave_ops::data::Element>(from: &[T], at: impl IntoIterator<Item = usize>) -> Data {
    T::wrap(at.into_iter().map(|i| from[i]).collect())
}

fn push(joined: &mut Data, more: &Data) {
    each_dtype!(Data, more, v => append(joined, v));
}

fn append<T: cleave_ops::data::Element>(joined: &mut Data, more: &[T]) {
    if let Some(vec) = T::of_mut(joined) {
        vec.extend_from_slice(more);
    }
}
