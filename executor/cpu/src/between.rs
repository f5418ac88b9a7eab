//! What stages leave for later ones, while it is made and while it is read.

use crate::hold::Blocks;
use crate::ledger::{Claim, Ledger};
use crate::memory::DenseSink;
use crate::room::Rooms;
use crate::spill::Spill;
use cleave_ops::{Data, Region};
use cleave_plan::plan::Buffer;
use cleave_plan::{Keep, Plan, Source, SpillError};
use std::sync::Arc;

/// A value between stages that is being made.
pub(crate) enum Making {
    Dense(DenseSink),
    Blocks(Arc<Blocks>),
}

/// A value between stages.
pub(crate) enum Between {
    /// One block in memory.
    Dense(Data),
    /// Blocks, in memory or on disk.
    Blocks(Arc<dyn Source>),
}

/// All values between stages of a run, by number.
pub(crate) struct Betweens<'a> {
    plan: &'a Plan,
    rooms: &'a Arc<Rooms>,
    spill: &'a Spill,
    ledger: &'a Arc<Ledger>,
    pub(crate) making: Vec<Option<Making>>,
    pub(crate) ready: Vec<Option<Between>>,
    claims: Vec<Option<Claim>>,
}

impl<'a> Betweens<'a> {
    pub(crate) fn new(plan: &'a Plan, rooms: &'a Arc<Rooms>, spill: &'a Spill, ledger: &'a Arc<Ledger>) -> Self {
        let count = plan.buffers.len();
        let (making, ready, claims) = Default::default();
        let mut all = Self { plan, rooms, spill, ledger, making, ready, claims };
        all.making.resize_with(count, || None);
        all.ready.resize_with(count, || None);
        all.claims.resize_with(count, || None);
        all
    }

    /// Makes room for what a stage makes.
    pub(crate) fn begin(&mut self, stage: usize) -> Result<(), SpillError> {
        for (i, buffer) in self.plan.buffers.iter().enumerate().filter(|(_, b)| b.made_by == stage) {
            self.claims[i] = Some(self.ledger.claim(buffer.memory_bytes()));
            self.making[i] = Some(Making::new(buffer, self.rooms, self.spill)?);
        }
        Ok(())
    }

    /// What the stage made can be read; what no later stage reads is forgotten.
    pub(crate) fn end(&mut self, stage: usize) {
        for (i, buffer) in self.plan.buffers.iter().enumerate() {
            if let Some(making) = self.making[i].take() {
                self.ready[i] = Some(making.done());
            }
            if buffer.last_read_by <= stage {
                self.claims[i] = None;
                self.ready[i] = None;
            }
        }
    }
}

impl Making {
    fn new(buffer: &Buffer, rooms: &Arc<Rooms>, spill: &Spill) -> Result<Self, SpillError> {
        Ok(match buffer.keep {
            Keep::Dense => Making::Dense(DenseSink::new(&buffer.shape, buffer.dtype)),
            Keep::Memory | Keep::Spill { .. } => Making::Blocks(Arc::new(Blocks::between(buffer, rooms, spill)?)),
        })
    }

    pub(crate) fn keep(&self, region: &Region, block: &Data) -> Result<(), SpillError> {
        match self {
            Making::Dense(sink) => {
                sink.copy_ref(region, block.as_ref());
                Ok(())
            }
            Making::Blocks(held) => held.keep(region, block),
        }
    }

    fn done(self) -> Between {
        match self {
            Making::Dense(sink) => Between::Dense(sink.take()),
            Making::Blocks(held) => Between::Blocks(held),
        }
    }
}
