//! Stored arrays in blocks of which there is memory for one: each block is read once, cut, and its parts wait on
//! disk, from where they come back in any order.

use crate::apart::{Taken, apart};
use crate::copy::{Walk, copy_box};
use crate::gather::locate;
use crate::ledger::Ledger;
use crate::memory::number_of;
use crate::room::Rooms;
use crate::spill::{Extent, Spill, SpillFile};
use cleave_ops::{Chunks, DType, Data, Region, Shape};
use cleave_plan::stage::unravel;
use cleave_plan::{Block, Plan, RunError, Source, SourceError, Sources, SpillError, Stop};
use smallvec::SmallVec;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

/// How often a thread that waits for another to read looks whether the run is to stop.
const LOOK: Duration = Duration::from_millis(2);

/// A stored array in finer blocks than its own.
struct Staged {
    inner: Arc<dyn Source>,
    grid: Chunks,
    counts: Shape,
    parts: Vec<OnceLock<Extent>>,
    file: OnceLock<Result<SpillFile, SpillError>>,
    spill: Arc<Spill>,
    rooms: Arc<Rooms>,
    /// Held by the one thread in the run that reads a block and cuts it.
    turn: Arc<Mutex<()>>,
    ledger: Arc<Ledger>,
    cancel: Arc<AtomicBool>,
}

/// The sources as a plan reads them.
pub(crate) fn staged(
    plan: &Plan,
    sources: &Sources,
    (spill, rooms): (&Arc<Spill>, &Arc<Rooms>),
    ledger: &Arc<Ledger>,
    cancel: &Arc<AtomicBool>,
) -> Sources {
    let mut all = sources.clone();
    let turn = Arc::new(Mutex::new(()));
    for (id, grid) in &plan.staged {
        if let Some(source) = all.get_mut(id) {
            *source = Arc::new(Staged {
                inner: Arc::clone(source),
                grid: grid.clone(),
                counts: grid.numblocks(),
                parts: std::iter::repeat_with(OnceLock::new).take(grid.count()).collect(),
                file: OnceLock::new(),
                spill: Arc::clone(spill),
                rooms: Arc::clone(rooms),
                turn: Arc::clone(&turn),
                ledger: Arc::clone(ledger),
                cancel: Arc::clone(cancel),
            });
        }
    }
    all
}

impl Staged {
    /// Where a part lies, which is on disk once its block was read.
    fn part(&self, index: &[usize]) -> Result<(&SpillFile, &Extent), SourceError> {
        let number = number_of(index, &self.counts);
        if self.parts[number].get().is_none() {
            let _turn = self.turn()?;
            if self.parts[number].get().is_none() {
                self.read(&self.grid.region(index))?;
            }
        }
        let extent = self.parts[number].get().expect("the block was cut just above");
        self.file().map(|file| (file, extent)).map_err(put_aside)
    }

    fn file(&self) -> Result<&SpillFile, SpillError> {
        self.file.get_or_init(|| self.spill.file()).as_ref().map_err(Clone::clone)
    }

    /// Reads the block in which a part lies, and puts all its parts on disk.
    fn read(&self, part: &Region) -> Result<(), SourceError> {
        let index: SmallVec<[usize; 4]> =
            self.inner.grid().0.iter().zip(&part.start).map(|(axis, &i)| locate(axis, i).number).collect();
        let region = self.inner.grid().region(&index);
        let bytes = region.size() * self.dtype().size();
        let taken = Taken { block: bytes, left: self.inner.unpacking_bytes() };
        let unpacking = self.ledger.claim(taken.left);
        let (rooms, inner, ledger) = (Arc::clone(&self.rooms), Arc::clone(&self.inner), Arc::clone(&self.ledger));
        let read = move |stop: Stop<'_>| rooms.read(inner.as_ref(), &index, &ledger, stop);
        let (block, _claim) = apart(taken, &self.ledger, &self.cancel, read).map_err(stopped)??;
        drop(unpacking);
        let file = self.file().map_err(put_aside)?;
        let firsts: SmallVec<[usize; 4]> =
            self.grid.0.iter().zip(&region.start).map(|(axis, &i)| locate(axis, i).number).collect();
        let counts: Shape = (self.grid.0.iter().zip(region.ends()).zip(&firsts))
            .map(|((axis, end), first)| locate(axis, end - 1).number + 1 - first)
            .collect();
        let mut data = Data::with_capacity(self.dtype(), 0);
        for number in 0..counts.size() {
            self.check()?;
            let at: Vec<usize> = unravel(number, &counts).iter().zip(&firsts).map(|(i, first)| i + first).collect();
            let part = self.grid.region(&at);
            let inside: SmallVec<[usize; 4]> = part.start.iter().zip(&region.start).map(|(a, b)| a - b).collect();
            data.resize(part.size());
            let from = Walk::inside(&inside, &region.len);
            copy_box(&part.len, block.elements(), &from, &mut data, &Walk::whole(&part.len));
            let extent = file.write(&data).map_err(put_aside)?;
            // Only the thread whose turn it is sets parts, and only of blocks not read before.
            let _ = self.parts[number_of(&at, &self.counts)].set(extent);
        }
        Ok(())
    }

    fn turn(&self) -> Result<MutexGuard<'_, ()>, SourceError> {
        loop {
            match self.turn.try_lock() {
                Ok(turn) => return Ok(turn),
                Err(TryLockError::Poisoned(poisoned)) => return Ok(PoisonError::into_inner(poisoned)),
                Err(TryLockError::WouldBlock) => {
                    self.check()?;
                    std::thread::sleep(LOOK);
                }
            }
        }
    }

    fn check(&self) -> Result<(), SourceError> {
        if self.cancel.load(Ordering::Relaxed) { Err(stopped(RunError::Cancelled)) } else { Ok(()) }
    }
}

impl Source for Staged {
    fn grid(&self) -> &Chunks {
        &self.grid
    }

    fn dtype(&self) -> DType {
        self.inner.dtype()
    }

    fn block(&self, index: &[usize]) -> Result<Block, SourceError> {
        let (file, extent) = self.part(index)?;
        file.read(extent, self.dtype()).map(|data| Block::Owned(Arc::new(data))).map_err(put_aside)
    }

    fn fill(&self, index: &[usize], bytes: &mut [u8], _: Stop<'_>) -> Result<bool, SourceError> {
        let (file, extent) = self.part(index)?;
        file.fill(extent, bytes).map(|()| true).map_err(put_aside)
    }

    fn is_resident(&self) -> bool {
        false
    }

    fn label(&self) -> &str {
        self.inner.label()
    }

    fn stored_bytes(&self) -> Option<u64> {
        self.inner.stored_bytes()
    }
}

fn put_aside(error: SpillError) -> SourceError {
    SourceError { what: "a part of a stored block".to_owned(), cause: Arc::new(error) }
}

/// A run that ended while a block was read.
fn stopped(error: RunError) -> SourceError {
    SourceError { what: "a stored block".to_owned(), cause: Arc::new(error) }
}
