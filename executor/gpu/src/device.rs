//! A device: its memory, its kernels and one stream, in which all work is done in order. What is unsafe of computing is here.
#![expect(unsafe_code, reason = "a driver trusts its caller about memory and parameters")]

use crate::detect::{Absent, ready};
use crate::emit::{Grid, Kernel};
use crate::error::GpuError;
use cudarc::driver::{
    CudaContext, CudaFunction, CudaSlice, CudaStream, DevicePtr, DriverError, LaunchConfig, PushKernelArg, result, sys,
};
use cudarc::nvrtc::Ptx;
use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most that a compiler says.
const LOG_BYTES: usize = 8 << 10;

/// How long a device took, by what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// Compiling kernels.
    pub compile: Duration,
    /// Copies to the device.
    pub up: Duration,
    /// Waiting for kernels.
    pub compute: Duration,
    /// Copies from there.
    pub down: Duration,
}

/// A device that is in use.
pub struct Device {
    name: String,
    /// Since it was last asked for.
    took: Cell<Took>,
    /// Loaded kernels by name: equal names are equal texts.
    kernels: HashMap<String, CudaFunction>,
    stream: Arc<CudaStream>,
    context: Arc<CudaContext>,
}

/// Memory of a device, given back in the order of its stream when this is dropped.
pub struct Memory {
    slice: CudaSlice<u8>,
    address: u64,
}

/// What was being done when a call failed.
fn failed(what: &'static str) -> impl Fn(DriverError) -> GpuError {
    move |DriverError(code)| GpuError::Call { what, code: code as u32 }
}

impl Device {
    /// Takes the device of that number into use.
    pub fn open(ordinal: usize) -> Result<Self, GpuError> {
        let facts = ready(ordinal)?;
        let opening = failed("taking the device into use");
        let taken = |DriverError(code)| Absent::of("cuDevicePrimaryCtxRetain", code as i32);
        let context = CudaContext::new(ordinal).map_err(taken)?;
        keep_memory(&context).map_err(&opening)?;
        let stream = context.new_stream().map_err(&opening)?;
        Ok(Self { name: facts.name, took: Cell::default(), kernels: HashMap::new(), stream, context })
    }

    /// What its maker calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long it took since this was last asked.
    pub fn took(&self) -> Took {
        self.took.take()
    }

    /// Registers that a thread of a kernel takes, if it was compiled.
    pub fn registers(&self, kernel: &Kernel) -> Option<u32> {
        self.kernels.get(&kernel.name)?.num_regs().ok()?.try_into().ok()
    }

    fn timed<T>(&self, part: fn(&mut Took) -> &mut Duration, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        let mut took = self.took.get();
        *part(&mut took) += began.elapsed();
        self.took.set(took);
        done
    }

    /// Bytes of memory that nobody uses.
    pub fn free_bytes(&self) -> Result<u64, GpuError> {
        self.context.mem_get_info().map(|(free, _)| free as u64).map_err(failed("asking for free memory"))
    }

    /// So many bytes of memory, at least one; what they hold is of no use.
    pub fn room(&self, bytes: usize) -> Result<Memory, GpuError> {
        let failed = failed("taking memory");
        // SAFETY: kernels and copies write it before anything reads it.
        let slice = unsafe { self.stream.alloc::<u8>(bytes.max(1)) }.map_err(&failed)?;
        let address = slice.device_ptr(&self.stream).0;
        Ok(Memory { slice, address })
    }

    /// So many bytes of memory that hold zeros.
    pub fn zeros(&self, bytes: usize) -> Result<Memory, GpuError> {
        let mut memory = self.room(bytes)?;
        self.stream.memset_zeros(&mut memory.slice).map_err(failed("clearing memory"))?;
        Ok(memory)
    }

    /// Copies bytes into memory, from its byte `at` on, and waits until nobody reads them any more.
    pub fn write(&self, memory: &mut Memory, at: usize, bytes: &[u8]) -> Result<(), GpuError> {
        self.wait()?;
        self.timed(
            |took| &mut took.up,
            || {
                let mut part = memory.slice.slice_mut(at..at + bytes.len());
                self.stream.memcpy_htod(bytes, &mut part).map_err(failed("copying to the device"))?;
                self.stream.synchronize().map_err(failed("copying to the device"))
            },
        )
    }

    /// Waits for all work before and copies the first bytes of memory.
    pub fn read(&self, memory: &Memory, bytes: &mut [u8]) -> Result<(), GpuError> {
        self.wait()?;
        self.timed(
            |took| &mut took.down,
            || {
                let part = memory.slice.slice(..bytes.len());
                self.stream.memcpy_dtoh(&part, bytes).map_err(failed("copying from the device"))?;
                self.stream.synchronize().map_err(failed("copying from the device"))
            },
        )
    }

