//! Memory for blocks that stay: in huge pages where the system has them, used again, given back at once when
//! there is too much of it. New memory costs several times what the arithmetic does.

use bytemuck::Pod;
use cleave_ops::{DType, Data, DataRef, each_dtype};
use cleave_plan::{Block, Elements};
use memmap2::MmapMut;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Blocks of fewer bytes are left to the allocator.
const LEAST_BYTES: usize = 256 << 10;
/// Lengths are multiples of this, so that blocks of almost one size can follow each other.
const STEP_BYTES: usize = 64 << 10;
/// The part of a room that may stay unused, as a divisor.
const WASTE: usize = 8;
/// The most bytes that wait for their next use where no plan says how many.
pub(crate) const IDLE_BYTES: u64 = 128 << 20;

/// Rooms that wait for their next use.
pub struct Rooms {
    /// Guards the rooms, by their length.
    idle: Mutex<Idle>,
    most_idle_bytes: AtomicU64,
}

#[derive(Default)]
struct Idle {
    maps: BTreeMap<usize, Vec<MmapMut>>,
    bytes: u64,
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
        Self { idle: Mutex::default(), most_idle_bytes: AtomicU64::new(IDLE_BYTES) }
    }
}

impl Rooms {
    /// A copy of a block.
    pub(crate) fn keep(self: &Arc<Self>, data: &Data) -> Block {
        let map = (data.nbytes() >= LEAST_BYTES && data.dtype() != DType::Bool).then(|| self.take(data.nbytes()));
        let Some(Ok(mut map)) = map else { return Block::Owned(Arc::new(data.clone())) };
        let bytes = bytes_of(data);
        map[..bytes.len()].copy_from_slice(bytes);
        let (rooms, bytes) = (Arc::clone(self), bytes.len());
        Block::Shared(Arc::new(Room { map: Some(map), dtype: data.dtype(), bytes, rooms }))
    }

    /// Lets so many bytes wait for their next use, and gives the others back.
    pub fn allow_idle(&self, bytes: u64) {
        self.most_idle_bytes.store(bytes, Ordering::Relaxed);
        self.lock().shrink_to(bytes);
    }

    fn take(&self, bytes: usize) -> std::io::Result<MmapMut> {
        let len = bytes.next_multiple_of(STEP_BYTES);
        if let Some(map) = self.lock().take(len) {
            return Ok(map);
        }
        let map = MmapMut::map_anon(len)?;
        #[cfg(target_os = "linux")]
        let _only_a_wish = map.advise(memmap2::Advice::HugePage);
        Ok(map)
    }

    fn give(&self, map: MmapMut) {
        let most = self.most_idle_bytes.load(Ordering::Relaxed);
        let mut idle = self.lock();
        idle.bytes += map.len() as u64;
        idle.maps.entry(map.len()).or_default().push(map);
        idle.shrink_to(most);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn take(&mut self, len: usize) -> Option<MmapMut> {
        let most = len + len / WASTE;
        let (_, maps) = self.maps.range_mut(len..=most).find(|(_, maps)| !maps.is_empty())?;
        let map = maps.pop()?;
        self.bytes -= map.len() as u64;
        Some(map)
    }

    fn shrink_to(&mut self, bytes: u64) {
        while self.bytes > bytes {
            let Some(mut largest) = self.maps.last_entry() else { return };
            match largest.get_mut().pop() {
                Some(map) => self.bytes -= map.len() as u64,
                None => drop(largest.remove()),
            }
        }
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

/// Elements as bytes in the machine's order.
pub(crate) fn bytes_of(data: &Data) -> &[u8] {
    each_dtype!(Data, data, elements => bytemuck::cast_slice(elements))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_used_again_and_given_back() {
        let rooms = Arc::new(Rooms::default());
        let data = Data::F64((0..100_000).map(f64::from).collect());
        let first = rooms.keep(&data);
        assert_eq!(first.elements(), data.as_ref());
        drop(first);
        let len = data.nbytes().next_multiple_of(STEP_BYTES) as u64;
        assert_eq!(rooms.lock().bytes, len);
        let again = rooms.keep(&data);
        assert_eq!(rooms.lock().bytes, 0);
        rooms.allow_idle(len - 1);
        drop(again);
        assert_eq!(rooms.lock().bytes, 0, "more than is allowed does not wait");
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
