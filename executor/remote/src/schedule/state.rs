//! The state of a run, and what each input changes.

use super::cut::Tasks;
use super::member::{Member, Standing};
use super::share::{Share, State};
use super::{Answer, End, Failure, Input, Loss, Order, Rules, Shape, ShareId, Time, WorkerId};
use std::collections::{BTreeMap, BTreeSet};

/// One run on a pool.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub(super) rules: Rules,
    pub(super) shape: Shape,
    pub(super) stages: Vec<Stage>,
    pub(super) shares: Vec<Share>,
    pub(super) members: BTreeMap<WorkerId, Member>,
    /// Threads of those that are soon to join.
    pub(super) coming: BTreeMap<WorkerId, usize>,
    /// The lowest stage that is not done.
    pub(super) current: Option<usize>,
    released: Vec<bool>,
    pub(super) lost: Vec<(WorkerId, Loss)>,
    /// Since when there is no worker at all.
    pub(super) alone: Option<Time>,
    pub(super) orders: Vec<Order>,
    ended: bool,
}

/// One stage.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) tasks: Tasks,
    pub(super) waiting: BTreeSet<ShareId>,
    pub(super) shares: Vec<ShareId>,
    pub(super) done: usize,
}

impl Stage {
    fn is_finished(&self) -> bool {
        self.tasks.is_cut() && self.done == self.shares.len()
    }
}

impl Schedule {
    /// A run that has not begun.
    pub fn new(shape: Shape, rules: Rules) -> Self {
        let stage = |s| Stage { tasks: Tasks::new(s), waiting: BTreeSet::new(), shares: Vec::new(), done: 0 };
        Self {
            rules,
            stages: shape.stages.iter().map(stage).collect(),
            shares: Vec::new(),
            members: BTreeMap::new(),
            coming: BTreeMap::new(),
            current: None,
            released: vec![false; shape.buffers.len()],
            lost: Vec::new(),
            alone: Some(Time::ZERO),
            orders: Vec::new(),
            ended: false,
            shape,
        }
    }

    /// Takes in what happened and gives what is to be done; nothing any more after the end.
    pub fn step(&mut self, now: Time, input: Input) -> Vec<Order> {
        if !self.ended {
            self.take(now, input);
            self.watch(now);
            self.advance();
            self.assign(now);
        }
        std::mem::take(&mut self.orders)
    }

    /// The stage and the tasks of a share.
    pub fn share(&self, id: ShareId) -> Option<(usize, std::ops::Range<usize>)> {
        self.shares.get(id.0 as usize).map(|s| (s.stage, s.tasks.clone()))
    }

    /// Shares that were given to a worker and are not done.
    pub fn outstanding(&self, worker: WorkerId) -> usize {
        self.members.get(&worker).map_or(0, |m| m.queue.len())
    }

    /// Whether a worker has a share that is not done.
    pub fn is_given(&self, worker: WorkerId, share: ShareId) -> bool {
        self.members.get(&worker).is_some_and(|m| m.queue.contains(&share))
    }

    /// Whether a share was answered before, and otherwise than by what has this checksum.
    pub fn is_other_answer(&self, share: ShareId, checksum: u32) -> bool {
        let share = self.shares.get(share.0 as usize);
        share.and_then(|s| s.answer).is_some_and(|(first, _)| first != checksum)
    }

