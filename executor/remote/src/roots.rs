//! Which files a worker touches for others: those below the roots its owner named, wherever links lead. Paths are
//! followed to find what they mean; what is opened is opened by the root itself, which nothing leads out of.

use crate::spec::{StoredPlace, StoredSource};
use cap_std::fs::Dir;
use cleave_ops::{Chunks, DType};
use cleave_plan::Source;
use cleave_store::{Folder, StoreError, ZarrPart};
use rand::Rng;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folders below which a worker reads and writes for others; none by default.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    read: Vec<Root>,
    write: Vec<Root>,
}

/// A folder, held open: what is opened by it lies below it, whatever becomes of paths and links meanwhile.
#[derive(Clone, Debug)]
struct Root {
    path: PathBuf,
    dir: Arc<Dir>,
}

/// Something below a root.
#[derive(Clone, Debug)]
pub struct Below {
    root: Root,
    inside: PathBuf,
}

/// Why a path is not opened.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum RootError {
    /// A root that is not a folder, or is the whole file system.
    BadRoot { path: PathBuf, cause: io::Error },
    /// No root allows it, or a link or `..` leads out of it.
    Outside { path: String, writing: bool },
    /// Nothing is there.
    Missing { path: String },
    /// Neither a file nor a folder, such as a pipe or a device.
    Special { path: String },
    /// A path that no file can have.
    NotAPath { path: String },
    /// It cannot be looked at.
    Io { path: String, cause: io::Error },
}

/// Why a source of a job cannot be read here.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum OpenError {
    Root(RootError),
    Store(StoreError),
    /// It is not what the kernel sees under that path.
    Differs {
        path: String,
    },
}

impl Roots {
    /// Roots for reading and for writing; each must be a folder.
    pub fn new(read: &[PathBuf], write: &[PathBuf]) -> Result<Roots, RootError> {
        let all = |paths: &[PathBuf]| paths.iter().map(|path| root(path)).collect::<Result<Vec<_>, _>>();
        Ok(Roots { read: all(read)?, write: all(write)? })
    }

    /// Something to be read.
    pub fn readable(&self, path: &str) -> Result<Below, RootError> {
        resolve(&self.read, path, false)
    }

    /// Something to be written to, which exists.
    pub fn writable(&self, path: &str) -> Result<Below, RootError> {
        resolve(&self.write, path, true)
    }

    /// Opens a stored source and compares it with what the job says of it; `None` for one that is put.
    pub fn open(&self, source: &StoredSource) -> Result<Option<Arc<dyn Source>>, OpenError> {
        let (path, opened): (&String, Arc<dyn Source>) = match &source.place {
            StoredPlace::Put { .. } => return Ok(None),
            StoredPlace::Npy { path } => {
                let found = self.readable(path).map_err(OpenError::Root)?;
                let file =
                    found.file().map_err(|cause| OpenError::Root(RootError::Io { path: path.clone(), cause }))?;
                (path, Arc::new(cleave_store::read_npy(file, &found.path()).map_err(OpenError::Store)?))
            }
            StoredPlace::Zarr { path, component } => {
                let inside = component.as_ref().map(|component| format!("{path}/{}", component.trim_matches('/')));
                let found = self.readable(inside.as_ref().unwrap_or(path)).map_err(OpenError::Root)?;
                (path, Arc::new(cleave_store::open_zarr_in(found.folder()).map_err(OpenError::Store)?))
            }
        };
        let same = opened.dtype() == source.dtype && *opened.grid() == source.grid;
        if same { Ok(Some(opened)) } else { Err(OpenError::Differs { path: path.clone() }) }
    }

    /// Opens an array that the kernel has made, of those chunks, to write some of them.
    pub fn part(&self, path: &str, of: (&Chunks, DType)) -> Result<ZarrPart, OpenError> {
        let found = self.writable(path).map_err(OpenError::Root)?;
        let prefix = format!("{:016x}", rand::rng().next_u64());
        cleave_store::open_zarr_part(&found.folder(), of, &prefix).map_err(OpenError::Store)
    }
}

impl Below {
    /// Its real path.
    pub fn path(&self) -> PathBuf {
        self.root.path.join(&self.inside)
    }

    fn folder(&self) -> Folder {
        Folder::below(&self.root.dir, &self.inside, &self.path())
    }

    fn file(&self) -> io::Result<File> {
        self.root.dir.open(&self.inside).map(cap_std::fs::File::into_std)
    }

