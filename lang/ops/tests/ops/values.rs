//! Results of elementwise operations and conversions at special values, against NumPy's.

use cleave_ops::data::Element;
use cleave_ops::op::Class;
use cleave_ops::{DType, Data, Operand, Scalar, cast, each_dtype, resolve, table};
use std::collections::HashMap;

fn data(dtype: DType, values: &[&str]) -> Data {
    let mut out = Data::zeros(dtype, values.len());
    each_dtype!(Data, &mut out, v => v.iter_mut().zip(values).for_each(|(o, text)| *o = Element::from_scalar(scalar(text))));
    out
}

fn scalar(text: &str) -> Scalar {
    match text {
        "True" => Scalar::Bool(true),
        "False" => Scalar::Bool(false),
        _ => text.parse().map_or_else(|_| Scalar::Float(text.parse().expect("a number")), Scalar::Int),
    }
}

fn converted(from: &Data, dtype: DType) -> Data {
    let mut to = Data::zeros(dtype, 0);
    cast(from.as_ref(), &mut to);
    to
}

/// The result of the operation on all inputs, or on all pairs of them, and the distance it may have.
fn result(name: &str, inputs: &Data) -> (Data, f64) {
    let op = table::find(name).expect("an operation");
    let Class::Map(map) = &op.class else { panic!("{name} is elementwise") };
    let n = inputs.len();
    let mut operands: Vec<Data> = if op.arrays() == 1 {
        vec![inputs.clone()]
    } else {
        [|i: usize, n: usize| i / n, |i: usize, n: usize| i % n]
            .map(|pick| {
                let mut all = Data::zeros(inputs.dtype(), n * n);
                (0..n * n).for_each(|i| cleave_ops::copy_run(inputs.as_ref(), pick(i, n), 1, &mut all, i, 1));
                all
            })
            .into()
    };
    let len = operands[0].len();
    let mut kinds: Vec<Operand> = operands.iter().map(|d| Operand::array(d.dtype())).collect();
    for param in op.params.iter().skip(operands.len()).filter_map(|p| p.default) {
        kinds.push(Operand::scalar(scalar(param)));
        operands.push(data(scalar(param).dtype(), &vec![param; len]));
    }
    let found = resolve(op, &kinds).expect("a loop");
    let ready: Vec<Data> = operands.iter().zip(&found.inputs).map(|(d, to)| converted(d, *to)).collect();
    let mut out = Data::zeros(found.output, len);
    (map.loops[found.index].run)(&ready.iter().map(Data::as_ref).collect::<Vec<_>>(), out.as_mut());
    (out, op.numpy.as_ref().map_or(0.0, |n| n.ulp))
}

fn near(dtype: DType, found: f64, expected: f64, ulp: f64) -> bool {
    if found.is_nan() || expected.is_nan() {
        return found.is_nan() && expected.is_nan();
    }
    let digits = match dtype {
        DType::F16 => 10,
        DType::F32 => 23,
        _ => 52,
    };
    let unit = f64::powi(2.0, expected.abs().log2().floor().max(-20.0) as i32 - digits);
    let same = found == expected && found.is_sign_negative() == expected.is_sign_negative();
    same || (ulp > 0.0 && (found - expected).abs() <= ulp * unit)
}

#[test]
fn special_values_are_those_of_numpy() {
    let (mut inputs, mut wrong, mut seen) = (HashMap::new(), vec![], 0);
    for line in include_str!("values.txt").lines().filter(|l| !l.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let dtype = DType::parse(words[1]).expect("a dtype");
        if words[0] == "inputs" {
            inputs.insert(dtype, data(dtype, &words[2..]));
            continue;
        }
        let to = DType::parse(words[2]).expect("a dtype");
        let (found, ulp) =
            if words[0] == "cast" { (converted(&inputs[&dtype], to), 0.0) } else { result(words[0], &inputs[&dtype]) };
        assert_eq!(found.len(), words.len() - 3, "{line}");
        for (i, text) in words[3..].iter().enumerate() {
            seen += 1;
            let (found, expected) = (found.get(i), scalar(text));
            let same =
                found == expected || (to.name().starts_with('f') && near(to, found.to_f64(), expected.to_f64(), ulp));
            if !same {
                wrong.push(format!("{} {dtype} #{i}: {found}, NumPy has {expected}", words[0]));
            }
        }
    }
    assert!(seen > 8000, "only {seen} values");
    assert!(wrong.is_empty(), "{} of {seen} differ:\n{}", wrong.len(), wrong.join("\n"));
}
