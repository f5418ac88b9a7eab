//! What a stage takes: bytes of its tasks, and of the stored blocks they read.

use crate::cut::fold_loop;
use crate::lattice::TILE_LEN;
use crate::plan::{Keep, Options, Plan, Totals, nbytes};
use crate::program::{Action, Origin, Program, Step};
use crate::stage::{FoldGoal, FoldWork, Stage, StoreWork, Work};
use cleave_graph::SourceId;
use cleave_ops::view::{SourceAxis, Term};
use cleave_ops::{AxisChunks, Chunks, Region, Shape, View};
use std::collections::BTreeMap;

/// States of a tile a thread keeps for each goal: the trees over cells and over superboxes, and spares.
const TILE_STATES: u64 = 40;
/// States that each tile of two opposite tasks keeps: the tree over its cells.
const MIRROR_STATES: u64 = 8;
/// What a thread takes besides: its stack, and what the allocator keeps for it.
const THREAD_BYTES: u64 = 256 << 10;
/// The most bytes of states that wait for each other while a stage goes on in strips.
const STRIP_STATE_BYTES: u64 = 256 << 10;
/// The most that packing a block as a stream takes.
const STREAM_BYTES: u64 = 2 << 20;

/// Whether stages before that one have read every element of a source.
pub(crate) fn is_read_before(plan: &Plan, number: usize, source: SourceId) -> bool {
    plan.stages[..number].iter().any(|stage| reads_all(stage, source))
}

/// Whether a stage reads every element of a source.
fn reads_all(stage: &Stage, source: SourceId) -> bool {
    let steps = stage.programs().flat_map(|p| p.locals.iter().flat_map(|l| &l.program.steps).chain(&p.steps));
    steps.into_iter().any(|step| match &step.action {
        Action::Load { origin: Origin::Stored(id), shape, view } if *id == source => {
            let whole = |(s, len): (&SourceAxis, &usize)| match s.only() {
                Some(term) => term.step.abs() == 1 && view.shape[term.axis] == *len,
                None => *len == 1,
            };
            view.source.iter().zip(shape.iter()).all(whole)
        }
        _ => false,
    })
}

/// The most blocks of a grid that regions of those lengths, one beside the other, show through a view.
fn touched(grid: &Chunks, view: &View, region: Option<&Region>) -> u64 {
    let Some(region) = region else { return 1 };
    let axis = |(chunks, s): (&AxisChunks, &SourceAxis)| {
        if s.terms.iter().any(|t| region.len[t.axis] == 0) {
            return 1;
        }
        let reach = |t: &Term| (region.len[t.axis] - 1) * t.step.unsigned_abs() as usize;
        let span = s.terms.iter().map(reach).sum::<usize>() + 1;
        let chunk = chunks.longest().max(1);
        let fits = chunk.is_multiple_of(span) || span.is_multiple_of(chunk);
        let aligned = fits && s.only().is_some_and(|t| t.step == 1) && (s.start as usize).is_multiple_of(chunk);
        let blocks = if aligned { span.div_ceil(chunk) } else { (span - 1) / chunk + 2 };
        blocks.min(chunks.count()) as u64
    };
    grid.0.iter().zip(&view.source).map(axis).fold(1, u64::saturating_mul)
}

/// Bytes one thread holds while it works on a stage.
pub fn task_bytes(stage: &Stage, plan: &Plan) -> u64 {
    let registers = stage.programs().map(|p| p.register_bytes(TILE_LEN)).fold(0, u64::saturating_add);
    let locals = stage.local_bytes();
    let work = match &stage.work {
        Work::Fold(fold) => fold_bytes(fold),
        Work::Joint(joint) => joint.bytes(),
        Work::Store(store) => store_bytes(store, plan),
        Work::Contract(contract) => contract.task_bytes(&stage.program),
    };
    THREAD_BYTES
        .saturating_add(streamed_bytes(stage, plan))
        .saturating_add(registers)
        .saturating_add(locals)
        .saturating_add(work)
}

/// A block of so many bytes at most is packed at once if half as many are enough, larger ones as a stream.
pub const AT_ONCE_BYTES: u64 = 32 << 20;

/// What a block of so many bytes takes on its way into a file, besides itself.
pub fn stream_bytes(block: u64) -> u64 {
    let at_once = if block <= AT_ONCE_BYTES { block / 2 } else { 0 };
    at_once + block.saturating_mul(2).min(STREAM_BYTES)
}

fn streamed_bytes(stage: &Stage, plan: &Plan) -> u64 {
    let elements = stage.grids().iter().map(largest_block).max().unwrap_or(0);
    let outputs = stage.targets().into_iter().flat_map(|t| &t.outputs).map(|&output| &plan.outputs[output]);
    let blocks = outputs.filter(|o| !o.held).map(|o| elements.saturating_mul(o.dtype.size() as u64));
    blocks.max().map_or(0, stream_bytes)
}

