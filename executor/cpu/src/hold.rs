//! Values in blocks, each put once and read often: results that stay, and what stages leave for later ones.

use crate::memory::{DenseSink, block_number, number_of};
use crate::parts::Parts;
use crate::room::Rooms;
use crate::shelf::{Place, Shelf, put_aside};
use crate::spill::Spill;
use cleave_ops::{Chunks, DType, Data, Region, Shape};
use cleave_plan::plan::{Buffer, PlannedOutput};
use cleave_plan::{Block, Keep, Sink, Source, SourceError, SpillError, Stop};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// An array in blocks, in memory as far as it may be, the rest on disk.
pub struct Blocks {
    grid: Chunks,
    counts: Shape,
    dtype: DType,
    places: Vec<OnceLock<Place>>,
    shelf: Shelf,
    /// How blocks are cut as they come, if they are.
    parts: Option<Parts>,
}

/// A block that was asked for where it is not: its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absent(pub usize);

impl Blocks {
    /// Room for a result that stays in memory.
    pub fn new(output: &PlannedOutput, rooms: &Arc<Rooms>) -> Self {
        Self::on(Shelf::of_memory(rooms), &output.grid, output.dtype)
    }

    /// Room for a value between stages.
    pub(crate) fn between(buffer: &Buffer, rooms: &Arc<Rooms>, spill: &Arc<Spill>) -> Self {
        let shelf = match buffer.keep {
            Keep::Dense | Keep::Memory => Shelf::of_memory(rooms),
            Keep::Spill { memory_bytes } => Shelf::with_disk(rooms, spill, memory_bytes),
        };
        let parts = Parts::of(buffer);
        let blocks = Self::on(shelf, parts.as_ref().map_or(&buffer.grid, Parts::grid), buffer.dtype);
        Self { parts, ..blocks }
    }

    fn on(shelf: Shelf, grid: &Chunks, dtype: DType) -> Self {
        let places = std::iter::repeat_with(OnceLock::new).take(grid.count()).collect();
        Self { grid: grid.clone(), counts: grid.numblocks(), dtype, places, shelf, parts: None }
    }

    /// Takes a copy of a finished block, by its number; one that is there already stays. Those for which there is
    /// no memory go to disk, so the first stay: what is read in order is best kept so.
    pub(crate) fn keep(&self, number: usize, block: &Data) -> Result<(), SpillError> {
        match &self.parts {
            None => self.place(number, block),
            Some(parts) => parts.each(number, block, |number, part| self.place(number, part)),
        }
    }

    fn place(&self, number: usize, block: &Data) -> Result<(), SpillError> {
        let Some(place) = self.places.get(number).filter(|place| place.get().is_none()) else { return Ok(()) };
        if let Err(second) = place.set(self.shelf.put(block)?) {
            self.shelf.forget(&second);
        }
        Ok(())
    }

    /// A block by its number.
    fn get(&self, number: usize) -> Result<Block, SourceError> {
        match self.places.get(number).and_then(OnceLock::get) {
            Some(place) => self.shelf.get(place, self.dtype),
            None => Err(SourceError { what: "a block that stays".to_owned(), cause: Arc::new(Absent(number)) }),
        }
    }

    /// All elements as one row-major buffer.
    pub fn to_dense(&self) -> Result<Data, SourceError> {
        let dense = DenseSink::new(&self.grid.shape(), self.dtype);
        for number in (0..self.places.len()).filter(|_| self.grid.shape().size() > 0) {
            let region = cleave_plan::stage::block_region(&self.grid, number);
            dense.copy_ref(&region, self.get(number)?.elements());
        }
        Ok(dense.take())
    }
}

impl Sink for Blocks {
    fn put(&self, region: &Region, data: Data) -> Result<(), SourceError> {
        self.copy(region, &data)
    }

    fn copy(&self, region: &Region, data: &Data) -> Result<(), SourceError> {
        if region.size() == 0 {
            return Ok(());
        }
        self.keep(block_number(&self.grid, &region.start), data).map_err(put_aside)
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
        self.get(number_of(index, &self.counts))
    }

    fn fill(&self, index: &[usize], bytes: &mut [u8], _: Stop<'_>) -> Result<bool, SourceError> {
        let place = self.places[number_of(index, &self.counts)].get();
        place.map_or(Ok(false), |place| self.shelf.fill(place, bytes))
    }

    fn is_resident(&self) -> bool {
        self.shelf.is_memory()
    }

    fn is_block_resident(&self, index: &[usize]) -> bool {
        matches!(self.places[number_of(index, &self.counts)].get(), Some(Place::Memory(_)))
    }

    fn held_bytes(&self) -> u64 {
        self.shelf.memory_bytes()
    }

    fn label(&self) -> &str {
        "in memory"
    }

    fn stored_bytes(&self) -> Option<u64> {
        Some(self.held_bytes())
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {} is not here", self.0)
    }
}

impl std::error::Error for Absent {}
