//! The table of settings.

use super::size::{read_size, size_text};
use super::{Scheduler, Settings, Unread};
use crate::address::Addresses;

const MOST_THREADS: usize = 1024;

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

/// Every setting.
pub const ENTRIES: [Setting; 14] = [
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
        key: "device_memory_limit",
        doc: "bytes of a GPU's memory that the scheduler `cuda` takes",
        show: |s| match s.device_memory_limit_bytes {
            0 => "free".to_owned(),
            bytes => size_text(bytes),
        },
        set: |s, v| {
            let bytes = if v == "free" { Some(0) } else { read_size(v).filter(|&n| n > 0) };
            bytes.map(|n| s.device_memory_limit_bytes = n).ok_or(Unread::Value)
        },
        values: "a size such as 4GiB, or free for nearly all that is",
    },
    Setting {
        key: "device_products",
        doc: "what multiplies matrices on a GPU: kernels of Cleave, with the bits of threads, or cuBLAS where it is found",
        show: |s| if s.device_library { "cublas" } else { "own" }.to_owned(),
        set: |s, v| {
            let is_library = match v {
                "own" => false,
                "cublas" => true,
                _ => return Err(Unread::Value),
            };
            s.device_library = is_library;
            Ok(())
        },
        values: "own or cublas",
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
            Scheduler::Cuda => s.device_words(),
            local @ (Scheduler::Threads | Scheduler::SingleThreaded | Scheduler::Auto) => local.name().to_owned(),
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
        key: "workers.patience",
        doc: "how long a computation waits for workers when none is left",
        show: |s| s.patience_s.to_string(),
        set: |s, v| {
            let seconds = v.parse().ok().filter(|s: &f64| (0.0..1e6).contains(s));
            seconds.map(|seconds| s.patience_s = seconds).ok_or(Unread::Value)
        },
        values: "seconds such as 30",
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

fn read_switch(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "on" | "true" | "1" | "yes" => Some(true),
        "off" | "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_reads_what_it_shows() {
        let settings = Settings::default();
        for entry in &ENTRIES {
            let mut copy = settings.clone();
            assert_eq!(copy.set(entry.key, &(entry.show)(&settings)), Ok(()), "{}", entry.key);
            assert_eq!(copy, settings, "{}", entry.key);
        }
    }
}
