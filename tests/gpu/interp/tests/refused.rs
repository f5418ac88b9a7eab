//! Texts that must not load, each with the place and the words of its refusal.
#![allow(clippy::unwrap_used)]

use cleave_gpu_interp::{Launch, Memory, MemoryError, Module, launch};

const HEAD: &str = ".version 7.0\n.target sm_75\n.address_size 64\n";
const REGISTERS: &str = ".reg .pred %p<4>; .reg .b16 %h<4>; .reg .b32 %r<4>; .reg .s32 %i; .reg .b64 %rd<4>; \
                         .reg .f32 %f<4>; .reg .f64 %fd<4>;";

fn body(instruction: &str) -> String {
    format!("{HEAD}.visible .entry k(.param .u64 p0)\n{{\n{REGISTERS}\n{instruction}\nret;\n}}\n")
}

fn refusal(text: &str) -> String {
    let mut memory = Memory::new(0, 1 << 20);
    Module::load(text, &mut memory).err().map_or_else(|| format!("loaded: {text}"), |error| error.to_string())
}

const INSTRUCTIONS: &[(&str, &str)] = &[
    ("frob.b32 %r0, %r1;", "7:1: unknown instruction `frob`"),
    ("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 %fd0, %fd1, %fd2, %fd3;", "7:1: unknown instruction `mma`"),
    ("call f;", "7:1: unknown instruction `call`"),
    ("div.approx.f32 %f0, %f1, %f2;", "7:1: `div` does not take `.approx`"),
    ("add.rn.ftz.f32 %f0, %f1, %f2;", "`add` does not take `.ftz`"),
    ("sqrt.approx.f64 %fd0, %fd1;", "`sqrt` does not take `.approx`"),
    ("ex2.approx.f32 %f0, %f1;", "unknown instruction `ex2`"),
    ("add.f64 %fd0, %fd1, %fd2;", "`add` without a rounding may be contracted"),
    ("mul.f32 %f0, %f1, %f2;", "`mul` without a rounding may be contracted"),
    ("add.rz.f64 %fd0, %fd1, %fd2;", "`add` does not take `.rz`"),
    ("min.NaN.f32 %f0, %f1, %f2;", "needs sm_80, the target is sm_75"),
    ("redux.sync.add.u32 %r0, %r1, 0xffffffff;", "needs sm_80, the target is sm_75"),
    ("add.s32 %r0, %r1;", "`add` takes 3 operands, found 2"),
    ("neg.u32 %r0, %r1;", "`neg` does not take `.u32`"),
    ("shl.u32 %r0, %r1, 2;", "`shl` does not take `.u32`"),
    ("mul.s32 %r0, %r1, %r2;", "`mul` needs `.lo`, `.hi` or `.wide`"),
    ("mul.wide.s64 %rd0, %rd1, %rd2;", "`mul` does not take `.wide`"),
    ("add.s64 %rd0, %r1, %rd2;", "`%r1` is .b32, the instruction takes .s64"),
    ("add.rn.f64 %fd0, %rd1, %f2;", "`%f2` is .f32, the instruction takes .f64"),
    ("add.rn.f32 %i, %f1, %f2;", "`%i` is .s32, the instruction takes .f32"),
    ("mov.f32 %f0, %i;", "`%i` is .s32, the instruction takes .f32"),
    ("mov.u64 %rd0, %tid.x;", "`%tid.x` is .u32, the instruction takes .u64"),
    ("selp.b32 %r0, 1, 0, %r1;", "`%r1` is .b32, the instruction takes .pred"),
    ("add.rn.f64 %fd0, %fd1, 0f3F800000;", "`0f3F800000` is .f32, the instruction takes .f64"),
    ("add.rn.f64 %fd0, %fd1, 1;", "`1` is .s64, the instruction takes .f64"),
    ("add.s32 %r0, %r1, %r4;", "`%r4` is not declared"),
    ("add.s32 %r0, %r1, %r01;", "`%r01` is not declared"),
    ("mov.u32 %r0, %clock;", "`%clock` is not declared"),
    ("bra NOWHERE;", "`NOWHERE` is not declared"),
    ("L: L:", "7:4: `L` is declared twice"),
    ("7;", "7:1: expected a statement, found `7`"),
    ("cvt.sat.s64.u32 %rd0, %r0;", "`cvt` does not take `.sat`"),
    ("ld.global.u32 %r0, [%r1];", "`%r1` is .b32, the instruction takes .u64"),
    ("ld.global.u64 %r0, [%rd1];", "`%r0` is .b32, the instruction takes .u64"),
    ("ld.global.f32 %rd0, [%rd1];", "`%rd0` is .b64, the instruction takes .f32"),
    ("ld.global.v2.f64 {%fd0}, [%rd1];", "operand 1 has no place in `ld`"),
    ("ld.global.v4.f64 {%fd0, %fd1, %fd2, %fd3}, [%rd1];", "`ld` does not take `.f64`"),
    ("ld.param.u64 %rd0, [p1];", "`p1` is not declared"),
    ("st.param.u64 [p0], %rd0;", "`st` does not take"),
    ("st.global.u32 %rd0, %r0;", "has no place"),
    ("atom.global.add.s64.f32 %rd0, [%rd1], %rd2;", "`atom` does not take `.f32`"),
    ("atom.global.max.f32 %f0, [%rd1], %f2;", "`atom` does not take `.f32`"),
    ("setp.lo.s32 %p0, %r1, %r2;", "`setp` does not take `.lo`"),
    ("setp.ltu.u32 %p0, %r1, %r2;", "`setp` does not take `.ltu`"),
    ("cvt.f32.f64 %f0, %fd0;", "`cvt` needs a rounding of floats"),
    ("cvt.f64.s32 %fd0, %r0;", "`cvt` needs a rounding of floats"),
    ("cvt.s32.f32 %r0, %f0;", "`cvt` needs a rounding to integers"),
    ("cvt.rn.f64.f32 %fd0, %f0;", "`cvt` does not take"),
    ("cvt.rni.f32.f64 %f0, %fd0;", "`cvt` does not take"),
    ("shfl.down.b32 %r0, %r1, 1, 31;", "`shfl` needs `.sync`"),
    ("shfl.sync.down.b64 %rd0, %rd1, 1, 31, -1;", "`shfl` does not take `.b64`"),
    ("bar.arrive 0, 32;", "`bar` needs `.sync`"),
    ("add.s32 %r0 %r1, %r2;", "7:13: expected `,` or `;`, found `%r1`"),
    ("add.s32 %r0, %r1, %r2", "8:1: expected `,` or `;`, found `ret`"),
    (".reg .b32 %r<3>;", "`%r` is declared twice"),
    (".pragma \"nounroll\";", "expected no `.pragma`"),
];

