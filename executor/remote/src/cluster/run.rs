//! One run on a pool: what happens goes to the schedule, what it wants is done.

use super::error::Memory;
use super::lane::{Lane, Note};
use super::live::Live;
use super::places::Places;
use super::roll::Roll;
use super::take::Delivery;
use super::tally::Tally;
use super::values::Values;
use super::{RemoteError, RemoteJob};
use crate::facts::LaneFacts;
use crate::proto::{self, Done};
use crate::schedule::{End, Failure, Input, Order, Rules, Schedule, Shape, ShareId, WorkerId};
use crate::transport::Moved;
use bytes::Bytes;
use cleave_cpu::{Control, Joiner};
use cleave_plan::memory::task_bytes;
use cleave_plan::{Plan, RunError, RunReport, Sink};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often time passes for the schedule, and the user is asked whether to stop and told how far it is.
const TICK: Duration = Duration::from_millis(50);
/// How long a block on its way to a sink is waited for at a time.
const A_MOMENT: Duration = Duration::from_millis(1);

/// The pool a run is on.
pub(super) struct PoolOfRun<'a> {
    pub(super) roll: &'a Roll,
    pub(super) session: &'a Bytes,
    pub(super) rules: &'a Rules,
    pub(super) live: &'a Arc<Live>,
}

/// Runs a plan on a pool.
pub(super) async fn run(
    pool: &PoolOfRun<'_>,
    number: u64,
    job: &RemoteJob<'_>,
    sinks: &[Arc<dyn Sink>],
    control: &Control<'_>,
) -> Result<(RunReport, Vec<LaneFacts>), RunError> {
    let plan = Arc::clone(&job.prepared.plan);
    let values = Values::new(&plan);
    let (notes, mut heard) = mpsc::unbounded_channel();
    let delivery = Delivery::new(job, sinks, &values.dense, (pool.session, number));
    let mut run = Run {
        pool,
        number,
        job,
        hash: Bytes::copy_from_slice(job.prepared.plan_hash.as_bytes()),
        plan: &job.prepared.plan,
        control,
        schedule: Schedule::new(Shape::of(&plan, |output| job.parts.wanted[output].zarr.is_some()), pool.rules.clone()),
        joiners: BTreeMap::new(),
        lanes: BTreeMap::new(),
        seen: HashMap::new(),
        next_worker: 0,
        endpoints: HashMap::new(),
        epochs: HashMap::new(),
        counters: HashMap::new(),
        given: HashMap::new(),
        retakes: HashMap::new(),
        places: Places::default(),
        values,
        answers: HashMap::new(),
        delivery,
        takes: JoinSet::new(),
        notes,
        inputs: VecDeque::from([Input::Tick]),
        tally: Tally::new(&plan, pool.live),
        end: None,
    };
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while run.end.is_none() {
        tokio::select! {
            biased;
            _ = ticks.tick() => run.tick(),
            Some(note) = heard.recv() => run.hear(note),
        }
        run.settle();
    }
    run.finish().await
}

pub(super) struct Run<'a> {
    pub(super) pool: &'a PoolOfRun<'a>,
    pub(super) number: u64,
    pub(super) job: &'a RemoteJob<'a>,
    pub(super) hash: Bytes,
    pub(super) plan: &'a Plan,
    pub(super) control: &'a Control<'a>,
    pub(super) schedule: Schedule,
    pub(super) joiners: BTreeMap<usize, Joiner<'a>>,
    pub(super) lanes: BTreeMap<WorkerId, Lane>,
    /// Connections that have a lane or had one, by the number of the member.
    pub(super) seen: HashMap<usize, u64>,
    pub(super) next_worker: u32,
    /// Of all that ever took part.
    pub(super) endpoints: HashMap<WorkerId, String>,
    /// Which start of it that was.
    pub(super) epochs: HashMap<WorkerId, u64>,
    /// What counts the bytes over connections to a worker, those of control and of bulk, and how many had passed
    /// to or from its process when it was lost.
    pub(super) counters: HashMap<WorkerId, Vec<(Moved, Moved)>>,
    pub(super) given: HashMap<WorkerId, u64>,
    /// How often it was tried again to take what a share left.
    pub(super) retakes: HashMap<(WorkerId, ShareId), u32>,
    pub(super) places: Places,
    pub(super) values: Values,
    /// Answers that the schedule may want.
    pub(super) answers: HashMap<(WorkerId, ShareId), Arc<Done>>,
    pub(super) delivery: Arc<Delivery>,
    /// What is being taken from workers and handed on.
    pub(super) takes: JoinSet<()>,
    pub(super) notes: UnboundedSender<Note>,
    pub(super) inputs: VecDeque<Input>,
    pub(super) tally: Tally,
    pub(super) end: Option<Result<(), RunError>>,
}

