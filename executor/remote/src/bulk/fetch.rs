//! The side that wants a value.

use super::read::{Come, Reading};
use super::{ATTEMPTS, BulkError};
use crate::elements::Filling;
use crate::proto::{FetchRequest, Item};
use crate::transport::Link;
use cleave_ops::{DType, Data};
use futures_util::future::{Either, select};
use http_body_util::BodyExt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// How long to wait before a second attempt; twice that before a third, and so on.
pub(super) const PAUSE: Duration = Duration::from_millis(50);
/// A value of as many bytes that is encrypted comes in halves, over two connections at once: one thread a side encrypts
/// what goes over a connection, and a bare one is as fast as memory.
const LARGE_BYTES: usize = 8 << 20;
/// Halves begin at multiples of so many bytes.
const EVEN_BYTES: usize = 64 << 10;

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
    let mut damages = 0;
    loop {
        let fetched = if link.is_encrypted() && into.len() >= LARGE_BYTES {
            in_halves(link, wanted, into).await
        } else {
            whole(link, wanted, into).await
        };
        // Where in it a damage is, nobody knows.
        let Err(BulkError::Damaged { .. }) = fetched else { return fetched };
        damages += 1;
        if damages >= ATTEMPTS {
            return fetched;
        }
        sleep(PAUSE * damages).await;
    }
}

async fn whole(link: &Link, wanted: &Fetch, into: &mut [u8]) -> Result<u32, BulkError> {
    let mut all = Stretch::new(0, into, true);
    carry(link, wanted, &mut all, &Notify::new()).await?;
    undamaged(all.come.checksum, &all)
}

/// The second half comes by the second connection, if there is one: it only helps, and what it does not bring comes by
/// the first.
async fn in_halves(link: &Link, wanted: &Fetch, into: &mut [u8]) -> Result<u32, BulkError> {
    let (front, back) = into.split_at_mut(into.len() / 2 / EVEN_BYTES * EVEN_BYTES);
    let (mut back, mut front) = (Stretch::new(front.len(), back, true), Stretch::new(0, front, false));
    {
        let (begun, helps) = (Notify::new(), AtomicBool::new(false));
        let beside = pin!(async {
            // Who keeps the value has it at hand once some of it came.
            begun.notified().await;
            let Some(second) = link.second().await else { return };
            helps.store(true, Ordering::Relaxed);
            let _ = carry(&second, wanted, &mut back, &Notify::new()).await;
        });
        match select(pin!(carry(link, wanted, &mut front, &begun)), beside).await {
            Either::Left((carried, beside)) => {
                carried?;
                if helps.load(Ordering::Relaxed) {
                    beside.await;
                }
            }
            Either::Right(((), carrying)) => carrying.await?,
        }
    }
    carry(link, wanted, &mut back, &Notify::new()).await?;
    let checksum = crc32c::crc32c_combine(front.come.checksum, back.come.checksum, back.come.nbytes);
    undamaged(checksum, &back)
}

/// The checksum of what came, if it is what the value's end said.
fn undamaged(found: u32, last: &Stretch<'_>) -> Result<u32, BulkError> {
    match last.end {
        Some(expected) if expected != found => Err(BulkError::Damaged { expected, found }),
        Some(_) => Ok(found),
        None => Err(BulkError::Malformed { what: "no end" }),
    }
}

/// A stretch of a value, and what has come of it.
struct Stretch<'a> {
    start: usize,
    room: &'a mut [u8],
    come: Come,
    /// Whether the value ends with it, and the checksum of the value that was told then.
    is_last: bool,
    end: Option<u32>,
}

impl<'a> Stretch<'a> {
    fn new(start: usize, room: &'a mut [u8], is_last: bool) -> Self {
        Self { start, room, come: Come::default(), is_last, end: None }
    }

    fn is_there(&self) -> bool {
        if self.is_last { self.end.is_some() } else { self.come.nbytes == self.room.len() }
    }
}

/// Tries until all of a stretch is there, as long as it gets on; `begun` hears when something came.
async fn carry(link: &Link, wanted: &Fetch, stretch: &mut Stretch<'_>, begun: &Notify) -> Result<(), BulkError> {
    let mut tried = 0;
    while !stretch.is_there() {
        let before = stretch.come.nbytes;
        let Err(error) = attempt(link, wanted, stretch, begun).await else { return Ok(()) };
        tried = if stretch.come.nbytes > before { 1 } else { tried + 1 };
        if tried >= error.attempts() {
            return Err(error);
        }
        sleep(PAUSE * tried).await;
    }
    Ok(())
}

/// One attempt; the stretch counts what has come, whatever happens.
async fn attempt(link: &Link, wanted: &Fetch, stretch: &mut Stretch<'_>, begun: &Notify) -> Result<(), BulkError> {
    let lost = |status: tonic::Status| BulkError::Reach(link.explain(&status));
    let Fetch { item, epoch, nbytes } = wanted.clone();
    let offset = (stretch.start + stretch.come.nbytes) as u64;
    let length = (!stretch.is_last).then_some((stretch.room.len() - stretch.come.nbytes) as u64);
    let asked = FetchRequest { item: Some(item), epoch, offset, length };
    let mut body = link.fetch(&asked).await.map_err(lost)?;
    let mut reading = Reading::new(nbytes);
    while let Some(piece) = body.frame().await {
        match piece.map_err(lost)?.into_data() {
            Ok(bytes) => {
                let end = reading.take(&bytes, stretch.room, &mut stretch.come)?;
                begun.notify_one();
                if end.is_some() && stretch.come.nbytes != stretch.room.len() {
                    let found = (stretch.start + stretch.come.nbytes) as u64;
                    return Err(BulkError::Length { expected: nbytes, found });
                }
                stretch.end = end;
                if stretch.is_there() {
                    return Ok(());
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
