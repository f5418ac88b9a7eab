//! The most memory a plan needs, and whether that is allowed.

use crate::cut::fold_loop;
use crate::error::PlanError;
use crate::lattice::TILE_LEN;
use crate::locals::block_shape;
use crate::plan::{Options, Plan, Totals, nbytes};
use crate::program::{Action, Origin, Program, Step};
use crate::stage::{FoldWork, Stage, StoreWork, Work};
use cleave_graph::SourceId;
use cleave_ops::Chunks;
use std::collections::BTreeMap;

/// The most bytes of decoded blocks that are kept where there is no limit.
const CACHE_BYTES: u64 = 1 << 30;

/// Fills in the plan's totals and the size of its block cache, and refuses what does not fit.
pub(crate) fn check_memory(plan: &mut Plan, options: &Options) -> Result<(), PlanError> {
    let needs: Vec<Need> = (0..plan.stages.len()).map(|i| need(plan, i, options)).collect();
    let blocks = plan.stages.iter().map(|s| least_cache(s, options)).max().unwrap_or(0);
    let peak = needs.iter().map(Need::total).max().unwrap_or(0);
    let needed = peak.saturating_add(blocks);
    let limit = if options.memory_limit_bytes == 0 { u64::MAX } else { options.memory_limit_bytes };
    if needed > limit {
        let what = largest(&needs, blocks).to_owned();
        return Err(PlanError::DoesNotFit { needed, limit, what });
    }
    plan.cache_bytes = if blocks == 0 { 0 } else { (CACHE_BYTES.min((limit - peak) / 2)).max(blocks) };
    plan.totals = totals(plan);
    plan.totals.peak_bytes = peak.saturating_add(plan.cache_bytes);
    Ok(())
}

/// What is held during one stage.
struct Need {
    results: u64,
    between: u64,
    tasks: u64,
}

impl Need {
    fn total(&self) -> u64 {
        self.results.saturating_add(self.between).saturating_add(self.tasks)
    }
}

fn largest(needs: &[Need], blocks: u64) -> &'static str {
    let most = |part: fn(&Need) -> u64| needs.iter().map(part).max().unwrap_or(0);
    let parts = [
        (most(|n| n.results), "the results"),
        (most(|n| n.between), "values that are used again"),
        (most(|n| n.tasks), "the work in progress"),
        (blocks, "blocks of stored arrays"),
    ];
    parts.into_iter().max_by_key(|p| p.0).map_or("the results", |p| p.1)
}

fn need(plan: &Plan, number: usize, options: &Options) -> Need {
    let stage = &plan.stages[number];
    let results = plan.outputs.iter().filter(|o| o.held).map(|o| o.nbytes()).fold(0, u64::saturating_add);
    let live = |b: &&crate::plan::Buffer| b.made_by <= number && number <= b.last_read_by;
    let between = plan.buffers.iter().filter(live).map(|b| b.nbytes()).fold(0, u64::saturating_add);
    let threads = options.threads.max(1).min(stage.tasks.max(1)) as u64;
    let tasks = threads.saturating_mul(task_bytes(stage)).saturating_add(waiting_bytes(stage));
    Need { results, between, tasks }
}

/// Bytes one thread holds while it works on a stage.
pub fn task_bytes(stage: &Stage) -> u64 {
    let of = |p: &Program| p.register_bytes(TILE_LEN).saturating_add(p.local_bytes(&block_shape(&p.space)));
    let registers = stage.programs().map(of).fold(0, u64::saturating_add);
    let work = match &stage.work {
        Work::Fold(fold) => fold_bytes(fold),
        Work::Store(store) => store_bytes(store),
        Work::Contract(contract) => contract.task_bytes(),
    };
    registers.saturating_add(work)
}

/// Bytes of what tasks leave for each other.
fn waiting_bytes(stage: &Stage) -> u64 {
    match &stage.work {
        Work::Contract(contract) => contract.waiting_bytes(),
        Work::Fold(_) | Work::Store(_) => 0,
    }
}

/// A block of each goal.
fn store_bytes(store: &StoreWork) -> u64 {
    let elements = largest_block(&store.boxes);
    store.goals.iter().map(|g| elements.saturating_mul(g.dtype.size() as u64)).fold(0, u64::saturating_add)
}

/// States of a kept box for each open level of the tree, a tile's own tree, positions and the result.
fn fold_bytes(fold: &FoldWork) -> u64 {
    let elements = largest_block(&fold.boxes);
    let open = 2 + u64::from(fold.spans.max(1).ilog2());
    let tile = TILE_LEN as u64;
    let goal = |g: &crate::stage::FoldGoal| {
        let state: usize = fold_loop(g.op, g.loop_index).state.iter().map(|d| d.size()).sum();
        elements * (state as u64 * open + g.dtype.size() as u64) + fold.kept_tile.size() as u64 * state as u64 * 24
    };
    fold.goals.iter().map(goal).sum::<u64>() + tile * 16
}

fn largest_block(chunks: &Chunks) -> u64 {
    chunks.0.iter().fold(1, |n, axis| u64::saturating_mul(n, axis.longest() as u64))
}

/// Blocks of stored sources that must be there at once.
fn least_cache(stage: &Stage, options: &Options) -> u64 {
    let threads = options.threads.max(1).min(stage.tasks.max(1)) as u64;
    let block = |id: &SourceId| {
        let source = options.sources.get(id).filter(|s| !s.is_resident());
        source.map_or(0, |s| largest_block(s.grid()).saturating_mul(s.dtype().size() as u64))
    };
    let each = stage.stored_bytes().keys().map(block).fold(0, u64::saturating_add);
    each.saturating_mul(2 * threads)
}

fn totals(plan: &Plan) -> Totals {
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
