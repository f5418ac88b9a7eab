//! Contexts: one a device, current a thread.

use std::ffi::{c_int, c_uint};

use super::host::{put, put_wanted};
use crate::{
    code::Code,
    state::{CURRENT, call},
};

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDevicePrimaryCtxRetain(context: *mut usize, device: c_int) -> c_int {
    call("cuDevicePrimaryCtxRetain", |driver| {
        driver.device(device)?.owners += 1;
        // SAFETY: the caller's pointer.
        unsafe { put(context, driver.context_of(device as usize)) }
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuDevicePrimaryCtxRelease_v2(device: c_int) -> c_int {
    call("cuDevicePrimaryCtxRelease_v2", |driver| {
        let found = driver.device(device)?;
        found.owners = found.owners.checked_sub(1).ok_or(Code::INVALID_CONTEXT)?;
        if found.owners == 0 { driver.reset(device as usize) } else { Ok(()) }
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuDevicePrimaryCtxReset_v2(device: c_int) -> c_int {
    call("cuDevicePrimaryCtxReset_v2", |driver| {
        let owners = driver.device(device)?.owners;
        driver.reset(device as usize)?;
        driver.devices[device as usize].owners = owners;
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDevicePrimaryCtxGetState(
    device: c_int,
    flags: *mut c_uint,
    active: *mut c_int,
) -> c_int {
    call("cuDevicePrimaryCtxGetState", |driver| {
        let owners = driver.device(device)?.owners;
        // SAFETY: the caller's pointers.
        unsafe { put(flags, 0).and_then(|()| put(active, (owners > 0).into())) }
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuDevicePrimaryCtxSetFlags_v2(device: c_int, _flags: c_uint) -> c_int {
    call("cuDevicePrimaryCtxSetFlags_v2", |driver| driver.device(device).map(drop))
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuCtxGetCurrent(context: *mut usize) -> c_int {
    let current = CURRENT.with_borrow(|stack| stack.last().copied()).unwrap_or(0);
    call("cuCtxGetCurrent", |driver| {
        driver.settings()?;
        // SAFETY: the caller's pointer.
        unsafe { put(context, current) }
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuCtxSetCurrent(context: usize) -> c_int {
    call("cuCtxSetCurrent", |driver| {
        if context != 0 {
            driver.ordinal_of_context(context)?;
        }
        CURRENT.with_borrow_mut(|stack| {
            stack.pop();
            stack.extend((context != 0).then_some(context));
        });
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuCtxPushCurrent_v2(context: usize) -> c_int {
    call("cuCtxPushCurrent_v2", |driver| {
        driver.ordinal_of_context(context)?;
        CURRENT.with_borrow_mut(|stack| stack.push(context));
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuCtxPopCurrent_v2(context: *mut usize) -> c_int {
    call("cuCtxPopCurrent_v2", |_| {
        let popped = CURRENT.with_borrow_mut(Vec::pop).ok_or(Code::INVALID_CONTEXT)?;
        // SAFETY: the caller's pointer.
        unsafe { put_wanted(context, popped) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuCtxGetDevice(device: *mut c_int) -> c_int {
    // SAFETY: the caller's pointer.
    call("cuCtxGetDevice", |driver| unsafe { put(device, driver.context()? as c_int) })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuCtxSynchronize() -> c_int {
    call("cuCtxSynchronize", |driver| {
        let ordinal = driver.context()?;
        driver.drain_device(ordinal)
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuCtxGetLimit(value: *mut usize, _limit: c_int) -> c_int {
    call("cuCtxGetLimit", |driver| {
        driver.context()?;
        // SAFETY: the caller's pointer.
        unsafe { put(value, 1024) }
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuCtxSetLimit(_limit: c_int, _value: usize) -> c_int {
    call("cuCtxSetLimit", |driver| driver.context().map(drop))
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuCtxSetFlags(_flags: c_uint) -> c_int {
    call("cuCtxSetFlags", |driver| driver.context().map(drop))
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuCtxGetStreamPriorityRange(least: *mut c_int, greatest: *mut c_int) -> c_int {
    call("cuCtxGetStreamPriorityRange", |driver| {
        driver.context()?;
        // SAFETY: the caller's pointers.
        unsafe {
            put_wanted(least, 0);
            put_wanted(greatest, -5);
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuCtxEnablePeerAccess(_peer: usize, _flags: c_uint) -> c_int {
    const PEER_ACCESS_UNSUPPORTED: Code = Code(217);
    call("cuCtxEnablePeerAccess", |driver| driver.context().and(Err(PEER_ACCESS_UNSUPPORTED)))
}
