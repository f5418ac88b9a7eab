//! Whether two results are the same to the bit, however each of them is cut.

use cleave_ops::{Chunks, DataRef, Region, Scalar, bytes_of};
use cleave_plan::stage::{block_region, unravel};
use cleave_plan::{Block, Source, SourceError};

/// Where two results of one shape differ.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// Elements that differ.
    pub(crate) count: u64,
    /// Elements that there are.
    pub(crate) of: u64,
    /// The first that differs.
    pub(crate) place: Vec<usize>,
    /// What stands there.
    pub(crate) pair: (Scalar, Scalar),
}

/// Where two results of one shape and dtype differ; nans are one, whatever their bits.
pub(crate) fn difference(a: &dyn Source, b: &dyn Source) -> Result<Option<Difference>, SourceError> {
    let joint = Chunks(a.grid().0.iter().zip(&b.grid().0).map(|(a, b)| a.refine(b)).collect());
    let of = joint.shape().size() as u64;
    let (mut left, mut right, mut found) = (Reader::of(a), Reader::of(b), None::<Difference>);
    for number in 0..joint.count() {
        let region = block_region(&joint, number);
        for row in Rows::of(&region) {
            let (x, y) = (left.row(&row, region.len.last())?, right.row(&row, region.len.last())?);
            if bytes_of(x) == bytes_of(y) {
                continue;
            }
            for i in (0..x.len()).filter(|&i| !is_same(x.get(i), y.get(i))) {
                let first = || {
                    let mut place = row.clone();
                    place.last_mut().into_iter().for_each(|last| *last += i);
                    Difference { count: 0, of, place, pair: (x.get(i), y.get(i)) }
                };
                found.get_or_insert_with(first).count += 1;
            }
        }
    }
    Ok(found)
}

fn is_same(a: Scalar, b: Scalar) -> bool {
    match (a, b) {
        (Scalar::Float(a), Scalar::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        _ => a == b,
    }
}

/// Where the rows of a region begin.
struct Rows<'a> {
    region: &'a Region,
    next: usize,
}

impl<'a> Rows<'a> {
    fn of(region: &'a Region) -> Self {
        Self { region, next: 0 }
    }
}

impl Iterator for Rows<'_> {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let outer = &self.region.len[..self.region.len.ndim().saturating_sub(1)];
        if self.region.size() == 0 || self.next == outer.iter().product::<usize>() {
            return None;
        }
        let inside = unravel(self.next, outer);
        self.next += 1;
        let all = inside.iter().copied().chain([0]);
        Some(self.region.start.iter().zip(all).map(|(start, i)| start + i).collect())
    }
}

/// A result that is read row by row; the block at hand is kept.
struct Reader<'a> {
    source: &'a dyn Source,
    block: Option<(Region, Block)>,
}

impl<'a> Reader<'a> {
    fn of(source: &'a dyn Source) -> Self {
        Self { source, block: None }
    }

    /// So many elements from a place on, which lie in one block.
    fn row(&mut self, place: &[usize], len: Option<&usize>) -> Result<DataRef<'_>, SourceError> {
        let is_inside = |region: &Region| {
            region.start.iter().zip(region.ends()).zip(place).all(|((start, end), i)| (*start..end).contains(i))
        };
        if !self.block.as_ref().is_some_and(|(region, _)| is_inside(region)) {
            let grid = self.source.grid();
            let index: Vec<usize> = grid.0.iter().zip(place).map(|(axis, &i)| axis.find(i)).collect();
            self.block = Some((grid.region(&index), self.source.block(&index)?));
        }
        let (region, block) = self.block.as_ref().expect("the block was read just above");
        let inside = place.iter().zip(&region.start).map(|(i, start)| i - start);
        let at: usize = inside.zip(&region.len.strides()).map(|(i, stride)| i * stride).sum();
        Ok(block.elements().slice(at..at + len.copied().unwrap_or(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_cpu::BlockSource;
    use cleave_ops::{AxisChunks, DType, Data};
    use std::sync::Arc;

    /// Element `i` of 7 × 5 is `value(i)`, in chunks of these lengths.
    fn source(chunks: [usize; 2], value: impl Fn(usize) -> f64) -> BlockSource {
        let grid = Chunks([AxisChunks::regular(7, chunks[0]), AxisChunks::regular(5, chunks[1])].into_iter().collect());
        let block = |number| {
            let region = block_region(&grid, number);
            let element = |i| {
                let inside = unravel(i, &region.len);
                value((region.start[0] + inside[0]) * 5 + region.start[1] + inside[1])
            };
            Arc::new(Data::F64((0..region.size()).map(element).collect()))
        };
        let blocks = (0..grid.count()).map(block).collect();
        BlockSource::new(&grid, DType::F64, blocks)
    }

    fn compared(value: impl Fn(usize) -> f64, other: impl Fn(usize) -> f64) -> Vec<Option<Difference>> {
        let cuts = [[7, 5], [3, 2], [1, 5], [2, 3]];
        let pairs = cuts.iter().flat_map(|a| cuts.iter().map(move |b| (*a, *b)));
        pairs.map(|(a, b)| difference(&source(a, &value), &source(b, &other)).expect("they can be read")).collect()
    }

    #[test]
    fn results_are_compared_to_the_bit_however_they_are_cut() {
        let ramp = |i: usize| i as f64;
        assert!(compared(ramp, ramp).iter().all(Option::is_none));
        for found in compared(ramp, |i| if i % 10 == 8 { -1.0 } else { i as f64 }) {
            let want = (3, 35, vec![1, 3], (Scalar::Float(8.0), Scalar::Float(-1.0)));
            assert_eq!(found.map(|d| (d.count, d.of, d.place, d.pair)), Some(want));
        }
        assert!(compared(|_| 0.0, |_| -0.0).iter().flatten().all(|d| d.count == 35), "zeros have signs");
        assert!(compared(|_| f64::NAN, |_| -f64::NAN).iter().all(Option::is_none), "nans are one");
    }

    #[test]
    fn a_number_is_a_result_too() {
        let of = |x: f64| {
            let grid = Chunks([].into_iter().collect());
            BlockSource::new(&grid, DType::F64, vec![Arc::new(Data::F64(vec![x]))])
        };
        assert_eq!(difference(&of(1.0), &of(1.0)).expect("they can be read"), None);
        let found = difference(&of(1.0), &of(2.0)).expect("they can be read").map(|d| (d.count, d.place));
        assert_eq!(found, Some((1, vec![])));
    }
}
