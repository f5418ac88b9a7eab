//! What a machine keeps for later shares and for others that ask for it.

use crate::budget::Budget;
use crate::pool::Pool;
use crate::room::Rooms;
use crate::share::Values;
use crate::spill::Spill;
use crate::stock::Stock;
use cleave_graph::SourceId;
use cleave_ops::{Chunks, DType, Data};
use cleave_plan::{Block, BufferId, Source, SourceError};
use std::collections::HashMap;
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

/// Blocks by array and number, in memory as far as a budget goes, the rest on disk.
pub struct Kept {
    rooms: Arc<Rooms>,
    spill: Arc<Spill>,
    budget: Arc<Budget>,
    /// Guards the list of arrays.
    arrays: Mutex<HashMap<Item, Arc<Stock>>>,
}

impl Kept {
    /// Nothing yet. The budget may be that of others as well.
    pub fn new(pool: &Pool, budget: &Arc<Budget>) -> Self {
        Self {
            rooms: Arc::clone(&pool.rooms),
            spill: Arc::new(Spill::new(&pool.spill_directory)),
            budget: Arc::clone(budget),
            arrays: Mutex::default(),
        }
    }

    /// Makes a place for blocks of an array, unless there is one.
    pub fn open(&self, item: Item, grid: &Chunks, dtype: DType) {
        let stock = || Arc::new(Stock::new(grid, dtype, (&self.rooms, &self.spill), &self.budget));
        self.arrays().entry(item).or_insert_with(stock);
    }

    /// Takes a copy of a block, if there is a place for its array; one that is there already stays.
    pub fn keep(&self, item: Item, number: usize, block: &Data) -> Result<(), SourceError> {
        self.array(item).map_or(Ok(()), |stock| stock.keep(number, block))
    }

    /// A block, if it is here.
    pub fn get(&self, item: Item, number: usize) -> Result<Option<Block>, SourceError> {
        self.array(item).map_or(Ok(None), |stock| stock.get(number))
    }

    /// Whether a block is here.
    pub fn holds(&self, item: Item, number: usize) -> bool {
        self.array(item).is_some_and(|stock| stock.holds(number))
    }

    /// An array with the blocks that are here; reading another is an [`Absent`](crate::Absent) error.
    pub fn source(&self, item: Item) -> Option<Arc<dyn Source>> {
        Some(self.array(item)?)
    }

    /// Forgets an array.
    pub fn release(&self, item: Item) {
        let gone = self.arrays().remove(&item);
        drop(gone);
    }

    /// Forgets a block.
    pub fn release_block(&self, item: Item, number: usize) {
        self.array(item).iter().for_each(|stock| stock.forget(number));
    }

    /// Bytes of blocks in memory.
    pub fn memory_bytes(&self) -> u64 {
        self.arrays().values().map(|stock| stock.memory_bytes()).sum()
    }

    /// Bytes of all blocks that went to disk.
    pub fn bytes_spilled(&self) -> u64 {
        self.spill.written_bytes()
    }

    fn array(&self, item: Item) -> Option<Arc<Stock>> {
        self.arrays().get(&item).cloned()
    }

