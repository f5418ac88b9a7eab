//! Shares run one after the other, so that only one of them has its tasks' memory; those of several jobs take turns.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Whose turn it is.
#[derive(Default)]
pub(super) struct Turns {
    /// Guards who waits.
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    next: u64,
    /// Whose turn it is, then those who wait, in the order in which they came.
    numbers: VecDeque<u64>,
    /// Jobs without a turn that hold memory for their next one.
    lingering: usize,
}

/// The right to run a share.
pub(super) struct Turn<'a>(&'a Turns);

/// The right to hold memory between shares; nobody begins meanwhile, so it is given up when somebody waits.
pub(super) struct Lingering<'a>(&'a Turns);

impl Turns {
    /// Waits for a turn; `passed` hears of each that somebody else had meanwhile. A job asks for one turn after the
    /// other, so that all jobs have as many.
    pub(super) fn take(&self, passed: impl Fn()) -> Turn<'_> {
        let mut queue = self.queue();
        let own = queue.next;
        queue.next += 1;
        queue.numbers.push_back(own);
        while queue.numbers.front() != Some(&own) || queue.lingering > 0 {
            let first = queue.numbers.front().copied();
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            if queue.numbers.front().copied() != first {
                passed();
            }
        }
        Turn(self)
    }

    /// Holds memory as long as nobody waits for a turn.
    pub(super) fn linger(&self) -> Lingering<'_> {
        self.queue().lingering += 1;
        Lingering(self)
    }

    /// How many have a turn or wait for one.
    pub(super) fn len(&self) -> usize {
        self.queue().numbers.len()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.queue().numbers.pop_front();
        self.0.changed.notify_all();
    }
}

impl Drop for Lingering<'_> {
    fn drop(&mut self) {
        self.0.queue().lingering -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn nobody_begins_while_another_holds_memory() {
        let (turns, begun) = (Turns::default(), AtomicUsize::new(0));
        thread::scope(|scope| {
            let lingering = turns.linger();
            scope.spawn(|| {
                let _turn = turns.take(|| {});
                begun.store(1, Ordering::SeqCst);
            });
            while turns.len() == 0 {
                thread::yield_now();
            }
            thread::sleep(std::time::Duration::from_millis(20));
            assert_eq!(begun.load(Ordering::SeqCst), 0);
            drop(lingering);
        });
        assert_eq!((begun.load(Ordering::SeqCst), turns.len()), (1, 0));
    }

    #[test]
    fn one_after_the_other_and_nobody_twice_while_others_wait() {
        let (turns, at_work, order) = (Turns::default(), AtomicUsize::new(0), Mutex::new(Vec::new()));
        let passed = AtomicUsize::new(0);
        thread::scope(|scope| {
            let first = turns.take(|| {});
            for job in 0..3 {
                let (turns, at_work, order, passed) = (&turns, &at_work, &order, &passed);
                while turns.len() < 1 + job {
                    thread::yield_now();
                }
                scope.spawn(move || {
                    for _ in 0..20 {
                        let _turn = turns.take(|| {
                            passed.fetch_add(1, Ordering::Relaxed);
                        });
                        assert_eq!(at_work.fetch_add(1, Ordering::SeqCst), 0);
                        // All that are not at work want to be.
                        while turns.len() < 3 && order.lock().expect("no panic").len() < 50 {
                            thread::yield_now();
                        }
                        order.lock().expect("no panic").push(job);
                        at_work.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
            while turns.len() < 4 {
                thread::yield_now();
            }
            drop(first);
        });
        let order = order.into_inner().expect("no panic");
        let fair =
            order[..45].windows(3).all(|three| three[0] != three[1] && three[1] != three[2] && three[0] != three[2]);
        assert!(fair, "{order:?}");
        assert!(passed.load(Ordering::Relaxed) > 0);
    }
}
