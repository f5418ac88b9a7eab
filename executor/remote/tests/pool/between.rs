//! A double that stands between the kernel and a real worker: it passes all on, and spoils what it is told to.

use crate::workers::Started;
use cleave_remote::proto::engine_server::Engine;
use cleave_remote::proto::{self, Event, Events, HelloReply, Order};
use cleave_remote::transport::{Connector, Door, Endpoint, EngineLink, accepted, engine_service, server};
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// What becomes of an event: others in its place, each after some time.
pub(crate) type Spoil = dyn Fn(Event) -> Vec<(Duration, Event)> + Send + Sync;

/// What a double does.
#[derive(Clone)]
pub(crate) struct Habits {
    pub(crate) events: Arc<Spoil>,
    pub(crate) hello: fn(HelloReply) -> HelloReply,
    /// Whether an order makes it fall silent for good.
    pub(crate) deadly: fn(&Order) -> bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self { events: Arc::new(|event| vec![(Duration::ZERO, event)]), hello: |hello| hello, deadly: |_| false }
    }
}

/// One that spoils events.
pub(crate) fn spoiling(events: impl Fn(Event) -> Vec<Event> + Send + Sync + 'static) -> Habits {
    let at_once = move |event| events(event).into_iter().map(|e| (Duration::ZERO, e)).collect();
    Habits { events: Arc::new(at_once), ..Habits::default() }
}

/// A double and its worker.
pub(crate) struct Between {
    address: SocketAddr,
    _runtime: Runtime,
    _worker: Started,
}

impl Between {
    pub(crate) fn new(habits: Habits) -> Self {
        let worker = Started::new(1);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let to = worker.endpoint();
        let address = runtime.block_on(async move {
            let link = Connector::default().connect(&to).await.unwrap();
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let service = engine_service(Double { to: link.engine(), habits }, None);
            tokio::spawn(
                server().add_service(service).serve_with_incoming(Door::default().admit(accepted(listener))).map(drop),
            );
            address
        });
        Self { address, _runtime: runtime, _worker: worker }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.address.to_string().parse().unwrap()
    }
}

struct Double {
    to: EngineLink,
    habits: Habits,
}

type Reply<T> = Result<Response<T>, Status>;
type Stream<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl Engine for Double {
    async fn hello(&self, request: Request<proto::HelloRequest>) -> Reply<HelloReply> {
        let said = self.to.clone().hello(request.into_inner()).await?.into_inner();
        Ok(Response::new((self.habits.hello)(said)))
    }

    type RunStream = Stream<Events>;
    async fn run(&self, request: Request<Streaming<Order>>) -> Reply<Self::RunStream> {
        let (out, spoiled) = mpsc::channel(1000);
        let (killed, deadly) = (out.clone(), self.habits.deadly);
        let orders = request.into_inner().filter_map(|order| std::future::ready(order.ok())).take_while(move |order| {
            let is_deadly = deadly(order);
            if is_deadly {
                let _ = killed.try_send(Err(Status::unavailable("it fell silent")));
            }
            std::future::ready(!is_deadly)
        });
        let mut events = self.to.clone().run(orders).await?.into_inner();
        let spoil = Arc::clone(&self.habits.events);
        tokio::spawn(async move {
            while let Ok(Some(message)) = events.message().await {
                let mut now = Vec::new();
                for (after, event) in message.events.into_iter().flat_map(|event| spoil(event)) {
                    if after.is_zero() {
                        now.push(event);
                        continue;
                    }
                    let late = out.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(after).await;
                        let _ = late.send(Ok(Events { events: vec![event] })).await;
                    });
                }
                if out.send(Ok(Events { events: now })).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(spoiled).boxed()))
    }

    type FetchStream = Stream<proto::Frame>;
    async fn fetch(&self, request: Request<proto::FetchRequest>) -> Reply<Self::FetchStream> {
        Ok(Response::new(self.to.clone().fetch(request.into_inner()).await?.into_inner().boxed()))
    }

    async fn put(&self, request: Request<Streaming<proto::PutFrame>>) -> Reply<proto::PutReply> {
        self.to.clone().put(request.into_inner().filter_map(|frame| std::future::ready(frame.ok()))).await
    }

    async fn drain(&self, request: Request<proto::DrainRequest>) -> Reply<proto::DrainReply> {
        self.to.clone().drain(request.into_inner()).await
    }

    type StatusStream = Stream<proto::WorkerStatus>;
    async fn status(&self, request: Request<proto::StatusRequest>) -> Reply<Self::StatusStream> {
        Ok(Response::new(self.to.clone().status(request.into_inner()).await?.into_inner().boxed()))
    }
}
