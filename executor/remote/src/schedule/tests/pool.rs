//! A pool that exists only as events in a queue, with every kind of trouble.

use super::super::*;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::ops::Range;
use std::time::Duration;

/// What goes wrong, as probabilities an event or at set times.
#[derive(Clone, Default)]
pub(super) struct Faults {
    /// A worker dies, or stands still, within a second or so.
    pub(super) crashes: f64,
    pub(super) freezes: f64,
    /// A dead worker comes back as a new one.
    pub(super) rejoins: f64,
    /// A share fails in a way that passes.
    pub(super) faults: f64,
    /// Events come twice, late or of nowhere.
    pub(super) strays: f64,
    pub(super) one_crash: Option<Duration>,
    pub(super) one_freeze: Option<Duration>,
    pub(super) one_hang: Option<Duration>,
    pub(super) all_crash: Option<Duration>,
    /// A worker and how much slower it is.
    pub(super) slow: Option<(u32, f64)>,
    /// A stage and a task that kills who does it.
    pub(super) poison: Option<(usize, usize)>,
}

/// What became of a run.
pub(super) struct Trial {
    pub(super) end: Result<(), End>,
    pub(super) took: Duration,
    pub(super) counted: Vec<(usize, Range<usize>, WorkerId)>,
    /// Shares whose blocks were made a second time, and those whose holder was lost.
    pub(super) redone: usize,
    pub(super) held_by_lost: usize,
}

#[derive(Clone)]
struct Given {
    share: ShareId,
    attempt: u32,
    stage: usize,
    tasks: Range<usize>,
}

struct Worker {
    threads: usize,
    slowness: f64,
    queue: VecDeque<Given>,
    state: Life,
}

#[derive(PartialEq)]
enum Life {
    Alive,
    Frozen,
    Hung,
    Dead,
}

enum Happening {
    Tell(Input),
    Beat(WorkerId),
    Finish(WorkerId, ShareId, u32),
    Crash(WorkerId),
    Freeze(WorkerId),
    Hang(WorkerId),
    Join(usize),
}

pub(super) struct Pool {
    shape: Shape,
    schedule: Schedule,
    faults: Faults,
    now: Duration,
    random: u64,
    workers: BTreeMap<WorkerId, Worker>,
    queue: BinaryHeap<(std::cmp::Reverse<(Duration, u64)>, usize)>,
    happenings: Vec<Option<Happening>>,
    /// Where blocks of shares are, as far as the driver knows.
    places: BTreeMap<ShareId, WorkerId>,
    released: BTreeSet<usize>,
    trial: Trial,
    over: bool,
}

const MS: Duration = Duration::from_millis(1);

impl Pool {
    pub(super) fn new(shape: Shape, seed: u64, threads: &[usize], faults: Faults) -> Self {
        let trial = Trial { end: Ok(()), took: Duration::ZERO, counted: Vec::new(), redone: 0, held_by_lost: 0 };
        let mut pool = Self {
            schedule: Schedule::new(shape.clone(), Rules::default()),
            shape,
            faults: faults.clone(),
            now: Duration::ZERO,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            workers: BTreeMap::new(),
            queue: BinaryHeap::new(),
            happenings: Vec::new(),
            places: BTreeMap::new(),
            released: BTreeSet::new(),
            trial,
            over: false,
        };
        threads.iter().for_each(|&t| pool.join(t));
        let last = WorkerId(threads.len() as u32 - 1);
        let set = [(faults.one_crash, Happening::Crash(last)), (faults.one_freeze, Happening::Freeze(last))];
        let set = set.into_iter().chain([(faults.one_hang, Happening::Hang(last))]);
        set.filter_map(|(at, what)| at.map(|at| (at, what))).for_each(|(at, what)| pool.at(at, what));
        for worker in 0..threads.len() as u32 {
            faults.all_crash.into_iter().for_each(|at| pool.at(at, Happening::Crash(WorkerId(worker))));
        }
        pool
    }

