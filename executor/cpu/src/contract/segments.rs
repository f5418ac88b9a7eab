//! Blocks whose sums come in parts, each over a segment of the shared side, from many threads.

use super::add_all;
use crate::ledger::{Claim, Ledger};
use cleave_ops::{Data, cast};
use cleave_plan::ContractWork;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The sums of a block over one segment.
pub(crate) struct Part {
    pub(crate) data: Data,
    pub(crate) _claim: Claim,
}

/// The parts that wait for others of their block.
#[derive(Default)]
pub(crate) struct Segments {
    /// Guards the parts, by block, then by segment.
    waiting: Mutex<HashMap<usize, Vec<(usize, Part)>>>,
}

impl Segments {
    /// Adds the part of a task; gives the finished block once all its parts are there.
    pub(crate) fn add(&self, work: &ContractWork, task: usize, part: Part, ledger: &Arc<Ledger>) -> Option<Part> {
        if work.segments == 1 {
            return Some(finish(work, part, ledger));
        }
        let block = task / work.segments;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = waiting.entry(block).or_default();
        parts.push((task % work.segments, part));
        if parts.len() < work.segments {
            return None;
        }
        let mut parts = waiting.remove(&block).unwrap_or_default();
        drop(waiting);
        parts.sort_by_key(|(segment, _)| *segment);
        let mut parts = parts.into_iter().map(|(_, part)| part);
        let mut whole = parts.next()?;
        parts.for_each(|part| add_all(work, part.data.as_ref(), &mut whole.data));
        Some(finish(work, whole, ledger))
    }
}

/// Sums in the dtype of the result.
pub(crate) fn finish(work: &ContractWork, sums: Part, ledger: &Arc<Ledger>) -> Part {
    if sums.data.dtype() == work.dtype {
        return sums;
    }
    let claim = ledger.claim((sums.data.len() * work.dtype.size()) as u64);
    let mut data = Data::with_capacity(work.dtype, sums.data.len());
    cast(sums.data.as_ref(), &mut data);
    Part { data, _claim: claim }
}