    fn take(&mut self, now: Time, input: Input) {
        match input {
            Input::Coming { worker, threads } => {
                self.coming.insert(worker, threads.max(1));
                self.deal();
            }
            Input::Joined { worker, threads } => self.joined(now, worker, threads),
            Input::Heard { worker } => self.hear(now, worker),
            Input::Progress { worker } => self.moved(now, worker),
            Input::Done(answer) => self.done(now, &answer),
            Input::Secured { worker, share } => self.secured(worker, share),
            Input::Missed { worker, share, failure } => self.missed(now, worker, share, failure),
            Input::Failed { worker, share, attempt, failure } => self.failed(now, worker, (share, attempt), failure),
            Input::Draining { worker } => {
                self.hear(now, worker);
                self.members.get_mut(&worker).into_iter().for_each(|m| m.standing = Standing::Draining);
            }
            Input::Away { worker } => self.members.get_mut(&worker).into_iter().for_each(Member::leave),
            Input::Gone { worker, why } => {
                self.coming.remove(&worker);
                self.lose(worker, Loss::Gone(why));
            }
            Input::Lives { worker } => self.shares.iter_mut().for_each(|s| s.killed.retain(|w| *w != worker)),
            Input::Cancel => self.end(Err(End::Cancelled)),
            Input::Tick => {}
        }
    }

    fn joined(&mut self, now: Time, worker: WorkerId, threads: usize) {
        self.coming.remove(&worker);
        let member = self.members.entry(worker).or_insert_with(|| Member::new(threads, now));
        if member.standing != Standing::Away {
            return self.deal();
        }
        (member.standing, member.heard, member.moved) = (Standing::Ready, now, now);
        for &id in &member.queue {
            let share = &self.shares[id.0 as usize];
            let attempt = share.copies.iter().find(|c| c.worker == worker).map_or(share.attempts, |c| c.attempt);
            let (stage, tasks) = (share.stage, share.tasks.clone());
            self.orders.push(Order::Start { worker, share: id, attempt, stage, tasks });
        }
    }

    fn hear(&mut self, now: Time, worker: WorkerId) {
        self.members.get_mut(&worker).into_iter().for_each(|m| m.hear(now));
    }

    fn moved(&mut self, now: Time, worker: WorkerId) {
        self.hear(now, worker);
        self.members.get_mut(&worker).into_iter().for_each(|m| m.moved = now);
    }

    /// The share with that number, if the worker may speak of it. One that speaks of others is not to be trusted.
    fn spoken_of(&mut self, worker: WorkerId, id: ShareId) -> Option<&mut Share> {
        if !self.members.contains_key(&worker) {
            return None;
        }
        if !self.shares.get(id.0 as usize).is_some_and(|s| s.given.contains(&worker)) {
            self.lose(worker, Loss::Untrue { share: id });
            return None;
        }
        self.shares.get_mut(id.0 as usize)
    }

    fn done(&mut self, now: Time, answer: &Answer) {
        let Answer { worker, share: id, checksum, kept, busy } = *answer;
        self.moved(now, worker);
        let Some(share) = self.spoken_of(worker, id) else { return };
        let (_, first) = *share.answer.get_or_insert((checksum, worker));
        if share.answer != Some((checksum, first)) {
            // Whether the first is what it says is known when all of it is here.
            if first != worker && !share.taken && share.state == State::Securing(first) {
                share.rival = Some(worker);
                return;
            }
            return self.disagree(id, vec![first, worker]);
        }
        self.dequeue(now, worker, id);
        let share = &mut self.shares[id.0 as usize];
        if !matches!(share.state, State::Waiting | State::AtWork) {
            return;
        }
        (share.state, share.kept) = (State::Securing(worker), kept);
        let (stage, tasks, first) = (share.stage, share.tasks.len(), !share.taken);
        self.stages[stage].waiting.remove(&id);
        self.stages[stage].tasks.learn(tasks, busy.as_secs_f64());
        self.orders.push(Order::Take { worker, share: id, first });
        self.stop_others(now, id);
    }

    fn disagree(&mut self, id: ShareId, workers: Vec<WorkerId>) {
        let share = &self.shares[id.0 as usize];
        let (stage, tasks) = (share.stage, share.tasks.clone());
        self.end(Err(End::Disagree { share: id, stage, tasks, workers }));
    }

