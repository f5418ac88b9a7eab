//! Where to compute.

use super::{Settings, Unread};
use crate::address::AddressError;
use cleave_graph::device::Device;

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduler {
    /// On a pool of threads.
    Threads,
    /// On the thread that evaluates.
    SingleThreaded,
    /// On workers of the setting `workers`.
    Workers,
    /// On a GPU, and on threads what it does not do.
    Cuda,
    /// On threads or on a GPU, whichever is estimated to take less.
    Auto,
}

impl Scheduler {
    /// What values look like.
    pub(super) const VALUES: &'static str =
        "threads, single-threaded, cuda, cuda:1, cuda:all, auto or workers HOST:PORT,HOST:PORT";

    /// By name.
    pub fn parse(name: &str) -> Option<Scheduler> {
        match name {
            "threads" | "threading" => Some(Scheduler::Threads),
            "single-threaded" | "synchronous" | "sync" => Some(Scheduler::SingleThreaded),
            "workers" => Some(Scheduler::Workers),
            "cuda" => Some(Scheduler::Cuda),
            "auto" => Some(Scheduler::Auto),
            _ => None,
        }
    }

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Scheduler::Threads => "threads",
            Scheduler::SingleThreaded => "single-threaded",
            Scheduler::Workers => "workers",
            Scheduler::Cuda => "cuda",
            Scheduler::Auto => "auto",
        }
    }
}

impl Settings {
    /// Chooses a scheduler by its name; `workers` may be followed by where they are, as in `workers://HOST:PORT`, and
    /// `cuda` by the number of the GPU, as in `cuda:1`, or by `all`.
    pub(super) fn choose(&mut self, text: &str) -> Result<(), Unread> {
        if let Some(number) = text.strip_prefix("cuda:").filter(|rest| !rest.starts_with('/')) {
            let is_all = number == "all";
            let device = if is_all { Some(Device::Cuda(0)) } else { Device::parse(text) };
            let Some(Device::Cuda(number)) = device else { return Err(Unread::Scheduler) };
            (self.device, self.all_devices) = (number.into(), is_all);
            self.scheduler = Scheduler::Cuda;
            return Ok(());
        }
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
                (self.scheduler, self.device, self.all_devices) = (local, 0, false);
                Ok(())
            }
            _ if text.contains("://") => Err(Unread::Address(AddressError::Scheme(name.to_owned()))),
            _ => Err(Unread::Scheduler),
        }
    }

    /// The scheduler with its threads, as cards name it.
    pub fn scheduler_words(&self) -> String {
        match self.scheduler {
            Scheduler::Threads => format!("threads({})", self.threads),
            Scheduler::SingleThreaded => "single-threaded".to_owned(),
            Scheduler::Workers => format!("workers({})", self.workers.0.len()),
            Scheduler::Cuda => self.device_words(),
            Scheduler::Auto => "auto".to_owned(),
        }
    }

    /// The GPU, as it is typed: `cuda`, or `cuda:1` where it is not the first, or `cuda:all`.
    pub(super) fn device_words(&self) -> String {
        match self.device {
            _ if self.all_devices => "cuda:all".to_owned(),
            0 => "cuda".to_owned(),
            number => format!("cuda:{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ENTRIES;

    #[test]
    fn schedulers_are_chosen_with_their_workers() {
        let cases = [
            ("threads", Ok("threads")),
            ("sync", Ok("single-threaded")),
            ("cuda", Ok("cuda")),
            ("cuda:0", Ok("cuda")),
            ("cuda:3", Ok("cuda:3")),
            ("cuda:all", Ok("cuda:all")),
            ("cuda:64", Err("unknown-scheduler")),
            ("cuda:first", Err("unknown-scheduler")),
            ("cuda://a:1", Err("unknown-scheme")),
            ("auto", Ok("auto")),
            ("auto 3", Err("unknown-scheduler")),
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
