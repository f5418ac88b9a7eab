//! One run on a pool: what happens goes to the schedule, what it wants is done.

use super::answer::is_whole;
use super::lane::{Lane, News, Note};
use super::member::Member;
use super::places::Places;
use super::take::{Delivery, Lack};
use super::tally::Tally;
use super::values::Values;
use super::{RemoteError, RemoteJob};
use crate::elements::view;
use crate::facts::LaneFacts;
use crate::items;
use crate::proto::{self, Done, Event, Item, PutBlock, event, item, order};
use crate::schedule::{Answer, End, Failure, Input, Loss, Order, Rules, Schedule, Shape, ShareId, WorkerId};
use crate::spec::{StoredPlace, plan_hash};
use bytes::Bytes;
use cleave_cpu::{Control, Joiner, Part, Receiver};
use cleave_ops::{Data, Region};
use cleave_plan::{BufferId, Origin, Plan, RunError, RunReport, Sink, reads};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::{MissedTickBehavior, interval};

/// How often time passes for the schedule, and the user is asked whether to stop and told how far it is.
const TICK: Duration = Duration::from_millis(50);

/// The pool a run is on.
pub(super) struct PoolOfRun<'a> {
    pub(super) members: &'a [Arc<Member>],
    pub(super) session: &'a Bytes,
    pub(super) rules: &'a Rules,
}

