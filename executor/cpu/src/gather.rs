//! Elements of data that exists, seen through a view, for one tile.

use crate::cache::{Cache, Held, Key, Last, resident};
use crate::copy::{Walk, copy_box};
use cleave_graph::SourceId;
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Data, DataRef, Region, Shape, View};
use cleave_plan::{RunError, Source};
use smallvec::SmallVec;
use std::sync::Arc;

/// What a `Load` step reads.
pub(crate) enum Reader<'a> {
    /// What an earlier stage left, dense.
    Buffer { data: DataRef<'a>, shape: &'a Shape },
    /// Blocks of a source.
    Stored(Stored<'a>),
}

pub(crate) struct Stored<'a> {
    pub(crate) id: SourceId,
    pub(crate) source: &'a Arc<dyn Source>,
    pub(crate) cache: &'a Cache,
    /// The block read last, since neighbouring tiles want the same.
    pub(crate) last: Option<(SmallVec<[usize; 4]>, Last)>,
    /// Whether it lies in a mapped file, and how often such had been let go when a block was read last.
    mapped: Option<u64>,
}

/// Elements that lie in memory in the order of a tile, and the first of them.
pub(crate) enum Run<'a> {
    Dense(DataRef<'a>, usize),
    Held(Arc<Held>, usize),
}

impl Run<'_> {
    /// So many elements from one of the tile on.
    pub(crate) fn elements(&self, from: usize, len: usize) -> DataRef<'_> {
        match self {
            Run::Dense(data, first) => data.slice(first + from..first + from + len),
            Run::Held(held, first) => held.block.elements().slice(first + from..first + from + len),
        }
    }
}

impl<'a> Reader<'a> {
    /// Where the elements of a region lie, if they do in their order and in memory that stays.
    pub(crate) fn run(&mut self, view: &View, region: &Region) -> Result<Option<Run<'a>>, RunError> {
        match self {
            Reader::Buffer { data, shape } => {
                Ok(run_in(&Region::whole(shape), view, region).map(|first| Run::Dense(*data, first)))
            }
            Reader::Stored(stored) => stored.run(view, region),
        }
    }
}

/// Writes the elements of `region`, row-major, seen through `view`; `out` has their number already.
pub(crate) fn gather(reader: &mut Reader<'_>, view: &View, region: &Region, out: &mut Data) -> Result<(), RunError> {
    match reader {
        Reader::Buffer { data, shape } => {
            let first = source_index(view, &region.start);
            let from = walk(view, &first, shape);
            copy_box(&region.len, *data, &from, out, &Walk::whole(&region.len));
            Ok(())
        }
        Reader::Stored(stored) => stored.gather(view, region, out),
    }
}

/// The same, where `data` holds a region of the source.
pub(crate) fn gather_part(data: DataRef<'_>, kept: &Region, view: &View, region: &Region, out: &mut Data) {
    let first = source_index(view, &region.start);
    let inside: SmallVec<[usize; 4]> = first.iter().zip(&kept.start).map(|(a, b)| a - b).collect();
    let from = walk(view, &inside, &kept.len);
    copy_box(&region.len, data, &from, out, &Walk::whole(&region.len));
}

/// Where the elements of a region begin in the part of the source that is kept, if they lie there in their order.
pub(crate) fn run_in(kept: &Region, view: &View, region: &Region) -> Option<usize> {
    let strides = kept.len.strides();
    let mut next = 1;
    for axis in (0..region.len.ndim()).rev().filter(|&axis| region.len[axis] > 1) {
        let steps = view.source.iter().zip(&strides).map(|(s, &stride)| s.step_on(axis) * stride as i64);
        if steps.sum::<i64>() != next {
            return None;
        }
        next *= region.len[axis] as i64;
    }
    let at = |(s, start): (&SourceAxis, &usize)| s.at(&region.start) as usize - start;
    Some(view.source.iter().zip(&kept.start).map(at).zip(&strides).map(|(at, stride)| at * stride).sum())
}

