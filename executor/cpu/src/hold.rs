//! Values in blocks, each put once and read often: results that stay, and what stages leave for later ones.

use crate::gather::locate;
use crate::memory::{DenseSink, number_of};
use crate::room::Rooms;
use crate::spill::{Extent, Spill, SpillFile};
use cleave_ops::{Chunks, DType, Data, Region, Shape};
use cleave_plan::plan::{Buffer, PlannedOutput};
use cleave_plan::{Block, Keep, Sink, Source, SourceError, SpillError};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// An array in blocks, in memory as far as it may be, the rest on disk.
pub struct Blocks {
    grid: Chunks,
    counts: Shape,
    dtype: DType,
    places: Vec<OnceLock<Place>>,
    rooms: Arc<Rooms>,
    disk: Option<Disk>,
    memory_bytes: AtomicU64,
}

enum Place {
    Memory(Block),
    Disk(Extent),
}

/// Where blocks go for which there is no memory.
struct Disk {
    file: SpillFile,
    /// Bytes of memory that may still be taken.
    left: AtomicU64,
}

impl Blocks {
    /// Room for a result that stays in memory.
    pub fn new(output: &PlannedOutput, rooms: &Arc<Rooms>) -> Self {
        Self::empty(&output.grid, output.dtype, rooms, None)
    }

    /// Room for a value between stages.
    pub(crate) fn between(buffer: &Buffer, rooms: &Arc<Rooms>, spill: &Spill) -> Result<Self, SpillError> {
        let disk = match buffer.keep {
            Keep::Dense | Keep::Memory => None,
            Keep::Spill { memory_bytes } => Some(Disk { file: spill.file()?, left: AtomicU64::new(memory_bytes) }),
        };
        Ok(Self::empty(&buffer.grid, buffer.dtype, rooms, disk))
    }

    fn empty(grid: &Chunks, dtype: DType, rooms: &Arc<Rooms>, disk: Option<Disk>) -> Self {
        let places = std::iter::repeat_with(OnceLock::new).take(grid.count()).collect();
        let (grid, counts, rooms) = (grid.clone(), grid.numblocks(), Arc::clone(rooms));
        Self { grid, counts, dtype, places, rooms, disk, memory_bytes: AtomicU64::new(0) }
    }

    /// Takes a copy of a finished block. Those for which there is no memory go to disk, so the first stay: what
    /// is read in order is best kept so.
    pub(crate) fn keep(&self, region: &Region, block: &Data) -> Result<(), SpillError> {
        if region.size() == 0 {
            return Ok(());
        }
        let index: Vec<usize> = self.grid.0.iter().zip(&region.start).map(|(a, &i)| locate(a, i).number).collect();
        let bytes = block.nbytes() as u64;
        let place = match self.disk.as_ref().filter(|disk| !disk.admits(bytes)) {
            Some(disk) => Place::Disk(disk.file.write(block)?),
            None => {
                self.memory_bytes.fetch_add(bytes, Ordering::Relaxed);
                Place::Memory(self.rooms.keep(block))
            }
        };
        // Each block is made once, so the place is empty.
        let _ = self.places[number_of(&index, &self.counts)].set(place);
        Ok(())
    }

    /// All elements as one row-major buffer.
    pub fn to_dense(&self) -> Result<Data, SourceError> {
        let dense = DenseSink::new(&self.grid.shape(), self.dtype);
        for number in (0..self.places.len()).filter(|_| self.grid.shape().size() > 0) {
            let region = cleave_plan::stage::block_region(&self.grid, number);
            let block = self.block(&cleave_plan::stage::unravel(number, &self.counts))?;
            dense.copy_ref(&region, block.elements());
        }
        Ok(dense.take())
    }
}

impl Disk {
    fn admits(&self, bytes: u64) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

impl Sink for Blocks {
    fn put(&self, region: &Region, data: Data) -> Result<(), SourceError> {
        self.copy(region, &data)
    }

    fn copy(&self, region: &Region, data: &Data) -> Result<(), SourceError> {
        self.keep(region, data).map_err(put_aside)
    }
}

impl Source for Blocks {
    fn grid(&self) -> &Chunks {
        &self.grid
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn block(&self, index: &[usize]) -> Result<Block, SourceError> {
        match (self.place(index), &self.disk) {
            (Some(Place::Memory(block)), _) => Ok(block.clone()),
            (Some(Place::Disk(extent)), Some(disk)) => {
                let data = disk.file.read(extent, self.dtype).map_err(put_aside)?;
                Ok(Block::Owned(Arc::new(data)))
            }
            (Some(Place::Disk(_)), None) | (None, _) => unreachable!("a block is made before it is read"),
        }
    }

    fn fill(&self, index: &[usize], bytes: &mut [u8]) -> Result<bool, SourceError> {
        match (self.place(index), &self.disk) {
            (Some(Place::Disk(extent)), Some(disk)) => disk.file.fill(extent, bytes).map(|()| true).map_err(put_aside),
            _ => Ok(false),
        }
    }

    fn is_resident(&self) -> bool {
        self.disk.is_none()
    }

    fn is_block_resident(&self, index: &[usize]) -> bool {
        matches!(self.place(index), Some(Place::Memory(_)))
    }

    fn held_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    fn label(&self) -> &str {
        "in memory"
    }

    fn stored_bytes(&self) -> Option<u64> {
        Some(self.held_bytes())
    }
}

impl Blocks {
    fn place(&self, index: &[usize]) -> Option<&Place> {
        self.places[number_of(index, &self.counts)].get()
    }
}

fn put_aside(error: SpillError) -> SourceError {
    SourceError { what: "a block put aside".to_owned(), cause: Arc::new(error) }
}
