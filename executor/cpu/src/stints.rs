//! Who worked when, in few words however many tasks there are.

use cleave_plan::Stint;
use std::time::Duration;

/// The most stints of a thread; when there would be more, those that follow each other become one.
const MOST: usize = 256;

/// What the threads of a stage did so far.
pub(crate) struct Stints {
    stage: usize,
    threads: Vec<Thread>,
}

/// What a thread did so far.
#[derive(Clone, Default)]
struct Thread {
    stints: Vec<Stint>,
    /// A stint shorter than this takes in the next task.
    grain: Duration,
}

impl Stints {
    /// Of the stage of this number.
    pub(crate) fn of(stage: usize) -> Self {
        Self { stage, threads: Vec::new() }
    }

    /// A thread did a task; a thread's tasks come in order.
    pub(crate) fn add(&mut self, thread: usize, start: Duration, end: Duration) {
        if self.threads.len() <= thread {
            self.threads.resize_with(thread + 1, Thread::default);
        }
        self.threads[thread].add(Stint { stage: self.stage, thread, start, end, tasks: 1 });
    }

    /// All of them, thread by thread.
    pub(crate) fn done(self) -> Vec<Stint> {
        self.threads.into_iter().flat_map(|thread| thread.stints).collect()
    }
}

impl Thread {
    fn add(&mut self, stint: Stint) {
        join(&mut self.stints, stint, self.grain);
        if self.stints.len() > MOST {
            let begun = self.stints[0].start;
            self.grain = (stint.end.saturating_sub(begun) / (MOST as u32 / 2)).max(2 * self.grain);
            let all = std::mem::take(&mut self.stints);
            all.into_iter().for_each(|stint| join(&mut self.stints, stint, self.grain));
        }
    }
}

/// Adds a stint, as part of the last one where that is shorter than `grain`.
fn join(stints: &mut Vec<Stint>, stint: Stint, grain: Duration) {
    match stints.last_mut() {
        Some(last) if last.end.saturating_sub(last.start) < grain => {
            (last.end, last.tasks) = (stint.end, last.tasks + stint.tasks);
        }
        Some(_) | None => stints.push(stint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_tasks_there_are_the_stints_are_few_and_count_them_all() {
        let at = Duration::from_micros;
        for tasks in [1_u64, 10, 256, 257, 10_000, 300_000] {
            let mut stints = Stints::of(3);
            for i in 0..tasks {
                stints.add(1, at(10 * i), at(10 * i + 9));
            }
            let found = stints.done();
            assert!(found.len() <= MOST && (tasks > 256 || found.len() == tasks as usize), "{tasks}: {}", found.len());
            assert_eq!(found.iter().map(|s| s.tasks as u64).sum::<u64>(), tasks);
            assert!(found.iter().all(|s| (s.stage, s.thread) == (3, 1) && s.start < s.end));
            assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start), "{tasks}: they do not overlap");
            assert_eq!((found[0].start, found[found.len() - 1].end), (at(0), at(10 * tasks - 1)));
        }
    }
}
