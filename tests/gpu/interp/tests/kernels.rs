//! Every kernel beside this folder, over the memory that its first lines describe:
//!
//! - `// launch BLOCKS THREADS [SHARED]`
//! - `// buffer TYPE VALUES…` and `// fresh TYPE COUNT` (nobody wrote it) are parameters, and so is `// value TYPE VALUE`;
//! - `// expect PARAMETER VALUES…` is what a buffer holds in the end, whichever block and warp runs first;
//! - `// fault: TEXT` behind an instruction is the error that it must end with.
//!
//! `3x7` stands for three sevens, `0..4` for 0 1 2 3.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{fs, path::Path};

use cleave_gpu_interp::{Fault, Launch, Memory, Module, Order, launch};

#[derive(Default)]
struct Case {
    sizes: Vec<u32>,
    params: Vec<Param>,
    expected: Vec<(usize, Vec<String>)>,
}

struct Param {
    kind: String,
    start: Start,
}

enum Start {
    Buffer(Vec<String>),
    Fresh(usize),
    Value(String),
}

fn spread(words: &[&str]) -> Vec<String> {
    let one = |word: &&str| -> Vec<String> {
        if let Some((count, value)) = word.split_once('x').filter(|(count, _)| *count != "0") {
            return vec![value.into(); count.parse().unwrap()];
        }
        match word.split_once("..") {
            Some((from, to)) => (from.parse::<i64>().unwrap()..to.parse().unwrap()).map(|v| v.to_string()).collect(),
            None => vec![word.to_string()],
        }
    };
    words.iter().flat_map(one).collect()
}

fn read(text: &str) -> Case {
    let mut case = Case::default();
    let headers = text.lines().map_while(|line| line.strip_prefix("// "));
    for words in headers.map(|line| line.split_whitespace().collect::<Vec<_>>()) {
        let param = |start| Param { kind: words[1].into(), start };
        match words[0] {
            "launch" => case.sizes = words[1..].iter().map(|word| word.parse().unwrap()).collect(),
            "buffer" => case.params.push(param(Start::Buffer(spread(&words[2..])))),
            "fresh" => case.params.push(param(Start::Fresh(words[2].parse().unwrap()))),
            "value" => case.params.push(param(Start::Value(words[2].into()))),
            "expect" => case.expected.push((words[1].parse().unwrap(), spread(&words[2..]))),
            other => panic!("unknown line {other}"),
        }
    }
    case
}

fn width(kind: &str) -> usize {
    kind[1..].parse::<usize>().unwrap() / 8
}

fn bits(kind: &str, value: &str) -> Vec<u8> {
    if let Some(digits) = value.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).unwrap().to_le_bytes()[..width(kind)].to_vec();
    }
    match kind {
        "f32" => value.parse::<f32>().unwrap().to_le_bytes().to_vec(),
        "f64" => value.parse::<f64>().unwrap().to_le_bytes().to_vec(),
        _ => value.parse::<i128>().unwrap().to_le_bytes()[..width(kind)].to_vec(),
    }
}

/// Gives each parameter its place; the address of each buffer comes back.
fn lay_out(case: &Case, memory: &mut Memory) -> (Vec<u8>, Vec<u64>) {
    let (mut params, mut addresses) = (Vec::new(), Vec::new());
    for Param { kind, start } in &case.params {
        let value = match start {
            Start::Value(value) => bits(kind, value),
            Start::Fresh(count) => memory.alloc((count * width(kind)) as u64).unwrap().to_le_bytes().to_vec(),
            Start::Buffer(values) => {
                let bytes: Vec<u8> = values.iter().flat_map(|value| bits(kind, value)).collect();
                let address = memory.alloc(bytes.len() as u64).unwrap();
                memory.write(address, &bytes).unwrap();
                address.to_le_bytes().to_vec()
            }
        };
        params.resize(params.len().next_multiple_of(value.len()), 0);
        params.extend(&value);
        addresses.push(u64::from_le_bytes(std::array::from_fn(|at| value.get(at).copied().unwrap_or(0))));
    }
    (params, addresses)
}

fn run(path: &Path, text: &str, order: Order) -> Result<(), Fault> {
    let case = read(text);
    let mut memory = Memory::new(0x10000, 1 << 24);
    let module = Module::load(text, &mut memory).unwrap_or_else(|error| panic!("{}:{error}", path.display()));
    let (params, addresses) = lay_out(&case, &mut memory);
    let shared_bytes = case.sizes.get(2).copied().unwrap_or(0);
    let sizes = Launch { shared_bytes, order, budget: 1 << 20, ..Launch::new(case.sizes[0], case.sizes[1], &params) };
    launch(&module.kernels()[0], &sizes, &mut memory)?;
    for (param, values) in &case.expected {
        let kind = &case.params[*param].kind;
        for (at, value) in values.iter().enumerate() {
            let (wanted, mut found) = (bits(kind, value), vec![0; width(kind)]);
            memory.read(addresses[*param] + (at * found.len()) as u64, &mut found).unwrap();
            assert_eq!(found, wanted, "{}: element {at} of {param}, {value}", path.display());
        }
    }
    Ok(())
}

/// The line and text of the error that a kernel must end with.
fn fault_in(text: &str) -> Option<(u32, &str)> {
    (1..).zip(text.lines()).find_map(|(line, text)| Some((line, text.split_once("// fault: ")?.1)))
}

fn kernels(folder: &str) -> Vec<(std::path::PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "ptx"));
    paths.sort();
    assert!(!paths.is_empty());
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn kernels_leave_the_memory_that_they_promise() {
    for (path, text) in kernels("kernels") {
        for order in [Order::Forward, Order::Reverse] {
            run(&path, &text, order).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        }
    }
}

#[test]
fn kernels_that_go_wrong_end_with_their_fault() {
    for (path, text) in kernels("kernels/faults") {
        let (line, expected) = fault_in(&text).unwrap_or_else(|| panic!("{} names no fault", path.display()));
        let fault = run(&path, &text, Order::Forward).expect_err(&path.display().to_string());
        assert!(fault.to_string().contains(expected), "{}: {fault}", path.display());
        assert_eq!(fault.place.line, line, "{}: {fault}", path.display());
    }
}
