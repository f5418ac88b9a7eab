//! Runs one instruction over all combinations of edge values.

use std::{env, fmt::Write as _, io::Write as _, process::Command};

use cleave_gpu_interp::{Launch, Memory, Module, launch};

/// Values at which integers of any width change their behaviour.
pub(crate) const INTEGERS: [u64; 22] = [
    0,
    1,
    2,
    3,
    7,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x1234_5678,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_fffe,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xdead_beef_cafe_f00d,
    u64::MAX,
];

/// Shift amounts around every width.
pub(crate) const AMOUNTS: [u64; 14] = [0, 1, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 255, 0xffff_ffff];

/// Doubles: zeros, denormals, ties of every narrower format, limits of integers, infinities and NaNs.
pub(crate) fn doubles() -> Vec<u64> {
    let sizes = [
        0.0,
        5e-324,
        f64::MIN_POSITIVE,
        1e-310,
        f64::from(f32::MIN_POSITIVE),
        1e-45,
        7.0e-46,
        7.1e-46,
        5.96e-8,
        2.9802322387695312e-8,
        2.980_232_238_769_532e-8,
        6.0975e-5,
        0.1,
        0.5,
        0.999_999_999_999_999_9,
        1.0,
        1.000_488_281_25,
        1.001_464_843_75,
        1.000_000_059_604_644_8,
        1.000_000_059_604_645,
        1.5,
        2.5,
        3.5,
        127.5,
        128.5,
        255.5,
        32767.5,
        65504.0,
        65519.999,
        65520.0,
        65535.5,
        16_777_217.0,
        2_147_483_647.5,
        2_147_483_648.0,
        4_294_967_295.5,
        4_294_967_296.0,
        9_007_199_254_740_993.0,
        9_223_372_036_854_775_807.0,
        18_446_744_073_709_551_615.0,
        3.402_823_466_385_288_6e38,
        3.402_823_567_797_336_6e38,
        3.5e38,
        f64::MAX,
        f64::INFINITY,
        f64::NAN,
    ];
    sizes.iter().flat_map(|x: &f64| [x.to_bits(), (-x).to_bits()]).collect()
}

/// The same as single-precision numbers.
pub(crate) fn singles() -> Vec<u64> {
    let mut bits: Vec<u64> = doubles().iter().map(|b| u64::from((f64::from_bits(*b) as f32).to_bits())).collect();
    bits.extend([0x0000_0001, 0x007f_ffff, 0x0080_0000, 0x3f7f_ffff, 0x4eff_ffff, 0x5eff_ffff, 0x7f7f_ffff]);
    bits.dedup();
    bits
}

/// All half-precision numbers.
pub(crate) fn halves() -> Vec<u64> {
    (0..=0xffff).collect()
}

/// The edge values of a type.
pub(crate) fn edges(kind: &str) -> Vec<u64> {
    match kind {
        "f64" => doubles(),
        "f32" => singles(),
        "f16" => halves(),
        "pred" => vec![0, 1],
        "amount" => AMOUNTS.to_vec(),
        _ => {
            let mut values: Vec<u64> = INTEGERS.iter().map(|v| v & mask(kind)).collect();
            values.sort_unstable();
            values.dedup();
            values
        }
    }
}

pub(crate) fn bits(kind: &str) -> u32 {
    match kind {
        "pred" => 1,
        "amount" => 32,
        _ => kind[1..].parse().unwrap(),
    }
}

fn mask(kind: &str) -> u64 {
    u64::MAX >> (64 - bits(kind))
}

/// The letters of registers that hold a type.
fn register(kind: &str) -> &'static str {
    match (kind, bits(kind)) {
        ("pred", _) => "%p",
        ("f32", _) => "%f",
        ("f64", _) => "%fd",
        (_, 64) => "%rd",
        (_, 16) => "%h",
        _ => "%r",
    }
}

fn width(kind: &str) -> u32 {
    match bits(kind) {
        1 | 8 => 4,
        bits => bits / 8,
    }
}

/// The letter and size of the bits that a type is moved as.
fn moved(kind: &str) -> String {
    match kind {
        "f32" | "f64" => kind.into(),
        _ => format!("b{}", width(kind) * 8),
    }
}

/// Loads one value into a register of its type.
fn load(text: &mut String, kind: &str, at: usize) {
    let (letters, moved, width) = (register(kind), moved(kind), width(kind));
    writeln!(text, "ld.param.u64 %rd{at}, [p{at}];\nmul.wide.u32 %rd9, %r9, {width};").unwrap();
    writeln!(text, "add.s64 %rd{at}, %rd{at}, %rd9;").unwrap();
    if kind == "pred" {
        writeln!(text, "ld.global.b32 %r8, [%rd{at}];\nsetp.ne.u32 %p{at}, %r8, 0;").unwrap();
    } else {
        writeln!(text, "ld.global.{moved} {letters}{at}, [%rd{at}];").unwrap();
    }
}

