//! A process for each test, and what tests share.

use std::{env, process::Command, sync::Arc};

use cleave_gpu_driver::{SETTINGS, load};
use cudarc::{
    driver::{CudaContext, CudaFunction, DriverError},
    nvrtc::Ptx,
};

const CHILD: &str = "CLEAVE_GPU_DRIVER_CHILD";

/// Runs a test by its name under settings, in a process of its own; what that printed comes back.
pub(crate) fn under(settings: &str, test: &str, body: impl FnOnce()) -> String {
    if env::var_os(CHILD).is_some() {
        load().unwrap();
        body();
        return env::var(CHILD).unwrap();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(SETTINGS, settings)
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    text
}

/// Whether the printed text names something; the test's own process cannot see it.
pub(crate) fn prints(text: &str, expected: &str) {
    assert!(env::var_os(CHILD).is_some() || text.contains(expected), "`{expected}` is not in\n{text}");
}

/// The number of an error.
pub(crate) fn code<T>(result: Result<T, DriverError>) -> u32 {
    result.map_or_else(|error| error.0 as u32, |_| 0)
}

/// `out[i] = in[i] * factor + i` for `i < n`.
pub(crate) const SCALE: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry scale(.param .u64 p_out, .param .u64 p_in, .param .f64 p_factor, .param .u32 p_n)
{
    .reg .pred %p<2>; .reg .b32 %r<6>; .reg .b64 %rd<6>; .reg .f64 %fd<5>;
    mov.u32 %r0, %ctaid.x;
    mov.u32 %r1, %ntid.x;
    mov.u32 %r2, %tid.x;
    mad.lo.s32 %r3, %r0, %r1, %r2;
    ld.param.u32 %r4, [p_n];
    setp.ge.u32 %p0, %r3, %r4;
    @%p0 bra DONE;
    ld.param.u64 %rd0, [p_out];
    ld.param.u64 %rd1, [p_in];
    ld.param.f64 %fd0, [p_factor];
    mul.wide.u32 %rd2, %r3, 8;
    add.s64 %rd0, %rd0, %rd2;
    add.s64 %rd1, %rd1, %rd2;
    ld.global.nc.f64 %fd1, [%rd1];
    cvt.rn.f64.u32 %fd2, %r3;
    fma.rn.f64 %fd3, %fd1, %fd0, %fd2;
    st.global.f64 [%rd0], %fd3;
DONE:
    ret;
}
";

pub(crate) fn scale(context: &Arc<CudaContext>) -> CudaFunction {
    context.load_module(Ptx::from_src(SCALE)).unwrap().load_function("scale").unwrap()
}