    /// Waits for all work so far.
    pub fn wait(&self) -> Result<(), GpuError> {
        self.timed(|took| &mut took.compute, || self.stream.synchronize().map_err(failed("computing")))
    }

    /// Waits for all work so far and returns memory that was given back to the system.
    pub fn trim(&self) -> Result<(), GpuError> {
        self.wait()?;
        if !self.context.has_async_alloc() {
            return Ok(());
        }
        // SAFETY: the device is that of the context.
        let pool = unsafe { result::device::get_default_mem_pool(self.context.cu_device()) };
        // SAFETY: the pool is the device's.
        pool.and_then(|pool| unsafe { result::mem_pool::trim_to(pool, 0) }).map_err(failed("returning memory"))
    }

    /// Has the driver compile a kernel, unless it has before.
    pub fn compile(&mut self, kernel: &Kernel) -> Result<(), GpuError> {
        if self.kernels.contains_key(&kernel.name) {
            return Ok(());
        }
        let function = self.timed(
            |took| &mut took.compile,
            || {
                let refused =
                    |DriverError(code)| GpuError::Kernel { code: code as u32, log: compiler_log(&kernel.text) };
                let module = self.context.load_module(Ptx::from_src(kernel.text.as_str())).map_err(refused)?;
                module.load_function(&kernel.name).map_err(failed("finding a kernel"))
            },
        )?;
        self.kernels.insert(kernel.name.clone(), function);
        Ok(())
    }

    /// Starts a kernel that was compiled. The memory that its arguments name is not given back before it is done,
    /// because that happens in the order of the stream.
    pub fn launch(&self, kernel: &Kernel, grid: Grid, arguments: &[u64]) -> Result<(), GpuError> {
        let function = self.kernels.get(&kernel.name).expect("a kernel is compiled before it is launched");
        let ([x, y], [wide, tall]) = (grid.blocks, grid.threads);
        let mut launch = self.stream.launch_builder(function);
        for argument in arguments {
            launch.arg(argument);
        }
        let sizes = LaunchConfig { grid_dim: (x, y, 1), block_dim: (wide, tall, 1), shared_mem_bytes: 0 };
        // SAFETY: the arguments are those that the kernel lists, and what it reads and writes lies in memory that was
        // taken for it, as the tests on an interpreter of kernels check.
        unsafe { launch.launch(sizes) }.map(drop).map_err(failed("launching a kernel"))
    }
}

impl Memory {
    /// Where it begins.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Bytes.
    pub fn nbytes(&self) -> usize {
        self.slice.len()
    }
}

/// What the driver's compiler says of a text that it does not take, in the context that is current.
fn compiler_log(text: &str) -> String {
    use sys::CUjit_option::{CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    let Ok(image) = CString::new(text) else { return String::new() };
    let mut log = vec![0_u8; LOG_BYTES];
    let mut keys = [CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES];
    let mut values = [log.as_mut_ptr().cast(), std::ptr::without_provenance_mut(LOG_BYTES)];
    let (mut module, count) = (std::ptr::null_mut(), keys.len() as u32);
    let (keys, values) = (keys.as_mut_ptr(), values.as_mut_ptr());
    // SAFETY: all pointers are valid for the call, and the log is as long as its option says.
    let result = unsafe { sys::cuModuleLoadDataEx(&raw mut module, image.as_ptr().cast(), count, keys, values) };
    if result.result().is_ok() {
        // SAFETY: the module was loaded just now and nobody uses it.
        let _ = unsafe { result::module::unload(module) };
    }
    CStr::from_bytes_until_nul(&log).unwrap_or_default().to_string_lossy().trim().to_owned()
}

/// Memory that is given back waits for its next use, rather than being returned to the system at every wait;
/// `trim` does that.
fn keep_memory(context: &Arc<CudaContext>) -> Result<(), DriverError> {
    if !context.has_async_alloc() {
        return Ok(());
    }
    let mut threshold = u64::MAX;
    let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    // SAFETY: the device is that of the context, and this attribute is a number of 64 bits.
    unsafe {
        let pool = result::device::get_default_mem_pool(context.cu_device())?;
        result::mem_pool::set_attribute(pool, attribute, (&raw mut threshold).cast())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::emit::Kernel;

    #[test]
    fn a_kernel_that_is_refused_tells_what_the_compiler_says() {
        cleave_gpu_driver::load().unwrap();
        let mut device = Device::open(0).unwrap();
        let text = ".version 7.0\n.target sm_70\n.address_size 64\n.nonsense".to_owned();
        let kernel = Kernel { name: "nonsense".to_owned(), text, params: vec![], loads: vec![], may_fail: false };
        let error = device.compile(&kernel).unwrap_err();
        let GpuError::Kernel { code: 218, log } = &error else { panic!("{error}") };
        assert!(log.starts_with("4:"), "{log}");
        assert!(error.to_string().contains(log.as_str()));
    }
}
