//! Prints how many elements a second each kernel makes on one core: `cargo run --release -p cleave-ops --example speed`.
//!
//! Words after `--` keep only the lines that contain one of them.
#![allow(clippy::print_stdout, clippy::panic)]

use cleave_ops::op::{Cell, Class, Layout};
use cleave_ops::{
    DType, Data, Fill, Law, Operand, Plane, Row, Scalar, Shape, cast, copy_plane, each_dtype, fill_row, resolve, table,
};
use std::time::Instant;

/// Elements of a tile: what the executor gives a kernel at once.
const TILE: usize = 2048;

fn main() {
    println!("{} on one core, 10^9 elements a second", cleave_ops::vector_unit());
    fills();
    casts();
    turns();
    maps();
    folds();
}

/// The best of several short runs.
fn measure(name: &str, mut tile: impl FnMut()) {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if !words.is_empty() && !words.iter().any(|word| name.contains(word.as_str())) {
        return;
    }
    let run = |times: usize, tile: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..times).for_each(|_| tile());
        start.elapsed().as_secs_f64() / times as f64
    };
    let once = run(3, &mut tile);
    let times = (2e-3 / once).clamp(2.0, 1e5) as usize;
    let best = (0..12).map(|_| run(times, &mut tile)).fold(f64::MAX, f64::min);
    println!("{name:<36} {:8.3}", TILE as f64 / best / 1e9);
}

fn fills() {
    let s = Scalar::Float;
    let laws = [
        ("uniform", Law::Uniform { low: s(0.0), high: s(1.0) }),
        ("normal", Law::Normal { mean: s(0.0), std: s(1.0) }),
        ("integers", Law::Integers { low: Scalar::Int(-5), high: Scalar::Int(1000) }),
    ];
    for (name, law) in laws {
        for (dtype, step) in [(DType::F64, 1), (DType::F64, -1), (DType::F64, 3), (DType::F32, 1), (DType::I64, 1)] {
            fill(name, &Fill::Random { seed: 7, draw: 0, law: law.clone() }, dtype, step);
        }
    }
    for dtype in [DType::I64, DType::F64, DType::F32, DType::I32] {
        let ramp = Fill::Ramp { start: Scalar::Int(3), step: Scalar::Int(2), last: None };
        fill("ramp", &ramp, dtype, 1);
        fill("index", &Fill::Index { axis: 0 }, dtype, 1);
    }
    fill("linspace", &Fill::Ramp { start: s(0.0), step: s(0.5), last: Some(s(1e9)) }, DType::F64, 1);
}

fn fill(name: &str, fill: &Fill, dtype: DType, step: i64) {
    let (shape, mut out) = (Shape::new([1 << 30]), Data::zeros(dtype, TILE));
    measure(&format!("{name} {dtype} step {step}"), || {
        let row = Row { at: &[1 << 20], axis: Some(0), step };
        fill_row(fill, &shape, row, &mut out, 0..TILE);
    });
}

fn casts() {
    let pairs = [
        (DType::I64, DType::F64),
        (DType::F64, DType::I64),
        (DType::I32, DType::F64),
        (DType::F64, DType::F32),
        (DType::F32, DType::F64),
        (DType::F64, DType::I32),
        (DType::U8, DType::F32),
        (DType::F64, DType::Bool),
        (DType::Bool, DType::F64),
        (DType::F16, DType::F32),
        (DType::F32, DType::F16),
    ];
    for (from, to) in pairs {
        let (x, mut out) = (sample(from, 0), Data::zeros(to, TILE));
        measure(&format!("cast {from} to {to}"), || cast(x.as_ref(), &mut out));
    }
}

/// A tile read across: rows of the source become columns.
fn turns() {
    let (n, wide) = (128, 4100);
    for dtype in [DType::F64, DType::F32] {
        let (x, mut out) = (Data::zeros(dtype, n * wide), Data::zeros(dtype, TILE));
        let from = Plane { base: 0, strides: [wide as isize, 1] };
        let to = Plane { base: 0, strides: [1, n as isize] };
        measure(&format!("transpose {dtype}"), || copy_plane(x.as_ref(), from, &mut out, to, [n, TILE / n]));
    }
}

/// Numbers between 0.06 and 1, of integers between 1 and 97.
fn sample(dtype: DType, salt: usize) -> Data {
    let mut out = Data::zeros(dtype, TILE);
    let value = |i: usize| match dtype {
        DType::F16 | DType::F32 | DType::F64 => Scalar::Float((((i + salt) * 7919 % 1999) as f64 + 129.0) / 2131.0),
        _ => Scalar::Int(((i + salt) * 7919 % 97 + 1) as i128),
    };
    each_dtype!(Data, &mut out, v => (0..TILE).for_each(|i| v[i] = cleave_ops::data::Element::from_scalar(value(i))));
    out
}

fn maps() {
    for op in table::all() {
        let Class::Map(map) = &op.class else { continue };
        for dtype in [DType::F64, DType::F32, DType::I64, DType::I32, DType::U8] {
            let Ok(found) = resolve(op, &vec![Operand::array(dtype); op.arrays()]) else { continue };
            if found.inputs.iter().all(|&input| input != dtype) {
                continue;
            }
            let operands: Vec<Data> = found.inputs.iter().enumerate().map(|(i, &d)| sample(d, i * 13)).collect();
            let refs: Vec<_> = operands.iter().map(Data::as_ref).collect();
            let mut out = Data::zeros(found.output, TILE);
            let run = map.loops[found.index].run;
            measure(&format!("{} {dtype}", op.name), || run(&refs, out.as_mut()));
            let Some(sum) = &map.loops[found.index].sum else { continue };
            let mut state = [Data::zeros(sum.state, 0)];
            for (layout, kept) in [(Layout::Rows, 1), (Layout::Columns, 64)] {
                let name = format!("sum of {} {dtype} {layout:?} {kept}x{}", op.name, TILE / kept);
                measure(&name, || (sum.take)(&refs, kept, TILE / kept, layout, &mut state));
            }
        }
    }
}

fn folds() {
    let positions: Vec<i64> = (0..TILE as i64).collect();
    for op in table::all() {
        let Class::Fold(fold) = &op.class else { continue };
        for dtype in [DType::F64, DType::F32, DType::I64, DType::Bool] {
            let Ok(found) = resolve(op, &[Operand::array(dtype)]) else { continue };
            let (rule, x) = (&fold.loops[found.index], sample(dtype, 0));
            let mut state: Vec<Data> = rule.state.iter().map(|d| Data::zeros(*d, 0)).collect();
            for (layout, kept) in
                [(Layout::Rows, 1), (Layout::Rows, 32), (Layout::Columns, 128), (Layout::Columns, 512)]
            {
                let reduced = TILE / kept;
                let cell = Cell::dense(x.as_ref(), [kept, reduced], layout, &positions[..reduced]);
                measure(&format!("{} {dtype} {layout:?} {kept}x{reduced}", op.name), || (rule.take)(&cell, &mut state));
            }
        }
    }
}
