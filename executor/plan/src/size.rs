//! How much one task does: by work, memory and how storage is cut, never by the chunks a user wrote.

use crate::lattice::{Lattice, TILE_LEN, inner_box};
use crate::plan::Options;
use crate::program::{Action, Origin, Program};
use crate::stage::StoreWork;
use cleave_graph::SCAN_LEN;
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, Shape};

/// Additions that take a few milliseconds.
const TASK_WORK: f64 = 1e7;
/// Bounds of a task in elements.
const TASK_LEN: (usize, usize) = (1 << 14, 1 << 22);
/// The most elements of a block of the engine's choice.
const BLOCK_LEN: usize = 1 << 18;
/// Work and elements of a task are so many times that on a card, which does as much in less time.
const CARD_TIMES: usize = 8;
/// Tasks a thread should find, so that none waits long at the end.
const TASKS_A_THREAD: usize = 8;
/// The most bytes of reduction states of one task.
const STATE_BYTES: usize = 1 << 20;
/// The longest part of a row in a block of the engine's choice, where there are several rows.
const LONGEST_ROW: usize = 4096;
/// Rows of at least so many elements make a tile each.
pub(crate) const LONG_ROW: usize = 512;
/// The side of a tile along the fastest axis of a source that is read across.
const CROSS_LEN: usize = 32;

/// The elements a task should visit.
pub fn task_len(elements: usize, weight: f64, options: &Options) -> usize {
    let times = if options.at_once { CARD_TIMES } else { 1 };
    let by_time = (TASK_WORK * times as f64 / weight.max(1.0)) as usize;
    let by_share = elements / (TASKS_A_THREAD * options.threads.max(1));
    by_time.min(by_share).clamp(TASK_LEN.0, TASK_LEN.1 * times) >> options.choices.shrink
}

/// How a reduction is cut.
pub struct FoldCut {
    /// The kept axes.
    pub boxes: Chunks,
    /// Lengths of a tile on the kept axes.
    pub kept_tile: Shape,
    /// Superboxes a task.
    pub span: usize,
    /// Tasks a kept box.
    pub spans: usize,
}

/// Cuts a reduction whose state takes `state_bytes` for each kept element.
pub fn fold_cut(
    space: &Shape,
    program: &Program,
    lattice: &Lattice,
    task_len: usize,
    state_bytes: usize,
    options: &Options,
) -> FoldCut {
    let kept_lens = Shape::new(lattice.kept.iter().map(|&a| space[a]));
    let kept_tile = inner_box(&kept_lens, TILE_LEN / lattice.cell.size().max(1));
    let superbox_len = lattice.superbox_len().max(1);
    let most = ((STATE_BYTES >> (2 * options.choices.shrink)) / state_bytes.max(1)).max(1);
    let kept_len = (task_len / superbox_len).clamp(1, most).max(kept_tile.size());
    let mut sides = aligned_box(&kept_lens, kept_len, |i| storage_chunk(program, lattice.kept[i], options));
    if program.rolls() {
        hold_running(&mut sides, program.running_axes(), lattice, &kept_lens);
    }
    let boxes = Chunks(kept_lens.iter().zip(&sides).map(|(&len, &side)| AxisChunks::regular(len, side)).collect());
    let superboxes_wanted = task_len / (superbox_len * sides.iter().product::<usize>().max(1));
    // Stored blocks are read in strips of single superboxes.
    let most = if lattice.lens.ndim() > 1 && reads_stored(program, options) { 1 } else { lattice.superbox_count() };
    let span = previous_power_of_two(superboxes_wanted).min(most.next_power_of_two());
    let spans = lattice.superbox_count().div_ceil(span).max(1);
    FoldCut { boxes, kept_tile, span, spans }
}

/// Makes sides along running values whole blocks of theirs.
fn hold_running(sides: &mut [usize], running: u64, lattice: &Lattice, lens: &Shape) {
    for (i, side) in sides.iter_mut().enumerate().filter(|(i, _)| running >> lattice.kept[*i] & 1 == 1) {
        *side = side.next_multiple_of(SCAN_LEN).min(lens[i]);
    }
}

pub(crate) fn previous_power_of_two(n: usize) -> usize {
    if n < 2 { 1 } else { 1 << n.ilog2() }
}

