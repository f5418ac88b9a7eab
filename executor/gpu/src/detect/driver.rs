//! The calls of the driver that say what there is. Symbols are looked up one by one, so one that is missing is an error.
#![expect(unsafe_code, reason = "calls of a library that is found when the program runs")]

use super::probe::{PROBE, Probe, THREADS, expected};
use super::{Absent, Facts, Pci, Version, library, nodes};
use cudarc::driver::{CudaContext, DriverError, LaunchConfig, PushKernelArg, sys};
use cudarc::nvrtc::Ptx;
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY, RTLD_LOCAL, RTLD_NOW};
use std::ffi::{CStr, OsStr, c_char, c_int, c_uint};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// The driver's library, loaded.
#[derive(Clone, Copy)]
pub(super) struct Driver(&'static libloading::Library);

/// What contexts, streams, memory, events, modules and launches are made with besides the calls of this file.
const CALLS: [&str; 36] = [
    "cuCtxGetCurrent",
    "cuCtxSetCurrent",
    "cuCtxSynchronize",
    "cuDeviceGetDefaultMemPool",
    "cuDevicePrimaryCtxRelease_v2",
    "cuDevicePrimaryCtxRetain",
    "cuEventCreate",
    "cuEventDestroy_v2",
    "cuEventElapsedTime",
    "cuEventQuery",
    "cuEventRecord",
    "cuEventSynchronize",
    "cuFuncGetAttribute",
    "cuGetErrorName",
    "cuGetErrorString",
    "cuLaunchKernel",
    "cuMemAllocAsync",
    "cuMemAlloc_v2",
    "cuMemFreeAsync",
    "cuMemFreeHost",
    "cuMemFree_v2",
    "cuMemGetInfo_v2",
    "cuMemHostAlloc",
    "cuMemPoolSetAttribute",
    "cuMemPoolTrimTo",
    "cuMemcpyDtoHAsync_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemsetD8Async",
    "cuModuleGetFunction",
    "cuModuleLoadData",
    "cuModuleLoadDataEx",
    "cuModuleUnload",
    "cuStreamCreate",
    "cuStreamDestroy_v2",
    "cuStreamSynchronize",
    "cuStreamWaitEvent",
];

/// The file's own error where a library cannot be loaded from it.
pub(super) fn reason_not_to_load(path: &Path) -> Option<String> {
    // SAFETY: a file that lies where drivers lie is trusted as the loader trusts it.
    unsafe { Library::open(Some(path), RTLD_LAZY | RTLD_LOCAL) }.err().map(|error| error.to_string())
}

/// Loads a library for good, so that whoever asks for its name finds it.
pub(super) fn keep(path: &OsStr) -> bool {
    // SAFETY: the library is the vendor's, and stays loaded to the end of the process.
    let loaded = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) };
    loaded.map(std::mem::forget).is_ok()
}

fn done(call: &'static str, number: c_int) -> Result<(), Absent> {
    if number == 0 { Ok(()) } else { Err(Absent::of(call, number)) }
}

impl Driver {
    /// Loads the driver.
    pub(super) fn load() -> Result<Self, Absent> {
        // SAFETY: looking for a library runs no code but its own start.
        if !unsafe { sys::is_culib_present() } {
            return Err(library::missing());
        }
        // SAFETY: the library was there just now; without one this would panic.
        let driver = Self(unsafe { sys::culib() });
        ["cuInit", "cuDriverGetVersion"].into_iter().try_for_each(|call| driver.has(call))?;
        Ok(driver)
    }

    fn has(self, call: &'static str) -> Result<(), Absent> {
        // SAFETY: the symbol is looked up and not used.
        unsafe { self.call::<unsafe extern "C" fn()>(call) }.map(drop)
    }

    /// # Safety
    /// `F` is the type of the call.
    unsafe fn call<F: Copy>(self, call: &'static str) -> Result<F, Absent> {
        // SAFETY: the caller names the type.
        let found = unsafe { self.0.get::<F>(call.as_bytes()) };
        found.map(|symbol| *symbol).map_err(|_| Absent::MissingCall { path: library::mapped("libcuda.so"), call })
    }

    /// The interface's version; a driver tells it before it is started.
    pub(super) fn version(self) -> Result<Version, Absent> {
        const CALL: &str = "cuDriverGetVersion";
        let mut version = 0;
        // SAFETY: the type is the driver's, and the pointer is valid for the call.
        let number = unsafe { self.call::<unsafe extern "C" fn(*mut c_int) -> c_int>(CALL)?(&raw mut version) };
        done(CALL, number).map(|()| Version(version))
    }

    /// Starts the driver, if it has all calls that others will make; more than once does no harm.
    pub(super) fn start(self) -> Result<(), Absent> {
        CALLS.into_iter().try_for_each(|call| self.has(call))?;
        const CALL: &str = "cuInit";
        // SAFETY: the type is the driver's; zero is the only value of the flags.
        let number = unsafe { self.call::<unsafe extern "C" fn(c_uint) -> c_int>(CALL)?(0) };
        done(CALL, number).map_err(|absent| match absent {
            Absent::NoDevice { .. } | Absent::NoPermission { .. } | Absent::Failed { .. } => {
                let node = nodes::forbidden(Path::new("/dev"));
                node.map_or(absent, |node| Absent::NoPermission { node: Some(node) })
            }
            absent => absent,
        })
    }

