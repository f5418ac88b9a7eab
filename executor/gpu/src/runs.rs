//! Where the elements of a part of a box lie, the box being row-major in memory.

use cleave_ops::Region;

/// The elements of a part, in order, as runs of one length that lie in one piece each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Runs {
    /// Elements of each.
    pub(crate) len: usize,
    /// Where each begins in the box.
    pub(crate) places: Vec<usize>,
}

impl Runs {
    /// Those of a part of a box.
    pub(crate) fn of(part: &Region, whole: &Region) -> Self {
        let axes = part.len.ndim();
        let is_cut = |&axis: &usize| part.len[axis] != whole.len[axis];
        // All behind the last axis that is cut lies in one piece.
        let cut = (0..axes).rev().find(is_cut).unwrap_or(0);
        let (strides, mut places) = (whole.len.strides(), vec![0]);
        for axis in 0..axes {
            let (first, stride) = (part.start[axis] - whole.start[axis], strides[axis]);
            let many = if axis < cut { part.len[axis] } else { 1 };
            let along = |place: usize| (first..first + many).map(move |number| place + number * stride);
            places = places.into_iter().flat_map(along).collect();
        }
        Self { len: (cut..axes).map(|axis| part.len[axis]).product(), places }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_ops::Shape;

    fn region(start: &[usize], len: &[usize]) -> Region {
        Region { start: start.iter().copied().collect(), len: Shape::new(len.iter().copied()) }
    }

    #[test]
    fn elements_of_a_part_are_found_in_order() {
        let whole = region(&[2, 0, 5], &[4, 3, 6]);
        let one = |start: &[usize], len: &[usize]| Runs::of(&region(start, len), &whole);
        assert_eq!(one(&[2, 0, 5], &[4, 3, 6]), Runs { len: 72, places: vec![0] });
        assert_eq!(one(&[3, 0, 5], &[2, 3, 6]), Runs { len: 36, places: vec![18] });
        assert_eq!(one(&[3, 1, 5], &[2, 2, 6]), Runs { len: 12, places: vec![24, 42] });
        assert_eq!(one(&[2, 1, 7], &[1, 2, 3]), Runs { len: 3, places: vec![8, 14] });
        let none = region(&[], &[]);
        assert_eq!(Runs::of(&none, &none), Runs { len: 1, places: vec![0] });
    }
}
