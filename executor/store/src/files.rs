//! The keys of a Zarr array as files of a directory.

use crate::folder::Folder;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use zarrs::storage::byte_range::ByteRangeIterator;
use zarrs::storage::{Bytes, MaybeBytes, MaybeBytesIterator, ReadableStorageTraits, StorageError, StoreKey};

/// A directory that holds one array: its metadata, and a file for each chunk that is not all fill value.
#[derive(Debug)]
pub(crate) struct Files {
    folder: Folder,
    /// The metadata file; while it exists, a chunk without a file is all fill value.
    metadata: &'static str,
}

impl Files {
    /// The files of the array in `folder` whose metadata file is called `metadata`.
    pub(crate) fn new(folder: Folder, metadata: &'static str) -> Self {
        Self { folder, metadata }
    }

    /// The file of a chunk, unless the chunk is all fill value.
    pub(crate) fn open(&self, key: &StoreKey) -> Result<Option<File>, StorageError> {
        self.found(self.folder.open(key.as_str()))
    }

    /// An empty file for a chunk.
    pub(crate) fn create(&self, key: &StoreKey) -> io::Result<File> {
        let path = self.path(key);
        match File::create(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(self.folder.path()))?;
                File::create(&path)
            }
            outcome => outcome,
        }
    }

    pub(crate) fn path(&self, key: &StoreKey) -> PathBuf {
        self.folder.path().join(key.as_str())
    }

    /// The outcome of reading, where a missing file means none if the array itself is still there.
    fn found<T>(&self, outcome: io::Result<T>) -> Result<Option<T>, StorageError> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.folder.has(self.metadata) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl ReadableStorageTraits for Files {
    fn get(&self, key: &StoreKey) -> Result<MaybeBytes, StorageError> {
        Ok(self.found(self.folder.read(key.as_str()))?.map(Bytes::from))
    }

    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        byte_ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        let opened = self.folder.open(key.as_str()).and_then(|file| Ok((file.metadata()?.len(), file)));
        let Some((size, file)) = self.found(opened)? else {
            return Ok(None);
        };
        Ok(Some(Box::new(byte_ranges.map(move |range| {
            let (start, end) = (range.start(size), range.end(size));
            read_range(&file, start, end, size).map_err(StorageError::from)
        }))))
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        self.found(self.folder.len_of(key.as_str()))
    }

    fn supports_get_partial(&self) -> bool {
        true
    }
}

/// Reads a range, which a damaged shard index may put outside the file.
fn read_range(file: &File, start: u64, end: u64, size: u64) -> io::Result<Bytes> {
    if start > end || end > size {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    }
    let len = usize::try_from(end - start).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes.into())
}
