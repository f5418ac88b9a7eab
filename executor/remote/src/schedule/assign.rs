//! Who gets which share: those that wait before new ones, and second copies where there is nothing else to do.

use super::member::Standing;
use super::share::{Copy, Share, State};
use super::{Order, Schedule, ShareId, Time, WorkerId};
use std::collections::BTreeMap;

impl Schedule {
    /// Gives shares to workers that have room, to those with the fewest first.
    pub(super) fn assign(&mut self, now: Time) {
        let Some(stage) = self.current.filter(|_| !self.is_over()) else { return };
        let mut idle: Vec<WorkerId> = self.ready().collect();
        while let Some(&worker) = idle.iter().min_by_key(|w| self.members[w].queue.len()) {
            let has_room = self.members[&worker].queue.len() < self.rules.outstanding;
            match has_room.then(|| self.pick(now, stage, worker)).flatten() {
                Some(share) => self.start(now, worker, share),
                None => idle.retain(|&w| w != worker),
            }
        }
    }

    pub(super) fn ready(&self) -> impl Iterator<Item = WorkerId> + '_ {
        self.members.iter().filter(|(_, m)| m.standing == Standing::Ready).map(|(&w, _)| w)
    }

    /// Threads of those who are ready or soon will be.
    pub(super) fn threads(&self) -> BTreeMap<WorkerId, usize> {
        let coming = self.coming.iter().map(|(&worker, &threads)| (worker, threads));
        self.ready().map(|worker| (worker, self.members[&worker].threads)).chain(coming).collect()
    }

    fn pick(&mut self, now: Time, stage: usize, worker: WorkerId) -> Option<ShareId> {
        self.waiting(now, stage, worker).or_else(|| self.new_share(stage, worker)).or_else(|| {
            let is_idle = self.members[&worker].queue.is_empty();
            is_idle.then(|| self.queued(now, stage, worker).or_else(|| self.slow(now, stage, worker))).flatten()
        })
    }

    /// A share that waits; one that this worker should not try only if nobody else can, and after a while.
    fn waiting(&self, now: Time, stage: usize, worker: WorkerId) -> Option<ShareId> {
        let others = self.ready().count() > 1;
        let rank = |share: &Share| match () {
            () if share.prefer == Some(worker) => 0,
            () if share.avoid == Some(worker) || share.killed.contains(&worker) => 3,
            () if share.prefer.is_some_and(|w| self.ready().any(|r| r == w)) => 2,
            () => 1,
        };
        let may = |share: &Share, rank| rank < 2 || (!others && (rank < 3 || share.rests_until <= now));
        let shares = self.stages[stage].waiting.iter().map(|&id| (&self.shares[id.0 as usize], id));
        let ranked = shares.map(|(share, id)| (rank(share), id, share)).filter(|&(rank, _, share)| may(share, rank));
        ranked.map(|(rank, id, _)| (rank, id)).min().map(|(_, id)| id)
    }

    fn new_share(&mut self, stage: usize, worker: WorkerId) -> Option<ShareId> {
        let threads = self.members[&worker].threads;
        let of = self.threads().values().sum();
        let tasks = self.stages[stage].tasks.cut((worker, threads), of, &self.rules)?;
        let id = ShareId(self.shares.len() as u64);
        self.shares.push(Share::new(stage, tasks));
        self.stages[stage].shares.push(id);
        Some(id)
    }

    /// A share that waits in the queue of another worker; it is taken from there.
    fn queued(&mut self, now: Time, stage: usize, worker: WorkerId) -> Option<ShareId> {
        let waits = |id: &&ShareId| {
            let share = &self.shares[id.0 as usize];
            share.stage == stage && share.copies.len() == 1 && share.avoid != Some(worker)
        };
        let queues = self.members.iter().filter(|&(&w, _)| w != worker);
        let (from, id) = queues.filter_map(|(&w, m)| m.queue.iter().skip(1).find(waits).map(|&id| (w, id))).next()?;
        self.orders.push(Order::Stop { worker: from, share: id });
        self.shares[id.0 as usize].leave(from);
        self.dequeue(now, from, id);
        Some(id)
    }

    /// A share that takes another worker much longer than it should, or whose worker is not heard of.
    fn slow(&self, now: Time, stage: usize, worker: WorkerId) -> Option<ShareId> {
        let median_s = self.stages[stage].tasks.median_s(self.shape.stages[stage].tasks);
        let is_slow = |id: &&ShareId| {
            let share = &self.shares[id.0 as usize];
            let [copy] = share.copies.as_slice() else { return false };
            let Some(member) = self.members.get(&copy.worker).filter(|_| copy.worker != worker) else { return false };
            if share.avoid == Some(worker) || share.killed.contains(&worker) {
                return false;
            }
            let took = now.saturating_sub(copy.began.unwrap_or(now));
            let usual_s = median_s.map(|s| s * share.tasks.len() as f64 / member.threads as f64);
            let is_late = usual_s.is_some_and(|s| took.as_secs_f64() > self.rules.hedge_medians * s);
            let is_missing = now.saturating_sub(member.heard) >= self.rules.suspect;
            is_missing || (is_late && took >= self.rules.hedge_least)
        };
        let at_work = self.stages[stage].shares.iter().filter(|id| self.shares[id.0 as usize].state == State::AtWork);
        at_work.filter(is_slow).min_by_key(|id| self.shares[id.0 as usize].copies[0].began).copied()
    }

    fn start(&mut self, now: Time, worker: WorkerId, id: ShareId) {
        let share = &mut self.shares[id.0 as usize];
        let Some(member) = self.members.get_mut(&worker) else { return };
        let begins = member.queue.is_empty();
        if begins {
            member.moved = now;
        }
        member.queue.push_back(id);
        self.stages[share.stage].waiting.remove(&id);
        share.state = State::AtWork;
        share.attempts += 1;
        share.given.insert(worker);
        let (attempt, stage, tasks) = (share.attempts, share.stage, share.tasks.clone());
        share.copies.push(Copy { worker, attempt, began: begins.then_some(now) });
        self.orders.push(Order::Start { worker, share: id, attempt, stage, tasks });
    }
}
