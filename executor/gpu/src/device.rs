//! A device: its memory, its kernels, a stream in which all work is done in order, and one for copies to the device that
//! go on meanwhile. What is unsafe of computing is here.
#![expect(unsafe_code, reason = "a driver trusts its caller about memory and parameters")]

use crate::detect::{Absent, cublas, ready};
use crate::emit::{Grid, Kernel};
use crate::error::GpuError;
use crate::notes::NoLibrary;
use crate::ring::Ring;
use cleave_ops::DType;
use cudarc::cublas::sys as blas;
use cudarc::driver::{
    CudaContext, CudaEvent, CudaFunction, CudaSlice, CudaStream, DevicePtr, DriverError, LaunchConfig, PinnedHostSlice,
    PushKernelArg, result, sys,
};
use cudarc::nvrtc::Ptx;
use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_int};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most kernels that stay loaded, besides those of the stage at hand.
const MOST_KERNELS: usize = 256;
/// The most that a compiler says.
const LOG_BYTES: usize = 8 << 10;

/// How long a device took, by what was done. Copies to it may go on while kernels run.
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

impl Took {
    /// Of two devices that work at once: the longer time of each kind.
    pub(crate) fn or_longer(&self, other: &Self) -> Self {
        let longer = |of: fn(&Self) -> Duration| of(self).max(of(other));
        let [compile, up] = [longer(|took| took.compile), longer(|took| took.up)];
        Self { compile, up, compute: longer(|took| took.compute), down: longer(|took| took.down) }
    }
}

/// A device that is in use.
pub struct Device {
    name: String,
    /// Since it was last asked for.
    took: Cell<Took>,
    /// Loaded kernels by name: equal names are equal texts. With each the last turn in which it was wanted.
    kernels: HashMap<String, (u64, CudaFunction)>,
    turn: u64,
    /// Parts of arrays on their way here.
    pub(crate) ring: Ring,
    /// The vendor's library of products, or why there is none; not looked for before it is wanted.
    library: Option<Result<Library, NoLibrary>>,
    stream: Arc<CudaStream>,
    /// Where arrays are copied to the device; `stream` waits for what it reads of them.
    copies: Arc<CudaStream>,
    /// Where results are copied from there, once what makes them is done.
    back: Arc<CudaStream>,
    context: Arc<CudaContext>,
}

/// Memory of a device, given back in the order of its stream when this is dropped.
pub struct Memory {
    slice: CudaSlice<u8>,
    address: u64,
}

/// A place among all work of a device.
pub(crate) struct Mark(CudaEvent);

/// Memory of the host from which, and to which, a device copies by itself.
pub(crate) struct Slot {
    /// When copying from it began, and when copying ended last.
    begun: CudaEvent,
    copied: CudaEvent,
    /// Whether that is not counted yet in how long all its copies took.
    is_new: Cell<bool>,
    took: Duration,
    bytes: PinnedHostSlice<u8>,
}

/// The vendor's library of products with a handle for a device's stream.
struct Library(blas::cublasHandle_t);

// SAFETY: a handle may be used by any thread, one at a time.
unsafe impl Send for Library {}

/// What the library is called for.
const LIBRARY_CALLS: [&str; 5] = [
    "cublasCreate_v2",
    "cublasDestroy_v2",
    "cublasSetStream_v2",
    "cublasSgemmStridedBatched",
    "cublasDgemmStridedBatched",
];

