//! Memory for blocks that stay: in huge pages where the system has them, used again, given back at once when
//! others need the bytes and after a while when nobody does. New memory costs several times what the arithmetic
//! does, and the allocator keeps what it is given back.

use crate::ledger::{Claim, Ledger};
use bytemuck::Pod;
use cleave_ops::{DType, Data, DataRef, bytes_of};
use cleave_plan::{Block, Elements, Source, SourceError, Stop};
use memmap2::MmapMut;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Blocks of fewer bytes are left to the allocator.
pub(crate) const LEAST_BYTES: usize = 256 << 10;
/// Lengths are multiples of this, so that blocks of almost one size can follow each other.
const STEP_BYTES: usize = 64 << 10;
/// The part of a room that may stay unused, as a divisor.
const WASTE: usize = 8;
/// The most bytes that wait for their next use where no plan says how many, and however long nobody uses any.
const IDLE_BYTES: u64 = 128 << 20;
/// Beyond them, memory that nobody used for so long goes back to the system.
const LINGER: Duration = Duration::from_secs(10);

/// The stack of a thread that only waits.
const WATCH_STACK_BYTES: usize = 64 << 10;

/// Rooms that wait for their next use.
pub struct Rooms {
    /// Guards the rooms, by their length.
    idle: Mutex<Idle>,
    /// The bytes of them, for a look without the lock.
    idle_bytes: AtomicU64,
    /// The bytes that may wait while nobody holds any.
    most_idle_bytes: AtomicU64,
    /// Those of them that may wait for however long.
    quiet_bytes: AtomicU64,
    /// The bytes of rooms in use.
    held_bytes: AtomicU64,
    /// How often a room came or went.
    uses: AtomicU64,
    /// Whether a thread waits until nobody uses any.
    is_watched: AtomicBool,
    /// The bytes that runs claim, and what they left behind that is not done yet.
    claimed_bytes: AtomicU64,
    /// The bytes of mapped files that were looked at since they were let go last.
    pub(crate) mapped_bytes: AtomicU64,
}

#[derive(Default)]
struct Idle {
    maps: BTreeMap<usize, Vec<MmapMut>>,
}

/// A block's elements in memory of their own.
struct Room {
    map: Option<MmapMut>,
    dtype: DType,
    bytes: usize,
    rooms: Arc<Rooms>,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            idle: Mutex::default(),
            idle_bytes: AtomicU64::new(0),
            most_idle_bytes: AtomicU64::new(IDLE_BYTES),
            quiet_bytes: AtomicU64::new(IDLE_BYTES),
            held_bytes: AtomicU64::new(0),
            uses: AtomicU64::new(0),
            is_watched: AtomicBool::new(false),
            claimed_bytes: AtomicU64::new(0),
            mapped_bytes: AtomicU64::new(0),
        }
    }
}

impl Rooms {
    /// A copy of a block.
    pub(crate) fn keep(self: &Arc<Self>, data: &Data) -> Block {
        let Some(mut room) = self.room(data.dtype(), data.nbytes()) else {
            return Block::Owned(Arc::new(data.clone()));
        };
        room.bytes_mut().copy_from_slice(bytes_of(data.as_ref()));
        Block::Shared(Arc::new(room))
    }

    /// A block of a source, and the claim to its bytes.
    pub(crate) fn read(
        self: &Arc<Self>,
        source: &dyn Source,
        index: &[usize],
        ledger: &Arc<Ledger>,
        stop: Stop<'_>,
    ) -> Result<(Block, Claim), SourceError> {
        let bytes = source.grid().region(index).size() * source.dtype().size();
        let room = self.room(source.dtype(), bytes);
        // Claimed only now: memory that waits for its next use would have been given back for it.
        let claim = ledger.claim(bytes as u64);
        if let Some(mut room) = room
            && source.fill(index, room.bytes_mut(), stop)?
        {
            return Ok((Block::Shared(Arc::new(room)), claim));
        }
        Ok((source.block(index)?, claim))
    }

    /// Lets so many bytes wait for their next use, less those that are held, and gives the others back.
    pub(crate) fn allow_idle(&self, bytes: u64) {
        self.most_idle_bytes.store(bytes, Ordering::SeqCst);
        self.shrink();
    }

    /// Says that no plan runs: under a limit of so many bytes, 0 for none, most of what is not held may wait for the
    /// next one, but not for long.
    pub fn rest(&self, limit_bytes: u64) {
        let (most, quiet) = match limit_bytes {
            0 => (IDLE_BYTES, IDLE_BYTES),
            // The allocator may hold an eighth of what it had.
            limit => (limit - limit / 8, IDLE_BYTES.max(limit / 16).min(limit / 8)),
        };
        self.quiet_bytes.store(quiet, Ordering::SeqCst);
        self.allow_idle(most);
    }

