//! What a plan costs before it runs: seconds with a band, arithmetic, bytes, memory, and what takes most of it.
//!
//! In reading order: `machine` (the rates it is computed with), `parts` (seconds by kind of work, learned factors),
//! `arithmetic`, `traffic` and `stored` (the terms of one stage), `card` (the same where a card computes). The model is structural: elements times weights,
//! bytes over rates, tasks times their overhead; what a machine does differently enters by its rates and factors.

pub mod card;
pub mod machine;
pub mod parts;
pub mod stored;

pub(crate) mod arithmetic;
mod traffic;

pub use card::{CardLoad, CardRates, CardWork, card_estimate, card_load};
pub use machine::Machine;
pub use parts::{Factors, Kind, Parts};

use crate::memory::task_bytes;
use crate::plan::Plan;
use crate::source::Sources;
use crate::stage::{Stage, Work};

/// What prediction must know besides the plan.
pub struct Forecast<'a> {
    /// Rates of the machine.
    pub machine: &'a Machine,
    /// What earlier runs taught.
    pub factors: &'a Factors,
    /// The sources the plan loads.
    pub sources: &'a Sources,
    /// Threads that will work.
    pub threads: usize,
    /// What becomes of outputs that are not held in memory.
    pub delivery: Delivery,
}

/// What becomes of outputs that are not held in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Nothing that costs.
    #[default]
    Looked,
    /// They are written to files as they are.
    Written,
    /// They are packed and written to files.
    Packed,
}

/// What a plan costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Seconds on the clock, most likely.
    pub seconds: f64,
    /// The lower end of the band.
    pub low_s: f64,
    /// The upper end of the band.
    pub high_s: f64,
    /// One entry a stage.
    pub stages: Vec<StageEstimate>,
    /// Seconds by kind of work.
    pub parts: Parts,
    /// Arithmetic, in additions.
    pub flops: f64,
    /// Bytes that go through registers.
    pub bytes_computed: u64,
    /// Bytes of decoded blocks of stored sources, and of those that lie in memory.
    pub bytes_read: u64,
    /// Bytes handed to sinks.
    pub bytes_written: u64,
    /// The most bytes held at once.
    pub peak_bytes: u64,
}

/// What a stage costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StageEstimate {
    /// Seconds on the clock.
    pub seconds: f64,
    /// Seconds by kind of work.
    pub parts: Parts,
    /// Arithmetic, in additions.
    pub flops: f64,
    /// Bytes that go through registers.
    pub bytes_computed: u64,
    /// Bytes read, decoded.
    pub bytes_read: u64,
    /// Bytes handed to sinks.
    pub bytes_written: u64,
    /// Bytes held while it runs.
    pub peak_bytes: u64,
    /// Tasks.
    pub tasks: usize,
}

/// Predicts what a plan costs.
pub fn estimate(plan: &Plan, forecast: &Forecast<'_>) -> Estimate {
    let stages = (0..plan.stages.len()).map(|i| stage_estimate(plan, i, forecast)).collect();
    total(plan, stages, forecast)
}

/// The whole of stages, with what a run costs besides.
fn total(plan: &Plan, stages: Vec<StageEstimate>, forecast: &Forecast<'_>) -> Estimate {
    let mut total = Estimate { peak_bytes: plan.totals.peak_bytes, ..Estimate::default() };
    for stage in &stages {
        total.parts.add(&stage.parts);
        total.flops += stage.flops;
        total.bytes_computed = total.bytes_computed.saturating_add(stage.bytes_computed);
        total.bytes_read = total.bytes_read.saturating_add(stage.bytes_read);
        total.bytes_written = total.bytes_written.saturating_add(stage.bytes_written);
    }
    total.parts.0[Kind::Overhead as usize] += forecast.machine.run_s;
    total.seconds = total.parts.sum();
    let (below, above) = parts::band(&total.parts, forecast);
    (total.low_s, total.high_s) = (total.seconds * below, total.seconds * above);
    total.stages = stages;
    total
}

