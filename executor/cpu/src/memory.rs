//! Results that stay in memory: sinks that become sources.

use cleave_ops::{Chunks, DType, Data, DataRef, Region, Shape};
use cleave_plan::stage::unravel;
use cleave_plan::{Block, Sink, Source, SourceError};
use smallvec::SmallVec;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::copy::{Walk, copy_box};

/// Collects a result as one row-major buffer.
pub struct DenseSink {
    shape: Shape,
    dtype: DType,
    /// Guards the buffer, which blocks are copied into.
    data: Mutex<Data>,
}

/// A row-major array in memory.
pub struct MemorySource {
    grid: Chunks,
    data: Arc<Data>,
}

/// Collects a result as blocks.
pub struct GridSink {
    grid: Chunks,
    dtype: DType,
    /// Guards the blocks, by row-major number.
    blocks: Mutex<Vec<Arc<Data>>>,
}

/// An array in memory, in blocks.
pub struct BlockSource {
    grid: Chunks,
    dtype: DType,
    blocks: Vec<Arc<Data>>,
}

impl DenseSink {
    /// A buffer for a result of that shape and dtype.
    pub fn new(shape: &Shape, dtype: DType) -> Self {
        Self { shape: shape.clone(), dtype, data: Mutex::new(Data::zeros(dtype, shape.size())) }
    }

    /// The elements collected so far; the sink is empty afterwards.
    pub fn take(&self) -> Data {
        std::mem::replace(&mut *lock(&self.data), Data::with_capacity(self.dtype, 0))
    }

    /// The elements collected so far, as a source; the sink is empty afterwards.
    pub fn source(&self) -> MemorySource {
        MemorySource::new(&self.shape, Arc::new(self.take()))
    }

    pub(crate) fn copy_ref(&self, region: &Region, block: DataRef<'_>) {
        let to = Walk::inside(&region.start, &self.shape);
        copy_box(&region.len, block, &Walk::whole(&region.len), &mut lock(&self.data), &to);
    }
}

impl Sink for DenseSink {
    fn put(&self, region: &Region, data: Data) -> Result<(), SourceError> {
        if region.len == self.shape {
            *lock(&self.data) = data;
        } else {
            self.copy_ref(region, data.as_ref());
        }
        Ok(())
    }
}

impl MemorySource {
    /// The elements of an array of that shape.
    pub fn new(shape: &Shape, data: Arc<Data>) -> Self {
        Self { grid: Chunks::single(shape), data }
    }

    /// The elements.
    pub fn data(&self) -> &Arc<Data> {
        &self.data
    }
}

impl Source for MemorySource {
    fn grid(&self) -> &Chunks {
        &self.grid
    }

    fn dtype(&self) -> DType {
        self.data.dtype()
    }

    fn block(&self, _index: &[usize]) -> Result<Block, SourceError> {
        Ok(Block::Owned(Arc::clone(&self.data)))
    }

    fn is_resident(&self) -> bool {
        true
    }

    fn held_bytes(&self) -> u64 {
        self.data.nbytes() as u64
    }

    fn label(&self) -> &str {
        "in memory"
    }

    fn stored_bytes(&self) -> Option<u64> {
        Some(self.held_bytes())
    }
}

impl GridSink {
    /// Room for the blocks of a result.
    pub fn new(grid: &Chunks, dtype: DType) -> Self {
        let none = Arc::new(Data::with_capacity(dtype, 0));
        Self { grid: grid.clone(), dtype, blocks: Mutex::new(vec![none; grid.count()]) }
    }

    /// The blocks collected so far, as a source; the sink is empty afterwards.
    pub fn source(&self) -> BlockSource {
        let blocks = std::mem::take(&mut *lock(&self.blocks));
        BlockSource { grid: self.grid.clone(), dtype: self.dtype, blocks }
    }
}

impl Sink for GridSink {
    fn put(&self, region: &Region, data: Data) -> Result<(), SourceError> {
        if region.size() > 0 {
            let number = block_number(&self.grid, &region.start);
            lock(&self.blocks)[number] = Arc::new(data);
        }
        Ok(())
    }
}

impl BlockSource {
    /// Blocks by row-major number; there is one for each place of the grid.
    pub fn new(grid: &Chunks, dtype: DType, blocks: Vec<Arc<Data>>) -> Self {
        Self { grid: grid.clone(), dtype, blocks }
    }

    /// All elements as one row-major buffer.
    pub fn to_dense(&self) -> Data {
        let dense = DenseSink::new(&self.grid.shape(), self.dtype);
        for (number, block) in self.blocks.iter().enumerate() {
            dense.copy_ref(&cleave_plan::stage::block_region(&self.grid, number), block.as_ref().as_ref());
        }
        dense.take()
    }
}

impl Source for BlockSource {
    fn grid(&self) -> &Chunks {
        &self.grid
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn block(&self, index: &[usize]) -> Result<Block, SourceError> {
        Ok(Block::Owned(Arc::clone(&self.blocks[number_of(index, &self.grid.numblocks())])))
    }

    fn is_resident(&self) -> bool {
        true
    }

    fn held_bytes(&self) -> u64 {
        self.blocks.iter().map(|b| b.nbytes() as u64).sum()
    }

    fn label(&self) -> &str {
        "in memory"
    }

    fn stored_bytes(&self) -> Option<u64> {
        Some(self.held_bytes())
    }
}

/// The row-major number of an index.
pub(crate) fn number_of(index: &[usize], lens: &Shape) -> usize {
    let number = index.iter().zip(&lens.strides()).map(|(i, s)| i * s).sum();
    debug_assert_eq!(unravel(number, lens).as_slice(), index);
    number
}

/// The row-major number of the block that begins at, or holds, an index.
pub(crate) fn block_number(grid: &Chunks, at: &[usize]) -> usize {
    let index: SmallVec<[usize; 4]> = grid.0.iter().zip(at).map(|(axis, &i)| axis.find(i)).collect();
    number_of(&index, &grid.numblocks())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
