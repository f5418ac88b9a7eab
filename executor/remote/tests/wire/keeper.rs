//! A worker that only keeps values.

use bytes::Bytes;
use cleave_remote::bulk::{Begun, Receiving, frames};
use cleave_remote::proto::engine_server::Engine;
use cleave_remote::proto::{self, Item, item};
use cleave_remote::security::{Tls, Token};
use cleave_remote::transport::{Connector, Door, Endpoint, accepted, engine_service, refusal, server};
use cleave_remote::versions;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::{Code, Request, Response, Status, Streaming};

/// Values by the number under which they are put.
pub(crate) struct Keeper {
    pub(crate) kept: Mutex<HashMap<u64, (Bytes, Option<u32>)>>,
    pub(crate) fetches: AtomicUsize,
    /// After how many frames puts break off, the first time and the times after, and the bytes that came by all.
    pub(crate) put_losses: Mutex<Vec<usize>>,
    pub(crate) put_bytes: AtomicUsize,
    begun: Arc<Begun>,
    /// What fetches do besides giving frames, the first time and the times after.
    pub(crate) faults: Mutex<Vec<Fault>>,
}

impl Default for Keeper {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            fetches: AtomicUsize::new(0),
            put_losses: Mutex::default(),
            put_bytes: AtomicUsize::new(0),
            begun: Arc::new(Begun::new(1 << 30)),
            faults: Mutex::default(),
        }
    }
}

impl Keeper {
    fn there(&self, item: &Item) -> u64 {
        let Some(item::What::Put(put)) = &item.what else { return 0 };
        self.kept.lock().unwrap().get(&put.number).map_or_else(|| self.begun.there(item), |(data, _)| data.len() as u64)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Breaks off after so many frames.
    Lost(usize),
    /// Turns a bit in a frame.
    Flipped(usize),
    /// Says another length.
    Long,
    /// Never ends the value.
    Endless,
}

pub(crate) fn put_item(number: u64) -> Item {
    let what = Some(item::What::Put(proto::PutBlock { number, block: 0 }));
    Item { session: Bytes::from_static(b"s"), job: 1, what }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Engine for Served {
    async fn hello(&self, request: Request<proto::HelloRequest>) -> Reply<proto::HelloReply> {
        let theirs = request.into_inner().versions;
        versions::check(theirs.as_ref())
            .map_err(|differ| refusal(Code::FailedPrecondition, differ.code(), differ.to_string()))?;
        Ok(Response::new(proto::HelloReply { versions: Some(versions::ours()), ..Default::default() }))
    }

    type RunStream = BoxStream<'static, Result<proto::Events, Status>>;
    async fn run(&self, _: Request<Streaming<proto::Order>>) -> Reply<Self::RunStream> {
        Err(refusal(Code::Internal, "bug", "it runs nothing"))
    }

    type FetchStream = BoxStream<'static, Result<proto::Frame, Status>>;
    async fn fetch(&self, request: Request<proto::FetchRequest>) -> Reply<Self::FetchStream> {
        self.0.fetches.fetch_add(1, Ordering::Relaxed);
        let request = request.into_inner();
        let Some(item::What::Put(put)) = request.item.and_then(|item| item.what) else {
            return Err(refusal(Code::InvalidArgument, "bad-item", "no number"));
        };
        let data = self.0.kept.lock().unwrap().get(&put.number).cloned();
        let (data, checksum) = data.ok_or_else(|| refusal(Code::NotFound, "not-kept", "it is not here"))?;
        let sent = frames(data, request.offset, request.length, checksum)?;
        let mut faults = self.0.faults.lock().unwrap();
        let fault = if faults.is_empty() { None } else { Some(faults.remove(0)) };
        Ok(Response::new(match fault {
            Some(fault) => spoiled(sent.boxed(), fault),
            None => sent.boxed(),
        }))
    }

    async fn put(&self, request: Request<Streaming<proto::PutFrame>>) -> Reply<proto::PutReply> {
        let (mut frames, mut receiving) = (request.into_inner(), Receiving::new(1 << 30, Arc::clone(&self.0.begun)));
        let (mut reply, mut left) = (proto::PutReply::default(), None);
        while let Some(frame) = frames.message().await? {
            if let Some(item) = frame.item.as_ref().filter(|_| frame.asks) {
                reply.there.push(self.0.there(item));
                continue;
            }
            let mut losses = self.0.put_losses.lock().unwrap();
            if left.is_none() && !losses.is_empty() {
                left = Some(losses.remove(0));
            }
            drop(losses);
            left = left.map(|left| left - 1);
            if left == Some(0) {
                return Err(Status::unavailable("lost"));
            }
            self.0.put_bytes.fetch_add(frame.data.len(), Ordering::Relaxed);
            let taken = receiving.take(frame);
            let taken = taken.map_err(|error| refusal(Code::InvalidArgument, "damaged-block", error.to_string()))?;
            let Some(value) = taken else { continue };
            (reply.blocks, reply.nbytes) = (reply.blocks + 1, reply.nbytes + value.data.len() as u64);
            let Some(item::What::Put(put)) = value.item.what else { continue };
            self.0.kept.lock().unwrap().insert(put.number, (value.data, None));
        }
        Ok(Response::new(reply))
    }

    async fn drain(&self, _: Request<proto::DrainRequest>) -> Reply<proto::DrainReply> {
        Ok(Response::new(proto::DrainReply::default()))
    }

    type StatusStream = BoxStream<'static, Result<proto::WorkerStatus, Status>>;
    async fn status(&self, _: Request<proto::StatusRequest>) -> Reply<Self::StatusStream> {
        Err(refusal(Code::Internal, "bug", "it has no status"))
    }
}

type Frames = BoxStream<'static, Result<proto::Frame, Status>>;

fn spoiled(sent: Frames, fault: Fault) -> Frames {
    let numbered = sent.enumerate();
    match fault {
        Fault::Lost(after) => numbered
            .take(after + 1)
            .map(move |(at, frame)| if at < after { frame } else { Err(Status::unavailable("lost")) })
            .boxed(),
        Fault::Flipped(which) => numbered
            .map(move |(at, frame)| {
                let mut frame = frame?;
                if at == which {
                    let mut bytes = frame.data.to_vec();
                    bytes[0] ^= 1;
                    frame.data = bytes.into();
                }
                Ok(frame)
            })
            .boxed(),
        Fault::Long => {
            numbered.map(|(_, frame)| frame.map(|f| proto::Frame { nbytes: f.nbytes.map(|n| n + 1), ..f })).boxed()
        }
        Fault::Endless => numbered.map(|(_, frame)| frame.map(|f| proto::Frame { checksum: None, ..f })).boxed(),
    }
}

pub(crate) struct Served(pub(crate) Arc<Keeper>);

/// A keeper at work, until it is dropped.
pub(crate) struct Running {
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) endpoint: Endpoint,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn serve(door: Door, token: Option<Token>) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let keeper = Arc::new(Keeper::default());
    let service = engine_service(Served(keeper.clone()), token);
    let served = server().add_service(service).serve_with_incoming(door.admit(accepted(listener)));
    let task = tokio::spawn(async move { served.await.unwrap() });
    Running { keeper, endpoint: Endpoint::new("127.0.0.1", port), task }
}

pub(crate) fn connector(tls: Option<Tls>, token: Option<Token>) -> Connector {
    Connector { tls, token, ..Connector::default() }
}
