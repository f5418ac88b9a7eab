//! The side that wants a value.

use super::read::{Come, Reading};
use super::{ATTEMPTS, BulkError};
use crate::elements::Filling;
use crate::proto::{FetchRequest, Item};
use crate::transport::Link;
use cleave_ops::{DType, Data};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::sleep;

/// How long to wait before a second attempt; twice that before a third, and so on.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

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

/// Fetches the elements of a block, written where they stay, and their checksum.
pub async fn fetch_block(
    link: &Link,
    item: Item,
    epoch: u64,
    (dtype, len): (DType, usize),
) -> Result<(Data, u32), BulkError> {
    let mut filling = Filling::new(dtype, len);
    let wanted = Fetch { item, epoch, nbytes: filling.bytes_mut().len() as u64 };
    let checksum = fetch(link, &wanted, filling.bytes_mut()).await?;
    Ok((filling.finish().map_err(BulkError::Elements)?, checksum))
}

/// Fetches a value into `into`, whose length it has; after a loss it goes on where it was, as long as it gets on. Gives
/// the checksum of what came.
pub async fn fetch(link: &Link, wanted: &Fetch, into: &mut [u8]) -> Result<u32, BulkError> {
    let (mut come, mut tried, mut damages) = (Come::default(), 0, 0);
    loop {
        let before = come.nbytes;
        let Err(error) = attempt_from(link, wanted, into, &mut come).await else { return Ok(come.checksum) };
        if let BulkError::Damaged { .. } = error {
            // Where in it the damage is, nobody knows.
            (come, damages) = (Come::default(), damages + 1);
        }
        tried = if come.nbytes > before { 1 } else { tried + 1 };
        if damages >= ATTEMPTS || tried >= error.attempts() {
            return Err(error);
        }
        sleep(PAUSE * tried).await;
    }
}

/// One attempt; `come` counts what has come, whatever happens.
async fn attempt_from(link: &Link, wanted: &Fetch, into: &mut [u8], come: &mut Come) -> Result<(), BulkError> {
    let lost = |status: tonic::Status| BulkError::Reach(link.explain(&status));
    let request = FetchRequest { item: Some(wanted.item.clone()), epoch: wanted.epoch, offset: come.nbytes as u64 };
    let mut body = link.fetch(&request).await.map_err(lost)?;
    let mut reading = Reading::default();
    while let Some(piece) = body.frame().await {
        match piece.map_err(lost)?.into_data() {
            Ok(bytes) => {
                if let Some(expected) = reading.take(&bytes, into, come)? {
                    return finished(into.len(), *come, expected);
                }
            }
            Err(last) => {
                let status = last.trailers_ref().and_then(tonic::Status::from_header_map);
                status.filter(|status| status.code() != tonic::Code::Ok).map_or(Ok(()), |status| Err(lost(status)))?;
            }
        }
    }
    Err(BulkError::Malformed { what: "no end" })
}

fn finished(nbytes: usize, come: Come, expected: u32) -> Result<(), BulkError> {
    if come.nbytes != nbytes {
        return Err(BulkError::Length { expected: nbytes as u64, found: come.nbytes as u64 });
    }
    let found = come.checksum;
    if found == expected { Ok(()) } else { Err(BulkError::Damaged { expected, found }) }
}
