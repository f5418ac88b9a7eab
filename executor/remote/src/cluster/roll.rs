//! Who is in a pool: workers that were named, and those to which names lead that stand for several. Where these lead is
//! looked up again and again: who is new takes part, and who is no longer named and does not answer is forgotten.

use super::member::Member;
use super::{ConnectError, ConnectOptions};
use crate::transport::{Endpoint, Fault, ReachError};
use futures_util::future::join_all;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::sleep;

/// How often names are looked up.
const EVERY: Duration = Duration::from_secs(5);
/// The most workers that a name leads to.
const MOST: usize = 1024;

/// A worker, or all to which a name leads at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// One worker.
    One(Endpoint),
    /// One at each address of the host's name.
    All(Endpoint),
}

/// The workers of a pool.
pub(super) struct Roll {
    named: Vec<Named>,
    options: ConnectOptions,
    /// Guards who is in it.
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    present: Vec<Entry>,
    /// How many there ever were.
    count: usize,
}

struct Entry {
    member: Arc<Member>,
    /// What keeps it connected.
    staying: Option<AbortHandle>,
}

impl Roll {
    /// Connects to all; an error only if nobody can be used.
    pub(super) async fn call(named: &[Named], options: ConnectOptions) -> Result<Arc<Self>, ConnectError> {
        let roll = Arc::new(Self { named: named.to_vec(), options, entries: Mutex::default() });
        let mut failed = Vec::new();
        for found in roll.look_up().await {
            match found {
                Ok(found) => found.into_iter().for_each(|endpoint| drop(roll.enter(endpoint))),
                Err(error) => failed.push(error),
            }
        }
        let members = roll.members();
        let tried = join_all(members.iter().map(|member| member.connect())).await;
        failed.extend(tried.iter().filter_map(|t| t.as_ref().err().cloned()));
        match tried.iter().any(Result::is_ok) {
            true => {}
            false if failed.is_empty() => return Err(ConnectError::None),
            false => return Err(ConnectError::Unreachable(failed)),
        }
        for (member, tried) in members.iter().zip(tried) {
            roll.stay(member, tokio::spawn(Arc::clone(member).stay(tried.ok())).abort_handle());
        }
        if named.iter().any(|named| matches!(named, Named::All(_))) {
            tokio::spawn(keep_up(Arc::downgrade(&roll)));
        }
        Ok(roll)
    }

    /// All there are, in the order in which they were named or found.
    pub(super) fn members(&self) -> Vec<Arc<Member>> {
        self.entries().present.iter().map(|entry| Arc::clone(&entry.member)).collect()
    }

    /// How the pool was named.
    pub(super) fn address(&self) -> String {
        self.named.iter().map(Named::to_string).collect::<Vec<_>>().join(",")
    }

    /// Where all that was named leads now.
    async fn look_up(&self) -> Vec<Result<Vec<Endpoint>, ReachError>> {
        join_all(self.named.iter().map(|named| self.led_to_by(named))).await
    }

    async fn led_to_by(&self, named: &Named) -> Result<Vec<Endpoint>, ReachError> {
        let endpoint = match named {
            Named::One(endpoint) => return Ok(vec![endpoint.clone()]),
            Named::All(endpoint) => endpoint.clone(),
        };
        match self.options.lookup.all(&endpoint).await {
            Ok(found) => Ok(found.into_iter().take(MOST).collect()),
            Err(error) => Err(ReachError { endpoint, fault: Fault::Unresolved { cause: error.to_string() } }),
        }
    }

    /// Takes up a worker, unless it is here.
    fn enter(&self, endpoint: Endpoint) -> Option<Arc<Member>> {
        let mut entries = self.entries();
        if entries.present.iter().any(|entry| *entry.member.endpoint() == endpoint) {
            return None;
        }
        let member = Member::new(entries.count, endpoint, self.options.connector.clone());
        entries.count += 1;
        entries.present.push(Entry { member: Arc::clone(&member), staying: None });
        Some(member)
    }

    fn stay(&self, member: &Arc<Member>, staying: AbortHandle) {
        let mut entries = self.entries();
        let entry = entries.present.iter_mut().find(|entry| Arc::ptr_eq(&entry.member, member));
        entry.into_iter().for_each(|entry| entry.staying = Some(staying.clone()));
    }

    /// Takes up who is new.
    fn welcome(&self, found: &HashSet<Endpoint>) {
        for endpoint in found {
            let Some(member) = self.enter(endpoint.clone()) else { continue };
            let staying = tokio::spawn(Arc::clone(&member).stay(None));
            self.stay(&member, staying.abort_handle());
        }
    }

    /// Forgets who is neither found nor connected: one that is told to end is no longer found before it has ended.
    fn forget_others(&self, found: &HashSet<Endpoint>) {
        self.entries().present.retain(|entry| {
            let stays = found.contains(entry.member.endpoint()) || entry.member.connection().is_some();
            if !stays {
                entry.staying.iter().for_each(AbortHandle::abort);
            }
            stays
        });
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks names up for as long as the pool is there.
async fn keep_up(roll: Weak<Roll>) {
    loop {
        sleep(EVERY).await;
        let Some(roll) = roll.upgrade() else { return };
        let looked_up = roll.look_up().await;
        // Nobody is forgotten because those who know the names are away.
        let is_complete = looked_up.iter().all(Result::is_ok);
        let found = looked_up.into_iter().flatten().flatten().collect();
        roll.welcome(&found);
        if is_complete {
            roll.forget_others(&found);
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Named::One(endpoint) => write!(f, "{endpoint}"),
            Named::All(endpoint) => write!(f, "dns:{endpoint}"),
        }
    }
}
