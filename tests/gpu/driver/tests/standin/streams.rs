//! Streams and events, above all what happens when an event is missing.

use std::sync::Arc;

use cudarc::driver::{
    CudaContext, CudaSlice, CudaStream, DevicePtr, DevicePtrMut, LaunchConfig, PushKernelArg, result, sys,
};

use crate::process::{code, scale, under};

struct Pair {
    context: Arc<CudaContext>,
    writer: Arc<CudaStream>,
    reader: Arc<CudaStream>,
    data: CudaSlice<f64>,
    output: CudaSlice<f64>,
}

/// Two streams without the events that cudarc would add, over buffers that hold zeros.
fn pair() -> Pair {
    let context = CudaContext::new(0).unwrap();
    // SAFETY: the tests order their streams themselves, or mean not to.
    unsafe { context.disable_event_tracking() };
    let (writer, reader) = (context.new_stream().unwrap(), context.new_stream().unwrap());
    let data = writer.alloc_zeros(256).unwrap();
    let output = writer.alloc_zeros(256).unwrap();
    writer.synchronize().unwrap();
    Pair { context, writer, reader, data, output }
}

impl Pair {
    /// Fills the data in one stream.
    fn write(&mut self) {
        let (writer, data) = (&self.writer, &mut self.data);
        writer.memcpy_htod(&[1.0; 256], data).unwrap();
    }

    /// Doubles the data in the other stream.
    fn read(&mut self) -> Vec<f64> {
        let function = scale(&self.context);
        let (factor, count) = (2.0f64, 256u32);
        let mut launch = self.reader.launch_builder(&function);
        launch.arg(&mut self.output).arg(&self.data).arg(&factor).arg(&count);
        // SAFETY: the arguments are those that the kernel names.
        unsafe { launch.launch(LaunchConfig::for_num_elems(count)) }.unwrap();
        self.reader.clone_dtoh(&self.output).unwrap()
    }
}

#[test]
fn a_missing_event_shows() {
    under("deferred", "streams::a_missing_event_shows", || {
        let mut pair = pair();
        pair.write();
        assert_eq!(pair.read()[3], 3.0, "the reader came first");
        pair.context.synchronize().unwrap();
    });
}

#[test]
fn an_event_orders_streams() {
    under("deferred", "streams::an_event_orders_streams", || {
        let mut pair = pair();
        pair.write();
        let event = pair.writer.record_event(None).unwrap();
        assert!(!event.is_complete());
        pair.reader.wait(&event).unwrap();
        assert_eq!(pair.read()[3], 5.0);
        assert!(event.is_complete());
    });
}

#[test]
fn asking_an_event_takes_its_stream_further() {
    under("deferred", "streams::asking_an_event_takes_its_stream_further", || {
        let mut pair = pair();
        pair.write();
        let event = pair.writer.record_event(None).unwrap();
        let asked = (0..10).take_while(|_| !event.is_complete()).count();
        assert!((1..10).contains(&asked));
    });
}

#[test]
fn events_of_cudarc_keep_streams_in_order() {
    under("deferred", "streams::events_of_cudarc_keep_streams_in_order", || {
        let context = CudaContext::new(0).unwrap();
        let (writer, reader) = (context.new_stream().unwrap(), context.new_stream().unwrap());
        let data = writer.clone_htod(&[1.0f64; 256]).unwrap();
        assert_eq!(reader.clone_dtoh(&data).unwrap(), [1.0; 256]);
    });
}

#[test]
fn the_default_stream_waits_for_streams_that_block() {
    under("deferred", "streams::the_default_stream_waits_for_streams_that_block", || {
        let context = CudaContext::new(0).unwrap();
        context.bind_to_thread().unwrap();
        let mut back = [0u8; 8];
        // SAFETY: all pointers are valid for the calls.
        unsafe {
            let mut blocking = std::ptr::null_mut();
            assert_eq!(code(sys::cuStreamCreate(&mut blocking, 0).result()), 0);
            let address = result::malloc_sync(8).unwrap();
            assert_eq!(code(sys::cuMemsetD8Async(address, 7, 8, blocking).result()), 0);
            result::memcpy_dtoh_sync(&mut back, address).unwrap();
        }
        assert_eq!(back, [7; 8]);
    });
}

#[test]
fn memory_that_another_stream_frees_is_gone() {
    under("deferred", "streams::memory_that_another_stream_frees_is_gone", || {
        let Pair { context, writer, reader, mut data, .. } = pair();
        let address = data.device_ptr_mut(&writer).0;
        // SAFETY: the addresses are the device's; that one is freed too early is what is tried.
        unsafe {
            let copy = result::malloc_async(reader.cu_stream(), 2048).unwrap();
            result::memcpy_dtod_async(copy, address, 2048, reader.cu_stream()).unwrap();
            result::free_async(address, writer.cu_stream()).unwrap();
        }
        writer.synchronize().unwrap();
        assert_eq!(code(reader.synchronize()), 700);
        assert_eq!(code(context.synchronize()), 700);
        data.leak();
    });
}

#[test]
fn time_passes_between_events() {
    under("", "streams::time_passes_between_events", || {
        let context = CudaContext::new(0).unwrap();
        let stream = context.default_stream();
        let timed = Some(sys::CUevent_flags::CU_EVENT_DEFAULT);
        let start = stream.record_event(timed).unwrap();
        let data = stream.alloc_zeros::<u8>(1 << 20).unwrap();
        let end = stream.record_event(timed).unwrap();
        assert!(start.elapsed_ms(&end).unwrap() >= 0.0);
        let silent = stream.record_event(None).unwrap();
        assert_eq!(code(start.elapsed_ms(&silent)), 400);
        assert_eq!(data.device_ptr(&stream).0 % 256, 0);
    });
}

#[test]
fn functions_of_the_host_run_in_order() {
    unsafe extern "C" fn add(counter: *mut std::ffi::c_void) {
        // SAFETY: the counter outlives the stream's work.
        unsafe { *counter.cast::<u32>() += 1 };
    }
    under("deferred", "streams::functions_of_the_host_run_in_order", || {
        let context = CudaContext::new(0).unwrap();
        let stream = context.new_stream().unwrap();
        let mut counter = 0u32;
        let pointer = &raw mut counter;
        // SAFETY: the stream is waited for before the counter goes.
        unsafe {
            result::stream::launch_host_function(stream.cu_stream(), add, pointer.cast()).unwrap();
            assert_eq!(pointer.read(), 0);
            stream.synchronize().unwrap();
            assert_eq!(pointer.read(), 1);
        }
    });
}
