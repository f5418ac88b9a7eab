//! Until a plan fits: what stays in memory, what goes to disk, and how many threads work at once.

use crate::error::{Demand, PlanError};
use crate::lattice::inner_box;
use crate::memory::{Reading, is_read_before, largest_block, task_bytes, totals, waiting_bytes};
use crate::plan::{Buffer, Holding, Keep, Need, Options, Plan};
use crate::stage::{Stage, Target, Work};
use crate::turns::strips;
use cleave_graph::{NodeId, SourceId};
use cleave_ops::{AxisChunks, Chunks};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

/// The most bytes of decoded blocks that are kept where there is room.
const CACHE_BYTES: u64 = 1 << 30;
/// Values between stages of fewer bytes are one block and never leave memory.
const DENSE_BYTES: u64 = 256 << 10;
/// How often tasks are made smaller.
const MOST_SHRINKS: u32 = 3;
/// The elements of a part of a stored block that is too large, and the most along its last axis.
const PART_LEN: usize = 1 << 17;
const PART_ROW_LEN: usize = 4096;
/// Tasks of fewer bytes are not made smaller.
const SMALL_TASK_BYTES: u64 = 1 << 20;

/// What planning has decided after earlier attempts did not fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// How often tasks were made smaller.
    pub shrink: u32,
    /// Values that are computed again rather than kept.
    pub denied: FxHashSet<NodeId>,
    /// Whether all that is worth keeping is kept, on disk if need be, as computing some of it again took too much.
    pub keeps_all: bool,
    /// Whether what lies before blocks of running values takes a pass of its own, as some could not be carried.
    pub two_passes: bool,
    /// Whether running values are kept, as stages would make most of some again for each of their blocks.
    pub keeps_running: bool,
}

/// Why a plan must be cut anew.
pub(crate) enum Misfit {
    /// A value is to be computed again rather than kept.
    Deny(NodeId),
    /// Tasks are to be smaller.
    Shrink,
    /// Nothing helps.
    Refused(PlanError),
}

/// Decides where values wait and how many threads work, and fills in what each stage needs.
pub(crate) fn fit(plan: &mut Plan, options: &Options) -> Result<(), Misfit> {
    place_results(plan, options);
    let limit = if options.memory_limit_bytes == 0 { u64::MAX } else { options.memory_limit_bytes };
    while let Some(source) = stored_in_large_blocks(plan, options, limit) {
        plan.staged.insert(source, finer(options.sources[&source].grid()));
    }
    let fixed: Vec<Fixed> = (0..plan.stages.len()).map(|i| Fixed::of(plan, i, options)).collect();
    refuse_what_cannot(plan, options, &fixed, limit)?;
    spill_what_must(plan, options, &fixed, limit)?;
    let needs: Vec<Need> = (0..plan.stages.len()).map(|i| need(plan, i, options, &fixed[i], limit)).collect();
    for (stage, need) in plan.stages.iter().zip(&needs) {
        if need.workers < wanted_workers(stage, options) && shrinks(stage, plan, options) {
            return Err(Misfit::Shrink);
        }
    }
    for (number, need) in needs.iter().enumerate() {
        let strips = plan.stages[number].carrying_strips().or_else(|| strips(plan, number, options, need));
        if let Work::Fold(work) = &mut plan.stages[number].work {
            work.strips = strips;
        }
    }
    plan.totals = totals(plan);
    plan.totals.peak_bytes = needs.iter().map(|n| n.bytes).max().unwrap_or(0);
    plan.cache_bytes = needs.iter().map(|n| n.cache_bytes).max().unwrap_or(0);
    plan.needs = needs;
    Ok(())
}

/// Notes the blocks in which results and values between stages are made.
fn place_results(plan: &mut Plan, options: &Options) {
    for number in 0..plan.stages.len() {
        let stage = &plan.stages[number];
        let made: Vec<(Target, Chunks)> = stage.targets().into_iter().cloned().zip(stage.grids()).collect();
        for (target, grid) in made {
            if let Some(id) = target.buffer {
                cut_buffer(&mut plan.buffers[id.0 as usize], &grid, options);
            }
            for output in target.outputs {
                let output = &mut plan.outputs[output];
                (output.made_by, output.grid) = (number, grid.clone());
            }
        }
    }
}

fn cut_buffer(buffer: &mut Buffer, grid: &Chunks, options: &Options) {
    let small = buffer.nbytes() <= DENSE_BYTES || grid.count() <= 1;
    match options.holding {
        Holding::AllOnDisk => (buffer.keep, buffer.grid) = (Keep::Spill { memory_bytes: 0 }, grid.clone()),
        Holding::AsFits if small => {}
        Holding::AsFits => (buffer.keep, buffer.grid) = (Keep::Memory, grid.clone()),
    }
}

