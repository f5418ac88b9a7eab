//! A kernel whose answer is known: compiler, launch, shuffles and copies in one.

/// What a card took for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// Seconds until there was a context.
    pub context_s: f64,
    /// Seconds of compiling.
    pub compile_s: f64,
    /// Seconds of the launch, with memory and the copy back.
    pub run_s: f64,
}

/// Lanes of the one warp that runs.
pub(super) const THREADS: u32 = 32;

/// Each lane writes three times the number of the lane after it, the last one that of its own.
pub(super) const PROBE: &str = "\
.version 7.0
.target sm_75
.address_size 64

.visible .entry cleave_probe(
    .param .u64 cleave_probe_p0
)
{
    .reg .b32 %r<4>;
    .reg .b64 %rd<4>;
    ld.param.u64 %rd0, [cleave_probe_p0];
    mov.u32 %r0, %tid.x;
    shfl.sync.down.b32 %r1, %r0, 1, 31, 0xffffffff;
    mul.lo.s32 %r2, %r1, 3;
    mul.wide.u32 %rd1, %r0, 4;
    add.s64 %rd2, %rd0, %rd1;
    st.global.b32 [%rd2], %r2;
    ret;
}
";

pub(super) fn expected() -> Vec<u32> {
    (0..THREADS).map(|lane| 3 * (lane + 1).min(THREADS - 1)).collect()
}
