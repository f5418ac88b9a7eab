//! Where blocks that stay are put: in memory as far as it may be, the rest on disk.

use crate::room::Rooms;
use crate::spill::{Extent, Spill, SpillFile};
use cleave_ops::{DType, Data};
use cleave_plan::{Block, SourceError, SpillError};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// The blocks of one array.
pub(crate) struct Shelf {
    rooms: Arc<Rooms>,
    disk: Option<Disk>,
    memory_bytes: AtomicU64,
}

/// Where a block is.
pub(crate) enum Place {
    Memory(Block),
    Disk(Extent),
}

/// Where blocks go for which there is no memory. There is no file before the first.
struct Disk {
    spill: Arc<Spill>,
    file: OnceLock<Result<SpillFile, SpillError>>,
    /// Bytes of memory that may still be taken.
    left: AtomicU64,
}

impl Shelf {
    /// One with memory for all.
    pub(crate) fn of_memory(rooms: &Arc<Rooms>) -> Self {
        Self::new(rooms, None)
    }

    /// One that takes so many bytes of memory.
    pub(crate) fn with_disk(rooms: &Arc<Rooms>, spill: &Arc<Spill>, memory_bytes: u64) -> Self {
        let left = AtomicU64::new(memory_bytes);
        Self::new(rooms, Some(Disk { spill: Arc::clone(spill), file: OnceLock::new(), left }))
    }

    fn new(rooms: &Arc<Rooms>, disk: Option<Disk>) -> Self {
        Self { rooms: Arc::clone(rooms), disk, memory_bytes: AtomicU64::new(0) }
    }

    /// Takes a copy of a block.
    pub(crate) fn put(&self, block: &Data) -> Result<Place, SpillError> {
        let bytes = block.nbytes() as u64;
        if let Some(disk) = self.disk.as_ref().filter(|disk| !disk.admits(bytes)) {
            return Ok(Place::Disk(disk.file()?.write(block)?));
        }
        self.memory_bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(Place::Memory(self.rooms.keep(block)))
    }

    /// A block that was put here.
    pub(crate) fn get(&self, place: &Place, dtype: DType) -> Result<Block, SourceError> {
        match (place, &self.disk) {
            (Place::Memory(block), _) => Ok(block.clone()),
            (Place::Disk(extent), Some(disk)) => {
                let data = disk.file().and_then(|file| file.read(extent, dtype)).map_err(put_aside)?;
                Ok(Block::Owned(Arc::new(data)))
            }
            (Place::Disk(_), None) => unreachable!("only a shelf with a disk puts blocks there"),
        }
    }

    /// Writes the bytes of a block on disk into memory of just its length; false of one in memory.
    pub(crate) fn fill(&self, place: &Place, bytes: &mut [u8]) -> Result<bool, SourceError> {
        match (place, &self.disk) {
            (Place::Disk(extent), Some(disk)) => {
                disk.file().and_then(|file| file.fill(extent, bytes)).map(|()| true).map_err(put_aside)
            }
            _ => Ok(false),
        }
    }

    /// Makes room where a block was. Those on disk stay until the shelf goes.
    pub(crate) fn forget(&self, place: &Place) {
        if let Place::Memory(block) = place {
            let elements = block.elements();
            self.give_back((elements.len() * elements.dtype().size()) as u64);
        }
    }

    /// Whether nothing may ever lie on disk.
    pub(crate) fn is_memory(&self) -> bool {
        self.disk.is_none()
    }

    /// Bytes of blocks in memory.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    fn give_back(&self, bytes: u64) {
        self.memory_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(disk) = &self.disk {
            disk.left.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.give_back(self.memory_bytes());
    }
}

impl Disk {
    fn admits(&self, bytes: u64) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn file(&self) -> Result<&SpillFile, SpillError> {
        self.file.get_or_init(|| self.spill.file()).as_ref().map_err(Clone::clone)
    }
}

/// An error of the disk as one of reading or writing an array.
pub(crate) fn put_aside(error: SpillError) -> SourceError {
    SourceError { what: "a block put aside".to_owned(), cause: Arc::new(error) }
}
