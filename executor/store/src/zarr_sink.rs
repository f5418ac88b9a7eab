//! Writing Zarr arrays of versions 2 and 3.

use crate::convert::{bytes_of, numpy_descr};
use crate::error::StoreError;
use crate::files::Files;
use crate::npy::file_name;
use crate::packing::Packing;
use crate::place;
use crate::runs::Runs;
use crate::staging;
use crate::zarr_meta::{self, Node};
use cleave_ops::{AxisChunks, Chunks, DType, Data, Region, Shape};
use cleave_plan::{Sink, SourceError};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use zarrs::array::Array;

/// How hard chunks are packed: as little as helps.
const GZIP_LEVEL: u32 = 5;
const ZSTD_LEVEL: i32 = 1;

/// The version of Zarr to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ZarrFormat {
    V2,
    #[default]
    V3,
}

/// What shrinks chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Compressor {
    None,
    Gzip,
    #[default]
    Zstd,
}

/// An array to be made.
#[derive(Clone, Debug)]
pub struct NewZarr {
    /// Lengths of the axes and of the chunks, which must be equal except for the last on each axis.
    pub chunks: Chunks,
    /// The element type.
    pub dtype: DType,
    /// The version to write.
    pub format: ZarrFormat,
    /// What shrinks chunks.
    pub compressor: Compressor,
    /// Names of the axes.
    pub dimension_names: Option<Vec<String>>,
    /// Whether an array that is already there is replaced.
    pub overwrite: bool,
}

/// A Zarr array being written under a temporary name beside its target; dropped unfinished, it is removed.
pub struct ZarrSink {
    path: PathBuf,
    staged: TempDir,
    files: Arc<Files>,
    array: Array<Files>,
    packing: Packing,
    shape: Shape,
    chunk: Shape,
    dtype: DType,
    written: AtomicU64,
    label: String,
}

/// Begins an array that will be at `path`.
pub fn create_zarr(path: &Path, new: &NewZarr) -> Result<ZarrSink, StoreError> {
    let chunk = regular_chunks(&new.chunks)?;
    may_replace(path, new.overwrite)?;
    let staged = staging::directory_beside(path)?;
    let shape = new.chunks.shape();
    let failed = |error| StoreError::io(path, error);
    let mut name = "zarr.json";
    let mut meta = v3_meta(new, &shape, &chunk);
    if new.format == ZarrFormat::V2 {
        name = ".zarray";
        meta = v2_meta(new, &shape, &chunk);
        if let Some(names) = &new.dimension_names {
            write_json(&staged.path().join(".zattrs"), &json!({ "_ARRAY_DIMENSIONS": names })).map_err(failed)?;
        }
    }
    write_json(&staged.path().join(name), &meta).map_err(failed)?;
    let unusable = |error| StoreError::ZarrMetadata { path: path.to_path_buf(), cause: Arc::new(error) };
    let files = Arc::new(Files::new(staged.path(), name));
    let array = Array::open(Arc::clone(&files), "/").map_err(unusable)?;
    let (path, label) = (path.to_path_buf(), file_name(path));
    Ok(ZarrSink {
        path,
        staged,
        files,
        array,
        packing: packing(new),
        shape,
        chunk,
        dtype: new.dtype,
        written: 0.into(),
        label,
    })
}

/// The chunk shape of a chunking whose chunks are equal except for a shorter last one on each axis; the error
/// names the uniform chunks to use instead.
pub fn regular_chunks(chunks: &Chunks) -> Result<Shape, StoreError> {
    let uniform = uniform_chunks(chunks);
    let equal = |(axis, &chunk): (&AxisChunks, &usize)| *axis == AxisChunks::regular(axis.total(), chunk);
    match chunks.0.iter().zip(uniform.iter()).position(|pair| !equal(pair)) {
        Some(axis) if chunks.0[axis].total() > 0 => {
            Err(StoreError::Irregular { axis, lens: chunks.0[axis].lens().collect(), uniform })
        }
        _ => Ok(uniform),
    }
}

/// The uniform chunk shape nearest to a chunking: the longest chunk of each axis.
pub fn uniform_chunks(chunks: &Chunks) -> Shape {
    chunks.0.iter().map(|axis| axis.longest().max(1)).collect()
}

fn may_replace(path: &Path, overwrite: bool) -> Result<(), StoreError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    if !overwrite {
        return Err(StoreError::Exists { path: path.to_path_buf() });
    }
    match zarr_meta::read_node(path) {
        Ok(Some(Node::Array(_))) => Ok(()),
        _ => Err(StoreError::NotReplaceable { path: path.to_path_buf() }),
    }
}

fn write_json(path: &Path, value: &Value) -> std::io::Result<()> {
    fs::write(path, format!("{value:#}\n"))
}

