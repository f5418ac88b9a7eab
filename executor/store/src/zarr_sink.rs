//! Writing Zarr arrays of versions 2 and 3.

use crate::error::StoreError;
use crate::folder::Folder;
use crate::npy::file_name;
use crate::place;
use crate::staging::Staged;
use crate::stopping::Stopping;
use crate::zarr_form::{Form, NewZarr, ZarrFormat};
use crate::zarr_meta::{self, Node};
use crate::zarr_part::PARTS;
use cleave_ops::{Data, Region, Shape};
use cleave_plan::{Sink, SourceError, Stop};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A Zarr array being written under a temporary name beside its target; dropped unfinished, it is removed.
pub struct ZarrSink {
    path: PathBuf,
    staged: Staged,
    form: Form,
    written: AtomicU64,
    label: String,
}

/// Begins an array that will be at `path`.
pub fn create_zarr(path: &Path, new: &NewZarr) -> Result<ZarrSink, StoreError> {
    let meta = new.meta()?;
    may_replace(path, new.overwrite)?;
    let staged = Staged::beside(path)?;
    let failed = |error| StoreError::io(path, error);
    if let (ZarrFormat::V2, Some(names)) = (new.format, &new.dimension_names) {
        write_json(&staged.path().join(".zattrs"), &json!({ "_ARRAY_DIMENSIONS": names })).map_err(failed)?;
    }
    write_json(&staged.path().join(new.file()), &meta).map_err(failed)?;
    let form = Form::of(new, Folder::at(staged.path()))?;
    Ok(ZarrSink { path: path.to_path_buf(), staged, form, written: 0.into(), label: file_name(path) })
}

fn may_replace(path: &Path, overwrite: bool) -> Result<(), StoreError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    if !overwrite {
        return Err(StoreError::Exists { path: path.to_path_buf() });
    }
    match zarr_meta::read_node(&Folder::at(path)) {
        Ok(Some(Node::Array(_))) => Ok(()),
        _ => Err(StoreError::NotReplaceable { path: path.to_path_buf() }),
    }
}

fn write_json(path: &Path, value: &Value) -> std::io::Result<()> {
    fs::write(path, format!("{value:#}\n"))
}

impl ZarrSink {
    /// Puts the array in its place; every element must have been written.
    pub fn finish(self) -> Result<(), StoreError> {
        place::complete(&self.path, &self.form.shape, &self.written)?;
        self.staged.put_in_place(&self.path)
    }

    /// Writes one chunk.
    fn write(&self, region: &Region, data: &Data, stop: Stop<'_>) -> Result<(), StoreError> {
        if let Some(key) = self.form.key(region, data)? {
            let file = self.form.files.create(&key);
            let written = file.and_then(|inner| self.form.write(Stopping { inner, stop }, region, data));
            written.map_err(|error| StoreError::io(&self.form.files.path(&key), error))?;
        }
        self.count(region);
        Ok(())
    }

    fn count(&self, region: &Region) {
        self.written.fetch_add(region.size() as u64, Ordering::Relaxed);
    }

    fn failed(&self, region: &Region, error: &StoreError) -> SourceError {
        error.clone().at(format!("{}, block at {}", self.label, Shape::new(region.start.iter().copied())))
    }
}

impl Sink for ZarrSink {
    fn put(&self, region: &Region, data: Data) -> Result<(), SourceError> {
        self.copy(region, &data)
    }

    fn copy(&self, region: &Region, data: &Data) -> Result<(), SourceError> {
        self.copy_unless(region, data, &|| false)
    }

    fn copy_unless(&self, region: &Region, data: &Data, stop: Stop<'_>) -> Result<(), SourceError> {
        self.write(region, data, stop).map_err(|error| self.failed(region, &error))
    }

    /// Whoever may write in its [`PARTS`] may add chunks, as long as there is that directory.
    fn lend(&self) -> Option<PathBuf> {
        self.staged.lend(PARTS).ok()
    }

    fn note(&self, region: &Region) -> Result<(), SourceError> {
        self.form.index(region).map_err(|error| self.failed(region, &error))?;
        self.count(region);
        Ok(())
    }
}
