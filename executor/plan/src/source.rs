//! Data that exists, as a backend sees it.

use cleave_graph::SourceId;
use cleave_ops::{Chunks, DType, Data, DataRef};
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Whether whoever waits for a block wants it no longer; to be asked after every few milliseconds of work.
pub type Stop<'a> = &'a dyn Fn() -> bool;

/// An array that exists: blocks in memory, a mapped file, a chunked store.
pub trait Source: Send + Sync {
    /// How it is stored; blocks are read whole.
    fn grid(&self) -> &Chunks;
    /// Its element type.
    fn dtype(&self) -> DType;
    /// Reads one block, given its index on each axis; elements are row-major in the block's own shape.
    fn block(&self, index: &[usize]) -> Result<Block, SourceError>;
    /// Writes the bytes of one block, in the machine's order, into memory of just its length; false where a block
    /// only comes as `block` hands it over. May end with any error where it is to stop.
    fn fill(&self, index: &[usize], bytes: &mut [u8], stop: Stop<'_>) -> Result<bool, SourceError> {
        let _ = (index, bytes, stop);
        Ok(false)
    }
    /// Bytes that reading a block takes besides its own.
    fn unpacking_bytes(&self) -> u64 {
        self.grid().0.iter().fold(self.dtype().size() as u64, |n, axis| n.saturating_mul(axis.longest() as u64))
    }
    /// Whether a block costs nothing to get (it lies in memory or is mapped), so that caching it is waste.
    fn is_resident(&self) -> bool;
    /// The same of one block, where some are in memory and others are not.
    fn is_block_resident(&self, index: &[usize]) -> bool {
        let _ = index;
        self.is_resident()
    }
    /// Whether its blocks lie in a mapped file, of which memory holds what was looked at.
    fn is_mapped(&self) -> bool {
        false
    }
    /// Gives that memory back as soon as nobody holds a block that was handed out before.
    fn let_go(&self) {}
    /// Bytes of memory it takes as long as it exists.
    fn held_bytes(&self) -> u64 {
        0
    }
    /// What cards call it, such as `era5.zarr / t2m`, `x.npy` or `in memory`.
    fn label(&self) -> &str;
    /// Bytes it takes where it is stored, if known.
    fn stored_bytes(&self) -> Option<u64>;
}

/// The elements of one block.
#[derive(Clone)]
pub enum Block {
    /// Held in memory.
    Owned(Arc<Data>),
    /// Held by something else, such as a mapped file.
    Shared(Arc<dyn Elements>),
}

/// Memory that holds a block's elements.
pub trait Elements: Send + Sync {
    /// The elements.
    fn elements(&self) -> DataRef<'_>;
}

impl Block {
    /// The elements.
    pub fn elements(&self) -> DataRef<'_> {
        match self {
            Block::Owned(data) => data.as_ref().as_ref(),
            Block::Shared(holder) => holder.elements(),
        }
    }
}

/// The sources a graph's `Load` nodes name.
pub type Sources = HashMap<SourceId, Arc<dyn Source>>;

/// A block that could not be read or written.
#[derive(Debug)]
pub struct SourceError {
    /// What was being read or written, such as `x.zarr, chunk (3, 0)`.
    pub what: String,
    /// Why.
    pub cause: Arc<dyn std::error::Error + Send + Sync>,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.cause)
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// Where finished blocks of a result go: memory, a file, a store. Called from many threads at once.
pub trait Sink: Send + Sync {
    /// Takes one finished block: the region of the result it covers and its elements, row-major.
    fn put(&self, region: &cleave_ops::Region, data: Data) -> Result<(), SourceError>;
    /// Takes a finished block by copying it.
    fn copy(&self, region: &cleave_ops::Region, data: &Data) -> Result<(), SourceError> {
        self.put(region, data.clone())
    }
    /// The same; may end with any error where it is to stop.
    fn copy_unless(&self, region: &cleave_ops::Region, data: &Data, stop: Stop<'_>) -> Result<(), SourceError> {
        let _ = stop;
        self.copy(region, data)
    }
    /// Itself, for who leaves results in sinks of his own in his own way.
    fn as_any(self: Arc<Self>) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
    /// The directory in which other processes may write blocks themselves from now on, if it is such a sink.
    fn lend(&self) -> Option<PathBuf> {
        None
    }
    /// Another process has written a block there.
    fn note(&self, region: &cleave_ops::Region) -> Result<(), SourceError> {
        let cause = Arc::new(std::io::Error::from(std::io::ErrorKind::Unsupported));
        Err(SourceError { what: format!("a block of {} elements, written elsewhere", region.size()), cause })
    }
}