fn stage_estimate(plan: &Plan, number: usize, forecast: &Forecast<'_>) -> StageEstimate {
    let stage = &plan.stages[number];
    let Forecast { machine, threads, .. } = *forecast;
    let arithmetic = arithmetic::of(stage, machine);
    let traffic = traffic::of(plan, stage, forecast);
    let usage = stored::usages(stage, forecast.sources, plan.cache_bytes);
    let share = share(stage.tasks, threads, machine);
    let mut parts = Parts::default();
    for (kind, seconds) in arithmetic.parts.iter() {
        parts.0[kind as usize] += seconds * share;
    }
    // Loads and stores run beside the arithmetic; what is longer decides, and the other is not quite hidden.
    let memory_s = traffic.shared_s.max(traffic.each_s * share);
    let computed = parts.sum();
    parts.0[Kind::Memory as usize] += (memory_s - computed).max(0.0) + OVERLAP * memory_s.min(computed);
    parts.0[Kind::Read as usize] += traffic::read_s(&usage, machine, share) + traffic.fetched_s(machine, share);
    parts.0[Kind::Write as usize] += traffic.written_s(machine, share) + traffic.spilled_s(machine, share);
    parts.0[Kind::Overhead as usize] += machine.stage_s + stage.tasks as f64 * machine.task_s * share;
    parts.scale(forecast.factors);
    let decoded: u64 = usage.iter().map(|u| u.decoded_bytes).fold(0, u64::saturating_add);
    StageEstimate {
        seconds: parts.sum(),
        parts,
        flops: stage.elements() as f64 * stage.weight,
        bytes_computed: stage.bytes_computed(),
        bytes_read: decoded.saturating_add(traffic.resident_bytes),
        bytes_written: traffic.delivered_bytes,
        peak_bytes: held(plan, number, threads),
        tasks: stage.tasks,
    }
}

/// The part of the shorter of arithmetic and memory traffic that still shows.
const OVERLAP: f64 = 0.15;

/// Seconds on the clock for a second of work on one thread: threads that have tasks, and the wait for the last.
fn share(tasks: usize, threads: usize, machine: &Machine) -> f64 {
    let tasks = tasks.max(1);
    let used = threads.max(1).min(tasks);
    let rounds = tasks.div_ceil(used) as f64;
    rounds / tasks as f64 * used as f64 / machine.speedup(used)
}

/// Bytes held while a stage runs: results, what waits for later stages, and the work in progress.
fn held(plan: &Plan, number: usize, threads: usize) -> u64 {
    let stage = &plan.stages[number];
    let results = plan.outputs.iter().filter(|o| o.held).map(|o| o.nbytes());
    let live = plan.buffers.iter().filter(|b| b.made_by <= number && number <= b.last_read_by);
    if let Some(need) = plan.needs.get(number).filter(|n| n.bytes > 0) {
        return need.bytes;
    }
    let working = task_bytes(stage, plan).saturating_mul(threads.max(1).min(stage.tasks.max(1)) as u64);
    results.chain(live.map(|b| b.memory_bytes())).fold(working, u64::saturating_add)
}

impl Estimate {
    /// What takes most of the time.
    pub fn kind(&self) -> Kind {
        self.parts.dominant()
    }
}

impl StageEstimate {
    /// What takes most of the time.
    pub fn kind(&self) -> Kind {
        self.parts.dominant()
    }
}

/// Tiles a stage is worked through in.
pub(crate) fn tiles(stage: &Stage) -> f64 {
    let grid = |lens: &[usize], sides: &[usize]| -> f64 {
        lens.iter().zip(sides).map(|(&len, &side)| len.div_ceil(side.max(1)) as f64).product()
    };
    match &stage.work {
        Work::Fold(work) => {
            let kept: Vec<usize> = work.lattice.kept.iter().map(|&a| stage.space[a]).collect();
            let cells: f64 = work.lattice.cells.iter().map(|&n| n as f64).product();
            cells * grid(&kept, &work.kept_tile)
        }
        Work::Joint(_) => stage.elements() as f64 / crate::lattice::TILE_LEN as f64,
        Work::Contract(work) => work.tasks() as f64,
        Work::Store(work) => {
            let block: Vec<usize> = work.boxes.0.iter().map(cleave_ops::AxisChunks::longest).collect();
            let tile = work.tile(&cleave_ops::Shape::new(block.iter().copied()));
            work.boxes.count() as f64 * grid(&block, &tile)
        }
    }
}
