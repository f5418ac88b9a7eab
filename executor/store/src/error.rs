//! What can be wrong with a stored array.

use cleave_ops::{DType, OpError, Region, Shape};
use cleave_plan::SourceError;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A stored array that could not be opened, read, made or written. Variants hold values; the words are in
/// `Display`, the stable code in [`StoreError::code`], the way out in [`StoreError::help`].
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum StoreError {
    /// Nothing is there.
    Missing { path: PathBuf },
    /// A directory stands where a file is wanted.
    Directory { path: PathBuf },
    /// The system does not let us.
    Denied { path: PathBuf },
    /// Any other failure of the system.
    Io { path: PathBuf, error: Arc<io::Error> },
    /// Neither a .npy file nor a Zarr directory.
    UnknownFormat { path: PathBuf },
    /// The magic of .npy is not at the start of the file.
    NotNpy { path: PathBuf },
    /// A version of .npy that does not exist yet.
    NpyVersion { path: PathBuf, major: u8, minor: u8 },
    /// The header of a .npy file lacks a field or holds one that cannot be read.
    NpyHeader { path: PathBuf, field: &'static str },
    /// An element type the language lacks.
    DType { path: PathBuf, dtype: String },
    /// A shape that cannot be addressed.
    Shape { path: PathBuf, error: Box<OpError> },
    /// A file with fewer bytes than its header promises.
    Truncated { path: PathBuf, expected: u64, found: u64 },
    /// A file that became shorter while it was in use.
    Shrunk { path: PathBuf, expected: u64, found: u64 },
    /// A directory without Zarr metadata.
    NotZarr { path: PathBuf },
    /// A Zarr group where an array is wanted, and the arrays inside.
    Group { path: PathBuf, arrays: Vec<String> },
    /// A component a Zarr group lacks, and the arrays inside.
    NoComponent { path: PathBuf, component: String, arrays: Vec<String> },
    /// Zarr metadata with a field that is missing or cannot be read.
    ZarrField { path: PathBuf, field: &'static str },
    /// Zarr metadata that is not JSON, or asks for what cannot be done.
    ZarrMetadata { path: PathBuf, cause: Arc<dyn Error + Send + Sync> },
    /// A Zarr chunk grid that is not regular.
    ZarrGrid { path: PathBuf, grid: String },
    /// A chunk that cannot be decoded or fetched.
    Chunk { cause: Arc<dyn Error + Send + Sync> },
    /// A chunk that decodes to another number of bytes than it must.
    ChunkSize { expected: usize, found: usize },
    /// A target that exists.
    Exists { path: PathBuf },
    /// A target that is not a Zarr array, so that replacing it could lose something else.
    NotReplaceable { path: PathBuf },
    /// A chunking with unequal chunks, and the nearest uniform one.
    Irregular { axis: usize, lens: Vec<usize>, uniform: Shape },
    /// A block that does not lie in the array, or not on its chunks.
    Misplaced { region: Box<Region>, shape: Box<Shape>, chunk: Option<Box<Shape>> },
    /// A block of another dtype or size than announced.
    Misfit { expected: (DType, usize), found: (DType, usize) },
    /// A file that was finished before all elements were written.
    Incomplete { path: PathBuf, expected: u64, written: u64 },
}

impl StoreError {
    /// A failure of the system at a path.
    pub fn io(path: &Path, error: io::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind() {
            io::ErrorKind::NotFound => StoreError::Missing { path },
            io::ErrorKind::PermissionDenied => StoreError::Denied { path },
            io::ErrorKind::IsADirectory => StoreError::Directory { path },
            _ => StoreError::Io { path, error: Arc::new(error) },
        }
    }

    /// A chunk that a library could not decode or fetch.
    pub(crate) fn chunk(cause: impl Error + Send + Sync + 'static) -> Self {
        StoreError::Chunk { cause: Arc::new(cause) }
    }

    /// As the failure of reading or writing `what`, such as `x.zarr, chunk (3, 0)`.
    pub fn at(self, what: String) -> SourceError {
        SourceError { what, cause: Arc::new(self) }
    }

    /// The stable name of this kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Missing { .. } => "file-not-found",
            StoreError::Directory { .. } => "file-is-directory",
            StoreError::Denied { .. } => "file-denied",
            StoreError::Io { error, .. }
                if matches!(
                    error.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
                ) =>
            {
                "disk-full"
            }
            StoreError::Io { .. } => "file-failed",
            StoreError::UnknownFormat { .. } => "file-format",
            StoreError::NotNpy { .. } | StoreError::NpyVersion { .. } | StoreError::NpyHeader { .. } => "npy-invalid",
            StoreError::DType { .. } => "stored-dtype",
            StoreError::Shape { .. } => "stored-shape",
            StoreError::Truncated { .. } | StoreError::Shrunk { .. } => "file-truncated",
            StoreError::NotZarr { .. } | StoreError::ZarrField { .. } | StoreError::ZarrMetadata { .. } => {
                "zarr-invalid"
            }
            StoreError::Group { .. } => "zarr-group",
            StoreError::NoComponent { .. } => "zarr-component",
            StoreError::ZarrGrid { .. } | StoreError::Irregular { .. } => "zarr-chunks",
            StoreError::Chunk { .. } | StoreError::ChunkSize { .. } => "chunk-unreadable",
            StoreError::Exists { .. } | StoreError::NotReplaceable { .. } => "file-exists",
            StoreError::Misplaced { .. } | StoreError::Misfit { .. } => "block-misplaced",
            StoreError::Incomplete { .. } => "file-incomplete",
        }
    }

    /// What to do about it, if something can be done.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            StoreError::Missing { .. } => "relative paths start at the folder the program runs in".into(),
            StoreError::UnknownFormat { .. } | StoreError::NotNpy { .. } => {
                "`load` reads .npy files, `from_zarr` reads Zarr directories".into()
            }
            StoreError::DType { .. } => {
                let names: Vec<&str> = DType::ALL.iter().map(|dtype| dtype.name()).collect();
                format!("convert it where it was made; arrays hold {}", names.join(", "))
            }
            StoreError::Group { arrays, .. } | StoreError::NoComponent { arrays, .. } => match arrays.first() {
                Some(first) => format!("name one of its arrays: component=\"{first}\""),
                None => "the group holds no arrays".into(),
            },
            StoreError::Exists { .. } => "pass overwrite=True to replace it".into(),
            StoreError::NotReplaceable { .. } => "remove it first, or choose another name".into(),
            StoreError::Irregular { uniform, .. } => format!("rechunk to {uniform} first: Zarr chunks are all equal"),
            StoreError::Chunk { .. } | StoreError::ChunkSize { .. } => {
                "the file is damaged or still being written; write it again or restore it".into()
            }
            StoreError::Shrunk { .. } => "another program wrote to the file; load it again".into(),
            StoreError::Truncated { .. } => "the file was copied or written in part; make it again".into(),
            _ => return None,
        };
        Some(text)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Missing { path } => write!(f, "no such file or directory: {}", path.display()),
            StoreError::Directory { path } => write!(f, "{} is a directory, not a file", path.display()),
            StoreError::Denied { path } => write!(f, "permission denied: {}", path.display()),
            StoreError::Io { path, error } => write!(f, "{}: {error}", path.display()),
            StoreError::UnknownFormat { path } => {
                write!(f, "{} is neither a .npy file nor a Zarr directory", path.display())
            }
            StoreError::NotNpy { path } => write!(f, "{} is not a .npy file", path.display()),
            StoreError::NpyVersion { path, major, minor } => {
                write!(f, "{} has .npy version {major}.{minor}; versions 1.0, 2.0 and 3.0 are known", path.display())
            }
            StoreError::NpyHeader { path, field } => {
                write!(f, "the .npy header of {} has no readable `{field}`", path.display())
            }
            StoreError::DType { path, dtype } => {
                write!(f, "{} holds elements of type {dtype}, which arrays cannot hold", path.display())
            }
            StoreError::Shape { path, error } => write!(f, "{}: {error}", path.display()),
            StoreError::Truncated { path, expected, found } => {
                write!(f, "{} is truncated: its header promises {expected} bytes, it has {found}", path.display())
            }
            StoreError::Shrunk { path, expected, found } => {
                write!(f, "{} became shorter while in use: from {expected} bytes to {found}", path.display())
            }
            StoreError::NotZarr { path } => write!(f, "{} is not a Zarr array or group", path.display()),
            StoreError::Group { path, arrays } => {
                write!(f, "{} is a Zarr group{}", path.display(), Arrays(arrays))
            }
            StoreError::NoComponent { path, component, arrays } => {
                write!(f, "{} has no array `{component}`{}", path.display(), Arrays(arrays))
            }
            StoreError::ZarrField { path, field } => {
                write!(f, "the Zarr metadata of {} has no readable `{field}`", path.display())
            }
            StoreError::ZarrMetadata { path, cause } => {
                write!(f, "the Zarr metadata of {} cannot be used: {cause}", path.display())
            }
            StoreError::ZarrGrid { path, grid } => {
                write!(f, "{} has a chunk grid of type `{grid}`; only regular grids can be read", path.display())
            }
            StoreError::Chunk { cause } => write!(f, "the chunk cannot be read: {cause}"),
            StoreError::ChunkSize { expected, found } => {
                write!(f, "the chunk decodes to {found} bytes, not the {expected} it must have")
            }
            StoreError::Exists { path } => write!(f, "{} exists", path.display()),
            StoreError::NotReplaceable { path } => {
                write!(f, "{} exists and is not a Zarr array, so it is not replaced", path.display())
            }
            StoreError::Irregular { axis, lens, .. } => {
                let shown: Vec<String> = lens.iter().take(6).map(usize::to_string).collect();
                let more = if lens.len() > 6 { ", …" } else { "" };
                write!(f, "the chunks on axis {axis} differ in length: {}{more}", shown.join(", "))
            }
            StoreError::Misplaced { region, shape, chunk } => {
                let (start, len) = (Shape::new(region.start.iter().copied()), &region.len);
                write!(f, "a block of shape {len} at {start} does not fit an array of shape {shape}")?;
                chunk.as_ref().map_or(Ok(()), |chunk| write!(f, " in chunks of {chunk}"))
            }
            StoreError::Misfit { expected, found } => {
                let ((dtype, len), (its, count)) = (expected, found);
                write!(f, "expected a block of {len} {dtype} elements, found {count} of {its}")
            }
            StoreError::Incomplete { path, expected, written } => {
                write!(f, "{} is incomplete: {written} of {expected} elements were written", path.display())
            }
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StoreError::Io { error, .. } => Some(error.as_ref()),
            StoreError::ZarrMetadata { cause, .. } | StoreError::Chunk { cause } => Some(cause.as_ref()),
            _ => None,
        }
    }
}

/// The end of a sentence that names a group's arrays.
struct Arrays<'a>(&'a [String]);

impl fmt::Display for Arrays<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.0.len() > 12 { ", …" } else { "" };
        match self.0.len() {
            0 => Ok(()),
            1 => write!(f, "; its array is {}", self.0[0]),
            n => write!(f, "; its arrays are {}{more}", self.0[..n.min(12)].join(", ")),
        }
    }
}
