//! The rates of this machine: measured once, kept in the user's cache folder, improved by what runs take.
//!
//! The file is named after what it was measured on (processor, cores, vector unit, version of Cleave), so that a
//! home folder that several machines share holds one for each. A file that cannot be read or written is no error:
//! the usual rates of a server core then stand in.

mod card;
mod disk;
mod file;

use cleave_cpu::Cancel;
use cleave_cpu::calibrate::{Probes, calibrate, calibrate_quickly};
use cleave_ops::table;
use cleave_plan::cost::Factors;
use cleave_plan::cost::machine::Machine;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub use card::{CardCalibration, card_path, load_card, save_card};
pub use file::{load, path, save};

/// What is known of this machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// Its rates.
    pub machine: Machine,
    /// What runs taught of each kind of work.
    pub factors: Factors,
    /// When the rates were measured, in seconds since 1970; `None` where they are the usual ones.
    pub measured_at: Option<u64>,
    /// How long measuring took, in seconds.
    pub took_s: f64,
}

impl Calibration {
    /// Seconds since it was measured.
    pub fn age_s(&self) -> Option<u64> {
        Some(now().saturating_sub(self.measured_at?))
    }

    /// The usual rates, scaled by how fast this machine adds; takes about ten milliseconds.
    pub fn quick(threads: usize) -> Self {
        let machine = probes().map_or_else(Machine::default, |probes| calibrate_quickly(&probes, threads));
        Self { machine, ..Self::default() }
    }

    /// Measures this machine in less than two seconds, files in `folder`; `None` if it was stopped.
    pub fn measure(threads: usize, folder: &Path, cancel: &Cancel) -> Option<Self> {
        let started = std::time::Instant::now();
        let mut machine = calibrate(&probes()?, threads, cancel)?;
        disk::measure(&mut machine, folder, cancel)?;
        let took_s = started.elapsed().as_secs_f64();
        Some(Self { machine, measured_at: Some(now()), took_s, ..Self::default() })
    }
}

/// The folder for files of this user that may be lost: `XDG_CACHE_HOME/cleave` or `~/.cache/cleave`.
pub fn cache_folder() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("cleave"))
}

/// The cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn probes() -> Option<Probes> {
    let find = table::find;
    Some(Probes { add: find("add")?, costly: find("exp")?, sum: find("sum")?, product: find("matmul")? })
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
