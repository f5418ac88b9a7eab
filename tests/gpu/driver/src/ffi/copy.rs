//! Copies and fills. Pageable memory of the host is staged when the call is made, as a driver does; a copy to it is
//! done when the call returns.

use std::ffi::{c_int, c_uchar, c_uint, c_ushort, c_void};

use super::host::bytes;
use crate::{
    code::{Code, Outcome},
    state::{Driver, call},
    stream::{Handle, HostRange, Work},
};

fn is_pinned(driver: &Driver, range: HostRange) -> bool {
    let before = driver.pinned.range(..=range.address).next_back();
    before.is_some_and(|(start, pinned)| range.address + range.len <= start + pinned.len)
}

/// # Safety
/// `from` is valid for `len` reads, until the stream is done if it is locked.
unsafe fn to_device(driver: &mut Driver, to: u64, from: *const c_void, len: usize, stream: Handle) -> Outcome {
    let stream = driver.stream(stream)?;
    if len == 0 {
        return Ok(());
    }
    driver.check_range(to, len as u64)?;
    let range = HostRange { address: from as usize, len };
    let work = if is_pinned(driver, range) {
        Work::FromHost { to, from: range }
    } else {
        // SAFETY: the caller promised these bytes.
        Work::Put { to, bytes: unsafe { bytes(from, len) }? }
    };
    driver.enqueue(stream, work)
}

fn to_host(driver: &mut Driver, to: *mut c_void, from: u64, len: usize, stream: Handle) -> Outcome {
    let stream = driver.stream(stream)?;
    if len == 0 {
        return Ok(());
    }
    if to.is_null() {
        return Err(Code::INVALID_VALUE);
    }
    driver.check_range(from, len as u64)?;
    let range = HostRange { address: to as usize, len };
    driver.enqueue(stream, Work::ToHost { to: range, from })?;
    if !is_pinned(driver, range) {
        driver.drain(stream)?;
    }
    Ok(())
}

fn between(driver: &mut Driver, to: u64, from: u64, len: usize, stream: Handle) -> Outcome {
    let stream = driver.stream(stream)?;
    if len == 0 {
        return Ok(());
    }
    driver.check_range(to, len as u64)?;
    driver.check_range(from, len as u64)?;
    driver.enqueue(stream, Work::Copy { to, from, len: len as u64 })
}

fn finish(driver: &mut Driver) -> Outcome {
    let stream = driver.stream(0)?;
    driver.drain(stream)?;
    driver.context().map(drop)
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemcpyHtoD_v2(to: u64, from: *const c_void, len: usize) -> c_int {
    // SAFETY: the caller's bytes; the call waits for the copy.
    call("cuMemcpyHtoD_v2", |driver| unsafe { to_device(driver, to, from, len, 0) }.and_then(|()| finish(driver)))
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemcpyHtoDAsync_v2(
    to: u64,
    from: *const c_void,
    len: usize,
    stream: Handle,
) -> c_int {
    // SAFETY: the caller's bytes.
    call("cuMemcpyHtoDAsync_v2", |driver| unsafe { to_device(driver, to, from, len, stream) })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemcpyDtoH_v2(to: *mut c_void, from: u64, len: usize) -> c_int {
    call("cuMemcpyDtoH_v2", |driver| to_host(driver, to, from, len, 0).and_then(|()| finish(driver)))
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuMemcpyDtoHAsync_v2(to: *mut c_void, from: u64, len: usize, stream: Handle) -> c_int {
    call("cuMemcpyDtoHAsync_v2", |driver| {
        to_host(driver, to, from, len, stream)?;
        driver.context().map(drop)
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemcpyDtoD_v2(to: u64, from: u64, len: usize) -> c_int {
    call("cuMemcpyDtoD_v2", |driver| between(driver, to, from, len, 0))
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemcpyDtoDAsync_v2(to: u64, from: u64, len: usize, stream: Handle) -> c_int {
    call("cuMemcpyDtoDAsync_v2", |driver| between(driver, to, from, len, stream))
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemcpyPeerAsync(
    to: u64,
    _: usize,
    from: u64,
    _: usize,
    len: usize,
    stream: Handle,
) -> c_int {
    call("cuMemcpyPeerAsync", |driver| between(driver, to, from, len, stream))
}

fn fill(driver: &mut Driver, to: u64, pattern: &[u8], count: usize, stream: Handle) -> Outcome {
    let stream = driver.stream(stream)?;
    if count == 0 {
        return Ok(());
    }
    if !to.is_multiple_of(pattern.len() as u64) {
        return Err(Code::INVALID_VALUE);
    }
    driver.check_range(to, (pattern.len() * count) as u64)?;
    driver.enqueue(stream, Work::Fill { to, pattern: pattern.to_vec(), count })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemsetD8_v2(to: u64, value: c_uchar, count: usize) -> c_int {
    call("cuMemsetD8_v2", |driver| fill(driver, to, &[value], count, 0))
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemsetD8Async(to: u64, value: c_uchar, count: usize, stream: Handle) -> c_int {
    call("cuMemsetD8Async", |driver| fill(driver, to, &[value], count, stream))
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemsetD16Async(to: u64, value: c_ushort, count: usize, stream: Handle) -> c_int {
    call("cuMemsetD16Async", |driver| fill(driver, to, &value.to_le_bytes(), count, stream))
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemsetD32_v2(to: u64, value: c_uint, count: usize) -> c_int {
    call("cuMemsetD32_v2", |driver| fill(driver, to, &value.to_le_bytes(), count, 0))
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuMemsetD32Async(to: u64, value: c_uint, count: usize, stream: Handle) -> c_int {
    call("cuMemsetD32Async", |driver| fill(driver, to, &value.to_le_bytes(), count, stream))
}
