//! One worker's stream in a run.

use super::again::Returns;
use super::member::{Connection, Member};
use super::values::Given;
use crate::bulk::{BulkError, attended, put};
use crate::proto::{self, Done, Event, Item, Open, Order, order};
use crate::schedule::{ShareId, WorkerId};
use bytes::Bytes;
use cleave_cpu::Part;
use cleave_plan::RunError;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval_at};
use tokio_stream::wrappers::ReceiverStream;

/// Orders that wait for the network.
const WAITING: usize = 64;
/// Bytes of values that are put in one call, and a value.
const PUT_BYTES: usize = 8 << 20;

/// How often a worker hears something even if nothing is wanted of it.
const BEAT: Duration = Duration::from_secs(2);

/// One worker in a run.
pub(super) struct Lane {
    pub(super) member: Arc<Member>,
    pub(super) connection: Connection,
    pub(super) draining: bool,
    /// What is known of how connections to its worker end.
    pub(super) returns: Returns,
    /// What was sent: versions of places, values, blocks of sources.
    pub(super) places: HashMap<u32, u64>,
    pub(super) values: Given,
    pub(super) sources: HashSet<(u64, usize)>,
    parcels: UnboundedSender<Parcel>,
    tasks: [JoinHandle<()>; 2],
    /// The one before, which ends when this one is open: the worker would take its end for that of the job.
    former: Option<Box<Lane>>,
}

/// Something for a worker; one goes after the other.
enum Parcel {
    Order(order::Order),
    Put(Vec<(Item, Bytes)>),
}

/// Something that happened to a run, and at which worker.
pub(super) struct Note {
    pub(super) worker: WorkerId,
    pub(super) news: News,
}

pub(super) enum News {
    /// Events came, perhaps none.
    Events(Vec<Event>),
    /// Its stream over a connection ended; with a code, because it does not want the job.
    Closed { connection: u64, why: String, refused: Option<String> },
    /// What a share left is here.
    Taken { share: ShareId, parts: Vec<Part>, released: Vec<Item> },
    /// Whether an answer that is another than the first is what its worker made.
    Compared { done: Box<Done>, is_true: bool },
    /// What was joined of it is where it belongs.
    Secured { share: ShareId },
    /// Something is on its way to it, and gets on.
    Moved,
    /// What a share lacked is at its worker.
    Relayed { share: ShareId, attempt: u32 },
    /// That it is not.
    Unrelayed(proto::Failed),
    /// What a share left is not here because of connections that were lost.
    Lost { share: ShareId, failure: crate::schedule::Failure },
    /// It may be tried again to have that.
    Retake { share: ShareId, failure: crate::schedule::Failure },
    /// What a share left is not here.
    Missed { share: ShareId, failure: crate::schedule::Failure },
    /// A result could not be handed on.
    Sink(RunError),
}

impl Lane {
    /// Opens a job at a worker; what comes of it goes to `notes`.
    pub(super) fn open(
        worker: WorkerId,
        member: &Arc<Member>,
        connection: Connection,
        open: Open,
        notes: UnboundedSender<Note>,
    ) -> Self {
        let (orders, sent) = mpsc::channel(WAITING);
        let (parcels, waiting) = mpsc::unbounded_channel();
        let sender = Sender { worker, bulk: connection.clone(), notes: notes.clone(), orders };
        let tasks = [
            tokio::spawn(sender.send_all(waiting)),
            tokio::spawn(listen(worker, connection.clone(), ReceiverStream::new(sent), notes)),
        ];
        let lane = Self {
            member: Arc::clone(member),
            connection,
            draining: false,
            returns: Returns::default(),
            places: HashMap::new(),
            values: Given::new(),
            sources: HashSet::new(),
            parcels,
            tasks,
            former: None,
        };
        lane.order(order::Order::Open(open));
        lane
    }

    /// Takes the place of one to the same process.
    pub(super) fn replace(&mut self, mut former: Lane) {
        former.former = None;
        self.returns = former.returns.clone();
        self.returns.away = None;
        self.former = Some(Box::new(former));
    }

