//! Blocks a share reads that other workers made: they are fetched before it runs.

use super::house::House;
use super::job::{Job, Place};
use super::share::Given;
use crate::bulk::{attended, fetch_block};
use crate::proto::{BufferBlock, Failure, Item, Lost, item};
use cleave_cpu::Item as Kind;
use cleave_ops::DType;
use cleave_plan::{BufferId, Keep, Origin, reads};
use futures_util::{StreamExt, stream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Blocks on their way at once.
const AT_ONCE: usize = 8;

/// A block that is elsewhere.
struct Wanted {
    buffer: BufferId,
    kind: Kind,
    block: usize,
    dtype: DType,
    len: usize,
}

/// Fetches what a share reads and is not here, then lets it run.
pub(super) async fn prepare(house: Arc<House>, job: Arc<Job>, given: Given) {
    let outcome = match given.tasks(&job) {
        Some(_) => gather(&house, &job, &given).await,
        None => Err(Failure {
            code: "no-such-task".into(),
            message: "the plan has no such tasks".into(),
            ..Failure::default()
        }),
    };
    match outcome {
        Ok(()) => job.queue(&house, given),
        Err(failure) => {
            let is_wanted = !given.cancel.is_cancelled();
            House::count(&house.counts.failed, u64::from(is_wanted));
            job.desk.answer(&given.share, is_wanted.then(|| given.failed(failure)));
        }
    }
}

async fn gather(house: &House, job: &Arc<Job>, given: &Given) -> Result<(), Failure> {
    let (asked, share) = (Arc::clone(job), given.tasks(job));
    let missing = tokio::task::spawn_blocking(move || share.map(|s| missing(&asked, s.stage, s.tasks)));
    let missing = missing.await.ok().flatten().unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    // Counts up with each block, and with each second in which something of one came.
    let signs = AtomicU64::new(0);
    let advances = || job.desk.tell(&given.share, given.fetching(1 + signs.fetch_add(1, Ordering::Relaxed)));
    let mut fetches = stream::iter(missing)
        .map(|wanted| async move { fetch(house, job, &wanted, &advances).await.map_err(|error| (wanted, error)) })
        .buffer_unordered(AT_ONCE);
    let mut failed: Vec<(Wanted, (Option<Place>, String))> = Vec::new();
    while let Some(fetched) = fetches.next().await {
        match fetched {
            Ok(()) => advances(),
            Err(lost) => failed.push(lost),
        }
    }
    let Some((_, (_, first))) = failed.first() else { return Ok(()) };
    let lost = |(wanted, (place, _)): &(Wanted, (Option<Place>, String))| Lost {
        buffer: wanted.buffer.0,
        block: wanted.block as u64,
        endpoint: place.as_ref().map(|p| p.endpoint.to_string()).unwrap_or_default(),
    };
    let (message, lost) = (first.clone(), failed.iter().map(lost).collect());
    Err(Failure { code: "block-lost".into(), message, passing: true, lost, ..Failure::default() })
}

/// The blocks of values between stages that tasks read and that are not here.
fn missing(job: &Job, stage: usize, tasks: std::ops::Range<usize>) -> Vec<Wanted> {
    let mut found = Vec::new();
    // A value must have its place even where none of its blocks is read.
    job.plan.stages[stage].buffers().into_iter().for_each(|id| {
        job.shelf(id);
    });
    for (origin, runs) in reads(&job.plan, stage, tasks, &job.sources) {
        let Origin::Buffer(id) = origin else { continue };
        let buffer = job.plan.buffer(id);
        let Some(kind) = job.shelf(id).filter(|_| buffer.keep != Keep::Dense) else { continue };
        for block in runs.into_iter().flatten().filter(|&block| !job.kept.holds(kind, block)) {
            let len = cleave_plan::stage::block_region(&buffer.grid, block).size();
            found.push(Wanted { buffer: id, kind, block, dtype: buffer.dtype, len });
        }
    }
    found
}

/// Fetches a block and keeps it; `advances` hears each second that it gets on.
async fn fetch(
    house: &House,
    job: &Arc<Job>,
    wanted: &Wanted,
    advances: &impl Fn(),
) -> Result<(), (Option<Place>, String)> {
    let Wanted { buffer, kind, block, dtype, len } = *wanted;
    let place = job.place_of(buffer, block as u64).ok_or_else(|| (None, format!("block {block} is nowhere")))?;
    let failed = |text: String| (Some(place.clone()), text);
    let link = house.peer(&place.endpoint).await.map_err(|error| failed(error.to_string()))?;
    let what = item::What::Buffer(BufferBlock { buffer: buffer.0, block: block as u64 });
    let (session, number) = job.key.clone();
    let item = Item { session, job: number, what: Some(what) };
    let fetched = attended(&link, fetch_block(&link, item, place.epoch, (dtype, len)), advances).await;
    let (data, checksum) = fetched.map_err(|error| {
        house.forget_peer(&place.endpoint, &error);
        failed(error.to_string())
    })?;
    let nbytes = data.nbytes() as u64;
    job.bytes_fetched.fetch_add(nbytes, Ordering::Relaxed);
    House::count(&house.counts.received_bytes, nbytes);
    let keeper = Arc::clone(job);
    job.note_sum((kind, block), checksum);
    let stored = tokio::task::spawn_blocking(move || keeper.kept.keep(kind, block, &data)).await;
    match stored {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}
