//! Files and directories under temporary names, beside where they will be.

use crate::error::StoreError;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::{Builder, NamedTempFile, TempDir};

/// A file that vanishes unless it is renamed.
pub(crate) fn file_beside(target: &Path) -> Result<NamedTempFile, StoreError> {
    let made = builder(&prefix(target), 0o666).tempfile_in(parent(target));
    made.map_err(|error| StoreError::io(parent(target), error))
}

/// A directory that vanishes unless it is renamed.
pub(crate) fn directory_beside(target: &Path) -> Result<TempDir, StoreError> {
    let made = builder(&prefix(target), 0o777).tempdir_in(parent(target));
    made.map_err(|error| StoreError::io(parent(target), error))
}

/// Renames a directory to its target; what stands there goes away, or stays if the renaming fails.
pub(crate) fn put_in_place(staged: TempDir, target: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::io(target, error);
    if !target.exists() {
        fs::rename(staged.path(), target).map_err(failed)?;
    } else {
        let aside = directory_beside(target)?;
        let old = aside.path().join("old");
        fs::rename(target, &old).map_err(failed)?;
        if let Err(error) = fs::rename(staged.path(), target) {
            fs::rename(&old, target).map_err(failed)?;
            return Err(failed(error));
        }
    }
    let _renamed = staged.keep();
    Ok(())
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
