//! Reading Zarr arrays of versions 2 and 3.

use crate::convert;
use crate::error::StoreError;
use crate::files::Files;
use crate::npy::file_name;
use crate::order::up_to;
use crate::runs::{region_of, regular_grid};
use crate::shards::{self, Shards};
use crate::zarr_meta::{self, ArrayMeta, Node};
use cleave_ops::data::Element;
use cleave_ops::{Chunks, DType, Data, Region, Shape, each_dtype};
use cleave_plan::{Block, Source, SourceError};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};
use zarrs::array::{Array, ArrayBytes, CodecOptions};

/// A Zarr array in a directory. Blocks are decoded on the calling thread; any number may be read at once.
pub struct ZarrSource {
    array: Array<Files>,
    meta: ArrayMeta,
    grid: Chunks,
    /// None if blocks are whole chunks; else they are parts of shards.
    shards: Option<Shards>,
    dir: PathBuf,
    label: String,
    stored_bytes: OnceLock<Option<u64>>,
}

/// How many bytes a block that is part of a shard has at most, if the shard's inner chunks are smaller.
const PART_BYTES: usize = 16 << 20;

/// How many files are counted at most to tell the stored size.
const COUNTED_FILES: usize = 20_000;

/// Opens the array in the directory `path`, or the array `component` in the group there.
pub fn open_zarr(path: &Path, component: Option<&str>) -> Result<ZarrSource, StoreError> {
    open_in_parts(path, component, PART_BYTES)
}

fn open_in_parts(path: &Path, component: Option<&str>, part_bytes: usize) -> Result<ZarrSource, StoreError> {
    fs::metadata(path).map_err(|error| StoreError::io(path, error))?;
    let dir = directory(path, component)?;
    let meta = match zarr_meta::read_node(&dir)? {
        Some(Node::Array(meta)) => meta,
        Some(Node::Group) => return Err(StoreError::Group { arrays: zarr_meta::arrays_below(&dir), path: dir }),
        None => return Err(nothing_there(path, component)),
    };
    let unusable = |error| StoreError::ZarrMetadata { path: dir.clone(), cause: Arc::new(error) };
    let array = Array::open(Arc::new(Files::new(&dir, meta.file)), "/").map_err(unusable)?;
    let part = shards::part_shape(&array, &meta.chunk, part_bytes / meta.dtype.size());
    let grid = regular_grid(&meta.shape, &part);
    let shards = (part != meta.chunk).then(Shards::default);
    let label = label(path, component);
    Ok(ZarrSource { array, meta, grid, shards, dir, label, stored_bytes: OnceLock::new() })
}

/// Everything on the calling thread: the caller reads many blocks at once.
pub(crate) fn one_thread() -> CodecOptions {
    CodecOptions::default().with_concurrent_target(1).with_chunk_concurrent_minimum(1)
}

fn directory(path: &Path, component: Option<&str>) -> Result<PathBuf, StoreError> {
    let Some(component) = component.map(|name| name.trim_matches('/')) else {
        return Ok(path.to_path_buf());
    };
    let inside = Path::new(component).components().all(|part| matches!(part, Component::Normal(_)));
    if inside { Ok(path.join(component)) } else { Err(nothing_there(path, Some(component))) }
}

fn nothing_there(path: &Path, component: Option<&str>) -> StoreError {
    let path = path.to_path_buf();
    match component {
        Some(name) => {
            StoreError::NoComponent { arrays: zarr_meta::arrays_below(&path), component: name.to_string(), path }
        }
        None => StoreError::NotZarr { path },
    }
}

/// The store's name, and after a slash the array's path inside, as in `era5.zarr / t2m`.
fn label(path: &Path, component: Option<&str>) -> String {
    let store = path.ancestors().filter(|dir| dir.extension().is_some_and(|end| end == "zarr")).last().unwrap_or(path);
    let mut inside = path.strip_prefix(store).unwrap_or(Path::new("")).to_path_buf();
    inside.extend(component.map(|name| name.trim_matches('/')));
    let name = file_name(store);
    if inside.as_os_str().is_empty() { name } else { format!("{name} / {}", inside.display()) }
}

impl ZarrSource {
    /// The lengths of its axes.
    pub fn shape(&self) -> &Shape {
        &self.meta.shape
    }

    /// The names of its axes, if they are stored.
    pub fn dimension_names(&self) -> Option<&[String]> {
        self.meta.dimension_names.as_deref()
    }