    /// Takes a share off a worker's queue; the next one begins.
    pub(super) fn dequeue(&mut self, now: Time, worker: WorkerId, id: ShareId) {
        self.shares[id.0 as usize].copies.retain(|c| c.worker != worker);
        let Some(member) = self.members.get_mut(&worker) else { return };
        member.remove(id);
        let Some(&head) = member.queue.front() else { return };
        let copies = self.shares[head.0 as usize].copies.iter_mut().filter(|c| c.worker == worker);
        copies.for_each(|c| c.began = c.began.or(Some(now)));
    }

    fn stop_others(&mut self, now: Time, id: ShareId) {
        for copy in std::mem::take(&mut self.shares[id.0 as usize].copies) {
            self.orders.push(Order::Stop { worker: copy.worker, share: id });
            self.dequeue(now, copy.worker, id);
        }
    }

    fn secured(&mut self, worker: WorkerId, id: ShareId) {
        let Some(share) = self.shares.get_mut(id.0 as usize) else { return };
        if share.state != State::Securing(worker) {
            return;
        }
        if let Some(rival) = share.rival {
            return self.disagree(id, vec![worker, rival]);
        }
        share.taken = true;
        share.state = State::Done;
        share.holder = (share.kept && self.members.contains_key(&worker)).then_some(worker);
        let (stage, is_lost) = (share.stage, share.kept && share.holder.is_none());
        self.stages[stage].done += 1;
        if is_lost {
            self.revive();
        }
    }

    fn missed(&mut self, now: Time, worker: WorkerId, id: ShareId, failure: Failure) {
        let held = self.shares.get(id.0 as usize).is_some_and(|s| s.state == State::Securing(worker));
        if held {
            let share = &mut self.shares[id.0 as usize];
            (share.state, share.misses, share.rival) = (State::Waiting, share.misses + 1, None);
            // What nobody took need not be what others answer.
            share.answer = share.answer.filter(|&(_, first)| share.taken || first != worker);
            self.again(now, worker, id, failure);
        }
    }

    fn failed(&mut self, now: Time, worker: WorkerId, (id, attempt): (ShareId, u32), failure: Failure) {
        self.moved(now, worker);
        let Some(share) = self.spoken_of(worker, id) else { return };
        if !share.copies.iter().any(|c| c.worker == worker && c.attempt == attempt) {
            return;
        }
        share.leave(worker);
        self.dequeue(now, worker, id);
        self.again(now, worker, id, failure);
    }

    /// A share was not done: somebody else tries, or the run ends.
    fn again(&mut self, now: Time, worker: WorkerId, id: ShareId, failure: Failure) {
        if failure.too_large && self.halve(id) {
            return;
        }
        let share = &mut self.shares[id.0 as usize];
        let blames = !failure.returned && failure.lost.is_empty();
        share.faults += u32::from(blames);
        share.misses += u32::from(!failure.lost.is_empty());
        let too_often = share.faults > self.rules.retries || share.misses > self.rules.retries_of_lost;
        if !failure.passing || too_often {
            let (stage, tasks) = (share.stage, share.tasks.clone());
            return self.end(Err(End::Failed { worker, stage, tasks, failure }));
        }
        if failure.lost.is_empty() {
            (share.avoid, share.prefer) = (Some(worker), None);
            let doubled = share.faults.saturating_sub(1).min(16);
            share.rests_until = now + self.rules.rest * if blames { 1 << doubled } else { 0 };
        } else {
            share.prefer = Some(worker);
        }
        self.requeue(id);
        for lost in failure.lost {
            self.forget(lost, worker);
        }
        self.revive();
    }

    fn requeue(&mut self, id: ShareId) {
        let share = &self.shares[id.0 as usize];
        if share.state == State::Waiting {
            self.stages[share.stage].waiting.insert(id);
        }
    }

    /// The blocks of a share could not be had by `worker`, who had better make them.
    fn forget(&mut self, id: ShareId, worker: WorkerId) {
        let Some(share) = self.shares.get_mut(id.0 as usize).filter(|s| s.kept && s.state == State::Done) else {
            return;
        };
        (share.holder, share.prefer) = (None, Some(worker));
    }

