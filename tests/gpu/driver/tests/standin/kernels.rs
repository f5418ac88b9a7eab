//! Modules and launches.

use cudarc::{
    driver::{CudaContext, CudaStream, LaunchConfig, PushKernelArg, sys},
    nvrtc::Ptx,
};

use crate::process::{SCALE, code, prints, scale, under};

fn run(stream: &std::sync::Arc<CudaStream>, values: &[f64], factor: f64) -> Vec<f64> {
    let function = scale(stream.context());
    let input = stream.clone_htod(values).unwrap();
    let mut output = stream.alloc_zeros::<f64>(values.len()).unwrap();
    let count = values.len() as u32;
    let mut launch = stream.launch_builder(&function);
    launch.arg(&mut output).arg(&input).arg(&factor).arg(&count);
    // SAFETY: the arguments are those that the kernel names.
    unsafe { launch.launch(LaunchConfig::for_num_elems(count)) }.unwrap();
    stream.clone_dtoh(&output).unwrap()
}

fn expected(values: &[f64], factor: f64) -> Vec<f64> {
    values.iter().zip(0..).map(|(value, at)| value.mul_add(factor, f64::from(at))).collect()
}

fn copies_and_launches() {
    let context = CudaContext::new(0).unwrap();
    for stream in [context.default_stream(), context.new_stream().unwrap()] {
        for len in [1, 31, 1024, 3000] {
            let values: Vec<f64> = (0..len).map(|at| f64::from(at).sqrt()).collect();
            assert_eq!(run(&stream, &values, 0.1), expected(&values, 0.1));
        }
    }
    context.synchronize().unwrap();
}

#[test]
fn a_kernel_computes() {
    under("", "kernels::a_kernel_computes", copies_and_launches);
}

#[test]
fn a_kernel_computes_when_work_is_deferred() {
    under("deferred reverse memory=1M", "kernels::a_kernel_computes_when_work_is_deferred", copies_and_launches);
}

#[test]
fn a_bad_text_is_refused_with_its_line() {
    let text = under("", "kernels::a_bad_text_is_refused_with_its_line", || {
        let context = CudaContext::new(0).unwrap();
        let bad = SCALE.replace("fma.rn", "fma.approx");
        assert_eq!(code(context.load_module(Ptx::from_src(&bad))), 218);
        assert!(log_of(&bad).contains("`fma` does not take `.approx`"));
        assert_eq!(code(context.load_module(Ptx::from_src(SCALE)).unwrap().load_function("other")), 500);
    });
    prints(&text, "23:5: `fma` does not take `.approx`");
}

/// What the loader says about a text.
fn log_of(text: &str) -> String {
    let image = std::ffi::CString::new(text).unwrap();
    let mut log = [0u8; 128];
    let mut keys = [sys::CUjit_option::CU_JIT_ERROR_LOG_BUFFER, sys::CUjit_option::CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES];
    let mut values = [log.as_mut_ptr().cast(), log.len() as *mut std::ffi::c_void];
    let mut module = std::ptr::null_mut();
    let image = image.as_ptr().cast();
    // SAFETY: all pointers are valid for the call, and the log is as long as its option says.
    let result = unsafe { sys::cuModuleLoadDataEx(&mut module, image, 2, keys.as_mut_ptr(), values.as_mut_ptr()) };
    assert_eq!(result as u32, 218);
    String::from_utf8_lossy(&log).trim_end_matches('\0').into()
}

#[test]
fn a_bad_launch_is_refused_and_nothing_dies() {
    under("", "kernels::a_bad_launch_is_refused_and_nothing_dies", || {
        let context = CudaContext::new(0).unwrap();
        let (stream, function) = (context.default_stream(), scale(&context));
        let mut data = stream.clone_htod(&[1.0f64]).unwrap();
        let (factor, count) = (1.0f64, 1u32);
        let input = stream.clone_htod(&[1.0f64]).unwrap();
        let configs = [
            ((0, 1, 1), (1, 1, 1), 0),
            ((1, 70_000, 1), (1, 1, 1), 0),
            ((1, 1, 1), (2048, 1, 1), 0),
            ((1, 1, 1), (32, 1, 1), 100_000),
        ];
        for (grid_dim, block_dim, shared_mem_bytes) in configs {
            let mut launch = stream.launch_builder(&function);
            launch.arg(&mut data).arg(&input).arg(&factor).arg(&count);
            // SAFETY: the launch is refused.
            let result = unsafe { launch.launch(LaunchConfig { grid_dim, block_dim, shared_mem_bytes }) };
            assert_eq!(code(result), 1);
        }
        assert_eq!(stream.clone_dtoh(&data).unwrap(), [1.0]);
    });
}

#[test]
fn a_kernel_tells_its_limits() {
    under("", "kernels::a_kernel_tells_its_limits", || {
        let function = scale(&CudaContext::new(0).unwrap());
        assert!(function.num_regs().unwrap() > 0);
        assert_eq!(function.local_size_bytes().unwrap(), 0);
        assert_eq!(function.max_threads_per_block().unwrap(), 1024);
        assert_eq!(function.occupancy_max_active_blocks_per_multiprocessor(256, 0, None).unwrap(), 8);
    });
}