/// What is in memory during a stage whatever is decided.
struct Fixed {
    present: u64,
    results: u64,
    dense: u64,
}

impl Fixed {
    fn of(plan: &Plan, number: usize, options: &Options) -> Self {
        let made = plan.outputs.iter().filter(|o| o.held && o.made_by <= number);
        let dense = live(plan, number).filter(|b| b.keep == Keep::Dense);
        Self {
            present: options.sources.values().map(|s| s.held_bytes()).fold(0, u64::saturating_add),
            results: made.map(|o| o.nbytes()).fold(0, u64::saturating_add),
            dense: dense.map(Buffer::nbytes).fold(0, u64::saturating_add),
        }
    }

    fn bytes(&self) -> u64 {
        self.present.saturating_add(self.results).saturating_add(self.dense)
    }
}

/// The values between stages that are there during one.
fn live(plan: &Plan, number: usize) -> impl Iterator<Item = &Buffer> {
    plan.buffers.iter().filter(move |b| b.made_by <= number && number <= b.last_read_by)
}

/// The threads that would work if there were memory without end.
fn wanted_workers(stage: &Stage, options: &Options) -> usize {
    options.threads.max(1).min(stage.tasks.max(1))
}

/// Whether smaller tasks are possible and would take less.
fn shrinks(stage: &Stage, plan: &Plan, options: &Options) -> bool {
    let of_the_engine = stage.targets().into_iter().flat_map(|t| &t.outputs).all(|&o| plan.outputs[o].held);
    of_the_engine && options.choices.shrink < MOST_SHRINKS && task_bytes(stage, plan) > SMALL_TASK_BYTES
}

/// A stored array that one thread reads in blocks of which there is no room for as many as it touches at once, so
/// that it would read them again and again.
fn stored_in_large_blocks(plan: &Plan, options: &Options, limit: u64) -> Option<SourceId> {
    let too_large = |(number, stage): (usize, &Stage)| {
        let reading = Reading::of(number, plan, options, true);
        let there = Fixed::of(plan, number, options).bytes().saturating_add(task_bytes(stage, plan));
        let needed = there.saturating_add(reading.easy(1)).saturating_add(reading.staging());
        let (_, source) = reading.dearest.filter(|_| needed > limit)?;
        let stored = &options.sources[&source];
        let block = largest_block(stored.grid()).saturating_mul(stored.dtype().size() as u64);
        let parts = (4 * PART_LEN * stored.dtype().size()) as u64;
        let reading = block.saturating_add(stored.unpacking_bytes());
        let once = if is_read_before(plan, number, source) { 0 } else { reading };
        let staged = there.saturating_add(once).saturating_add(parts);
        (block > parts / 4 && staged <= limit).then_some(source)
    };
    plan.stages.iter().enumerate().find_map(too_large)
}

/// The blocks of a grid, each cut into parts of about a MiB that are not too narrow for any direction.
fn finer(grid: &Chunks) -> Chunks {
    let most: SmallVec<[usize; 4]> = grid.0.iter().map(AxisChunks::longest).collect();
    let mut sides = inner_box(&most, PART_LEN).to_vec();
    if let [.., row, column] = sides.as_mut_slice() {
        *column = (*column).min(PART_ROW_LEN);
        *row = (PART_LEN / *column).clamp(1, most[most.len() - 2].max(1));
    }
    let cut = |(axis, &side): (&AxisChunks, &usize)| {
        let parts = |len: usize| (0..len.div_ceil(side)).map(move |i| side.min(len - i * side));
        AxisChunks::from_lens(axis.lens().flat_map(parts))
    };
    Chunks(grid.0.iter().zip(&sides).map(cut).collect())
}

/// The least a stage can do with: one thread, one stored block after the other, all that may be on disk there.
fn least(plan: &Plan, number: usize, options: &Options) -> (u64, u64) {
    let stage = &plan.stages[number];
    let spill = live(plan, number).filter(|b| b.keep != Keep::Dense).map(block_bytes).max().unwrap_or(0);
    let reading = Reading::of(number, plan, options, true);
    let work = task_bytes(stage, plan).saturating_add(waiting_bytes(stage)).saturating_add(spill);
    (work, reading.least().saturating_add(reading.staging()))
}

fn block_bytes(buffer: &Buffer) -> u64 {
    largest_block(&buffer.grid).saturating_mul(buffer.dtype.size() as u64)
}

