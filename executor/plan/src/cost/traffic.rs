//! Bytes between memory, files and registers.

use super::machine::{Machine, SPILL_PACKED};
use super::stored::Usage;
use super::{Delivery, Forecast};
use crate::plan::{Plan, nbytes};
use crate::program::{Action, Origin, Program, Step};
use crate::stage::{FoldWork, Stage, Work};
use cleave_ops::{DType, Shape, View};

/// What is read again from so few bytes stays in a cache.
const CACHED_BYTES: u64 = 1 << 20;
/// Bytes that come from memory at once.
const LINE_BYTES: usize = 64;

/// What a stage moves.
#[derive(Default)]
pub(super) struct Traffic {
    /// Seconds of memory traffic, all threads sharing its bandwidth.
    pub(super) shared_s: f64,
    /// Seconds of memory traffic if one thread did it alone.
    pub(super) each_s: f64,
    /// Bytes read from sources that lie in memory.
    pub(super) resident_bytes: u64,
    /// Bytes handed to outputs.
    pub(super) delivered_bytes: u64,
    /// Bytes of values between stages that go to disk, and that come from there.
    spilled_bytes: u64,
    fetched_bytes: u64,
    /// Bytes of them that are written to files.
    written_bytes: u64,
    /// Whether they are packed first.
    packed: bool,
}

impl Traffic {
    /// Seconds of putting blocks aside on disk.
    pub(super) fn spilled_s(&self, machine: &Machine, share: f64) -> f64 {
        let bytes = self.spilled_bytes as f64;
        bytes / machine.decode_bps * share + bytes * SPILL_PACKED / machine.disk_write_bps
    }

    /// Seconds of reading them again.
    pub(super) fn fetched_s(&self, machine: &Machine, share: f64) -> f64 {
        let bytes = self.fetched_bytes as f64;
        bytes / machine.decode_bps * share + bytes * SPILL_PACKED / machine.disk_read_bps
    }

    /// Seconds of packing and writing.
    pub(super) fn written_s(&self, machine: &Machine, share: f64) -> f64 {
        let bytes = self.written_bytes as f64;
        match self.packed {
            true => (bytes / machine.encode_bps * share).max(bytes / machine.disk_write_bps),
            false => bytes / machine.disk_write_bps,
        }
    }
}

/// What a stage moves between memory and registers, and hands to outputs.
pub(super) fn of(plan: &Plan, stage: &Stage, forecast: &Forecast<'_>) -> Traffic {
    let mut traffic = Traffic::default();
    let machine = forecast.machine;
    let mut read = 0.0;
    let mut note = |program: &Program, step: &Step| {
        let Action::Load { origin, shape, .. } = &step.action else { return };
        let Some(bytes) = from_memory(program, step, forecast) else { return };
        read += bytes;
        if let Origin::Stored(_) = origin {
            let dtype = program.slots[step.out.0 as usize];
            traffic.resident_bytes = traffic.resident_bytes.saturating_add(nbytes(shape, dtype));
        }
    };
    stage.programs().for_each(|program| program.each_step(&mut note));
    if let Work::Fold(FoldWork { mirror: Some(mirror), .. }) = &stage.work {
        // What is fetched for a block serves the block opposite too.
        let seconds = mirror.twins.iter().map(|&(_, second)| &stage.program.locals[second].program);
        let fetched = |p: &Program| p.steps.iter().filter_map(|s| from_memory(p, s, forecast)).sum::<f64>();
        read -= seconds.map(fetched).sum::<f64>();
    }
    let (touched, delivered, written) = results(plan, stage);
    traffic.delivered_bytes = delivered;
    traffic.written_bytes = if forecast.delivery == Delivery::Looked { 0 } else { written };
    traffic.packed = forecast.delivery == Delivery::Packed;
    (traffic.spilled_bytes, traffic.fetched_bytes) = aside(plan, stage);
    let fresh_s = touched as f64 / machine.touch_bps;
    let moved = read + blocks(stage);
    traffic.shared_s = moved / machine.read_bps_of(forecast.threads) + fresh_s;
    traffic.each_s = moved / machine.read_bps + fresh_s;
    traffic
}

