//! The side that wants a value.

use super::{ATTEMPTS, BulkError, MOST_FRAME_BYTES};
use crate::elements::Filling;
use crate::proto::{FetchRequest, Frame, Item};
use crate::transport::Link;
use cleave_ops::{DType, Data};
use std::time::Duration;
use tokio::time::sleep;
use tonic::Streaming;

/// How long to wait before a second attempt; twice that before a third.
const PAUSE: Duration = Duration::from_millis(50);

/// A value that somebody keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    /// What it is.
    pub item: Item,
    /// Which start of the worker keeps it.
    pub epoch: u64,
    /// How many bytes it has.
    pub nbytes: u64,
}

/// Fetches the elements of a block, written where they stay.
pub async fn fetch_block(link: &Link, item: Item, epoch: u64, (dtype, len): (DType, usize)) -> Result<Data, BulkError> {
    let mut filling = Filling::new(dtype, len);
    let wanted = Fetch { item, epoch, nbytes: filling.bytes_mut().len() as u64 };
    fetch(link, &wanted, filling.bytes_mut()).await?;
    filling.finish().map_err(BulkError::Elements)
}

/// Fetches a value into `into`, whose length it has; after a loss it goes on where it was.
pub async fn fetch(link: &Link, wanted: &Fetch, into: &mut [u8]) -> Result<(), BulkError> {
    let mut come = Come::default();
    for attempt in 1..=ATTEMPTS {
        match attempt_from(link, wanted, into, &mut come).await {
            Ok(()) => return Ok(()),
            Err(error) if attempt == ATTEMPTS || !error.may_pass_soon() => return Err(error),
            // Where in it the damage is, nobody knows.
            Err(BulkError::Damaged { .. }) => come = Come::default(),
            Err(_) => {}
        }
        sleep(PAUSE * attempt).await;
    }
    unreachable!("the last attempt returns")
}

/// What has come of a value.
#[derive(Clone, Copy, Default)]
struct Come {
    nbytes: usize,
    /// Of these bytes, reckoned while they are in the cache.
    checksum: u32,
}

/// One attempt; `come` counts what has come, whatever happens.
async fn attempt_from(link: &Link, wanted: &Fetch, into: &mut [u8], come: &mut Come) -> Result<(), BulkError> {
    let lost = |status: tonic::Status| BulkError::Reach(link.explain(&status));
    let request = FetchRequest { item: Some(wanted.item.clone()), epoch: wanted.epoch, offset: come.nbytes as u64 };
    let mut frames: Streaming<Frame> = link.engine().fetch(request).await.map_err(lost)?.into_inner();
    while let Some(frame) = frames.message().await.map_err(lost)? {
        take(&frame, into, come)?;
        if let Some(expected) = frame.checksum {
            return finished(into.len(), *come, expected);
        }
    }
    Err(BulkError::Malformed { what: "no end" })
}

fn take(frame: &Frame, into: &mut [u8], come: &mut Come) -> Result<(), BulkError> {
    if frame.data.len() > MOST_FRAME_BYTES {
        return Err(BulkError::TooLarge { nbytes: frame.data.len() as u64, limit: MOST_FRAME_BYTES as u64 });
    }
    let expected = into.len() as u64;
    if let Some(found) = frame.nbytes.filter(|&nbytes| nbytes != expected) {
        return Err(BulkError::Length { expected, found });
    }
    let end = come.nbytes + frame.data.len();
    let Some(room) = into.get_mut(come.nbytes..end) else {
        return Err(BulkError::Length { expected, found: end as u64 });
    };
    room.copy_from_slice(&frame.data);
    *come = Come { nbytes: end, checksum: crc32c::crc32c_append(come.checksum, &frame.data) };
    Ok(())
}

fn finished(nbytes: usize, come: Come, expected: u32) -> Result<(), BulkError> {
    if come.nbytes != nbytes {
        return Err(BulkError::Length { expected: nbytes as u64, found: come.nbytes as u64 });
    }
    let found = come.checksum;
    if found == expected { Ok(()) } else { Err(BulkError::Damaged { expected, found }) }
}