/// Bytes of what tasks leave for each other.
pub(crate) fn waiting_bytes(stage: &Stage) -> u64 {
    match &stage.work {
        Work::Contract(contract) => contract.waiting_bytes(),
        Work::Joint(joint) => joint.waiting_bytes(),
        Work::Fold(fold) => fold.goals.iter().map(|g| fold.open_bytes(state_bytes(g) as u64)).sum(),
        Work::Store(_) => 0,
    }
}

/// A block of each goal, and memory in which the largest is packed before it is put aside.
fn store_bytes(store: &StoreWork, plan: &Plan) -> u64 {
    let elements = largest_block(&store.boxes);
    let bytes = |g: &crate::stage::StoreGoal| elements.saturating_mul(g.dtype.size() as u64);
    let packed = |g: &crate::stage::StoreGoal| {
        let spilled = g.target.buffer.is_some_and(|b| matches!(plan.buffer(b).keep, Keep::Spill { .. }));
        if spilled { bytes(g).saturating_add(bytes(g) / 8) } else { 0 }
    };
    let blocks = store.goals.iter().map(bytes).fold(0, u64::saturating_add);
    blocks.saturating_add(store.goals.iter().map(packed).max().unwrap_or(0))
}

/// States of a kept box for each open level of the tree, a tile's own trees, positions and the result.
fn fold_bytes(fold: &FoldWork) -> u64 {
    let elements = largest_block(&fold.boxes);
    let open = 2 + u64::from(fold.spans.max(1).ilog2());
    let tile = TILE_LEN as u64;
    let goal = |g: &FoldGoal| {
        let state = state_bytes(g);
        let kept = elements * (state as u64 * open + 3 * g.dtype.size() as u64);
        let mirrored = if fold.mirror.is_some() { 2 * elements * state as u64 * MIRROR_STATES } else { 0 };
        kept + mirrored + fold.kept_tile.size() as u64 * state as u64 * TILE_STATES + tile * 8
    };
    fold.goals.iter().map(goal).sum::<u64>() + tile * 16 + strip_bytes(fold).unwrap_or(0)
}

/// Bytes of the states of all superboxes, which may wait for their neighbours if they are reduced in strips, and do
/// so only where that is little.
pub(crate) fn strip_bytes(fold: &FoldWork) -> Option<u64> {
    let cells = largest_block(&fold.boxes).saturating_mul(fold.spans as u64);
    let bytes = fold.goals.iter().map(|g| cells.saturating_mul(state_bytes(g) as u64)).fold(0, u64::saturating_add);
    (fold.span == 1 && fold.lattice.superboxes.ndim() > 1 && bytes <= STRIP_STATE_BYTES).then_some(bytes)
}

pub(crate) fn state_bytes(goal: &FoldGoal) -> usize {
    fold_loop(goal.op, goal.loop_index).state.iter().map(|d| d.size()).sum()
}

/// Stored blocks a stage reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Bytes of the blocks that one task touches.
    pub(crate) at_once: u64,
    /// Bytes of the largest block.
    pub(crate) largest: u64,
    /// Bytes that reading a block takes besides.
    pub(crate) unpacking: u64,
    /// Bytes of all blocks.
    pub(crate) all: u64,
    /// Bytes that reading the largest block that is only to be cut takes.
    pub(crate) staged: u64,
    /// The stored array of which a task touches most, with its bytes, where its blocks can be cut.
    pub(crate) dearest: Option<(u64, SourceId)>,
}

impl Reading {
    /// Of a stage; values between stages count where they are on disk or `spilled` says so.
    pub(crate) fn of(number: usize, plan: &Plan, options: &Options, spilled: bool) -> Self {
        Self::in_region(number, plan, options, spilled, &plan.stages[number].task_region(0))
    }

    /// Of those of its tasks that lie in a region of its space.
    pub(crate) fn in_region(number: usize, plan: &Plan, options: &Options, spilled: bool, region: &Region) -> Self {
        let (mut reading, stage) = (Self::default(), &plan.stages[number]);
        let mut note = |program: &Program, step: &Step| {
            let Action::Load { origin, shape, view } = &step.action else { return };
            let dtype = program.slots[step.out.0 as usize];
            let size = |elements: u64| elements.saturating_mul(dtype.size() as u64);
            // A patch has a space of its own; it is counted as if it were read everywhere.
            let seen = (program.space == stage.space).then_some(region);
            let touched_bytes = |grid: &Chunks| size(largest_block(grid)).saturating_mul(touched(grid, view, seen));
            let all = nbytes(shape, dtype);
            match origin {
                Origin::Stored(id) => {
                    let Some(source) = options.sources.get(id).filter(|s| !s.is_resident()) else { return };
                    let grid = plan.staged.get(id).unwrap_or(source.grid());
                    let at_once = touched_bytes(grid).min(all);
                    let (part, block) = (size(largest_block(grid)), size(largest_block(source.grid())));
                    if plan.staged.contains_key(id) {
                        reading.add(at_once, [part, part], all);
                        if !is_read_before(plan, number, *id) {
                            reading.staged = reading.staged.max(block + source.unpacking_bytes() + 3 * part);
                        }
                    } else {
                        reading.add(at_once, [block, source.unpacking_bytes()], all);
                        reading.dearest = reading.dearest.max(Some((at_once, *id)));
                    }
                }
                Origin::Local(_) => {}
                Origin::Buffer(id) => {
                    let buffer = plan.buffer(*id);
                    let on_disk = matches!(buffer.keep, Keep::Spill { .. });
                    if on_disk || (spilled && buffer.keep != Keep::Dense) {
                        let block = size(largest_block(&buffer.grid));
                        reading.add(touched_bytes(&buffer.grid).min(all), [block, block], all);
                    }
                }
            }
        };
        stage.programs().for_each(|program| program.each_step(&mut note));
        reading
    }

