//! Tasks run for a job: what they finish is kept or sent, what they leave incomplete as well.

use super::house::{Counts, House};
use super::job::Job;
use super::room::{TOO_LARGE, TooLarge, Use};
use crate::elements::{self, view};
use crate::items::{INLINE_BYTES, checksum, fetched, kept};
use crate::proto::{self, Block, Done, Failed, Failure, Finished, Progress, ShareReport, event};
use bytes::Bytes;
use cleave_cpu::{Absent, Cancel, Control, Item as Kind, Part, Receiver, Share, ShareDone, Site};
use cleave_ops::{Chunks, Data, Region};
use cleave_plan::{Event, RunError, Stint, Target};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The most stints that a share's report tells of.
const MOST_STINTS: usize = 1024;

/// A share that may run.
pub(super) struct Given {
    pub(super) share: proto::Share,
    pub(super) cancel: Cancel,
}

/// Takes what a share finishes.
struct Delivery<'a> {
    job: &'a Job,
    site: &'a Site<'a>,
    cancel: &'a Cancel,
    targets: Vec<&'a Target>,
    grids: Vec<Chunks>,
    /// Guards the blocks finished so far, and the bytes that may still go with the event.
    finished: Mutex<(Vec<Finished>, usize)>,
}

impl Given {
    /// Runs it and tells what came of it; nothing if it is no longer wanted.
    pub(super) fn run(&self, house: &House, job: &Job, site: &Site<'_>) {
        let turn = house.turns.take(|| job.desk.tell(&self.share, self.waits()));
        let mut told = None;
        if !self.cancel.is_cancelled() && job.desk.begin(&self.share) {
            let event = match self.work(job, site) {
                Ok(done) => Some(event::Event::Done(done)),
                Err(RunError::Cancelled) => None,
                Err(error) => Some(self.failed(failure(&error, self.share.count))),
            };
            let Counts { done, failed, .. } = &house.counts;
            House::count(if matches!(event, Some(event::Event::Done(_))) { done } else { failed }, 1);
            told = event;
        }
        job.desk.answer(&self.share, told);
        if house.turns.len() > 1 {
            site.rest();
        }
        job.bytes_in_use.store(0, Ordering::Relaxed);
        drop(turn);
    }

    /// The event that says that others had a turn.
    fn waits(&self) -> event::Event {
        let proto::Share { id, attempt, .. } = self.share;
        event::Event::Progress(Progress { share: id, attempt, waits: true, ..Progress::default() })
    }

    /// The event that says that it was not done.
    pub(super) fn failed(&self, failure: Failure) -> event::Event {
        let proto::Share { id, attempt, .. } = self.share;
        event::Event::Failed(Failed { share: id, attempt, failure: Some(failure) })
    }

    /// The event that says that blocks it reads are coming; `fetches` is more than before.
    pub(super) fn fetching(&self, fetches: u64) -> event::Event {
        let proto::Share { id, attempt, .. } = self.share;
        event::Event::Progress(Progress { share: id, attempt, fetches, ..Progress::default() })
    }

    /// The tasks, in this machine's terms; `None` where the plan has none such.
    pub(super) fn tasks(&self, job: &Job) -> Option<Share> {
        let stage = self.share.stage as usize;
        let first = usize::try_from(self.share.first).ok()?;
        let end = first.checked_add(usize::try_from(self.share.count).ok()?)?;
        let Use { workers, cache_bytes, .. } = job.room.stage(stage)?;
        (end <= job.plan.stages[stage].tasks).then_some(Share { stage, tasks: first..end, workers, cache_bytes })
    }

    fn work(&self, job: &Job, site: &Site<'_>) -> Result<Done, RunError> {
        let Some(share) = self.tasks(job) else { return Err(RunError::Cancelled) };
        if job.room.lacks_memory(&job.plan, &share) {
            return Err(RunError::Elsewhere { code: TOO_LARGE, cause: Box::new(TooLarge(share.tasks.len())) });
        }
        let started = Instant::now();
        let stage = &job.plan.stages[share.stage];
        let finished = Mutex::new((Vec::new(), INLINE_BYTES));
        let (targets, grids) = (stage.targets(), stage.grids());
        let out = Delivery { job, site, cancel: &self.cancel, targets, grids, finished };
        let before = site.bytes_read();
        let fetched_before = job.bytes_fetched.swap(0, Ordering::Relaxed);
        let tell = |event: Event| self.tell(job, &event);
        let control = Control { cancel: self.cancel.clone(), events: &tell };
        let ShareDone { parts, report } = site.run_share(&share, job.kept.as_ref(), &out, &control)?;
        let (mut finished, room) = out.finished.into_inner().unwrap_or_else(PoisonError::into_inner);
        finished.sort_unstable_by_key(|f| (f.goal, f.block));
        let checksum = checksum(&self.share, &finished, parts.iter());
        let parts = self.parts(job, parts, room);
        let report = ShareReport {
            busy_ns: report.busy.as_nanos() as u64,
            wall_ns: started.elapsed().as_nanos() as u64,
            elements: report.elements,
            bytes_read: site.bytes_read() - before,
            bytes_written: finished.iter().filter(|f| f.written).map(|f| f.nbytes).sum(),
            bytes_spilled: site.bytes_spilled(),
            bytes_fetched: fetched_before,
            peak_bytes: site.peak_bytes(),
            threads: share.workers as u32,
            stints: report.stints.iter().take(MOST_STINTS).map(stint).collect(),
        };
        let proto::Share { id, attempt, .. } = self.share;
        Ok(Done { share: id, attempt, parts, finished, checksum, report: Some(report) })
    }

