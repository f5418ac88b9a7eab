//! Reductions: against a plain reference, and the same bits for any way of cutting the kept side.

use cleave_ops::data::Element;
use cleave_ops::op::{Cell, Class, Fold, FoldFacts, FoldLoop, Layout, Within};
use cleave_ops::{DType, Data, DataRef, Operand, cast, copy_run, resolve, table};
use proptest::prelude::*;

fn fold(name: &str) -> &'static Fold {
    match &table::find(name).expect("an operation").class {
        Class::Fold(fold) => fold,
        _ => panic!("{name} is a reduction"),
    }
}

fn loop_of(name: &str, dtype: DType) -> &'static FoldLoop {
    let found = resolve(table::find(name).expect("an operation"), &[Operand::array(dtype)]).expect("a loop");
    &fold(name).loops[found.index]
}

fn empty(l: &FoldLoop) -> Vec<Data> {
    l.state.iter().map(|d| Data::zeros(*d, 0)).collect()
}

fn take(l: &FoldLoop, data: &Data, kept: usize, layout: Layout, positions: &[i64]) -> Vec<Data> {
    let mut state = empty(l);
    (l.take)(&Cell::dense(data.as_ref(), [kept, positions.len()], layout, positions), &mut state);
    state
}

fn finish(l: &FoldLoop, state: &[Data], count: usize, ddof: f64) -> Data {
    let mut out = Data::zeros(l.output, 0);
    (l.finish)(state, &FoldFacts { count: count as u64, ddof }, &mut out);
    out
}

fn floats(values: &[f64], dtype: DType) -> Data {
    let mut out = Data::zeros(dtype, 0);
    cast(DataRef::F64(values), &mut out);
    out
}

/// Folds one row in cells of `cell` elements.
fn whole(name: &str, data: &Data, cell: usize, ddof: f64) -> f64 {
    let l = loop_of(name, data.dtype());
    let mut total = empty(l);
    (l.identity)(1, &mut total);
    for start in (0..data.len()).step_by(cell) {
        let n = cell.min(data.len() - start);
        let mut part = Data::zeros(data.dtype(), n);
        copy_run(data.as_ref(), start, 1, &mut part, 0, n);
        let positions: Vec<i64> = (start as i64..(start + n) as i64).collect();
        (l.combine)(&mut total, &take(l, &part, 1, Layout::Rows, &positions));
    }
    finish(l, &total, data.len(), ddof).get(0).to_f64()
}

fn mean(v: &[f64]) -> f64 {
    v.iter().sum::<f64>() / v.len() as f64
}

fn var(v: &[f64], ddof: f64) -> f64 {
    v.iter().map(|x| (x - mean(v)).powi(2)).sum::<f64>() / (v.len() as f64 - ddof)
}

proptest! {
    #[test]
    fn reductions_are_what_they_say(v in prop::collection::vec(-50_i8..50, 1..300), cell in 1_usize..100) {
        let wide: Vec<f64> = v.iter().map(|&x| x.into()).collect();
        let first = |best: f64| wide.iter().position(|&x| x == best).expect("an element") as f64;
        let most = wide.iter().copied().fold(f64::MIN, f64::max);
        let least = wide.iter().copied().fold(f64::MAX, f64::min);
        for dtype in [DType::I8, DType::I64, DType::F16, DType::F32, DType::F64] {
            let data = floats(&wide, dtype);
            let close = |name: &str, expected: f64| {
                let found = whole(name, &data, cell, 0.0);
                let slack = if dtype == DType::F16 { 2e-3 } else { 1e-6 };
                (found - expected).abs() <= slack * expected.abs().max(1.0)
            };
            prop_assert_eq!(whole("max", &data, cell, 0.0), most);
            prop_assert_eq!(whole("min", &data, cell, 0.0), least);
            prop_assert_eq!(whole("argmax", &data, cell, 0.0), first(most));
            prop_assert_eq!(whole("argmin", &data, cell, 0.0), first(least));
            prop_assert_eq!(whole("count_nonzero", &data, cell, 0.0), wide.iter().filter(|x| **x != 0.0).count() as f64);
            prop_assert_eq!(whole("any", &data, cell, 0.0), f64::from(u8::from(wide.iter().any(|x| *x != 0.0))));
            prop_assert_eq!(whole("all", &data, cell, 0.0), f64::from(u8::from(wide.iter().all(|x| *x != 0.0))));
            prop_assert!(close("sum", wide.iter().sum()));
            prop_assert!(close("mean", mean(&wide)));
            prop_assert!(close("var", var(&wide, 0.0)));
            prop_assert!(close("std", var(&wide, 0.0).sqrt()));
        }
        if v.len() > 1 {
            let found = whole("var", &floats(&wide, DType::F64), cell, 1.0);
            prop_assert!((found - var(&wide, 1.0)).abs() <= 1e-9 * found.max(1.0));
        }
    }

    #[test]
    fn kept_elements_do_not_touch_each_other(v in prop::collection::vec(-1e3_f64..1e3, 1..40), kept in 1_usize..6) {
        for name in ["sum", "prod", "mean", "var", "max", "argmax"] {
            let l = loop_of(name, DType::F64);
            let positions: Vec<i64> = (0..v.len() as i64).collect();
            for layout in [Layout::Rows, Layout::Columns] {
                let at = |k: usize, i: usize| if layout == Layout::Rows { k * v.len() + i } else { i * kept + k };
                let mut all = vec![0.0; v.len() * kept];
                let value = |k: usize, i: usize| v[i] * (k + 1) as f64;
                (0..kept).for_each(|k| (0..v.len()).for_each(|i| all[at(k, i)] = value(k, i)));
                let together = take(l, &Data::F64(all), kept, layout, &positions);
                for k in 0..kept {
                    let own = Data::F64((0..v.len()).map(|i| value(k, i)).collect());
                    let alone = take(l, &own, 1, layout, &positions);
                    for (a, b) in together.iter().zip(&alone) {
                        prop_assert_eq!(a.get(k), b.get(0), "{} {:?}", name, layout);
                    }
                }
            }
        }
    }

    #[test]
    fn lanes_are_joined_in_a_fixed_order(v in prop::collection::vec(-1e3_f64..1e3, 32..300)) {
        let mut lanes = [0.0; 32];
        v.iter().enumerate().for_each(|(i, x)| lanes[i % 32] += x);
        let mut half = 16;
        while half > 0 {
            (0..half).for_each(|j| lanes[j] += lanes[j + half]);
            half /= 2;
        }
        let l = loop_of("sum", DType::F64);
        let positions = vec![0; v.len()];
        let found = take(l, &Data::F64(v), 1, Layout::Rows, &positions);
        prop_assert_eq!(found[0].get(0).to_f64().to_bits(), lanes[0].to_bits());
    }
}

