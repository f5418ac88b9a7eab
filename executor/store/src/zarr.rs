//! Reading Zarr arrays of versions 2 and 3.

use crate::error::StoreError;
use crate::files::Files;
use crate::folder::Folder;
use crate::npy::file_name;
use crate::packing::{self, Encoding};
use crate::runs::{Runs, region_of, regular_grid};
use crate::shards::{self, Shards};
use crate::stopping::Stopping;
use crate::zarr_meta::{self, ArrayMeta, Node};
use cleave_ops::{AxisChunks, Chunks, DType, Region, Shape, filled};
use cleave_plan::{Block, Source, SourceError, Stop};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};
use zarrs::array::{Array, ArrayBytes, CodecOptions};

/// A Zarr array in a directory. Blocks are decoded on the calling thread; any number may be read at once.
pub struct ZarrSource {
    files: Arc<Files>,
    array: Array<Files>,
    meta: ArrayMeta,
    /// None if another library unpacks chunks.
    pub(crate) encoding: Option<Encoding>,
    grid: Chunks,
    /// None if blocks are whole chunks; else they are parts of shards.
    shards: Option<Shards>,
    dir: PathBuf,
    label: String,
    stored_bytes: OnceLock<Option<u64>>,
}

/// How many bytes a block that is part of a shard has at most, if the shard's inner chunks are smaller.
const PART_BYTES: usize = 16 << 20;

/// What a stream needs at most: its pieces, and the bytes that an encoding looks back on.
const STREAMING_BYTES: u64 = 2 << 20;

/// How many files are counted at most to tell the stored size.
const COUNTED_FILES: usize = 20_000;

/// Opens the array in the directory `path`, or the array `component` in the group there.
pub fn open_zarr(path: &Path, component: Option<&str>) -> Result<ZarrSource, StoreError> {
    open_in_parts(path, component, PART_BYTES)
}

/// Opens the array in a folder, which is no group.
pub fn open_zarr_in(folder: Folder) -> Result<ZarrSource, StoreError> {
    let dir = folder.path().to_path_buf();
    match zarr_meta::read_node(&folder)? {
        Some(Node::Array(meta)) => of_array(folder, meta, label(&dir, None), PART_BYTES),
        Some(Node::Group) => Err(StoreError::Group { arrays: Vec::new(), path: dir }),
        None => Err(StoreError::NotZarr { path: dir }),
    }
}

fn open_in_parts(path: &Path, component: Option<&str>, part_bytes: usize) -> Result<ZarrSource, StoreError> {
    fs::metadata(path).map_err(|error| StoreError::io(path, error))?;
    let dir = directory(path, component)?;
    let folder = Folder::at(&dir);
    match zarr_meta::read_node(&folder)? {
        Some(Node::Array(meta)) => of_array(folder, meta, label(path, component), part_bytes),
        Some(Node::Group) => Err(StoreError::Group { arrays: zarr_meta::arrays_below(&dir), path: dir }),
        None => Err(nothing_there(path, component)),
    }
}

fn of_array(folder: Folder, meta: ArrayMeta, label: String, part_bytes: usize) -> Result<ZarrSource, StoreError> {
    let dir = folder.path().to_path_buf();
    let unusable = |error| StoreError::ZarrMetadata { path: dir.clone(), cause: Arc::new(error) };
    let files = Arc::new(Files::new(folder, meta.file));
    let array = Array::open(Arc::clone(&files), "/").map_err(unusable)?;
    let part = shards::part_shape(&array, &meta.chunk, part_bytes / meta.dtype.size());
    let grid = regular_grid(&meta.shape, &part);
    let shards = (part != meta.chunk).then(Shards::default);
    let encoding = Encoding::of(&array, meta.dtype);
    Ok(ZarrSource { files, array, meta, encoding, grid, shards, dir, label, stored_bytes: OnceLock::new() })
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

    /// Reads a block into memory of its length.
    fn read(&self, region: &Region, bytes: &mut [u8], stop: Stop<'_>) -> Result<(), StoreError> {
        if region.size() == 0 {
            return Ok(());
        }
        if let Some(shards) = &self.shards {
            let read = shards.read(&self.array, &self.meta.chunk, region)?;
            return self.cut(read, &region.len, region, bytes);
        }
        let index: Vec<u64> = region.start.iter().zip(&self.meta.chunk).map(|(s, c)| (s / c) as u64).collect();
        let chunk = Shape::new(self.meta.chunk.iter().copied());
        let Some(encoding) = self.encoding else {
            let read: ArrayBytes = self.array.retrieve_chunk_opt(&index, &one_thread()).map_err(StoreError::chunk)?;
            return self.cut(read, &chunk, region, bytes);
        };
        let runs = Runs::new(&chunk, &Region::whole(&region.len));
        match self.files.open(&self.array.chunk_key(&index)).map_err(StoreError::chunk)? {
            Some(file) => encoding
                .read(Stopping { inner: file, stop }, &runs, self.meta.dtype.size(), bytes)
                .map_err(StoreError::chunk),
            None => {
                let value = self.array.fill_value().as_ne_bytes();
                bytes.chunks_exact_mut(value.len()).for_each(|element| element.copy_from_slice(value));
                Ok(())
            }
        }
    }

    /// Copies the elements of a block from those of its chunk, which reaches past the array at its end.
    fn cut(&self, read: ArrayBytes<'_>, chunk: &Shape, region: &Region, bytes: &mut [u8]) -> Result<(), StoreError> {
        let read = read.into_fixed().map_err(StoreError::chunk)?;
        let size = self.meta.dtype.size();
        let (expected, found) = (chunk.size() * size, read.len());
        if expected != found {
            return Err(StoreError::ChunkSize { expected, found });
        }
        let runs = Runs::new(chunk, &Region::whole(&region.len));
        for (start, run) in runs.starts().zip(bytes.chunks_exact_mut((runs.len * size).max(1))) {
            run.copy_from_slice(&read[start * size..][..run.len()]);
        }
        Ok(())
    }

    fn region(&self, index: &[usize]) -> Region {
        region_of(&self.grid, index).expect("a block's index lies in the grid")
    }

    fn place(&self, index: &[usize]) -> String {
        format!("{}, chunk {}", self.label, Shape::new(index.iter().copied()))
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
        let region = self.region(index);
        let read = |bytes: &mut [u8]| self.read(&region, bytes, &|| false);
        let data = filled(self.meta.dtype, region.size(), read);
        data.map(|data| Block::Owned(Arc::new(data))).map_err(|error| error.at(self.place(index)))
    }

    fn fill(&self, index: &[usize], bytes: &mut [u8], stop: Stop<'_>) -> Result<bool, SourceError> {
        let read = self.read(&self.region(index), bytes, stop);
        read.map(|()| true).map_err(|error| error.at(self.place(index)))
    }

    fn unpacking_bytes(&self) -> u64 {
        let block: usize = self.grid.0.iter().map(AxisChunks::longest).product();
        let bytes = block * self.meta.dtype.size();
        let streamed = self.encoding.is_some() && self.shards.is_none() && self.meta.dtype != DType::Bool;
        if streamed { STREAMING_BYTES.min(bytes as u64 + 2 * packing::PIECE_BYTES as u64) } else { bytes as u64 }
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
