//! Arrays to be made: what their metadata says, and how their chunks are packed.

use crate::convert::numpy_descr;
use crate::error::StoreError;
use crate::files::Files;
use crate::folder::Folder;
use crate::packing::Packing;
use crate::place;
use crate::runs::Runs;
use crate::stopping::Stopping;
use crate::zarr_meta::{V2, V3};
use cleave_ops::{AxisChunks, Chunks, DType, Data, Region, Shape, bytes_of};
use serde_json::{Value, json};
use std::fs::File;
use std::io;
use std::sync::Arc;
use zarrs::array::Array;
use zarrs::storage::StoreKey;

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

/// An array whose metadata is there, and how its chunks are written.
pub(crate) struct Form {
    pub(crate) files: Arc<Files>,
    array: Array<Files>,
    packing: Packing,
    pub(crate) shape: Shape,
    chunk: Shape,
    dtype: DType,
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

impl NewZarr {
    /// The name of the metadata file.
    pub(crate) fn file(&self) -> &'static str {
        match self.format {
            ZarrFormat::V2 => V2,
            ZarrFormat::V3 => V3,
        }
    }

    /// What stands in it.
    pub(crate) fn meta(&self) -> Result<Value, StoreError> {
        let (shape, chunk) = (self.chunks.shape(), regular_chunks(&self.chunks)?);
        Ok(match self.format {
            ZarrFormat::V2 => v2_meta(self, &shape, &chunk),
            ZarrFormat::V3 => v3_meta(self, &shape, &chunk),
        })
    }
}

impl Form {
    /// Of the array in a folder, where its metadata is what it must be.
    pub(crate) fn of(new: &NewZarr, folder: Folder) -> Result<Self, StoreError> {
        let path = folder.path().to_path_buf();
        let unusable = |error| StoreError::ZarrMetadata { path, cause: Arc::new(error) };
        let files = Arc::new(Files::new(folder, new.file()));
        let array = Array::open(Arc::clone(&files), "/").map_err(unusable)?;
        let (shape, chunk) = (new.chunks.shape(), regular_chunks(&new.chunks)?);
        Ok(Self { files, array, packing: packing(new), shape, chunk, dtype: new.dtype })
    }

    /// The key of the chunk that a region is; none of one that is all zeros, of which nothing is written.
    pub(crate) fn key(&self, region: &Region, data: &Data) -> Result<Option<StoreKey>, StoreError> {
        place::fits(&self.shape, self.dtype, region, data)?;
        if region.size() == 0 {
            return Ok(None);
        }
        let key = self.array.chunk_key(&self.index(region)?);
        Ok(bytes_of(data.as_ref()).iter().any(|&byte| byte != 0).then_some(key))
    }

    /// Writes a chunk to its file, filled up with zeros if it reaches past the array's end.
    pub(crate) fn write(&self, file: Stopping<'_, File>, region: &Region, data: &Data) -> io::Result<()> {
        let runs = Runs::new(&self.chunk, &Region::whole(&region.len));
        self.packing.write(file, &runs, self.dtype.size(), bytes_of(data.as_ref()))
    }

    /// Which chunk a region is.
    pub(crate) fn index(&self, region: &Region) -> Result<Vec<u64>, StoreError> {
        let axes = region.start.iter().zip(region.len.iter()).zip(self.chunk.iter().zip(self.shape.iter()));
        let whole = |((&start, &len), (&chunk, &all)): ((&usize, &usize), (&usize, &usize))| {
            (start % chunk == 0 && len == chunk.min(all - start)).then_some((start / chunk) as u64)
        };
        let (shape, chunk) = (Box::new(self.shape.clone()), Some(Box::new(self.chunk.clone())));
        let misplaced = || StoreError::Misplaced { region: Box::new(region.clone()), shape, chunk };
        axes.map(whole).collect::<Option<_>>().ok_or_else(misplaced)
    }
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
