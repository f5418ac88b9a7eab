//! Files and directories under temporary names, beside where they will be.

use crate::error::StoreError;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::{Builder, NamedTempFile, TempDir};

/// How long a directory is tried to be removed to which others still add files.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(5);

/// A file that vanishes unless it is renamed.
pub(crate) fn file_beside(target: &Path) -> Result<NamedTempFile, StoreError> {
    let made = builder(&prefix(target), 0o666).tempfile_in(parent(target));
    made.map_err(|error| StoreError::io(parent(target), error))
}

/// A directory that vanishes unless it is renamed.
fn directory_beside(target: &Path) -> Result<TempDir, StoreError> {
    let made = builder(&prefix(target), 0o777).tempdir_in(parent(target));
    made.map_err(|error| StoreError::io(parent(target), error))
}

/// A directory beside its target; unless it is put there, it goes with all that is in it.
pub(crate) struct Staged {
    dir: Option<TempDir>,
    path: PathBuf,
    /// The directory in it through which others add files, once there is one.
    lent: OnceLock<PathBuf>,
}

impl Staged {
    pub(crate) fn beside(target: &Path) -> Result<Self, StoreError> {
        let dir = directory_beside(target)?;
        Ok(Self { path: dir.path().to_path_buf(), dir: Some(dir), lent: OnceLock::new() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a directory in it through which others may add files; the path of all of it, from the root on.
    pub(crate) fn lend(&self, name: &str) -> io::Result<PathBuf> {
        let lent = self.path.join(name);
        fs::create_dir(&lent)?;
        let _ = self.lent.set(lent);
        std::path::absolute(&self.path)
    }

    /// Renames it to its target; what stands there goes away, or stays if the renaming fails.
    pub(crate) fn put_in_place(mut self, target: &Path) -> Result<(), StoreError> {
        let failed = |error| StoreError::io(target, error);
        self.take_back().map_err(failed)?;
        if !target.exists() {
            fs::rename(&self.path, target).map_err(failed)?;
        } else {
            let aside = directory_beside(target)?;
            let old = aside.path().join("old");
            fs::rename(target, &old).map_err(failed)?;
            if let Err(error) = fs::rename(&self.path, target) {
                fs::rename(&old, target).map_err(failed)?;
                return Err(failed(error));
            }
        }
        let _renamed = self.dir.take().map(TempDir::keep);
        Ok(())
    }

    /// Nobody else adds files any more.
    fn take_back(&self) -> io::Result<()> {
        self.lent.get().map_or(Ok(()), |lent| clear(lent))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.dir.is_some() && self.lent.get().is_some() {
            let _ = self.take_back().and_then(|()| clear(&self.path));
        }
    }
}

/// Removes a directory to which others add files until it is gone.
fn clear(path: &Path) -> io::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound && Instant::now() < until => thread::sleep(LOOK),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            removed => return removed,
        }
    }
}

/// The system masks the permissions as it does for any new file.
fn builder(prefix: &OsString, mode: u32) -> Builder<'_, '_> {
    let mut builder = Builder::new();
    builder.prefix(prefix).permissions(Permissions::from_mode(mode));
    builder
}

fn prefix(target: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(target.file_name().unwrap_or_default());
    prefix.push(".");
    prefix
}

fn parent(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
