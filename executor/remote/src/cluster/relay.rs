//! Blocks that a worker cannot fetch from another, although this side sees both: they go through here.

use super::lane::{News, Note};
use super::member::Connection;
use super::run::Run;
use crate::bulk::{BulkError, Fetch, attended, fetch, put};
use crate::proto::{self, BufferBlock, Item, Lost, item, order};
use crate::schedule::{Input, ShareId, WorkerId};
use bytes::Bytes;
use cleave_plan::BufferId;
use cleave_plan::stage::block_region;

/// A block on its way through this side.
struct Passing {
    from: Connection,
    item: Item,
    nbytes: u64,
}

impl Run<'_> {
    /// Whether all that a share lacks is with workers that this side sees; then it is brought to its own, which is
    /// given the share again.
    pub(super) fn relays(&self, worker: WorkerId, failed: &proto::Failed) -> bool {
        let lost = failed.failure.as_ref().map(|f| f.lost.as_slice()).unwrap_or_default();
        let passing: Option<Vec<Passing>> = lost.iter().map(|lost| self.passing(worker, lost)).collect();
        let (Some(passing), Some(lane)) = (passing.filter(|p| !p.is_empty()), self.lanes.get(&worker)) else {
            return false;
        };
        let (to, notes, failed) = (lane.connection.clone(), self.notes.clone(), failed.clone());
        tokio::spawn(async move {
            for block in passing {
                let moved = || drop(notes.send(Note { worker, news: News::Moved }));
                let is_there = pass(&block, &to, moved).await.is_ok();
                let news = if is_there { News::Moved } else { News::Unrelayed(failed.clone()) };
                if notes.send(Note { worker, news }).is_err() || !is_there {
                    return;
                }
            }
            let news = News::Relayed { share: ShareId(failed.share), attempt: failed.attempt };
            let _ = notes.send(Note { worker, news });
        });
        true
    }

    fn passing(&self, worker: WorkerId, lost: &Lost) -> Option<Passing> {
        let is_said = |w: WorkerId| self.endpoints.get(&w).is_some_and(|e| *e == lost.endpoint);
        let holder = self.places.holder(lost.buffer, lost.block).filter(|&h| h != worker && is_said(h))?;
        let from = self.lanes.get(&holder)?.connection.clone();
        let buffer = self.plan.buffer(BufferId(lost.buffer));
        let region = block_region(&buffer.grid, usize::try_from(lost.block).ok()?);
        let what = item::What::Buffer(BufferBlock { buffer: lost.buffer, block: lost.block });
        let item = Item { session: self.pool.session.clone(), job: self.number, what: Some(what) };
        Some(Passing { from, item, nbytes: (region.size() * buffer.dtype.size()) as u64 })
    }

    /// What a share lacked is where it is read.
    pub(super) fn relayed(&mut self, worker: WorkerId, (id, attempt): (ShareId, u32)) {
        let Some((stage, tasks)) = self.schedule.share(id).filter(|_| self.schedule.is_given(worker, id)) else {
            return;
        };
        self.inputs.push_back(Input::Progress { worker });
        let (first, count) = (tasks.start as u64, tasks.len() as u64);
        let share = proto::Share { id: id.0, stage: stage as u32, first, count, attempt };
        self.lanes.get(&worker).into_iter().for_each(|lane| lane.order(order::Order::Share(share)));
    }
}

async fn pass(block: &Passing, to: &Connection, moved: impl Fn()) -> Result<(), BulkError> {
    let Passing { from, item, nbytes } = block;
    let wanted = Fetch { item: item.clone(), epoch: from.epoch, nbytes: *nbytes };
    let mut bytes = vec![0; *nbytes as usize];
    attended(&from.bulk, fetch(&from.bulk, &wanted, &mut bytes), &moved).await?;
    attended(&to.bulk, put(&to.bulk, &[(item.clone(), Bytes::from(bytes))]), &moved).await.map(drop)
}