impl<'a> Stored<'a> {
    pub(crate) fn new(id: SourceId, source: &'a Arc<dyn Source>, cache: &'a Cache) -> Self {
        Self { id, source, cache, last: None, mapped: source.is_mapped().then_some(0) }
    }

    /// Notes that so many runs of so many elements are looked at, if that takes memory.
    fn see(&mut self, runs: usize, len: usize) {
        let Some(times) = &mut self.mapped else { return };
        self.cache.mapped.see(runs, len * self.source.dtype().size());
        if *times != self.cache.mapped.times() {
            (*times, self.last) = (self.cache.mapped.times(), None);
        }
    }

    /// Where the elements of a region lie, if that is in order in one block that is in memory.
    fn run<'r>(&mut self, view: &View, region: &Region) -> Result<Option<Run<'r>>, RunError> {
        if region.len.is_empty_array() {
            return Ok(None);
        }
        let last: SmallVec<[usize; 4]> = region.ends().map(|end| end - 1).collect();
        let corners = source_index(view, &region.start).into_iter().zip(source_index(view, &last));
        let (mut index, mut start, mut len) = (SmallVec::new(), SmallVec::new(), SmallVec::<[usize; 4]>::new());
        for (axis, (first, last)) in self.source.grid().0.iter().zip(corners) {
            let place = locate(axis, first);
            if !(place.start..place.start + place.len).contains(&last) {
                return Ok(None);
            }
            index.push(place.number);
            start.push(place.start);
            len.push(place.len);
        }
        let block = Region { start, len: Shape::new(len) };
        match run_in(&block, view, region).filter(|_| self.source.is_block_resident(&index)) {
            Some(first) => {
                self.see(1, region.size());
                Ok(Some(Run::Held(self.block(index)?, first)))
            }
            None => Ok(None),
        }
    }

    /// Copies a tile; places of windows one after the other, since each lies elsewhere in the blocks.
    fn gather(&mut self, view: &View, region: &Region, out: &mut Data) -> Result<(), RunError> {
        let inside = |axis: usize| view.source.iter().flat_map(|s| s.terms.iter().skip(1)).any(|t| t.axis == axis);
        let places: Shape =
            region.len.iter().enumerate().map(|(axis, &len)| if inside(axis) { len } else { 1 }).collect();
        for number in 0..places.size() {
            let first = cleave_plan::stage::unravel(number, &places);
            let len = |axis: usize| if inside(axis) { 1 } else { region.len[axis] };
            let lens: SmallVec<[usize; 4]> = (0..region.len.ndim()).map(len).collect();
            self.copy_parts(view, region, &first, &lens, out)?;
        }
        Ok(())
    }

    /// Cuts a part of a tile where any source axis passes from one block to the next, and copies piece by piece.
    fn copy_parts(
        &mut self,
        view: &View,
        region: &Region,
        first: &[usize],
        lens: &[usize],
        out: &mut Data,
    ) -> Result<(), RunError> {
        let grid = self.source.grid();
        let corner: SmallVec<[usize; 4]> = region.start.iter().zip(first).map(|(a, b)| a + b).collect();
        let pieces: SmallVec<[SmallVec<[usize; 4]>; 4]> =
            (0..lens.len()).map(|axis| cuts(view, &grid.0, axis, &corner, lens[axis])).collect();
        let counts: Shape = pieces.iter().map(|p| p.len() - 1).collect();
        for number in 0..counts.size() {
            let index = cleave_plan::stage::unravel(number, &counts);
            let at: SmallVec<[usize; 4]> = index.iter().zip(&pieces).zip(first).map(|((&i, p), f)| p[i] + f).collect();
            let lens: SmallVec<[usize; 4]> = index.iter().zip(&pieces).map(|(&i, p)| p[i + 1] - p[i]).collect();
            self.copy_part(view, region, &at, &lens, out)?;
        }
        Ok(())
    }

