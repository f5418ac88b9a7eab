//! A share that takes more memory than its worker has: two of half as many tasks do instead.

use super::share::{Share, State};
use super::{Schedule, ShareId};
use std::ops::Range;

impl Schedule {
    /// Puts two shares in the place of one that nobody has now; false of one that has to stay as it is.
    pub(super) fn halve(&mut self, id: ShareId) -> bool {
        let share = &self.shares[id.0 as usize];
        // Blocks of one that was done before may be listed under its number.
        if share.state != State::Waiting || share.tasks.len() < 2 || share.kept {
            return false;
        }
        let stage = share.stage;
        let middle = middle(&share.tasks, self.shape.stages[stage].group);
        let halves = [share.tasks.start..middle, middle..share.tasks.end];
        self.shares[id.0 as usize].state = State::Halved;
        self.stages[stage].waiting.remove(&id);
        self.stages[stage].shares.retain(|&other| other != id);
        for tasks in halves {
            let half = ShareId(self.shares.len() as u64);
            let killed = self.shares[id.0 as usize].killed.clone();
            self.shares.push(Share { killed, ..Share::new(stage, tasks) });
            self.stages[stage].shares.push(half);
            self.stages[stage].waiting.insert(half);
        }
        true
    }
}

/// Where tasks are cut in two: between two results if there are several, else so that an aligned half stays aligned.
pub(super) fn middle(tasks: &Range<usize>, group: usize) -> usize {
    let half = tasks.start + tasks.len().div_ceil(2);
    let between = half / group * group;
    if between > tasks.start { between } else { half }
}

#[cfg(test)]
mod tests {
    use super::middle;

    #[test]
    fn halves_hold_whole_results_or_aligned_parts() {
        for (tasks, group, expected) in [
            (0..10, 1, 5),
            (3..6, 1, 5),
            (4..5 + 1, 1, 5),
            (0..30, 10, 10),
            (0..40, 10, 20),
            (0..8, 8, 4),
            (8..12, 16, 10),
            (20..21 + 1, 64, 21),
        ] {
            let at = middle(&tasks, group);
            assert_eq!(at, expected, "{tasks:?} in groups of {group}");
            assert!(tasks.start < at && at < tasks.end);
        }
    }
}
