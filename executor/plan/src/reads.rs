//! Which blocks of what exists a range of tasks may read.

use crate::contract::{ContractWork, Operand, Side};
use crate::locals::image;
use crate::plan::Plan;
use crate::program::{Action, Making, Origin, Program, Step};
use crate::progression::hit;
use crate::source::Sources;
use crate::stage::{FoldWork, Work, unravel};
use cleave_ops::{AxisChunks, Chunks, Region, Shape, View};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::ops::Range;

/// The blocks of sources and of values between stages that tasks of a stage touch, as runs of row-major numbers,
/// ascending: all they read and perhaps a few more. Blocks are those in which a source is stored and in which a
/// value between stages waits.
pub fn reads(plan: &Plan, stage: usize, tasks: Range<usize>, sources: &Sources) -> Vec<(Origin, Vec<Range<usize>>)> {
    let mut reads = Reads { plan, sources, found: BTreeMap::new() };
    let stage = &plan.stages[stage];
    match &stage.work {
        Work::Store(work) => {
            let boxes = boxes(&work.boxes.numblocks(), tasks);
            boxes.iter().for_each(|blocks| reads.program(&stage.program, &covered(&work.boxes, blocks)));
        }
        Work::Fold(work) => {
            fold_regions(work, tasks).iter().for_each(|region| reads.program(&stage.program, region));
        }
        Work::Joint(work) => tasks.for_each(|task| reads.program(&stage.program, &work.region(task))),
        Work::Contract(work) => reads.product(work, &stage.program, tasks),
    }
    reads.found.into_iter().map(|(origin, runs)| (origin, joined(runs))).collect()
}

struct Reads<'a> {
    plan: &'a Plan,
    sources: &'a Sources,
    found: BTreeMap<Origin, Vec<Range<usize>>>,
}

impl Reads<'_> {
    /// What a program reads for a region of its space.
    fn program(&mut self, program: &Program, region: &Region) {
        if region.len.is_empty_array() {
            return;
        }
        for (local, part) in program.locals.iter().zip(program.local_regions(region)) {
            let Some(part) = part else { continue };
            self.steps(&local.program.steps, &part);
            if let Making::Scan { before: Some(before), .. } = &local.making {
                self.program(before, &Region::whole(&before.space));
            }
        }
        self.steps(&program.steps, region);
    }

    fn steps(&mut self, steps: &[Step], region: &Region) {
        for step in steps.iter().filter(|_| !region.len.is_empty_array()) {
            match &step.action {
                Action::Load { origin, view, .. } => self.load(*origin, view, region),
                Action::Overlay { patch, place, .. } => self.program(patch, &hit(place, region)),
                Action::Fill { .. } | Action::Map { .. } | Action::Cast { .. } => {}
            }
        }
    }

    fn load(&mut self, origin: Origin, view: &View, region: &Region) {
        let grid = match origin {
            Origin::Stored(id) => self.sources.get(&id).map(|source| source.grid()),
            Origin::Buffer(id) => Some(&self.plan.buffer(id).grid),
            Origin::Local(_) => None,
        };
        let Some(grid) = grid else { return };
        let blocks = touched(grid, &image(view, region));
        self.found.entry(origin).or_default().extend(runs(&grid.numblocks(), &blocks));
    }

    fn product(&mut self, work: &ContractWork, then: &Program, tasks: Range<usize>) {
        let panels = work.sides.shared.iter().zip(work.panel.iter()).map(|(len, side)| len.div_ceil(*side)).collect();
        for part in boxes(&Shape::new([work.boxes.count(), work.segments]), tasks) {
            let (blocks, segments) = (span(&part, 0), span(&part, 1));
            let summed = work.panels(segments.start).start..work.panels(segments.end - 1).end;
            let shared: Vec<Region> =
                boxes(&panels, summed).iter().map(|b| stretched(b, &work.panel, &work.sides.shared)).collect();
            for blocks in boxes(&work.boxes.numblocks(), blocks) {
                let region = covered(&work.boxes, &blocks);
                self.program(then, &region);
                let sides = work.block_sides(&region);
                for shared in &shared {
                    self.program(&work.left.program, &operand_region(&work.left, &sides.batch, &sides.rows, shared));
                    let right = operand_region(&work.right, &sides.batch, &sides.columns, shared);
                    self.program(&work.right.program, &right);
                }
            }
        }
    }
}

/// The regions of the space that tasks of a reduction visit.
fn fold_regions(work: &FoldWork, tasks: Range<usize>) -> Vec<Region> {
    let lattice = &work.lattice;
    if let Some(halves) = work.halves() {
        let boxes = boxes(&halves.boxes.numblocks(), tasks);
        let hulls = boxes.iter().map(|blocks| halves.pair(lattice, &covered(&halves.boxes, blocks)).hull);
        return hulls.flat_map(|hull| [halves.opposite(&hull), hull]).collect();
    }
    let sides: Shape = lattice.cell.iter().zip(lattice.superbox.iter()).map(|(cell, many)| cell * many).collect();
    let mut regions = Vec::new();
    for part in boxes(&Shape::new([work.boxes.count(), work.spans]), tasks) {
        let (kept, spans) = (span(&part, 0), span(&part, 1));
        let summed = spans.start * work.span..(spans.end * work.span).min(lattice.superbox_count());
        let reduced = boxes(&lattice.superboxes, summed);
        for kept in boxes(&work.boxes.numblocks(), kept) {
            let kept = covered(&work.boxes, &kept);
            regions.extend(reduced.iter().map(|b| lattice.join(&kept, &stretched(b, &sides, &lattice.lens))));
        }
    }
    regions
}