/// Runs a plan on a pool.
pub(super) async fn run(
    pool: &PoolOfRun<'_>,
    number: u64,
    job: &RemoteJob<'_>,
    sinks: &[Arc<dyn Sink>],
    control: &Control<'_>,
) -> Result<(RunReport, Vec<LaneFacts>), RunError> {
    let plan = Arc::new(job.prepared.plan.clone());
    let values = Values::new(&plan);
    let (notes, mut heard) = mpsc::unbounded_channel();
    let delivery = Delivery::new(&plan, sinks, &values.dense, (pool.session, number));
    let mut run = Run {
        pool,
        number,
        job,
        hash: Bytes::copy_from_slice(plan_hash(&plan).as_bytes()),
        plan: &job.prepared.plan,
        control,
        schedule: Schedule::new(Shape::of(&plan), pool.rules.clone()),
        joiners: BTreeMap::new(),
        lanes: BTreeMap::new(),
        seen: HashMap::new(),
        next_worker: 0,
        endpoints: HashMap::new(),
        places: Places::default(),
        values,
        answers: HashMap::new(),
        delivery,
        notes,
        inputs: VecDeque::from([Input::Tick]),
        tally: Tally::new(&plan),
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

struct Run<'a> {
    pool: &'a PoolOfRun<'a>,
    number: u64,
    job: &'a RemoteJob<'a>,
    hash: Bytes,
    plan: &'a Plan,
    control: &'a Control<'a>,
    schedule: Schedule,
    joiners: BTreeMap<usize, Joiner<'a>>,
    lanes: BTreeMap<WorkerId, Lane>,
    /// Connections that have a lane or had one, by member.
    seen: HashMap<usize, u64>,
    next_worker: u32,
    /// Of all that ever took part.
    endpoints: HashMap<WorkerId, String>,
    places: Places,
    values: Values,
    /// Answers that the schedule may want.
    answers: HashMap<(WorkerId, ShareId), Arc<Done>>,
    delivery: Arc<Delivery>,
    notes: UnboundedSender<Note>,
    inputs: VecDeque<Input>,
    tally: Tally,
    end: Option<Result<(), RunError>>,
}

/// Takes blocks that became whole by a part.
#[derive(Default)]
struct Joined(Mutex<Vec<(usize, usize, Region, Data)>>);

impl Receiver for Joined {
    fn block(&self, goal: usize, number: usize, region: &Region, data: &mut Data) -> Result<(), RunError> {
        let none = Data::with_capacity(data.dtype(), 0);
        let block = (goal, number, region.clone(), std::mem::replace(data, none));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(block);
        Ok(())
    }
}

impl Run<'_> {
    /// Looks for workers that came, for those that are done, and whether the user wants to stop.
    fn tick(&mut self) {
        for (index, member) in self.pool.members.iter().enumerate() {
            let Some(connection) = member.connection() else { continue };
            if self.seen.insert(index, connection.number) == Some(connection.number) {
                continue;
            }
            let worker = WorkerId(self.next_worker);
            self.next_worker += 1;
            self.endpoints.insert(worker, member.endpoint().to_string());
            let open = self.open(connection.threads);
            self.lanes.insert(worker, Lane::open(worker, member, connection, open, self.notes.clone()));
        }
        let drained = self.lanes.iter().filter(|(w, l)| l.draining && self.is_done_with(**w)).map(|(&w, _)| w);
        let gone = |worker| Input::Gone { worker, why: "it was told to end".to_owned() };
        let gone: Vec<Input> = drained.map(gone).collect();
        self.inputs.extend(gone);
        self.inputs.push_back(if self.control.cancel.is_cancelled() { Input::Cancel } else { Input::Tick });
        (self.control.events)(self.tally.event(self.plan));
    }

    fn is_done_with(&self, worker: WorkerId) -> bool {
        self.schedule.outstanding(worker) == 0 && !self.answers.keys().any(|(w, _)| *w == worker)
    }

    /// The order by which a worker learns of the job: its memory is its part of what was planned.
    fn open(&self, threads: usize) -> proto::Open {
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

    fn hear(&mut self, Note { worker, news }: Note) {
        match news {
            News::Events(events) if self.lanes.contains_key(&worker) => {
                self.inputs.push_back(Input::Heard { worker });
                events.into_iter().for_each(|event| self.event(worker, event));
            }
            News::Events(_) => {}
            News::Closed { why, refused } => {
                self.inputs.push_back(Input::Gone { worker, why: why.clone() });
                // One that never joined is not the schedule's to lose.
                self.drop_lane(worker);
                if refused && self.lanes.is_empty() && self.tally.is_empty() {
                    self.end = Some(Err(RemoteError::Refused { why }.into()));
                }
            }
            News::Taken { share, parts, released } => self.taken(worker, share, parts, released),
            News::Secured { share } => self.secured(worker, share),
            News::Missed { share, failure } => {
                self.answers.remove(&(worker, share));
                self.inputs.push_back(Input::Missed { worker, share, failure });
            }
            News::Sink(error) => self.end = Some(Err(error)),
        }
    }

    fn event(&mut self, worker: WorkerId, event: Event) {
        match event.event {
            Some(event::Event::Opened(opened)) => self.opened(worker, &opened),
            Some(event::Event::Progress(progress)) => {
                let at = (progress.elements, progress.memory_bytes);
                if self.tally.progress(worker, ShareId(progress.share), at) {
                    self.inputs.push_back(Input::Progress { worker });
                }
            }
            Some(event::Event::Done(done)) => self.done(worker, done),
            Some(event::Event::Failed(failed)) => self.failed(worker, failed),
            Some(event::Event::Draining(_)) => {
                self.lanes.get_mut(&worker).into_iter().for_each(|lane| lane.draining = true);
                self.inputs.push_back(Input::Draining { worker });
            }
            None => {}
        }
    }

    fn opened(&mut self, worker: WorkerId, opened: &proto::Opened) {
        let Some(lane) = self.lanes.get(&worker) else { return };
        if opened.plan != self.hash {
            let why = "it came to another plan".to_owned();
            return self.inputs.push_back(Input::Gone { worker, why });
        }
        let threads = lane.connection.threads;
        self.tally.joined(worker, self.endpoints[&worker].clone(), threads);
        self.inputs.push_back(Input::Joined { worker, threads });
    }

    fn done(&mut self, worker: WorkerId, done: Done) {
        let share = ShareId(done.share);
        let Some((stage, tasks)) = self.schedule.share(share) else {
            // The schedule puts out who answers for what does not exist.
            let (kept, busy) = (false, Duration::ZERO);
            return self.inputs.push_back(Input::Done(Answer { worker, share, checksum: 0, kept, busy }));
        };
        if !is_whole(self.plan, stage, &tasks, &done) {
            let (code, message) = ("malformed-answer".into(), "its answer is not what its tasks make".into());
            let failure = Failure { code, message, passing: true, ..Failure::default() };
            return self.inputs.push_back(Input::Failed { worker, share, attempt: done.attempt, failure });
        }
        let targets = self.plan.stages[stage].targets();
        let is_kept = |f: &proto::Finished| items::kept(self.plan, targets[f.goal as usize]).is_some();
        let kept = done.finished.iter().any(is_kept);
        let busy = Duration::from_nanos(done.report.as_ref().map_or(0, |r| r.busy_ns));
        let checksum = done.checksum;
        self.answers.insert((worker, share), Arc::new(done));
        self.inputs.push_back(Input::Done(Answer { worker, share, checksum, kept, busy }));
    }

    fn failed(&mut self, worker: WorkerId, failed: proto::Failed) {
        let share = ShareId(failed.share);
        self.tally.stopped(worker, share);
        let told = failed.failure.unwrap_or_default();
        let maker = |l: &proto::Lost| {
            let is_there = |w: WorkerId| self.endpoints.get(&w).is_some_and(|e| *e == l.endpoint);
            self.places.maker(l.buffer, l.block, is_there)
        };
        let mut lost: Vec<ShareId> = told.lost.iter().filter_map(maker).collect();
        lost.sort_unstable();
        lost.dedup();
        // Blocks that were made again in the meantime are found the next time.
        let returned = told.code == "draining" || (lost.is_empty() && !told.lost.is_empty());
        let failure = Failure { code: told.code, message: told.message, passing: told.passing, returned, lost };
        self.inputs.push_back(Input::Failed { worker, share, attempt: failed.attempt, failure });
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

    /// An answer that came second.
    fn spare(&mut self, (worker, share): (WorkerId, ShareId)) {
        let Some(done) = self.answers.remove(&(worker, share)) else { return };
        let Some((stage, tasks)) = self.schedule.share(share) else { return };
        self.tally.done(worker, (stage, tasks.len()), &done, false);
        let items = done.finished.iter().filter(|f| f.data.is_none()).filter_map(|f| self.waiting_item(stage, f));
        let items: Vec<Item> = items.chain(done.parts.iter().filter_map(|p| p.item.clone())).collect();
        self.release(worker, items);
    }

    fn waiting_item(&self, stage: usize, finished: &proto::Finished) -> Option<Item> {
        let target = *self.plan.stages[stage].targets().get(finished.goal as usize)?;
        let output = items::fetched(self.plan, target)? as u32;
        let what = item::What::Output(proto::OutputBlock { output, block: finished.block });
        Some(Item { session: self.pool.session.clone(), job: self.number, what: Some(what) })
    }

    fn release(&self, worker: WorkerId, items: Vec<Item>) {
        if let Some(lane) = self.lanes.get(&worker).filter(|_| !items.is_empty()) {
            lane.order(order::Order::Release(proto::Release { buffers: Vec::new(), items }));
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Stage { stage } => {
                self.tally.stage(stage);
                (self.control.events)(cleave_plan::Event::Stage { stage, stages: self.plan.stages.len() });
            }
            Order::Start { worker, share, attempt, stage, tasks } => self.start(worker, (share, attempt), stage, tasks),
            Order::Stop { worker, share } => {
                self.tally.stopped(worker, share);
                let cancel = proto::CancelShares { shares: vec![share.0] };
                self.lanes.get(&worker).into_iter().for_each(|l| l.order(order::Order::Cancel(cancel.clone())));
            }
            Order::Take { worker, share, first } => self.take(worker, share, first),
            Order::Release { buffer } => {
                let buffer = buffer as u32;
                self.places.release(buffer);
                for lane in self.lanes.values_mut() {
                    lane.values.remove(&BufferId(buffer));
                    lane.places.remove(&buffer);
                    let release = proto::Release { buffers: vec![buffer], items: Vec::new() };
                    lane.order(order::Order::Release(release));
                }
            }
            Order::Lose { worker, why } => {
                if !matches!(why, Loss::Gone(_)) {
                    self.lanes.get(&worker).into_iter().for_each(|l| l.member.give_up(l.connection.number));
                }
                self.drop_lane(worker);
            }
            Order::End(end) => self.end = Some(end.map_err(|end| self.error(end))),
        }
    }

    fn drop_lane(&mut self, worker: WorkerId) {
        self.lanes.remove(&worker);
        self.places.forget(worker);
    }

    fn start(&mut self, worker: WorkerId, (share, attempt): (ShareId, u32), stage: usize, tasks: Range<usize>) {
        self.tally.started(worker, share, stage, attempt);
        let of = |w: WorkerId| self.lanes.get(&w).map(|l| (self.endpoints[&w].clone(), l.connection.epoch));
        let read = self.plan.stages[stage].buffers();
        let messages: Vec<_> =
            read.iter().map(|b| (b.0, self.places.version(b.0), self.places.message(b.0, of))).collect();
        let blocks = self.source_blocks(worker, stage, &tasks);
        let Some(lane) = self.lanes.get_mut(&worker) else { return };
        let lacking = self.values.lacking(read.into_iter(), &mut lane.values, (self.pool.session, self.number));
        lane.put(lacking);
        match blocks {
            Ok(blocks) => lane.put(blocks),
            Err(error) => return self.end = Some(Err(error)),
        }
        for (buffer, version, places) in messages {
            if lane.places.insert(buffer, version) != Some(version) {
                lane.order(order::Order::Places(places));
            }
        }
        let (first, count) = (tasks.start as u64, tasks.len() as u64);
        lane.order(order::Order::Share(proto::Share { id: share.0, stage: stage as u32, first, count, attempt }));
    }

    /// The blocks of sources that only the kernel has, which tasks read and the worker lacks.
    fn source_blocks(
        &mut self,
        worker: WorkerId,
        stage: usize,
        tasks: &Range<usize>,
    ) -> Result<Vec<(Item, Bytes)>, RunError> {
        let mut found = Vec::new();
        let is_put = |place: &StoredPlace| matches!(place, StoredPlace::Put { .. });
        if !self.job.parts.sources.iter().any(|s| is_put(&s.place)) {
            return Ok(found);
        }
        let Some(lane) = self.lanes.get_mut(&worker) else { return Ok(found) };
        for (origin, runs) in reads(self.plan, stage, tasks.clone(), self.job.sources) {
            let Origin::Stored(id) = origin else { continue };
            let stored = self.job.parts.sources.iter().find(|s| s.id == id);
            let Some(&StoredPlace::Put { number }) = stored.map(|s| &s.place) else { continue };
            let source = self.job.sources.get(&id).ok_or(RunError::MissingSource(id))?;
            for block in runs.into_iter().flatten().filter(|&b| lane.sources.insert((number, b))) {
                let index = cleave_plan::stage::unravel(block, &source.grid().numblocks());
                let data = source.block(&index).map_err(RunError::read)?;
                let what = item::What::Put(PutBlock { number, block: block as u64 });
                let item = Item { session: self.pool.session.clone(), job: self.number, what: Some(what) };
                found.push((item, Bytes::copy_from_slice(view(data.elements()))));
            }
        }
        Ok(found)
    }

    fn take(&mut self, worker: WorkerId, share: ShareId, first: bool) {
        let Some(done) = self.answers.get(&(worker, share)).map(Arc::clone) else { return };
        let Some((stage, tasks)) = self.schedule.share(share) else { return };
        self.tally.done(worker, (stage, tasks.len()), &done, first);
        let targets = self.plan.stages[stage].targets();
        for finished in &done.finished {
            if let Some(buffer) = items::kept(self.plan, targets[finished.goal as usize]) {
                self.places.add(buffer.0, finished.block, share, worker);
            }
        }
        let Some(lane) = self.lanes.get(&worker).filter(|_| first) else {
            return self.secured(worker, share);
        };
        let (delivery, connection, notes) = (Arc::clone(&self.delivery), lane.connection.clone(), self.notes.clone());
        tokio::spawn(async move {
            let news = match delivery.take(&connection, stage, &done).await {
                Ok((parts, released)) => News::Taken { share, parts, released },
                Err(Lack::Missed(failure)) => News::Missed { share, failure },
                Err(Lack::Sink(error)) => News::Sink(error),
            };
            let _ = notes.send(Note { worker, news });
        });
    }

    /// What a share left is here: its parts are joined, and blocks that became whole handed on.
    fn taken(&mut self, worker: WorkerId, share: ShareId, parts: Vec<Part>, released: Vec<Item>) {
        self.release(worker, released);
        let Some((stage, _)) = self.schedule.share(share) else { return };
        let joiner = self.joiners.entry(stage).or_insert_with(|| Joiner::new(self.plan, stage));
        let joined = Joined::default();
        for part in parts {
            if let Err(error) = joiner.add(part, &joined) {
                return self.end = Some(Err(error));
            }
        }
        let blocks = joined.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if blocks.is_empty() {
            return self.secured(worker, share);
        }
        let targets = self.plan.stages[stage].targets();
        for (goal, number, _, data) in &blocks {
            if let Some(buffer) = items::kept(self.plan, targets[*goal]) {
                self.values.join(buffer, *number, data.clone());
            }
        }
        let (delivery, notes) = (Arc::clone(&self.delivery), self.notes.clone());
        tokio::task::spawn_blocking(move || {
            let handed =
                blocks.into_iter().try_for_each(|(goal, _, region, data)| delivery.deliver(stage, goal, &region, data));
            let news = handed.map_or_else(News::Sink, |()| News::Secured { share });
            let _ = notes.send(Note { worker, news });
        });
    }

    fn secured(&mut self, worker: WorkerId, share: ShareId) {
        self.answers.remove(&(worker, share));
        self.inputs.push_back(Input::Secured { worker, share });
    }

    /// The end of a run in words that name endpoints.
    fn error(&self, end: End) -> RunError {
        let name = |w: &WorkerId| self.endpoints.get(w).cloned().unwrap_or_default();
        let names = |workers: &[WorkerId]| workers.iter().map(name).collect();
        match end {
            End::Cancelled => RunError::Cancelled,
            End::Failed { worker, stage, tasks, failure } => {
                let Failure { code, message, .. } = failure;
                RemoteError::Failed { endpoint: name(&worker), stage, tasks, code, message }.into()
            }
            End::Deadly { stage, tasks, workers } => {
                RemoteError::Deadly { stage, tasks, endpoints: names(&workers) }.into()
            }
            End::Disagree { stage, tasks, workers, .. } => {
                RemoteError::Disagree { stage, tasks, endpoints: names(&workers) }.into()
            }
            End::Nobody { lost } => {
                RemoteError::Nobody { lost: lost.iter().map(|(w, why)| (name(w), why.to_string())).collect() }.into()
            }
        }
    }

    async fn finish(mut self) -> Result<(RunReport, Vec<LaneFacts>), RunError> {
        let lanes = std::mem::take(&mut self.lanes);
        futures_util::future::join_all(lanes.into_values().map(Lane::close)).await;
        if let Some(Err(error)) = self.end {
            return Err(error);
        }
        let left = self.joiners.iter().find(|(_, joiner)| !joiner.drain().is_empty());
        if let Some((&stage, _)) = left {
            return Err(RemoteError::Incomplete { stage }.into());
        }
        Ok(self.tally.report(self.plan, self.delivery.written.load(Ordering::Relaxed)))
    }
}
