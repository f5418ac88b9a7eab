//! A directory, and how far names in it may lead.

use cap_std::fs::Dir;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory that files are read from.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    /// The root that no name and no link leads out of, and where the directory is in it; `None` for anywhere.
    below: Option<(Arc<Dir>, PathBuf)>,
}

impl Folder {
    /// A directory whose links may lead anywhere.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_path_buf(), below: None }
    }

    /// A directory below a root, which no link in it leads out of. `path` is what messages call it.
    pub fn below(root: &Arc<Dir>, inside: &Path, path: &Path) -> Self {
        Self { path: path.to_path_buf(), below: Some((Arc::clone(root), inside.to_path_buf())) }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub(crate) fn open(&self, name: &str) -> io::Result<File> {
        match &self.below {
            None => File::open(self.path.join(name)),
            Some((root, inside)) => root.open(inside.join(name)).map(cap_std::fs::File::into_std),
        }
    }

    /// All bytes of a file in it.
    pub(crate) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(name)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// How long a file in it is.
    pub(crate) fn len_of(&self, name: &str) -> io::Result<u64> {
        match &self.below {
            None => fs::metadata(self.path.join(name)).map(|metadata| metadata.len()),
            Some((root, inside)) => root.metadata(inside.join(name)).map(|metadata| metadata.len()),
        }
    }

    /// Whether there is something of that name in it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.len_of(name).is_ok()
    }

    /// The directory itself, as it is now: it stays the same one if it is renamed.
    pub(crate) fn dir(&self) -> io::Result<Dir> {
        match &self.below {
            None => Dir::open_ambient_dir(&self.path, cap_std::ambient_authority()),
            Some((root, inside)) if inside.as_os_str().is_empty() => root.try_clone(),
            Some((root, inside)) => root.open_dir(inside),
        }
    }
}
