//! What there is to know of workers and of runs on them, as pictures need it.

use crate::proto::WorkerStatus;
use cleave_plan::Stint;
use std::time::Duration;

/// One worker as its pool knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerFacts {
    /// Where it is reached, such as `10.0.0.2:7077`.
    pub endpoint: String,
    /// What it calls itself.
    pub name: String,
    /// Whether it can take work.
    pub state: WorkerState,
    /// Threads that compute.
    pub threads: usize,
    /// Bytes it may hold.
    pub memory_bytes: u64,
    /// Bytes it holds.
    pub memory_used_bytes: u64,
    /// Shares at work, and those that wait for a thread.
    pub running: usize,
    /// See `running`.
    pub ready: usize,
    /// Shares done since it started.
    pub done: u64,
    /// Processors' worth of computing time now.
    pub cpu: f64,
    /// Bytes on its disk.
    pub spilled_bytes: u64,
    /// Kernels that have work here.
    pub kernels: usize,
    /// Time since it was last heard of.
    pub last_seen: Duration,
    /// Time there and back.
    pub latency: Duration,
    /// Its build, such as `0.1.0`.
    pub version: String,
    /// Its devices, such as `gpu: NVIDIA H200`.
    pub devices: Vec<String>,
    /// Time since it started.
    pub uptime: Duration,
    /// Bytes it has sent and received.
    pub sent_bytes: u64,
    /// See `sent_bytes`.
    pub received_bytes: u64,
}

/// Whether a worker can take work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WorkerState {
    /// Being reached for the first time.
    #[default]
    Connecting,
    /// It answers.
    Ready,
    /// Not heard of for a while.
    Suspect,
    /// Finishing what it has.
    Draining,
    /// Gone, and why.
    Lost(String),
    /// It answers but cannot be used, and why.
    Refused(String),
}

/// A pool of workers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolFacts {
    /// What the user named, such as `10.0.0.2:7077,10.0.0.3:7077`.
    pub address: String,
    /// Its workers, in the order in which they were named or joined.
    pub workers: Vec<WorkerFacts>,
    /// Whether the connection to them has ended; they are as they were then.
    pub closed: bool,
}

/// What one worker did in one stage of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaneFacts {
    /// The worker.
    pub endpoint: String,
    /// Threads that computed.
    pub threads: usize,
    /// When its shares ran, since the run began.
    pub spans: Vec<Span>,
    /// Those that run now.
    pub at_work: Vec<Span>,
    /// Time in tasks, all threads together.
    pub busy: Duration,
    /// Bytes it fetched from others.
    pub bytes_fetched: u64,
    /// What each of its threads did of what counted, since the run began.
    pub stints: Vec<Stint>,
}

/// One share in time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// Its stage.
    pub stage: usize,
    /// Since the run began.
    pub start: Duration,
    /// See `start`.
    pub end: Duration,
    /// How many tasks.
    pub tasks: usize,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// Whether its answer counted.
    pub counted: bool,
}

impl WorkerFacts {
    /// Takes in what a worker says of itself.
    pub(crate) fn hear(&mut self, status: &WorkerStatus) {
        self.state = if status.draining { WorkerState::Draining } else { WorkerState::Ready };
        self.memory_used_bytes = status.memory_used_bytes;
        self.running = status.running as usize;
        self.ready = status.waiting as usize;
        self.done = status.shares_done;
        self.cpu = status.cpu;
        self.spilled_bytes = status.spilled_bytes;
        self.kernels = status.kernels as usize;
        self.uptime = Duration::from_millis(status.uptime_ms);
        self.sent_bytes = status.sent_bytes;
        self.received_bytes = status.received_bytes;
    }
}

impl PoolFacts {
    /// Threads of all workers that can take work.
    pub fn threads(&self) -> usize {
        self.ready().map(|w| w.threads).sum()
    }

    /// Bytes that all workers that can take work may hold.
    pub fn memory_bytes(&self) -> u64 {
        self.ready().map(|w| w.memory_bytes).sum()
    }

    fn ready(&self) -> impl Iterator<Item = &WorkerFacts> {
        self.workers.iter().filter(|w| w.state == WorkerState::Ready)
    }
}