/// Bytes that a step loads from data in memory, if it does.
fn from_memory(program: &Program, step: &Step, forecast: &Forecast<'_>) -> Option<f64> {
    let Action::Load { origin, shape, view } = &step.action else { return None };
    let is_in_memory = match origin {
        Origin::Stored(id) => forecast.sources.get(id).is_none_or(|s| s.is_resident()),
        Origin::Buffer(_) => true,
        Origin::Local(_) => false,
    };
    let dtype = program.slots[step.out.0 as usize];
    is_in_memory.then(|| fetched(view, shape, dtype, program.space.size() as u64))
}

/// Bytes a stage puts aside on disk, and bytes that it reads from there.
fn aside(plan: &Plan, stage: &Stage) -> (u64, u64) {
    let on_disk = |id| plan.buffer(id).nbytes().saturating_sub(plan.buffer(id).memory_bytes());
    let put = stage.targets().into_iter().filter_map(|t| t.buffer).map(on_disk).fold(0, u64::saturating_add);
    let mut read = 0_u64;
    stage.programs().for_each(|program| {
        program.each_step(&mut |_, step| {
            if let Action::Load { origin: Origin::Buffer(id), .. } = &step.action {
                read = read.saturating_add(on_disk(*id));
            }
        });
    });
    (put, read)
}

/// Bytes of the blocks that a stage writes, which are longer than caches like.
fn blocks(stage: &Stage) -> f64 {
    match &stage.work {
        Work::Fold(_) | Work::Joint(_) | Work::Contract(_) => 0.0,
        Work::Store(work) => work.goals.iter().map(|g| stage.elements() as f64 * g.dtype.size() as f64).sum(),
    }
}

/// Bytes that come from memory to read an array through a view once for each element of a space.
pub(super) fn fetched(view: &View, shape: &Shape, dtype: DType, visited: u64) -> f64 {
    let size = dtype.size();
    let used: u64 = view.source.iter().flat_map(|s| &s.terms).map(|t| view.shape[t.axis] as u64).product();
    let whole = nbytes(shape, dtype);
    if used.saturating_mul(size as u64).min(whole) <= CACHED_BYTES {
        return 0.0;
    }
    // Elements that lie apart take a line each.
    let last = (0..shape.ndim()).rev().find(|&s| shape[s] > 1);
    let step = |s: usize| view.source[s].terms.iter().map(|t| t.step.unsigned_abs() as usize).min();
    let apart = last.and_then(step).unwrap_or(1).clamp(1, LINE_BYTES.div_ceil(size));
    visited as f64 * size as f64 * apart as f64
}

/// Bytes of a stage's results in new memory, handed to outputs, and handed to those that are not held.
fn results(plan: &Plan, stage: &Stage) -> (u64, u64, u64) {
    let (mut touched, mut delivered, mut written) = (0_u64, 0_u64, 0_u64);
    for target in stage.targets() {
        touched = touched.saturating_add(target.buffer.map_or(0, |id| plan.buffer(id).memory_bytes()));
        for output in target.outputs.iter().filter_map(|&n| plan.outputs.get(n)) {
            delivered = delivered.saturating_add(output.nbytes());
            match output.held {
                true => touched = touched.saturating_add(output.nbytes()),
                false => written = written.saturating_add(output.nbytes()),
            }
        }
    }
    (touched, delivered, written)
}

/// Seconds of reading and unpacking stored blocks.
pub(super) fn read_s(usage: &[Usage], machine: &Machine, share: f64) -> f64 {
    let source = |u: &Usage| {
        let decoded = u.decoded_bytes as f64;
        let unpack = if u.packed < 0.98 { decoded / machine.decode_bps } else { decoded / machine.read_bps };
        let opened = u.reads * machine.block_s;
        (unpack + opened) * share + decoded * u.packed / machine.disk_read_bps
    };
    usage.iter().map(source).sum()
}
