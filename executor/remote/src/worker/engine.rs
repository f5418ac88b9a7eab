//! The service's calls.

use super::fetch::{bytes_of, job_of, keep, there};
use super::house::House;
use super::{status, stream as job_stream};
use crate::bulk::{Receiving, frames};
use crate::proto::engine_server::Engine;
use crate::proto::{
    DrainReply, DrainRequest, Events, FetchRequest, Frame, HelloReply, HelloRequest, Order, PutFrame, PutReply,
    StatusRequest, WorkerStatus,
};
use crate::transport::refusal;
use crate::versions;
use futures_util::{Stream, StreamExt, stream};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};

/// Messages of events that wait for the network.
const WAITING: usize = 16;

/// The service's end of a worker.
pub(super) struct Door(pub(super) Arc<House>);

type Outgoing<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Engine for Door {
    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let house = &self.0;
        versions::check(request.get_ref().versions.as_ref())
            .map_err(|error| refusal(Code::FailedPrecondition, error.code(), error.to_string()))?;
        Ok(Response::new(HelloReply {
            versions: Some(versions::ours()),
            epoch: house.epoch,
            name: house.options.name.clone(),
            threads: house.options.threads as u32,
            memory_bytes: house.options.memory_bytes,
            devices: vec!["cpu".into()],
            uptime_ms: house.started.elapsed().as_millis() as u64,
        }))
    }

    type RunStream = ReceiverStream<Result<Events, Status>>;

    async fn run(&self, request: Request<Streaming<Order>>) -> Result<Response<Self::RunStream>, Status> {
        let (out, events) = mpsc::channel(WAITING);
        tokio::spawn(job_stream::serve(Arc::clone(&self.0), request, out));
        Ok(Response::new(ReceiverStream::new(events)))
    }

    type FetchStream = Outgoing<Frame>;

    async fn fetch(&self, request: Request<FetchRequest>) -> Result<Response<Self::FetchStream>, Status> {
        let FetchRequest { item, epoch, offset, length } = request.into_inner();
        let item = item.ok_or_else(|| refusal(Code::InvalidArgument, "no-item", "nothing was asked for"))?;
        if epoch != self.0.epoch {
            return Err(refusal(Code::NotFound, "other-epoch", "this worker was started anew since then"));
        }
        let job = job_of(&self.0, &item)?;
        let keeper = Arc::clone(&job);
        let found = tokio::task::spawn_blocking(move || bytes_of(&keeper, &item)).await;
        let (data, checksum) = found.map_err(|_| refusal(Code::Internal, "bug", "a block could not be read"))??;
        let sent = (data.len() as u64).saturating_sub(offset).min(length.unwrap_or(u64::MAX));
        House::count(&self.0.counts.sent_bytes, sent);
        Ok(Response::new(Box::pin(frames(data, offset, length, checksum)?.inspect(move |_| job.ask()))))
    }

    async fn put(&self, request: Request<Streaming<PutFrame>>) -> Result<Response<PutReply>, Status> {
        let mut incoming = request.into_inner();
        let mut receiving = Receiving::new(self.0.options.memory_bytes, Arc::clone(&self.0.begun));
        let mut reply = PutReply::default();
        while let Some(frame) = incoming.message().await? {
            if let Some(item) = frame.item.as_ref().filter(|_| frame.asks) {
                reply.there.push(there(&self.0, item));
                continue;
            }
            let taken = receiving.take(frame);
            let taken = taken.map_err(|error| Status::invalid_argument(error.to_string()))?;
            let Some(received) = taken else { continue };
            let job = job_of(&self.0, &received.item)?;
            reply.blocks += 1;
            reply.nbytes += received.data.len() as u64;
            let kept = tokio::task::spawn_blocking(move || keep(&job, &received)).await;
            kept.map_err(|_| refusal(Code::Internal, "bug", "a block could not be kept"))??;
        }
        House::count(&self.0.counts.received_bytes, reply.nbytes);
        Ok(Response::new(reply))
    }

    async fn drain(&self, request: Request<DrainRequest>) -> Result<Response<DrainReply>, Status> {
        let grace = Duration::from_millis(request.into_inner().grace_ms).min(self.0.options.grace);
        self.0.drain(grace).await;
        Ok(Response::new(DrainReply { handed_back: self.0.shares() as u32 }))
    }

    type StatusStream = Outgoing<WorkerStatus>;

    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<Self::StatusStream>, Status> {
        let every = Duration::from_millis(u64::from(request.into_inner().every_ms.clamp(100, 60_000)));
        let first = (Arc::clone(&self.0), status::Meter::default(), tokio::time::interval(every));
        let told = stream::unfold(first, |(house, mut meter, mut ticks)| async move {
            tokio::select! {
                _ = ticks.tick() => {}
                () = house.left.notified() => {}
            }
            Some((Ok(meter.status(&house)), (house, meter, ticks)))
        });
        Ok(Response::new(Box::pin(told)))
    }
}
