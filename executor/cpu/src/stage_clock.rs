//! Where a stage's time goes.

use crate::stints::Stints;
use cleave_ops::Region;
use cleave_plan::{Heat, Stage, StageReport};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most rows and columns of a heat map.
const SIDE: usize = 24;

/// Times tasks and notes where in the space they were.
pub(crate) struct StageClock {
    started: Instant,
    /// Lengths of the last two axes of the space.
    lens: (usize, usize),
    /// Guards the sum of all tasks' times, their places, and who did them.
    spent: Mutex<Spent>,
}

struct Spent {
    time: Duration,
    heat: Heat,
    stints: Stints,
}

impl StageClock {
    /// For the stage of this number.
    pub(crate) fn new(number: usize, stage: &Stage) -> Self {
        let ndim = stage.space.ndim();
        let len = |back: usize| ndim.checked_sub(back).map_or(1, |axis| stage.space[axis]);
        let lens = (len(2), len(1));
        let (rows, columns) = (lens.0.clamp(1, SIDE), lens.1.clamp(1, SIDE));
        let heat = Heat { rows, columns, seconds: vec![0.0; rows * columns] };
        let spent = Spent { time: Duration::ZERO, heat, stints: Stints::of(number) };
        Self { started: Instant::now(), lens, spent: Mutex::new(spent) }
    }

    pub(crate) fn start(&self) -> Instant {
        Instant::now()
    }

    /// A task that began then is done; its time is spread over the places it covers.
    pub(crate) fn stop(&self, began: Instant, thread: usize, region: &Region) {
        let time = began.elapsed();
        let start = began.duration_since(self.started);
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.time += time;
        spent.stints.add(thread, start, start + time);
        let heat = &mut spent.heat;
        let rows = covered(region, 2, self.lens.0, heat.rows);
        let columns = covered(region, 1, self.lens.1, heat.columns);
        for &(row, down) in &rows {
            for &(column, across) in &columns {
                heat.seconds[row * heat.columns + column] += time.as_secs_f64() * down * across;
            }
        }
    }

    /// What so many tasks that visited so many elements took.
    pub(crate) fn report(self, tasks: usize, elements: u64) -> StageReport {
        let wall = self.started.elapsed();
        let Spent { time, heat, stints } = self.spent.into_inner().unwrap_or_else(PoisonError::into_inner);
        StageReport { wall, busy: time, tasks, elements, heat, stints: stints.done() }
    }
}

/// The places of a heat map's side that a region covers on the axis that is `back` from the end, each with the
/// part of the region that lies there.
fn covered(region: &Region, back: usize, len: usize, side: usize) -> Vec<(usize, f64)> {
    let Some(axis) = region.start.len().checked_sub(back) else { return vec![(0, 1.0)] };
    let (start, count) = (region.start[axis] as f64, region.len[axis].max(1) as f64);
    let place_len = len.max(1) as f64 / side as f64;
    let first = (start / place_len) as usize;
    let last = (((start + count) / place_len).ceil() as usize).min(side);
    let part = |place: usize| {
        let (from, to) = (place as f64 * place_len, (place + 1) as f64 * place_len);
        (place, ((start + count).min(to) - start.max(from)).max(0.0) / count)
    };
    (first.min(side - 1)..last.max(first + 1).min(side)).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_ops::Shape;

    #[test]
    fn the_parts_of_a_region_add_up() {
        for (start, len) in [(0, 100), (0, 7), (93, 7), (13, 50), (99, 1)] {
            let region = Region { start: [start].into_iter().collect(), len: Shape::new([len]) };
            let parts = covered(&region, 1, 100, 24);
            let sum: f64 = parts.iter().map(|p| p.1).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{start} {len}: {parts:?}");
        }
    }
}
