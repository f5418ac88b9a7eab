//! What a plan costs where a card does the stages that it has kernels for: copies there and back, its memory, its
//! arithmetic, starting kernels; the others take what threads take.

use super::machine::{Rate, Unit, rate};
use super::traffic::fetched;
use super::{Estimate, Forecast, Kind, Parts, StageEstimate, stage_estimate, total};
use crate::plan::{Plan, nbytes};
use crate::program::{Action, Origin, draw_weight};
use crate::stage::{Stage, Work};
use cleave_ops::Fill;
use cleave_ops::fill::Law;
use std::collections::HashMap;

/// What a card does in a second, all multiprocessors together. The default is a server card of the 2020s that was not
/// measured.
#[derive(Clone, Debug, PartialEq)]
pub struct CardRates {
    /// An operation on `float64`.
    pub op_s: f64,
    /// Bytes a second that kernels read from the card's memory or write there.
    pub memory_bps: f64,
    /// Bytes a second that are copied to the card.
    pub up_bps: f64,
    /// Bytes a second that are copied from there.
    pub down_bps: f64,
    /// Starting a kernel and waiting for it.
    pub launch_s: f64,
    /// Compiling a kernel, the first time.
    pub compile_s: f64,
    /// Taking the card into use.
    pub open_s: f64,
    /// How surely the rates are known: 1 measured, more where they are a guess.
    pub doubt: f64,
}

impl Default for CardRates {
    fn default() -> Self {
        Self {
            op_s: 0.2e-12,
            memory_bps: 1.0e12,
            up_bps: 8.0e9,
            down_bps: 8.0e9,
            launch_s: 10e-6,
            compile_s: 30e-3,
            open_s: 0.6,
            doubt: 2.0,
        }
    }
}

impl CardRates {
    /// The rates of so many such cards that share the tasks of a stage.
    pub fn of_cards(&self, many: usize) -> Self {
        let many = many.max(1) as f64;
        let [memory_bps, up_bps, down_bps] = [self.memory_bps, self.up_bps, self.down_bps].map(|rate| rate * many);
        Self { op_s: self.op_s / many, memory_bps, up_bps, down_bps, ..self.clone() }
    }
}

/// Every rate of a card that is measured.
pub const CARD_RATES: [Rate<CardRates>; 7] = [
    rate!(op_s, Seconds, "operation, whole card"),
    rate!(memory_bps, BytesASecond, "memory of the card"),
    rate!(up_bps, BytesASecond, "copied to the card"),
    rate!(down_bps, BytesASecond, "copied from the card"),
    rate!(launch_s, Seconds, "kernel started and waited for"),
    rate!(compile_s, Seconds, "kernel compiled, the first time"),
    rate!(open_s, Seconds, "card taken into use"),
];

/// What of a plan a card does.
#[derive(Clone, Copy)]
pub struct CardWork<'a> {
    /// The card's rates.
    pub rates: &'a CardRates,
    /// For each stage how many kernels do it; none where threads do.
    pub kernels: &'a [Option<usize>],
    /// Whether the card is not in use yet, nor any kernel compiled.
    pub is_new: bool,
}

/// Bytes and operations of a stage, as a card sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CardLoad {
    /// Bytes copied to the card.
    pub up_bytes: f64,
    /// Bytes copied from there.
    pub down_bytes: f64,
    /// Bytes that kernels read from the card's memory and write there.
    pub memory_bytes: f64,
    /// Arithmetic, in additions.
    pub flops: f64,
}

/// What a whole plan costs.
pub fn card_estimate(plan: &Plan, forecast: &Forecast<'_>, work: CardWork<'_>) -> Estimate {
    let stage = |number: usize| match work.kernels.get(number).copied().flatten() {
        Some(kernels) => on_card(plan, number, kernels, forecast, work),
        None => stage_estimate(plan, number, forecast),
    };
    let stages: Vec<StageEstimate> = (0..plan.stages.len()).map(stage).collect();
    let mut whole = total(plan, stages, forecast);
    let first_s = if work.is_new { work.rates.open_s } else { 0.0 };
    whole.parts.0[Kind::Overhead as usize] += first_s;
    whole.seconds += first_s;
    // The band of threads, made wider where the card's rates are a guess.
    let wide = work.rates.doubt.max(1.0).sqrt();
    (whole.low_s, whole.high_s) = ((whole.low_s + first_s) / wide, (whole.high_s + first_s) * wide);
    whole
}

