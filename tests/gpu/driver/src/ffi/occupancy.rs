//! How many blocks a multiprocessor holds, by threads alone.

use std::ffi::{c_int, c_uint};

use super::host::{put, put_wanted};
use crate::{code::Code, state::call, stream::Handle};

const MOST_THREADS: c_int = 2048;
const MOST_BLOCKS: c_int = 32;
const BEST_BLOCK: c_int = 256;

/// # Safety
/// `blocks` is null or valid for a write.
unsafe fn blocks_of(name: &'static str, blocks: *mut c_int, function: Handle, threads: c_int) -> c_int {
    call(name, |driver| {
        driver.context()?;
        if !driver.functions.contains_key(&function) {
            return Err(Code::INVALID_HANDLE);
        }
        if threads < 1 {
            return Err(Code::INVALID_VALUE);
        }
        // SAFETY: the caller's pointer.
        unsafe { put(blocks, (MOST_THREADS / threads).min(MOST_BLOCKS)) }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuOccupancyMaxActiveBlocksPerMultiprocessor(
    blocks: *mut c_int,
    function: Handle,
    threads: c_int,
    _shared: usize,
) -> c_int {
    // SAFETY: the caller's pointer.
    unsafe { blocks_of("cuOccupancyMaxActiveBlocksPerMultiprocessor", blocks, function, threads) }
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
    blocks: *mut c_int,
    function: Handle,
    threads: c_int,
    _shared: usize,
    _flags: c_uint,
) -> c_int {
    // SAFETY: the caller's pointer.
    unsafe { blocks_of("cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags", blocks, function, threads) }
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuOccupancyMaxPotentialBlockSize(
    grid: *mut c_int,
    block: *mut c_int,
    function: Handle,
    _shared_of: usize,
    _shared: usize,
    limit: c_int,
) -> c_int {
    call("cuOccupancyMaxPotentialBlockSize", |driver| {
        driver.context()?;
        driver.functions.get(&function).ok_or(Code::INVALID_HANDLE)?;
        let best = if limit > 0 { BEST_BLOCK.min(limit) } else { BEST_BLOCK };
        let most = driver.settings()?.processors * (MOST_THREADS / best);
        // SAFETY: the caller's pointers.
        unsafe {
            put_wanted(grid, most);
            put(block, best)
        }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuOccupancyAvailableDynamicSMemPerBlock(
    bytes: *mut usize,
    function: Handle,
    blocks: c_int,
    _threads: c_int,
) -> c_int {
    call("cuOccupancyAvailableDynamicSMemPerBlock", |driver| {
        driver.context()?;
        driver.functions.get(&function).ok_or(Code::INVALID_HANDLE)?;
        // SAFETY: the caller's pointer.
        unsafe { put(bytes, (227usize << 10) / blocks.max(1) as usize) }
    })
}