/// A kernel that applies an instruction to elements of its parameters.
pub(crate) fn text(instruction: &str, result: &str, from: &[&str]) -> String {
    let params: Vec<String> = (0..=from.len() + 1).map(|at| format!(".param .u64 p{at}")).collect();
    let mut text =
        format!(".version 7.0\n.target sm_75\n.address_size 64\n.visible .entry k({})\n{{\n", params.join(", "));
    text.push_str(".reg .pred %p<10>;\n.reg .b16 %h<10>;\n.reg .b32 %r<20>;\n.reg .b64 %rd<20>;\n");
    text.push_str(".reg .f32 %f<10>;\n.reg .f64 %fd<10>;\n");
    text.push_str("mov.u32 %r10, %ctaid.x;\nmov.u32 %r11, %ntid.x;\nmov.u32 %r12, %tid.x;\n");
    text.push_str("mad.lo.s32 %r9, %r10, %r11, %r12;\n");
    let last = from.len() + 1;
    writeln!(text, "ld.param.u64 %rd{last}, [p{last}];\ncvt.u64.u32 %rd10, %r9;").unwrap();
    writeln!(text, "setp.ge.u64 %p9, %rd10, %rd{last};\n@%p9 bra END;").unwrap();
    for (at, kind) in from.iter().enumerate() {
        load(&mut text, kind, at + 1);
    }
    let operands: Vec<String> =
        [result].iter().chain(from).enumerate().map(|(at, kind)| format!("{}{at}", register(kind))).collect();
    writeln!(text, "{instruction} {};", operands.join(", ")).unwrap();
    writeln!(text, "ld.param.u64 %rd0x, [p0];").unwrap();
    let text = text.replace("%rd0x", "%rd15");
    let mut text = format!("{text}mul.wide.u32 %rd9, %r9, {};\nadd.s64 %rd15, %rd15, %rd9;\n", width(result));
    if result == "pred" {
        text.push_str("selp.b32 %r8, 1, 0, %p0;\nst.global.b32 [%rd15], %r8;\n");
    } else {
        writeln!(text, "st.global.{} [%rd15], {}0;", moved(result), register(result)).unwrap();
    }
    text.push_str("END:\nret;\n}\n");
    text
}

/// Every combination of one value of each list.
fn combinations(lists: &[Vec<u64>]) -> Vec<Vec<u64>> {
    lists.iter().fold(vec![Vec::new()], |rows, list| {
        let extended = |row: &Vec<u64>| -> Vec<Vec<u64>> {
            list.iter().map(|value| [row.clone(), vec![*value]].concat()).collect()
        };
        rows.iter().flat_map(extended).collect()
    })
}

fn run(text: &str, result: &str, from: &[&str], rows: &[Vec<u64>]) -> Vec<u64> {
    let mut memory = Memory::new(0x1000, 1 << 30);
    let module = Module::load(text, &mut memory).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let goal = memory.alloc(rows.len() as u64 * u64::from(width(result))).unwrap();
    let mut params = goal.to_le_bytes().to_vec();
    for (at, kind) in from.iter().enumerate() {
        let width = width(kind) as usize;
        let bytes: Vec<u8> = rows.iter().flat_map(|row| row[at].to_le_bytes()[..width].to_vec()).collect();
        let address = memory.alloc(bytes.len() as u64).unwrap();
        memory.write(address, &bytes).unwrap();
        params.extend(address.to_le_bytes());
    }
    params.extend((rows.len() as u64).to_le_bytes());
    let blocks = rows.len().div_ceil(256) as u32;
    launch(&module.kernels()[0], &Launch::new(blocks, 256, &params), &mut memory)
        .unwrap_or_else(|fault| panic!("{fault}\n{text}"));
    let width = width(result) as usize;
    let mut bytes = vec![0; rows.len() * width];
    memory.read(goal, &mut bytes).unwrap();
    let word = |chunk: &[u8]| chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    bytes.chunks(width).map(word).collect()
}

/// Runs an instruction over all combinations of the edge values of its operands. Results of `expected` count modulo
/// the width of the result; all NaNs are one.
pub(crate) fn check(instruction: &str, result: &str, from: &[&str], expected: impl Fn(&[u64]) -> u64) {
    check_rows(
        instruction,
        result,
        from,
        &combinations(&from.iter().map(|kind| edges(kind)).collect::<Vec<_>>()),
        expected,
    );
}

/// The same over given rows.
pub(crate) fn check_rows(
    instruction: &str,
    result: &str,
    from: &[&str],
    rows: &[Vec<u64>],
    expected: impl Fn(&[u64]) -> u64,
) {
    let text = text(instruction, result, from);
    assemble(&text);
    for (row, found) in rows.iter().zip(run(&text, result, from, rows)) {
        let wanted = canonical(expected(row) & (u64::MAX >> (64 - 8 * width(result))), result);
        assert_eq!(canonical(found, result), wanted, "{instruction} of {row:x?}: {found:#x} is not {wanted:#x}");
    }
}

/// Where the variable names an assembler, it must take the text too: what it refuses, no device runs.
fn assemble(text: &str) {
    let Some(assembler) = env::var_os("PTXAS") else {
        return;
    };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let output = Command::new(assembler).args(["-arch=sm_75", "-o", "/dev/null"]).arg(file.path()).output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

fn canonical(bits: u64, kind: &str) -> u64 {
    match kind {
        "f32" if f32::from_bits(bits as u32).is_nan() => 0x7fff_ffff,
        "f64" if f64::from_bits(bits).is_nan() => 0x7ff8_0000_0000_0000,
        "f16" if bits & 0x7fff > 0x7c00 => 0x7fff,
        _ => bits,
    }
}
