//! Pools: each device has one, and all allocation is its.

use std::ffi::{c_int, c_void};

use super::{host::put, memory::alloc_in_order};
use crate::{
    code::{Code, Outcome},
    device::Device,
    state::{Driver, call},
    stream::Handle,
};

const POOLS: u64 = 0x9001_0000;
const RELEASE_THRESHOLD: c_int = 4;

fn pool_of(driver: &mut Driver, device: c_int) -> Result<u64, Code> {
    driver.device(device)?;
    Ok(POOLS + device as u64)
}

fn device_of(driver: &mut Driver, pool: u64) -> Result<&mut Device, Code> {
    let ordinal = pool.checked_sub(POOLS).and_then(|at| c_int::try_from(at).ok()).ok_or(Code::INVALID_VALUE)?;
    driver.device(ordinal)
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDeviceGetDefaultMemPool(pool: *mut u64, device: c_int) -> c_int {
    // SAFETY: the caller's pointer.
    call("cuDeviceGetDefaultMemPool", |driver| unsafe { put(pool, pool_of(driver, device)?) })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDeviceGetMemPool(pool: *mut u64, device: c_int) -> c_int {
    // SAFETY: the caller's pointer.
    call("cuDeviceGetMemPool", |driver| unsafe { put(pool, pool_of(driver, device)?) })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuDeviceSetMemPool(device: c_int, pool: u64) -> c_int {
    call(
        "cuDeviceSetMemPool",
        |driver| if pool_of(driver, device)? == pool { Ok(()) } else { Err(Code::INVALID_VALUE) },
    )
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemPoolTrimTo(pool: u64, _keep: usize) -> c_int {
    call("cuMemPoolTrimTo", |driver| device_of(driver, pool).map(drop))
}

/// # Safety
/// `value` is null or valid for a read of the attribute's type.
unsafe fn set(driver: &mut Driver, pool: u64, attribute: c_int, value: *const c_void) -> Outcome {
    if value.is_null() {
        return Err(Code::INVALID_VALUE);
    }
    let device = device_of(driver, pool)?;
    match attribute {
        // SAFETY: the threshold is a number of 64 bits.
        RELEASE_THRESHOLD => device.release_threshold = unsafe { value.cast::<u64>().read_unaligned() },
        1..=3 | 6 | 8 => {}
        _ => return Err(Code::INVALID_VALUE),
    }
    Ok(())
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemPoolSetAttribute(pool: u64, attribute: c_int, value: *const c_void) -> c_int {
    // SAFETY: the caller's pointer.
    call("cuMemPoolSetAttribute", |driver| unsafe { set(driver, pool, attribute, value) })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemPoolGetAttribute(pool: u64, attribute: c_int, value: *mut c_void) -> c_int {
    call("cuMemPoolGetAttribute", |driver| {
        let device = device_of(driver, pool)?;
        let told = match attribute {
            RELEASE_THRESHOLD => device.release_threshold,
            5..=8 => device.memory.used(),
            // SAFETY: the reuse policies are numbers of 32 bits.
            1..=3 => return unsafe { put(value.cast::<c_int>(), 1) },
            _ => return Err(Code::INVALID_VALUE),
        };
        // SAFETY: thresholds and sizes are numbers of 64 bits.
        unsafe { put(value.cast::<u64>(), told) }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemAllocFromPoolAsync(
    address: *mut u64,
    len: usize,
    pool: u64,
    stream: Handle,
) -> c_int {
    call("cuMemAllocFromPoolAsync", |driver| {
        device_of(driver, pool)?;
        // SAFETY: the caller's pointer.
        unsafe { put(address, alloc_in_order(driver, len, stream)?) }
    })
}
