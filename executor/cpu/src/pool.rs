//! The threads that compute.

use cleave_plan::RunError;

/// Threads that wait for work; one of one thread works on the caller's.
pub struct Pool {
    threads: usize,
    workers: Option<rayon::ThreadPool>,
}

impl Pool {
    /// Starts that many threads; 0 counts as 1.
    pub fn new(threads: usize) -> Result<Self, RunError> {
        let threads = threads.max(1);
        if threads == 1 {
            return Ok(Self { threads, workers: None });
        }
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("compute-{i}"));
        let workers = builder.build().map_err(|e| RunError::Threads(Box::new(e)))?;
        Ok(Self { threads, workers: Some(workers) })
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