    /// How many cards there are.
    pub(super) fn count(self) -> Result<usize, Absent> {
        const CALL: &str = "cuDeviceGetCount";
        let mut count = 0;
        // SAFETY: the type is the driver's, and the pointer is valid for the call.
        let number = unsafe { self.call::<unsafe extern "C" fn(*mut c_int) -> c_int>(CALL)?(&raw mut count) };
        done(CALL, number)?;
        match usize::try_from(count) {
            Ok(count @ 1..) => Ok(count),
            _ => Err(Absent::of(CALL, 100)),
        }
    }

    /// What a card is.
    pub(super) fn facts(self, ordinal: usize) -> Result<Facts, Absent> {
        let device = self.device(ordinal)?;
        let attribute = |attribute| self.attribute(device, attribute);
        use sys::CUdevice_attribute as Attribute;
        Ok(Facts {
            ordinal,
            name: self.name(device)?,
            memory_bytes: self.memory(device)?,
            capability: (
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
            ),
            processors: attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
            pci: Pci {
                domain: attribute(Attribute::CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID)?,
                bus: attribute(Attribute::CU_DEVICE_ATTRIBUTE_PCI_BUS_ID)?,
                device: attribute(Attribute::CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID)?,
            },
        })
    }

    fn device(self, ordinal: usize) -> Result<c_int, Absent> {
        const CALL: &str = "cuDeviceGet";
        let mut device = 0;
        let wanted = c_int::try_from(ordinal).unwrap_or(c_int::MAX);
        // SAFETY: the type is the driver's, and the pointer is valid for the call.
        let number =
            unsafe { self.call::<unsafe extern "C" fn(*mut c_int, c_int) -> c_int>(CALL)?(&raw mut device, wanted) };
        done(CALL, number).map(|()| device)
    }

    fn name(self, device: c_int) -> Result<String, Absent> {
        const CALL: &str = "cuDeviceGetName";
        type Call = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
        let mut text = [0_u8; 128];
        // SAFETY: the type is the driver's, which writes at most so many bytes.
        let number = unsafe { self.call::<Call>(CALL)?(text.as_mut_ptr().cast(), text.len() as c_int, device) };
        done(CALL, number)?;
        Ok(CStr::from_bytes_until_nul(&text).unwrap_or_default().to_string_lossy().into_owned())
    }

    fn memory(self, device: c_int) -> Result<u64, Absent> {
        const CALL: &str = "cuDeviceTotalMem_v2";
        let mut bytes = 0_usize;
        // SAFETY: the type is the driver's, and the pointer is valid for the call.
        let number =
            unsafe { self.call::<unsafe extern "C" fn(*mut usize, c_int) -> c_int>(CALL)?(&raw mut bytes, device) };
        done(CALL, number).map(|()| bytes as u64)
    }

    fn attribute(self, device: c_int, attribute: sys::CUdevice_attribute) -> Result<i32, Absent> {
        const CALL: &str = "cuDeviceGetAttribute";
        type Call = unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int;
        let mut value = 0;
        // SAFETY: the type is the driver's, and the pointer is valid for the call.
        let number = unsafe { self.call::<Call>(CALL)?(&raw mut value, attribute as c_int, device) };
        done(CALL, number).map(|()| value)
    }
}

/// Compiles a kernel, runs it on a card and looks at what it gave.
pub(super) fn probe(ordinal: usize) -> Result<Probe, Absent> {
    let failed = |call: &'static str| move |error: DriverError| Absent::of(call, error.0 as i32);
    let begun = Instant::now();
    let context = CudaContext::new(ordinal).map_err(failed("cuDevicePrimaryCtxRetain"))?;
    let context_s = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let module = context.load_module(Ptx::from_src(PROBE)).map_err(failed("cuModuleLoadData"))?;
    let function = module.load_function("cleave_probe").map_err(failed("cuModuleGetFunction"))?;
    let compile_s = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let given = run(&context, &function)?;
    let run_s = begun.elapsed().as_secs_f64();
    if given != expected() { Err(Absent::WrongAnswer) } else { Ok(Probe { context_s, compile_s, run_s }) }
}

fn run(context: &Arc<CudaContext>, function: &cudarc::driver::CudaFunction) -> Result<Vec<u32>, Absent> {
    let failed = |call: &'static str| move |error: DriverError| Absent::of(call, error.0 as i32);
    let stream = context.new_stream().map_err(failed("cuStreamCreate"))?;
    let mut out = stream.alloc_zeros::<u32>(THREADS as usize).map_err(failed("cuMemAllocAsync"))?;
    let how = LaunchConfig { grid_dim: (1, 1, 1), block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 };
    let mut launch = stream.launch_builder(function);
    launch.arg(&mut out);
    // SAFETY: each thread of the kernel writes its own of the words.
    unsafe { launch.launch(how) }.map_err(failed("cuLaunchKernel"))?;
    let given = stream.clone_dtoh(&out).map_err(failed("cuMemcpyDtoHAsync"))?;
    stream.synchronize().map_err(failed("cuStreamSynchronize"))?;
    Ok(given)
}