    /// Copies the part of a tile from `at` on that lies in one block.
    fn copy_part(
        &mut self,
        view: &View,
        region: &Region,
        at: &[usize],
        lens: &[usize],
        out: &mut Data,
    ) -> Result<(), RunError> {
        let start: SmallVec<[usize; 4]> = region.start.iter().zip(at).map(|(a, b)| a + b).collect();
        let mut first = source_index(view, &start);
        let mut block = SmallVec::<[usize; 4]>::new();
        let mut shape = SmallVec::<[usize; 4]>::new();
        for (axis, index) in self.source.grid().0.iter().zip(&mut first) {
            let place = locate(axis, *index);
            block.push(place.number);
            shape.push(place.len);
            *index -= place.start;
        }
        let from = walk(view, &first, &Shape::new(shape));
        if self.source.is_resident() {
            let whole = from.strides.last().is_some_and(|&step| step.abs() == 1);
            let (outer, inner) = lens.split_at(lens.len() - usize::from(whole));
            self.see(outer.iter().product(), inner.iter().product());
        }
        let held = self.block(block)?;
        copy_box(lens, held.block.elements(), &from, out, &Walk::inside(at, &region.len));
        Ok(())
    }

    fn block(&mut self, index: SmallVec<[usize; 4]>) -> Result<Arc<Held>, RunError> {
        let last = self.last.as_ref().filter(|(last, _)| *last == index);
        if let Some(held) = last.and_then(|(_, last)| last.block()) {
            return Ok(held);
        }
        if self.source.is_block_resident(&index) {
            let held = resident(self.source.block(&index).map_err(RunError::read)?);
            self.last = Some((index, Last::Resident(Arc::clone(&held))));
            return Ok(held);
        }
        let key: Key = (self.id, index);
        let held = self.cache.block(&key, self.source)?;
        self.last = Some((key.1, Last::Cached(Arc::downgrade(&held))));
        Ok(held)
    }
}

/// The source index of an index of the view.
fn source_index(view: &View, index: &[usize]) -> SmallVec<[usize; 4]> {
    view.source.iter().map(|s| s.at(index) as usize).collect()
}

/// The walk through a row-major array of `shape` from `first` on that follows the view's axes.
fn walk(view: &View, first: &[usize], shape: &Shape) -> Walk {
    let mut strides: SmallVec<[isize; 4]> = SmallVec::from_elem(0, view.shape.ndim());
    let mut base = 0;
    for ((s, &index), &stride) in view.source.iter().zip(first).zip(&shape.strides()) {
        base += (index * stride) as isize;
        for term in &s.terms {
            strides[term.axis] += term.step as isize * stride as isize;
        }
    }
    Walk { base, strides }
}

/// Where to cut a box along an axis, from 0 to its length, so that no part passes a block's edge. Source axes
/// that follow two axes of the box are cut along one of them, the other having length 1.
fn cuts(view: &View, grid: &[AxisChunks], axis: usize, corner: &[usize], len: usize) -> SmallVec<[usize; 4]> {
    let mut index: SmallVec<[usize; 4]> = SmallVec::from_slice(corner);
    let mut cuts: SmallVec<[usize; 4]> = SmallVec::from_slice(&[0]);
    let mut at = 0;
    while at < len {
        let mut next = len;
        index[axis] = corner[axis] + at;
        for (chunks, s) in grid.iter().zip(&view.source).filter(|(_, s)| s.follows(axis)) {
            let (source, step) = (s.at(&index) as usize, s.step_on(axis));
            let place = locate(chunks, source);
            let inside = source - place.start;
            let left = if step > 0 { place.len - 1 - inside } else { inside };
            next = next.min(at + left / step.unsigned_abs() as usize + 1);
        }
        cuts.push(next);
        at = next;
    }
    cuts
}

/// A chunk on one axis.
pub(crate) struct Place {
    pub(crate) number: usize,
    start: usize,
    len: usize,
}

/// The chunk that holds an index.
pub(crate) fn locate(axis: &AxisChunks, index: usize) -> Place {
    let (mut start, mut number) = (0, 0);
    for &(len, count) in axis.runs() {
        if index < start + len * count {
            let nth = (index - start) / len;
            return Place { number: number + nth, start: start + nth * len, len };
        }
        (start, number) = (start + len * count, number + count);
    }
    unreachable!("a view stays inside its source")
}
