//! What others ask for and bring: bytes of what a job keeps.

use super::house::House;
use super::job::Job;
use crate::bulk::Received;
use crate::elements::{self, shared_bytes, view};
use crate::proto::{Item, item};
use crate::transport::refusal;
use bytes::Bytes;
use cleave_cpu::Item as Kind;
use cleave_plan::{Block, Elements};
use std::sync::Arc;
use tonic::{Code, Status};

/// The job that an item is of.
pub(super) fn job_of(house: &House, item: &Item) -> Result<Arc<Job>, Status> {
    let found = house.jobs().get(&(item.session.clone(), item.job)).cloned();
    found.ok_or_else(|| refusal(Code::NotFound, "unknown-job", "no such job is here"))
}

/// The bytes of an item, and their checksum where it is known.
pub(super) fn bytes_of(job: &Job, item: &Item) -> Result<(Bytes, Option<u32>), Status> {
    let absent = || refusal(Code::NotFound, "not-kept", "that is not here");
    let (kind, block) = match item.what.as_ref().ok_or_else(absent)? {
        item::What::Part(part) => {
            let bytes = job.left().get(&(part.share, part.number)).cloned().ok_or_else(absent)?;
            return Ok((bytes, None));
        }
        item::What::Output(o) => (Kind::Output(o.output as usize), usize::try_from(o.block).map_err(|_| absent())?),
        item::What::Buffer(_) | item::What::Put(_) => {
            let (kind, block, ..) = job.named(item).ok_or_else(absent)?;
            (kind, block)
        }
    };
    let found = job.lend((kind, block));
    let found = found.map_err(|error| refusal(Code::Internal, "spill-unreadable", error.to_string()))?;
    Ok((found.map(block_bytes).ok_or_else(absent)?, job.sum_of((kind, block))))
}

/// How many bytes of a value that others bring are here.
pub(super) fn there(house: &House, item: &Item) -> u64 {
    let job = job_of(house, item).ok();
    let whole = job.and_then(|job| job.named(item).filter(|(kind, block, ..)| job.kept.holds(*kind, *block)));
    whole.map_or_else(|| house.begun.there(item), |(_, _, dtype, len)| (len * dtype.size()) as u64)
}

/// Keeps what came.
pub(super) fn keep(job: &Job, received: &Received) -> Result<(), Status> {
    let unwanted = || refusal(Code::InvalidArgument, "not-wanted", "the job has no such block");
    let (kind, block, dtype, len) = job.named(&received.item).ok_or_else(unwanted)?;
    let data = elements::from_bytes(dtype, len, &received.data);
    let data = data.map_err(|error| refusal(Code::InvalidArgument, error.code(), error.to_string()))?;
    let kept = job.kept.keep(kind, block, &data);
    kept.map_err(|error| refusal(Code::ResourceExhausted, "spill-failed", error.to_string()))
}

/// The bytes of a block, which stays as long as they are needed.
fn block_bytes(block: Block) -> Bytes {
    struct Held(Arc<dyn Elements>);
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            view(self.0.elements())
        }
    }
    match block {
        Block::Owned(data) => shared_bytes(data),
        Block::Shared(holder) => Bytes::from_owner(Held(holder)),
    }
}
