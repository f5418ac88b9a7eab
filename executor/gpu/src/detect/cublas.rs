//! The vendor's library of matrix products, which a machine may have and need not.

use super::driver::keep;
use super::library::mapped;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Names by which it is found, newest first.
const NAMES: [&str; 3] = ["libcublas.so.13", "libcublas.so.12", "libcublas.so"];

/// Loads the library, wherever it is: where the loader looks, in a toolkit, or among the packages of the Python that is
/// active. Afterwards it is found by its name.
pub fn find() -> Option<PathBuf> {
    let by_name = || NAMES.into_iter().find(|name| keep(name.as_ref())).map(PathBuf::from);
    let by_path = || {
        let files = folders().into_iter().flat_map(|folder| NAMES.map(|name| folder.join(name)));
        files.filter(|file| file.is_file()).find(|file| keep(file.as_os_str()))
    };
    let found = by_name().or_else(by_path)?;
    Some(mapped("libcublas.so").unwrap_or(found))
}

fn folders() -> Vec<PathBuf> {
    let toolkit = env::var_os("CUDA_HOME").map(|home| PathBuf::from(home).join("lib64"));
    let prefixes = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(env::var_os).map(PathBuf::from);
    let packages = prefixes.chain(python_prefix()).flat_map(|prefix| packages(&prefix));
    toolkit.into_iter().chain(packages).collect()
}

/// Where the Python on the path is installed; its link is not followed, since that of an environment leads out of it.
fn python_prefix() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folder = env::split_paths(&path).find(|folder| folder.join("python3").exists())?;
    folder.parent().map(Path::to_owned)
}

/// The folders of a prefix in which the vendor's packages put it.
fn packages(prefix: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(prefix.join("lib")).into_iter().flatten().flatten();
    let pythons = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("python3"));
    let vendor = pythons.map(|entry| entry.path().join("site-packages/nvidia"));
    let within = vendor.flat_map(|vendor| ["cu13/lib", "cublas/lib"].map(|part| vendor.join(part)));
    within.chain([prefix.join("lib")]).collect()
}