    pub(super) fn run(&mut self) -> Trial {
        let mut steps = 0;
        self.tell(Input::Tick);
        while !self.over {
            steps += 1;
            assert!(steps < 400_000 && self.now < Duration::from_secs(3600), "no end after {:?}", self.now);
            let tick = self.now + 100 * MS;
            match self.queue.peek() {
                Some((std::cmp::Reverse((at, _)), _)) if *at <= tick => self.happen(),
                _ => {
                    self.now = tick;
                    self.tell(Input::Tick);
                }
            }
        }
        self.trial.took = self.now;
        std::mem::replace(
            &mut self.trial,
            Trial { end: Ok(()), took: Duration::ZERO, counted: Vec::new(), redone: 0, held_by_lost: 0 },
        )
    }

    fn chance(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    fn at(&mut self, at: Duration, what: Happening) {
        let number = self.happenings.len();
        self.happenings.push(Some(what));
        self.queue.push((std::cmp::Reverse((at, number as u64)), number));
    }

    fn soon(&mut self, what: Happening) {
        let delay = Duration::from_secs_f64(0.002 * self.chance());
        self.at(self.now + delay, what);
    }

    fn join(&mut self, threads: usize) {
        let id = WorkerId(self.workers.len() as u32);
        let slowness = self.faults.slow.filter(|(w, _)| *w == id.0).map_or(1.0, |(_, by)| by);
        self.workers.insert(id, Worker { threads, slowness, queue: VecDeque::new(), state: Life::Alive });
        self.tell(Input::Coming { worker: id, threads });
        self.soon(Happening::Tell(Input::Joined { worker: id, threads }));
        self.at(self.now + 1000 * MS, Happening::Beat(id));
        let (crashes, freezes) = (self.faults.crashes, self.faults.freezes);
        let when = self.now + Duration::from_secs_f64(3.0 * self.chance());
        if self.chance() < crashes {
            self.at(when, Happening::Crash(id));
        } else if self.chance() < freezes {
            self.at(when, Happening::Freeze(id));
        }
    }

    fn happen(&mut self) {
        let Some((std::cmp::Reverse((at, _)), number)) = self.queue.pop() else { return };
        self.now = at;
        match self.happenings[number].take().expect("each happens once") {
            Happening::Tell(input) => self.tell(input),
            Happening::Beat(worker) => self.beat(worker),
            Happening::Finish(worker, share, attempt) => self.finish(worker, share, attempt),
            Happening::Crash(worker) => self.crash(worker),
            Happening::Freeze(worker) => self.worker(worker).state = Life::Frozen,
            Happening::Hang(worker) => self.worker(worker).state = Life::Hung,
            Happening::Join(threads) => self.join(threads),
        }
    }

    fn worker(&mut self, id: WorkerId) -> &mut Worker {
        self.workers.get_mut(&id).expect("it joined")
    }

    fn beat(&mut self, id: WorkerId) {
        let worker = self.worker(id);
        if !matches!(worker.state, Life::Alive | Life::Hung) {
            return;
        }
        let input = match worker.state == Life::Alive && !worker.queue.is_empty() {
            true => Input::Progress { worker: id },
            false => Input::Heard { worker: id },
        };
        self.soon(Happening::Tell(input));
        self.at(self.now + 1000 * MS, Happening::Beat(id));
    }

    fn crash(&mut self, id: WorkerId) {
        let worker = self.worker(id);
        if worker.state == Life::Dead {
            return;
        }
        worker.state = Life::Dead;
        worker.queue.clear();
        let threads = worker.threads;
        self.trial.held_by_lost += self.places.values().filter(|&&w| w == id).count();
        self.soon(Happening::Tell(Input::Gone { worker: id, why: "crashed".to_owned() }));
        let rejoins = self.faults.rejoins;
        if self.chance() < rejoins {
            self.at(self.now + 500 * MS, Happening::Join(threads));
        }
    }

    fn begin(&mut self, id: WorkerId) {
        let worker = self.worker(id);
        let Some(head) = worker.queue.front().cloned().filter(|_| worker.state == Life::Alive) else { return };
        let took_s = 0.01 * head.tasks.len().div_ceil(worker.threads) as f64 * worker.slowness;
        let poison = self.faults.poison.is_some_and(|(s, t)| s == head.stage && head.tasks.contains(&t));
        let at = self.now + Duration::from_secs_f64(took_s);
        let what = if poison { Happening::Crash(id) } else { Happening::Finish(id, head.share, head.attempt) };
        self.at(at, what);
    }

    /// The shares whose blocks a stage reads and which are not where they are said to be.
    fn unreadable(&self, stage: usize) -> Vec<ShareId> {
        let read = self.shape.buffers.iter().filter(|b| b.read_by.contains(&stage)).map(|b| b.made_by);
        let made: BTreeSet<usize> = read.collect();
        let is_gone = |w: &WorkerId| self.workers[w].state != Life::Alive;
        let places = self.places.iter().filter(|(_, w)| is_gone(w)).map(|(&s, _)| s);
        places.filter(|&s| self.schedule.share(s).is_some_and(|(stage, _)| made.contains(&stage))).collect()
    }

    fn finish(&mut self, id: WorkerId, share: ShareId, attempt: u32) {
        let (faults, strays) = (self.faults.faults, self.faults.strays);
        let worker = self.worker(id);
        let is_head = worker.queue.front().is_some_and(|g| g.share == share && g.attempt == attempt);
        if worker.state != Life::Alive || !is_head {
            return;
        }
        let Some(given) = worker.queue.pop_front() else { return };
        let threads = worker.threads;
        let lost = self.unreadable(given.stage);
        let fails = self.chance() < faults;
        let input = if !lost.is_empty() || fails {
            let failure = Failure { passing: true, lost, ..Failure::default() };
            Input::Failed { worker: id, share, attempt, failure }
        } else {
            let released = |b: usize| self.released.contains(&b);
            let reads = self.shape.buffers.iter().enumerate().filter(|(_, b)| b.read_by.contains(&given.stage));
            let reads_released = reads.into_iter().any(|(b, _)| released(b));
            let kept = self.shape.buffers.iter().any(|b| b.made_by == given.stage);
            let busy = Duration::from_secs_f64(0.01 * given.tasks.len().next_multiple_of(threads) as f64);
            let checksum = if reads_released { 0 } else { share.0 as u32 + 1 };
            Input::Done(Answer { worker: id, share, checksum, kept, busy })
        };
        if self.chance() < strays {
            self.at(self.now + 3000 * MS, Happening::Tell(input.clone()));
            self.soon(Happening::Tell(Input::Progress { worker: WorkerId(77) }));
            self.soon(Happening::Tell(Input::Secured { worker: id, share: ShareId(5000) }));
        }
        self.soon(Happening::Tell(input));
        self.begin(id);
    }

    fn tell(&mut self, input: Input) {
        for order in self.schedule.step(self.now, input) {
            assert!(!self.over, "an order after the end: {order:?}");
            self.obey(order);
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Start { worker, share, attempt, stage, tasks } => {
                let given = Given { share, attempt, stage, tasks };
                let worker_state = self.worker(worker);
                worker_state.queue.push_back(given);
                assert!(worker_state.queue.len() <= 2, "more than two at once");
                if worker_state.queue.len() == 1 {
                    self.begin(worker);
                }
            }
            Order::Stop { worker, share } => {
                let state = self.worker(worker);
                let was_head = state.queue.front().is_some_and(|g| g.share == share);
                state.queue.retain(|g| g.share != share);
                if was_head {
                    self.begin(worker);
                }
            }
            Order::Take { worker, share, first } => self.fetch(worker, share, first),
            Order::Lose { worker, .. } => self.worker(worker).queue.clear(),
            Order::Release { buffer } => {
                self.released.insert(buffer);
            }
            Order::Stage { stage } => {
                let read = self.shape.buffers.iter().enumerate().filter(|(_, b)| b.made_by == stage);
                read.for_each(|(b, _)| {
                    self.released.remove(&b);
                });
            }
            Order::End(end) => (self.trial.end, self.over) = (end, true),
        }
    }

    fn fetch(&mut self, worker: WorkerId, share: ShareId, first: bool) {
        if self.workers[&worker].state != Life::Alive {
            let failure = Failure { passing: true, returned: true, ..Failure::default() };
            return self.soon(Happening::Tell(Input::Missed { worker, share, failure }));
        }
        let (stage, tasks) = self.schedule.share(share).expect("it was cut");
        if first {
            self.trial.counted.push((stage, tasks, worker));
        } else {
            self.trial.redone += 1;
        }
        if self.shape.buffers.iter().any(|b| b.made_by == stage) {
            self.places.insert(share, worker);
        }
        self.soon(Happening::Tell(Input::Secured { worker, share }));
    }
}
