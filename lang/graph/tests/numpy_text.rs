//! Printing compared with what NumPy and Python printed (`numpy_text.py` writes the cases).

#![allow(clippy::unwrap_used, clippy::panic)]

use cleave_graph::build::scalar_as;
use cleave_graph::format::{
    Formatted, array_repr, array_repr_from_corners, array_str, array_str_from_corners, corners, float_repr, format_spec,
};
use cleave_ops::data::Element;
use cleave_ops::{DType, Data, Scalar, Shape, View, each_dtype};

const CASES: &str = include_str!("numpy_text.txt");

#[test]
fn every_case_is_printed_as_numpy_prints_it() {
    let mut lines = CASES.lines();
    let (mut count, mut wrong) = (0, Vec::new());
    while let Some(head) = lines.next() {
        let words: Vec<&str> = head.splitn(4, ' ').collect();
        let found = match words[0] {
            "array" => array_texts(words[1], words[2], words[3]),
            "float" => vec![float_repr(words[1].parse().unwrap())],
            "format" => vec![formatted(words[1], words[2], words[3])],
            other => panic!("no such case: {other}"),
        };
        let expected: Vec<&str> = lines.by_ref().take(if words[0] == "array" { 2 } else { 1 }).collect();
        for (i, text) in found.iter().enumerate() {
            count += 1;
            let (text, expected) = (text.replace('\n', "¶"), expected[i % expected.len()]);
            if text != expected {
                wrong.push(format!("{head}\n  found    {text}\n  expected {expected}"));
            }
        }
    }
    assert!(count > 1000, "only {count} cases");
    assert!(wrong.is_empty(), "{} of {count} differ\n{}", wrong.len(), wrong[..wrong.len().min(25)].join("\n"));
}

/// `str` and `repr`, and both again from corners only where the array is summarised.
fn array_texts(dtype: &str, shape: &str, elements: &str) -> Vec<String> {
    let dtype = DType::parse(dtype).unwrap();
    let lens = shape.split(',').filter(|n| *n != "-");
    let shape: Shape = lens.map(|n| n.parse().unwrap()).collect();
    let data = read(dtype, elements, shape.size());
    let mut texts = vec![array_str(&shape, &data), array_repr(&shape, &data)];
    if let Some(views) = corners(&shape) {
        let pieces: Vec<Data> = views.iter().map(|view| seen(&data, view, &shape)).collect();
        texts.push(array_str_from_corners(&shape, &pieces));
        texts.push(array_repr_from_corners(&shape, &pieces));
    }
    texts
}

fn read(dtype: DType, elements: &str, count: usize) -> Data {
    let values: Vec<Scalar> = match elements.strip_prefix("ramp ") {
        Some(rule) => {
            let numbers: Vec<f64> = rule.split(' ').map(|w| w.parse().unwrap()).collect();
            (0..count).map(|i| Scalar::Float(numbers[0] + numbers[1] * i as f64)).collect()
        }
        None => elements.split_whitespace().map(number).collect(),
    };
    let values = values.into_iter().map(|v| scalar_as(v, dtype));
    let mut data = Data::zeros(dtype, count);
    each_dtype!(Data, &mut data, v => v.iter_mut().zip(values).for_each(|(to, value)| *to = Element::from_scalar(value)));
    data
}

fn number(word: &str) -> Scalar {
    word.parse().map(Scalar::Int).unwrap_or_else(|_| Scalar::Float(word.parse().unwrap()))
}

fn seen(data: &Data, view: &View, shape: &Shape) -> Data {
    let (strides, own) = (shape.strides(), view.shape.strides());
    let index = |flat: usize| -> Vec<usize> { (0..own.len()).map(|a| flat / own[a] % view.shape[a]).collect() };
    let mut out = Data::zeros(data.dtype(), view.shape.size());
    for flat in 0..view.shape.size() {
        let value = data.get(view.flat(&index(flat), &strides));
        each_dtype!(Data, &mut out, v => v[flat] = Element::from_scalar(value));
    }
    out
}

fn formatted(kind: &str, value: &str, spec: &str) -> String {
    let value = match kind {
        "int" => Formatted::Int(value.parse().unwrap()),
        "bool" => Formatted::Bool(value == "1"),
        "float" => Formatted::Float(value.parse().unwrap()),
        "str" => Formatted::Str(value),
        other => panic!("no such kind: {other}"),
    };
    format_spec(spec, value).unwrap_or_else(|_| "error".into())
}
