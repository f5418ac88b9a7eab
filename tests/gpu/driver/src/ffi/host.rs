//! Memory and functions of the caller.

use std::ffi::{CStr, c_char, c_void};

use crate::{
    code::{Code, Outcome},
    stream::HostRange,
};

/// Writes a result where the caller wants it.
///
/// # Safety
/// `to` is null or valid for a write.
pub(super) unsafe fn put<T>(to: *mut T, value: T) -> Outcome {
    if to.is_null() {
        return Err(Code::INVALID_VALUE);
    }
    // SAFETY: it is not null, so the caller promised that it is valid.
    unsafe { to.write(value) };
    Ok(())
}

/// The same for results that the caller may not want.
///
/// # Safety
/// `to` is null or valid for a write.
pub(super) unsafe fn put_wanted<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: it is not null, so the caller promised that it is valid.
        unsafe { to.write(value) };
    }
}

/// A text of the caller.
///
/// # Safety
/// `text` is null or ends with a zero.
pub(super) unsafe fn text<'t>(text: *const c_char) -> Result<&'t str, Code> {
    if text.is_null() {
        return Err(Code::INVALID_VALUE);
    }
    // SAFETY: it is not null, so the caller promised the final zero.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| Code::INVALID_VALUE)
}

/// Copies a text into a buffer of the caller, cut to its length and ended by a zero.
///
/// # Safety
/// `to` is null or valid for `len` writes.
pub(super) unsafe fn put_text(to: *mut c_char, len: usize, text: &str) -> Outcome {
    if to.is_null() || len == 0 {
        return Err(Code::INVALID_VALUE);
    }
    let kept = text.len().min(len - 1);
    // SAFETY: `kept` and the zero behind it lie within `len`.
    unsafe {
        to.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), kept);
        to.add(kept).write(0);
    }
    Ok(())
}

/// Bytes at an address of the caller, read now.
///
/// # Safety
/// `from` is null or valid for `len` reads.
pub(super) unsafe fn bytes(from: *const c_void, len: usize) -> Result<Vec<u8>, Code> {
    if from.is_null() {
        return Err(Code::INVALID_VALUE);
    }
    // SAFETY: it is not null, so the caller promised `len` bytes.
    Ok(unsafe { std::slice::from_raw_parts(from.cast::<u8>(), len) }.to_vec())
}

/// Reads a range of the host when its turn comes.
pub(crate) fn read(range: HostRange) -> Vec<u8> {
    // SAFETY: ranges are locked pages, which are never given back to the system, or memory of a call that still runs.
    unsafe { std::slice::from_raw_parts(range.address as *const u8, range.len) }.to_vec()
}

/// Writes a range of the host when its turn comes.
pub(crate) fn write(range: HostRange, bytes: &[u8]) {
    let len = range.len.min(bytes.len());
    // SAFETY: ranges are locked pages, which are never given back to the system, or memory of a call that still runs.
    unsafe { (range.address as *mut u8).copy_from(bytes.as_ptr(), len) };
}

/// Calls a function of the caller.
pub(crate) fn call(function: usize, argument: usize) {
    // SAFETY: the address came as a function of this type, and the caller promised that it may be called later.
    let function: unsafe extern "C" fn(*mut c_void) = unsafe { std::mem::transmute(function) };
    // SAFETY: the same promise covers the argument.
    unsafe { function(argument as *mut c_void) };
}
