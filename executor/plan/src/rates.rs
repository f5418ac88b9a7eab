//! What the machine does in a second, for weighing work against memory and disk.

/// Speeds of a machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Additions of one thread.
    pub work: f64,
    /// Bytes one thread moves to or from memory.
    pub memory: f64,
    /// Bytes of stored or spilled blocks the machine packs and writes, or reads and unpacks.
    pub disk: f64,
    /// Seconds a further stage costs besides its work.
    pub stage_s: f64,
}

impl Default for Rates {
    /// A machine of today, rather slow.
    fn default() -> Self {
        Self { work: 2.5e9, memory: 8e9, disk: 0.7e9, stage_s: 50e-6 }
    }
}

impl Rates {
    /// Seconds of that much arithmetic.
    pub fn work_s(&self, additions: f64, threads: usize) -> f64 {
        additions / (self.work * threads.max(1) as f64)
    }

    /// Seconds to move that many bytes to or from memory, which a few threads keep busy.
    pub fn memory_s(&self, bytes: f64, threads: usize) -> f64 {
        bytes / (self.memory * threads.clamp(1, 4) as f64)
    }

    /// Seconds to write or read that many bytes.
    pub fn disk_s(&self, bytes: f64) -> f64 {
        bytes / self.disk
    }
}
