//! The kernel's side: workers that are connected, and runs on them.
//!
//! In reading order: `options` and `error`, `member` (one worker, connected again when it was lost), `roll` (who is in the pool), `run` (one run,
//! by the schedule), `again` (connections that end and come back), `hear` (events in) and `obey` (orders out), `lane` (one worker's stream in it), `places` (where
//! blocks are), `relay` (blocks that go through the kernel), `values` (what the kernel holds between stages), `answer` (what a worker says of a share), `take`
//! (what it left is fetched and handed on), `tally` (progress, report, lanes), `live` (lanes for those who look).

mod again;
mod answer;
mod error;
mod hear;
mod lane;
mod live;
mod member;
mod obey;
mod options;
mod places;
mod relay;
mod roll;
mod run;
mod take;
mod tally;
mod values;

pub use error::{ConnectError, Memory, RemoteError};
pub use options::{ConnectOptions, RemoteJob};
pub use roll::Named;

use crate::facts::{LaneFacts, PoolFacts};
use crate::schedule::Rules;
use bytes::Bytes;
use cleave_cpu::{Cancel, Control};
use cleave_plan::{RunError, RunReport, Sink};
use live::Live;
use rand::Rng;
use roll::Roll;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// Facts that are shown when a run is over may be this late.
const CALM: Duration = Duration::from_millis(256);

/// Workers that are connected.
pub struct Cluster {
    roll: Arc<Roll>,
    /// Names this connection at the workers.
    session: Bytes,
    jobs: AtomicU64,
    rules: Rules,
    live: Arc<Live>,
    /// Ends last, and waits for nobody.
    runtime: Option<Runtime>,
}

impl Cluster {
    /// Connects to workers. One that does not answer is an error unless others do; it is tried again.
    pub fn connect(named: &[Named], options: ConnectOptions) -> Result<Self, ConnectError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_name("workers").enable_all().build();
        let runtime = runtime.map_err(ConnectError::Threads)?;
        let cancel = options.cancel.clone();
        let joined = runtime.block_on(async {
            tokio::select! {
                joined = Self::join(named, options) => joined,
                () = cancelled(&cancel) => Err(ConnectError::Cancelled),
            }
        });
        match joined {
            Ok(mut cluster) => {
                cluster.runtime = Some(runtime);
                Ok(cluster)
            }
            Err(error) => {
                // Names that are being looked up are waited for by nobody.
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// The same on the runtime this is called in, whose network and time may be simulated ones.
    pub async fn join(named: &[Named], options: ConnectOptions) -> Result<Self, ConnectError> {
        let rules = options.rules.clone();
        let roll = Roll::call(named, options).await?;
        let mut session = [0; 16];
        rand::rng().fill_bytes(&mut session);
        Ok(Self {
            roll,
            session: Bytes::copy_from_slice(&session),
            jobs: AtomicU64::new(0),
            rules,
            live: Arc::default(),
            runtime: None,
        })
    }

    /// What is known of the workers.
    pub fn facts(&self) -> PoolFacts {
        self.watch().facts()
    }

    /// The same for others, who may ask at any time.
    pub fn watch(&self) -> Watch {
        Watch { roll: Arc::clone(&self.roll), live: Arc::clone(&self.live) }
    }

    /// Threads of all workers, and the bytes that a plan for so many threads may take: those of the worker that has
    /// the fewest a thread, times all threads. A plan is made for the pool as for one machine.
    pub fn planning(&self) -> (usize, u64) {
        let facts = self.facts();
        let each = facts.workers.iter().filter(|w| w.threads > 0).map(|w| w.memory_bytes / w.threads as u64);
        let threads = facts.threads().max(1);
        (threads, each.min().unwrap_or(0) * threads as u64)
    }

    /// Runs a plan; output `n` goes to `sinks[n]`. Blocks until it is done, cancelled or impossible.
    pub fn run(
        &self,
        job: &RemoteJob<'_>,
        sinks: &[Arc<dyn Sink>],
        control: &Control<'_>,
    ) -> Result<(RunReport, Vec<LaneFacts>), RunError> {
        let runtime = self.runtime.as_ref().expect("who joins by a runtime of his own runs there");
        runtime.block_on(self.run_here(job, sinks, control))
    }

    /// The same on the runtime this is called in, where the cluster was joined.
    pub async fn run_here(
        &self,
        job: &RemoteJob<'_>,
        sinks: &[Arc<dyn Sink>],
        control: &Control<'_>,
    ) -> Result<(RunReport, Vec<LaneFacts>), RunError> {
        let number = self.jobs.fetch_add(1, Ordering::Relaxed);
        let Self { roll, session, rules, live, .. } = self;
        let done = run::run(&run::PoolOfRun { roll, session, rules, live }, number, job, sinks, control).await;
        live.clear();
        self.calm().await;
        done
    }

    /// Waits a moment until workers that were last heard at work say that they are done; not for jobs of others.
    async fn calm(&self) {
        let ended = Instant::now();
        while self.roll.members().iter().any(|m| m.winds_down(ended)) && ended.elapsed() < CALM {
            tokio::time::sleep(CALM / 64).await;
        }
    }
}

/// What is known of workers, without holding the connection to them.
#[derive(Clone)]
pub struct Watch {
    roll: Arc<Roll>,
    live: Arc<Live>,
}

impl Watch {
    /// What each worker did so far in the run that goes on, as it was when this was asked last.
    pub fn lanes(&self) -> Vec<LaneFacts> {
        self.live.look()
    }

    /// What is known of the workers.
    pub fn facts(&self) -> PoolFacts {
        let workers = self.roll.members().iter().map(|m| m.facts()).collect();
        PoolFacts { address: self.roll.address(), workers, closed: false }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({})", self.roll.address())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_millis(100));
        }
    }
}

async fn cancelled(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
