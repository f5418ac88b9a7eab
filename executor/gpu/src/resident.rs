//! Arrays that stay on a card: the host has a copy of a block once it was asked for it.

use crate::anew::{Anew, lost};
use crate::device::Memory;
use crate::emit::Placed;
use crate::error::GpuError;
use crate::runs::Runs;
use crate::shelf::placed;
use cleave_cpu::{Blocks, Rooms};
use cleave_ops::{Chunks, DType, Data, Region, filled};
use cleave_plan::plan::PlannedOutput;
use cleave_plan::stage::{block_region, unravel};
use cleave_plan::{Block, Sink, Source, SourceError};
use std::any::Any;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

/// A result that a card keeps if it has made all of it and has the room; else it is in the host's memory.
pub struct Resident {
    whole: Region,
    dtype: DType,
    /// What of it the host has.
    blocks: Arc<Blocks>,
    /// Guards where the rest is.
    place: RwLock<Place>,
    /// How it is made anew if the card fails, as an output, and whether that was done.
    anew: OnceLock<(Arc<Anew>, usize)>,
    is_anew: OnceLock<bool>,
}

enum Place {
    /// With the host, as all else.
    Host,
    /// All of it lies on the card, row-major.
    Card(Memory),
    /// The card failed.
    Lost(GpuError),
}

impl Resident {
    /// Room for a result.
    pub fn new(output: &PlannedOutput, rooms: &Arc<Rooms>) -> Self {
        let (whole, blocks) = (Region::whole(&output.shape), Arc::new(Blocks::new(output, rooms)));
        let (place, anew, is_anew) = (RwLock::new(Place::Host), OnceLock::new(), OnceLock::new());
        Self { whole, dtype: output.dtype, blocks, place, anew, is_anew }
    }

    /// Whether all of it lies on the card.
    pub fn is_on_card(&self) -> bool {
        matches!(*self.place(), Place::Card(_))
    }

    /// All of it.
    pub(crate) fn whole(&self) -> &Region {
        &self.whole
    }

    /// Bytes of all of it.
    pub(crate) fn nbytes(&self) -> usize {
        self.whole.size() * self.dtype.size()
    }

    /// Where it lies on the card, as long as nobody has it come home.
    pub(crate) fn placed(&self) -> Option<Placed> {
        match &*self.place() {
            Place::Card(memory) => Some(placed(&self.whole, memory)),
            Place::Host | Place::Lost(_) => None,
        }
    }

    /// All of it was made there; how it is made anew, as an output, if that is known.
    pub(crate) fn keep(&self, memory: Memory, anew: Option<(Arc<Anew>, usize)>) {
        self.set(Place::Card(memory));
        anew.into_iter().for_each(|anew| drop(self.anew.set(anew)));
    }

    /// Its memory on the card is given back, once the host has all of it.
    pub(crate) fn come_home(&self) -> Result<(), SourceError> {
        let counts = self.blocks.grid().numblocks();
        (0..self.blocks.grid().count()).try_for_each(|number| self.here(&unravel(number, &counts)))?;
        self.set(Place::Host);
        Ok(())
    }

    /// The card failed: what the host does not have is made anew when it is wanted, or lost.
    pub(crate) fn lose(&self, error: &GpuError) {
        if self.is_on_card() {
            self.set(Place::Lost(error.clone()));
        }
    }

    /// Has the host hold a block.
    fn here(&self, index: &[usize]) -> Result<(), SourceError> {
        if self.blocks.is_block_resident(index) {
            return Ok(());
        }
        let grid = self.blocks.grid();
        let number = index.iter().zip(&grid.numblocks().strides()).map(|(i, stride)| i * stride).sum();
        let region = block_region(grid, number);
        match &*self.place() {
            Place::Host => Ok(()),
            Place::Card(memory) => match self.copied(memory, &region) {
                Ok(data) => self.blocks.copy(&region, &data),
                Err(error) => self.made_anew(error),
            },
            Place::Lost(error) => self.made_anew(error.clone()),
        }
    }

    /// Has threads make all of it, once.
    fn made_anew(&self, error: GpuError) -> Result<(), SourceError> {
        let make = |(anew, output): &(Arc<Anew>, usize)| anew.make(*output, &self.blocks).is_ok();
        match self.is_anew.get_or_init(|| self.anew.get().is_some_and(make)) {
            true => Ok(()),
            false => Err(lost(error)),
        }
    }

    /// A part of it, row-major.
    fn copied(&self, memory: &Memory, part: &Region) -> Result<Data, GpuError> {
        let (runs, size) = (Runs::of(part, &self.whole), self.dtype.size());
        filled(self.dtype, part.size(), |bytes| {
            let mut parts = bytes.chunks_mut((runs.len * size).max(1)).zip(&runs.places);
            parts.try_for_each(|(bytes, place)| memory.copy_to(place * size, bytes))
        })
    }

    fn place(&self) -> RwLockReadGuard<'_, Place> {
        self.place.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, place: Place) {
        *self.place.write().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

impl Sink for Resident {
    fn put(&self, region: &Region, data: Data) -> Result<(), SourceError> {
        self.blocks.put(region, data)
    }

    fn copy(&self, region: &Region, data: &Data) -> Result<(), SourceError> {
        self.blocks.copy(region, data)
    }

    fn as_any(self: Arc<Self>) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(self)
    }
}

impl Source for Resident {
    fn grid(&self) -> &Chunks {
        self.blocks.grid()
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn block(&self, index: &[usize]) -> Result<Block, SourceError> {
        self.here(index)?;
        self.blocks.block(index)
    }

    fn is_resident(&self) -> bool {
        true
    }

    /// There is to be room for it to come home at any time.
    fn held_bytes(&self) -> u64 {
        self.nbytes() as u64
    }

    fn label(&self) -> &str {
        if self.is_on_card() { "on the card" } else { self.blocks.label() }
    }

    fn stored_bytes(&self) -> Option<u64> {
        Some(self.held_bytes())
    }
}
