//! How a worker is.

use super::house::House;
use crate::proto::WorkerStatus;
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Clock ticks of the system a second, in which processor time is told.
const TICKS: f64 = 100.0;

/// Processor time is told in ticks: a rate over less time than this says nothing.
const LEAST_S: f64 = 0.2;

/// Remembers how much processor time there was, to tell how much there is now.
#[derive(Default)]
pub(super) struct Meter {
    before: Option<(Instant, f64)>,
    cpu: f64,
}

impl Meter {
    pub(super) fn status(&mut self, house: &House) -> WorkerStatus {
        let jobs: Vec<_> = house.jobs().values().cloned().collect();
        let shares: usize = jobs.iter().map(|job| job.desk.shares()).sum();
        let running = usize::from(house.turns.len() > 0);
        let kept_bytes = house.budget.used_bytes();
        let in_use: u64 = jobs.iter().map(|job| job.bytes_in_use.load(Ordering::Relaxed)).sum();
        let counts = &house.counts;
        WorkerStatus {
            epoch: house.epoch,
            name: house.options.name.clone(),
            threads: house.options.threads as u32,
            memory_bytes: house.options.memory_bytes,
            memory_used_bytes: kept_bytes + in_use,
            resident_bytes: resident_bytes().unwrap_or(0),
            running: running as u32,
            waiting: shares.saturating_sub(running) as u32,
            shares_done: counts.done.load(Ordering::Relaxed),
            shares_failed: counts.failed.load(Ordering::Relaxed),
            cpu: self.cpu(),
            spilled_bytes: jobs.iter().map(|job| job.kept.bytes_spilled()).sum(),
            kept_blocks: house.budget.blocks() as u64,
            kept_bytes,
            sent_bytes: counts.sent_bytes.load(Ordering::Relaxed),
            received_bytes: counts.received_bytes.load(Ordering::Relaxed),
            kernels: jobs.iter().map(|job| &job.key.0).collect::<HashSet<_>>().len() as u32,
            uptime_ms: house.started.elapsed().as_millis() as u64,
            draining: *house.draining.borrow(),
        }
    }

    /// Processors' worth of computing since the last time.
    fn cpu(&mut self) -> f64 {
        let now = Instant::now();
        let passed_s = |(before, _): (Instant, f64)| now.duration_since(before).as_secs_f64();
        let is_early = self.before.is_some_and(|before| passed_s(before) < LEAST_S);
        if let (false, Some(used_s)) = (is_early, processor_s()) {
            let before = self.before.replace((now, used_s));
            self.cpu = before.map_or(0.0, |before| (used_s - before.1).max(0.0) / passed_s(before));
        }
        self.cpu
    }
}

/// Processor time of this process.
fn processor_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

/// Memory of this process.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().split(' ').next()?.parse::<u64>().ok()? << 10)
}
