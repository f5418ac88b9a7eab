//! A stage while it runs: what it reads, where its blocks go, and what is not whole yet. Its tasks are done by this
//! machine's threads or by a crew that has other means.

use crate::between::Between;
use crate::fold::in_tiles;
use crate::gather::gather;
use crate::joiner::{Joiner, Part};
use crate::ledger::Claim;
use crate::machine::{Inputs, reader};
use crate::progress::Meter;
use crate::share::{Receiver, Share, ShareDone, Site, Values};
use crate::stage_clock::StageClock;
use cleave_ops::{DType, Data, Region, Shape, View, bytes_of};
use cleave_plan::stage::block_region;
use cleave_plan::{Origin, Plan, RunError, Stage};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Bytes that a thread copies at once.
const COPY_BYTES: usize = 512 << 10;

/// Who does the tasks of a run's stages where not only threads do.
pub trait Crew {
    /// Does every task of a stage once: by itself, or through [`Pass::on_threads`].
    fn work(&self, pass: &Pass<'_>) -> Result<(), RunError>;
}

/// A stage while it runs.
pub struct Pass<'a> {
    pub(crate) site: &'a Site<'a>,
    pub(crate) stage: &'a Stage,
    pub(crate) joiner: Joiner<'a>,
    pub(crate) clock: StageClock,
    pub(crate) out: &'a dyn Receiver,
    pub(crate) cancel: &'a AtomicBool,
    pub(crate) meter: &'a Meter<'a>,
    number: usize,
    workers: usize,
    cache_bytes: u64,
    buffers: Vec<Option<Between>>,
}

/// Where blocks go, and how the run is watched and stopped.
#[derive(Clone, Copy)]
pub(crate) struct Ends<'a> {
    pub(crate) out: &'a dyn Receiver,
    pub(crate) cancel: &'a AtomicBool,
    pub(crate) meter: &'a Meter<'a>,
}

impl<'a> Pass<'a> {
    /// The stage of a share, with what the share may take.
    pub(crate) fn new(
        site: &'a Site<'a>,
        share: &Share,
        values: &dyn Values,
        Ends { out, cancel, meter }: Ends<'a>,
    ) -> Result<Self, RunError> {
        let (number, stage) = (share.stage, &site.plan.stages[share.stage]);
        site.keep_cached(share.cache_bytes);
        Ok(Self {
            site,
            stage,
            joiner: Joiner::with_ledger(number, stage, Arc::clone(&site.ledger)),
            clock: StageClock::new(number, stage),
            out,
            cancel,
            meter,
            number,
            workers: share.workers,
            cache_bytes: share.cache_bytes,
            buffers: Between::all(site.plan, stage, values)?,
        })
    }

    /// What so many of its tasks, now done, left.
    pub(crate) fn done(self, tasks: &Range<usize>) -> ShareDone {
        let report = self.clock.report(tasks.len(), self.stage.elements_of(tasks));
        ShareDone { parts: self.joiner.drain(), report }
    }

    /// The data that exists.
    pub(crate) fn inputs(&self) -> Inputs<'_> {
        let Site { plan, sources, cache, ledger, .. } = self.site;
        Inputs { stored: sources, buffers: &self.buffers, planned: &plan.buffers, cache, ledger }
    }

    /// The plan.
    pub fn plan(&self) -> &'a Plan {
        self.site.plan
    }

    /// The stage.
    pub fn stage(&self) -> &'a Stage {
        self.stage
    }

    /// The number of the stage.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Has threads do some of the tasks.
    pub fn on_threads(&self, tasks: Range<usize>) -> Result<(), RunError> {
        let share = Share { stage: self.number, tasks, workers: self.workers, cache_bytes: self.cache_bytes };
        self.site.shift(self, &share)
    }

    /// Copies a region of what the stage reads, row-major, for as long as it is looked at.
    pub fn read<R>(
        &self,
        (origin, shape, dtype): (Origin, &Shape, DType),
        region: &Region,
        look: impl FnOnce(&Data) -> R,
    ) -> Result<R, RunError> {
        let inputs = self.inputs();
        let mut reader = reader((origin, shape, dtype), &inputs)?;
        let _claim = self.claim((region.size() * dtype.size()) as u64);
        let mut copied = Data::zeros(dtype, region.size());
        gather(&mut reader, &View::identity(shape), region, &mut copied)?;
        Ok(look(&copied))
    }

    /// Copies regions of what the stage reads, row-major, each into bytes as long, on all threads.
    pub fn fill(&self, form: (Origin, &Shape, DType), parts: Vec<(Region, &mut [u8])>) -> Result<(), RunError> {
        let (many, parts, failed) = (parts.len(), Mutex::new(parts), Mutex::new(None));
        let next = || lock(&parts).pop();
        self.site.pool.each(many, || {
            while let Some((region, bytes)) = next() {
                let copied = self.read(form, &region, |data| bytes.copy_from_slice(bytes_of(data.as_ref())));
                if let Err(error) = copied {
                    lock(&parts).clear();
                    lock(&failed).get_or_insert(error);
                }
            }
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Copies bytes that lie elsewhere, on all threads where there are many.
    pub fn copy(&self, to: &mut [u8], from: &[u8]) {
        let parts = Mutex::new(to.chunks_mut(COPY_BYTES).zip(from.chunks(COPY_BYTES)));
        let next = || lock(&parts).next();
        self.site.pool.each(from.len().div_ceil(COPY_BYTES), || {
            while let Some((to, from)) = next() {
                to.copy_from_slice(from);
            }
        });
    }

    /// Hands over a finished block of one of the stage's goals.
    pub fn block(&self, goal: usize, number: usize, region: &Region, mut data: Data) -> Result<(), RunError> {
        let _claim = self.claim(data.nbytes() as u64);
        self.out.block(goal, number, region, &mut data)
    }

    /// The number of the block that covers a region of the result: that of a finished block of a product.
    pub fn place(&self, region: &Region) -> usize {
        self.joiner.number(region)
    }

    /// Adds what was made of the elements of a node of one of the stage's reductions, given as kept box, level above
    /// single tasks, and number: for each goal the columns of its state, row-major in the kept box. Blocks which that
    /// completes are handed over.
    pub fn states(&self, fold: usize, node: (usize, u32, usize), states: &[Vec<Data>]) -> Result<(), RunError> {
        let (work, (place, level, number)) = (&self.stage.work.folds()[fold], node);
        let kept = block_region(&work.boxes, place);
        let ordered = |state: &Vec<Data>| state.iter().map(|column| in_tiles(work, &kept, column)).collect();
        let columns = states.iter().map(ordered).collect();
        self.joiner.add(Part { fold, place, level, number, columns }, self.out)
    }

    /// So many elements were visited; an error if the run is to stop.
    pub fn visited(&self, elements: u64) -> Result<(), RunError> {
        self.meter.advance(elements, 1);
        if self.cancel.load(Ordering::Relaxed) { Err(RunError::Cancelled) } else { Ok(()) }
    }

    /// Tasks that began then and visited a region are done.
    pub fn timed(&self, began: Instant, region: &Region) {
        self.clock.stop(began, 0, region);
    }

    fn claim(&self, bytes: u64) -> Claim {
        self.site.ledger.claim(bytes)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
