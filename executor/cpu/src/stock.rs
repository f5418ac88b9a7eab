//! Blocks of one array that are kept within a budget of memory, each of which can be forgotten.

use crate::budget::Budget;
use crate::hold::Absent;
use crate::memory::number_of;
use crate::room::Rooms;
use crate::shelf::put_aside;
use crate::spill::{Extent, Spill, SpillFile};
use cleave_ops::{Chunks, DType, Data, Shape};
use cleave_plan::{Block, Source, SourceError, SpillError, Stop};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Blocks of an array, by number.
pub(crate) struct Stock {
    grid: Chunks,
    counts: Shape,
    dtype: DType,
    rooms: Arc<Rooms>,
    budget: Arc<Budget>,
    spill: Arc<Spill>,
    /// There is none before the first block goes there.
    file: OnceLock<Result<SpillFile, SpillError>>,
    /// Guards the list of places.
    places: Mutex<HashMap<usize, Place>>,
}

/// Where a block is.
#[derive(Clone)]
enum Place {
    /// In memory, and when it came; before that is known it cannot be put aside.
    Memory(Block, Option<u64>),
    Disk(Extent),
}

impl Stock {
    pub(crate) fn new(
        grid: &Chunks,
        dtype: DType,
        (rooms, spill): (&Arc<Rooms>, &Arc<Spill>),
        budget: &Arc<Budget>,
    ) -> Self {
        Self {
            grid: grid.clone(),
            counts: grid.numblocks(),
            dtype,
            rooms: Arc::clone(rooms),
            budget: Arc::clone(budget),
            spill: Arc::clone(spill),
            file: OnceLock::new(),
            places: Mutex::default(),
        }
    }

    /// Takes a copy of a block; one that is there already stays.
    pub(crate) fn keep(self: &Arc<Self>, number: usize, block: &Data) -> Result<(), SourceError> {
        if self.holds(number) {
            return Ok(());
        }
        let bytes = block.nbytes() as u64;
        let (place, taken) = if self.budget.take(bytes) {
            (Place::Memory(self.rooms.keep(block), None), bytes)
        } else {
            let extent = self.file().and_then(|file| file.write(block)).map_err(put_aside)?;
            (Place::Disk(extent), 0)
        };
        match self.places().entry(number) {
            Entry::Occupied(_) => self.budget.leave(std::iter::empty(), taken),
            Entry::Vacant(vacant) => drop(vacant.insert(place)),
        }
        if taken > 0 {
            self.enter(number);
        }
        Ok(())
    }

    /// Lets the budget know of a block in memory, unless it does.
    fn enter(self: &Arc<Self>, number: usize) {
        let came = self.budget.enter(self, number);
        match self.places().get_mut(&number) {
            Some(Place::Memory(_, entered @ None)) => *entered = Some(came),
            _ => self.budget.leave(std::iter::once(came), 0),
        }
    }

    /// A block, if it is here.
    pub(crate) fn get(&self, number: usize) -> Result<Option<Block>, SourceError> {
        let place = self.places().get(&number).cloned();
        match place {
            None => Ok(None),
            Some(Place::Memory(block, _)) => Ok(Some(block)),
            Some(Place::Disk(extent)) => {
                let data = self.file().and_then(|file| file.read(&extent, self.dtype)).map_err(put_aside)?;
                Ok(Some(Block::Owned(Arc::new(data))))
            }
        }
    }

    /// Whether a block is here.
    pub(crate) fn holds(&self, number: usize) -> bool {
        self.places().contains_key(&number)
    }

    /// Forgets a block. Its bytes on disk stay as long as the array.
    pub(crate) fn forget(&self, number: usize) {
        let gone = self.places().remove(&number);
        self.left(gone.iter());
    }

    /// Moves a block from memory to disk. If that fails it stays where it is.
    pub(crate) fn put_aside(&self, number: usize) -> Result<(), SpillError> {
        let Some(Place::Memory(block, _)) = self.places().get(&number).cloned() else { return Ok(()) };
        let extent = self.file()?.write_elements(block.elements())?;
        let before = match self.places().entry(number) {
            Entry::Occupied(mut place) if matches!(place.get(), Place::Memory(..)) => {
                Some(place.insert(Place::Disk(extent)))
            }
            _ => None,
        };
        self.left(before.iter());
        Ok(())
    }

    /// Bytes of blocks in memory.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.places().values().map(Place::memory_bytes).sum()
    }

    fn left<'a>(&self, gone: impl Iterator<Item = &'a Place> + Clone) {
        let bytes = gone.clone().map(Place::memory_bytes).sum();
        let numbers = gone.filter_map(|place| if let Place::Memory(_, came) = place { *came } else { None });
        self.budget.leave(numbers, bytes);
    }

    fn file(&self) -> Result<&SpillFile, SpillError> {
        self.file.get_or_init(|| self.spill.file()).as_ref().map_err(Clone::clone)
    }

    fn places(&self) -> MutexGuard<'_, HashMap<usize, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn memory_bytes(&self) -> u64 {
        match self {
            Place::Memory(block, _) => {
                let elements = block.elements();
                (elements.len() * elements.dtype().size()) as u64
            }
            Place::Disk(_) => 0,
        }
    }
}

impl Drop for Stock {
    fn drop(&mut self) {
        let gone = std::mem::take(&mut *self.places());
        self.left(gone.values());
    }
}

impl Source for Stock {
    fn grid(&self) -> &Chunks {
        &self.grid
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn block(&self, index: &[usize]) -> Result<Block, SourceError> {
        let number = number_of(index, &self.counts);
        let absent = || SourceError { what: "a block that stays".to_owned(), cause: Arc::new(Absent(number)) };
        self.get(number)?.ok_or_else(absent)
    }

    fn fill(&self, index: &[usize], bytes: &mut [u8], _: Stop<'_>) -> Result<bool, SourceError> {
        let place = self.places().get(&number_of(index, &self.counts)).cloned();
        let Some(Place::Disk(extent)) = place else { return Ok(false) };
        self.file().and_then(|file| file.fill(&extent, bytes)).map(|()| true).map_err(put_aside)
    }

    fn is_resident(&self) -> bool {
        false
    }

    fn is_block_resident(&self, index: &[usize]) -> bool {
        matches!(self.places().get(&number_of(index, &self.counts)), Some(Place::Memory(..)))
    }

    fn label(&self) -> &str {
        "in memory"
    }

    fn stored_bytes(&self) -> Option<u64> {
        None
    }
}
