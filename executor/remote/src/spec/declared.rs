//! Sources as plans see them: how they are stored, not what they hold.

use super::{StoredPlace, StoredSource};
use cleave_ops::{Chunks, DType};
use cleave_plan::{Block, Source, SourceError};
use std::io;
use std::sync::Arc;

struct Declared(StoredSource);

/// A source that says what is known of it and gives no blocks.
pub(super) fn source(known: &StoredSource) -> Arc<dyn Source> {
    Arc::new(Declared(known.clone()))
}

impl Source for Declared {
    fn grid(&self) -> &Chunks {
        &self.0.grid
    }

    fn dtype(&self) -> DType {
        self.0.dtype
    }

    fn block(&self, _: &[usize]) -> Result<Block, SourceError> {
        let cause = Arc::new(io::Error::from(io::ErrorKind::Unsupported));
        Err(SourceError { what: format!("source {}, of which only the form is known", self.0.id.0), cause })
    }

    fn is_resident(&self) -> bool {
        self.0.resident
    }

    /// What is put takes room on the worker; files are mapped or read block by block.
    fn held_bytes(&self) -> u64 {
        match self.0.place {
            StoredPlace::Put { .. } => cleave_plan::plan::nbytes(&self.0.grid.shape(), self.0.dtype),
            StoredPlace::Zarr { .. } | StoredPlace::Npy { .. } => 0,
        }
    }

    fn label(&self) -> &str {
        "a source of a job"
    }

    fn stored_bytes(&self) -> Option<u64> {
        None
    }
}