    /// Counts bytes that somebody holds; so many fewer may wait.
    pub(crate) fn claim(&self, bytes: u64) {
        self.claimed_bytes.fetch_add(bytes, Ordering::SeqCst);
        self.shrink();
    }

    /// They are held no longer.
    pub(crate) fn unclaim(&self, bytes: u64) {
        self.claimed_bytes.fetch_sub(bytes, Ordering::SeqCst);
    }

    /// Bytes that are claimed.
    pub(crate) fn claimed_bytes(&self) -> u64 {
        self.claimed_bytes.load(Ordering::SeqCst)
    }

    /// Bytes of rooms in use.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.held_bytes.load(Ordering::SeqCst)
    }

    /// Memory for elements, unless it is better left to the allocator.
    fn room(self: &Arc<Self>, dtype: DType, bytes: usize) -> Option<Room> {
        let worth = bytes >= LEAST_BYTES && dtype != DType::Bool;
        let map = worth.then(|| self.take(bytes).ok()).flatten()?;
        Some(Room { map: Some(map), dtype, bytes, rooms: Arc::clone(self) })
    }

    fn take(&self, bytes: usize) -> std::io::Result<MmapMut> {
        let len = bytes.next_multiple_of(STEP_BYTES);
        self.uses.fetch_add(1, Ordering::Relaxed);
        if let Some(map) = self.lock().take(len) {
            self.idle_bytes.fetch_sub(map.len() as u64, Ordering::SeqCst);
            self.held_bytes.fetch_add(map.len() as u64, Ordering::SeqCst);
            return Ok(map);
        }
        let map = MmapMut::map_anon(len)?;
        #[cfg(target_os = "linux")]
        let _only_a_wish = map.advise(memmap2::Advice::HugePage);
        self.held_bytes.fetch_add(len as u64, Ordering::SeqCst);
        self.shrink();
        Ok(map)
    }

    fn give(self: &Arc<Self>, map: MmapMut) {
        let len = map.len();
        self.uses.fetch_add(1, Ordering::Relaxed);
        // Counted first: whoever takes it at once subtracts it.
        self.idle_bytes.fetch_add(len as u64, Ordering::SeqCst);
        self.held_bytes.fetch_sub(len as u64, Ordering::SeqCst);
        self.lock().maps.entry(len).or_default().push(map);
        self.shrink();
        self.watch();
    }

    /// Gives back what may not wait, the largest first.
    fn shrink(&self) {
        let most = || self.most_idle_bytes.load(Ordering::SeqCst);
        let held = || self.claimed_bytes().max(self.held_bytes());
        self.give_back_while(|idle| idle > most().saturating_sub(held()));
    }

    fn give_back_while(&self, excess: impl Fn(u64) -> bool) {
        while excess(self.idle_bytes.load(Ordering::SeqCst)) {
            let Some(map) = self.lock().take_largest() else { return };
            self.idle_bytes.fetch_sub(map.len() as u64, Ordering::SeqCst);
        }
    }

    /// Whether more waits than may do so for however long.
    fn is_too_much(&self, idle: u64) -> bool {
        idle > self.quiet_bytes.load(Ordering::SeqCst)
    }

    /// Sees to it that memory goes back which nobody uses for a while.
    fn watch(self: &Arc<Self>) {
        let is_new = || !self.is_watched.swap(true, Ordering::SeqCst);
        if self.is_too_much(self.idle_bytes.load(Ordering::SeqCst)) && is_new() {
            let rooms = Arc::downgrade(self);
            let thread = std::thread::Builder::new().name("rooms".to_owned()).stack_size(WATCH_STACK_BYTES);
            if thread.spawn(move || wait_until_unused(&rooms)).is_err() {
                self.is_watched.store(false, Ordering::SeqCst);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn take(&mut self, len: usize) -> Option<MmapMut> {
        let most = len + len / WASTE;
        self.maps.range_mut(len..=most).find_map(|(_, maps)| maps.pop())
    }

    fn take_largest(&mut self) -> Option<MmapMut> {
        loop {
            let mut largest = self.maps.last_entry()?;
            match largest.get_mut().pop() {
                Some(map) => return Some(map),
                None => drop(largest.remove()),
            }
        }
    }
}

impl Room {
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.map.as_mut().map_or(&mut [][..], |map| &mut map[..self.bytes])
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(map) = self.map.take() {
            self.rooms.give(map);
        }
    }
}

impl Elements for Room {
    fn elements(&self) -> DataRef<'_> {
        let bytes = self.map.as_ref().map_or(&[][..], |map| &map[..self.bytes]);
        match self.dtype {
            DType::Bool => unreachable!("booleans are left to the allocator"),
            DType::I8 => DataRef::I8(view(bytes)),
            DType::U8 => DataRef::U8(view(bytes)),
            DType::I16 => DataRef::I16(view(bytes)),
            DType::U16 => DataRef::U16(view(bytes)),
            DType::I32 => DataRef::I32(view(bytes)),
            DType::U32 => DataRef::U32(view(bytes)),
            DType::I64 => DataRef::I64(view(bytes)),
            DType::U64 => DataRef::U64(view(bytes)),
            DType::F16 => DataRef::F16(view(bytes)),
            DType::F32 => DataRef::F32(view(bytes)),
            DType::F64 => DataRef::F64(view(bytes)),
        }
    }
}

