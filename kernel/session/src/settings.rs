//! What a user can set: one entry a setting, read by `%config`, `--set`, the environment and the reference.

use crate::address::{AddressError, Addresses};
use std::fmt;

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
    /// `workers.token_file`: a file with the pool's token; empty for none.
    pub token_file: String,
    /// `workers.tls_dir`: a directory with the certificates of the pool; empty for none.
    pub tls_dir: String,
    /// `memory_limit` in bytes.
    pub memory_limit_bytes: u64,
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

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduler {
    /// On a pool of threads.
    Threads,
    /// On the thread that evaluates.
    SingleThreaded,
    /// On workers of the setting `workers`.
    Workers,
}

/// One setting.
pub struct Setting {
    /// Its key, such as `optimize.fold`.
    pub key: &'static str,
    /// One line.
    pub doc: &'static str,
    /// The value as it would be typed.
    pub show: fn(&Settings) -> String,
    /// Reads a value.
    pub set: fn(&mut Settings, &str) -> Result<(), Unread>,
    /// What values look like.
    pub values: &'static str,
}

/// Why a value could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It does not look like the setting's values.
    Value,
    /// It names workers that cannot be.
    Address(AddressError),
    /// It names no scheduler.
    Scheduler,
}

/// A setting that could not be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingError {
    /// No setting has this key; the nearest one.
    Unknown {
        /// What was given.
        key: String,
        /// The key most like it.
        nearest: &'static str,
    },
    /// The value cannot be read.
    Value {
        /// The setting.
        key: &'static str,
        /// What was given.
        value: String,
        /// What values look like.
        values: &'static str,
    },
    /// The workers cannot be where the value says.
    Address(AddressError),
    /// There is no scheduler of this name.
    Scheduler(String),
}

/// Every setting.
pub const ENTRIES: [Setting; 11] = [
    Setting {
        key: "array.chunk_size",
        doc: "what automatic chunks aim at",
        show: |s| size_text(s.chunk_bytes as u64),
        set: |s, v| read_size(v).filter(|&n| n > 0).map(|n| s.chunk_bytes = n as usize).ok_or(Unread::Value),
        values: "a size such as 128MiB",
    },
    Setting {
        key: "calibrate",
        doc: "whether the machine is measured while nothing runs, once",
        show: |s| if s.calibrate { "on" } else { "off" }.to_owned(),
        set: |s, v| read_switch(v).map(|on| s.calibrate = on).ok_or(Unread::Value),
        values: "on or off",
    },
    Setting {
        key: "memory_limit",
        doc: "bytes a computation may hold",
        show: |s| size_text(s.memory_limit_bytes),
        set: |s, v| read_size(v).filter(|&n| n > 0).map(|n| s.memory_limit_bytes = n).ok_or(Unread::Value),
        values: "a size such as 4GiB",
    },
    Setting {
        key: "optimize.fold",
        doc: "whether constants are computed when the plan is made",
        show: |s| if s.fold { "on" } else { "off" }.to_owned(),
        set: |s, v| read_switch(v).map(|on| s.fold = on).ok_or(Unread::Value),
        values: "on or off",
    },
    Setting {
        key: "progress.delay",
        doc: "seconds of work after which progress is shown",
        show: |s| s.progress_delay_s.to_string(),
        set: |s, v| v.parse().ok().filter(|d: &f64| *d >= 0.0).map(|d| s.progress_delay_s = d).ok_or(Unread::Value),
        values: "seconds such as 0.5",
    },
    Setting {
        key: "scheduler",
        doc: "where to compute",
        show: |s| match s.scheduler {
            Scheduler::Workers => format!("workers {}", s.workers),
            local => local.name().to_owned(),
        },
        set: Settings::choose,
        values: Scheduler::VALUES,
    },
    Setting {
        key: "spill.directory",
        doc: "where blocks are put aside when memory is short",
        show: |s| s.spill_directory.clone(),
        set: |s, v| {
            s.spill_directory = v.to_owned();
            Ok(())
        },
        values: "a directory, or nothing for the system's place for temporary files",
    },
    Setting {
        key: "threads",
        doc: "how many threads the scheduler `threads` uses",
        show: |s| s.threads.to_string(),
        set: |s, v| {
            v.parse().ok().filter(|n| (1..=MOST_THREADS).contains(n)).map(|n| s.threads = n).ok_or(Unread::Value)
        },
        values: "a number from 1 to 1024",
    },
    Setting {
        key: "workers",
        doc: "where the scheduler `workers` finds them",
        show: |s| s.workers.to_string(),
        set: |s, v| {
            let named = if v.is_empty() { Ok(Addresses::default()) } else { v.parse() };
            named.map(|to| s.workers = to).map_err(Unread::Address)
        },
        values: "HOST:PORT,HOST:PORT or dns:NAME:PORT",
    },
    Setting {
        key: "workers.tls_dir",
        doc: "a directory with the certificates by which workers and this side know each other",
        show: |s| s.tls_dir.clone(),
        set: |s, v| {
            s.tls_dir = v.to_owned();
            Ok(())
        },
        values: "a directory that `cleave certs new` made, or nothing",
    },
    Setting {
        key: "workers.token_file",
        doc: "a file with the token that the workers ask for",
        show: |s| s.token_file.clone(),
        set: |s, v| {
            s.token_file = v.to_owned();
            Ok(())
        },
        values: "a file, or nothing",
    },
];