/// The part of an operand's space for a box of each group of axes.
fn operand_region(operand: &Operand, batch: &Region, free: &Region, shared: &Region) -> Region {
    let groups = match operand.first {
        Side::Free => [batch, free, shared],
        Side::Shared => [batch, shared, free],
    };
    Region {
        start: groups.iter().flat_map(|g| g.start.iter().copied()).collect(),
        len: groups.iter().flat_map(|g| g.len.iter().copied()).collect(),
    }
}

/// The boxes of indices whose row-major numbers make up a range: a few for each axis.
fn boxes(lens: &Shape, range: Range<usize>) -> Vec<Region> {
    let mut found = Vec::new();
    if !lens.is_empty_array() && !range.is_empty() {
        add_boxes(lens, range, &Corner::default(), &mut found);
    }
    found
}

/// Starts and lengths on the first axes.
type Corner = SmallVec<[(usize, usize); 4]>;

fn add_boxes(lens: &[usize], range: Range<usize>, outer: &Corner, found: &mut Vec<Region>) {
    let Some((_, rest)) = lens.split_first() else { return found.push(boxed(outer, lens)) };
    let (inner, mut at) = (rest.iter().product::<usize>(), range.start);
    while at < range.end {
        let (index, mut corner) = (at / inner, outer.clone());
        let whole = if at.is_multiple_of(inner) { (range.end - at) / inner } else { 0 };
        corner.push((index, whole.max(1)));
        let end = if whole > 0 { at + whole * inner } else { range.end.min((index + 1) * inner) };
        match whole {
            0 => add_boxes(rest, at - index * inner..end - index * inner, &corner, found),
            _ => found.push(boxed(&corner, rest)),
        }
        at = end;
    }
}

/// The box of a corner and all of the axes behind it.
fn boxed(corner: &Corner, rest: &[usize]) -> Region {
    let all = corner.iter().copied().chain(rest.iter().map(|&len| (0, len)));
    let (start, len): (SmallVec<[usize; 4]>, SmallVec<[usize; 4]>) = all.unzip();
    Region { start, len: Shape::new(len) }
}

/// The range of a box on an axis.
fn span(region: &Region, axis: usize) -> Range<usize> {
    region.start[axis]..region.start[axis] + region.len[axis]
}

/// The elements of a box of blocks.
fn covered(grid: &Chunks, blocks: &Region) -> Region {
    let axis = |(i, chunks): (usize, &AxisChunks)| {
        let (start, (last, len)) = (chunks.span(blocks.start[i]).0, chunks.span(span(blocks, i).end - 1));
        (start, last + len - start)
    };
    let (start, len): (SmallVec<[usize; 4]>, SmallVec<[usize; 4]>) = grid.0.iter().enumerate().map(axis).unzip();
    Region { start, len: Shape::new(len) }
}

/// The elements of a box of boxes of those sides.
fn stretched(boxes: &Region, sides: &Shape, lens: &Shape) -> Region {
    let axis = |i: usize| {
        let range = span(boxes, i);
        (range.start * sides[i], (range.end * sides[i]).min(lens[i]) - range.start * sides[i])
    };
    let (start, len): (SmallVec<[usize; 4]>, SmallVec<[usize; 4]>) = (0..lens.ndim()).map(axis).unzip();
    Region { start, len: Shape::new(len) }
}

/// The box of blocks that hold a region, no length of which is 0.
fn touched(grid: &Chunks, region: &Region) -> Region {
    let axis = |(i, chunks): (usize, &AxisChunks)| {
        let range = span(region, i);
        let first = chunks.find(range.start);
        (first, chunks.find(range.end - 1) + 1 - first)
    };
    let (start, len): (SmallVec<[usize; 4]>, SmallVec<[usize; 4]>) = grid.0.iter().enumerate().map(axis).unzip();
    Region { start, len: Shape::new(len) }
}

/// The row-major numbers of a box of indices.
fn runs(lens: &Shape, of: &Region) -> Vec<Range<usize>> {
    let strides = lens.strides();
    // Axes from this one on are covered wholly, but for the one before it.
    let whole = (0..lens.ndim()).rev().take_while(|&axis| of.len[axis] == lens[axis]).last().unwrap_or(lens.ndim());
    let run_axis = whole.saturating_sub(1);
    let outer: Shape = of.len.iter().take(run_axis).copied().collect();
    let len: usize = of.len.iter().skip(run_axis).product();
    let first = |number: usize| -> usize {
        let index = unravel(number, &outer);
        let at = (0..lens.ndim()).map(|axis| of.start[axis] + index.get(axis).unwrap_or(&0));
        at.zip(&strides).map(|(at, stride)| at * stride).sum()
    };
    (0..outer.size()).map(|number| first(number)..first(number) + len).collect()
}

/// Ranges in order, those that touch or overlap as one.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}