/// Memory from the system begins on a page, which suits every element.
fn view<T: Pod>(bytes: &[u8]) -> &[T] {
    bytemuck::cast_slice(bytes)
}

fn wait_until_unused(rooms: &Weak<Rooms>) {
    let mut seen = None;
    while let Some(rooms) = rooms.upgrade() {
        let uses = rooms.uses.load(Ordering::Relaxed);
        if seen == Some(uses) {
            // First: what is given from now on is seen here or by another thread.
            rooms.is_watched.store(false, Ordering::SeqCst);
            return rooms.give_back_while(|idle| rooms.is_too_much(idle));
        }
        seen = Some(uses);
        drop(rooms);
        std::thread::sleep(LINGER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_ops::each_dtype;

    #[test]
    fn rooms_are_used_again_and_given_back() {
        let rooms = Arc::new(Rooms::default());
        let data = Data::F64((0..100_000).map(f64::from).collect());
        let first = rooms.keep(&data);
        assert_eq!(first.elements(), data.as_ref());
        drop(first);
        let len = data.nbytes().next_multiple_of(STEP_BYTES) as u64;
        let idle = || rooms.idle_bytes.load(Ordering::SeqCst);
        assert_eq!(idle(), len);
        let again = rooms.keep(&data);
        assert_eq!(idle(), 0);
        rooms.allow_idle(len - 1);
        drop(again);
        assert_eq!(idle(), 0, "more than is allowed does not wait");
    }

    #[test]
    fn what_is_held_leaves_less_to_wait() {
        let rooms = Arc::new(Rooms::default());
        let ledger = Arc::new(Ledger::new(&rooms, 3 << 20));
        let idle = || rooms.idle_bytes.load(Ordering::SeqCst);
        drop(rooms.keep(&Data::F64(vec![0.5; 1 << 18])));
        assert_eq!(idle(), 2 << 20);
        let claim = ledger.claim(1 << 20);
        assert_eq!(idle(), 2 << 20);
        let more = ledger.claim(1);
        assert_eq!(idle(), 0);
        drop((claim, more));
        drop(rooms.keep(&Data::F64(vec![0.5; 1 << 18])));
        assert_eq!(idle(), 2 << 20, "what is given back may wait again");
    }

    #[test]
    fn at_rest_what_is_not_held_waits_for_its_next_use() {
        let rooms = Arc::new(Rooms::default());
        let one = Data::F64(vec![0.5; 1 << 17]);
        let keep = |count| (0..count).map(|_| rooms.keep(&one)).collect::<Vec<Block>>();
        let idle = || rooms.idle_bytes.load(Ordering::SeqCst) >> 20;
        let all = keep(6);
        rooms.rest(8 << 20);
        drop(all);
        assert_eq!(idle(), 6, "seven may wait");
        let all = keep(4);
        assert_eq!(idle(), 2);
        rooms.quiet_bytes.store(1 << 20, Ordering::SeqCst);
        rooms.give_back_while(|idle| rooms.is_too_much(idle));
        assert_eq!(idle(), 1, "nobody wanted it for a while");
        drop(all);
        assert_eq!(idle(), 5);
        rooms.rest(4 << 20);
        assert_eq!(idle(), 3, "a lower limit");
    }

    #[test]
    fn every_dtype_comes_back() {
        let rooms = Arc::new(Rooms::default());
        for dtype in DType::ALL {
            let mut data = Data::zeros(dtype, LEAST_BYTES);
            each_dtype!(Data, &mut data, v => v[7] = cleave_ops::data::Element::from_scalar(cleave_ops::Scalar::Int(1)));
            assert_eq!(rooms.keep(&data).elements(), data.as_ref());
        }
    }
}
