//! Reading .npy files.

use crate::convert;
use crate::error::StoreError;
use crate::map::FileMap;
use crate::npy_header::{self, BadHeader, NpyHeader};
use crate::order::to_rows;
use crate::runs::{region_of, regular_grid};
use cleave_ops::{Chunks, DType, Data, DataRef, Region, Shape, each_dtype};
use cleave_plan::{Block, Elements, Source, SourceError};
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// How many bytes a block that must be converted has at most.
const CONVERTED_BYTES: usize = 4 << 20;

/// An array in a .npy file, mapped into memory.
///
/// If its elements lie in the file as they lie in memory, it is one resident block that is never copied;
/// otherwise (column-major, the other byte order, not aligned, booleans) blocks are converted when read.
pub struct NpySource {
    /// Guards the map that blocks are handed out of.
    file: Mutex<Arc<Mapped>>,
    dtype: DType,
    len_bytes: u64,
    shape: Shape,
    grid: Chunks,
    layout: Layout,
    label: String,
}

/// How elements get from the file into a block.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    InPlace,
    Converted { swap: bool, fortran: bool },
}

/// The elements of a mapped file.
struct Mapped {
    map: FileMap,
    data: Range<usize>,
    dtype: DType,
}

/// Opens a .npy file of version 1, 2 or 3.
pub fn open_npy(path: &Path) -> Result<NpySource, StoreError> {
    read_npy(File::open(path).map_err(|error| StoreError::io(path, error))?, path)
}

/// The same of a file that was opened at `path`.
pub fn read_npy(file: File, path: &Path) -> Result<NpySource, StoreError> {
    let map = FileMap::new(file, path)?;
    let header = npy_header::parse(map.bytes()).map_err(|problem| header_error(path, map.bytes().len(), &problem))?;
    let unsupported = || StoreError::DType { path: path.to_path_buf(), dtype: header.descr.clone() };
    let (dtype, swap) = convert::parse_descr(&header.descr).ok_or_else(unsupported)?;
    let shape = Shape::checked(header.shape.iter().copied());
    let shape = shape.map_err(|error| StoreError::Shape { path: path.to_path_buf(), error: Box::new(error) })?;
    let data = data_range(path, &header, &map, shape.size() * dtype.size())?;
    let fortran = header.fortran && shape.iter().filter(|&&len| len > 1).count() > 1;
    let in_place = !swap && !fortran && convert::view(&map.bytes()[data.clone()], dtype).is_some();
    let layout = if in_place { Layout::InPlace } else { Layout::Converted { swap, fortran } };
    let grid = grid(&shape, dtype, layout);
    let (len_bytes, file) = (map.bytes().len() as u64, Mutex::new(Arc::new(Mapped { map, data, dtype })));
    Ok(NpySource { file, dtype, len_bytes, shape, grid, layout, label: file_name(path) })
}

/// The last part of a path, for labels.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn header_error(path: &Path, len: usize, problem: &BadHeader) -> StoreError {
    let path = path.to_path_buf();
    match *problem {
        BadHeader::Magic => StoreError::NotNpy { path },
        BadHeader::Version(major, minor) => StoreError::NpyVersion { path, major, minor },
        BadHeader::Short(expected) => StoreError::Truncated { path, expected: expected as u64, found: len as u64 },
        BadHeader::Field(field) => StoreError::NpyHeader { path, field },
    }
}

fn data_range(path: &Path, header: &NpyHeader, map: &FileMap, nbytes: usize) -> Result<Range<usize>, StoreError> {
    let end = header.data_start + nbytes;
    let found = map.bytes().len();
    if end > found {
        return Err(StoreError::Truncated { path: path.to_path_buf(), expected: end as u64, found: found as u64 });
    }
    Ok(header.data_start..end)
}

/// One block if nothing is converted; else blocks that lie in one piece in the file.
fn grid(shape: &Shape, dtype: DType, layout: Layout) -> Chunks {
    let Layout::Converted { fortran, .. } = layout else {
        return Chunks::single(shape);
    };
    let mut room = CONVERTED_BYTES / dtype.size();
    let mut chunk = vec![1; shape.ndim()];
    let fastest_first = |at: usize| if fortran { at } else { shape.ndim() - 1 - at };
    for axis in (0..shape.ndim()).map(fastest_first) {
        chunk[axis] = shape[axis].min(room).max(1);
        room = if chunk[axis] < shape[axis] { 1 } else { room / chunk[axis] };
    }
    regular_grid(shape, &chunk)
}

impl NpySource {
    /// The lengths of its axes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    fn file(&self) -> Arc<Mapped> {
        Arc::clone(&self.file.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn converted(&self, file: &Mapped, region: &Region, swap: bool, fortran: bool) -> Data {
        let first =
            if fortran { column_major_start(&self.shape, region) } else { row_major_start(&self.shape, region) };
        let size = self.dtype.size();
        let start = file.data.start + first * size;
        let bytes = &file.map.bytes()[start..start + region.size() * size];
        let data = convert::decode(bytes, self.dtype, swap);
        if fortran {
            each_dtype!(Data, data, columns => cleave_ops::data::Element::wrap(to_rows(&columns, &region.len)))
        } else {
            data
        }
    }
}

fn row_major_start(shape: &Shape, region: &Region) -> usize {
    region.start.iter().zip(&shape.strides()).map(|(start, stride)| start * stride).sum()
}

fn column_major_start(shape: &Shape, region: &Region) -> usize {
    region.start.iter().zip(shape.iter()).rev().fold(0, |at, (start, len)| at * len + start)
}

impl Source for NpySource {
    fn grid(&self) -> &Chunks {
        &self.grid
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn block(&self, index: &[usize]) -> Result<Block, SourceError> {
        let file = self.file();
        file.map.check().map_err(|error| error.at(self.label.clone()))?;
        match self.layout {
            Layout::InPlace => Ok(Block::Shared(file)),
            Layout::Converted { swap, fortran } => {
                let region = region_of(&self.grid, index).expect("a block's index lies in the grid");
                Ok(Block::Owned(Arc::new(self.converted(&file, &region, swap, fortran))))
            }
        }
    }

    fn is_resident(&self) -> bool {
        self.layout == Layout::InPlace
    }

    fn label(&self) -> &str {
        &self.label
    }

    fn stored_bytes(&self) -> Option<u64> {
        Some(self.len_bytes)
    }

    fn is_mapped(&self) -> bool {
        true
    }

    fn let_go(&self) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // Where it cannot be mapped once more the old map serves on.
        if let Ok(map) = file.map.again()
            && map.bytes().len() as u64 >= self.len_bytes
        {
            *file = Arc::new(Mapped { map, data: file.data.clone(), dtype: file.dtype });
        }
    }
}

impl Elements for Mapped {
    fn elements(&self) -> DataRef<'_> {
        convert::view(&self.map.bytes()[self.data.clone()], self.dtype).expect("aligned when the file was opened")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converted_blocks_stay_small_and_lie_in_one_piece() {
        let shape = Shape::new([3000, 2000]);
        let rows = grid(&shape, DType::F64, Layout::Converted { swap: true, fortran: false });
        assert_eq!((rows.0[0].longest(), rows.0[1].longest()), (262, 2000));
        let columns = grid(&shape, DType::F64, Layout::Converted { swap: false, fortran: true });
        assert_eq!((columns.0[0].longest(), columns.0[1].longest()), (3000, 174));
    }
}
