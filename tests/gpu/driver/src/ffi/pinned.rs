//! Locked pages of the host. They are never given back to the system: a copy that comes too late finds poison.

use std::{
    alloc::{Layout, alloc_zeroed},
    ffi::{c_int, c_uint, c_void},
};

use super::host::{put, write};
use crate::{
    code::{Code, Outcome},
    state::{Driver, Pinned, call},
    stream::HostRange,
};

const PAGE: usize = 4096;

fn alloc(driver: &mut Driver, len: usize, flags: u32) -> Result<usize, Code> {
    driver.context()?;
    let poison = driver.settings()?.poison;
    let layout = Layout::from_size_align(len.max(1), PAGE).map_err(|_| Code::INVALID_VALUE)?;
    // SAFETY: the layout is not empty.
    let address = unsafe { alloc_zeroed(layout) } as usize;
    if address == 0 {
        return Err(Code::OUT_OF_MEMORY);
    }
    write(HostRange { address, len }, &vec![poison; len]);
    driver.pinned.insert(address, Pinned { len, flags, own: true });
    Ok(address)
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemHostAlloc(address: *mut usize, len: usize, flags: c_uint) -> c_int {
    // SAFETY: the caller's pointer.
    call("cuMemHostAlloc", |driver| unsafe { put(address, alloc(driver, len, flags)?) })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemAllocHost_v2(address: *mut usize, len: usize) -> c_int {
    // SAFETY: the caller's pointer.
    call("cuMemAllocHost_v2", |driver| unsafe { put(address, alloc(driver, len, 0)?) })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemFreeHost(address: usize) -> c_int {
    call("cuMemFreeHost", |driver| {
        driver.settings()?;
        let poison = driver.settings()?.poison;
        match driver.pinned.remove(&address) {
            Some(Pinned { len, own: true, .. }) => {
                write(HostRange { address, len }, &vec![poison; len]);
                Ok(())
            }
            other => {
                other.map(|pinned| driver.pinned.insert(address, pinned));
                Err(Code::INVALID_VALUE)
            }
        }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemHostGetFlags(flags: *mut c_uint, address: usize) -> c_int {
    call("cuMemHostGetFlags", |driver| {
        let found = driver.pinned.get(&address).ok_or(Code::INVALID_VALUE)?.flags;
        // SAFETY: the caller's pointer.
        unsafe { put(flags, found) }
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemHostRegister_v2(address: *mut c_void, len: usize, flags: c_uint) -> c_int {
    call("cuMemHostRegister_v2", |driver| {
        driver.context()?;
        if address.is_null() || len == 0 {
            return Err(Code::INVALID_VALUE);
        }
        driver.pinned.insert(address as usize, Pinned { len, flags, own: false });
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemHostUnregister(address: *mut c_void) -> c_int {
    call("cuMemHostUnregister", |driver| {
        // Afterwards the pages may vanish, so nothing may wait for them.
        for ordinal in 0..driver.devices.len() {
            driver.drain_device(ordinal)?;
        }
        unlock(driver, address as usize)
    })
}

fn unlock(driver: &mut Driver, address: usize) -> Outcome {
    match driver.pinned.get(&address) {
        Some(Pinned { own: false, .. }) => {
            driver.pinned.remove(&address);
            Ok(())
        }
        _ => Err(Code::INVALID_VALUE),
    }
}