    /// The worker has the job by this connection.
    pub(super) fn opened(&mut self) {
        (self.returns.is_open, self.former) = (true, None);
    }

    /// Sends an order, after all that was sent before.
    pub(super) fn order(&self, order: order::Order) {
        // A lane that is lost says so by itself.
        let _ = self.parcels.send(Parcel::Order(order));
    }

    /// Sends blocks, after all that was sent before.
    pub(super) fn put(&self, values: Vec<(Item, Bytes)>) {
        if !values.is_empty() {
            let _ = self.parcels.send(Parcel::Put(values));
        }
    }

    /// Says that no more comes, and gives that a moment to arrive.
    pub(super) async fn close(mut self) {
        let (closed, _) = mpsc::unbounded_channel();
        self.parcels = closed;
        let [sending, listening] = &mut self.tasks;
        let both = async { (sending.await.ok(), listening.await.ok()) };
        let _ = tokio::time::timeout(Duration::from_millis(200), both).await;
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

struct Sender {
    worker: WorkerId,
    bulk: Connection,
    notes: UnboundedSender<Note>,
    orders: mpsc::Sender<Order>,
}

impl Sender {
    async fn send_all(self, mut parcels: UnboundedReceiver<Parcel>) {
        while let Some(parcel) = self.beating(parcels.recv()).await {
            let sent = match parcel {
                Parcel::Order(order) => self.orders.send(Order { order: Some(order) }).await.is_ok(),
                Parcel::Put(values) => self.beating(self.put(&values)).await,
            };
            if !sent {
                return;
            }
        }
    }

    /// Waits for something, and meanwhile lets the worker hear that somebody is there.
    async fn beating<T>(&self, work: impl Future<Output = T>) -> T {
        let (mut work, mut beats) = (pin!(work), interval_at(Instant::now() + BEAT, BEAT));
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = beats.tick() => drop(self.orders.try_send(Order { order: None })),
            }
        }
    }

    /// Puts values, some at a time, so that the worker is not thought to stand still meanwhile; whether it has them.
    async fn put(&self, mut values: &[(Item, Bytes)]) -> bool {
        while !values.is_empty() {
            let mut nbytes = 0;
            let full = values.iter().position(|(_, bytes)| {
                nbytes += bytes.len();
                nbytes >= PUT_BYTES
            });
            let (now, later) = values.split_at(full.map_or(values.len(), |at| at + 1));
            let tell = |news| drop(self.notes.send(Note { worker: self.worker, news }));
            let put = attended(&self.bulk.bulk, put(&self.bulk.bulk, now), || tell(News::Moved)).await;
            let is_there = put.is_ok();
            let connection = self.bulk.number;
            let closed = |error: BulkError| News::Closed { connection, why: error.to_string(), refused: None };
            tell(put.map_or_else(closed, |_| News::Moved));
            if !is_there {
                return false;
            }
            values = later;
        }
        true
    }
}

/// Hands on events until the stream ends.
async fn listen(worker: WorkerId, connection: Connection, orders: ReceiverStream<Order>, notes: UnboundedSender<Note>) {
    let tell = |news: News| notes.send(Note { worker, news }).is_ok();
    let explain = |status: &tonic::Status| {
        let error = connection.control.explain(status);
        let is_refused = !error.fault.is_passing() && status.code() == tonic::Code::InvalidArgument;
        (error.to_string(), is_refused.then(|| error.fault.code().to_owned()))
    };
    let (why, refused) = match connection.control.engine().run(orders).await {
        Err(status) => explain(&status),
        Ok(reply) => {
            let mut events = reply.into_inner();
            loop {
                match events.message().await {
                    Ok(Some(proto::Events { events })) => {
                        if !tell(News::Events(events)) {
                            return;
                        }
                    }
                    Ok(None) => break ("it ended the job".to_owned(), None),
                    Err(status) => break explain(&status),
                }
            }
        }
    };
    tell(News::Closed { connection: connection.number, why, refused });
}
