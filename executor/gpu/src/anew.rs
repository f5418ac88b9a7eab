//! How a result that a card keeps is made anew where the card fails.

use crate::error::GpuError;
use cleave_cpu::{Blocks, Cancel, Control, Pool, run};
use cleave_ops::{Data, Region};
use cleave_plan::{Plan, RunError, Sink, SourceError, Sources};
use std::sync::Arc;

/// A plan with what it reads, none of which takes memory: what is drawn, or stored.
pub(crate) struct Anew {
    plan: Plan,
    sources: Sources,
    threads: usize,
}

/// Takes what nobody wants.
struct Nowhere;

impl Sink for Nowhere {
    fn put(&self, _: &Region, _: Data) -> Result<(), SourceError> {
        Ok(())
    }
}

impl Anew {
    /// That of a plan, if nothing that it reads would have to be held for it.
    pub(crate) fn of(plan: &Plan, sources: &Sources, threads: usize) -> Option<Self> {
        let read = plan.stages.iter().flat_map(|stage| stage.stored_bytes()).map(|(id, _)| id);
        let read: Option<Sources> = read.map(|id| Some((id, Arc::clone(sources.get(&id)?)))).collect();
        let sources = read.filter(|read| read.values().all(|source| source.held_bytes() == 0))?;
        Some(Self { plan: plan.clone(), sources, threads })
    }

    /// Has threads make an output.
    pub(crate) fn make(&self, output: usize, into: &Arc<Blocks>) -> Result<(), RunError> {
        let sink = |number: usize| {
            if number == output { Arc::clone(into) as Arc<dyn Sink> } else { Arc::new(Nowhere) as Arc<dyn Sink> }
        };
        let sinks: Vec<Arc<dyn Sink>> = (0..self.plan.outputs.len()).map(sink).collect();
        let control = Control { cancel: Cancel::default(), events: &|_| {} };
        run(&Pool::new(self.threads)?, &self.plan, &self.sources, &sinks, &control).map(drop)
    }
}

/// Why a result cannot be had any more.
pub(crate) fn lost(cause: GpuError) -> SourceError {
    SourceError { what: "an array on a card, which has to be computed again".to_owned(), cause: Arc::new(cause) }
}
