//! Memory of the device.

use std::ffi::c_int;

use super::host::{put, put_wanted};
use crate::{
    code::{Code, Outcome, of_memory},
    state::{Driver, call},
    stream::{Handle, Work},
};

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> c_int {
    call("cuMemGetInfo_v2", |driver| {
        let ordinal = driver.context()?;
        let memory = &driver.devices[ordinal].memory;
        // SAFETY: the caller's pointers.
        unsafe {
            put(free, (memory.limit() - memory.used()) as usize)?;
            put(total, memory.limit() as usize)
        }
    })
}

/// Room of `len` bytes; zero bytes are no allocation.
fn alloc(driver: &mut Driver, len: usize) -> Result<u64, Code> {
    let ordinal = driver.context()?;
    if len == 0 {
        return Err(Code::INVALID_VALUE);
    }
    driver.devices[ordinal].memory.alloc(len as u64).map_err(of_memory)
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemAlloc_v2(address: *mut u64, len: usize) -> c_int {
    // SAFETY: the caller's pointer.
    call("cuMemAlloc_v2", |driver| unsafe { put(address, alloc(driver, len)?) })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemFree_v2(address: u64) -> c_int {
    call("cuMemFree_v2", |driver| {
        let ordinal = driver.context()?;
        // A free waits for all that runs on the device.
        driver.drain_device(ordinal)?;
        if address == 0 { Ok(()) } else { driver.device_of(address)?.memory.free(address).map_err(of_memory) }
    })
}

/// An allocation in the order of a stream: memory whose free still waits may be taken, first that of the same stream.
pub(super) fn alloc_in_order(driver: &mut Driver, len: usize, stream: Handle) -> Result<u64, Code> {
    let stream = driver.stream(stream)?;
    let ordinal = driver.context()?;
    alloc(driver, len)
        .or_else(|_| {
            driver.drain(stream)?;
            alloc(driver, len)
        })
        .or_else(|code| {
            if code == Code::OUT_OF_MEMORY {
                driver.drain_device(ordinal)?;
            }
            alloc(driver, len)
        })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemAllocAsync(address: *mut u64, len: usize, stream: Handle) -> c_int {
    // SAFETY: the caller's pointer.
    call("cuMemAllocAsync", |driver| unsafe { put(address, alloc_in_order(driver, len, stream)?) })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemFreeAsync(address: u64, stream: Handle) -> c_int {
    call("cuMemFreeAsync", |driver| {
        let stream = driver.stream(stream)?;
        is_start(driver, address)?;
        driver.enqueue(stream, Work::Free { address })
    })
}

fn is_start(driver: &mut Driver, address: u64) -> Outcome {
    let range = driver.device_of(address)?.memory.range_of(address);
    if range.is_some_and(|(start, _)| start == address) { Ok(()) } else { Err(Code::INVALID_VALUE) }
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemGetAddressRange_v2(start: *mut u64, len: *mut usize, address: u64) -> c_int {
    call("cuMemGetAddressRange_v2", |driver| {
        driver.context()?;
        let (base, bytes) = driver.device_of(address)?.memory.range_of(address).ok_or(Code::NOT_FOUND)?;
        // SAFETY: the caller's pointers.
        unsafe {
            put_wanted(start, base);
            put_wanted(len, bytes as usize);
        }
        Ok(())
    })
}
