//! How far elementwise functions are from the true values, over the whole range of their operands.

use cleave_ops::op::Class;
use cleave_ops::{DType, Data, DataRef, Operand, resolve, table};
use std::collections::BTreeMap;

/// The greatest distance in units in the last place; half a unit is rounding.
const BOUNDS: &[(&str, f64)] = &[
    ("exp", 0.65),
    ("exp2", 0.6),
    ("expm1", 0.6),
    ("sinh", 1.0),
    ("cosh", 0.9),
    ("tanh", 0.7),
    ("log", 0.55),
    ("log2", 0.55),
    ("log10", 0.55),
    ("log1p", 0.6),
    ("asinh", 1.5),
    ("acosh", 1.5),
    ("atanh", 1.5),
    ("sin", 0.75),
    ("cos", 0.75),
    ("tan", 0.8),
    ("asin", 0.6),
    ("acos", 0.6),
    ("atan", 0.8),
    ("atan2", 0.8),
    ("cbrt", 0.7),
    ("hypot", 0.55),
    ("pow", 1.0),
];

fn run(name: &str, dtype: DType, operands: &[DataRef<'_>]) -> Data {
    let op = table::find(name).expect("an operation");
    let Class::Map(map) = &op.class else { panic!("{name} is elementwise") };
    let found = resolve(op, &vec![Operand::array(dtype); operands.len()]).expect("a loop");
    let mut out = Data::zeros(found.output, operands[0].len());
    (map.loops[found.index].run)(operands, out.as_mut());
    out
}

fn float64(name: &str, operands: &[Vec<f64>]) -> Vec<f64> {
    let refs: Vec<DataRef> = operands.iter().map(|x| DataRef::F64(x)).collect();
    let Data::F64(out) = run(name, DType::F64, &refs) else { panic!("{name} gives float64") };
    out
}

fn bits(word: &str) -> f64 {
    f64::from_bits(u64::from_str_radix(word, 16).expect("bits"))
}

/// The distance between a number and the next.
fn unit(value: f64) -> f64 {
    let exponent = ((value.to_bits() >> 52) & 0x7ff).max(53);
    f64::from_bits((exponent - 52) << 52).max(5e-324)
}

/// Where `found` stands from the true value, which is `beyond` units above `near`.
fn distance(found: f64, near: f64, beyond: f64) -> f64 {
    match () {
        () if found == near => beyond.abs(),
        () if near.is_infinite() || found.is_infinite() || found.is_nan() => f64::INFINITY,
        () => ((found - near) / unit(near) - beyond).abs(),
    }
}

#[test]
fn functions_are_as_exact_as_they_say() {
    let mut points: BTreeMap<&str, Vec<Vec<&str>>> = BTreeMap::new();
    for line in include_str!("precision.txt").lines().filter(|l| !l.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        points.entry(words[0]).or_default().push(words[1..].to_vec());
    }
    assert_eq!(points.len(), BOUNDS.len());
    let mut wrong = vec![];
    for (name, bound) in BOUNDS {
        let lines = &points[name];
        let arity = lines[0].len() - 2;
        let operands: Vec<Vec<f64>> = (0..arity).map(|i| lines.iter().map(|l| bits(l[i])).collect()).collect();
        let mut worst = (0.0, String::new());
        for (i, found) in float64(name, &operands).into_iter().enumerate() {
            let near = bits(lines[i][arity]);
            let off = distance(found, near, lines[i][arity + 1].parse::<f64>().expect("a number") / 1000.0);
            if off > worst.0 {
                let at: Vec<f64> = operands.iter().map(|x| x[i]).collect();
                worst = (off, format!("{name}{at:?} is {found:e}, not {near:e}: off by {off}"));
            }
        }
        if worst.0 > *bound {
            wrong.push(worst.1);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

type Reference = fn(f64) -> f64;

#[test]
fn functions_of_float32_are_rounded_once() {
    let references: &[(&str, Reference)] = &[
        ("exp", libm::exp),
        ("exp2", libm::exp2),
        ("expm1", libm::expm1),
        ("sinh", libm::sinh),
        ("cosh", libm::cosh),
        ("tanh", libm::tanh),
        ("log", libm::log),
        ("log2", libm::log2),
        ("log10", libm::log10),
        ("log1p", libm::log1p),
        ("sin", libm::sin),
        ("cos", libm::cos),
        ("tan", libm::tan),
        ("asin", libm::asin),
        ("acos", libm::acos),
        ("atan", libm::atan),
        ("cbrt", libm::cbrt),
        ("asinh", libm::asinh),
        ("atanh", libm::atanh),
    ];
    let x: Vec<f32> = (0..=u32::MAX).step_by(40_009).map(f32::from_bits).collect();
    for (name, reference) in references {
        let Data::F32(out) = run(name, DType::F32, &[DataRef::F32(&x)]) else { panic!("{name} gives float32") };
        for (&x, &found) in x.iter().zip(&out) {
            let expected = reference(x.into());
            let nearest = expected as f32;
            let unit = f64::from(
                f32::from_bits(nearest.abs().to_bits().max(1)) - f32::from_bits(nearest.abs().to_bits().max(1) - 1),
            );
            let same = found == nearest || (found.is_nan() && nearest.is_nan());
            let close = (f64::from(found) - expected).abs() <= 0.51 * unit.max(f64::from(f32::from_bits(1)));
            assert!(same || close, "{name}({x:e}) is {found:e}, not {expected:e}");
        }
    }
}

#[test]
fn neighbours_change_nothing() {
    let n = 3001;
    let at = |i: usize| f64::from_bits((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let x: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { at(i) } else { at(i) % 700.0 }).collect();
    let y: Vec<f64> = (0..n).map(|i| if i % 3 == 0 { 2.0 } else { at(i + 7) % 40.0 }).collect();
    for op in table::all() {
        let Class::Map(_) = &op.class else { continue };
        let operands = &[x.clone(), y.clone()][..op.arrays().min(2)];
        if op.arrays() > 2 || op.name == "round" || resolve(op, &vec![Operand::array(DType::F64); op.arrays()]).is_err()
        {
            continue;
        }
        let refs: Vec<DataRef> = operands.iter().map(|x| DataRef::F64(x)).collect();
        let all = run(op.name, DType::F64, &refs);
        for i in (0..n).step_by(7) {
            let one: Vec<DataRef> = operands.iter().map(|x| DataRef::F64(&x[i..=i])).collect();
            let alone = run(op.name, DType::F64, &one).get(0);
            let same = alone == all.get(i) || (alone.to_f64().is_nan() && all.get(i).to_f64().is_nan());
            assert!(same, "{} of {:?}: {alone} alone, {} among others", op.name, (x[i], y[i]), all.get(i));
        }
    }
}