#[test]
fn instructions() {
    for (instruction, expected) in INSTRUCTIONS {
        let found = refusal(&body(instruction));
        assert!(found.contains(expected), "{instruction}: {found}");
    }
}

const TEXTS: &[(&str, &str)] = &[
    ("", "1:1: expected .version, found `end of text`"),
    (".version 12.0\n.target sm_75", "1:10: version 12 is not known"),
    (".version 7.0\n.target sm_52", "2:9: needs sm_70, the target is sm_52"),
    (".version 7.0\n.target compute", "2:9: expected a target such as sm_75, found `compute`"),
    (".version 7.0\n.target sm_75\n.address_size 32", "3:15: expected 64, found `32`"),
    (".version 7.0\n.target sm_75\n.func f() { }", "3:1: expected .entry or memory"),
    (".version 7.0\n.target sm_75\n.entry k() { ret;", "3:18: expected a statement, found `end of text`"),
    (".version 7.0\n.target sm_75\n.global .u32 a = 0f3F800000;", "expected a value of the variable's type"),
    (".version 7.0\n.target sm_75\n.global .b8 a[0x1000000];", "3:9: no room for 16777216 bytes"),
    (".version 7.0\n.target sm_75\n.entry k(.param .u64 a, .param .u64 a) { ret; }", "`a` is declared twice"),
    (".version 7.0\n.target sm_75\n.entry k() { L: bra L; L: ret; }", "`L` is declared twice"),
    (".version 7.0\n.target sm_75\n.entry k() { mov.f32 %f, 0f3F; }", "expected a number, found `0f3F`"),
];

