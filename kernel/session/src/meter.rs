//! CPU time and memory of the process, and what the machine allows.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A moment, to measure from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    started: Instant,
    user_s: f64,
    sys_s: f64,
}

/// Seconds since a [`Meter`] was started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    /// On the clock.
    pub(crate) wall_s: f64,
    /// CPU in user mode.
    pub(crate) user_s: f64,
    /// CPU in the kernel.
    pub(crate) sys_s: f64,
}

impl Meter {
    /// Starts now.
    pub(crate) fn start() -> Self {
        let (user_s, sys_s) = cpu();
        Self { started: Instant::now(), user_s, sys_s }
    }

    /// What has passed since.
    pub(crate) fn read(&self) -> Reading {
        let wall_s = self.started.elapsed().as_secs_f64();
        let (user, sys) = cpu();
        Reading { wall_s, user_s: (user - self.user_s).max(0.0), sys_s: (sys - self.sys_s).max(0.0) }
    }
}

fn cpu() -> (f64, f64) {
    let seconds = |t: TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 * 1e-6;
    getrusage(UsageWho::RUSAGE_SELF).map_or((0.0, 0.0), |u| (seconds(u.user_time()), seconds(u.system_time())))
}

/// Bytes of memory this process may use: the machine's, or what a control group around it allows where that is
/// less.
pub(crate) fn machine_bytes() -> Option<u64> {
    let total = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemTotal:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    });
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = groups.lines().flat_map(limit_files);
    let limits = limits.filter_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    total.into_iter().chain(limits).min()
}

/// The files that may hold the limit of a line of `/proc/self/cgroup`, from its group up to the root.
fn limit_files(line: &str) -> Vec<PathBuf> {
    let mut parts = line.splitn(3, ':');
    let (Some(_), Some(kinds), Some(path)) = (parts.next(), parts.next(), parts.next()) else { return Vec::new() };
    let (root, file) = match kinds {
        "" => ("/sys/fs/cgroup", "memory.max"),
        kinds if kinds.split(',').any(|k| k == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return Vec::new(),
    };
    let inside = Path::new(path.trim_start_matches('/'));
    inside.ancestors().map(|group| Path::new(root).join(group).join(file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_looked_for_in_every_group_above() {
        let files = |line| limit_files(line).iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
        assert_eq!(files("0::/a/b").len(), 3);
        assert_eq!(files("0::/a/b")[0], "/sys/fs/cgroup/a/b/memory.max");
        assert_eq!(files("9:memory:/"), ["/sys/fs/cgroup/memory/memory.limit_in_bytes"]);
        assert!(files("4:cpu,cpuacct:/a").is_empty() && files("nonsense").is_empty());
    }
}
