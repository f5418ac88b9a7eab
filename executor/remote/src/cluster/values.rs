//! What the kernel holds between stages: small values it puts together, and blocks whose parts came from several
//! shares. Workers get copies before they need them.

use crate::elements::into_bytes;
use crate::proto::{BufferBlock, Item, item};
use bytes::Bytes;
use cleave_cpu::DenseSink;
use cleave_plan::{BufferId, Keep, Plan};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What the kernel holds between stages; small, and there until the run ends.
pub(super) struct Values {
    pub(super) dense: Arc<HashMap<BufferId, DenseSink>>,
    whole: HashMap<BufferId, Bytes>,
    joined: BTreeMap<(BufferId, usize), Bytes>,
}

/// What a worker has of it: values, and how many of their joined blocks.
pub(super) type Given = HashMap<BufferId, usize>;

impl Values {
    pub(super) fn new(plan: &Plan) -> Self {
        let dense = plan.buffers.iter().enumerate().filter(|(_, b)| b.keep == Keep::Dense);
        let dense = dense.map(|(i, b)| (BufferId(i as u32), DenseSink::new(&b.shape, b.dtype)));
        Self { dense: Arc::new(dense.collect()), whole: HashMap::new(), joined: BTreeMap::new() }
    }

    /// A block of a larger value that was put together here.
    pub(super) fn join(&mut self, buffer: BufferId, block: usize, data: cleave_ops::Data) {
        self.joined.insert((buffer, block), into_bytes(data));
    }

    /// What a worker lacks of values that a stage reads.
    pub(super) fn lacking(
        &mut self,
        read: impl Iterator<Item = BufferId>,
        given: &mut Given,
        (session, job): (&Bytes, u64),
    ) -> Vec<(Item, Bytes)> {
        let mut lacking = Vec::new();
        let named = |buffer: BufferId, block: usize| {
            let what = item::What::Buffer(BufferBlock { buffer: buffer.0, block: block as u64 });
            Item { session: session.clone(), job, what: Some(what) }
        };
        for buffer in read {
            if let Some(sink) = self.dense.get(&buffer) {
                if given.insert(buffer, 1).is_none() {
                    let bytes = self.whole.entry(buffer).or_insert_with(|| into_bytes(sink.take()));
                    lacking.push((named(buffer, 0), bytes.clone()));
                }
                continue;
            }
            let blocks: Vec<_> = self.joined.range((buffer, 0)..=(buffer, usize::MAX)).collect();
            if given.insert(buffer, blocks.len()) != Some(blocks.len()) {
                lacking.extend(blocks.into_iter().map(|(&(_, block), bytes)| (named(buffer, block), bytes.clone())));
            }
        }
        lacking
    }
}
