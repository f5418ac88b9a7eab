//! A library that programs take for cuBLAS. It multiplies on the host: what a call reads is copied from the device and
//! what it makes is copied back, by the driver that the process has, in the order of the handle's stream.
//!
//! Each sum is made from its last product to its first, so that its bits are rarely those of another order. The variable
//! of the stand-in driver says which call is to fail: `fail=cublasDgemmStridedBatched:2:13`.
//!
//! [`load`] puts it into the running process before anything asks for cuBLAS; for other processes its file goes into
//! `LD_PRELOAD` behind that of the driver. Files: `driver` (the driver's calls), `ffi` (the exported ones).

mod driver;
mod ffi;

use std::path::PathBuf;

const FILE: &str = "libcleave_gpu_cublas.so";

/// The built library: beside the running test, or in the folder above.
fn path() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.ancestors().skip(1).take(3).map(|folder| folder.join(FILE)).find(|path| path.exists())
}

/// Makes this process find the stand-in where it looks for cuBLAS; call it before anything looks.
#[cfg(unix)]
#[expect(unsafe_code, reason = "a library is loaded")]
pub fn load() -> Result<(), libloading::Error> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    let path = path().unwrap_or_else(|| FILE.into());
    // SAFETY: the library is this crate's own, and nothing in it runs when it is loaded.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) }?;
    std::mem::forget(library);
    Ok(())
}
