//! What stages leave for later ones, while it is made and while it is read.

use crate::hold::Blocks;
use crate::ledger::{Claim, Ledger};
use crate::memory::DenseSink;
use crate::room::Rooms;
use crate::share::Values;
use crate::spill::Spill;
use cleave_ops::{Data, Region};
use cleave_plan::plan::Buffer;
use cleave_plan::{Block, BufferId, Keep, Plan, RunError, Source, SpillError, Stage};
use std::sync::Arc;

/// A value between stages that is being made.
pub(crate) enum Making {
    Dense(DenseSink),
    Blocks(Arc<Blocks>),
}

/// A value between stages as a later one reads it.
pub(crate) enum Between {
    /// One block.
    Whole(Block),
    /// Blocks, in memory or elsewhere.
    Blocks(Arc<dyn Source>),
}

/// All values between stages of a run, by number.
pub(crate) struct Betweens<'a> {
    plan: &'a Plan,
    rooms: &'a Arc<Rooms>,
    spill: &'a Arc<Spill>,
    ledger: &'a Arc<Ledger>,
    pub(crate) making: Vec<Option<Making>>,
    ready: Vec<Option<Arc<dyn Source>>>,
    claims: Vec<Option<Claim>>,
}

impl<'a> Betweens<'a> {
    pub(crate) fn new(plan: &'a Plan, rooms: &'a Arc<Rooms>, spill: &'a Arc<Spill>, ledger: &'a Arc<Ledger>) -> Self {
        let count = plan.buffers.len();
        let (making, ready, claims) = Default::default();
        let mut all = Self { plan, rooms, spill, ledger, making, ready, claims };
        all.making.resize_with(count, || None);
        all.ready.resize_with(count, || None);
        all.claims.resize_with(count, || None);
        all
    }

    /// Makes room for what a stage makes.
    pub(crate) fn begin(&mut self, stage: usize) {
        for (i, buffer) in self.plan.buffers.iter().enumerate().filter(|(_, b)| b.made_by == stage) {
            self.claims[i] = Some(self.ledger.claim(buffer.memory_bytes()));
            self.making[i] = Some(Making::new(buffer, self.rooms, self.spill));
        }
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

impl Values for Betweens<'_> {
    fn buffer(&self, id: BufferId) -> Option<Arc<dyn Source>> {
        self.ready[id.0 as usize].clone()
    }
}

impl Between {
    /// What a stage reads, by number.
    pub(crate) fn all(plan: &Plan, stage: &Stage, values: &dyn Values) -> Result<Vec<Option<Self>>, RunError> {
        let mut all = Vec::new();
        all.resize_with(plan.buffers.len(), || None);
        for id in stage.buffers() {
            all[id.0 as usize] = Some(Self::of(plan, id, values)?);
        }
        Ok(all)
    }

    fn of(plan: &Plan, id: BufferId, values: &dyn Values) -> Result<Self, RunError> {
        let buffer = plan.buffer(id);
        let fits = |s: &Arc<dyn Source>| s.dtype() == buffer.dtype && s.grid().shape() == buffer.shape;
        let source = values.buffer(id).filter(fits).ok_or(RunError::MissingValue(id))?;
        if buffer.keep != Keep::Dense || source.grid().count() > 1 {
            return Ok(Self::Blocks(source));
        }
        let block = source.block(&vec![0; buffer.shape.ndim()]).map_err(RunError::read)?;
        if block.elements().len() == buffer.shape.size() {
            Ok(Self::Whole(block))
        } else {
            Err(RunError::MissingValue(id))
        }
    }
}

impl Making {
    fn new(buffer: &Buffer, rooms: &Arc<Rooms>, spill: &Arc<Spill>) -> Self {
        match buffer.keep {
            Keep::Dense => Making::Dense(DenseSink::new(&buffer.shape, buffer.dtype)),
            Keep::Memory | Keep::Spill { .. } => Making::Blocks(Arc::new(Blocks::between(buffer, rooms, spill))),
        }
    }

    /// Keeps a block of that number.
    pub(crate) fn keep(&self, number: usize, region: &Region, block: &Data) -> Result<(), SpillError> {
        match self {
            Making::Dense(sink) => {
                sink.copy_ref(region, block.as_ref());
                Ok(())
            }
            Making::Blocks(held) => held.keep(number, block),
        }
    }

    fn done(self) -> Arc<dyn Source> {
        match self {
            Making::Dense(sink) => Arc::new(sink.source()),
            Making::Blocks(held) => held,
        }
    }
}
