//! Blocks put aside on disk: a private directory for each run that needs one, a file for each value, removed
//! with what they belong to.

mod directory;
mod pack;

pub use directory::clear_leftovers;

use cleave_ops::{DType, Data, DataRef, bytes_of, filled};
use cleave_plan::SpillError;
use directory::Directory;
use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Where a run puts blocks aside; nothing exists before the first is.
pub(crate) struct Spill {
    parent: PathBuf,
    /// Guards the directory while it is made, and the number of files.
    made: Mutex<(Option<Arc<Directory>>, usize)>,
    written: Arc<AtomicU64>,
    spare: Spare,
}

/// From so many bytes on nobody waits until a file is gone.
const LARGE_BYTES: u64 = 16 << 20;

/// Memory in which blocks are packed, used again by whoever packs next.
type Spare = Arc<Mutex<Vec<Vec<u8>>>>;

/// The blocks of one value on disk.
pub(crate) struct SpillFile {
    file: Arc<File>,
    path: PathBuf,
    end: AtomicU64,
    /// Bytes of blocks written to all files of the run.
    written: Arc<AtomicU64>,
    spare: Spare,
    _directory: Option<Arc<Directory>>,
}

/// Where a block lies in its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    offset: u64,
    stored_bytes: usize,
    len: usize,
    packed: bool,
    checksum: u32,
}

impl Spill {
    pub(crate) fn new(parent: &Path) -> Self {
        Self { parent: parent.to_path_buf(), made: Mutex::default(), written: Arc::default(), spare: Arc::default() }
    }

    /// Bytes of all blocks written so far, before they were packed.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Gives back the memory in which blocks were packed.
    pub(crate) fn forget_spare(&self) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// An empty file.
    pub(crate) fn file(&self) -> Result<SpillFile, SpillError> {
        let failed = |path: &Path, cause| SpillError::Directory { path: path.to_path_buf(), cause: Arc::new(cause) };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = match &made.0 {
            Some(directory) => Arc::clone(directory),
            None => Arc::new(Directory::create(&self.parent).map_err(|e| failed(&self.parent, e))?),
        };
        made.0 = Some(Arc::clone(&directory));
        made.1 += 1;
        let path = directory.path().join(format!("{}.blocks", made.1));
        let open = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = open.map_err(|e| failed(&path, e))?;
        let (written, spare) = (Arc::clone(&self.written), Arc::clone(&self.spare));
        Ok(SpillFile {
            file: Arc::new(file),
            path,
            end: AtomicU64::new(0),
            written,
            spare,
            _directory: Some(directory),
        })
    }
}

impl SpillFile {
    /// Puts a block aside.
    pub(crate) fn write(&self, data: &Data) -> Result<Extent, SpillError> {
        self.write_elements(data.as_ref())
    }

    /// The same of elements that something else holds.
    pub(crate) fn write_elements(&self, elements: DataRef<'_>) -> Result<Extent, SpillError> {
        let (bytes, len) = (bytes_of(elements), elements.len());
        self.with_spare(|room| {
            let packed = pack::pack(bytes, room);
            let stored = packed.unwrap_or(bytes);
            let offset = self.end.fetch_add(stored.len() as u64, Ordering::Relaxed);
            let failed = |cause| SpillError::Write {
                path: self.path.clone(),
                bytes: bytes.len() as u64,
                cause: Arc::new(cause),
            };
            self.file.write_all_at(stored, offset).map_err(failed)?;
            self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            let checksum = crc32c::crc32c(stored);
            Ok(Extent { offset, stored_bytes: stored.len(), len, packed: packed.is_some(), checksum })
        })
    }

    /// Fetches a block back.
    pub(crate) fn read(&self, extent: &Extent, dtype: DType) -> Result<Data, SpillError> {
        filled(dtype, extent.len, |bytes| self.fill(extent, bytes))
    }

