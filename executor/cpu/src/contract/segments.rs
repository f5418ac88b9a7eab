//! Blocks whose sums come in parts, each over a segment of the shared side, from many threads.

use super::add_all;
use crate::ledger::{Claim, Ledger};
use cleave_ops::{Data, cast};
use cleave_plan::ContractWork;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// The sums of a block over one segment.
pub(crate) struct Sums {
    pub(crate) data: Data,
    pub(crate) _claim: Claim,
}

/// The sums that wait for others of their block.
#[derive(Default)]
pub(crate) struct Segments {
    /// Guards the sums, by block, then by segment.
    waiting: Mutex<HashMap<usize, BTreeMap<usize, Sums>>>,
}

impl Segments {
    /// Adds the sums of a segment; gives the finished block once those of all segments are there.
    pub(crate) fn add(
        &self,
        work: &ContractWork,
        block: usize,
        segment: usize,
        sums: Sums,
        ledger: &Arc<Ledger>,
    ) -> Option<Sums> {
        if work.segments == 1 {
            return Some(finish(work, sums, ledger));
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let all = waiting.entry(block).or_default();
        all.insert(segment, sums);
        if all.len() < work.segments {
            return None;
        }
        let mut all = waiting.remove(&block).unwrap_or_default().into_values();
        drop(waiting);
        let mut whole = all.next()?;
        all.for_each(|sums| add_all(work, sums.data.as_ref(), &mut whole.data));
        Some(finish(work, whole, ledger))
    }

    /// All that still wait, with their blocks and segments.
    pub(crate) fn drain(&self) -> Vec<(usize, usize, Sums)> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let of_block = |(block, all): (usize, BTreeMap<usize, Sums>)| {
            all.into_iter().map(move |(segment, sums)| (block, segment, sums))
        };
        waiting.into_iter().flat_map(of_block).collect()
    }
}

/// Sums in the dtype of the result.
pub(crate) fn finish(work: &ContractWork, sums: Sums, ledger: &Arc<Ledger>) -> Sums {
    if sums.data.dtype() == work.dtype {
        return sums;
    }
    let claim = ledger.claim((sums.data.len() * work.dtype.size()) as u64);
    let mut data = Data::with_capacity(work.dtype, sums.data.len());
    cast(sums.data.as_ref(), &mut data);
    Sums { data, _claim: claim }
}
