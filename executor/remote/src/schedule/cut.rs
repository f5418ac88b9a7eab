//! How many tasks a share takes: many while much is left, few at the end, so that all end together.

use super::{Rules, StageShape};
use std::ops::Range;

/// One stage while shares are cut off it.
#[derive(Clone, Debug)]
pub(super) struct Tasks {
    /// What no share holds yet.
    left: Range<usize>,
    group: usize,
    guessed_s: f64,
    /// Seconds of one thread for a task, of each share done, ascending.
    measured: Vec<f64>,
    busy_s: f64,
    done: usize,
}

impl Tasks {
    pub(super) fn new(shape: &StageShape) -> Self {
        let StageShape { tasks, task_s, group } = *shape;
        Self { left: 0..tasks, group, guessed_s: task_s.max(1e-9), measured: Vec::new(), busy_s: 0.0, done: 0 }
    }

    /// Whether every task is in some share.
    pub(super) fn is_cut(&self) -> bool {
        self.left.is_empty()
    }

    /// A share of so many tasks took so long.
    pub(super) fn learn(&mut self, tasks: usize, busy_s: f64) {
        let task_s = busy_s / tasks.max(1) as f64;
        let at = self.measured.partition_point(|&s| s < task_s);
        self.measured.insert(at, task_s);
        self.busy_s += busy_s;
        self.done += tasks;
    }

    /// Seconds of one thread for a task, most likely.
    pub(super) fn task_s(&self) -> f64 {
        if self.done == 0 { self.guessed_s } else { (self.busy_s / self.done as f64).max(1e-9) }
    }

    /// The median of the same, once half of the stage is done.
    pub(super) fn median_s(&self, tasks: usize) -> Option<f64> {
        (!self.measured.is_empty() && 2 * self.done >= tasks).then(|| self.measured[self.measured.len() / 2])
    }

    /// The next share for a worker of so many threads, of that many in all.
    pub(super) fn cut(&mut self, threads: usize, of: usize, rules: &Rules) -> Option<Range<usize>> {
        if self.left.is_empty() {
            return None;
        }
        let len = self.len(threads, of.max(threads), rules).clamp(1, self.left.len());
        let first = self.left.start;
        self.left.start += len;
        Some(first..first + len)
    }

    fn len(&self, threads: usize, of: usize, rules: &Rules) -> usize {
        let task_s = self.task_s();
        let (most, least) = rules.share_s;
        let most = if self.done == 0 { rules.first_share_s } else { most };
        let left_s = self.left.len() as f64 * task_s / of as f64;
        let share_s = (left_s / 3.0).min(most).max(least);
        let fair = self.left.len().div_ceil(of).saturating_mul(threads);
        let wanted = (share_s * threads as f64 / task_s).ceil().min(self.left.len() as f64) as usize;
        self.in_groups(wanted.min(fair).next_multiple_of(threads))
    }

    /// A length near that one after which few results are incomplete.
    fn in_groups(&self, wanted: usize) -> usize {
        let inside = self.left.start % self.group;
        let rest = self.group - inside;
        match wanted {
            _ if self.group == 1 => wanted,
            many if inside == 0 && many >= self.group => many / self.group * self.group,
            enough if enough >= rest => rest,
            few => 1 << few.max(1).ilog2(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(tasks: usize, group: usize, threads: usize, of: usize) -> Vec<usize> {
        let mut stage = Tasks::new(&StageShape { tasks, task_s: 0.01, group });
        let mut lens = Vec::new();
        let mut next = 0;
        while let Some(share) = stage.cut(threads, of, &Rules::default()) {
            assert_eq!(share.start, next);
            next = share.end;
            lens.push(share.len());
            stage.learn(share.len(), share.len() as f64 * 0.01);
        }
        assert_eq!(next, tasks);
        lens
    }

    #[test]
    fn shares_shrink_towards_the_end() {
        let lens = cuts(10_000, 1, 2, 4);
        assert_eq!(lens[0], 50);
        assert_eq!(lens[1], 200);
        assert!(lens[1..].windows(2).all(|w| w[1] <= w[0]), "{lens:?}");
        assert!(*lens.last().expect("there are some") <= 6, "{lens:?}");
        assert!(lens.len() < 120, "{lens:?}");
    }

    #[test]
    fn little_work_is_spread_over_all() {
        assert_eq!(cuts(4, 1, 1, 4), [1, 1, 1, 1]);
        assert_eq!(cuts(1, 1, 4, 8), [1]);
        assert!(cuts(0, 1, 1, 1).is_empty());
    }

    #[test]
    fn shares_hold_whole_groups_or_aligned_parts() {
        for (tasks, group) in [(1000, 10), (7, 7), (4096, 4096), (3 * 700, 700)] {
            let mut at = 0;
            for len in cuts(tasks, group, 2, 4) {
                let (first, last) = (at % group, (at + len) % group);
                assert!(first + len <= group || first == 0 && last == 0, "{at} + {len} of {group}");
                at += len;
            }
        }
    }
}