#[test]
fn texts() {
    for (text, expected) in TEXTS {
        let found = refusal(text);
        assert!(found.contains(expected), "{text}: {found}");
    }
}

const STORE: &str = "ld.param.u64 %rd0, [p0];\nst.global.u64 [%rd0], %rd0;";

#[test]
fn launches_that_do_not_fit() {
    let mut memory = Memory::new(0, 1 << 20);
    let text = body(STORE).replace("\n{", "\n.maxntid 64, 1, 1\n{");
    let module = Module::load(&text, &mut memory).unwrap();
    let kernel = module.kernel("k").unwrap();
    let whole = [0; 8];
    let mut refused = |launched: Launch, expected: &str| {
        let fault = launch(kernel, &launched, &mut memory).expect_err(expected);
        assert!(fault.to_string().contains(expected), "{fault}");
    };
    refused(Launch::new(0, 1, &whole), "the grid is empty or too large");
    refused(Launch { grid: [1, 65536, 1], ..Launch::new(1, 1, &whole) }, "the grid is empty or too large");
    refused(Launch::new(1, 0, &whole), "the block is empty or too large");
    refused(Launch { block: [1, 1, 65], ..Launch::new(1, 1, &whole) }, "the block is empty or too large");
    refused(Launch::new(1, 65, &whole), "the block has too many threads");
    refused(Launch { shared_bytes: 1 << 18, ..Launch::new(1, 1, &whole) }, "too much shared memory");
    refused(Launch::new(1, 1, &whole[..4]), "the parameters do not fit the kernel");
}

#[test]
fn memory_that_is_no_longer_there() {
    let mut memory = Memory::new(0, 1 << 20);
    let module = Module::load(&body(STORE), &mut memory).unwrap();
    let address = memory.alloc(16).unwrap();
    let params = address.to_le_bytes();
    launch(&module.kernels()[0], &Launch::new(1, 1, &params), &mut memory).unwrap();
    memory.free(address).unwrap();
    let fault = launch(&module.kernels()[0], &Launch::new(1, 1, &params), &mut memory).unwrap_err();
    assert!(fault.to_string().ends_with("was freed"), "{fault}");
    assert_eq!(memory.free(address), Err(MemoryError::Freed { address }));
    assert_eq!(memory.free(address + 8), Err(MemoryError::NotAllocated { address: address + 8 }));
    assert_eq!(memory.write(address, &[0; 17]), Err(MemoryError::OutOfBounds { address, bytes: 17 }));
    assert!(memory.alloc(16).unwrap() > address, "addresses are never used twice");
    assert_eq!(memory.alloc(1 << 20), Err(MemoryError::Full { bytes: 1 << 20, free: (1 << 20) - 16 }));
}

#[test]
fn copies_carry_what_was_never_written() {
    let mut memory = Memory::new(0, 1 << 20);
    let (from, to) = (memory.alloc(16).unwrap(), memory.alloc(16).unwrap());
    memory.write(from, &[1; 8]).unwrap();
    memory.write(to, &[2; 16]).unwrap();
    let carried = memory.snapshot(from, 16).unwrap();
    memory.put(to, &carried).unwrap();
    let text = body("ld.param.u64 %rd0, [p0];\nld.global.v2.u64 {%rd1, %rd2}, [%rd0];");
    let module = Module::load(&text, &mut memory).unwrap();
    let params = to.to_le_bytes();
    let fault = launch(&module.kernels()[0], &Launch::new(1, 1, &params), &mut memory).unwrap_err();
    assert!(fault.to_string().ends_with(&format!("{:#x} was never written", to + 8)), "{fault}");
}
