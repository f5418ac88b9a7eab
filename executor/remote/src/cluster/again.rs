//! Connections that end while the worker goes on: what it has and keeps waits for the next one to the same process.

use super::RemoteError;
use super::lane::{Lane, News, Note};
use super::member::{Connection, Member};
use super::run::Run;
use crate::schedule::{Failure, Input, ShareId, WorkerId};
use std::sync::Arc;
use std::time::Duration;

/// More than new connections carry before anything else.
const SOME_BYTES: u64 = 64 << 10;
/// How often connections may end one after the other before anything came of them.
const BARREN: u32 = 2;
/// How often it is tried again to take what a share left, and after which time.
const RETAKES: u32 = 8;
const RETAKE_AFTER: Duration = Duration::from_millis(250);

/// How connections to a worker ended.
#[derive(Clone, Default)]
pub(super) struct Returns {
    /// Whether it ever had the job.
    pub(super) is_open: bool,
    /// Why there is no connection now.
    pub(super) away: Option<String>,
    /// Signs that its threads got on.
    pub(super) signs: u64,
    /// What had come when a connection ended last: bytes, and signs.
    before: (u64, u64),
    /// How many ended since something came.
    barren: u32,
}

impl Returns {
    /// One more has ended; whether another may be waited for.
    fn end(&mut self, bytes: u64, why: String) -> bool {
        let is_barren = bytes <= self.before.0 + SOME_BYTES && self.signs == self.before.1;
        self.barren = if is_barren { self.barren + 1 } else { 0 };
        self.before = (bytes, self.signs);
        self.away = Some(why);
        self.is_open && self.barren <= BARREN
    }
}

impl Run<'_> {
    /// A stream ended: it may come back, unless there is a reason why it should not.
    pub(super) fn closed(&mut self, worker: WorkerId, connection: u64, (why, refused): (String, Option<String>)) {
        let came = self.came(worker);
        let Some(lane) = self.lanes.get_mut(&worker) else { return };
        if lane.connection.number != connection || lane.returns.away.is_some() {
            return;
        }
        lane.member.give_up(connection);
        if lane.returns.end(came, why.clone()) && refused.is_none() && !lane.draining {
            return self.inputs.push_back(Input::Away { worker });
        }
        self.gone(worker, why.clone());
        if let Some(code) = refused.filter(|_| self.lanes.is_empty() && self.tally.is_empty()) {
            self.end = Some(Err(RemoteError::Refused { code, why }.into()));
        }
    }

    fn gone(&mut self, worker: WorkerId, why: String) {
        self.acquit(worker);
        self.note_lost(worker);
        self.inputs.push_back(Input::Gone { worker, why });
        // One that never joined is not the schedule's to lose.
        self.drop_lane(worker);
    }

    /// Those of the same process that were lost, and of which more came since, are not held against their shares.
    pub(super) fn acquit(&mut self, worker: WorkerId) {
        let lives: Vec<_> = self.same_process(worker).filter(|&w| self.gave_more(w)).collect();
        self.inputs.extend(lives.into_iter().map(|worker| Input::Lives { worker }));
    }

    /// Takes a new connection for a worker that had another; it is given back if it is to somebody else.
    pub(super) fn comes_back(&mut self, member: &Arc<Member>, connection: Connection) -> Option<Connection> {
        let lane = self.lanes.iter().find(|(_, lane)| Arc::ptr_eq(&lane.member, member));
        let Some((&worker, lane)) = lane else { return Some(connection) };
        let (former, is_same) = (lane.connection.number, lane.connection.epoch == connection.epoch);
        self.closed(worker, former, ("it connected again".to_owned(), None));
        if !is_same && self.lanes.contains_key(&worker) {
            self.gone(worker, "it was started anew".to_owned());
        }
        let Some(former) = self.lanes.remove(&worker) else { return Some(connection) };
        self.count(worker, &connection);
        let open = self.open(connection.threads);
        let mut lane = Lane::open(worker, member, connection, open, self.notes.clone());
        lane.replace(former);
        self.lanes.insert(worker, lane);
        None
    }

    /// Gives up those that are away and whose process is known to have ended.
    pub(super) fn look_for_ended(&mut self) {
        let away = self.lanes.iter().filter(|(_, lane)| lane.returns.away.is_some());
        let ended: Vec<_> = away.filter_map(|(&w, lane)| Some((w, lane.member.ended()?))).collect();
        ended.into_iter().for_each(|(worker, why)| self.gone(worker, why));
    }

    pub(super) fn count(&mut self, worker: WorkerId, connection: &Connection) {
        let counters = (connection.control.moved(), connection.bulk.moved());
        self.counters.entry(worker).or_default().push(counters);
    }

    /// Bytes that came from a worker's process so far or were put there, by whatever connection: orders do not count.
    fn came(&self, worker: WorkerId) -> u64 {
        let workers = self.same_process(worker).chain([worker]);
        workers
            .filter_map(|w| self.counters.get(&w))
            .flatten()
            .map(|(control, bulk)| control.came() + bulk.both())
            .sum()
    }

    /// Remembers how much came of a worker before it was lost.
    pub(super) fn note_lost(&mut self, worker: WorkerId) {
        self.given.insert(worker, self.came(worker));
    }

    /// Whether more came of a lost worker's process, so that its connections were to blame and not its share.
    fn gave_more(&self, worker: WorkerId) -> bool {
        self.given.get(&worker).is_some_and(|before| self.came(worker) > before + SOME_BYTES)
    }

    /// What a share left could not be had: after a while once more, by the connection there is then.
    pub(super) fn lost(&mut self, worker: WorkerId, share: ShareId, failure: Failure) {
        let tried = self.retakes.entry((worker, share)).or_default();
        *tried += 1;
        if *tried > RETAKES || !self.lanes.contains_key(&worker) {
            return self.missed(worker, share, failure);
        }
        let notes = self.notes.clone();
        tokio::spawn(async move {
            tokio::time::sleep(RETAKE_AFTER).await;
            let _ = notes.send(Note { worker, news: News::Retake { share, failure } });
        });
    }

    pub(super) fn retake(&mut self, worker: WorkerId, share: ShareId, failure: Failure) {
        match self.lanes.get(&worker) {
            Some(lane) => self.deliver(worker, share, lane.connection.clone()),
            None => self.missed(worker, share, failure),
        }
    }

    pub(super) fn missed(&mut self, worker: WorkerId, share: ShareId, failure: Failure) {
        self.answers.remove(&(worker, share));
        self.inputs.push_back(Input::Missed { worker, share, failure });
    }
}
