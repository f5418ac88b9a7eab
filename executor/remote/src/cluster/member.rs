//! One worker as the kernel knows it: connected, watched, and connected again when it was lost.

use crate::facts::{WorkerFacts, WorkerState};
use crate::proto::{HelloReply, HelloRequest, StatusRequest, WorkerStatus};
use crate::transport::{Connector, Endpoint, Fault, Link, ReachError, plain};
use crate::versions;
use futures_util::FutureExt;
use rand::RngExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

/// How often a worker says how it is.
const EVERY: Duration = Duration::from_millis(500);
/// Silence after which it is suspect, and after which it is lost.
const SUSPECT: Duration = Duration::from_secs(3);
const LOST: Duration = Duration::from_secs(10);
/// The longest first and the longest last wait before it is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A worker that was named.
pub(super) struct Member {
    /// Which one of all that were ever in the pool.
    number: usize,
    endpoint: Endpoint,
    connector: Connector,
    /// Guards what is known of it.
    known: Mutex<Known>,
    /// A run has found that the connection is of no use.
    broken: Notify,
}

struct Known {
    facts: WorkerFacts,
    seen: Instant,
    connection: Option<Connection>,
    /// How many connections there were.
    count: u64,
    /// Why the last attempt to connect shows that its process is not there any more.
    ended: Option<String>,
}

/// A connection: blocks have one of their own, so that orders and events need not queue behind them.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) control: Link,
    pub(super) bulk: Link,
    pub(super) epoch: u64,
    pub(super) threads: usize,
}

impl Member {
    pub(super) fn new(number: usize, endpoint: Endpoint, connector: Connector) -> Arc<Self> {
        let facts = WorkerFacts { endpoint: endpoint.to_string(), ..WorkerFacts::default() };
        let known = Mutex::new(Known { facts, seen: Instant::now(), connection: None, count: 0, ended: None });
        Arc::new(Self { number, endpoint, connector, known, broken: Notify::new() })
    }

    /// What is known of it.
    pub(super) fn facts(&self) -> WorkerFacts {
        let known = self.known();
        WorkerFacts { last_seen: known.seen.elapsed(), ..known.facts.clone() }
    }

    /// Whether it was last heard at work for a job that has ended since.
    pub(super) fn winds_down(&self, ended: Instant) -> bool {
        let known = self.known();
        known.connection.is_some() && known.facts.running > 0 && (known.facts.kernels == 0 || known.seen < ended)
    }

    /// The connection to it, if there is one.
    pub(super) fn connection(&self) -> Option<Connection> {
        self.known().connection.clone()
    }

    /// Why its process is not there any more, if that is known.
    pub(super) fn ended(&self) -> Option<String> {
        self.known().ended.clone()
    }

    /// Which one of all that were ever in the pool.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Where it is reached.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A connection is of no use any more.
    pub(super) fn give_up(&self, number: u64) {
        if self.known().connection.as_ref().is_some_and(|c| c.number == number) {
            self.broken.notify_one();
        }
    }

    /// Connects and asks who is there.
    pub(super) async fn connect(&self) -> Result<Connection, ReachError> {
        let connected = self.try_connect().await;
        let mut known = self.known();
        match connected {
            Ok((mut connection, hello, latency)) => {
                known.count += 1;
                connection.number = known.count;
                known.seen = Instant::now();
                known.facts = facts(&self.endpoint, &hello, latency);
                (known.connection, known.ended) = (Some(connection.clone()), None);
                Ok(connection)
            }
            Err(error) => {
                let is_there = error.fault.is_passing() && error.fault != Fault::Refused;
                known.ended = (!is_there).then(|| error.to_string());
                known.facts.state = if error.fault.is_passing() {
                    WorkerState::Lost(error.to_string())
                } else {
                    WorkerState::Refused(error.to_string())
                };
                Err(error)
            }
        }
    }

