//! Chunks of an array that another process makes: each is written under a temporary name and renamed, so that it is
//! there whole or not at all, however often it is written.

use crate::error::StoreError;
use crate::folder::Folder;
use crate::npy::file_name;
use crate::stopping::Stopping;
use crate::zarr_form::{Compressor, Form, NewZarr, ZarrFormat};
use crate::zarr_meta::read_json;
use cap_std::fs::Dir;
use cleave_ops::{Chunks, DType, Data, Region, Shape};
use cleave_plan::{Sink, SourceError, Stop};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use zarrs::storage::StoreKey;

/// The directory of an array in which chunks begin. Once it is gone nobody can add a chunk any more, as only what
/// is in it can be renamed.
pub(crate) const PARTS: &str = ".parts";

/// An array to which whole chunks are written from here.
pub struct ZarrPart {
    /// It stays the same directory when the array is put in its place, or removed.
    dir: Dir,
    parts: Dir,
    form: Form,
    path: PathBuf,
    /// Tells chunks that begin here from those of other processes.
    prefix: String,
    number: AtomicU64,
    label: String,
}

/// Opens the array in `folder` for writing, which must be just as [`create_zarr`](crate::create_zarr) makes one of
/// those chunks. `prefix` is a name that no other process gives.
pub fn open_zarr_part(folder: &Folder, of: (&Chunks, DType), prefix: &str) -> Result<ZarrPart, StoreError> {
    let path = folder.path().to_path_buf();
    let failed = |error| StoreError::io(&path, error);
    let new = kind_of(folder, of)?;
    let dir = folder.dir().map_err(failed)?;
    let parts = dir.open_dir(PARTS).map_err(failed)?;
    let (form, label) = (Form::of(&new, folder.clone())?, file_name(&path));
    let part = ZarrPart { dir, parts, form, prefix: prefix.to_owned(), number: 0.into(), label, path: path.clone() };
    part.try_out().map_err(failed)?;
    Ok(part)
}

/// The kind of array that has this metadata.
fn kind_of(folder: &Folder, (chunks, dtype): (&Chunks, DType)) -> Result<NewZarr, StoreError> {
    let kind = |format, compressor| NewZarr {
        chunks: chunks.clone(),
        dtype,
        format,
        compressor,
        dimension_names: None,
        overwrite: false,
    };
    for format in [ZarrFormat::V3, ZarrFormat::V2] {
        for compressor in [Compressor::Zstd, Compressor::Gzip, Compressor::None] {
            let new = kind(format, compressor);
            if read_json(folder, new.file())?.is_some_and(|found| new.meta().is_ok_and(|meta| meta == found)) {
                return Ok(new);
            }
        }
    }
    Err(StoreError::NotZarr { path: folder.path().to_path_buf() })
}

impl ZarrPart {
    /// Whether files can be made here at all.
    fn try_out(&self) -> io::Result<()> {
        let name = self.name();
        self.parts.create(&name)?;
        self.parts.remove_file(&name)
    }

    fn name(&self) -> String {
        format!("{}-{}", self.prefix, self.number.fetch_add(1, Ordering::Relaxed))
    }

    fn write(&self, region: &Region, data: &Data, stop: Stop<'_>) -> Result<(), StoreError> {
        let Some(key) = self.form.key(region, data)? else { return Ok(()) };
        let name = self.name();
        let file = self.parts.create(&name).map(cap_std::fs::File::into_std);
        let written = file.and_then(|inner| self.form.write(Stopping { inner, stop }, region, data));
        let written = written.and_then(|()| self.show(&name, &key));
        written.map_err(|error| {
            // If it cannot be removed, it goes with the directory it is in.
            let _ = self.parts.remove_file(&name);
            StoreError::io(&self.path, error)
        })
    }

    /// Gives a chunk its own name.
    fn show(&self, name: &str, key: &StoreKey) -> io::Result<()> {
        match self.parts.rename(name, &self.dir, key.as_str()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.dir.create_dir_all(Path::new(key.as_str()).parent().unwrap_or(Path::new("")))?;
                self.parts.rename(name, &self.dir, key.as_str())
            }
            renamed => renamed,
        }
    }
}

impl Sink for ZarrPart {
    fn put(&self, region: &Region, data: Data) -> Result<(), SourceError> {
        self.copy(region, &data)
    }

    fn copy(&self, region: &Region, data: &Data) -> Result<(), SourceError> {
        self.copy_unless(region, data, &|| false)
    }

    fn copy_unless(&self, region: &Region, data: &Data, stop: Stop<'_>) -> Result<(), SourceError> {
        let place = || format!("{}, block at {}", self.label, Shape::new(region.start.iter().copied()));
        self.write(region, data, stop).map_err(|error| error.at(place()))
    }
}
