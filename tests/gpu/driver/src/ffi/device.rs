//! What devices there are.

use std::ffi::{c_char, c_int};

use super::host::{put, put_text};
use crate::{code::Code, device::attribute, state::call};

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDeviceGet(device: *mut c_int, ordinal: c_int) -> c_int {
    call("cuDeviceGet", |driver| {
        driver.device(ordinal)?;
        // SAFETY: the caller's pointer.
        unsafe { put(device, ordinal) }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDeviceGetCount(count: *mut c_int) -> c_int {
    call("cuDeviceGetCount", |driver| {
        driver.settings()?;
        // SAFETY: the caller's pointer.
        unsafe { put(count, driver.devices.len() as c_int) }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDeviceGetName(name: *mut c_char, len: c_int, device: c_int) -> c_int {
    call("cuDeviceGetName", |driver| {
        driver.device(device)?;
        // SAFETY: the caller's buffer of `len` bytes.
        unsafe { put_text(name, usize::try_from(len).unwrap_or(0), &format!("Stand-in GPU {device}")) }
    })
}

unsafe fn uuid(name: &'static str, to: *mut [u8; 16], device: c_int) -> c_int {
    call(name, |driver| {
        driver.device(device)?;
        let mut id = *b"stand-in device\0";
        id[15] = device as u8;
        // SAFETY: the caller's pointer.
        unsafe { put(to, id) }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDeviceGetUuid(to: *mut [u8; 16], device: c_int) -> c_int {
    // SAFETY: the caller's pointer.
    unsafe { uuid("cuDeviceGetUuid", to, device) }
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDeviceGetUuid_v2(to: *mut [u8; 16], device: c_int) -> c_int {
    // SAFETY: the caller's pointer.
    unsafe { uuid("cuDeviceGetUuid_v2", to, device) }
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDeviceTotalMem_v2(bytes: *mut usize, device: c_int) -> c_int {
    call("cuDeviceTotalMem_v2", |driver| {
        let limit = driver.device(device)?.memory.limit() as usize;
        // SAFETY: the caller's pointer.
        unsafe { put(bytes, limit) }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDeviceGetAttribute(value: *mut c_int, id: c_int, device: c_int) -> c_int {
    call("cuDeviceGetAttribute", |driver| {
        driver.device(device)?;
        let found = attribute(driver.settings()?, id).ok_or(Code::INVALID_VALUE)?;
        // SAFETY: the caller's pointer.
        unsafe { put(value, found) }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDeviceComputeCapability(
    major: *mut c_int,
    minor: *mut c_int,
    device: c_int,
) -> c_int {
    call("cuDeviceComputeCapability", |driver| {
        driver.device(device)?;
        // SAFETY: the caller's pointers.
        unsafe { put(major, 9).and_then(|()| put(minor, 0)) }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDeviceCanAccessPeer(can: *mut c_int, device: c_int, peer: c_int) -> c_int {
    call("cuDeviceCanAccessPeer", |driver| {
        driver.device(device)?;
        driver.device(peer)?;
        // SAFETY: the caller's pointer. Kernels see their own device's memory only.
        unsafe { put(can, 0) }
    })
}
