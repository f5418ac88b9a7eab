//! What a share left at its worker is fetched and handed on, before the share counts.

use super::RemoteJob;
use super::answer::{Results, asked, part, part_bytes};
use super::member::Connection;
use crate::bulk::{BulkError, Fetch, attended, fetch, fetch_block};
use crate::elements::{from_block, view};
use crate::items::{checksum, dense, fetched};
use crate::proto::{Done, Finished, Item, OutputBlock, item};
use crate::schedule::Failure;
use bytes::Bytes;
use cleave_cpu::{DenseSink, Part};
use cleave_ops::{DType, Data, Region};
use cleave_plan::{BufferId, Plan, RunError, Sink, Target};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// Shares whose blocks are on their way at once; of each one block after the other.
const AT_ONCE: usize = 4;

/// Where what comes goes.
pub(super) struct Delivery {
    pub(super) plan: Arc<Plan>,
    pub(super) sinks: Vec<Arc<dyn Sink>>,
    pub(super) dense: Arc<HashMap<BufferId, DenseSink>>,
    /// For each output, whether workers may write it themselves.
    lent: Vec<bool>,
    pub(super) session: Bytes,
    pub(super) job: u64,
    pub(super) written: AtomicU64,
    pub(super) permits: Semaphore,
}

/// Why what a share left is not there.
pub(super) enum Lack {
    /// Connections were lost on which it might have come.
    Lost(Failure),
    /// It did not come.
    Missed(Failure),
    /// It came, but could not be handed on.
    Sink(RunError),
}

impl Delivery {
    pub(super) fn new(
        job: &RemoteJob<'_>,
        sinks: &[Arc<dyn Sink>],
        dense: &Arc<HashMap<BufferId, DenseSink>>,
        (session, number): (&Bytes, u64),
    ) -> Arc<Self> {
        Arc::new(Self {
            plan: Arc::clone(&job.prepared.plan),
            sinks: sinks.to_vec(),
            dense: Arc::clone(dense),
            lent: job.parts.wanted.iter().map(|wanted| wanted.zarr.is_some()).collect(),
            session: session.clone(),
            job: number,
            written: AtomicU64::new(0),
            permits: Semaphore::new(AT_ONCE),
        })
    }

    /// Takes all that a share left: blocks are handed on, parts are given back, with what the worker may forget.
    pub(super) async fn take(
        self: &Arc<Self>,
        connection: &Connection,
        (stage, tasks): (usize, &Range<usize>),
        done: &Done,
    ) -> Result<(Vec<Part>, Vec<Item>), Lack> {
        let (parts, mut released) = self.parts(connection, (stage, tasks), done).await?;
        let _permit = self.permits.acquire().await;
        for finished in &done.finished {
            self.block(connection, stage, finished, &mut released).await?;
        }
        Ok((parts, released))
    }

    /// The parts that a share left, with what the worker may forget then; they and all else that an answer says must
    /// have its checksum.
    pub(super) async fn parts(
        &self,
        connection: &Connection,
        (stage, tasks): (usize, &Range<usize>),
        done: &Done,
    ) -> Result<(Vec<Part>, Vec<Item>), Lack> {
        let _permit = self.permits.acquire().await;
        let mut released = Vec::new();
        let mut parts = Vec::with_capacity(done.parts.len());
        for told in &done.parts {
            let bytes = match &told.item {
                None => None,
                Some(item) => {
                    let nbytes = part_bytes(&self.plan, stage, told).ok_or_else(malformed)?;
                    let wanted = Fetch { item: item.clone(), epoch: connection.epoch, nbytes };
                    let mut bytes = vec![0; nbytes as usize];
                    let coming = fetch(&connection.bulk, &wanted, &mut bytes);
                    attended(&connection.bulk, coming, || {}).await.map_err(|e| missed(&e))?;
                    released.push(item.clone());
                    Some(bytes)
                }
            };
            parts.push(part(&self.plan, stage, told, bytes.as_deref()).ok_or_else(malformed)?);
        }
        if checksum(&asked((stage, tasks), done), &done.finished, parts.iter()) != done.checksum {
            return Err(malformed());
        }
        Ok((parts, released))
    }

