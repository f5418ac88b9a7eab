//! A worker: one machine's threads, memory and files for whoever connects.
//!
//! In reading order: `options` (what it is started with), `house` (what all its jobs share), `engine` (the service's
//! calls), `turns` (whose share runs), `stream` (one job's orders and events), `desk` (whom it tells of shares), `outbox` (events, coalesced), `room` (its
//! memory), `job` (what one job keeps), `gather` (blocks from other workers), `targets` (arrays it writes to), `share`
//! (tasks run for it), `fetch` (what others ask for), `status` (how it is), `unbound` (a worker on another network).

mod desk;
mod engine;
mod error;
mod fetch;
mod gather;
mod house;
mod job;
mod options;
mod outbox;
mod room;
mod share;
mod status;
mod stream;
mod targets;
mod turns;
mod unbound;

pub use error::ServeError;
pub use options::{KEEP, WorkerOptions};
pub use unbound::Unbound;

use crate::facts::WorkerFacts;
use crate::security::may_listen;
use crate::transport::{Door, Stream, accepted, engine_service, server};
use futures_util::Stream as Items;
use house::House;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A worker that listens, and serves once it is told to.
pub struct Worker {
    house: Arc<House>,
    listener: TcpListener,
    door: Door,
}

/// Runs a worker on this thread until `stop` is there and what it had is done. `ready` hears where it listens.
pub fn serve(
    options: WorkerOptions,
    ready: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).thread_name("service").enable_all().build().map_err(ServeError::Threads)?;
    let served = runtime.block_on(async {
        let worker = Worker::bind(options).await?;
        ready(worker.address()?);
        worker.serve(stop).await
    });
    runtime.shutdown_background();
    served
}

impl Worker {
    /// Starts its threads and listens.
    pub async fn bind(options: WorkerOptions) -> Result<Self, ServeError> {
        let (tls, token) = (options.tls.is_some(), options.token.is_some());
        may_listen(options.listen.ip(), tls, token, options.insecure).map_err(ServeError::Security)?;
        let at = options.listen;
        let listener = TcpListener::bind(at).await.map_err(|cause| ServeError::Listen { at, cause })?;
        let door = Door { tls: options.tls.clone(), ..Door::default() };
        Ok(Self { house: House::new(options)?, listener, door })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr, ServeError> {
        self.listener.local_addr().map_err(ServeError::Threads)
    }

    /// How it is, whenever it is asked.
    pub fn watch(&self) -> impl Fn() -> WorkerFacts + Clone + Send + Sync + 'static {
        let (house, meter) = (Arc::clone(&self.house), Arc::new(Mutex::new(status::Meter::default())));
        let endpoint = self.address().map_or_else(|_| String::new(), |at| at.to_string());
        move || {
            let mut meter = meter.lock().unwrap_or_else(PoisonError::into_inner);
            let status = meter.status(&house);
            let mut facts = WorkerFacts {
                endpoint: endpoint.clone(),
                name: status.name.clone(),
                threads: status.threads as usize,
                memory_bytes: status.memory_bytes,
                ..WorkerFacts::default()
            };
            facts.hear(&status);
            facts
        }
    }

    /// Serves until `stop` is there; then it takes nothing new, and ends when what it had is done or its grace is
    /// over.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        serve_on(self.house, self.door, accepted(self.listener), stop).await
    }
}

async fn serve_on<S: Stream>(
    house: Arc<House>,
    door: Door,
    incoming: impl Items<Item = io::Result<(S, SocketAddr)>> + Send + 'static,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status("", tonic_health::ServingStatus::Serving).await;
    let engine = engine_service(engine::Door(Arc::clone(&house)), house.options.token.clone());
    let router = server().add_service(health_service).add_service(engine);
    let (end, ended) = oneshot::channel::<()>();
    let ended = async { drop(ended.await) };
    let serving = tokio::spawn(router.serve_with_incoming_shutdown(door.admit(incoming), ended));
    stop.await;
    house.drain(house.options.grace).await;
    drop(end);
    serving.abort();
    house.close();
    Ok(())
}