    async fn try_connect(&self) -> Result<(Connection, HelloReply, Duration), ReachError> {
        let control = self.connector.connect(&self.endpoint).await?;
        let request = HelloRequest { versions: Some(versions::ours()) };
        let asked = Instant::now();
        let silent = |after| ReachError { endpoint: self.endpoint.clone(), fault: Fault::Silent { after } };
        let patience = self.connector.patience;
        let hello = timeout(patience, control.engine().hello(request)).await.map_err(|_| silent(patience))?;
        let hello = hello.map_err(|status| control.explain(&status))?.into_inner();
        let latency = asked.elapsed();
        let bulk = self.connector.connect(&self.endpoint).await?;
        let HelloReply { epoch, threads, .. } = hello;
        // What a worker says of itself is not believed without bound.
        let threads = (threads as usize).clamp(1, 4096);
        Ok((Connection { number: 0, control, bulk, epoch, threads }, hello, latency))
    }

    /// Watches the connection, and connects again whenever it is lost.
    pub(super) async fn stay(self: Arc<Self>, first: Option<Connection>) {
        let mut connection = first;
        let mut failures = 0;
        loop {
            if let Some(connection) = connection.take() {
                failures = 0;
                let why = self.watch(&connection).await;
                let mut known = self.known();
                (known.connection, known.ended) = (None, None);
                known.facts.state = WorkerState::Lost(why);
            }
            sleep(pause(failures)).await;
            failures += 1;
            connection = self.connect().await.ok();
        }
    }

    /// Takes in what the worker says of itself until it says nothing any more; why that is.
    async fn watch(&self, connection: &Connection) -> String {
        // What was said of the connection before this one.
        let _ = self.broken.notified().now_or_never();
        let request = StatusRequest { every_ms: EVERY.as_millis() as u32 };
        let asked = timeout(LOST, connection.control.engine().status(request)).await;
        let mut stream = match asked {
            Ok(Ok(reply)) => reply.into_inner(),
            Ok(Err(status)) => return connection.control.explain(&status).to_string(),
            Err(_) => return format!("nothing was heard of it for {} s", LOST.as_secs()),
        };
        loop {
            let next = tokio::select! {
                next = timeout(SUSPECT, stream.message()) => next,
                () = self.broken.notified() => return "its stream was lost".to_owned(),
            };
            match next {
                Ok(Ok(Some(status))) => self.heard(&status),
                Ok(Ok(None)) => return "it ended".to_owned(),
                Ok(Err(status)) => return connection.control.explain(&status).to_string(),
                Err(_) => {
                    let mut known = self.known();
                    if known.seen.elapsed() >= LOST {
                        return format!("nothing was heard of it for {} s", LOST.as_secs());
                    }
                    known.facts.state = WorkerState::Suspect;
                }
            }
        }
    }

    fn heard(&self, status: &WorkerStatus) {
        let mut known = self.known();
        known.seen = Instant::now();
        known.facts.hear(status);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn facts(endpoint: &Endpoint, hello: &HelloReply, latency: Duration) -> WorkerFacts {
    WorkerFacts {
        endpoint: endpoint.to_string(),
        name: plain(&hello.name, 200),
        state: WorkerState::Ready,
        threads: (hello.threads as usize).clamp(1, 4096),
        memory_bytes: hello.memory_bytes.min(1 << 50),
        latency,
        version: hello.versions.as_ref().map(|v| plain(&v.build, 100)).unwrap_or_default(),
        devices: hello.devices.iter().take(64).map(|device| plain(device, 200)).collect(),
        uptime: Duration::from_millis(hello.uptime_ms),
        ..WorkerFacts::default()
    }
}

/// How long to wait after so many failures: any time up to twice as long as before, so that not all come at once.
fn pause(failures: u32) -> Duration {
    let (first, last) = PAUSE;
    let most = (first * 2u32.saturating_pow(failures.min(10))).min(last);
    most.mul_f64(rand::rng().random_range(0.1..1.0))
}