const MOST_THREADS: usize = 1024;

impl Default for Settings {
    fn default() -> Self {
        Self {
            chunk_bytes: 128 << 20,
            fold: true,
            scheduler: Scheduler::Threads,
            threads: 1,
            workers: Addresses::default(),
            token_file: String::new(),
            tls_dir: String::new(),
            memory_limit_bytes: 1 << 30,
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

    /// Chooses a scheduler by its name; `workers` may be followed by where they are, as in `workers://HOST:PORT`.
    fn choose(&mut self, text: &str) -> Result<(), Unread> {
        let (name, rest) = match text.split_once("://").map(|(scheme, rest)| (scheme, Some(rest))) {
            Some(found) => found,
            None => text.split_once(char::is_whitespace).map_or((text, None), |(name, rest)| (name, Some(rest))),
        };
        match Scheduler::parse(name) {
            Some(Scheduler::Workers) => {
                let named = rest.map_or_else(|| Ok(self.workers.clone()), str::parse);
                let workers = named.map_err(Unread::Address)?;
                if workers.0.is_empty() {
                    return Err(Unread::Address(AddressError::NoWorkers));
                }
                (self.scheduler, self.workers) = (Scheduler::Workers, workers);
                Ok(())
            }
            Some(local) if rest.is_none() => {
                self.scheduler = local;
                Ok(())
            }
            _ if text.contains("://") => Err(Unread::Address(AddressError::Scheme(name.to_owned()))),
            _ => Err(Unread::Scheduler),
        }
    }

    /// Where blocks are put aside when memory is short.
    pub fn spill_directory(&self) -> std::path::PathBuf {
        if self.spill_directory.is_empty() { std::env::temp_dir() } else { self.spill_directory.clone().into() }
    }

    /// The name of an environment variable that sets a key: `CLEAVE_OPTIMIZE_FOLD` for `optimize.fold`.
    pub fn variable(key: &str) -> String {
        format!("CLEAVE_{}", key.replace('.', "_").to_uppercase())
    }

    /// The scheduler with its threads, as cards name it.
    pub fn scheduler_words(&self) -> String {
        match self.scheduler {
            Scheduler::Threads => format!("threads({})", self.threads),
            Scheduler::SingleThreaded => "single-threaded".to_owned(),
            Scheduler::Workers => format!("workers({})", self.workers.0.len()),
        }
    }
}

impl Scheduler {
    /// What values look like.
    const VALUES: &'static str = "threads, single-threaded or workers HOST:PORT,HOST:PORT";

    /// By name.
    pub fn parse(name: &str) -> Option<Scheduler> {
        match name {
            "threads" | "threading" => Some(Scheduler::Threads),
            "single-threaded" | "synchronous" | "sync" => Some(Scheduler::SingleThreaded),
            "workers" => Some(Scheduler::Workers),
            _ => None,
        }
    }

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Scheduler::Threads => "threads",
            Scheduler::SingleThreaded => "single-threaded",
            Scheduler::Workers => "workers",
        }
    }
}

/// Bytes of memory this process may use: the machine's, or the control group's where that is less.
pub fn machine_bytes() -> Option<u64> {
    crate::meter::machine_bytes()
}

/// A size in bytes from text such as `64MiB`, `1.5 GB` or `4096`.
pub fn read_size(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 14] = [
        ("KIB", 1024.0),
        ("MIB", 1048576.0),
        ("GIB", 1073741824.0),
        ("TIB", 1099511627776.0),
        ("KB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("K", 1024.0),
        ("M", 1048576.0),
        ("G", 1073741824.0),
        ("T", 1099511627776.0),
        ("B", 1.0),
        ("", 1.0),
    ];
    let upper = text.trim().to_uppercase();
    let (unit, factor) = UNITS.into_iter().find(|(unit, _)| upper.ends_with(unit))?;
    let number: f64 = upper.strip_suffix(unit)?.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0 && number * factor < 9e18).then_some((number * factor) as u64)
}

