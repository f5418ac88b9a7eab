//! The driver's calls that copy and wait, found where the process has them.
#![expect(unsafe_code, reason = "calls of a library that is found when the program runs")]

use libloading::os::unix::Library;
use std::ffi::{c_int, c_void};

/// A call of the driver failed, or there is none.
pub(crate) struct Refused;

type Wait = unsafe extern "C" fn(*mut c_void) -> c_int;
type ToHost = unsafe extern "C" fn(*mut c_void, u64, usize) -> c_int;
type ToDevice = unsafe extern "C" fn(u64, *const c_void, usize) -> c_int;

/// # Safety
/// `F` is the type of the call.
unsafe fn call<F: Copy>(name: &str) -> Result<F, Refused> {
    // SAFETY: the caller names the type; the driver stays loaded.
    unsafe { Library::this().get::<F>(name.as_bytes()) }.map(|found| *found).map_err(|_| Refused)
}

fn done(number: c_int) -> Result<(), Refused> {
    if number == 0 { Ok(()) } else { Err(Refused) }
}

/// Waits for all work of a stream.
pub(crate) fn wait(stream: usize) -> Result<(), Refused> {
    // SAFETY: the type is the driver's; it checks the stream.
    done(unsafe { call::<Wait>("cuStreamSynchronize")?(stream as *mut c_void) })
}

/// Elements on the device.
pub(crate) fn read<T: Copy + Default>(address: u64, len: usize) -> Result<Vec<T>, Refused> {
    let mut found = vec![T::default(); len];
    // SAFETY: the type is the driver's, and there is room for so many bytes.
    done(unsafe { call::<ToHost>("cuMemcpyDtoH_v2")?(found.as_mut_ptr().cast(), address, size_of::<T>() * len) })?;
    Ok(found)
}

/// Puts elements there.
pub(crate) fn write<T: Copy>(address: u64, values: &[T]) -> Result<(), Refused> {
    // SAFETY: the type is the driver's, and there are so many bytes.
    done(unsafe { call::<ToDevice>("cuMemcpyHtoD_v2")?(address, values.as_ptr().cast(), size_of_val(values)) })
}
