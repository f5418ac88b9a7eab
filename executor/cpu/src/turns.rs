//! Who does which task next: threads take turns from one range, or each from a range of its own.

use crate::share::Share;
use cleave_plan::Stage;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Ranges of turns.
pub(crate) struct Turns<'a> {
    /// The stage, if all its tasks are done here: then their order is its own.
    whole: Option<&'a Stage>,
    ranges: Vec<Range>,
}

struct Range {
    next: AtomicUsize,
    end: usize,
}

impl<'a> Turns<'a> {
    pub(crate) fn new(stage: &'a Stage, share: &Share) -> Self {
        let Share { tasks, workers, cache_bytes, .. } = share;
        let count = stage.ranges(*workers, *cache_bytes).max(1);
        let start = |i: usize| tasks.start + (tasks.len() as u128 * i as u128 / count as u128) as usize;
        let range = |i: usize| Range { next: AtomicUsize::new(start(i)), end: start(i + 1) };
        let whole = (tasks.len() == stage.tasks).then_some(stage);
        Self { whole, ranges: (0..count).map(range).collect() }
    }

    /// The next task of a thread: from its own range, then from the others.
    pub(crate) fn take(&self, thread: usize) -> Option<usize> {
        let count = self.ranges.len();
        let turn = (0..count).find_map(|i| self.ranges[(thread + i) % count].take())?;
        Some(self.task(turn))
    }

    /// The tasks of a thread's own range that nobody has taken yet, in their order.
    pub(crate) fn later(&self, thread: usize) -> impl Iterator<Item = usize> {
        let range = &self.ranges[thread % self.ranges.len()];
        (range.next.load(Ordering::Relaxed)..range.end).map(|turn| self.task(turn))
    }

    fn task(&self, turn: usize) -> usize {
        self.whole.map_or(turn, |stage| stage.task_at(turn))
    }
}

impl Range {
    fn take(&self) -> Option<usize> {
        let some = self.next.load(Ordering::Relaxed) < self.end;
        some.then(|| self.next.fetch_add(1, Ordering::Relaxed)).filter(|&turn| turn < self.end)
    }
}