    fn arrays(&self) -> MutexGuard<'_, HashMap<Item, Arc<Stock>>> {
        self.arrays.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Values for Kept {
    fn buffer(&self, id: BufferId) -> Option<Arc<dyn Source>> {
        self.source(Item::Buffer(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hold::Absent;
    use cleave_ops::AxisChunks;

    fn block(number: usize) -> Data {
        Data::F64((0..100).map(|i| (100 * number + i) as f64).collect())
    }

    #[test]
    fn what_does_not_fit_into_memory_is_on_disk_and_all_goes_again() {
        let parent = tempfile::tempdir().expect("a directory");
        let pool = Pool::new(1).expect("a thread").spilling_to(parent.path().to_owned());
        let budget = Budget::new(2000);
        let kept = Kept::new(&pool, &budget);
        let grid = Chunks([AxisChunks::regular(500, 100)].into_iter().collect());
        let items = [Item::Buffer(BufferId(0)), Item::Output(0), Item::Source(SourceId(7))];
        for item in items {
            kept.open(item, &grid, DType::F64);
            for number in [3, 1, 3] {
                kept.keep(item, number, &block(number)).expect("room on disk");
            }
            for number in 0..6 {
                let found = kept.get(item, number).expect("it can be read");
                let here = [1, 3].contains(&number);
                assert_eq!((found.is_some(), kept.holds(item, number)), (here, here));
                found.iter().for_each(|found| assert_eq!(found.elements(), block(number).as_ref()));
            }
        }
        assert_eq!((kept.memory_bytes(), kept.bytes_spilled()), (1600, 4 * 800));
        let source = kept.source(items[0]).expect("it is read");
        assert!(source.block(&[0]).is_err_and(|error| error.cause.is::<Absent>()));
        assert_eq!(source.block(&[3]).expect("it is here").elements(), block(3).as_ref());
        drop(source);
        // What came last is in memory; forgetting it makes room.
        kept.release(items[0]);
        assert_eq!((kept.memory_bytes(), budget.used_bytes(), budget.blocks()), (1600, 1600, 2));
        kept.release(items[2]);
        assert_eq!((kept.memory_bytes(), budget.used_bytes(), budget.blocks()), (0, 0, 0));
        kept.keep(items[1], 0, &block(0)).expect("room in memory");
        assert_eq!(budget.used_bytes(), 800);
        kept.release_block(items[1], 0);
        assert_eq!((budget.used_bytes(), kept.holds(items[1], 0)), (0, false));
        drop(kept);
        assert_eq!(std::fs::read_dir(parent.path()).expect("it").count(), 0);
    }

    #[test]
    fn several_share_a_budget_and_the_oldest_make_room() {
        let parent = tempfile::tempdir().expect("a directory");
        let pool = Pool::new(1).expect("a thread").spilling_to(parent.path().to_owned());
        let (budget, item) = (Budget::new(2400), Item::Output(0));
        let [first, second] = [0, 1].map(|_| Kept::new(&pool, &budget));
        let grid = Chunks([AxisChunks::regular(500, 100)].into_iter().collect());
        for (kept, numbers) in [(&first, 0..3), (&second, 0..2)] {
            kept.open(item, &grid, DType::F64);
            numbers.for_each(|number| kept.keep(item, number, &block(number)).expect("room on disk"));
        }
        assert_eq!((first.memory_bytes(), second.memory_bytes(), budget.blocks()), (800, 1600, 3));
        budget.allow(800);
        assert_eq!((first.memory_bytes(), second.memory_bytes(), budget.blocks()), (0, 800, 1));
        for (kept, number) in [(&first, 0), (&first, 2), (&second, 0), (&second, 1)] {
            let found = kept.get(item, number).expect("it can be read").expect("it is here");
            assert_eq!(found.elements(), block(number).as_ref());
        }
        // A block for which there is never room goes to disk by itself.
        budget.allow(700);
        second.keep(item, 4, &block(4)).expect("room on disk");
        assert_eq!((budget.used_bytes(), second.holds(item, 4)), (0, true));
        drop((first, second));
        assert_eq!((budget.used_bytes(), budget.blocks()), (0, 0));
    }

    #[test]
    fn threads_that_keep_and_forget_leave_the_budget_empty() {
        let parent = tempfile::tempdir().expect("a directory");
        let pool = Pool::new(1).expect("a thread").spilling_to(parent.path().to_owned());
        let (budget, item) = (Budget::new(4000), Item::Buffer(BufferId(0)));
        let kept = Kept::new(&pool, &budget);
        kept.open(item, &Chunks([AxisChunks::regular(20_000, 100)].into_iter().collect()), DType::F64);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let kept = &kept;
                scope.spawn(move || {
                    for number in 0..200 {
                        kept.keep(item, number, &block(number)).expect("room on disk");
                        let found = kept.get(item, number).expect("it can be read");
                        found.iter().for_each(|found| assert_eq!(found.elements(), block(number).as_ref()));
                        if number % 4 == thread {
                            kept.release_block(item, number);
                        }
                    }
                });
            }
        });
        assert!(budget.used_bytes() <= 4000 && budget.used_bytes() == kept.memory_bytes());
        kept.release(item);
        assert_eq!((budget.used_bytes(), budget.blocks()), (0, 0));
    }
}
