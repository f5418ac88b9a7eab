//! What a machine keeps for later shares and for others that ask for it.

use crate::hold::{Absent, Blocks};
use crate::pool::Pool;
use crate::room::Rooms;
use crate::share::Values;
use crate::shelf::{Place, Shelf, put_aside};
use crate::spill::Spill;
use cleave_graph::SourceId;
use cleave_ops::{Chunks, DType, Data};
use cleave_plan::{Block, BufferId, Source, SourceError};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An array of which blocks are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Item {
    /// A value between stages.
    Buffer(BufferId),
    /// One of the plan's outputs, by number, until it is fetched.
    Output(usize),
    /// A source whose blocks were sent here.
    Source(SourceId),
}

/// Blocks by array and number, within so many bytes of memory, the rest on disk.
pub struct Kept {
    rooms: Arc<Rooms>,
    spill: Arc<Spill>,
    budget_bytes: u64,
    /// Bytes of memory not yet taken.
    left: Arc<AtomicU64>,
    /// Guards the list of arrays.
    arrays: Mutex<HashMap<Item, Array>>,
}

#[derive(Clone)]
enum Array {
    /// Read by shares, and forgotten as a whole.
    Read(Arc<Blocks>),
    /// Fetched and forgotten block by block.
    Fetched(Arc<Loose>),
}

/// Blocks of which each can be forgotten.
struct Loose {
    dtype: DType,
    shelf: Shelf,
    /// Guards the list of places.
    places: Mutex<HashMap<usize, Arc<Place>>>,
}

impl Kept {
    /// Nothing yet, and room for so many bytes in memory.
    pub fn new(pool: &Pool, memory_bytes: u64) -> Self {
        Self {
            rooms: Arc::clone(&pool.rooms),
            spill: Arc::new(Spill::new(&pool.spill_directory)),
            budget_bytes: memory_bytes,
            left: Arc::new(AtomicU64::new(memory_bytes)),
            arrays: Mutex::default(),
        }
    }

    /// Makes a place for blocks of an array, unless there is one.
    pub fn open(&self, item: Item, grid: &Chunks, dtype: DType) {
        self.arrays().entry(item).or_insert_with(|| {
            let shelf = Shelf::with_disk(&self.rooms, &self.spill, Arc::clone(&self.left));
            match item {
                Item::Buffer(_) | Item::Source(_) => Array::Read(Arc::new(Blocks::on(shelf, grid, dtype))),
                Item::Output(_) => Array::Fetched(Arc::new(Loose { dtype, shelf, places: Mutex::default() })),
            }
        });
    }

    /// Takes a copy of a block, if there is a place for its array; one that is there already stays.
    pub fn keep(&self, item: Item, number: usize, block: &Data) -> Result<(), SourceError> {
        match self.array(item) {
            Some(Array::Read(blocks)) => blocks.keep(number, block).map_err(put_aside),
            Some(Array::Fetched(loose)) => loose.keep(number, block),
            None => Ok(()),
        }
    }

    /// A block, if it is here.
    pub fn get(&self, item: Item, number: usize) -> Result<Option<Block>, SourceError> {
        let found = match self.array(item) {
            Some(Array::Read(blocks)) => blocks.get(number),
            Some(Array::Fetched(loose)) => return loose.get(number),
            None => return Ok(None),
        };
        match found {
            Err(error) if error.cause.is::<Absent>() => Ok(None),
            found => found.map(Some),
        }
    }

    /// Whether a block is here.
    pub fn holds(&self, item: Item, number: usize) -> bool {
        match self.array(item) {
            Some(Array::Read(blocks)) => blocks.holds(number),
            Some(Array::Fetched(loose)) => loose.places().contains_key(&number),
            None => false,
        }
    }

    /// An array that shares read, with the blocks that are here; reading another is an [`Absent`] error.
    pub fn source(&self, item: Item) -> Option<Arc<dyn Source>> {
        match self.array(item)? {
            Array::Read(blocks) => Some(blocks),
            Array::Fetched(_) => None,
        }
    }

    /// Forgets an array.
    pub fn release(&self, item: Item) {
        self.arrays().remove(&item);
    }

    /// Forgets a block of an output; those of other arrays go with them.
    pub fn release_block(&self, item: Item, number: usize) {
        if let Some(Array::Fetched(loose)) = self.array(item) {
            let gone = loose.places().remove(&number);
            gone.iter().for_each(|place| loose.shelf.forget(place));
        }
    }

    /// Bytes of blocks in memory.
    pub fn memory_bytes(&self) -> u64 {
        self.budget_bytes - self.left.load(Ordering::Relaxed)
    }

    /// Bytes of all blocks that went to disk.
    pub fn bytes_spilled(&self) -> u64 {
        self.spill.written_bytes()
    }

    fn array(&self, item: Item) -> Option<Array> {
        self.arrays().get(&item).cloned()
    }

    fn arrays(&self) -> MutexGuard<'_, HashMap<Item, Array>> {
        self.arrays.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Values for Kept {
    fn buffer(&self, id: BufferId) -> Option<Arc<dyn Source>> {
        self.source(Item::Buffer(id))
    }
}

impl Loose {
    fn keep(&self, number: usize, block: &Data) -> Result<(), SourceError> {
        if self.places().contains_key(&number) {
            return Ok(());
        }
        let place = Arc::new(self.shelf.put(block).map_err(put_aside)?);
        let second = self.places().insert(number, place);
        second.iter().for_each(|place| self.shelf.forget(place));
        Ok(())
    }

    fn get(&self, number: usize) -> Result<Option<Block>, SourceError> {
        let place = self.places().get(&number).cloned();
        place.map(|place| self.shelf.get(&place, self.dtype)).transpose()
    }

    fn places(&self) -> MutexGuard<'_, HashMap<usize, Arc<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
