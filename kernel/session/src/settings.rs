//! What a user can set: one entry a setting, read by `%config`, `--set`, the environment and the reference.
//!
//! In reading order: `entries` (the table), `scheduler` (where to compute), `size` (bytes as people write them),
//! `error` (what is wrong with a setting).

mod entries;
mod error;
mod scheduler;
mod size;

use crate::address::Addresses;
use error::nearest_key;

pub use entries::{ENTRIES, Setting};
pub use error::{SettingError, Unread};
pub use scheduler::Scheduler;
pub use size::read_size;

/// A session's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `array.chunk_size`: what automatic chunks aim at, in bytes.
    pub chunk_bytes: usize,
    /// `optimize.fold`: whether constants are folded.
    pub fold: bool,
    /// `scheduler`: where to compute.
    pub scheduler: Scheduler,
    /// `threads`: how many the scheduler `threads` uses.
    pub threads: usize,
    /// `workers`: where the scheduler `workers` finds them.
    pub workers: Addresses,
    /// `workers.patience`: seconds that a computation waits while no worker is left.
    pub patience_s: f64,
    /// `workers.token_file`: a file with the pool's token; empty for none.
    pub token_file: String,
    /// `workers.tls_dir`: a directory with the certificates of the pool; empty for none.
    pub tls_dir: String,
    /// `memory_limit` in bytes.
    pub memory_limit_bytes: u64,
    /// Which GPU, counted from 0: `scheduler = cuda:1`.
    pub device: usize,
    /// Whether all other GPUs share what it computes: `scheduler = cuda:all`.
    pub all_devices: bool,
    /// `device_memory_limit`: the most bytes of a GPU's memory to take; 0 for nearly all that is free.
    pub device_memory_limit_bytes: u64,
    /// `device_products`: whether cuBLAS multiplies on a GPU where it is found.
    pub device_library: bool,
    /// `spill.directory`: where blocks are put aside when memory is short; empty for the system's place for
    /// temporary files.
    pub spill_directory: String,
    /// `progress.delay`: seconds after which progress is shown.
    pub progress_delay_s: f64,
    /// `calibrate`: whether the machine is measured while a session idles, if it was not yet.
    pub calibrate: bool,
    /// Where what is known of the machine is kept; nowhere if `None`.
    pub cache_folder: Option<std::path::PathBuf>,
    /// The program that starts workers on this machine; none can be started if `None`.
    pub program: Option<std::path::PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            chunk_bytes: 128 << 20,
            fold: true,
            scheduler: Scheduler::Threads,
            threads: 1,
            workers: Addresses::default(),
            patience_s: 30.0,
            token_file: String::new(),
            tls_dir: String::new(),
            memory_limit_bytes: 1 << 30,
            device: 0,
            all_devices: false,
            device_memory_limit_bytes: 0,
            device_library: false,
            spill_directory: String::new(),
            progress_delay_s: 0.5,
            calibrate: false,
            cache_folder: None,
            program: None,
        }
    }
}

impl Settings {
    /// What suits this machine, changed by `CLEAVE_…` variables: all cores, six tenths of its memory.
    pub fn from_environment() -> Result<Self, SettingError> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let memory = crate::meter::machine_bytes().map_or(1 << 30, |n| n / 10 * 6);
        let cache_folder = crate::calibration::cache_folder();
        let program = std::env::current_exe().ok();
        let mut settings =
            Self { threads, memory_limit_bytes: memory, calibrate: true, cache_folder, program, ..Self::default() };
        // A scheduler may rest on other settings.
        let (last, first): (Vec<_>, Vec<_>) = ENTRIES.iter().partition(|e| e.key == "scheduler");
        for entry in first.into_iter().chain(last) {
            if let Ok(value) = std::env::var(Self::variable(entry.key)) {
                settings.set(entry.key, &value)?;
            }
        }
        Ok(settings)
    }

    /// Sets one by key and text.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SettingError> {
        let Some(entry) = ENTRIES.iter().find(|e| e.key == key) else {
            return Err(SettingError::Unknown { key: key.to_owned(), nearest: nearest_key(key) });
        };
        let value = value.trim().trim_matches(['"', '\'']);
        (entry.set)(self, value).map_err(|unread| match unread {
            Unread::Value => SettingError::Value { key: entry.key, value: value.to_owned(), values: entry.values },
            Unread::Address(error) => SettingError::Address(error),
            Unread::Scheduler => SettingError::Scheduler(value.to_owned()),
        })
    }

    /// Where blocks are put aside when memory is short.
    pub fn spill_directory(&self) -> std::path::PathBuf {
        if self.spill_directory.is_empty() { std::env::temp_dir() } else { self.spill_directory.clone().into() }
    }

    /// The name of an environment variable that sets a key: `CLEAVE_OPTIMIZE_FOLD` for `optimize.fold`.
    pub fn variable(key: &str) -> String {
        format!("CLEAVE_{}", key.replace('.', "_").to_uppercase())
    }
}

/// Bytes of memory this process may use: the machine's, or the control group's where that is less.
pub fn machine_bytes() -> Option<u64> {
    crate::meter::machine_bytes()
}
