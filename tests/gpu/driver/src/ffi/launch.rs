//! Launches.

use std::{
    ffi::{c_int, c_uint, c_void},
    sync::Arc,
};

use cleave_gpu_interp::{Kernel, Launch, Order};

use super::host::bytes;
use crate::{
    code::{Code, Outcome},
    state::{Driver, call},
    stream::{Handle, KernelCall, Work},
};

/// Shared memory that a kernel may use without asking for it.
const FREE_SHARED: u64 = 48 << 10;

/// How the parameters come: a pointer to each, or all in one buffer.
struct Parameters {
    each: *const *const c_void,
    extra: *const usize,
}

/// # Safety
/// `each` points to a pointer for each parameter, or `extra` to pairs of keys and values that end with zero.
unsafe fn collect(kernel: &Kernel, from: &Parameters) -> Result<Vec<u8>, Code> {
    if !from.extra.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { from_buffer(from.extra) };
    }
    let mut all = vec![0; kernel.param_bytes() as usize];
    if !all.is_empty() && from.each.is_null() {
        return Err(Code::INVALID_VALUE);
    }
    for (at, &(offset, len)) in kernel.params().iter().enumerate() {
        // SAFETY: the caller's promise: one valid pointer for each parameter.
        let value = unsafe { bytes(*from.each.add(at), len as usize) }?;
        all[offset as usize..(offset + len) as usize].copy_from_slice(&value);
    }
    Ok(all)
}

/// # Safety
/// `extra` points to pairs of keys and values that end with zero.
unsafe fn from_buffer(extra: *const usize) -> Result<Vec<u8>, Code> {
    const END: usize = 0;
    const POINTER: usize = 1;
    const LEN: usize = 2;
    let (mut pointer, mut len, mut at) = (0, 0, 0);
    loop {
        // SAFETY: the pairs up to the end are there.
        match unsafe { *extra.add(at) } {
            END => break,
            // SAFETY: a key that is not the end has a value.
            POINTER => pointer = unsafe { *extra.add(at + 1) },
            // SAFETY: the same; the value points to a length.
            LEN => len = unsafe { *(*extra.add(at + 1) as *const usize) },
            _ => return Err(Code::INVALID_VALUE),
        }
        at += 2;
    }
    // SAFETY: the caller's buffer of that length.
    unsafe { bytes(pointer as *const c_void, len) }
}

/// The sizes of a launch.
struct Sizes {
    grid: [u32; 3],
    block: [u32; 3],
    shared_bytes: u32,
}

/// # Safety
/// See `collect`.
unsafe fn queue(driver: &mut Driver, function: Handle, sizes: &Sizes, stream: Handle, from: &Parameters) -> Outcome {
    let stream = driver.stream(stream)?;
    let found = *driver.functions.get(&function).ok_or(Code::INVALID_HANDLE)?;
    let module = Arc::clone(&driver.modules.get(&found.module).ok_or(Code::INVALID_HANDLE)?.module);
    let kernel = &module.kernels()[found.kernel];
    // SAFETY: the caller's promise.
    let params = unsafe { collect(kernel, from) }?;
    let Sizes { grid, block, shared_bytes } = *sizes;
    let launch = Launch { grid, block, shared_bytes, params: &params, order: Order::Forward, budget: 0 };
    launch.check(kernel).map_err(|_| Code::INVALID_VALUE)?;
    let total = kernel.shared_bytes() + u64::from(shared_bytes);
    if total > FREE_SHARED && i64::from(shared_bytes) > i64::from(found.most_dynamic) {
        return Err(Code::INVALID_VALUE);
    }
    let call = KernelCall { module: Arc::clone(&module), kernel: found.kernel, grid, block, shared_bytes, params };
    driver.enqueue(stream, Work::Kernel(call))
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuLaunchKernel(
    function: Handle,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    shared_bytes: c_uint,
    stream: Handle,
    each: *const *const c_void,
    extra: *const usize,
) -> c_int {
    let sizes = Sizes { grid: [grid_x, grid_y, grid_z], block: [block_x, block_y, block_z], shared_bytes };
    // SAFETY: the caller's parameters.
    call("cuLaunchKernel", |driver| unsafe { queue(driver, function, &sizes, stream, &Parameters { each, extra }) })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuLaunchCooperativeKernel(
    function: Handle,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    shared_bytes: c_uint,
    stream: Handle,
    each: *const *const c_void,
) -> c_int {
    let sizes = Sizes { grid: [grid_x, grid_y, grid_z], block: [block_x, block_y, block_z], shared_bytes };
    let parameters = Parameters { each, extra: std::ptr::null() };
    // SAFETY: the caller's parameters.
    call("cuLaunchCooperativeKernel", |driver| unsafe { queue(driver, function, &sizes, stream, &parameters) })
}
