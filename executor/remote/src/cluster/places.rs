//! Where the blocks of values between stages are.

use crate::proto;
use crate::schedule::{ShareId, WorkerId};
use std::collections::{BTreeMap, HashMap};

/// Where the blocks of values between stages are.
#[derive(Default)]
pub(super) struct Places {
    buffers: HashMap<u32, Blocks>,
    changes: u64,
}

#[derive(Default)]
struct Blocks {
    at: BTreeMap<u64, (ShareId, WorkerId)>,
    /// When they changed last, in changes.
    version: u64,
}

impl Places {
    /// A share left a block with a worker.
    pub(super) fn add(&mut self, buffer: u32, block: u64, share: ShareId, worker: WorkerId) {
        self.changes += 1;
        let blocks = self.buffers.entry(buffer).or_default();
        blocks.at.insert(block, (share, worker));
        blocks.version = self.changes;
    }

    /// A worker is gone with all it had.
    pub(super) fn forget(&mut self, worker: WorkerId) {
        for blocks in self.buffers.values_mut() {
            let before = blocks.at.len();
            blocks.at.retain(|_, (_, holder)| *holder != worker);
            if blocks.at.len() < before {
                self.changes += 1;
                blocks.version = self.changes;
            }
        }
    }

    /// Nobody reads a value any more.
    pub(super) fn release(&mut self, buffer: u32) {
        self.buffers.remove(&buffer);
    }

    /// The share that made a block, if it is where it was said to be.
    pub(super) fn maker(&self, buffer: u32, block: u64, is_there: impl Fn(WorkerId) -> bool) -> Option<ShareId> {
        let (share, worker) = self.buffers.get(&buffer)?.at.get(&block)?;
        is_there(*worker).then_some(*share)
    }

    /// Who has a block.
    pub(super) fn holder(&self, buffer: u32, block: u64) -> Option<WorkerId> {
        self.buffers.get(&buffer)?.at.get(&block).map(|&(_, worker)| worker)
    }

    /// When a value's blocks changed last.
    pub(super) fn version(&self, buffer: u32) -> u64 {
        self.buffers.get(&buffer).map_or(0, |b| b.version)
    }

    /// All blocks of a value as runs, for a worker.
    pub(super) fn message(&self, buffer: u32, of: impl Fn(WorkerId) -> Option<(String, u64)>) -> proto::Places {
        let mut places: Vec<proto::Place> = Vec::new();
        let mut last: Option<WorkerId> = None;
        for (&block, &(_, worker)) in self.buffers.get(&buffer).into_iter().flat_map(|b| &b.at) {
            match places.last_mut().filter(|p| last == Some(worker) && p.first + p.count == block) {
                Some(place) => place.count += 1,
                None => {
                    let Some((endpoint, epoch)) = of(worker) else { continue };
                    places.push(proto::Place { first: block, count: 1, endpoint, epoch });
                    last = Some(worker);
                }
            }
        }
        proto::Places { buffer, places, whole: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_side_by_side_are_one_run() {
        let mut places = Places::default();
        for block in 0..10 {
            places.add(3, block, ShareId(block / 4), WorkerId((block / 4 % 2) as u32));
        }
        let of = |worker: WorkerId| Some((format!("w{}", worker.0), 1));
        let runs = |places: &Places| -> Vec<(u64, u64, String)> {
            places.message(3, of).places.into_iter().map(|p| (p.first, p.count, p.endpoint)).collect()
        };
        let all = [(0, 4, "w0".to_owned()), (4, 4, "w1".to_owned()), (8, 2, "w0".to_owned())];
        assert_eq!(runs(&places), all);
        let before = places.version(3);
        places.forget(WorkerId(1));
        assert!(places.version(3) > before);
        assert_eq!(runs(&places), [all[0].clone(), all[2].clone()]);
        assert_eq!(places.maker(3, 9, |_| true), Some(ShareId(2)));
        assert_eq!(places.maker(3, 5, |_| true), None);
    }
}