    fn tell(&self, job: &Job, event: &Event) {
        let Event::Progress(progress) = event else { return };
        job.bytes_in_use.store(progress.bytes_in_use, Ordering::Relaxed);
        let proto::Share { id, attempt, .. } = self.share;
        let told = Progress {
            share: id,
            attempt,
            elements: progress.elements,
            memory_bytes: progress.bytes_in_use,
            work: progress.done,
            ..Progress::default()
        };
        job.desk.tell(&self.share, event::Event::Progress(told));
    }

    /// The parts as messages, the larger ones kept.
    fn parts(&self, job: &Job, parts: Vec<Part>, mut room: usize) -> Vec<proto::Part> {
        let numbered = parts.into_iter().enumerate();
        numbered.map(|(number, part)| self.part(job, number as u32, part, &mut room)).collect()
    }

    fn part(&self, job: &Job, number: u32, part: Part, room: &mut usize) -> proto::Part {
        let nbytes = part.nbytes() as usize;
        let (place, level, node) = (part.place as u64, part.level, part.number as u64);
        let mut told = proto::Part { r#box: place, level, number: node, nbytes: nbytes as u64, ..Default::default() };
        let columns = part.columns.into_iter().flatten();
        if nbytes <= *room {
            *room -= nbytes;
            told.columns = columns.map(elements::block).collect();
        } else {
            let mut bytes = Vec::with_capacity(nbytes);
            columns.for_each(|column| bytes.extend_from_slice(view(column.as_ref())));
            job.left().insert((self.share.id, number), Bytes::from(bytes));
            let what = proto::item::What::Part(proto::PartOf { share: self.share.id, number });
            let (session, job) = job.key.clone();
            told.item = Some(proto::Item { session, job, what: Some(what) });
        }
        told
    }
}

impl Receiver for Delivery<'_> {
    fn block(&self, goal: usize, number: usize, region: &Region, data: &mut Data) -> Result<(), RunError> {
        let (plan, target) = (&self.job.plan, self.targets[goal]);
        let (nbytes, checksum) = (data.nbytes(), crc32c::crc32c(view(data.as_ref())));
        if let Some(buffer) = kept(plan, target) {
            let kind = self.job.shelf(buffer).unwrap_or(Kind::Buffer(buffer));
            self.job.kept.keep(kind, number, data).map_err(RunError::read)?;
            self.job.note_sum((kind, number), checksum);
        }
        let (mut block, targets) = (None, &self.job.targets);
        let written = targets.write(self.site, target, (region, data), self.cancel)?;
        if let Some(waiting) = fetched(plan, target).filter(|_| !written) {
            block = self.inline(data);
            if block.is_none() {
                let kind = Kind::Output(waiting);
                self.job.kept.open(kind, &self.grids[goal], data.dtype());
                self.job.kept.keep(kind, number, data).map_err(RunError::read)?;
                self.job.note_sum((kind, number), checksum);
            }
        }
        let (goal, block_number) = (goal as u32, number as u64);
        let told = Finished { goal, block: block_number, nbytes: nbytes as u64, checksum, data: block, written };
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).0.push(told);
        Ok(())
    }
}

impl Delivery<'_> {
    /// A block as a message, if there is room in the event.
    fn inline(&self, data: &mut Data) -> Option<Block> {
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        finished.1 = finished.1.checked_sub(data.nbytes())?;
        drop(finished);
        let none = Data::with_capacity(data.dtype(), 0);
        Some(elements::block(std::mem::replace(data, none)))
    }
}

fn stint(stint: &Stint) -> proto::Stint {
    let (start_ns, end_ns) = (stint.start.as_nanos() as u64, stint.end.as_nanos() as u64);
    proto::Stint { thread: stint.thread as u32, start_ns, end_ns, tasks: stint.tasks as u32 }
}

/// What an error says to the kernel. What one machine's files and memory did another's may not do.
fn failure(error: &RunError, tasks: u64) -> Failure {
    // Fewer tasks leave less at once.
    let too_large = tasks > 1 && (matches!(error, RunError::Spill(_)) || error.code() == TOO_LARGE);
    let passing = too_large
        || match error {
            RunError::Read(_) | RunError::Write(_) | RunError::Spill(_) | RunError::Threads(_) => true,
            RunError::Cancelled
            | RunError::MissingSource(_)
            | RunError::MissingValue(_)
            | RunError::Elsewhere { .. }
            | RunError::WrongSource(_)
            | RunError::WrongPart { .. }
            | RunError::Bug { .. } => false,
        };
    let absent = matches!(error, RunError::Read(error) if error.cause.downcast_ref::<Absent>().is_some());
    let code = if absent { "block-absent" } else { error.code() };
    Failure { code: code.into(), message: error.to_string(), passing, too_large, lost: Vec::new() }
}