fn fill_value(dtype: DType) -> Value {
    match dtype {
        DType::Bool => json!(false),
        DType::F16 | DType::F32 | DType::F64 => json!(0.0),
        _ => json!(0),
    }
}

/// The levels stand in the metadata too.
fn packing(new: &NewZarr) -> Packing {
    match new.compressor {
        Compressor::None => Packing::None,
        Compressor::Gzip => Packing::Gzip { level: GZIP_LEVEL },
        Compressor::Zstd => Packing::Zstd { level: ZSTD_LEVEL, checksum: new.format == ZarrFormat::V3 },
    }
}

fn v3_meta(new: &NewZarr, shape: &Shape, chunk: &Shape) -> Value {
    let endian = if cfg!(target_endian = "little") { "little" } else { "big" };
    let mut codecs = vec![match new.dtype.size() {
        1 => json!({ "name": "bytes" }),
        _ => json!({ "name": "bytes", "configuration": { "endian": endian } }),
    }];
    match new.compressor {
        Compressor::None => {}
        Compressor::Gzip => codecs.push(json!({ "name": "gzip", "configuration": { "level": GZIP_LEVEL } })),
        Compressor::Zstd => {
            codecs.push(json!({ "name": "zstd", "configuration": { "level": ZSTD_LEVEL, "checksum": true } }))
        }
    }
    let mut meta = json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape.to_vec(),
        "data_type": new.dtype.name(),
        "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": chunk.to_vec() } },
        "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } },
        "fill_value": fill_value(new.dtype),
        "codecs": codecs,
        "attributes": {},
    });
    if let Some(names) = &new.dimension_names {
        meta["dimension_names"] = json!(names);
    }
    meta
}

fn v2_meta(new: &NewZarr, shape: &Shape, chunk: &Shape) -> Value {
    let compressor = match new.compressor {
        Compressor::None => Value::Null,
        Compressor::Gzip => json!({ "id": "gzip", "level": GZIP_LEVEL }),
        Compressor::Zstd => json!({ "id": "zstd", "level": ZSTD_LEVEL }),
    };
    json!({
        "zarr_format": 2,
        "shape": shape.to_vec(),
        "chunks": chunk.to_vec(),
        "dtype": numpy_descr(new.dtype),
        "compressor": compressor,
        "fill_value": fill_value(new.dtype),
        "order": "C",
        "filters": null,
        "dimension_separator": ".",
    })
}

impl ZarrSink {
    /// Puts the array in its place; every element must have been written.
    pub fn finish(self) -> Result<(), StoreError> {
        place::complete(&self.path, &self.shape, &self.written)?;
        staging::put_in_place(self.staged, &self.path)
    }

    /// Writes one chunk, filled up with zeros if it reaches past the array's end; of one that is all zeros nothing
    /// is written.
    fn write(&self, region: &Region, data: &Data) -> Result<(), StoreError> {
        place::fits(&self.shape, self.dtype, region, data)?;
        if region.size() == 0 {
            return Ok(());
        }
        let (key, bytes) = (self.array.chunk_key(&self.index(region)?), bytes_of(data));
        if bytes.iter().any(|&byte| byte != 0) {
            let runs = Runs::new(&self.chunk, &Region::whole(&region.len));
            let file = self.files.create(&key);
            let written = file.and_then(|file| self.packing.write(file, &runs, self.dtype.size(), bytes));
            written.map_err(|error| StoreError::io(&self.files.path(&key), error))?;
        }
        self.written.fetch_add(region.size() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Which chunk a region is.
    fn index(&self, region: &Region) -> Result<Vec<u64>, StoreError> {
        let axes = region.start.iter().zip(region.len.iter()).zip(self.chunk.iter().zip(self.shape.iter()));
        let whole = |((&start, &len), (&chunk, &all)): ((&usize, &usize), (&usize, &usize))| {
            (start % chunk == 0 && len == chunk.min(all - start)).then_some((start / chunk) as u64)
        };
        let (shape, chunk) = (Box::new(self.shape.clone()), Some(Box::new(self.chunk.clone())));
        let misplaced = || StoreError::Misplaced { region: Box::new(region.clone()), shape, chunk };
        axes.map(whole).collect::<Option<_>>().ok_or_else(misplaced)
    }
}

impl Sink for ZarrSink {
    fn put(&self, region: &Region, data: Data) -> Result<(), SourceError> {
        self.copy(region, &data)
    }

    fn copy(&self, region: &Region, data: &Data) -> Result<(), SourceError> {
        let place = || format!("{}, block at {}", self.label, Shape::new(region.start.iter().copied()));
        self.write(region, data).map_err(|error| error.at(place()))
    }
}