/// What a stage moves and computes on a card.
pub fn card_load(plan: &Plan, stage: &Stage) -> CardLoad {
    let (mut there, mut memory, mut drawn) = (HashMap::<Origin, f64>::new(), 0.0, 0.0);
    stage.programs().for_each(|program| {
        program.each_step(&mut |program, step| {
            let space = program.space.size();
            match &step.action {
                Action::Fill { fill: Fill::Random { law, .. }, .. } => {
                    drawn += space as f64 * (draw_flops(law) - draw_weight(law));
                }
                Action::Load { origin: origin @ (Origin::Stored(_) | Origin::Buffer(_)), shape, view } => {
                    let dtype = program.slots[step.out.0 as usize];
                    memory += fetched(view, shape, dtype, space as u64);
                    let whole = nbytes(shape, dtype).min((space * dtype.size()) as u64) as f64;
                    there.entry(*origin).and_modify(|known| *known = known.max(whole)).or_insert(whole);
                }
                Action::Load { .. }
                | Action::Fill { .. }
                | Action::Map { .. }
                | Action::Cast { .. }
                | Action::Overlay { .. } => {}
            }
        });
    });
    let left = left_bytes(plan, stage);
    CardLoad {
        up_bytes: there.values().sum(),
        down_bytes: left,
        memory_bytes: memory + left,
        flops: stage.elements() as f64 * stage.weight + drawn,
    }
}

/// Operations that a draw takes on a card, which does whole numbers one by one.
fn draw_flops(law: &Law) -> f64 {
    match law {
        Law::Normal { .. } => 55.0,
        Law::Uniform { .. } => 12.0,
        Law::Integers { .. } => 16.0,
    }
}

/// Bytes that come back of a stage.
fn left_bytes(plan: &Plan, stage: &Stage) -> f64 {
    match &stage.work {
        Work::Store(work) => work.goals.iter().map(|g| stage.elements() as f64 * g.dtype.size() as f64).sum(),
        Work::Fold(_) | Work::Joint(_) | Work::Contract(_) => {
            let results = stage.targets().into_iter().map(|target| {
                let kept = target.buffer.map_or(0, |id| plan.buffer(id).nbytes());
                kept.max(
                    target.outputs.iter().filter_map(|&n| plan.outputs.get(n)).map(|o| o.nbytes()).max().unwrap_or(0),
                )
            });
            results.map(|bytes| bytes as f64).sum()
        }
    }
}

fn on_card(
    plan: &Plan,
    number: usize,
    kernels: usize,
    forecast: &Forecast<'_>,
    CardWork { rates, is_new, .. }: CardWork<'_>,
) -> StageEstimate {
    let stage = &plan.stages[number];
    let threads = stage_estimate(plan, number, forecast);
    let load = card_load(plan, stage);
    let (computed, moved) = (load.flops * rates.op_s, load.memory_bytes / rates.memory_bps);
    let mut parts = Parts::default();
    parts.0[arithmetic(&threads.parts) as usize] = computed;
    parts.0[Kind::Memory as usize] = (moved - computed).max(0.0);
    parts.0[Kind::Transfer as usize] = load.up_bytes / rates.up_bps + load.down_bytes / rates.down_bps;
    for kind in [Kind::Read, Kind::Write] {
        parts.0[kind as usize] = threads.parts.0[kind as usize];
    }
    let compiled = if is_new { kernels as f64 * rates.compile_s } else { 0.0 };
    parts.0[Kind::Overhead as usize] = launches(stage, kernels) * rates.launch_s + compiled;
    StageEstimate { seconds: parts.sum(), parts, ..threads }
}

/// The kind of arithmetic of which a stage has most.
fn arithmetic(parts: &Parts) -> Kind {
    let kinds = [Kind::Elementwise, Kind::Random, Kind::Reduction, Kind::Contraction];
    kinds.into_iter().max_by(|a, b| parts.0[*a as usize].total_cmp(&parts.0[*b as usize])).unwrap_or(Kind::Elementwise)
}

/// Kernels that are started: one for each block of a result, and few for a reduction, whose tasks go together.
fn launches(stage: &Stage, kernels: usize) -> f64 {
    let tasks = stage.tasks.max(1) as f64;
    match &stage.work {
        Work::Store(_) | Work::Contract(_) | Work::Joint(_) => tasks * kernels as f64,
        Work::Fold(work) => (tasks / work.spans.max(1) as f64).ceil().max(tasks.log2().ceil() + 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rate_is_read_where_it_is_written() {
        let mut rates = CardRates::default();
        for (number, rate) in CARD_RATES.iter().enumerate() {
            (rate.set)(&mut rates, number as f64 + 0.5);
        }
        let read: Vec<f64> = CARD_RATES.iter().map(|rate| (rate.of)(&rates)).collect();
        assert_eq!(read, (0..CARD_RATES.len()).map(|n| n as f64 + 0.5).collect::<Vec<_>>());
        assert!(CARD_RATES.iter().all(|rate| rate.unit != Unit::Number));
    }
}
