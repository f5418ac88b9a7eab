//! A library that programs take for the CUDA driver. Kernels run on the PTX interpreter, so that everything around them
//! (contexts, streams, events, pools, copies, errors) is tried on machines without a GPU.
//!
//! [`load`] puts it into the running process before anything asks for the driver; for other processes [`path`] goes into
//! `LD_PRELOAD`. How hostile it is stands in the variable [`SETTINGS`], see `settings`.
//!
//! Files in reading order: `settings` (what the variable says), `code` (results of calls), `device` (memory and limits),
//! `stream` (work, and when it runs), `state` (all handles), `run` (one piece of work), `ffi` (the exported calls, one
//! file a group; nothing else is unsafe but [`load`]).
//!
//! Real drivers return before work is done. So does this one: a kernel's fault comes back from a later call, its text
//! goes to standard error. With `deferred`, work only runs when something waits for it, and only that which it waits for.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod code;
mod device;
mod ffi;
mod run;
mod settings;
mod state;
mod stream;

use std::path::PathBuf;

/// The environment variable that says how many devices there are and how hostile they behave.
pub const SETTINGS: &str = "CLEAVE_GPU_DRIVER";

const FILE: &str = "libcleave_gpu_driver.so";

/// The built library: beside the running test, or in the folder above.
pub fn path() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.ancestors().skip(1).take(3).map(|folder| folder.join(FILE)).find(|path| path.exists())
}

/// Makes this process find the stand-in where it looks for a driver; call it before anything looks.
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