    /// A worker no longer takes part: what it had waits again, and what it kept is made again if it is needed.
    pub(super) fn lose(&mut self, worker: WorkerId, why: Loss) {
        let Some(member) = self.members.remove(&worker) else { return };
        self.orders.push(Order::Lose { worker, why: why.clone() });
        self.lost.push((worker, why));
        self.stages.iter_mut().for_each(|stage| stage.tasks.disown(worker));
        let blamed = member.queue.front().copied().filter(|_| member.standing != Standing::Draining);
        blamed.into_iter().for_each(|head| self.blame(worker, head));
        for &id in &member.queue {
            self.shares[id.0 as usize].leave(worker);
            self.requeue(id);
        }
        // It may have been too much for one machine.
        if let Some(head) = blamed {
            self.halve(head);
        }
        for share in self.shares.iter_mut().filter(|s| s.holder == Some(worker)) {
            share.holder = None;
        }
        self.revive();
    }

    fn blame(&mut self, worker: WorkerId, id: ShareId) {
        let share = &mut self.shares[id.0 as usize];
        share.killed.insert(worker);
        if share.killed.len() >= self.rules.deadly {
            let (stage, tasks) = (share.stage, share.tasks.clone());
            let workers = share.killed.iter().copied().collect();
            self.end(Err(End::Deadly { stage, tasks, workers }));
        }
    }

    /// Shares whose blocks are with nobody are to be done again, if a stage that is not done reads them. What is
    /// needed for that may be needed again as well.
    fn revive(&mut self) {
        for stage in (0..self.stages.len()).rev() {
            if !self.is_read_later(stage) {
                continue;
            }
            for index in 0..self.stages[stage].shares.len() {
                let id = self.stages[stage].shares[index];
                let share = &mut self.shares[id.0 as usize];
                if share.state == State::Done && share.kept && share.holder.is_none() {
                    share.state = State::Waiting;
                    self.stages[stage].done -= 1;
                    self.requeue(id);
                }
            }
        }
    }

    /// Whether a stage that is not done reads what this one makes; values released too early are lost.
    fn is_read_later(&mut self, stage: usize) -> bool {
        let mut is_read = false;
        for (number, buffer) in self.shape.buffers.iter().enumerate().filter(|(_, b)| b.made_by == stage) {
            if !buffer.read_by.iter().any(|&s| !self.stages[s].is_finished()) {
                continue;
            }
            is_read = true;
            if std::mem::take(&mut self.released[number]) {
                let shares = &self.stages[stage].shares;
                shares.iter().for_each(|id| self.shares[id.0 as usize].holder = None);
            }
        }
        is_read
    }

    /// Goes on to the lowest stage that is not done; releases what nobody reads any more.
    fn advance(&mut self) {
        let current = self.stages.iter().position(|s| !s.is_finished());
        if current != self.current {
            self.current = current;
            self.orders.extend(current.map(|stage| Order::Stage { stage }));
            self.deal();
        }
        for number in 0..self.shape.buffers.len() {
            let buffer = &self.shape.buffers[number];
            let stages = buffer.read_by.iter().chain(std::iter::once(&buffer.made_by));
            if !self.released[number] && stages.into_iter().all(|&s| self.stages[s].is_finished()) {
                self.released[number] = true;
                self.orders.push(Order::Release { buffer: number });
            }
        }
        if current.is_none() {
            self.end(Ok(()));
        }
    }

    pub(super) fn end(&mut self, end: Result<(), End>) {
        if self.ended {
            return;
        }
        self.ended = true;
        for (&worker, member) in &self.members {
            self.orders.extend(member.queue.iter().map(|&share| Order::Stop { worker, share }));
        }
        self.orders.push(Order::End(end));
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended
    }
}