/// The engine's cut of a result: slabs of whole rows where rows are short, of long parts of rows where not, so
/// that a block is not much longer than it is high and can be read across.
pub fn engine_boxes(space: &Shape, program: &Program, task_len: usize, options: &Options) -> Chunks {
    if program.has_locals() {
        let sides = boxes_of_blocks(space, program, options);
        return Chunks(space.iter().zip(sides.iter()).map(|(&len, &side)| AxisChunks::regular(len, side)).collect());
    }
    let whole_tiles = |axis: usize| (axis + 1 == space.ndim()).then_some(TILE_LEN);
    let unit = |axis| storage_chunk(program, axis, options).or_else(|| whole_tiles(axis));
    let longest = if space.ndim() > 1 { LONGEST_ROW } else { usize::MAX };
    let lens = space.iter().enumerate().map(|(a, &len)| if a + 1 == space.ndim() { len.min(longest) } else { len });
    let sides = aligned_box(&lens.collect(), task_len.min(BLOCK_LEN >> options.choices.shrink), unit);
    Chunks(space.iter().zip(&sides).map(|(&len, &side)| AxisChunks::regular(len, side)).collect())
}

/// Blocks of the locals, or so many below each other as make a block of the engine's.
fn boxes_of_blocks(space: &Shape, program: &Program, options: &Options) -> Shape {
    let blocking = program.blocking();
    let block = blocking.block_shape(space);
    if !blocking.rolls {
        return block;
    }
    let axis = space.ndim() - 2;
    let many = ((BLOCK_LEN >> options.choices.shrink) / block.size().max(1)).max(1);
    let rows = many * block[axis];
    let rows = if program.scans() { rows.next_multiple_of(SCAN_LEN) } else { rows };
    block.with(axis, rows.min(space[axis]))
}

/// [`inner_box`], but sides that are cut are whole units where they are longer than one.
fn aligned_box(lens: &Shape, most: usize, unit: impl Fn(usize) -> Option<usize>) -> Vec<usize> {
    let mut sides = inner_box(lens, most).to_vec();
    for (axis, side) in sides.iter_mut().enumerate().filter(|(axis, side)| **side < lens[*axis]) {
        if let Some(unit) = unit(axis).filter(|&u| u > 0 && u <= *side) {
            *side -= *side % unit;
        }
    }
    sides
}

/// Whether any step loads blocks that must be read first.
pub(crate) fn reads_stored(program: &Program, options: &Options) -> bool {
    program.steps.iter().any(|step| match &step.action {
        Action::Load { origin: Origin::Stored(id), .. } => options.sources.get(id).is_some_and(|s| !s.is_resident()),
        _ => false,
    })
}

/// The chunk length on an axis of the space of the first stored source that is read in order along it.
fn storage_chunk(program: &Program, axis: usize, options: &Options) -> Option<usize> {
    program.steps.iter().find_map(|step| match &step.action {
        Action::Load { origin: Origin::Stored(id), view, .. } => {
            let source = options.sources.get(id).filter(|s| !s.is_resident())?;
            let on_axis = view.source.iter().position(|s| *s == SourceAxis::whole(axis))?;
            source.grid().0.get(on_axis).map(AxisChunks::longest)
        }
        _ => None,
    })
}

/// The axis along which a source of the program lies in memory, if there is one that is read across.
pub fn axis_across(space: &Shape, program: &Program) -> Option<usize> {
    program.steps.iter().find_map(|step| fastest_elsewhere(&step.action, space))
}

impl StoreWork {
    /// The lengths of a tile of a block: rows, but a rectangle where something is read across.
    pub fn tile(&self, block: &Shape) -> Shape {
        tile_shape(block, self.across)
    }
}

/// A tile of a block: one row where rows are long, since runs of what exists are taken as they lie.
fn long_rows(block: &Shape) -> Shape {
    let inner = inner_box(block, TILE_LEN);
    let is_long = inner.last().is_some_and(|&row| row >= LONG_ROW);
    let side = |(axis, &side): (usize, &usize)| if is_long && axis + 1 < inner.ndim() { 1 } else { side };
    inner.iter().enumerate().map(side).collect()
}

/// The lengths of a tile of a block, where a source is read across that axis or none is.
pub fn tile_shape(block: &Shape, across: Option<usize>) -> Shape {
    let Some(across) = across else { return long_rows(block) };
    let last = block.ndim() - 1;
    let mut sides = vec![1; block.ndim()];
    sides[across] = block[across].clamp(1, CROSS_LEN);
    sides[last] = block[last].clamp(1, TILE_LEN / sides[across]);
    Shape::new(sides)
}

/// The axis of the space along which a source lies in memory, if that is not the last, and the last one is followed
/// too: else a row takes but one element.
fn fastest_elsewhere(action: &Action, space: &Shape) -> Option<usize> {
    let Action::Load { shape, view, .. } = action else { return None };
    let fastest = (0..shape.ndim()).rev().find(|&s| shape[s] > 1)?;
    let along = view.source[fastest].only()?.axis;
    let last = space.ndim() - 1;
    let is_read_across = view.source.iter().any(|s| s.follows(last));
    (along != last && space[last] > 1 && is_read_across).then_some(along)
}
