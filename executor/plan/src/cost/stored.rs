//! Which blocks of stored arrays a stage reads, and how often.

use crate::program::{Action, Origin, Program, Step};
use crate::source::{Source, Sources};
use crate::stage::Stage;
use cleave_graph::SourceId;
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Region, Shape, View};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::ops::Range;

/// Tasks that are followed to see how often blocks are read again.
const FOLLOWED: usize = 32;
/// The most blocks of a task that are followed one by one.
const MOST_BLOCKS: usize = 256;

/// How a stage uses one stored array.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// The source.
    pub source: SourceId,
    /// Indices from the first to the last that is used, on each axis of the source.
    pub extent: SmallVec<[usize; 4]>,
    /// Bytes of the elements used, each counted once.
    pub used_bytes: u64,
    /// Blocks that hold some of them.
    pub blocks: f64,
    /// Block reads, blocks read again counted again.
    pub reads: f64,
    /// Bytes of all block reads once unpacked.
    pub decoded_bytes: u64,
    /// Bytes on disk for a byte unpacked.
    pub packed: f64,
}

/// The stored arrays a stage reads that do not lie in memory.
pub fn usages(stage: &Stage, sources: &Sources, cache_bytes: u64) -> Vec<Usage> {
    let mut found = Vec::new();
    let mut note = |program: &Program, step: &Step| {
        let Action::Load { origin: Origin::Stored(id), shape, view } = &step.action else { return };
        if let Some(source) = sources.get(id).filter(|s| !s.is_resident()) {
            let whole = program.space == stage.space;
            found.push(usage(*id, source.as_ref(), shape, view, whole.then_some(stage), cache_bytes));
        }
    };
    stage.programs().for_each(|program| program.each_step(&mut note));
    found
}

fn usage(
    id: SourceId,
    source: &dyn Source,
    shape: &Shape,
    view: &View,
    stage: Option<&Stage>,
    cache_bytes: u64,
) -> Usage {
    let (grid, size) = (&source.grid().0, source.dtype().size() as f64);
    let all = Region::whole(&view.shape);
    let (mut blocks, mut bytes, mut used) = (1.0, size, size);
    let mut extent = SmallVec::new();
    for (axis, chunks) in view.source.iter().zip(grid) {
        let touched = touch(axis, chunks, &all);
        (blocks, bytes, used) = (blocks * touched.chunks, bytes * touched.elements, used * touched.indices as f64);
        extent.push(touched.extent);
    }
    let again = stage.map_or(1.0, |stage| rereads(stage, view, grid, bytes, blocks, cache_bytes));
    let stored = source.stored_bytes().map_or(1.0, |n| n as f64);
    let whole = shape.iter().map(|&n| n as f64).product::<f64>() * size;
    let packed = if stored > 1.0 { (stored / whole.max(1.0)).clamp(0.01, 1.0) } else { 0.5 };
    Usage {
        source: id,
        extent,
        used_bytes: used as u64,
        blocks,
        reads: blocks * again,
        decoded_bytes: (bytes * again) as u64,
        packed,
    }
}

/// What a region uses of one axis of a source.
struct Touched {
    /// The chunks from the first to the last.
    range: Range<usize>,
    /// How many of them are read.
    chunks: f64,
    /// Their elements.
    elements: f64,
    /// From the first index to the last.
    extent: usize,
    /// How many indices are used.
    indices: usize,
}

fn touch(axis: &SourceAxis, chunks: &AxisChunks, region: &Region) -> Touched {
    let steps: usize = axis.terms.iter().map(|t| region.len[t.axis]).product();
    if steps == 0 || chunks.total() == 0 {
        return Touched { range: 0..0, chunks: 0.0, elements: 0.0, extent: 0, indices: 0 };
    }
    let first = axis.at(&region.start);
    let (below, above) = axis.range(&region.len);
    let inside = |index: i64| (index.max(0) as usize).min(chunks.total() - 1);
    let (low, high) = (inside(first + below - axis.start), inside(first + above - axis.start));
    let count = steps.min(high - low + 1);
    let (from, to) = (place(chunks, low), place(chunks, high));
    let between = to.number - from.number + 1;
    let read = between.min(count);
    let elements = (to.start + to.len - from.start) as f64 * read as f64 / between as f64;
    Touched { range: from.number..to.number + 1, chunks: read as f64, elements, extent: high - low + 1, indices: count }
}

struct Place {
    number: usize,
    start: usize,
    len: usize,
}

/// The chunk that holds an index.
fn place(axis: &AxisChunks, index: usize) -> Place {
    let (mut start, mut number) = (0, 0);
    for &(len, count) in axis.runs() {
        if index < start + len * count {
            let nth = (index - start) / len.max(1);
            return Place { number: number + nth, start: start + nth * len, len };
        }
        (start, number) = (start + len * count, number + count);
    }
    Place { number: number.saturating_sub(1), start, len: 0 }
}

/// How often each block is read: once where all fit in the cache; else some neighbouring tasks are followed.
fn rereads(stage: &Stage, view: &View, grid: &[AxisChunks], bytes: f64, blocks: f64, cache_bytes: u64) -> f64 {
    if bytes <= cache_bytes as f64 || stage.tasks <= 1 || blocks < 2.0 {
        return 1.0;
    }
    let capacity = (cache_bytes as f64 / (bytes / blocks).max(1.0)).max(1.0) as u64;
    let followed = stage.tasks.min(FOLLOWED);
    let first = (stage.tasks - followed) / 2;
    let (mut last_use, mut clock, mut misses, mut touches) = (FxHashMap::default(), 0_u64, 0_u64, 0_u64);
    for task in first..first + followed {
        let region = stage.task_region(task);
        let ranges: SmallVec<[Range<usize>; 4]> =
            view.source.iter().zip(grid).map(|(a, chunks)| touch(a, chunks, &region).range).collect();
        let lens = Shape::new(ranges.iter().map(|r| r.len()));
        touches += lens.size() as u64;
        for number in 0..lens.size().min(MOST_BLOCKS) {
            let inside = crate::stage::unravel(number, &lens);
            let key: SmallVec<[usize; 4]> = inside.iter().zip(&ranges).map(|(i, r)| r.start + i).collect();
            clock += 1;
            let before = last_use.insert(key, clock);
            misses += u64::from(before.is_none_or(|then| clock - then > capacity));
        }
    }
    let followed_touches = clock.max(1) as f64;
    let all = touches as f64 / followed as f64 * stage.tasks as f64;
    (all * misses as f64 / followed_touches / blocks).max(1.0)
}