#[test]
fn nan_wins() {
    for cell in [1, 3, 40] {
        for at in [0, 17, 49] {
            let mut v: Vec<f64> = (0..50).map(f64::from).collect();
            v[at] = f64::NAN;
            let data = Data::F64(v);
            assert!(whole("max", &data, cell, 0.0).is_nan() && whole("min", &data, cell, 0.0).is_nan());
            assert_eq!(whole("argmax", &data, cell, 0.0), at as f64);
            assert_eq!(whole("argmin", &data, cell, 0.0), at as f64);
        }
    }
}

/// Bits of a state's column; all nans are one.
fn bits(column: &Data) -> Vec<u64> {
    let bits = |value: f64| if value.is_nan() { f64::NAN } else { value }.to_bits();
    (0..column.len()).map(|i| bits(column.get(i).to_f64())).collect()
}

#[test]
fn many_columns_are_folded_as_one_is() {
    let odd = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 7.0];
    for (kept, reduced, nans) in
        [(1, 9, 1), (31, 16, 0), (32, 16, 0), (70, 16, 0), (70, 16, 1), (130, 1, 0), (64, 3, 1)]
    {
        let value = |i: usize| match i * 7919 % 13 {
            place if place < odd.len() && (nans == 1 || !odd[place].is_nan()) => odd[place],
            place => place as f64 / 3.0 - 2.0,
        };
        let positions: Vec<i64> = (5..5 + reduced as i64).collect();
        let all = Data::F64((0..kept * reduced).map(value).collect());
        for name in ["sum", "prod", "mean", "var", "max", "min", "argmax", "argmin", "any", "count_nonzero"] {
            let l = loop_of(name, DType::F64);
            let together = take(l, &all, kept, Layout::Columns, &positions);
            let mut joined = together.clone();
            (l.combine)(&mut joined, &together);
            for k in 0..kept {
                let own = Data::F64((0..reduced).map(|i| value(i * kept + k)).collect());
                let alone = take(l, &own, 1, Layout::Columns, &positions);
                let mut twice = alone.clone();
                (l.combine)(&mut twice, &alone);
                for (many, one) in together.iter().zip(&alone).chain(joined.iter().zip(&twice)) {
                    assert_eq!(bits(many)[k], bits(one)[0], "{name} of column {k} of {kept} by {reduced}");
                }
            }
        }
    }
}

/// Cells of a row or of columns, combined in order.
fn in_cells(l: &FoldLoop, cells: &[Data], kept: usize, layout: Layout) -> Vec<Data> {
    let mut all = empty(l);
    (l.identity)(kept, &mut all);
    let mut start = 0;
    for cell in cells {
        let n = cell.len() / kept;
        let positions: Vec<i64> = (start..start + n as i64).collect();
        (l.combine)(&mut all, &take(l, cell, kept, layout, &positions));
        start += n as i64;
    }
    all
}

