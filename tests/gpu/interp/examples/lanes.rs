//! How many instructions the interpreter runs in a second: `cargo run --release -p cleave-gpu-interp --example lanes`.
#![allow(clippy::print_stdout)]

use std::{error::Error, time::Instant};

use cleave_gpu_interp::{Launch, Memory, Module, launch};

const TEXT: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry k(.param .u64 p0)
{
    .reg .pred %p<2>; .reg .b32 %r<8>; .reg .b64 %rd<4>; .reg .f64 %fd<4>;
    mov.u32 %r0, %ctaid.x;
    mov.u32 %r1, %ntid.x;
    mov.u32 %r2, %tid.x;
    mad.lo.s32 %r3, %r0, %r1, %r2;
    ld.param.u64 %rd0, [p0];
    mad.wide.u32 %rd0, %r3, 8, %rd0;
    ld.global.f64 %fd0, [%rd0];
    mov.u32 %r4, 0;
AGAIN:
    fma.rn.f64 %fd0, %fd0, 0d3FE0000000000000, 0d3FF0000000000000;
    mul.rn.f64 %fd1, %fd0, %fd0;
    add.rn.f64 %fd0, %fd1, %fd0;
    mul.wide.u32 %rd1, %r4, 0xd2511f53;
    mov.b64 {%r5, %r6}, %rd1;
    xor.b32 %r7, %r5, %r6;
    add.s32 %r4, %r4, 1;
    setp.lt.u32 %p0, %r4, 100;
    @%p0 bra AGAIN;
    st.global.f64 [%rd0], %fd0;
    ret;
}
";

fn main() -> Result<(), Box<dyn Error>> {
    let mut memory = Memory::new(0, 1 << 30);
    let module = Module::load(TEXT, &mut memory)?;
    let threads = 256 * 64;
    let address = memory.alloc(threads * 8)?;
    memory.fill(address, &0.5f64.to_le_bytes(), threads as usize)?;
    let params = address.to_le_bytes();
    let start = Instant::now();
    let stats = launch(&module.kernels()[0], &Launch::new(64, 256, &params), &mut memory)?;
    let seconds = start.elapsed().as_secs_f64();
    let rate = stats.instructions as f64 * 32.0 / seconds / 1e6;
    println!("{} instructions of warps, {rate:.0} million of threads a second", stats.instructions);
    Ok(())
}
