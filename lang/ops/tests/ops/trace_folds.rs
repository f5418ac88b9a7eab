//! Reductions, fills and conversions as data give what their loops give, to the bit.

use crate::traces::{Noise, bits, column, is_nan};
use cleave_ops::fold::LANES;
use cleave_ops::op::{Cell, Class, FoldLoop, Layout};
use cleave_ops::trace::{FoldTrace, Start, Tape, Trace};
use cleave_ops::{DType, Data, Fill, Law, Op, Row, Scalar, Shape, cast, fill_row, table};
use std::collections::BTreeSet;

fn same(dtype: DType, found: u64, expected: u64) -> bool {
    found == expected || (is_nan(dtype, found) && is_nan(dtype, expected))
}

/// What a formula gives of numbers.
fn given(formula: Trace, operands: &[(DType, u64)]) -> (DType, u64) {
    let mut tape = Tape::default();
    let vars: Vec<_> = operands.iter().enumerate().map(|(n, (dtype, _))| tape.input(n, *dtype)).collect();
    let result = tape.formula(formula, &vars).expect("a formula");
    let values: Vec<u64> = operands.iter().map(|(_, bits)| *bits).collect();
    (tape.dtype(result), tape.run(&values)[result.index()])
}

/// The columns that a written reduction gives of the elements of one kept index.
fn folded(trace: &FoldTrace, x: &[(DType, u64)], positions: &[i64], layout: Layout) -> Vec<u64> {
    let mut known = vec![(DType::F64, (x.len() as f64).to_bits())];
    for pass in trace.passes {
        let load = |i: usize| {
            let operands = [&[x[i], (DType::I64, positions[i] as u64)][..], &known[..]].concat();
            given(pass.load, &operands)
        };
        let start = match pass.start {
            Start::First => load(0),
            Start::Value(value) => {
                let mut tape = Tape::default();
                let start = tape.constant(load(0).0, value());
                (tape.dtype(start), tape.run(&[])[start.index()])
            }
        };
        let count = if layout == Layout::Columns || x.len() < LANES { 1 } else { LANES };
        let mut lanes = vec![start; count];
        (0..x.len()).for_each(|i| lanes[i % count] = given(pass.join, &[lanes[i % count], load(i)]));
        while lanes.len() > 1 {
            let right = lanes.split_off(lanes.len() / 2);
            lanes.iter_mut().zip(right).for_each(|(left, right)| *left = given(pass.join, &[*left, right]));
        }
        known.push(lanes[0]);
    }
    trace.columns.iter().map(|&formula| given(formula, &known).1).collect()
}

fn state(of: &FoldLoop) -> Vec<Data> {
    of.state.iter().map(|&dtype| Data::zeros(dtype, 0)).collect()
}

/// Compares cells of several lengths, and a state made of two.
fn compare(op: &Op, of: &FoldLoop, noise: &mut Noise) -> bool {
    let Some(trace) = of.trace else { return false };
    let check = |found: &[u64], expected: &[Data], place: usize, what: &str| {
        for (found, expected) in found.iter().zip(expected) {
            let expected = bits(expected.as_ref(), place);
            assert!(
                same(of.state[0], *found, expected),
                "{} of {} {what}: {found:#x}, not {expected:#x}",
                op.name,
                of.input
            );
        }
    };
    let mut states = Vec::new();
    for (len, layout) in
        [(1, Layout::Rows), (31, Layout::Rows), (75, Layout::Rows), (64, Layout::Rows), (9, Layout::Columns)]
    {
        let data = column(of.input, len, noise);
        let positions: Vec<i64> = (0..len as i64).map(|i| 5 + 2 * i).collect();
        let mut expected = state(of);
        (of.take)(&Cell::dense(data.as_ref(), [1, len], layout, &positions), &mut expected);
        let x: Vec<_> = (0..len).map(|i| (of.input, bits(data.as_ref(), i))).collect();
        let found = folded(trace, &x, &positions, layout);
        assert_eq!(found.len(), of.state.len());
        check(&found, &expected, 0, "of a cell");
        states.push(expected);
    }
    let mut none = state(of);
    (of.identity)(1, &mut none);
    states.push(none);
    for left in &states {
        for right in &states {
            let columns = |s: &[Data]| s.iter().map(|c| (c.dtype(), bits(c.as_ref(), 0))).collect::<Vec<_>>();
            let operands = [columns(left), columns(right)].concat();
            let found: Vec<u64> = trace.combine.iter().map(|&formula| given(formula, &operands).1).collect();
            let mut expected = left.clone();
            (of.combine)(&mut expected, right);
            check(&found, &expected, 0, "of two states");
        }
    }
    true
}