    async fn block(
        self: &Arc<Self>,
        connection: &Connection,
        stage: usize,
        finished: &Finished,
        released: &mut Vec<Item>,
    ) -> Result<(), Lack> {
        let results = Results::of(&self.plan, stage);
        let (goal, number, region, dtype) = results.block(finished).ok_or_else(malformed)?;
        let Some(output) = fetched(&self.plan, results.targets[goal]) else { return Ok(()) };
        if finished.written {
            return self.note(results.targets[goal], &region);
        }
        let (data, checksum) = match &finished.data {
            Some(block) => {
                let data = from_block(block, dtype, region.size()).map_err(|_| malformed())?;
                let checksum = crc32c::crc32c(view(data.as_ref()));
                (data, checksum)
            }
            None => {
                let what = item::What::Output(OutputBlock { output: output as u32, block: number as u64 });
                let item = Item { session: self.session.clone(), job: self.job, what: Some(what) };
                released.push(item.clone());
                self.fetch(connection, item, (dtype, region.size())).await?
            }
        };
        if checksum != finished.checksum {
            return Err(malformed());
        }
        drop(results);
        let own = Arc::clone(self);
        let handed = tokio::task::spawn_blocking(move || own.deliver(stage, goal, &region, data)).await;
        match handed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Lack::Sink(error)),
            Err(panic) => Err(Lack::Sink(RunError::Bug { stage, task: number, message: panic.to_string() })),
        }
    }

    /// A worker has written a block itself.
    fn note(&self, target: &Target, region: &Region) -> Result<(), Lack> {
        if dense(&self.plan, target).is_some() || !target.outputs.iter().all(|&output| self.lent[output]) {
            return Err(malformed());
        }
        let nbytes = |output: &usize| (region.size() * self.plan.outputs[*output].dtype.size()) as u64;
        self.written.fetch_add(target.outputs.iter().map(nbytes).sum(), Ordering::Relaxed);
        let noted = target.outputs.iter().try_for_each(|&output| self.sinks[output].note(region));
        noted.map_err(|error| Lack::Sink(RunError::Write(error)))
    }

    async fn fetch(&self, connection: &Connection, item: Item, of: (DType, usize)) -> Result<(Data, u32), Lack> {
        let coming = fetch_block(&connection.bulk, item, connection.epoch, of);
        attended(&connection.bulk, coming, || {}).await.map_err(|error| missed(&error))
    }

    /// Hands a finished block to all who want it.
    pub(super) fn deliver(&self, stage: usize, goal: usize, region: &Region, data: Data) -> Result<(), RunError> {
        let target: &Target = self.plan.stages[stage].targets()[goal];
        if let Some(sink) = dense(&self.plan, target).and_then(|b| self.dense.get(&b)) {
            sink.copy(region, &data).map_err(RunError::Write)?;
        }
        self.written.fetch_add((data.nbytes() * target.outputs.len()) as u64, Ordering::Relaxed);
        let Some((&last, others)) = target.outputs.split_last() else { return Ok(()) };
        for &output in others {
            self.sinks[output].copy(region, &data).map_err(RunError::Write)?;
        }
        self.sinks[last].put(region, data).map_err(RunError::Write)
    }
}

fn missed(error: &BulkError) -> Lack {
    let (code, message) = (error.code().to_owned(), error.to_string());
    // Connections that end are the worker's loss, not the share's fault.
    let returned = matches!(error, BulkError::Reach(_));
    let failure = Failure { code, message, passing: true, returned, ..Failure::default() };
    if returned && error.is_passing() { Lack::Lost(failure) } else { Lack::Missed(failure) }
}

fn malformed() -> Lack {
    let message = "a worker's answer is not what its tasks make".to_owned();
    Lack::Missed(Failure { code: "malformed-answer".to_owned(), message, passing: true, ..Failure::default() })
}