fn refuse_what_cannot(plan: &Plan, options: &Options, fixed: &[Fixed], limit: u64) -> Result<(), Misfit> {
    let (mut needed, mut what) = (0, Demand::Work(0));
    for (number, fixed) in fixed.iter().enumerate() {
        let (work, read) = least(plan, number, options);
        let total = fixed.bytes().saturating_add(work).saturating_add(read);
        if total > limit && shrinks(&plan.stages[number], plan, options) {
            return Err(Misfit::Shrink);
        }
        if total > needed {
            let targets = plan.stages[number].targets().into_iter();
            let written = targets.flat_map(|t| &t.outputs).any(|&o| !plan.outputs[o].held);
            let work = if written { Demand::WrittenBlock(work) } else { Demand::Work(work) };
            let demands =
                [Demand::Results(fixed.results), Demand::Present(fixed.present), Demand::ReadBlock(read), work];
            (needed, what) = (total, demands.into_iter().max_by_key(Demand::bytes).expect("there are four"));
        }
    }
    if needed > limit { Err(Misfit::Refused(PlanError::DoesNotFit { needed, limit, what })) } else { Ok(()) }
}

/// Decides for every stage in which too much waits in memory what goes to disk or is computed again.
fn spill_what_must(plan: &mut Plan, options: &Options, fixed: &[Fixed], limit: u64) -> Result<(), Misfit> {
    if limit == u64::MAX {
        return Ok(());
    }
    for (number, fixed) in fixed.iter().enumerate() {
        let free = limit.saturating_sub(fixed.bytes());
        loop {
            let waiting: u64 = live(plan, number).filter(|b| b.keep != Keep::Dense).map(Buffer::memory_bytes).sum();
            let room = free.saturating_sub(reserve(plan, number, options, free));
            let Some(excess) = waiting.checked_sub(room).filter(|&n| n > 0) else { break };
            let victim = victim(plan, number).expect("what waits in memory can be put aside");
            put_aside(&mut plan.buffers[victim], excess, options)?;
        }
    }
    Ok(())
}

/// What a stage's work gets before values that wait: all it can use, but no more than half unless it must.
fn reserve(plan: &Plan, number: usize, options: &Options, free: u64) -> u64 {
    let stage = &plan.stages[number];
    let workers = wanted_workers(stage, options);
    let reading = Reading::of(number, plan, options, true);
    let full = (task_bytes(stage, plan).saturating_mul(workers as u64))
        .saturating_add(waiting_bytes(stage))
        .saturating_add(reading.easy(workers).saturating_add(reading.staging()));
    let (work, read) = least(plan, number, options);
    full.min(free / 2).max(work.saturating_add(read)).min(free)
}

/// Which of the values in memory saves least time for its bytes; the largest of equals.
fn victim(plan: &Plan, number: usize) -> Option<usize> {
    let here = |b: &Buffer| b.made_by <= number && number <= b.last_read_by;
    let candidates = plan.buffers.iter().enumerate().filter(|(_, b)| here(b));
    let movable = candidates.filter(|(_, b)| b.keep != Keep::Dense && b.memory_bytes() > 0);
    let worth = |b: &Buffer| (b.why.saved_s() / b.nbytes().max(1) as f64, u64::MAX - b.nbytes());
    movable.min_by(|a, b| worth(a.1).partial_cmp(&worth(b.1)).unwrap_or(std::cmp::Ordering::Equal)).map(|(i, _)| i)
}

/// Takes so many bytes of a value out of memory, or says that it is cheaper computed again.
fn put_aside(buffer: &mut Buffer, excess: u64, options: &Options) -> Result<(), Misfit> {
    let passes = (buffer.last_read_by - buffer.made_by).max(1) as f64;
    let moved = excess.min(buffer.memory_bytes()) as f64 * (1.0 + passes);
    let dear = options.rates.disk_s(moved) > buffer.why.saved_s();
    if dear && buffer.why.saved_s().is_finite() && !options.choices.keeps_all {
        return Err(Misfit::Deny(buffer.node));
    }
    buffer.keep = Keep::Spill { memory_bytes: buffer.memory_bytes().saturating_sub(excess) };
    Ok(())
}

/// As many threads as fit, and for decoded blocks what is left.
fn need(plan: &Plan, number: usize, options: &Options, fixed: &Fixed, limit: u64) -> Need {
    let stage = &plan.stages[number];
    let waiting = live(plan, number).filter(|b| b.keep != Keep::Dense).map(Buffer::memory_bytes);
    let there = waiting.fold(fixed.bytes(), u64::saturating_add).saturating_add(waiting_bytes(stage));
    let (reading, task) = (Reading::of(number, plan, options, false), task_bytes(stage, plan));
    let there = there.saturating_add(reading.staging());
    let with = |workers: usize| there.saturating_add(task.saturating_mul(workers as u64));
    let fits = |workers: &usize| with(*workers).saturating_add(reading.easy(*workers)) <= limit;
    let workers = (1..=wanted_workers(stage, options)).rev().find(fits).unwrap_or(1);
    let left = limit.saturating_sub(with(workers));
    let cache_bytes = left.min(CACHE_BYTES.max(reading.easy(workers))).min(reading.most(workers));
    Need { workers, cache_bytes, bytes: with(workers).saturating_add(cache_bytes) }
}
