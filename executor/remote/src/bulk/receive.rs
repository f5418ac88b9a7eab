//! The side that is brought values: what came of one before its connection was lost need not come again.

use super::{BulkError, MOST_FRAME_BYTES};
use crate::proto::{Item, PutFrame};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values of which only a part came, the oldest first; the oldest go where there are too many bytes of them.
#[derive(Debug, Default)]
pub struct Begun {
    limit: u64,
    /// Guards them.
    values: Mutex<VecDeque<Value>>,
}

/// A value of which some bytes have come.
#[derive(Debug)]
struct Value {
    item: Item,
    nbytes: u64,
    data: BytesMut,
}

impl Begun {
    /// Remembers so many bytes at most.
    pub fn new(limit: u64) -> Self {
        Self { limit, values: Mutex::default() }
    }

    /// How many bytes of a value came.
    pub fn there(&self, item: &Item) -> u64 {
        self.values().iter().find(|value| value.item == *item).map_or(0, |value| value.data.len() as u64)
    }

    /// Forgets what nobody will go on with.
    pub fn forget(&self, is_over: impl Fn(&Item) -> bool) {
        self.values().retain(|value| !is_over(&value.item));
    }

    fn take(&self, item: &Item) -> Option<Value> {
        let mut values = self.values();
        let at = values.iter().position(|value| value.item == *item)?;
        values.remove(at)
    }

    /// Remembers a value; of several connections that bring the same the one that brought more counts.
    fn put(&self, value: Value) {
        let mut values = self.values();
        let is_more = |other: &Value| other.nbytes == value.nbytes && other.data.len() >= value.data.len();
        if values.iter().any(|other| other.item == value.item && is_more(other)) {
            return;
        }
        values.retain(|other| other.item != value.item);
        values.push_back(value);
        let mut nbytes: u64 = values.iter().map(|value| value.data.capacity() as u64).sum();
        while nbytes > self.limit {
            let Some(oldest) = values.pop_front() else { return };
            nbytes -= oldest.data.capacity() as u64;
        }
    }

    fn values(&self) -> MutexGuard<'_, VecDeque<Value>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value that came whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// What it is.
    pub item: Item,
    /// Its bytes.
    pub data: Bytes,
}

/// Values that come one after the other in frames, each within a limit.
#[derive(Debug)]
pub struct Receiving {
    /// The most bytes a value may have.
    limit: u64,
    begun: Arc<Begun>,
    now: Option<Value>,
}

impl Receiving {
    /// Takes values of at most so many bytes, and goes on with those that have begun.
    pub fn new(limit: u64, begun: Arc<Begun>) -> Self {
        Self { limit, begun, now: None }
    }

    /// Takes a frame; the value that it completes, if it does.
    pub fn take(&mut self, frame: PutFrame) -> Result<Option<Received>, BulkError> {
        if frame.data.len() > MOST_FRAME_BYTES {
            return Err(BulkError::TooLarge { nbytes: frame.data.len() as u64, limit: MOST_FRAME_BYTES as u64 });
        }
        if let Some(item) = frame.item {
            self.begin(item, frame.nbytes, frame.offset)?;
        }
        let Some(Value { nbytes, data, .. }) = &mut self.now else {
            return Err(BulkError::Malformed { what: "bytes of nothing" });
        };
        let found = data.len() as u64 + frame.data.len() as u64;
        if found > *nbytes {
            return Err(BulkError::Length { expected: *nbytes, found });
        }
        data.extend_from_slice(&frame.data);
        frame.checksum.map(|checksum| self.finish(checksum)).transpose()
    }

    fn begin(&mut self, item: Item, nbytes: Option<u64>, offset: u64) -> Result<(), BulkError> {
        if self.now.is_some() {
            return Err(BulkError::Malformed { what: "a value within a value" });
        }
        let nbytes = nbytes.ok_or(BulkError::Malformed { what: "a value without its length" })?;
        if nbytes > self.limit {
            return Err(BulkError::TooLarge { nbytes, limit: self.limit });
        }
        // Memory is given to what comes, not to what is announced.
        let room = usize::try_from(nbytes).unwrap_or(usize::MAX).min(MOST_FRAME_BYTES);
        let former = if offset > 0 { self.begun.take(&item) } else { None };
        let mut value = match former.filter(|former| former.nbytes == nbytes) {
            Some(former) => former,
            None => Value { item, nbytes, data: BytesMut::with_capacity(room) },
        };
        if offset > value.data.len() as u64 {
            return Err(BulkError::Malformed { what: "a value whose beginning is not there" });
        }
        value.data.truncate(offset as usize);
        self.now = Some(value);
        Ok(())
    }

    fn finish(&mut self, expected: u32) -> Result<Received, BulkError> {
        let Value { item, nbytes, data } = self.now.take().ok_or(BulkError::Malformed { what: "an end of nothing" })?;
        drop(self.begun.take(&item));
        if data.len() as u64 != nbytes {
            return Err(BulkError::Length { expected: nbytes, found: data.len() as u64 });
        }
        let found = crc32c::crc32c(&data);
        if found != expected {
            return Err(BulkError::Damaged { expected, found });
        }
        Ok(Received { item, data: data.freeze() })
    }
}

impl Drop for Receiving {
    /// Whoever brought it may come back.
    fn drop(&mut self) {
        self.now.take().into_iter().for_each(|value| self.begun.put(value));
    }
}