/// A size as it would be typed: exact where a binary unit divides it.
fn size_text(n: u64) -> String {
    let units = [(1_u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| n >= *unit) {
        Some((unit, name)) if n.is_multiple_of(unit) => format!("{}{name}", n / unit),
        Some((unit, name)) => format!("{:.1}{name}", n as f64 / unit as f64),
        None => format!("{n}B"),
    }
}

fn read_switch(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "on" | "true" | "1" | "yes" => Some(true),
        "off" | "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

fn nearest_key(key: &str) -> &'static str {
    let distance = |e: &&Setting| strsim::damerau_levenshtein(e.key, key);
    ENTRIES.iter().min_by_key(distance).map_or("", |e| e.key)
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingError::Unknown { key, .. } => write!(f, "there is no setting `{key}`"),
            SettingError::Value { key, value, .. } => write!(f, "`{value}` is no value of the setting `{key}`"),
            SettingError::Address(error) => error.fmt(f),
            SettingError::Scheduler(name) => write!(f, "there is no scheduler `{name}` here"),
        }
    }
}

impl SettingError {
    /// The stable word.
    pub fn code(&self) -> &'static str {
        match self {
            SettingError::Unknown { .. } => "unknown-setting",
            SettingError::Value { .. } => "bad-setting",
            SettingError::Address(error) => error.code(),
            SettingError::Scheduler(_) => "unknown-scheduler",
        }
    }

    /// A way out.
    pub fn help(&self) -> String {
        match self {
            SettingError::Unknown { nearest, .. } => format!("the nearest is `{nearest}`; `%config` lists all"),
            SettingError::Value { values, .. } => format!("give {values}"),
            SettingError::Address(error) => error.help(),
            SettingError::Scheduler(_) => format!("the schedulers are {}", Scheduler::VALUES),
        }
    }
}

impl std::error::Error for SettingError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let cases = [
            ("64MiB", Some(64 << 20)),
            ("1.5 GB", Some(1_500_000_000)),
            ("4096", Some(4096)),
            ("2g", Some(2 << 30)),
            ("64B", Some(64)),
            ("-1", None),
            ("many", None),
            ("1e300GB", None),
        ];
        for (text, want) in cases {
            assert_eq!(read_size(text), want, "{text}");
        }
    }

    #[test]
    fn every_entry_reads_what_it_shows() {
        let settings = Settings::default();
        for entry in &ENTRIES {
            let mut copy = settings.clone();
            assert_eq!(copy.set(entry.key, &(entry.show)(&settings)), Ok(()), "{}", entry.key);
            assert_eq!(copy, settings, "{}", entry.key);
        }
    }

    #[test]
    fn mistakes_name_a_way_out() {
        let mut settings = Settings::default();
        let unknown = settings.set("optimise.fold", "on").expect_err("there is no such setting");
        assert_eq!(unknown.help(), "the nearest is `optimize.fold`; `%config` lists all");
        assert_eq!(settings.set("threads", "0").map_err(|e| e.code()), Err("bad-setting"));
    }

    #[test]
    fn schedulers_are_chosen_with_their_workers() {
        let cases = [
            ("threads", Ok("threads")),
            ("sync", Ok("single-threaded")),
            ("workers a:1,b:2", Ok("workers a:1,b:2")),
            ("workers://a:1", Ok("workers a:1")),
            ("workers", Err("no-workers")),
            ("workers://", Err("no-workers")),
            ("workers a", Err("bad-address")),
            ("tcp://a:8786", Err("unknown-scheme")),
            ("threads://a:1", Err("unknown-scheme")),
            ("cloud", Err("unknown-scheduler")),
            ("threads of mine", Err("unknown-scheduler")),
        ];
        for (text, want) in cases {
            let mut settings = Settings::default();
            let shown = settings.set("scheduler", text).map(|()| {
                let entry = ENTRIES.iter().find(|e| e.key == "scheduler").expect("there is such a setting");
                (entry.show)(&settings)
            });
            assert_eq!(shown.map_err(|e| e.code()), want.map(str::to_owned), "{text}");
        }
        let mut settings = Settings::default();
        assert_eq!(settings.set("workers", "a:1"), Ok(()));
        assert_eq!(settings.set("scheduler", "workers"), Ok(()), "the setting names them");
    }
}
