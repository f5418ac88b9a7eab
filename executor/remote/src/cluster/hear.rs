//! What workers say, and what became of what was asked of them.

use super::answer::{is_as_sent, is_whole};
use super::lane::{News, Note};
use super::run::Run;
use crate::items;
use crate::proto::{self, Done, Event, Item, Progress, ShareReport, event, item, order};
use crate::schedule::{Answer, Failure, Input, ShareId, WorkerId};
use crate::transport::plain;
use cleave_cpu::{Joiner, Part, Receiver};
use cleave_ops::{Data, Region};
use cleave_plan::RunError;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most that is believed of what workers count, so that sums stay numbers.
const MOST: u64 = 1 << 50;

/// Takes blocks that became whole by a part.
#[derive(Default)]
struct Joined(Mutex<Vec<(usize, usize, Region, Data)>>);

impl Receiver for Joined {
    fn block(&self, goal: usize, number: usize, region: &Region, data: &mut Data) -> Result<(), RunError> {
        let none = Data::with_capacity(data.dtype(), 0);
        let block = (goal, number, region.clone(), std::mem::replace(data, none));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(block);
        Ok(())
    }
}

impl Run<'_> {
    pub(super) fn hear(&mut self, Note { worker, news }: Note) {
        match news {
            News::Events(events) if self.lanes.contains_key(&worker) => {
                self.inputs.push_back(Input::Heard { worker });
                events.into_iter().for_each(|event| self.event(worker, event));
            }
            News::Events(_) => {}
            News::Closed { connection, why, refused } => self.closed(worker, connection, (why, refused)),
            News::Taken { share, parts, released } => self.taken(worker, share, parts, released),
            News::Compared { done, is_true: true } => self.answered(worker, *done),
            News::Compared { done, is_true: false } => self.lied(worker, &done),
            News::Secured { share } => self.secured(worker, share),
            News::Moved => self.inputs.push_back(Input::Progress { worker }),
            News::Relayed { share, attempt } => self.relayed(worker, (share, attempt)),
            News::Unrelayed(failed) => self.failed(worker, failed),
            News::Lost { share, failure } => self.lost(worker, share, failure),
            News::Retake { share, failure } => self.retake(worker, share, failure),
            News::Missed { share, failure } => self.missed(worker, share, failure),
            News::Sink(error) => self.end = Some(Err(error)),
        }
    }

    fn event(&mut self, worker: WorkerId, event: Event) {
        match event.event {
            Some(event::Event::Opened(opened)) => self.opened(worker, &opened),
            Some(event::Event::Progress(told)) => self.progress(worker, &told),
            Some(event::Event::Done(done)) => self.done(worker, done),
            Some(event::Event::Failed(failed)) if self.relays(worker, &failed) => {}
            Some(event::Event::Failed(failed)) => self.failed(worker, failed),
            Some(event::Event::Draining(_)) => {
                self.lanes.get_mut(&worker).into_iter().for_each(|lane| lane.draining = true);
                self.inputs.push_back(Input::Draining { worker });
            }
            None => {}
        }
    }

    fn opened(&mut self, worker: WorkerId, opened: &proto::Opened) {
        let Some(lane) = self.lanes.get_mut(&worker) else { return };
        if opened.plan != self.hash {
            let why = "it came to another plan".to_owned();
            return self.inputs.push_back(Input::Gone { worker, why });
        }
        let threads = lane.connection.threads;
        lane.opened();
        self.tally.joined(worker, self.endpoints[&worker].clone(), threads);
        self.acquit(worker);
        self.inputs.push_back(Input::Joined { worker, threads });
    }

    fn progress(&mut self, worker: WorkerId, told: &Progress) {
        let share = ShareId(told.share);
        // Of shares it was not given it has nothing to say.
        if !self.schedule.is_given(worker, share) {
            return;
        }
        let at = (told.elements.min(MOST), told.memory_bytes.min(MOST));
        let gets_on = match told.fetches {
            0 => told.waits || self.tally.progress(worker, share, at),
            signs => self.tally.fetched(worker, share, signs),
        };
        if gets_on {
            self.lanes.get_mut(&worker).into_iter().for_each(|lane| lane.returns.signs += 1);
            self.inputs.push_back(Input::Progress { worker });
        }
    }

    fn done(&mut self, worker: WorkerId, mut done: Done) {
        done.report.iter_mut().for_each(believable);
        let share = ShareId(done.share);
        let Some((stage, tasks)) = self.schedule.share(share) else {
            // The schedule puts out who answers for what does not exist.
            let (kept, busy) = (false, Duration::ZERO);
            return self.inputs.push_back(Input::Done(Answer { worker, share, checksum: 0, kept, busy }));
        };
        if !is_whole(self.plan, stage, &tasks, &done) || !is_as_sent(self.plan, (stage, &tasks), &done) {
            return self.lied(worker, &done);
        }
        // Of an answer that is another than the first, what it left elsewhere is looked at before it counts.
        if self.is_other_answer(share, &done) && done.parts.iter().any(|p| p.item.is_some()) {
            return self.compare(worker, (stage, tasks), done);
        }
        self.answered(worker, done);
    }

    /// Whether a share was answered otherwise before, which the schedule has perhaps yet to hear.
    fn is_other_answer(&self, share: ShareId, done: &Done) -> bool {
        let is_other =
            |(of, other): (&(WorkerId, ShareId), &Arc<Done>)| of.1 == share && other.checksum != done.checksum;
        self.schedule.is_other_answer(share, done.checksum) || self.answers.iter().any(is_other)
    }

    fn lied(&mut self, worker: WorkerId, done: &Done) {
        let (code, message) = ("malformed-answer".into(), "its answer is not what its tasks make".into());
        let failure = Failure { code, message, passing: true, ..Failure::default() };
        let (share, attempt) = (ShareId(done.share), done.attempt);
        self.inputs.push_back(Input::Failed { worker, share, attempt, failure });
    }

    fn compare(&mut self, worker: WorkerId, of: (usize, Range<usize>), done: Done) {
        let Some(lane) = self.lanes.get(&worker) else { return };
        let (connection, delivery, notes) = (lane.connection.clone(), Arc::clone(&self.delivery), self.notes.clone());
        self.takes.spawn(async move {
            let is_true = delivery.parts(&connection, (of.0, &of.1), &done).await.is_ok();
            let _ = notes.send(Note { worker, news: News::Compared { done: Box::new(done), is_true } });
        });
    }

    /// An answer that is what its tasks make, as far as that is known.
    fn answered(&mut self, worker: WorkerId, done: Done) {
        let share = ShareId(done.share);
        let Some((stage, _)) = self.schedule.share(share) else { return };
        let targets = self.plan.stages[stage].targets();
        let is_kept = |f: &proto::Finished| items::kept(self.plan, targets[f.goal as usize]).is_some();
        let kept = done.finished.iter().any(is_kept);
        let busy = Duration::from_nanos(done.report.as_ref().map_or(0, |r| r.busy_ns));
        let checksum = done.checksum;
        self.answers.insert((worker, share), Arc::new(done));
        self.inputs.push_back(Input::Done(Answer { worker, share, checksum, kept, busy }));
    }

    /// A share is not done, and what it lacks cannot be brought to it.
    fn failed(&mut self, worker: WorkerId, failed: proto::Failed) {
        let share = ShareId(failed.share);
        self.tally.stopped(worker, share);
        let told = failed.failure.unwrap_or_default();
        let maker = |l: &proto::Lost| {
            let is_there = |w: WorkerId| self.endpoints.get(&w).is_some_and(|e| *e == l.endpoint);
            self.places.maker(l.buffer, l.block, is_there)
        };
        let mut lost: Vec<ShareId> = told.lost.iter().filter_map(maker).collect();
        lost.sort_unstable();
        lost.dedup();
        // Blocks that were made again in the meantime are found the next time.
        let returned = told.code == "draining" || (lost.is_empty() && !told.lost.is_empty());
        let (code, message) = (plain(&told.code, 100), plain(&told.message, 2000));
        let proto::Failure { passing, too_large, .. } = told;
        let failure = Failure { code, message, passing, returned, too_large, lost };
        self.inputs.push_back(Input::Failed { worker, share, attempt: failed.attempt, failure });
    }

    /// An answer that came second.
    pub(super) fn spare(&mut self, (worker, share): (WorkerId, ShareId)) {
        let Some(done) = self.answers.remove(&(worker, share)) else { return };
        let Some((stage, tasks)) = self.schedule.share(share) else { return };
        self.tally.done(worker, (stage, tasks.len()), &done, false);
        let items =
            done.finished.iter().filter(|f| f.data.is_none() && !f.written).filter_map(|f| self.waiting_item(stage, f));
        let items: Vec<Item> = items.chain(done.parts.iter().filter_map(|p| p.item.clone())).collect();
        self.release(worker, items);
    }

    fn waiting_item(&self, stage: usize, finished: &proto::Finished) -> Option<Item> {
        let target = *self.plan.stages[stage].targets().get(finished.goal as usize)?;
        let output = items::fetched(self.plan, target)? as u32;
        let what = item::What::Output(proto::OutputBlock { output, block: finished.block });
        Some(Item { session: self.pool.session.clone(), job: self.number, what: Some(what) })
    }

    /// Earlier and later connections to the process of a worker.
    pub(super) fn same_process(&self, worker: WorkerId) -> impl Iterator<Item = WorkerId> + '_ {
        let is_same = move |other: &WorkerId| {
            self.endpoints.get(other) == self.endpoints.get(&worker)
                && self.epochs.get(other) == self.epochs.get(&worker)
        };
        self.epochs.keys().copied().filter(move |&other| other != worker && is_same(&other))
    }

    /// Tells a worker what it need not keep, by whatever connection there is to it.
    fn release(&self, worker: WorkerId, items: Vec<Item>) {
        let again = || self.same_process(worker).find_map(|other| self.lanes.get(&other));
        if let Some(lane) = self.lanes.get(&worker).or_else(again).filter(|_| !items.is_empty()) {
            lane.order(order::Order::Release(proto::Release { buffers: Vec::new(), items }));
        }
    }

    /// What a share left is here: its parts are joined, and blocks that became whole handed on.
    fn taken(&mut self, worker: WorkerId, share: ShareId, parts: Vec<Part>, released: Vec<Item>) {
        self.release(worker, released);
        let Some((stage, _)) = self.schedule.share(share) else { return };
        let joiner = self.joiners.entry(stage).or_insert_with(|| Joiner::new(self.plan, stage));
        let joined = Joined::default();
        for part in parts {
            if let Err(error) = joiner.add(part, &joined) {
                return self.end = Some(Err(error));
            }
        }
        let blocks = joined.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if blocks.is_empty() {
            return self.secured(worker, share);
        }
        let targets = self.plan.stages[stage].targets();
        for (goal, number, _, data) in &blocks {
            if let Some(buffer) = items::kept(self.plan, targets[*goal]) {
                self.values.join(buffer, *number, data.clone());
            }
        }
        let (delivery, notes) = (Arc::clone(&self.delivery), self.notes.clone());
        self.takes.spawn_blocking(move || {
            let handed =
                blocks.into_iter().try_for_each(|(goal, _, region, data)| delivery.deliver(stage, goal, &region, data));
            let news = handed.map_or_else(News::Sink, |()| News::Secured { share });
            let _ = notes.send(Note { worker, news });
        });
    }

    pub(super) fn secured(&mut self, worker: WorkerId, share: ShareId) {
        self.answers.remove(&(worker, share));
        self.inputs.push_back(Input::Secured { worker, share });
    }
}

/// No count of a report is larger than what can be added up.
fn believable(report: &mut ShareReport) {
    let ShareReport {
        busy_ns,
        wall_ns,
        elements,
        bytes_read,
        bytes_written,
        bytes_spilled,
        bytes_fetched,
        peak_bytes,
        ..
    } = report;
    let counts = [busy_ns, wall_ns, elements, bytes_read, bytes_written, bytes_spilled, bytes_fetched, peak_bytes];
    counts.into_iter().for_each(|count| *count = (*count).min(MOST));
}