#[test]
fn reductions_give_what_loops_give() {
    let (mut noise, mut without, mut count) = (Noise(7), BTreeSet::new(), 0);
    for op in table::all() {
        let Class::Fold(fold) = &op.class else { continue };
        for of in fold.loops {
            for _ in 0..4 {
                if !compare(op, of, &mut noise) {
                    without.insert(op.name);
                }
            }
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
    assert_eq!(without, BTreeSet::new());
}

#[test]
fn conversions_give_what_loops_give() {
    let mut noise = Noise(3);
    for from in DType::ALL {
        let x = column(from, 300, &mut noise);
        for to in DType::ALL {
            let mut expected = Data::zeros(to, 0);
            cast(x.as_ref(), &mut expected);
            let mut tape = Tape::default();
            let input = tape.input(0, from);
            let result = tape.convert(input, to);
            assert_eq!(tape.dtype(result), to);
            for i in 0..x.len() {
                let found = tape.run(&[bits(x.as_ref(), i)])[result.index()];
                assert!(same(to, found, bits(expected.as_ref(), i)), "{from} {:?} to {to}", x.get(i));
            }
        }
    }
}

fn laws() -> Vec<Law> {
    let float = Scalar::Float;
    let int = Scalar::Int;
    vec![
        Law::Uniform { low: float(-1.0), high: float(2.5) },
        Law::Normal { mean: float(0.1), std: float(3.0) },
        Law::Integers { low: int(-5), high: int(100) },
        Law::Integers { low: int(7), high: int(7 + (1 << 40)) },
        Law::Integers { low: int(i64::MIN.into()), high: int(1 << 63) },
    ]
}

fn fills() -> Vec<Fill> {
    let random = |(n, law): (usize, Law)| Fill::Random { seed: 0x1234_5678_9abc_def0, draw: n as u64, law };
    let ramp = |start, step, last| Fill::Ramp { start, step, last };
    let (float, int) = (Scalar::Float, Scalar::Int);
    let plain = vec![
        Fill::Const(float(2.5)),
        ramp(int(3), int(-2), None),
        ramp(float(0.1), float(0.7), None),
        ramp(float(0.0), float(1.0 / 11.0), Some(float(1.0))),
        Fill::Index { axis: 0 },
        Fill::Diagonal { k: 1 },
        Fill::Band { k: -1 },
    ];
    plain.into_iter().chain(laws().into_iter().enumerate().map(random)).collect()
}

/// What a pair of a normal draw gives at a row-major index.
fn paired(fill: &Fill, dtype: DType, flat: u64) -> Option<u64> {
    let mut tape = Tape::default();
    let block = tape.input(0, DType::U64);
    let pair = tape.normal_pair(fill, dtype, block)?;
    Some(tape.run(&[flat / 2])[pair[flat as usize % 2].index()])
}

#[test]
fn fills_give_what_rows_give() {
    let two = Shape::new([12, 17]);
    for fill in fills() {
        let shape = if matches!(fill, Fill::Ramp { .. }) { Shape::new([12]) } else { two.clone() };
        for dtype in DType::ALL {
            let mut tape = Tape::default();
            let at: Vec<_> = (0..shape.ndim()).map(|axis| tape.input(axis, DType::I64)).collect();
            let result = tape.fill(&fill, &shape, dtype, &at).expect("a formula");
            assert_eq!(tape.dtype(result), dtype);
            let mut row = Data::zeros(dtype, 12);
            let first: Vec<i64> = (0..shape.ndim()).map(|axis| 3 * axis as i64).collect();
            fill_row(&fill, &shape, Row { at: &first, axis: Some(0), step: 1 }, &mut row, 0..12);
            for i in 0..12 {
                let index: Vec<u64> =
                    first.iter().enumerate().map(|(a, f)| (f + if a == 0 { i as i64 } else { 0 }) as u64).collect();
                let run = tape.run(&index);
                assert!(tape.beyond().iter().all(|mask| run[mask.index()] == 0));
                let expected = bits(row.as_ref(), i);
                let flat: u64 = index.iter().zip(shape.strides()).map(|(i, stride)| i * stride as u64).sum();
                if let Some(of_pair) = paired(&fill, dtype, flat) {
                    assert!(same(dtype, of_pair, expected), "{fill:?} of {dtype} at {i}");
                }
                assert!(same(dtype, run[result.index()], expected), "{fill:?} of {dtype} at {i}");
            }
        }
    }
}