    /// Fetches the bytes of a block back, into memory of their length.
    pub(crate) fn fill(&self, extent: &Extent, bytes: &mut [u8]) -> Result<(), SpillError> {
        let (path, len) = (self.path.clone(), bytes.len() as u64);
        let fetch = |stored: &mut [u8]| self.file.read_exact_at(stored, extent.offset);
        let sound = if extent.packed {
            self.with_spare(|room| {
                if room.len() < extent.stored_bytes {
                    room.resize(extent.stored_bytes, 0);
                }
                let stored = &mut room[..extent.stored_bytes];
                fetch(stored)?;
                Ok(crc32c::crc32c(stored) == extent.checksum && pack::unpack(stored, bytes).is_some())
            })
        } else {
            fetch(bytes).map(|()| crc32c::crc32c(bytes) == extent.checksum)
        };
        match sound {
            Ok(true) => Ok(()),
            Ok(false) => Err(SpillError::Damaged { path, bytes: len }),
            Err(cause) => Err(SpillError::Read { path, bytes: len, cause: Arc::new(cause) }),
        }
    }

    fn with_spare<T>(&self, work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let spare = || self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = spare().pop().unwrap_or_default();
        let done = work(&mut room);
        spare().push(room);
        done
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        // What cannot be removed now goes with the directory.
        let _ = std::fs::remove_file(&self.path);
        // The system gives up what a file held when the last handle goes, which takes a while of a large one.
        if self.end.load(Ordering::Relaxed) > LARGE_BYTES {
            let file = Arc::clone(&self.file);
            let close = move || {
                while Arc::strong_count(&file) > 1 {
                    thread::yield_now();
                }
            };
            let _ = thread::Builder::new().name("close".to_owned()).spawn(close);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn block() -> Data {
        Data::I32((0..100_000).map(|i| i / 7).collect())
    }

    #[test]
    fn what_went_to_disk_comes_back_and_leaves_nothing() {
        let parent = tempfile::tempdir().expect("a directory");
        let spill = Spill::new(parent.path());
        let file = spill.file().expect("a file");
        let noise = Data::U64((0..70_000).map(|i: u64| (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect());
        let odd = Data::Bool((0..1000).map(|i| i % 3 == 0).collect());
        for data in [block(), noise, odd, Data::F64(vec![])] {
            let extent = file.write(&data).expect("room on disk");
            assert_eq!(file.read(&extent, data.dtype()).expect("the block"), data);
        }
        let mode = fs::metadata(file.path.parent().expect("a directory")).expect("it").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop((file, spill));
        assert_eq!(fs::read_dir(parent.path()).expect("it").count(), 0);
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let parent = tempfile::tempdir().expect("a directory");
        let file = Spill::new(parent.path()).file().expect("a file");
        let extent = file.write(&block()).expect("room on disk");
        for at in [0, extent.stored_bytes / 2, extent.stored_bytes - 1] {
            let mut bytes = fs::read(&file.path).expect("the file");
            bytes[at] ^= 16;
            fs::write(&file.path, &bytes).expect("the file");
            let error = file.read(&extent, DType::I32).expect_err("it is damaged");
            assert_eq!(error.code(), "spill-damaged");
            assert!(error.to_string().contains("400000 bytes"), "{error}");
            bytes[at] ^= 16;
            fs::write(&file.path, &bytes).expect("the file");
        }
        fs::write(&file.path, b"short").expect("the file");
        assert_eq!(file.read(&extent, DType::I32).expect_err("it is cut off").code(), "spill-unreadable");
    }

    #[test]
    fn a_full_disk_is_an_error_with_a_name() {
        let path = PathBuf::from("/dev/full");
        let Ok(file) = File::options().write(true).open(&path) else { return };
        // Dropping it must not remove the device.
        let full = std::mem::ManuallyDrop::new(SpillFile {
            file: Arc::new(file),
            path,
            end: AtomicU64::new(0),
            written: Arc::default(),
            spare: Arc::default(),
            _directory: None,
        });
        let error = full.write(&block()).expect_err("the disk is full");
        assert_eq!(error.code(), "disk-full");
        assert!(error.to_string().contains("/dev/full") && error.to_string().contains("400000 bytes"), "{error}");
    }

    #[test]
    fn a_directory_that_takes_nothing_is_an_error_with_a_name() {
        let parent = tempfile::tempdir().expect("a directory");
        fs::set_permissions(parent.path(), Permissions::from_mode(0o500)).expect("it is ours");
        let spill = Spill::new(parent.path());
        let absent = Spill::new(&parent.path().join("absent"));
        // The superuser writes where nobody may.
        for error in [spill.file().err(), absent.file().err()].into_iter().flatten() {
            assert_eq!(error.code(), "spill-failed");
        }
        assert!(absent.file().is_err());
    }
}
