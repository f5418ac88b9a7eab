//! Where a stage's time goes.

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
    /// Guards the sum of all tasks' times and their places.
    spent: Mutex<(Duration, Heat)>,
}

impl StageClock {
    pub(crate) fn new(stage: &Stage) -> Self {
        let ndim = stage.space.ndim();
        let len = |back: usize| ndim.checked_sub(back).map_or(1, |axis| stage.space[axis]);
        let lens = (len(2), len(1));
        let (rows, columns) = (lens.0.clamp(1, SIDE), lens.1.clamp(1, SIDE));
        let heat = Heat { rows, columns, seconds: vec![0.0; rows * columns] };
        Self { started: Instant::now(), lens, spent: Mutex::new((Duration::ZERO, heat)) }
    }

    pub(crate) fn start(&self) -> Instant {
        Instant::now()
    }

    /// A task that began then is done; its time is spread over the places it covers.
    pub(crate) fn stop(&self, began: Instant, region: &Region) {
        let time = began.elapsed();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.0 += time;
        let heat = &mut spent.1;
        let rows = covered(region, 2, self.lens.0, heat.rows);
        let columns = covered(region, 1, self.lens.1, heat.columns);
        let share = time.as_secs_f64() / (rows.len() * columns.len()).max(1) as f64;
        for row in rows {
            columns.clone().for_each(|column| heat.seconds[row * heat.columns + column] += share);
        }
    }

    pub(crate) fn report(self, stage: &Stage) -> StageReport {
        let wall = self.started.elapsed();
        let (busy, heat) = self.spent.into_inner().unwrap_or_else(PoisonError::into_inner);
        StageReport { wall, busy, tasks: stage.tasks, elements: stage.elements(), heat }
    }
}

/// The places of a heat map's side that a region covers, on the axis that is `back` from the end.
fn covered(region: &Region, back: usize, len: usize, side: usize) -> std::ops::Range<usize> {
    let Some(axis) = region.start.len().checked_sub(back) else { return 0..1 };
    let place = |index: usize| (index as u128 * side as u128 / len.max(1) as u128) as usize;
    let first = place(region.start[axis]).min(side - 1);
    let last = place(region.start[axis] + region.len[axis].saturating_sub(1)).min(side - 1);
    first..last + 1
}
