//! Who does which task next: threads take turns from one range, or each from a range of its own.

use cleave_plan::{Need, Stage};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Ranges of turns.
pub(crate) struct Turns(Vec<Range>);

struct Range {
    next: AtomicUsize,
    end: usize,
}

impl Turns {
    pub(crate) fn new(stage: &Stage, need: &Need) -> Self {
        let count = stage.ranges(need).max(1);
        let start = |i: usize| (stage.tasks as u128 * i as u128 / count as u128) as usize;
        Self((0..count).map(|i| Range { next: AtomicUsize::new(start(i)), end: start(i + 1) }).collect())
    }

    /// The next turn of a thread: from its own range, then from the others.
    pub(crate) fn take(&self, thread: usize) -> Option<usize> {
        let count = self.0.len();
        (0..count).find_map(|i| self.0[(thread + i) % count].take())
    }
}

impl Range {
    fn take(&self) -> Option<usize> {
        let some = self.next.load(Ordering::Relaxed) < self.end;
        some.then(|| self.next.fetch_add(1, Ordering::Relaxed)).filter(|&turn| turn < self.end)
    }
}