impl Run<'_> {
    /// Looks for workers that came, for those that are done, and whether the user wants to stop.
    fn tick(&mut self) {
        while self.takes.try_join_next().is_some() {}
        for member in &self.pool.roll.members() {
            let Some(connection) = member.connection() else { continue };
            if self.seen.insert(member.number(), connection.number) == Some(connection.number) {
                continue;
            }
            let Some(connection) = self.comes_back(member, connection) else { continue };
            let worker = WorkerId(self.next_worker);
            self.next_worker += 1;
            self.endpoints.insert(worker, member.endpoint().to_string());
            self.epochs.insert(worker, connection.epoch);
            self.count(worker, &connection);
            let (open, threads) = (self.open(connection.threads), connection.threads);
            self.inputs.push_back(Input::Coming { worker, threads });
            self.lanes.insert(worker, Lane::open(worker, member, connection, open, self.notes.clone()));
        }
        self.look_for_ended();
        let drained = self.lanes.iter().filter(|(w, l)| l.draining && self.is_done_with(**w)).map(|(&w, _)| w);
        let gone = |worker| Input::Gone { worker, why: "it was told to end".to_owned() };
        let gone: Vec<Input> = drained.map(gone).collect();
        self.inputs.extend(gone);
        self.inputs.push_back(if self.control.cancel.is_cancelled() { Input::Cancel } else { Input::Tick });
        (self.control.events)(self.tally.event(self.plan));
        self.tally.show();
    }

    fn is_done_with(&self, worker: WorkerId) -> bool {
        self.schedule.outstanding(worker) == 0 && !self.answers.keys().any(|(w, _)| *w == worker)
    }

    /// The order by which a worker learns of the job: its memory is its part of what was planned.
    pub(super) fn open(&self, threads: usize) -> proto::Open {
        let planning = &self.job.parts.planning;
        let part = planning.memory_bytes as u128 * threads as u128 / planning.threads.max(1) as u128;
        proto::Open {
            session: self.pool.session.clone(),
            job: self.number,
            program: self.job.prepared.program.clone(),
            hash: Bytes::copy_from_slice(self.job.prepared.hash.as_bytes()),
            memory_bytes: u64::try_from(part).unwrap_or(u64::MAX),
        }
    }

    /// Lets the schedule take in all that happened, and does what it wants.
    fn settle(&mut self) {
        while let Some(input) = self.inputs.pop_front() {
            let answered = match &input {
                Input::Done(answer) => Some((answer.worker, answer.share)),
                _ => None,
            };
            let orders = self.schedule.step(self.tally.now(), input);
            let is_wanted =
                |o: &Order| matches!(o, Order::Take { worker, share, .. } if Some((*worker, *share)) == answered);
            let wanted = orders.iter().any(is_wanted);
            orders.into_iter().for_each(|order| self.obey(order));
            if let Some(key) = answered.filter(|_| !wanted) {
                self.spare(key);
            }
        }
    }

    /// The end of a run in words that name endpoints.
    pub(super) fn error(&self, end: End) -> RunError {
        let name = |w: &WorkerId| self.endpoints.get(w).cloned().unwrap_or_default();
        let names = |workers: &[WorkerId]| workers.iter().map(name).collect();
        match end {
            End::Cancelled => RunError::Cancelled,
            End::Failed { worker, stage, tasks, failure } => {
                let Failure { code, message, .. } = failure;
                RemoteError::Failed { endpoint: name(&worker), stage, tasks, code, message }.into()
            }
            End::Deadly { stage, tasks, workers } => {
                RemoteError::Deadly { stage, tasks, endpoints: names(&workers), memory: self.memory(stage) }.into()
            }
            End::Disagree { stage, tasks, workers, .. } => {
                RemoteError::Disagree { stage, tasks, endpoints: names(&workers) }.into()
            }
            End::Nobody { lost } => {
                let memory = (!self.tally.is_empty()).then(|| self.memory(self.tally.now_in()));
                let lost = lost.iter().map(|(w, why)| (name(w), why.to_string())).collect();
                RemoteError::Nobody { lost, memory }.into()
            }
        }
    }

    /// What tasks of a stage need, and what workers say they have.
    fn memory(&self, stage: usize) -> Memory {
        let needed = self.plan.stages.get(stage).map_or(0, |stage| task_bytes(stage, self.plan));
        let there = self.pool.roll.members();
        let there = there.iter().map(|m| m.facts().memory_bytes).filter(|&bytes| bytes > 0);
        Memory { needed, there: there.min().unwrap_or(0) }
    }

    async fn finish(mut self) -> Result<(RunReport, Vec<LaneFacts>), RunError> {
        let lanes = std::mem::take(&mut self.lanes);
        futures_util::future::join_all(lanes.into_values().map(Lane::close)).await;
        self.let_go().await;
        if let Some(Err(error)) = self.end {
            return Err(error);
        }
        let left = self.joiners.iter().find(|(_, joiner)| !joiner.drain().is_empty());
        if let Some((&stage, _)) = left {
            return Err(RemoteError::Incomplete { stage }.into());
        }
        Ok(self.tally.report(self.plan, self.delivery.written.load(Ordering::Relaxed)))
    }

    /// Waits until nobody holds the sinks: what nobody waits for is given up, but a block that goes to a sink arrives.
    async fn let_go(&mut self) {
        self.takes.shutdown().await;
        while Arc::strong_count(&self.delivery) > 1 {
            sleep(A_MOMENT).await;
        }
    }
}
