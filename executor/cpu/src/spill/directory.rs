//! Private directories that say whose they are, so that those of processes that died can be removed.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// How their names begin; process, its start and a number follow.
const PREFIX: &str = "cleave-spill-";

/// A directory only its owner may enter; removed with all it holds when this is dropped.
#[derive(Debug)]
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn create(parent: &Path) -> io::Result<Self> {
        let process = std::process::id();
        let started = start_of(process).unwrap_or(0);
        let mut number = 0;
        loop {
            let path = parent.join(format!("{PREFIX}{process}-{started}-{number}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // If it cannot be removed, the next process that looks for leftovers tries again.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what processes that are no longer there have left in `parent`; says how many directories.
pub fn clear_leftovers(parent: &Path) -> usize {
    let Ok(entries) = fs::read_dir(parent) else { return 0 };
    let left = entries.flatten().filter(|e| e.file_name().to_str().is_some_and(is_left));
    left.filter(|e| fs::remove_dir_all(e.path()).is_ok()).count()
}

/// Whether the name is that of a directory whose process is gone.
fn is_left(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    let mut parts = rest.split('-').map(str::parse::<u64>);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(process)), Some(Ok(started)), Some(Ok(_)), None) if started > 0 => {
            u32::try_from(process).is_ok_and(|p| start_of(p) != Some(started))
        }
        _ => false,
    }
}

/// When a process began, in the system's ticks; `None` where it does not exist or the system does not say.
fn start_of(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before the last bracket may hold anything; the start is the twentieth number after it.
    stat.rsplit(')').next()?.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_dead_processes_left_is_removed() {
        let parent = tempfile::tempdir().expect("a directory");
        let Some(started) = start_of(std::process::id()) else { return };
        let ours = Directory::create(parent.path()).expect("a directory");
        let again = Directory::create(parent.path()).expect("another");
        assert_ne!(ours.path(), again.path());
        let dead = parent.path().join(format!("{PREFIX}{}-{}-0", std::process::id(), started + 1));
        let gone = parent.path().join(format!("{PREFIX}4294967294-5-3"));
        let other = parent.path().join(format!("{PREFIX}notes"));
        for path in [&dead, &gone, &other] {
            fs::create_dir(path).expect("a directory");
            fs::write(path.join("1.blocks"), b"x").expect("a file");
        }
        assert_eq!(clear_leftovers(parent.path()), 2);
        assert!(ours.path().exists() && again.path().exists() && other.exists());
        assert!(!dead.exists() && !gone.exists());
    }
}