    /// Neither a pipe nor a device.
    fn is_plain(&self) -> io::Result<bool> {
        if self.inside.as_os_str().is_empty() {
            return Ok(true);
        }
        let about = self.root.dir.symlink_metadata(&self.inside)?;
        Ok(about.is_file() || about.is_dir())
    }
}

fn root(path: &Path) -> Result<Root, RootError> {
    let bad = |cause: io::Error| RootError::BadRoot { path: path.to_path_buf(), cause };
    let real = path.canonicalize().map_err(bad)?;
    if !real.is_dir() {
        return Err(bad(io::ErrorKind::NotADirectory.into()));
    }
    // The whole file system would hold devices, pipes and what processes show of themselves.
    if real.parent().is_none() || real.starts_with("/proc") || real.starts_with("/sys") || real.starts_with("/dev") {
        return Err(bad(io::ErrorKind::PermissionDenied.into()));
    }
    let dir = Dir::open_ambient_dir(&real, cap_std::ambient_authority()).map_err(bad)?;
    Ok(Root { path: real, dir: Arc::new(dir) })
}

/// Follows a path to where it really leads, and refuses what lies below no root.
fn resolve(roots: &[Root], path: &str, writing: bool) -> Result<Below, RootError> {
    if path.is_empty() || path.contains('\0') {
        return Err(RootError::NotAPath { path: path.into() });
    }
    let mut missing = false;
    let failed = |cause| RootError::Io { path: path.into(), cause };
    for root in roots {
        // An absolute path replaces the root here, and must lead back below it.
        match root.path.join(path).canonicalize() {
            Ok(real) => {
                let Ok(inside) = real.strip_prefix(&root.path) else { continue };
                let found = Below { root: root.clone(), inside: inside.to_path_buf() };
                let is_plain = found.is_plain().map_err(failed)?;
                return if is_plain { Ok(found) } else { Err(RootError::Special { path: path.into() }) };
            }
            Err(error) if is_missing(&error) => missing |= stays_below(&root.path, path),
            Err(cause) => return Err(failed(cause)),
        }
    }
    Err(if missing {
        RootError::Missing { path: path.into() }
    } else {
        RootError::Outside { path: path.into(), writing }
    })
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a path to nothing would lie below the root as it is written, so that saying so tells nothing else.
fn stays_below(root: &Path, path: &str) -> bool {
    let climbs = Path::new(path).components().any(|part| part == std::path::Component::ParentDir);
    root.join(path).starts_with(root) && !climbs
}

impl RootError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            RootError::BadRoot { .. } => "bad-root",
            RootError::Outside { .. } => "outside-roots",
            RootError::Missing { .. } => "file-not-found",
            RootError::Special { .. } => "not-a-file",
            RootError::NotAPath { .. } => "bad-path",
            RootError::Io { .. } => "read-failed",
        }
    }
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RootError::BadRoot { path, cause } => write!(f, "{} cannot be a root: {cause}", path.display()),
            RootError::Outside { path, writing } => {
                let option = if *writing { "--write-root" } else { "--data-root" };
                write!(f, "{} lies below no {option} of the worker", Shown(path))
            }
            RootError::Missing { path } => write!(f, "{} is not there, as the worker sees it", Shown(path)),
            RootError::Special { path } => write!(f, "{} is neither a file nor a folder", Shown(path)),
            RootError::NotAPath { path } => write!(f, "{} is not a path", Shown(path)),
            RootError::Io { path, cause } => write!(f, "{}: {cause}", Shown(path)),
        }
    }
}

impl std::error::Error for RootError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RootError::BadRoot { cause, .. } | RootError::Io { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

impl OpenError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            OpenError::Root(error) => error.code(),
            OpenError::Store(error) => error.code(),
            OpenError::Differs { .. } => "wrong-source",
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Root(error) => write!(f, "{error}"),
            OpenError::Store(error) => write!(f, "{error}"),
            OpenError::Differs { path } => {
                write!(f, "{} is not the same array on the worker as in the kernel", Shown(path))
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::Root(error) => Some(error),
            OpenError::Store(error) => Some(error),
            OpenError::Differs { .. } => None,
        }
    }
}

/// A path of somebody else's, on one line.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.0.chars().take(256).flat_map(char::escape_debug).collect();
        write!(f, "`{shown}`")
    }
}
