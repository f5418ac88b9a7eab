//! Stored arrays: a path goes in, a [`Source`] that reads blocks or a [`Sink`](cleave_plan::Sink) that takes them comes out.
//!
//! In reading order: `error`; `runs` (where a box lies in a row-major array), `convert` (bytes as elements),
//! `order` (elements stored by column), `staging` (temporary names) and `place` (whether a block fits); `map` (a mapped file, the only `unsafe`),
//! `npy_header`, `npy`, `npy_sink`; `folder` (a directory, and how far names in it lead), `files` (its files as Zarr
//! keys), `stopping` (streams that end early), `packing` (chunks as streams), `zarr_meta`, `shards`, `zarr`; `zarr_form` (arrays to be made, and their
//! chunks), `zarr_sink`, `zarr_part` (what others write of such an array). Files appear under their name when they are whole or not at all. This crate starts no threads
//! and knows nothing of graphs or plans: callers read and write many blocks at once.

mod convert;
mod error;
mod files;
mod folder;
mod map;
mod npy;
mod npy_header;
mod npy_sink;
mod order;
mod packing;
mod place;
mod runs;
mod shards;
mod staging;
mod stopping;
mod zarr;
mod zarr_form;
mod zarr_meta;
mod zarr_part;
mod zarr_sink;

pub use error::StoreError;
pub use folder::Folder;
pub use npy::{NpySource, open_npy, read_npy};
pub use npy_sink::NpySink;
pub use zarr::{ZarrSource, open_zarr, open_zarr_in};
pub use zarr_form::{Compressor, NewZarr, ZarrFormat, regular_chunks, uniform_chunks};
pub use zarr_part::{ZarrPart, open_zarr_part};
pub use zarr_sink::{ZarrSink, create_zarr};

use cleave_plan::Source;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Opens what is at a path: a .npy file or the directory of a Zarr array.
pub fn open(path: &Path) -> Result<Arc<dyn Source>, StoreError> {
    let failed = |error| StoreError::io(path, error);
    if fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(Arc::new(open_zarr(path, None)?));
    }
    let mut start = vec![];
    File::open(path).map_err(failed)?.take(8).read_to_end(&mut start).map_err(failed)?;
    if npy_header::is_npy(&start) || path.extension().is_some_and(|end| end == "npy") {
        return Ok(Arc::new(open_npy(path)?));
    }
    Err(StoreError::UnknownFormat { path: path.to_path_buf() })
}
