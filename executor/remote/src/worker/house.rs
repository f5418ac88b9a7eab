//! What all jobs of a worker share: its threads, who it is, and which jobs there are.

use super::job::Job;
use super::turns::Turns;
use super::{ServeError, WorkerOptions};
use crate::bulk::{Begun, BulkError};
use crate::proto;
use crate::transport::{Connector, Endpoint, Fault, Link, ReachError};
use bytes::Bytes;
use cleave_cpu::{Budget, Pool};
use rand::Rng;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

/// How often a worker that ends looks whether it may.
const LOOK: Duration = Duration::from_millis(20);
/// How long a worker that could not be reached is not tried again: each try takes seconds, and the kernel knows a way.
const UNSEEN: Duration = Duration::from_secs(30);

/// The most jobs at once: each has a thread.
const JOBS: usize = 256;
/// The most shares that wait or are at work.
const SHARES: usize = 10_000;
/// The part of the memory that values may take of which only some bytes came.
const BEGUN_PART: u64 = 8;

/// A job by the kernel's session and the job's number there.
pub(super) type JobKey = (Bytes, u64);

pub(super) struct House {
    pub(super) options: WorkerOptions,
    /// Random for each start.
    pub(super) epoch: u64,
    pub(super) started: Instant,
    pub(super) pool: Arc<Pool>,
    /// Memory for what jobs keep: all but what a share at work takes.
    pub(super) budget: Arc<Budget>,
    pub(super) turns: Turns,
    pub(super) counts: Counts,
    /// Values that kernels have begun to put.
    pub(super) begun: Arc<Begun>,
    /// Shares that the threads have and have not done.
    pub(super) at_work: AtomicUsize,
    /// Whether nothing new is taken.
    pub(super) draining: watch::Sender<bool>,
    /// Whether it is over.
    pub(super) closed: watch::Sender<bool>,
    /// Nothing works for a job any more, which those should know who watch.
    pub(super) left: Notify,
    /// Room for jobs.
    places: Arc<Semaphore>,
    /// Guards the list of jobs.
    jobs: Mutex<HashMap<JobKey, Arc<Job>>>,
    /// Guards the connections to other workers.
    peers: Mutex<HashMap<Endpoint, Link>>,
    /// Guards what is known of workers that cannot be reached, and until when they are not tried again.
    unseen: Mutex<HashMap<Endpoint, (Instant, ReachError)>>,
}

/// What was done since the start.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) done: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) sent_bytes: AtomicU64,
    pub(super) received_bytes: AtomicU64,
}

/// A share that waits for threads or is with them.
pub(super) struct AtWork(Arc<House>);

impl AtWork {
    pub(super) fn new(house: &Arc<House>) -> Self {
        house.at_work.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(house))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::AcqRel);
    }
}

impl House {
    pub(super) fn new(options: WorkerOptions) -> Result<Arc<Self>, ServeError> {
        let pool = Pool::new(options.threads).map_err(ServeError::Pool)?;
        Ok(Arc::new(Self {
            epoch: rand::rng().next_u64(),
            started: Instant::now(),
            pool: Arc::new(pool.spilling_to(options.spill_directory.clone())),
            budget: Budget::new(options.memory_bytes),
            turns: Turns::default(),
            counts: Counts::default(),
            begun: Arc::new(Begun::new(options.memory_bytes / BEGUN_PART)),
            at_work: AtomicUsize::new(0),
            draining: watch::Sender::new(false),
            closed: watch::Sender::new(false),
            left: Notify::new(),
            places: Arc::new(Semaphore::new(JOBS)),
            jobs: Mutex::default(),
            peers: Mutex::default(),
            unseen: Mutex::default(),
            options,
        }))
    }

    /// The jobs there are.
    pub(super) fn jobs(&self) -> MutexGuard<'_, HashMap<JobKey, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job that an order would open, if it is here.
    pub(super) fn same_job(&self, open: &proto::Open) -> Option<Arc<Job>> {
        let job = self.jobs().get(&(open.session.clone(), open.job)).cloned();
        job.filter(|job| job.program == open.hash)
    }

    /// Room for one more job, as long as it is held; `None` if there is none.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// How many shares of all jobs wait or are at work.
    pub(super) fn shares(&self) -> usize {
        self.jobs().values().map(|job| job.desk.shares()).sum()
    }

    /// Whether there are so many that no more are taken.
    pub(super) fn is_swamped(&self) -> bool {
        self.shares() >= SHARES
    }

    /// Takes a job up; one of the same name is no longer wanted.
    pub(super) fn enter(&self, job: &Arc<Job>) {
        let former = self.jobs().insert(job.key.clone(), Arc::clone(job));
        former.iter().for_each(|former| former.give_way());
        self.share_out();
    }

    /// Leaves as much memory for what is kept as no job needs for its work; what is too much goes to disk.
    fn share_out(&self) {
        let work_bytes = self.jobs().values().map(|job| job.room.work_bytes).max().unwrap_or(0);
        self.budget.allow(self.options.memory_bytes.saturating_sub(work_bytes));
    }

    /// Forgets a job, if it is still the one of its name.
    pub(super) fn leave(&self, job: &Arc<Job>) {
        job.end();
        let mut jobs = self.jobs();
        if jobs.get(&job.key).is_some_and(|present| Arc::ptr_eq(present, job)) {
            jobs.remove(&job.key);
            self.begun.forget(|item| (&item.session, item.job) == (&job.key.0, job.key.1));
        }
        drop(jobs);
        self.share_out();
    }

    /// A connection to another worker.
    pub(super) async fn peer(&self, endpoint: &Endpoint) -> Result<Link, ReachError> {
        if let Some(link) = self.peers().get(endpoint) {
            return Ok(link.clone());
        }
        self.unseen().retain(|_, (until, _)| *until > Instant::now());
        if let Some((_, error)) = self.unseen().get(endpoint) {
            return Err(error.clone());
        }
        let WorkerOptions { tls, token, dialer, .. } = self.options.clone();
        let connected = Connector { tls, token, dialer, ..Connector::default() }.connect(endpoint).await;
        match &connected {
            Ok(link) => drop(self.peers().insert(endpoint.clone(), link.clone())),
            Err(error) => self.note_unseen(error),
        }
        connected
    }

    /// Forgets a connection that does not work.
    pub(super) fn forget_peer(&self, endpoint: &Endpoint, why: &BulkError) {
        self.peers().remove(endpoint);
        if let BulkError::Reach(error) = why {
            self.note_unseen(error);
        }
    }

    fn note_unseen(&self, error: &ReachError) {
        if matches!(error.fault, Fault::TimedOut { .. } | Fault::Silent { .. }) {
            self.unseen().insert(error.endpoint.clone(), (Instant::now() + UNSEEN, error.clone()));
        }
    }

    fn unseen(&self) -> MutexGuard<'_, HashMap<Endpoint, (Instant, ReachError)>> {
        self.unseen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<Endpoint, Link>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes nothing new, and waits until what there is is done and fetched, or the grace is over.
    pub(super) async fn drain(&self, grace: Duration) {
        self.draining.send_replace(true);
        let end = Instant::now() + grace;
        let is_busy = || self.jobs().values().any(|job| job.desk.is_heard());
        while is_busy() && Instant::now() < end {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends all jobs.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
        let jobs: Vec<Arc<Job>> = self.jobs().drain().map(|(_, job)| job).collect();
        jobs.iter().for_each(|job| job.end());
    }

    pub(super) fn count(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }
}
