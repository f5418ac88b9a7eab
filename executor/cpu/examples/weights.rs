//! What each operation costs in additions of two `float64` over a tile in the first cache, beside what its entry
//! in the table declares: `cargo run --release -p cleave-cpu --example weights [NAME …]`.
//!
//! Reductions are measured in elements taken into a sum instead. A mark stands where the two differ by more than
//! half. Single precision is measured too, for the eye.

use cleave_ops::fill::Law;
use cleave_ops::op::{Cell, Layout};
use cleave_ops::{Class, DType, Data, DataRef, Fill, FoldLoop, MapLoop, Op, Row, Scalar, Shape, fill_row, table};
use std::time::Instant;

/// Elements of a tile.
const LEN: usize = 2048;
/// Tiles a measurement takes at least, and measurements.
const ROUNDS: (usize, usize) = (60, 9);

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let seconds = |name| table::find(name).and_then(|op| measured(op, DType::F64)).unwrap_or(1.0);
    let (add, sum) = (seconds("add"), seconds("sum"));
    line(&format!("units: {:.4} ns for an addition of two float64, {:.4} ns for one into a sum", add * 1e9, sum * 1e9));
    line(&format!(
        "{:<16} {:>8} {:>9} {:>9}  {:>8} {:>8}",
        "operation", "declared", "float64", "ratio", "float32", "int64"
    ));
    for op in table::all().filter(|op| wanted.is_empty() || wanted.iter().any(|w| w == op.name)) {
        let Some(declared) = declared(op) else { continue };
        let unit = if matches!(op.class, Class::Fold(_)) { sum } else { add };
        let text = |dtype| measured(op, dtype).map_or("-".to_owned(), |s| format!("{:.2}", s / unit));
        let ratio = measured(op, DType::F64).map(|s| s / unit / declared);
        let mark = if ratio.is_some_and(|r| !(0.667..1.5).contains(&r)) { " *" } else { "" };
        let ratio = ratio.map_or("-".to_owned(), |r| format!("{r:.2}{mark}"));
        line(&format!(
            "{:<16} {declared:>8.1} {:>9} {ratio:>9}  {:>8} {:>8}",
            op.name,
            text(DType::F64),
            text(DType::F32),
            text(DType::I64)
        ));
    }
    if wanted.is_empty() {
        draws(add);
    }
}

fn draws(unit: f64) {
    let float = Scalar::Float;
    let laws = [
        ("uniform", Law::Uniform { low: float(0.0), high: float(1.0) }, DType::F64),
        ("normal", Law::Normal { mean: float(0.0), std: float(1.0) }, DType::F64),
        ("integers", Law::Integers { low: Scalar::Int(0), high: Scalar::Int(100) }, DType::I64),
    ];
    for (name, law, dtype) in laws {
        let fill = Fill::Random { seed: 7, draw: 0, law };
        let (shape, mut out) = (Shape::new([LEN * 1000]), Data::zeros(dtype, LEN));
        let row = Row { at: &[4096], axis: Some(0), step: 1 };
        let seconds = shortest(|| fill_row(&fill, &shape, Row { ..row }, &mut out, 0..LEN));
        line(&format!("{name:<16} {:>8} {:>9.2}", "", seconds / unit));
    }
}

/// The weight of the entry; `None` for classes that have none.
fn declared(op: &Op) -> Option<f64> {
    match &op.class {
        Class::Map(map) => Some(f64::from(map.weight)),
        Class::Fold(fold) => Some(f64::from(fold.weight)),
        _ => None,
    }
}

/// Seconds an element of the operation's loop over a dtype.
fn measured(op: &'static Op, dtype: DType) -> Option<f64> {
    match &op.class {
        Class::Map(map) => {
            let found = map
                .loops
                .iter()
                .find(|l| l.inputs.contains(&dtype) && l.inputs.iter().all(|&d| d == dtype || d == DType::Bool))?;
            Some(mapped(op, found))
        }
        Class::Fold(fold) => fold.loops.iter().find(|l| l.input == dtype).map(|l| folded(op, l)),
        _ => None,
    }
}

fn mapped(op: &Op, rule: &MapLoop) -> f64 {
    let inputs: Vec<Data> = rule.inputs.iter().enumerate().map(|(i, &d)| values(op, d, i as u64)).collect();
    let inputs: Vec<DataRef<'_>> = inputs.iter().map(Data::as_ref).collect();
    let mut out = Data::zeros(rule.output, LEN);
    shortest(|| (rule.run)(&inputs, out.as_mut()))
}

fn folded(op: &Op, rule: &FoldLoop) -> f64 {
    let input = values(op, rule.input, 3);
    let positions: Vec<i64> = (0..LEN as i64).collect();
    let mut state: Vec<Data> = rule.state.iter().map(|&d| Data::with_capacity(d, 1)).collect();
    let cell = Cell::dense(input.as_ref(), [1, LEN], Layout::Rows, &positions);
    shortest(|| (rule.take)(&cell, &mut state))
}

/// Values from the range that the entry names for tests.
fn values(op: &Op, dtype: DType, seed: u64) -> Data {
    let (low, high) = op.numpy.as_ref().map_or((0.5, 2.0), |n| n.range);
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        low + (high - low) * (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let doubles = Data::F64((0..LEN).map(|_| next()).collect());
    let mut data = Data::zeros(dtype, LEN);
    cleave_ops::cast(doubles.as_ref(), &mut data);
    data
}

/// The shortest time of several, an element.
fn shortest(mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS.1 {
        let began = Instant::now();
        (0..ROUNDS.0).for_each(|_| work());
        best = best.min(began.elapsed().as_secs_f64());
    }
    best / (ROUNDS.0 * LEN) as f64
}

fn line(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stdout(), format!("{text}\n").as_bytes());
}
