//! How many tasks a share takes: many while much is left, few at the end, so that all end together.

use super::left::{Left, Way};
use super::{Rules, StageShape, WorkerId};
use std::ops::Range;

/// One stage while shares are cut off it.
#[derive(Clone, Debug)]
pub(super) struct Tasks {
    left: Left,
    all: usize,
    most: usize,
    group: usize,
    guessed_s: f64,
    /// Seconds of one thread for a task, of each share done, ascending.
    measured: Vec<f64>,
    busy_s: f64,
    done: usize,
}

impl Tasks {
    pub(super) fn new(shape: &StageShape) -> Self {
        let StageShape { tasks: all, task_s, group, most, .. } = *shape;
        let (left, guessed_s) = (Left::all(all), task_s.max(1e-9));
        Self { left, all, most, group, guessed_s, measured: Vec::new(), busy_s: 0.0, done: 0 }
    }

    /// Whether every task is in some share.
    pub(super) fn is_cut(&self) -> bool {
        self.left.is_empty()
    }

    /// Whether none of it is done.
    pub(super) fn is_new(&self) -> bool {
        self.done == 0 && !self.is_cut()
    }

    /// On which side shares are cut off what is meant for one worker.
    pub(super) fn way(&self) -> Way {
        self.left.way
    }

    /// Deals what is left in parts that end there, nearly.
    pub(super) fn deal(&mut self, parts: &[(usize, WorkerId)], way: Way) {
        let unit = self.unit(parts.len());
        let near = |end: usize| if end < self.all { self.round(end, unit) } else { end };
        let parts: Vec<_> = parts.iter().map(|&(end, worker)| (near(end), worker)).collect();
        self.left.way = way;
        self.left.deal(&parts);
    }

    /// What was meant for a worker is for all.
    pub(super) fn disown(&mut self, worker: WorkerId) {
        self.left.disown(worker);
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
    pub(super) fn cut(
        &mut self,
        (worker, threads): (WorkerId, usize),
        of: usize,
        rules: &Rules,
    ) -> Option<Range<usize>> {
        let wanted = self.len(threads, of.max(threads), rules);
        let piece = self.left.claim(worker, self.group)?;
        // As if it were cut off the first of a group either way.
        let inside = match self.left.way {
            Way::Rising => piece.start % self.group,
            Way::Falling => piece.end.next_multiple_of(self.group) - piece.end,
        };
        Some(self.left.take(&piece, self.in_groups(wanted, inside).clamp(1, piece.len().min(self.most))))
    }

    fn len(&self, threads: usize, of: usize, rules: &Rules) -> usize {
        let task_s = self.task_s();
        let (most, least) = rules.share_s;
        let most = if self.done == 0 { rules.first_share_s } else { most };
        let left_s = self.left.len() as f64 * task_s / of as f64;
        let share_s = (left_s / 3.0).min(most).max(least);
        let fair = self.left.len().div_ceil(of).saturating_mul(threads);
        let wanted = (share_s * threads as f64 / task_s).ceil().min(self.left.len() as f64) as usize;
        wanted.min(fair).next_multiple_of(threads)
    }

    /// Parts end at multiples of so many tasks: few results are incomplete then.
    fn unit(&self, parts: usize) -> usize {
        let part = self.all / parts.max(1);
        if part >= self.group { self.group } else { 1 << (part / 4).max(1).ilog2() }
    }

    /// The multiple of a unit in its group that is nearest to a task.
    fn round(&self, task: usize, unit: usize) -> usize {
        let group = task / self.group * self.group;
        let inside = (task - group + unit / 2) / unit * unit;
        (group + inside.min(self.group)).min(self.all)
    }

    /// A length near that one after which few results are incomplete, where so much of a group is taken.
    fn in_groups(&self, wanted: usize, inside: usize) -> usize {
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
        let mut stage = Tasks::new(&StageShape { tasks, task_s: 0.01, group, near: None, most: usize::MAX });
        let mut lens = Vec::new();
        let mut next = 0;
        while let Some(share) = stage.cut((WorkerId(0), threads), of, &Rules::default()) {
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
    fn no_share_is_larger_than_what_goes_with_its_answer() {
        let mut stage = Tasks::new(&StageShape { tasks: 1000, task_s: 1e-9, group: 1, near: None, most: 64 });
        let next = || stage.cut((WorkerId(0), 2), 2, &Rules::default());
        let lens: Vec<usize> = std::iter::from_fn(next).map(|share| share.len()).collect();
        assert!(lens.iter().all(|&len| len <= 64) && lens.iter().sum::<usize>() == 1000, "{lens:?}");
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