/// Products of matrices of floats, side by side: to `out`, row-major, is added what rows and columns give. Both operands
/// stand by their shared index first.
#[derive(Clone, Debug)]
pub(crate) struct Gemm {
    pub(crate) dtype: DType,
    /// Rows, columns and shared indices.
    pub(crate) lens: [usize; 3],
    /// Where rows, columns and `out` begin.
    pub(crate) places: [u64; 3],
    /// Elements from one shared index, or row of `out`, to the next.
    pub(crate) pitches: [usize; 3],
    /// Elements from one matrix to the next.
    pub(crate) apart: [usize; 3],
    /// How many there are.
    pub(crate) matrices: usize,
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
        // SAFETY: memory is given back in the order of one stream, which waits for copies in the other (`arrived`).
        unsafe { context.disable_event_tracking() };
        keep_memory(&context).map_err(&opening)?;
        let stream = || context.new_stream().map_err(&opening);
        let (stream, copies, back) = (stream()?, stream()?, stream()?);
        let (name, took, kernels, ring) = (facts.name, Cell::default(), HashMap::new(), Ring::default());
        Ok(Self { name, took, kernels, turn: 0, ring, library: None, stream, copies, back, context })
    }

    /// What its maker calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long it took since this was last asked.
    pub fn took(&mut self) -> Took {
        let sent = self.ring.took();
        let took = self.took.take();
        Took { up: took.up + sent, ..took }
    }

    /// Registers that a thread of a kernel takes, if it was compiled.
    pub fn registers(&self, kernel: &Kernel) -> Option<u32> {
        self.kernels.get(&kernel.name)?.1.num_regs().ok()?.try_into().ok()
    }

    /// Does something that takes time of a kind.
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

    /// So many bytes of memory, at least one, to send something to; given back as any other.
    pub(crate) fn room_to_send(&self, bytes: usize) -> Result<Memory, GpuError> {
        // SAFETY: copies write it before anything reads it.
        let slice = unsafe { self.copies.alloc::<u8>(bytes.max(1)) }.map_err(failed("taking memory"))?;
        let address = slice.leak();
        // SAFETY: the memory is nobody else's any more, and as long as that.
        let slice = unsafe { self.stream.upgrade_device_ptr::<u8>(address, bytes.max(1)) };
        Ok(Memory { slice, address })
    }

    /// So many bytes of the host from which can be sent.
    pub(crate) fn slot(&self, bytes: usize) -> Result<Slot, GpuError> {
        let failed = failed("taking memory of the host");
        let event = || self.context.new_event(Some(sys::CUevent_flags::CU_EVENT_DEFAULT)).map_err(&failed);
        let (begun, copied) = (event()?, event()?);
        // SAFETY: any byte is one, and they are written before they are sent.
        let bytes = unsafe { self.context.alloc_pinned_with_flags::<u8>(bytes, 0) }.map_err(&failed)?;
        Ok(Slot { begun, copied, is_new: Cell::new(false), took: Duration::ZERO, bytes })
    }

    /// Begins to copy the first bytes of a slot into memory that there is room to send to, from its byte `at` on. They
    /// are there for what is launched after [`Device::arrived`].
    pub(crate) fn send(&self, slot: &Slot, len: usize, (memory, at): (&Memory, usize)) -> Result<(), GpuError> {
        let failed = failed("copying to the device");
        let bytes = &slot.bytes.as_slice().map_err(&failed)?[..len];
        assert!(at + len <= memory.nbytes(), "what is sent has room");
        slot.begun.record(&self.copies).map_err(&failed)?;
        slot.is_new.set(true);
        // SAFETY: the bytes lie in the memory, and the slot waits for the copy before it is written or given back.
        unsafe { result::memcpy_htod_async(memory.address + at as u64, bytes, self.copies.cu_stream()) }
            .and_then(|()| slot.copied.record(&self.copies))
            .map_err(failed)
    }

    /// Has all that is launched and given back from now on wait for what was sent.
    pub(crate) fn arrived(&self) -> Result<(), GpuError> {
        self.stream.join(&self.copies).map_err(failed("copying to the device"))
    }

    /// Marks all work so far.
    pub(crate) fn mark(&self) -> Result<Mark, GpuError> {
        self.stream.record_event(None).map(Mark).map_err(failed("computing"))
    }

    /// Waits for all work before a mark.
    pub(crate) fn reach(&self, mark: &Mark) -> Result<(), GpuError> {
        self.timed(|took| &mut took.compute, || mark.0.synchronize().map_err(failed("computing")))
    }

    /// Begins to copy so many bytes of memory that is ready, from its byte `at` on, into a slot.
    pub(crate) fn bring(&self, slot: &mut Slot, len: usize, (memory, at): (&Memory, usize)) -> Result<(), GpuError> {
        let failed = failed("copying from the device");
        assert!(at + len <= memory.nbytes(), "what is brought is there");
        let bytes = &mut slot.bytes()?[..len];
        // SAFETY: the bytes lie in the memory, which is not given back before `landed`, and the slot waits for the copy.
        unsafe { result::memcpy_dtoh_async(bytes, memory.address + at as u64, self.back.cu_stream()) }
            .and_then(|()| slot.copied.record(&self.back))
            .map_err(failed)
    }

    /// Has all that is given back from now on wait for what was brought.
    pub(crate) fn landed(&self) -> Result<(), GpuError> {
        self.stream.join(&self.back).map_err(failed("copying from the device"))
    }

    /// Copies bytes of memory that is ready, from its byte `at` on, by way of the ring where they are many; `copy` takes
    /// them out of it.
    pub(crate) fn fetch(
        &mut self,
        (memory, at): (&Memory, usize),
        bytes: &mut [u8],
        copy: &dyn Fn(&mut [u8], &[u8]),
    ) -> Result<(), GpuError> {
        let mut ring = std::mem::take(&mut self.ring);
        let fetched = self.timed(|took| &mut took.down, || ring.fetch(self, (memory, at), bytes, copy));
        self.ring = ring;
        // Without locked memory of the host they come the plain way.
        if fetched? { Ok(()) } else { self.read_from(memory, at, bytes) }
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
        self.read_from(memory, 0, bytes)
    }

    /// The same for bytes from the byte `at` on.
    pub fn read_from(&self, memory: &Memory, at: usize, bytes: &mut [u8]) -> Result<(), GpuError> {
        self.wait()?;
        self.timed(
            |took| &mut took.down,
            || {
                let part = memory.slice.slice(at..at + bytes.len());
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

    /// Has the driver compile kernels, those that it has not; those that were wanted longest ago go when they are too
    /// many.
    pub fn compile<'k>(&mut self, kernels: impl IntoIterator<Item = &'k Kernel>) -> Result<(), GpuError> {
        self.turn += 1;
        for kernel in kernels {
            if let Some((turn, _)) = self.kernels.get_mut(&kernel.name) {
                *turn = self.turn;
                continue;
            }
            let function = self.timed(|took| &mut took.compile, || self.loaded(kernel))?;
            self.kernels.insert(kernel.name.clone(), (self.turn, function));
        }
        self.forget()
    }

    /// Has the driver compile a kernel.
    fn loaded(&self, kernel: &Kernel) -> Result<CudaFunction, GpuError> {
        let refused = |DriverError(code)| GpuError::Kernel { code: code as u32, log: compiler_log(&kernel.text) };
        let module = self.context.load_module(Ptx::from_src(kernel.text.as_str())).map_err(refused)?;
        module.load_function(&kernel.name).map_err(failed("finding a kernel"))
    }

    /// Unloads the kernels that were wanted longest ago, until there are not too many.
    fn forget(&mut self) -> Result<(), GpuError> {
        let many = self.kernels.len().saturating_sub(MOST_KERNELS);
        let old = self.kernels.iter().filter(|(_, (turn, _))| *turn < self.turn);
        let mut old: Vec<(u64, String)> = old.map(|(name, (turn, _))| (*turn, name.clone())).collect();
        if many == 0 || old.is_empty() {
            return Ok(());
        }
        self.wait()?;
        old.sort_unstable();
        old.iter().take(many).for_each(|(_, name)| drop(self.kernels.remove(name)));
        Ok(())
    }

    /// Starts a kernel that was compiled. The memory that its arguments name is not given back before it is done,
    /// because that happens in the order of the stream.
    pub fn launch(&self, kernel: &Kernel, grid: Grid, arguments: &[u64]) -> Result<(), GpuError> {
        let (_, function) = self.kernels.get(&kernel.name).expect("a kernel is compiled before it is launched");
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

impl Device {
    /// Whether the vendor's library of products can be used; it is loaded for the first that asks.
    pub(crate) fn library(&mut self) -> Result<(), NoLibrary> {
        let library = self.library.get_or_insert_with(|| Library::load(&self.stream));
        library.as_ref().map(drop).map_err(Clone::clone)
    }

    /// The library is not used any more.
    pub(crate) fn leave_library(&mut self, why: NoLibrary) {
        self.library = Some(Err(why));
    }

    /// Has the library multiply.
    pub(crate) fn multiply(&self, of: &Gemm) -> Result<(), GpuError> {
        let Some(Ok(Library(handle))) = &self.library else { unreachable!("a library is loaded before it is used") };
        let call = if of.dtype == DType::F32 { LIBRARY_CALLS[3] } else { LIBRARY_CALLS[4] };
        let refused = |status: blas::cublasStatus_t| GpuError::Library { call, status: status as u32 };
        let narrow =
            |len: usize| c_int::try_from(len).map_err(|_| refused(blas::cublasStatus_t::CUBLAS_STATUS_INVALID_VALUE));
        let all = |[a, b, c]: [usize; 3]| Ok::<_, GpuError>([narrow(a)?, narrow(b)?, narrow(c)?]);
        let ([n, m, k], [rows, columns, out]) = (all(of.lens)?, all(of.pitches)?);
        let (count, [row_step, column_step, out_step]) = (narrow(of.matrices)?, of.apart.map(|step| step as i64));
        let [a, b, c] = of.places;
        // The library's matrices are column by column: it makes the transpose, columns times rows.
        let (plain, turned) = (blas::cublasOperation_t::CUBLAS_OP_N, blas::cublasOperation_t::CUBLAS_OP_T);
        macro_rules! gemm {
            ($call:ident, $float:ty) => {{
                let one: $float = 1.0;
                // SAFETY: all three lie in memory that was taken for them, which is given back in the order of the stream.
                unsafe {
                    blas::$call(
                        *handle, plain, turned, m, n, k, &raw const one, b as *const $float, columns, column_step,
                        a as *const $float, rows, row_step, &raw const one, c as *mut $float, out, out_step, count,
                    )
                }
            }};
        }
        let status = match of.dtype {
            DType::F32 => gemm!(cublasSgemmStridedBatched, f32),
            _ => gemm!(cublasDgemmStridedBatched, f64),
        };
        status.result().map_err(|error| refused(error.0))
    }
}

impl Library {
    fn load(stream: &CudaStream) -> Result<Self, NoLibrary> {
        // SAFETY: looking for a library runs no code but its own start.
        if cublas::find().is_none() || !unsafe { blas::is_culib_present() } {
            return Err(NoLibrary::NotFound);
        }
        // SAFETY: the library was there just now; the symbols are looked up and not used.
        let has = |call: &&str| unsafe { blas::culib().get::<unsafe extern "C" fn()>(call.as_bytes()) }.is_ok();
        if let Some(call) = LIBRARY_CALLS.into_iter().find(|call| !has(call)) {
            return Err(NoLibrary::MissingCall(call));
        }
        let refused = |call: &'static str| {
            move |error: cudarc::cublas::result::CublasError| NoLibrary::Failed { call, status: error.0 as u32 }
        };
        let library = Self(cudarc::cublas::result::create_handle().map_err(refused(LIBRARY_CALLS[0]))?);
        // SAFETY: the handle was made just now, and the stream outlives it.
        unsafe { cudarc::cublas::result::set_stream(library.0, stream.cu_stream().cast()) }
            .map_err(refused(LIBRARY_CALLS[2]))?;
        Ok(library)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // A handle of a context that failed cannot be given back.
        // SAFETY: nobody uses the handle any more.
        let _ = unsafe { cudarc::cublas::result::destroy_handle(self.0) };
    }
}

impl Slot {
    /// Its bytes, once they were copied.
    pub(crate) fn bytes(&mut self) -> Result<&mut [u8], GpuError> {
        let failed = failed("copying to the device");
        self.copied.synchronize().map_err(&failed)?;
        self.count();
        self.bytes.as_mut_slice().map_err(failed)
    }

    /// How long copying it took since this was last asked; it waits for the last copy.
    pub(crate) fn took(&mut self) -> Duration {
        // A context that failed is found out by whoever needs what it does.
        let _ = self.copied.synchronize();
        self.count();
        std::mem::take(&mut self.took)
    }

    /// Counts the last copy, which has ended.
    fn count(&mut self) {
        if self.is_new.take() {
            let ms = self.begun.elapsed_ms(&self.copied).unwrap_or_default();
            self.took += Duration::from_secs_f32((ms / 1e3).max(0.0));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // A context that failed copies nothing any more.
        let _ = self.copied.synchronize();
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

impl Memory {
    /// Copies bytes from the byte `at` on, which nothing writes any more; any thread may.
    pub(crate) fn copy_to(&self, at: usize, bytes: &mut [u8]) -> Result<(), GpuError> {
        let failed = failed("copying from the device");
        assert!(at + bytes.len() <= self.nbytes(), "what is copied is there");
        self.slice.context().bind_to_thread().map_err(&failed)?;
        // SAFETY: the bytes lie in the memory, which is there as long as this is.
        unsafe { result::memcpy_dtoh_sync(bytes, self.address + at as u64) }.map_err(failed)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // Memory of a context that failed is gone anyway.
        let _ = self.slice.context().bind_to_thread();
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
mod tests;
