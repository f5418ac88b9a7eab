//! Streams.

use std::ffi::{c_int, c_uint};

use super::host::put;
use crate::{
    code::Code,
    state::{Driver, call},
    stream::{Handle, Stream, Work},
};

fn create(driver: &mut Driver, flags: u32, priority: i32) -> Result<Handle, Code> {
    let ordinal = driver.context()?;
    let handle = driver.handle();
    let stream = Stream { ordinal, flags, priority, queue: Default::default(), gone: false };
    driver.streams.insert(handle, stream);
    Ok(handle)
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuStreamCreate(stream: *mut Handle, flags: c_uint) -> c_int {
    // SAFETY: the caller's pointer.
    call("cuStreamCreate", |driver| unsafe { put(stream, create(driver, flags, 0)?) })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuStreamCreateWithPriority(
    stream: *mut Handle,
    flags: c_uint,
    priority: c_int,
) -> c_int {
    // SAFETY: the caller's pointer.
    call("cuStreamCreateWithPriority", |driver| unsafe { put(stream, create(driver, flags, priority)?) })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuStreamDestroy_v2(handle: Handle) -> c_int {
    call("cuStreamDestroy_v2", |driver| {
        let handle = driver.stream(handle)?;
        if let Some(stream) = driver.streams.get_mut(&handle) {
            stream.gone = true;
        }
        driver.streams.retain(|_, stream| !stream.gone || !stream.queue.is_empty());
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuStreamSynchronize(stream: Handle) -> c_int {
    call("cuStreamSynchronize", |driver| {
        let stream = driver.stream(stream)?;
        driver.drain(stream)?;
        driver.context().map(drop)
    })
}

/// Each question takes the stream one step further, so that asking again and again ends.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuStreamQuery(stream: Handle) -> c_int {
    call("cuStreamQuery", |driver| {
        let stream = driver.stream(stream)?;
        let ran = driver.advance(stream)?;
        driver.context()?;
        if ran { Err(Code::NOT_READY) } else { Ok(()) }
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuStreamWaitEvent(stream: Handle, event: Handle, _flags: c_uint) -> c_int {
    call("cuStreamWaitEvent", |driver| {
        let stream = driver.stream(stream)?;
        let last = driver.events.get(&event).ok_or(Code::INVALID_HANDLE)?.last;
        last.map_or(Ok(()), |ticket| driver.enqueue(stream, Work::Wait(ticket)))
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuStreamGetFlags(stream: Handle, flags: *mut c_uint) -> c_int {
    call("cuStreamGetFlags", |driver| {
        let stream = driver.stream(stream)?;
        // SAFETY: the caller's pointer.
        unsafe { put(flags, driver.streams[&stream].flags) }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuStreamGetPriority(stream: Handle, priority: *mut c_int) -> c_int {
    call("cuStreamGetPriority", |driver| {
        let stream = driver.stream(stream)?;
        // SAFETY: the caller's pointer.
        unsafe { put(priority, driver.streams[&stream].priority) }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuStreamIsCapturing(stream: Handle, status: *mut c_int) -> c_int {
    call("cuStreamIsCapturing", |driver| {
        driver.stream(stream)?;
        // SAFETY: the caller's pointer. Nothing is ever captured.
        unsafe { put(status, 0) }
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuLaunchHostFunc(stream: Handle, function: usize, argument: usize) -> c_int {
    call("cuLaunchHostFunc", |driver| {
        let stream = driver.stream(stream)?;
        if function == 0 {
            return Err(Code::INVALID_VALUE);
        }
        driver.enqueue(stream, Work::Call { function, argument })
    })
}
