//! The threads that compute.

use crate::room::Rooms;
use cleave_plan::RunError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Threads that wait for work, and the memory they use again; one of one thread works on the caller's.
pub struct Pool {
    /// Memory for blocks that stay.
    pub(crate) rooms: Arc<Rooms>,
    /// Where blocks are put aside when memory is short.
    pub(crate) spill_directory: PathBuf,
    threads: usize,
    workers: Option<rayon::ThreadPool>,
}

impl Pool {
    /// Starts that many threads; 0 counts as 1.
    pub fn new(threads: usize) -> Result<Self, RunError> {
        let threads = threads.max(1);
        let (rooms, spill_directory) = (Arc::default(), std::env::temp_dir());
        if threads == 1 {
            return Ok(Self { rooms, spill_directory, threads, workers: None });
        }
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("compute-{i}"));
        let workers = builder.build().map_err(|e| RunError::Threads(Box::new(e)))?;
        Ok(Self { rooms, spill_directory, threads, workers: Some(workers) })
    }

    /// The same, putting blocks aside in another directory than the system's for temporary files.
    pub fn spilling_to(self, spill_directory: PathBuf) -> Self {
        Self { spill_directory, ..self }
    }

    /// The memory for blocks that stay.
    pub fn rooms(&self) -> &Arc<Rooms> {
        &self.rooms
    }

    /// Where blocks are put aside.
    pub fn spill_directory(&self) -> &Path {
        &self.spill_directory
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Calls `work` on every thread at once, or on this one where there is little to do; returns when all are done.
    pub(crate) fn each(&self, tasks: usize, work: impl Fn() + Sync) {
        match &self.workers {
            Some(workers) if tasks > 1 => {
                workers.broadcast(|_| work());
            }
            _ => work(),
        }
    }
}