    fn add(&mut self, at_once: u64, [block, unpacking]: [u64; 2], all: u64) {
        self.at_once = self.at_once.saturating_add(at_once);
        self.largest = self.largest.max(block);
        self.unpacking = self.unpacking.max(unpacking);
        self.all = self.all.saturating_add(all);
    }

    /// Bytes that reading a block to be cut takes besides.
    pub(crate) fn staging(&self) -> u64 {
        self.staged
    }

    /// Bytes with which so many threads never wait for each other: what they read at once, and what a block
    /// takes while it is unpacked.
    pub(crate) fn easy(&self, workers: usize) -> u64 {
        self.at_once.saturating_add(self.unpacking).saturating_mul(workers as u64)
    }

    /// The least bytes with which one block after the other can be read.
    pub(crate) fn least(&self) -> u64 {
        self.largest.saturating_add(self.unpacking)
    }

    /// More than that is of no use.
    pub(crate) fn most(&self, workers: usize) -> u64 {
        self.easy(workers).max(self.all.saturating_add(self.least().saturating_mul(workers as u64)))
    }
}

/// The elements of the largest block.
pub(crate) fn largest_block(chunks: &Chunks) -> u64 {
    chunks.0.iter().fold(1, |n, axis| u64::saturating_mul(n, axis.longest() as u64))
}

/// Sums over all stages; the peak is not known yet.
pub(crate) fn totals(plan: &Plan) -> Totals {
    let mut totals = Totals::default();
    for stage in &plan.stages {
        totals.tasks += stage.tasks;
        totals.elements = totals.elements.saturating_add(stage.elements());
        totals.work += stage.work_total();
        totals.bytes_computed = totals.bytes_computed.saturating_add(stage.bytes_computed());
        totals.bytes_read = stage.stored_bytes().values().fold(totals.bytes_read, |n, &b| n.saturating_add(b));
    }
    totals.bytes_written = plan.outputs.iter().map(|o| o.nbytes()).fold(0, u64::saturating_add);
    totals
}

impl Stage {
    /// The most bytes of what one thread makes block by block.
    pub fn local_bytes(&self) -> u64 {
        let own = self.program.local_bytes(&self.block());
        let operands = self.programs().skip(1).map(|p| p.local_bytes(&p.block_shape(&p.space)));
        operands.fold(own, u64::saturating_add)
    }

    /// The blocks of the space for which locals are made, at their longest.
    pub(crate) fn block(&self) -> Shape {
        let longest = |boxes: &Chunks| Shape::new(boxes.0.iter().map(AxisChunks::longest));
        match &self.work {
            Work::Store(store) => self.program.block_shape(&longest(&store.boxes)),
            Work::Contract(_) => self.program.block_shape(&self.space),
            Work::Joint(joint) => joint.block.clone(),
            Work::Fold(FoldWork { mirror: Some(mirror), .. }) => mirror.block.clone(),
            Work::Fold(fold) => {
                let lattice = &fold.lattice;
                let cells = Region::whole(&lattice.superbox);
                let runs = lattice.runs(&cells.len, fold.kept_tile.size(), self.program.blocking().block_len());
                let reduced = lattice.cells_hull(&cells, runs.at(0).unwrap_or(0..1));
                lattice.join(&Region::whole(&fold.kept_tile), &reduced).len
            }
        }
    }

    /// Arithmetic of the whole stage, in additions.
    pub fn work_total(&self) -> f64 {
        self.elements() as f64 * self.weight.max(1.0)
    }

    /// The stored sources it reads, with all their bytes.
    pub fn stored_bytes(&self) -> BTreeMap<SourceId, u64> {
        let mut found = BTreeMap::new();
        let mut note = |program: &Program, step: &Step| {
            if let Action::Load { origin: Origin::Stored(id), shape, .. } = &step.action {
                found.insert(*id, nbytes(shape, program.slots[step.out.0 as usize]));
            }
        };
        self.programs().for_each(|program| program.each_step(&mut note));
        found
    }

    /// Bytes that go through registers.
    pub fn bytes_computed(&self) -> u64 {
        self.elements().saturating_mul(self.element_bytes())
    }

    /// Bytes that go through registers for each element.
    pub fn element_bytes(&self) -> u64 {
        let moving = self.program.steps.iter().filter(|s| !s.action.is_constant());
        moving.map(|s| self.program.slots[s.out.0 as usize].size() as u64).sum()
    }
}
