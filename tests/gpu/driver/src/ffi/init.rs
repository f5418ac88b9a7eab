//! The library itself: start, version, names of results.

use std::ffi::{c_char, c_int, c_uint};

use super::host::{put, put_wanted};
use crate::{SETTINGS, code::Code, run::tell, settings::Settings, state::call};

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuInit(_flags: c_uint) -> c_int {
    let settings = Settings::read(&std::env::var(SETTINGS).unwrap_or_default());
    call("cuInit", |driver| match settings {
        Ok(settings) => driver.initialise(settings),
        Err(unknown) => {
            tell(&unknown);
            Err(Code::UNKNOWN)
        }
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuDriverGetVersion(version: *mut c_int) -> c_int {
    // A driver tells its version before it is started.
    let told = Settings::read(&std::env::var(SETTINGS).unwrap_or_default()).map_or(0, |settings| settings.version);
    // SAFETY: the caller's pointer, as everywhere in this module.
    call("cuDriverGetVersion", |_| unsafe { put(version, told) })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuGetErrorName(code: c_int, name: *mut *const c_char) -> c_int {
    let found = Code(code).name();
    // SAFETY: the caller's pointer; the text is static.
    unsafe { put_wanted(name, found.map_or(std::ptr::null(), |name| name.as_ptr())) };
    if found.is_some() { Code::SUCCESS.0 } else { Code::INVALID_VALUE.0 }
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuGetErrorString(code: c_int, text: *mut *const c_char) -> c_int {
    let found = Code(code).text();
    // SAFETY: the caller's pointer; the text is static.
    unsafe { put_wanted(text, found.map_or(std::ptr::null(), |text| text.as_ptr())) };
    if found.is_some() { Code::SUCCESS.0 } else { Code::INVALID_VALUE.0 }
}
