//! Modules and their kernels.

use std::{
    ffi::{c_char, c_int, c_uint, c_void},
    sync::Arc,
};

use cleave_gpu_interp::{LoadError, Module};

use super::host::{put, put_text, put_wanted, text};
use crate::{
    code::{Code, Outcome},
    run::tell,
    state::{Driver, Function, Loaded, call},
    stream::Handle,
};

const ERROR_LOG: c_int = 5;
const ERROR_LOG_BYTES: c_int = 6;

fn load(driver: &mut Driver, source: &str) -> Result<Result<Handle, LoadError>, Code> {
    let ordinal = driver.context()?;
    let module = match Module::load(source, &mut driver.devices[ordinal].memory) {
        Ok(module) => module,
        Err(error) => return Ok(Err(error)),
    };
    let handle = driver.handle();
    driver.modules.insert(handle, Loaded { ordinal, module: Arc::new(module) });
    Ok(Ok(handle))
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuModuleLoadData(module: *mut Handle, image: *const c_void) -> c_int {
    call("cuModuleLoadData", |driver| {
        // SAFETY: the caller's image, which is a text with a final zero.
        let source = unsafe { text(image.cast()) }?;
        let handle = load(driver, source)?.map_err(|error| {
            tell(&error);
            Code::INVALID_PTX
        })?;
        // SAFETY: the caller's pointer.
        unsafe { put(module, handle) }
    })
}

/// The value of an option.
///
/// # Safety
/// `keys` and `values` are valid for `count` reads.
unsafe fn option(count: c_uint, keys: *const c_int, values: *const usize, key: c_int) -> Option<usize> {
    if keys.is_null() || values.is_null() {
        return None;
    }
    // SAFETY: both hold `count` elements.
    (0..count as usize).find(|at| unsafe { *keys.add(*at) } == key).map(|at| unsafe { *values.add(at) })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuModuleLoadDataEx(
    module: *mut Handle,
    image: *const c_void,
    count: c_uint,
    keys: *const c_int,
    values: *const usize,
) -> c_int {
    call("cuModuleLoadDataEx", |driver| {
        // SAFETY: the caller's image and options.
        let (source, log, bytes) = unsafe {
            let log = option(count, keys, values, ERROR_LOG);
            (text(image.cast())?, log, option(count, keys, values, ERROR_LOG_BYTES))
        };
        match load(driver, source)? {
            // SAFETY: the caller's pointer.
            Ok(handle) => unsafe { put(module, handle) },
            Err(error) => {
                if let (Some(log), Some(bytes)) = (log, bytes) {
                    // SAFETY: the caller's buffer of the size that its options say.
                    unsafe { put_text(log as *mut c_char, bytes, &error.to_string()) }?;
                }
                Err(Code::INVALID_PTX)
            }
        }
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuModuleUnload(module: Handle) -> c_int {
    call("cuModuleUnload", |driver| {
        let ordinal = driver.context()?;
        driver.drain_device(ordinal)?;
        let found = driver.modules.remove(&module).ok_or(Code::INVALID_HANDLE)?;
        driver.functions.retain(|_, function| function.module != module);
        let free = |address| driver.devices[ordinal].memory.free(address).map_err(|_| Code::INVALID_VALUE);
        found.module.symbols().iter().map(|symbol| symbol.address).try_for_each(free)
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuModuleGetFunction(
    function: *mut Handle,
    module: Handle,
    name: *const c_char,
) -> c_int {
    call("cuModuleGetFunction", |driver| {
        driver.context()?;
        // SAFETY: the caller's text.
        let name = unsafe { text(name) }?;
        let kernels = &driver.modules.get(&module).ok_or(Code::INVALID_HANDLE)?.module;
        let kernel = kernels.kernels().iter().position(|kernel| kernel.name() == name).ok_or(Code::NOT_FOUND)?;
        let handle = driver.handle();
        driver.functions.insert(handle, Function { module, kernel, most_dynamic: 0 });
        // SAFETY: the caller's pointer.
        unsafe { put(function, handle) }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuModuleGetGlobal_v2(
    address: *mut u64,
    len: *mut usize,
    module: Handle,
    name: *const c_char,
) -> c_int {
    call("cuModuleGetGlobal_v2", |driver| {
        driver.context()?;
        // SAFETY: the caller's text.
        let name = unsafe { text(name) }?;
        let symbols = driver.modules.get(&module).ok_or(Code::INVALID_HANDLE)?.module.symbols();
        let symbol = symbols.iter().find(|symbol| symbol.name == name).ok_or(Code::NOT_FOUND)?;
        // SAFETY: the caller's pointers.
        unsafe {
            put_wanted(address, symbol.address);
            put_wanted(len, symbol.bytes as usize);
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuFuncGetAttribute(value: *mut c_int, attribute: c_int, function: Handle) -> c_int {
    call("cuFuncGetAttribute", |driver| {
        driver.context()?;
        let found = *driver.functions.get(&function).ok_or(Code::INVALID_HANDLE)?;
        let kernel = &driver.modules.get(&found.module).ok_or(Code::INVALID_HANDLE)?.module.kernels()[found.kernel];
        let told = match attribute {
            0 => kernel.most_threads().unwrap_or(1024) as c_int,
            1 => kernel.shared_bytes() as c_int,
            3 => kernel.local_bytes() as c_int,
            4 => kernel.slots().min(255) as c_int,
            5 | 6 => 90,
            8 => found.most_dynamic,
            2 | 7 | 9 => 0,
            _ => return Err(Code::INVALID_VALUE),
        };
        // SAFETY: the caller's pointer.
        unsafe { put(value, told) }
    })
}

fn set_attribute(driver: &mut Driver, function: Handle, attribute: c_int, value: c_int) -> Outcome {
    const MOST_DYNAMIC_SHARED: c_int = 8;
    const CARVE_OUT: c_int = 9;
    driver.context()?;
    let found = driver.functions.get_mut(&function).ok_or(Code::INVALID_HANDLE)?;
    match attribute {
        MOST_DYNAMIC_SHARED if (0..=227 << 10).contains(&value) => {
            found.most_dynamic = value;
            Ok(())
        }
        CARVE_OUT => Ok(()),
        _ => Err(Code::INVALID_VALUE),
    }
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuFuncSetAttribute(function: Handle, attribute: c_int, value: c_int) -> c_int {
    call("cuFuncSetAttribute", |driver| set_attribute(driver, function, attribute, value))
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuFuncSetCacheConfig(function: Handle, _config: c_int) -> c_int {
    call("cuFuncSetCacheConfig", |driver| driver.functions.get(&function).map(drop).ok_or(Code::INVALID_HANDLE))
}
