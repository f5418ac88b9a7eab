//! What the schedule wants is done.

use super::lane::{News, Note};
use super::member::Connection;
use super::run::Run;
use super::take::Lack;
use crate::elements::view;
use crate::items;
use crate::proto::{self, Item, PutBlock, item, order};
use crate::schedule::{Loss, Order, ShareId, WorkerId};
use crate::spec::StoredPlace;
use bytes::Bytes;
use cleave_plan::{BufferId, Origin, RunError, reads};
use std::ops::Range;
use std::sync::Arc;

impl Run<'_> {
    pub(super) fn obey(&mut self, order: Order) {
        match order {
            Order::Stage { stage } => {
                self.tally.stage(stage);
                (self.control.events)(cleave_plan::Event::Stage { stage, stages: self.plan.stages.len() });
            }
            Order::Start { worker, share, attempt, stage, tasks } => self.start(worker, (share, attempt), stage, tasks),
            Order::Stop { worker, share } => {
                self.tally.stopped(worker, share);
                let cancel = proto::CancelShares { shares: vec![share.0] };
                self.lanes.get(&worker).into_iter().for_each(|l| l.order(order::Order::Cancel(cancel.clone())));
            }
            Order::Take { worker, share, first } => self.take(worker, share, first),
            Order::Release { buffer } => {
                let buffer = buffer as u32;
                self.places.release(buffer);
                for lane in self.lanes.values_mut() {
                    lane.values.remove(&BufferId(buffer));
                    lane.places.remove(&buffer);
                    let release = proto::Release { buffers: vec![buffer], items: Vec::new() };
                    lane.order(order::Order::Release(release));
                }
            }
            Order::Lose { worker, why } => {
                if matches!(why, Loss::Silent { .. }) {
                    self.note_lost(worker);
                }
                if !matches!(why, Loss::Gone(_)) {
                    self.lanes.get(&worker).into_iter().for_each(|l| l.member.give_up(l.connection.number));
                }
                self.drop_lane(worker);
            }
            Order::End(end) => self.end = Some(end.map_err(|end| self.error(end))),
        }
    }

    pub(super) fn drop_lane(&mut self, worker: WorkerId) {
        self.lanes.remove(&worker);
        self.places.forget(worker);
    }

    fn start(&mut self, worker: WorkerId, (share, attempt): (ShareId, u32), stage: usize, tasks: Range<usize>) {
        self.tally.started(worker, share, stage, attempt);
        let of = |w: WorkerId| self.lanes.get(&w).map(|l| (l.member.endpoint().in_full(), l.connection.epoch));
        let read = self.plan.stages[stage].buffers();
        let known = |b: &BufferId| self.lanes.get(&worker).and_then(|lane| lane.places.get(&b.0).copied());
        let changed = read.iter().filter(|b| known(b) != Some(self.places.version(b.0)));
        let messages: Vec<_> = changed.map(|b| (b.0, self.places.version(b.0), self.places.message(b.0, of))).collect();
        let blocks = self.source_blocks(worker, stage, &tasks);
        let Some(lane) = self.lanes.get_mut(&worker) else { return };
        let lacking = self.values.lacking(read.into_iter(), &mut lane.values, (self.pool.session, self.number));
        lane.put(lacking);
        match blocks {
            Ok(blocks) => lane.put(blocks),
            Err(error) => return self.end = Some(Err(error)),
        }
        for (buffer, version, places) in messages {
            lane.places.insert(buffer, version);
            lane.order(order::Order::Places(places));
        }
        let (first, count) = (tasks.start as u64, tasks.len() as u64);
        lane.order(order::Order::Share(proto::Share { id: share.0, stage: stage as u32, first, count, attempt }));
    }

    /// The blocks of sources that only the kernel has, which tasks read and the worker lacks.
    fn source_blocks(
        &mut self,
        worker: WorkerId,
        stage: usize,
        tasks: &Range<usize>,
    ) -> Result<Vec<(Item, Bytes)>, RunError> {
        let mut found = Vec::new();
        let is_put = |place: &StoredPlace| matches!(place, StoredPlace::Put { .. });
        if !self.job.parts.sources.iter().any(|s| is_put(&s.place)) {
            return Ok(found);
        }
        let Some(lane) = self.lanes.get_mut(&worker) else { return Ok(found) };
        for (origin, runs) in reads(self.plan, stage, tasks.clone(), self.job.sources) {
            let Origin::Stored(id) = origin else { continue };
            let stored = self.job.parts.sources.iter().find(|s| s.id == id);
            let Some(&StoredPlace::Put { number }) = stored.map(|s| &s.place) else { continue };
            let source = self.job.sources.get(&id).ok_or(RunError::MissingSource(id))?;
            for block in runs.into_iter().flatten().filter(|&b| lane.sources.insert((number, b))) {
                let index = cleave_plan::stage::unravel(block, &source.grid().numblocks());
                let data = source.block(&index).map_err(RunError::read)?;
                let what = item::What::Put(PutBlock { number, block: block as u64 });
                let item = Item { session: self.pool.session.clone(), job: self.number, what: Some(what) };
                found.push((item, Bytes::copy_from_slice(view(data.elements()))));
            }
        }
        Ok(found)
    }

    fn take(&mut self, worker: WorkerId, share: ShareId, first: bool) {
        let Some(done) = self.answers.get(&(worker, share)).map(Arc::clone) else { return };
        let Some((stage, tasks)) = self.schedule.share(share) else { return };
        self.tally.done(worker, (stage, tasks.len()), &done, first);
        let targets = self.plan.stages[stage].targets();
        for finished in &done.finished {
            if let Some(buffer) = items::kept(self.plan, targets[finished.goal as usize]) {
                self.places.add(buffer.0, finished.block, share, worker);
            }
        }
        let Some(lane) = self.lanes.get(&worker).filter(|_| first) else {
            return self.secured(worker, share);
        };
        self.deliver(worker, share, lane.connection.clone());
    }

    /// Takes what a share left, which an answer tells.
    pub(super) fn deliver(&mut self, worker: WorkerId, share: ShareId, connection: Connection) {
        let Some(done) = self.answers.get(&(worker, share)).map(Arc::clone) else { return };
        let Some((stage, tasks)) = self.schedule.share(share) else { return };
        let (delivery, notes) = (Arc::clone(&self.delivery), self.notes.clone());
        self.takes.spawn(async move {
            let news = match delivery.take(&connection, (stage, &tasks), &done).await {
                Ok((parts, released)) => News::Taken { share, parts, released },
                Err(Lack::Lost(failure)) => News::Lost { share, failure },
                Err(Lack::Missed(failure)) => News::Missed { share, failure },
                Err(Lack::Sink(error)) => News::Sink(error),
            };
            let _ = notes.send(Note { worker, news });
        });
    }
}