#[test]
fn what_a_reduction_gives_of_another_is_what_that_one_makes() {
    let numbers = [0.0, -0.0, 3.0, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.5, 0.0, -7.0, f64::NAN];
    let folds = || table::all().filter_map(|op| if let Class::Fold(fold) = &op.class { Some(fold) } else { None });
    let mut pairs = 0;
    for (l, other, within) in folds().flat_map(|f| f.loops).flat_map(|l| {
        folds().flat_map(|f| f.loops).filter_map(move |other| l.gives(other).map(|within| (l, other, within)))
    }) {
        pairs += 1;
        for (kept, layout) in [(1, Layout::Rows), (3, Layout::Rows), (70, Layout::Columns), (5, Layout::Columns)] {
            for different in [2, 3, 9, 10] {
                let value = |i: usize| numbers[i * 31 % 101 % different];
                let cell = |n: usize| floats(&(0..n * kept).map(value).collect::<Vec<f64>>(), l.input);
                let cells = [cell(40), cell(3), cell(17)];
                match within {
                    Within::Column(_) => {
                        let (all, own) = (in_cells(l, &cells, kept, layout), in_cells(other, &cells, kept, layout));
                        assert_eq!(bits(&all[0]), bits(&own[0]), "{:?} {layout:?}", l.input);
                    }
                    Within::Sum(both) => {
                        let (mut state, mut sums) = (empty(l), empty(other));
                        let cell = Cell::dense(cells[0].as_ref(), [kept, 40], layout, &[]);
                        both(&cell, &mut state, &mut sums);
                        let positions = [0; 40];
                        let (own, alone) = (
                            take(other, &cells[0], kept, layout, &positions),
                            take(l, &cells[0], kept, layout, &positions),
                        );
                        assert_eq!(bits(&sums[0]), bits(&own[0]), "{:?} {layout:?}", l.input);
                        state.iter().zip(&alone).for_each(|(a, b)| assert_eq!(bits(a), bits(b)));
                    }
                }
            }
        }
    }
    assert!(pairs > 20);
}

#[test]
fn nothing_has_an_identity() {
    for (name, expected) in [("sum", 0.0), ("prod", 1.0), ("any", 0.0), ("all", 1.0), ("count_nonzero", 0.0)] {
        assert_eq!(whole(name, &Data::F64(vec![]), 1, 0.0), expected, "{name}");
    }
    assert!(whole("mean", &Data::F64(vec![]), 1, 0.0).is_nan());
    assert!(!fold("max").has_identity && !fold("argmin").has_identity);
}

#[test]
fn integers_widen_and_wrap() {
    let bytes = Data::U8(vec![255; 1000]);
    assert_eq!(whole("sum", &bytes, 7, 0.0), 255_000.0);
    assert_eq!(u64::DTYPE, loop_of("sum", DType::U8).output);
    let l = loop_of("sum", DType::I64);
    let state = take(l, &Data::I64(vec![i64::MAX, 1]), 1, Layout::Rows, &[0, 1]);
    assert_eq!(state[0], Data::I64(vec![i64::MIN]));
}

/// Numbers of both signs, some large, and whole ones for integers.
fn varied(dtype: DType, n: usize, salt: usize) -> Data {
    let value = |i: usize| ((i * 7919 + salt * 31) % 2003) as f64 - 900.0;
    let values: Vec<f64> =
        (0..n).map(|i| if dtype.name().starts_with('f') { value(i) / 7.0 } else { value(i) }).collect();
    floats(&values, dtype)
}

#[test]
fn a_sum_of_a_map_is_the_map_then_the_sum() {
    let sums: Vec<&FoldLoop> = ["sum", "mean"].iter().flat_map(|name| fold(name).loops).collect();
    let mut seen = 0;
    for op in table::all() {
        let Class::Map(map) = &op.class else { continue };
        for (l, rule) in map.loops.iter().flat_map(|l| sums.iter().map(move |rule| (l, *rule))) {
            let Some(sum) = l.sum_for(rule) else { continue };
            for (kept, reduced) in [(1, 1001), (3, 40), (7, 31), (300, 5), (1, 0), (0, 4), (2, 1024)] {
                let n = kept * reduced;
                let operands: Vec<Data> = l.inputs.iter().enumerate().map(|(i, d)| varied(*d, n, i)).collect();
                let refs: Vec<DataRef> = operands.iter().map(Data::as_ref).collect();
                let mut mapped = Data::zeros(l.output, n);
                (l.run)(&refs, mapped.as_mut());
                for layout in [Layout::Rows, Layout::Columns] {
                    let expected = take(rule, &mapped, kept, layout, &vec![0; reduced]);
                    let mut state = empty(rule);
                    (sum.take)(&refs, kept, reduced, layout, &mut state);
                    assert_eq!(format!("{state:?}"), format!("{expected:?}"), "{} {:?} {layout:?}", op.name, l.inputs);
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 500, "only {seen} sums");
}
