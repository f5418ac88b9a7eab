//! Writing .npy files.

use crate::error::StoreError;
use crate::npy::file_name;
use crate::npy_header;
use crate::place;
use crate::runs::Runs;
use crate::staging;
use crate::stopping::Stopping;
use cleave_ops::{DType, Data, Region, Shape, bytes_of};
use cleave_plan::{Sink, SourceError, Stop};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::NamedTempFile;

/// A .npy file being written under a temporary name beside its target; dropped unfinished, it is removed.
pub struct NpySink {
    path: PathBuf,
    file: NamedTempFile,
    shape: Shape,
    dtype: DType,
    data_start: u64,
    written: AtomicU64,
    label: String,
}

impl NpySink {
    /// Begins a file that will replace whatever file is at `path`.
    pub fn create(path: &Path, shape: &Shape, dtype: DType) -> Result<NpySink, StoreError> {
        if path.is_dir() {
            return Err(StoreError::Directory { path: path.to_path_buf() });
        }
        let file = staging::file_beside(path)?;
        let header = npy_header::write(shape, dtype);
        let data_start = header.len() as u64;
        let total = data_start + (shape.size() * dtype.size()) as u64;
        let made = file.as_file().set_len(total).and_then(|()| file.as_file().write_all_at(&header, 0));
        made.map_err(|error| StoreError::io(path, error))?;
        let label = file_name(path);
        Ok(NpySink {
            path: path.to_path_buf(),
            file,
            shape: shape.clone(),
            dtype,
            data_start,
            written: 0.into(),
            label,
        })
    }

    /// Puts the file in its place; every element must have been written.
    pub fn finish(self) -> Result<(), StoreError> {
        place::complete(&self.path, &self.shape, &self.written)?;
        self.file.persist(&self.path).map_err(|failed| StoreError::io(&self.path, failed.error))?;
        Ok(())
    }

    fn write(&self, region: &Region, data: &Data, stop: Stop<'_>) -> Result<(), StoreError> {
        place::fits(&self.shape, self.dtype, region, data)?;
        let runs = Runs::new(&self.shape, region);
        let (size, bytes) = (self.dtype.size(), bytes_of(data.as_ref()));
        let run_bytes = (runs.len * size).max(1);
        for (start, run) in runs.starts().zip(bytes.chunks_exact(run_bytes)) {
            let offset = self.data_start + (start * size) as u64;
            let into = Stopping { inner: self.file.as_file(), stop };
            into.write_all_at(run, offset).map_err(|error| StoreError::io(&self.path, error))?;
        }
        self.written.fetch_add(region.size() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl Sink for NpySink {
    fn put(&self, region: &Region, data: Data) -> Result<(), SourceError> {
        self.copy(region, &data)
    }

    fn copy(&self, region: &Region, data: &Data) -> Result<(), SourceError> {
        self.copy_unless(region, data, &|| false)
    }

    fn copy_unless(&self, region: &Region, data: &Data, stop: Stop<'_>) -> Result<(), SourceError> {
        self.write(region, data, stop).map_err(|error| error.at(self.label.clone()))
    }
}
