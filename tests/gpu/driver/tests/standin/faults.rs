//! Kernels that go wrong, calls that are made to fail, and life after them.

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaStream, DriverError, LaunchConfig, PushKernelArg};

use crate::process::{code, prints, scale, under};

/// Launches over more elements than the buffers hold.
fn overrun(stream: &Arc<CudaStream>) -> Result<(), DriverError> {
    let function = scale(stream.context());
    let input = stream.clone_htod(&[1.0f64; 40])?;
    let mut output = stream.alloc_zeros::<f64>(40)?;
    let (factor, count) = (2.0f64, 41u32);
    let mut launch = stream.launch_builder(&function);
    launch.arg(&mut output).arg(&input).arg(&factor).arg(&count);
    // SAFETY: the stand-in finds the element behind the end.
    unsafe { launch.launch(LaunchConfig::for_num_elems(count)) }?;
    Ok(())
}

fn an_overrun_kills_the_context() {
    let context = CudaContext::new(0).unwrap();
    let stream = context.default_stream();
    assert_eq!(code(overrun(&stream)), 0, "a launch returns before its kernel runs");
    assert_eq!(code(stream.synchronize()), 700);
    assert_eq!(code(stream.alloc_zeros::<u8>(1)), 700);
    assert_eq!(code(context.synchronize()), 700);
    drop(stream);
    drop(context);
}

#[test]
fn a_fault_sticks_until_the_context_is_new() {
    let text = under("", "faults::a_fault_sticks_until_the_context_is_new", || {
        an_overrun_kills_the_context();
        let context = CudaContext::new(0).unwrap();
        let stream = context.default_stream();
        assert_eq!(stream.clone_dtoh(&stream.clone_htod(&[3u8]).unwrap()).unwrap(), [3]);
    });
    prints(&text, "scale:21:5: block [0, 0, 0], thread [40, 0, 0]: 8 bytes at 0x");
}

#[test]
fn a_deferred_fault_comes_from_the_wait() {
    under("deferred", "faults::a_deferred_fault_comes_from_the_wait", an_overrun_kills_the_context);
}

/// Launches over memory that nobody wrote.
fn read_fresh_memory() -> u32 {
    let context = CudaContext::new(0).unwrap();
    let (stream, function) = (context.default_stream(), scale(&context));
    // SAFETY: that nobody wrote the input is what is tried.
    let (input, mut output) = unsafe { (stream.alloc::<f64>(1).unwrap(), stream.alloc::<f64>(1).unwrap()) };
    let (factor, count) = (2.0f64, 1u32);
    let mut launch = stream.launch_builder(&function);
    launch.arg(&mut output).arg(&input).arg(&factor).arg(&count);
    // SAFETY: the arguments are those that the kernel names.
    unsafe { launch.launch(LaunchConfig::for_num_elems(count)) }.unwrap();
    code(stream.synchronize())
}

#[test]
fn kernels_must_not_read_what_nobody_wrote() {
    let text = under("", "faults::kernels_must_not_read_what_nobody_wrote", || assert_eq!(read_fresh_memory(), 719));
    prints(&text, "was never written");
}

#[test]
fn kernels_may_read_poison_if_the_settings_say_so() {
    under("readable", "faults::kernels_may_read_poison_if_the_settings_say_so", || assert_eq!(read_fresh_memory(), 0));
}

#[test]
fn a_kernel_that_never_ends_times_out() {
    under("budget=10", "faults::a_kernel_that_never_ends_times_out", || {
        let context = CudaContext::new(0).unwrap();
        let stream = context.default_stream();
        assert_eq!(code(overrun(&stream)), 0);
        assert_eq!(code(stream.synchronize()), 702);
    });
}

#[test]
fn the_call_that_is_named_fails_and_only_that() {
    under("fail=cuMemAllocAsync:2:2", "faults::the_call_that_is_named_fails_and_only_that", || {
        let context = CudaContext::new(0).unwrap();
        let stream = context.default_stream();
        let codes: Vec<u32> = (0..3).map(|_| code(stream.alloc_zeros::<u8>(1))).collect();
        assert_eq!(codes, [0, 2, 0]);
    });
}

#[test]
fn any_call_can_be_the_one_that_fails() {
    under("fail=*:4:1", "faults::any_call_can_be_the_one_that_fails", || {
        let codes: Vec<u32> = (0..6).map(|_| code(CudaContext::device_count())).collect();
        assert_eq!(codes, [0, 1, 0, 0, 0, 0]);
    });
}

#[test]
fn an_injected_fault_sticks() {
    under("fail=cuLaunchKernel:1:719", "faults::an_injected_fault_sticks", || {
        let context = CudaContext::new(0).unwrap();
        let stream = context.default_stream();
        assert_eq!(code(overrun(&stream)), 719);
        assert_eq!(code(stream.synchronize()), 719);
        drop((stream, context));
        assert_eq!(code(CudaContext::new(0).unwrap().synchronize()), 0);
    });
}
