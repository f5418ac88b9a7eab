//! Who does which task next: threads take turns from one range, or each from a range of its own; where running values
//! are carried down strips, a whole strip at a time.

use crate::share::Share;
use cleave_plan::Stage;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Ranges of turns.
pub(crate) struct Turns<'a> {
    /// The stage, if all its tasks are done here: then their order is its own.
    whole: Option<&'a Stage>,
    /// Strips, by number.
    ranges: Vec<Range>,
    /// Turns of a strip, and the next of each thread: at the first of a strip it takes another.
    strip: usize,
    next: Vec<AtomicUsize>,
}

struct Range {
    next: AtomicUsize,
    end: usize,
}

impl<'a> Turns<'a> {
    pub(crate) fn new(stage: &'a Stage, share: &Share) -> Self {
        let Share { tasks, workers, cache_bytes, .. } = share;
        let whole = (tasks.len() == stage.tasks).then_some(stage);
        let strip = whole.map_or(1, |stage| stage.strip_turns().max(1));
        let strips = tasks.start / strip..tasks.end / strip;
        let count = stage.ranges(*workers, *cache_bytes).max(1);
        let start = |i: usize| strips.start + (strips.len() as u128 * i as u128 / count as u128) as usize;
        let range = |i: usize| Range { next: AtomicUsize::new(start(i)), end: start(i + 1) };
        let next = (0..(*workers).max(1)).map(|_| AtomicUsize::new(0)).collect();
        Self { whole, ranges: (0..count).map(range).collect(), strip, next }
    }

    /// The next task of a thread: of its strip, then of one from its own range, then of one from the others.
    pub(crate) fn take(&self, thread: usize) -> Option<usize> {
        let own = &self.next[thread];
        let mut turn = own.load(Ordering::Relaxed);
        if turn.is_multiple_of(self.strip) {
            let count = self.ranges.len();
            turn = self.strip * (0..count).find_map(|i| self.ranges[(thread + i) % count].take())?;
        }
        own.store(turn + 1, Ordering::Relaxed);
        Some(self.task(turn))
    }

    /// The tasks of a thread's own strip and range that nobody has taken yet, in their order.
    pub(crate) fn later(&self, thread: usize) -> impl Iterator<Item = usize> {
        let (own, range) = (self.next[thread].load(Ordering::Relaxed), &self.ranges[thread % self.ranges.len()]);
        let strips = range.next.load(Ordering::Relaxed)..range.end;
        let turns = strips.start * self.strip..strips.end * self.strip;
        (own..own.next_multiple_of(self.strip)).chain(turns).map(|turn| self.task(turn))
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
