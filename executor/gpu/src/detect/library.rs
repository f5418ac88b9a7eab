//! Where libraries lie.

use super::Absent;
use super::driver::reason_not_to_load;
use std::path::{Path, PathBuf};

/// Where systems, containers and WSL keep the driver, besides what `LD_LIBRARY_PATH` says.
const FOLDERS: [&str; 7] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/nvidia/lib64",
    "/usr/lib/wsl/lib",
    "/run/opengl-driver/lib",
];

/// Why the loader finds no driver: there is none, or there is a file that it cannot load.
pub(super) fn missing() -> Absent {
    let search = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let folders = std::env::split_paths(&search).chain(FOLDERS.map(PathBuf::from));
    let files = folders.flat_map(|folder| ["libcuda.so", "libcuda.so.1"].map(|name| folder.join(name)));
    let broken = |path: PathBuf| reason_not_to_load(&path).map(|reason| Absent::BadLibrary { path, reason });
    files.filter(|path| path.symlink_metadata().is_ok()).find_map(broken).unwrap_or(Absent::NoLibrary)
}

/// The file of a loaded library whose name begins so.
pub(super) fn mapped(name: &str) -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let named = |path: &&Path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
    maps.lines().filter_map(|line| Some(Path::new(&line[line.find('/')?..]))).find(named).map(Path::to_owned)
}
