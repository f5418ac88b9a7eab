//! A file mapped into memory: the only `unsafe` of this crate.

use crate::error::StoreError;
use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A file mapped for reading.
pub(crate) struct FileMap {
    path: PathBuf,
    file: File,
    map: Mmap,
}

impl FileMap {
    /// Maps a whole file, which is at `path`.
    pub(crate) fn new(file: File, path: &Path) -> Result<Self, StoreError> {
        let failed = |error| StoreError::io(path, error);
        if file.metadata().map_err(failed)?.is_dir() {
            return Err(StoreError::Directory { path: path.to_path_buf() });
        }
        Self::of(path, file).map_err(failed)
    }

    /// The same file mapped anew, of which no page is in memory yet.
    pub(crate) fn again(&self) -> io::Result<Self> {
        Self::of(&self.path, self.file.try_clone()?)
    }

    #[allow(unsafe_code)]
    fn of(path: &Path, file: File) -> io::Result<Self> {
        // SAFETY: the map is private to this struct, read-only and outlived by nothing borrowed from it. What the
        // type system cannot promise is that no other process changes the file. If one overwrites it in place, a
        // read sees old or new numbers, and every bit pattern of the types we view it as is a number. If one
        // truncates it, touching a page beyond the new end raises SIGBUS, which ends the process; `check` turns
        // that into an error unless the file shrinks during a read. Deleting or replacing the file (as `save`
        // does) keeps the mapped bytes.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Self { path: path.to_path_buf(), file, map })
    }

    /// The bytes of the file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Whether all mapped bytes still exist.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let found = self.file.metadata().map_err(|error| StoreError::io(&self.path, error))?.len();
        let expected = self.map.len() as u64;
        if found < expected {
            return Err(StoreError::Shrunk { path: self.path.clone(), expected, found });
        }
        Ok(())
    }
}
