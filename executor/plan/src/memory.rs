//! What a stage takes: bytes of its tasks, and of the stored blocks they read.

use crate::cut::fold_loop;
use crate::lattice::TILE_LEN;
use crate::locals::block_shape;
use crate::plan::{Keep, Options, Plan, Totals, nbytes};
use crate::program::{Action, Origin, Program, Step};
use crate::stage::{FoldWork, Stage, StoreWork, Work};
use cleave_graph::SourceId;
use cleave_ops::Chunks;
use std::collections::BTreeMap;

/// States of a tile a thread keeps for each goal: the trees over cells and over superboxes, and spares.
const TILE_STATES: u64 = 40;
/// What a thread takes besides: its stack, and what the allocator keeps for it.
const THREAD_BYTES: u64 = 256 << 10;

/// The blocks in which a stage's results are made.
pub(crate) fn result_grid(stage: &Stage) -> Chunks {
    match &stage.work {
        Work::Fold(fold) => fold.boxes.clone(),
        Work::Store(store) => store.boxes.clone(),
        Work::Contract(contract) => contract.finished(),
    }
}

/// Bytes one thread holds while it works on a stage.
pub fn task_bytes(stage: &Stage, plan: &Plan) -> u64 {
    let registers = stage.programs().map(|p| p.register_bytes(TILE_LEN)).fold(0, u64::saturating_add);
    let work = match &stage.work {
        Work::Fold(fold) => fold_bytes(fold),
        Work::Store(store) => store_bytes(store, plan),
        Work::Contract(contract) => contract.task_bytes(),
    };
    let locals = stage.programs().map(|p| p.local_bytes(&block_shape(&p.space))).fold(0, u64::saturating_add);
    THREAD_BYTES.saturating_add(registers).saturating_add(work).saturating_add(locals)
}

/// Bytes of what tasks leave for each other.
pub(crate) fn waiting_bytes(stage: &Stage) -> u64 {
    match &stage.work {
        Work::Contract(contract) => contract.waiting_bytes(),
        Work::Fold(_) | Work::Store(_) => 0,
    }
}

/// A block of each goal, and what becomes of the largest when it is packed for a file.
fn store_bytes(store: &StoreWork, plan: &Plan) -> u64 {
    let elements = largest_block(&store.boxes);
    let bytes = |g: &crate::stage::StoreGoal| elements.saturating_mul(g.dtype.size() as u64);
    let packed = |g: &crate::stage::StoreGoal| {
        let copies = g.target.outputs.iter().filter(|&&o| !plan.outputs[o].held).count() as u64;
        let filled = u64::from(copies > 0 && !is_even(&store.boxes));
        let spilled = g.target.buffer.is_some_and(|b| matches!(plan.buffer(b).keep, Keep::Spill { .. }));
        bytes(g).saturating_mul(copies + filled + u64::from(spilled))
    };
    let blocks = store.goals.iter().map(bytes).fold(0, u64::saturating_add);
    blocks.saturating_add(store.goals.iter().map(packed).max().unwrap_or(0))
}

/// Whether all blocks are of one shape.
fn is_even(boxes: &Chunks) -> bool {
    boxes.0.iter().all(|axis| axis.runs().len() <= 1)
}

/// States of a kept box for each open level of the tree, a tile's own trees, positions and the result.
fn fold_bytes(fold: &FoldWork) -> u64 {
    let elements = largest_block(&fold.boxes);
    let open = 2 + u64::from(fold.spans.max(1).ilog2());
    let tile = TILE_LEN as u64;
    let goal = |g: &crate::stage::FoldGoal| {
        let state: usize = fold_loop(g.op, g.loop_index).state.iter().map(|d| d.size()).sum();
        let kept = elements * (state as u64 * open + 3 * g.dtype.size() as u64);
        kept + fold.kept_tile.size() as u64 * state as u64 * TILE_STATES + tile * 8
    };
    fold.goals.iter().map(goal).sum::<u64>() + tile * 16
}

/// Stored blocks a stage reads: those a thread wants at once, the largest of them, and all there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) at_once: u64,
    pub(crate) largest: u64,
    pub(crate) all: u64,
}

impl Reading {
    /// Of a stage; values between stages count where they are on disk or `spilled` says so.
    pub(crate) fn of(stage: &Stage, plan: &Plan, options: &Options, spilled: bool) -> Self {
        let mut reading = Self::default();
        let mut add = |block: u64, all: u64| {
            reading.at_once = reading.at_once.saturating_add(block);
            reading.largest = reading.largest.max(block);
            reading.all = reading.all.saturating_add(all);
        };
        let mut note = |program: &Program, step: &Step| {
            let Action::Load { origin, shape, .. } = &step.action else { return };
            let dtype = program.slots[step.out.0 as usize];
            let block = |grid: &Chunks| largest_block(grid).saturating_mul(dtype.size() as u64);
            match origin {
                Origin::Stored(id) => {
                    if let Some(source) = options.sources.get(id).filter(|s| !s.is_resident()) {
                        add(block(source.grid()), nbytes(shape, dtype));
                    }
                }
                Origin::Local(_) => {}
                Origin::Buffer(id) => {
                    let buffer = plan.buffer(*id);
                    let on_disk = matches!(buffer.keep, Keep::Spill { .. });
                    if on_disk || (spilled && buffer.keep != Keep::Dense) {
                        add(block(&buffer.grid), nbytes(shape, dtype));
                    }
                }
            }
        };
        stage.programs().for_each(|program| program.each_step(&mut note));
        reading
    }

    /// Bytes with which so many threads never wait for each other: what they read at once, and what a block
    /// takes while it is unpacked.
    pub(crate) fn easy(&self, workers: usize) -> u64 {
        self.at_once.saturating_add(self.largest).saturating_mul(workers as u64)
    }

    /// The least bytes with which one block after the other can be read.
    pub(crate) fn least(&self) -> u64 {
        self.largest.saturating_mul(2)
    }

    /// More than that is of no use.
    pub(crate) fn most(&self, workers: usize) -> u64 {
        self.easy(workers).max(self.all.saturating_add(self.largest.saturating_mul(2 * workers as u64)))
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
