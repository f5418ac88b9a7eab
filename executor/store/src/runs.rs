//! Where the elements of a box lie in a row-major array: runs of neighbours.

use cleave_ops::{AxisChunks, Chunks, Region, Shape};

/// The runs of neighbouring elements a box consists of.
pub(crate) struct Runs {
    /// Elements of one run.
    pub(crate) len: usize,
    /// Elements of the array.
    pub(crate) whole_len: usize,
    start: usize,
    /// The lengths of the box and the strides of the array, on the axes outside a run.
    outer: Vec<(usize, usize)>,
    count: usize,
}

impl Runs {
    /// The runs of `region` in an array of shape `whole`; the region must lie inside.
    pub(crate) fn new(whole: &Shape, region: &Region) -> Self {
        let strides = whole.strides();
        let mut inner = whole.ndim();
        while inner > 0 && (inner == whole.ndim() || region.len[inner] == whole[inner]) {
            inner -= 1;
        }
        let outer: Vec<_> = region.len[..inner].iter().copied().zip(strides[..inner].iter().copied()).collect();
        let len = region.len[inner..].iter().product();
        Self {
            len,
            whole_len: whole.size(),
            start: region.start.iter().zip(&strides).map(|(start, stride)| start * stride).sum(),
            count: if len == 0 { 0 } else { outer.iter().map(|axis| axis.0).product() },
            outer,
        }
    }

    /// The first element of each run, counted in the array, in the order of the box.
    pub(crate) fn starts(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.count).map(|run| self.start_of(run))
    }

    fn start_of(&self, mut run: usize) -> usize {
        let mut start = self.start;
        for &(len, stride) in self.outer.iter().rev() {
            start += run % len * stride;
            run /= len;
        }
        start
    }
}

/// The box of one chunk, given its index on each axis; none if there is no such chunk.
pub(crate) fn region_of(grid: &Chunks, index: &[usize]) -> Option<Region> {
    if grid.0.len() != index.len() {
        return None;
    }
    let spans: Option<Vec<_>> = grid.0.iter().zip(index).map(|(axis, &at)| span(axis, at)).collect();
    let (start, len): (Vec<usize>, Vec<usize>) = spans?.into_iter().unzip();
    Some(Region { start: start.into(), len: Shape::new(len) })
}

fn span(axis: &AxisChunks, mut at: usize) -> Option<(usize, usize)> {
    let mut start = 0;
    for &(len, count) in axis.runs() {
        if at < count {
            return Some((start + at * len, len));
        }
        at -= count;
        start += len * count;
    }
    None
}

/// Chunks of equal shape, cut at the array's end.
pub(crate) fn regular_grid(shape: &Shape, chunk: &[usize]) -> Chunks {
    Chunks(shape.iter().zip(chunk).map(|(&len, &chunk)| AxisChunks::regular(len, chunk)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_visit_the_elements_of_the_box_in_order(
            axes in prop::collection::vec((0usize..5).prop_flat_map(|n| (Just(n), 0..=n).prop_flat_map(|(n, s)| (Just(n), Just(s), 0..=n - s))), 0..4),
        ) {
            let whole = Shape::new(axes.iter().map(|a| a.0));
            let region = Region {
                start: axes.iter().map(|a| a.1).collect(),
                len: Shape::new(axes.iter().map(|a| a.2)),
            };
            let runs = Runs::new(&whole, &region);
            let visited: Vec<usize> = runs.starts().flat_map(|start| start..start + runs.len).collect();
            let strides = whole.strides();
            let inside = |at: usize| {
                axes.iter().zip(&strides).all(|(axis, stride)| {
                    let index = at / stride % axis.0;
                    (axis.1..axis.1 + axis.2).contains(&index)
                })
            };
            let expected: Vec<usize> = (0..whole.size()).filter(|&at| inside(at)).collect();
            prop_assert_eq!(visited, expected);
        }
    }

    #[test]
    fn a_chunk_outside_the_grid_has_no_region() {
        let grid = regular_grid(&Shape::new([5, 4]), &[2, 4]);
        let edge = region_of(&grid, &[2, 0]).map(|region| (region.start.to_vec(), region.len.to_vec()));
        assert_eq!(edge, Some((vec![4, 0], vec![1, 4])));
        assert!(region_of(&grid, &[3, 0]).is_none());
        assert!(region_of(&grid, &[0]).is_none());
    }
}