    fn read(&self, region: &Region) -> Result<Data, StoreError> {
        if region.size() == 0 {
            return Ok(Data::zeros(self.meta.dtype, 0));
        }
        match &self.shards {
            Some(shards) => {
                let bytes = shards.read(&self.array, &self.meta.chunk, region)?;
                self.cut(bytes, &region.len, region)
            }
            None => {
                let chunk: Vec<u64> = region.start.iter().zip(&self.meta.chunk).map(|(s, c)| (s / c) as u64).collect();
                let bytes: ArrayBytes =
                    self.array.retrieve_chunk_opt(&chunk, &one_thread()).map_err(StoreError::chunk)?;
                self.cut(bytes, &Shape::new(self.meta.chunk.iter().copied()), region)
            }
        }
    }

    /// The elements of a block from those of its chunk, which reaches past the array at its end.
    fn cut(&self, bytes: ArrayBytes<'_>, chunk: &Shape, region: &Region) -> Result<Data, StoreError> {
        let bytes = bytes.into_fixed().map_err(StoreError::chunk)?;
        let (dtype, size) = (self.meta.dtype, self.meta.dtype.size());
        let (expected, found) = (chunk.size() * size, bytes.len());
        if expected != found {
            return Err(StoreError::ChunkSize { expected, found });
        }
        if *chunk == region.len {
            return Ok(convert::decode(&bytes, dtype, false));
        }
        let whole = convert::decode(&bytes, dtype, false);
        Ok(each_dtype!(Data, whole, elements => Element::wrap(up_to(&elements, chunk, &region.len))))
    }
}

impl Source for ZarrSource {
    fn grid(&self) -> &Chunks {
        &self.grid
    }

    fn dtype(&self) -> DType {
        self.meta.dtype
    }

    fn block(&self, index: &[usize]) -> Result<Block, SourceError> {
        let region = region_of(&self.grid, index).expect("a block's index lies in the grid");
        let place = || format!("{}, chunk {}", self.label, Shape::new(index.iter().copied()));
        let data = self.read(&region).map_err(|error| error.at(place()))?;
        Ok(Block::Owned(Arc::new(data)))
    }

    fn is_resident(&self) -> bool {
        false
    }

    fn label(&self) -> &str {
        &self.label
    }

    fn stored_bytes(&self) -> Option<u64> {
        *self.stored_bytes.get_or_init(|| size_below(&self.dir))
    }
}

/// The bytes of the files below a directory, unless there are very many.
fn size_below(root: &Path) -> Option<u64> {
    let (mut bytes, mut files, mut open) = (0, 0, vec![root.to_path_buf()]);
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).ok()?.flatten() {
            let metadata = entry.metadata().ok()?;
            if metadata.is_dir() {
                open.push(entry.path());
            }
            bytes += if metadata.is_file() { metadata.len() } else { 0 };
            files += 1;
            if files > COUNTED_FILES {
                return None;
            }
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{label, open_in_parts};
    use cleave_ops::Data;
    use cleave_plan::Source;
    use std::path::Path;

    #[test]
    fn shards_are_read_in_parts_of_whole_inner_chunks() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/v3_sharded.zarr");
        // Shards of (10, 14) int32 elements hold chunks of (5, 7); the array has shape (25, 14).
        for (part_bytes, rows, columns) in [(1, 5, 7), (300, 5, 14), (1000, 10, 14)] {
            let source = open_in_parts(&path, None, part_bytes).expect("the fixture");
            assert_eq!((source.grid.0[0].longest(), source.grid.0[1].longest()), (rows, columns));
            for row in 0..source.grid.0[0].count() {
                for column in 0..source.grid.0[1].count() {
                    let block = source.block(&[row, column]).expect("the fixture");
                    let (top, left) = (row * rows, column * columns);
                    let at = |i: usize| ((top + i / columns) * 14 + left + i % columns) as i32 % 100;
                    let expected: Vec<i32> = (0..rows.min(25 - top) * columns).map(at).collect();
                    assert_eq!(block.elements(), Data::I32(expected).as_ref());
                }
            }
        }
    }

    #[test]
    fn labels_name_the_store_and_what_is_inside() {
        let cases = [
            ("data/era5.zarr", Some("t2m"), "era5.zarr / t2m"),
            ("data/era5.zarr/sub/t2m", None, "era5.zarr / sub/t2m"),
            ("data/era5.zarr", None, "era5.zarr"),
            ("/data/plain", Some("/a/"), "plain / a"),
        ];
        for (path, component, expected) in cases {
            assert_eq!(label(Path::new(path), component), expected);
        }
    }
}
