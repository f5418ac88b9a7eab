//! For whom the tasks of a stage are meant: for those who did the like of them before, so that each finds what it read
//! or made then; where nobody did, for all in proportion to their threads, each what lies side by side.

use super::{Schedule, WorkerId};

impl Schedule {
    /// Deals the stage that runs among those who are ready or soon will be, unless some of it is done.
    pub(super) fn deal(&mut self) {
        let Some(stage) = self.current.filter(|&s| self.stages[s].tasks.is_new()) else { return };
        let near = self.shape.stages[stage].near;
        let (mut parts, mut way) = (Vec::new(), self.stages[stage].tasks.way());
        if let Some(near) = near {
            (parts, way) = (self.as_done(near, stage), self.stages[near].tasks.way().reversed());
        }
        if parts.is_empty() {
            parts = self.even_parts(stage);
        }
        self.stages[stage].tasks.deal(&parts, way);
    }

    /// Where each one's part ends, as long as it has threads.
    fn even_parts(&self, stage: usize) -> Vec<(usize, WorkerId)> {
        let threads = self.threads();
        let (tasks, all) = (self.shape.stages[stage].tasks as u128, threads.values().sum::<usize>() as u128);
        let end = |before: &mut u128, (worker, threads): (WorkerId, usize)| {
            *before += threads as u128;
            Some(((tasks * *before / all) as usize, worker))
        };
        threads.into_iter().scan(0, end).collect()
    }

    /// Where parts end as they were done of another stage, if that had as many tasks as this one.
    fn as_done(&self, other: usize, stage: usize) -> Vec<(usize, WorkerId)> {
        let of = |stage: usize| self.shape.stages[stage].tasks as u128;
        let shares = self.stages[other].shares.iter().map(|id| &self.shares[id.0 as usize]);
        let mut done: Vec<_> =
            shares.filter_map(|share| share.answer.map(|(_, worker)| (share.tasks.end, worker))).collect();
        done.sort_unstable();
        let mut parts: Vec<(usize, WorkerId)> = Vec::new();
        for (end, worker) in done {
            let end = (end as u128 * of(stage) / of(other).max(1)) as usize;
            match parts.last_mut().filter(|(_, last)| *last == worker) {
                Some(part) => part.0 = end,
                None => parts.push((end, worker)),
            }
        }
        parts
    }
}
