//! Runs of elements, and rows of fills.

use cleave_ops::op::Class;
use cleave_ops::{
    Arg, DType, Data, Fill, FillRows, Plane, Row, Scalar, Shape, bind, copy_plane, copy_run, fill_row, fill_rows,
    scatter_run, table,
};
use proptest::prelude::*;

fn made(name: &str, args: &[Arg]) -> (Shape, Data) {
    let op = table::find(name).expect("an operation");
    let Class::Fill(rule) = &op.class else { panic!("{name} makes an array") };
    let (shape, dtype, fill) = rule(&bind(op, args.to_vec(), vec![]).expect("arguments")).expect("an array");
    let mut out = Data::zeros(dtype, shape.size());
    let width = shape.last().copied().unwrap_or(1);
    for (row, start) in (0..shape.size()).step_by(width.max(1)).enumerate() {
        let at = if shape.ndim() == 2 { vec![row as i64, 0] } else { vec![0; shape.ndim()] };
        let walk = Row { at: &at, axis: shape.ndim().checked_sub(1), step: 1 };
        fill_row(&fill, &shape, walk, &mut out, start..start + width);
    }
    (shape, out)
}

fn num(value: f64) -> Arg {
    Arg::Scalar(Scalar::Float(value))
}

#[test]
fn creations() {
    let int = Arg::from;
    assert_eq!(made("arange", &[int(5)]).1, Data::I64(vec![0, 1, 2, 3, 4]));
    assert_eq!(made("arange", &[int(5), int(0), int(-2)]).1, Data::I64(vec![5, 3, 1]));
    assert_eq!(made("arange", &[int(5), int(0)]).1, Data::I64(vec![]));
    assert_eq!(made("arange", &[int(0), num(1.0), num(0.3)]).1, Data::F64(vec![0.0, 0.3, 0.6, 0.3 * 3.0]));
    assert_eq!(made("arange", &[int(0), int(3), int(1), Arg::DType(DType::U8)]).1, Data::U8(vec![0, 1, 2]));
    assert_eq!(made("linspace", &[int(0), int(1), int(5)]).1, Data::F64(vec![0.0, 0.25, 0.5, 0.75, 1.0]));
    assert_eq!(made("linspace", &[int(3), int(5), int(1)]).1, Data::F64(vec![3.0]));
    assert_eq!(made("eye", &[int(2), int(3), int(1)]).1, Data::F64(vec![0.0, 1.0, 0.0, 0.0, 0.0, 1.0]));
    assert_eq!(made("tri", &[int(2)]).1, Data::F64(vec![1.0, 0.0, 1.0, 1.0]));
    assert_eq!(made("full", &[int(2), num(0.5)]).1, Data::F64(vec![0.5; 2]));
    assert_eq!(made("full", &[Arg::Tuple(vec![]), int(7)]), (Shape::default(), Data::I64(vec![7])));
}

#[test]
fn creations_refuse() {
    let code = |name: &str, args: &[Arg]| {
        let op = table::find(name).expect("an operation");
        let Class::Fill(rule) = &op.class else { panic!("{name} makes an array") };
        bind(op, args.to_vec(), vec![]).and_then(|args| rule(&args)).expect_err("a refusal").code()
    };
    let int = Arg::from;
    assert_eq!(code("ones", &[int(-1)]), "negative-length");
    assert_eq!(code("ones", &[Arg::Tuple(vec![int(1 << 40), int(1 << 40)])]), "array-too-large");
    assert_eq!(code("ones", &[num(2.5)]), "bad-argument");
    assert_eq!(code("ones", &[]), "missing-argument");
    assert_eq!(code("arange", &[int(0), int(3), int(0)]), "zero-step");
    assert_eq!(code("arange", &[int(0), num(f64::INFINITY)]), "array-too-large");
    assert_eq!(code("full", &[int(2), int(300), Arg::Str("int8".into())]), "out-of-bounds-integer");
}

fn law() -> impl Strategy<Value = cleave_ops::Law> {
    let s = Scalar::Float;
    prop_oneof![
        Just(cleave_ops::Law::Uniform { low: s(-1.0), high: s(3.0) }),
        Just(cleave_ops::Law::Normal { mean: s(0.5), std: s(2.0) }),
        Just(cleave_ops::Law::Integers { low: Scalar::Int(-5), high: Scalar::Int(1000) }),
    ]
}

proptest! {
    #[test]
    fn draws_depend_on_the_index_alone(law in law(), axis in 0_usize..2, step in -3_i64..4, r in 0_i64..8, c in 0_i64..9, f32s in any::<bool>()) {
        let shape = Shape::new([8, 9]);
        let fill = Fill::Random { seed: 5, draw: 1, law };
        let dtype = if f32s { DType::F32 } else { DType::F64 };
        let mut all = Data::zeros(dtype, 72);
        fill_row(&fill, &Shape::new([72]), Row { at: &[0], axis: Some(0), step: 1 }, &mut all, 0..72);
        let at = [r, c];
        let fits = |i: i64| (0..shape[axis] as i64).contains(&(at[axis] + i * step));
        let n = (0..5).take_while(|i| fits(*i)).count();
        let mut row = Data::zeros(dtype, n + 1);
        fill_row(&fill, &shape, Row { at: &at, axis: Some(axis), step }, &mut row, 1..n + 1);
        for i in 0..n {
            let mut index = at;
            index[axis] += i as i64 * step;
            prop_assert_eq!(row.get(i + 1), all.get((index[0] * 9 + index[1]) as usize));
        }
    }

    #[test]
    fn runs_go_there_and_back(v in prop::collection::vec(any::<i32>(), 1..40), stride in -4_isize..5) {
        let n = v.len();
        let reach = (n - 1) as isize * stride;
        let base = (-reach).max(0) as usize;
        let mut spread = Data::zeros(DType::I32, base + reach.max(0) as usize + 1);
        let source = Data::I32(v.clone());
        scatter_run(source.as_ref(), 0, &mut spread, base, stride, n);
        let mut back = Data::zeros(DType::I32, n + 2);
        copy_run(spread.as_ref(), base, stride, &mut back, 1, n);
        let expected: Vec<i32> = if stride == 0 { vec![v[n - 1]; n] } else { v };
        let Data::I32(back) = back else { unreachable!() };
        prop_assert_eq!(&back[1..=n], &expected[..]);
        prop_assert_eq!((back[0], back[n + 1]), (0, 0));
    }
}

#[test]
fn rows_are_what_each_is_alone() {
    let shape = Shape::new([40, 30, 70]);
    let law = cleave_ops::Law::Uniform { low: Scalar::Float(0.0), high: Scalar::Float(1.0) };
    let fills = [Fill::Random { seed: 5, draw: 1, law }, Fill::Index { axis: 1 }];
    for (fill, dtype) in fills.iter().flat_map(|fill| [DType::F64, DType::F32, DType::I64].map(|dtype| (fill, dtype))) {
        for (at, apart, step, n) in
            [([3, 4, 5], [1, 0, 0], 1, 64), ([9, 29, 69], [0, -2, 0], -1, 33), ([0, 1, 0], [2, 1, 0], 3, 7)]
        {
            let (rows, first) = (5, Row { at: &at, axis: Some(2), step });
            let mut all = Data::zeros(dtype, 2 + rows * n);
            fill_rows(fill, &shape, FillRows { first, apart: &apart, len: n }, &mut all, 2..2 + rows * n);
            let mut each = Data::zeros(dtype, 2 + rows * n);
            for row in 0..rows {
                let at: Vec<i64> = at.iter().zip(&apart).map(|(at, apart)| at + apart * row as i64).collect();
                let start = 2 + row * n;
                fill_row(fill, &shape, Row { at: &at, ..first }, &mut each, start..start + n);
            }
            assert_eq!(all, each, "{fill:?} {dtype} {step}");
        }
    }
}

#[test]
fn planes_are_turned_whole() {
    for [rows, columns] in [[1, 1], [7, 9], [8, 8], [16, 24], [19, 21], [30, 8]] {
        let (wide, high) = (columns + 3, rows + 2);
        let source = Data::I64((0..(rows * wide) as i64).collect());
        let mut turned = Data::I64(vec![-1; columns * high]);
        let from = Plane { base: 2, strides: [wide as isize, 1] };
        let to = Plane { base: 1, strides: [1, high as isize] };
        copy_plane(source.as_ref(), from, &mut turned, to, [rows, columns]);
        let value = |place: usize| match (place / high, (place % high).checked_sub(1)) {
            (column, Some(row)) if row < rows => (row * wide + column + 2) as i64,
            _ => -1,
        };
        assert_eq!(turned, Data::I64((0..columns * high).map(value).collect()), "{rows} by {columns}");
    }
}

#[test]
fn laws_have_their_moments() {
    let n = 200_000;
    let draw = |law| {
        let mut out = Data::zeros(DType::F64, n);
        let fill = Fill::Random { seed: 42, draw: 0, law };
        fill_row(&fill, &Shape::new([n]), Row { at: &[0], axis: Some(0), step: 1 }, &mut out, 0..n);
        let Data::F64(v) = out else { unreachable!() };
        let mean = v.iter().sum::<f64>() / n as f64;
        let var = v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        let ends = (v.iter().copied().fold(f64::MAX, f64::min), v.iter().copied().fold(f64::MIN, f64::max));
        (mean, var, ends)
    };
    let s = Scalar::Float;
    let (mean, var, (low, high)) = draw(cleave_ops::Law::Uniform { low: s(0.0), high: s(1.0) });
    assert!((mean - 0.5).abs() < 0.003 && (var - 1.0 / 12.0).abs() < 0.001 && low >= 0.0 && high < 1.0);
    let (mean, var, _) = draw(cleave_ops::Law::Normal { mean: s(1.0), std: s(2.0) });
    assert!((mean - 1.0).abs() < 0.02 && (var - 4.0).abs() < 0.06);
    let (mean, _, ends) = draw(cleave_ops::Law::Integers { low: Scalar::Int(0), high: Scalar::Int(10) });
    assert!((mean - 4.5).abs() < 0.03 && ends == (0.0, 9.0));
}

#[test]
fn normals_follow_their_law() {
    let n = 400_000;
    let mut out = Data::zeros(DType::F64, n);
    let law = cleave_ops::Law::Normal { mean: Scalar::Float(0.0), std: Scalar::Float(1.0) };
    let walk = Row { at: &[0], axis: Some(0), step: 1 };
    fill_row(&Fill::Random { seed: 9, draw: 3, law }, &Shape::new([n]), walk, &mut out, 0..n);
    let Data::F64(mut v) = out else { unreachable!() };
    let moment = |v: &[f64], k: i32| v.iter().map(|x| x.powi(k)).sum::<f64>() / n as f64;
    let moments = [moment(&v, 3), moment(&v, 4) - 3.0, v.chunks(2).map(|p| p[0] * p[1]).sum::<f64>() / n as f64];
    assert!(moments.iter().all(|m| m.abs() < 0.05), "{moments:?}");
    v.sort_by(f64::total_cmp);
    let below = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    let off = |(i, &x): (usize, &f64)| (below(x) - (i as f64 + 0.5) / n as f64).abs();
    let apart = v.iter().enumerate().map(off).fold(0.0, f64::max);
    assert!(apart < 1.63 / (n as f64).sqrt(), "Kolmogorov's distance is {apart}");
    assert!(v[0] < -4.2 && v[n - 1] > 4.2 && v[n - 1] < 8.6, "tails end at {} and {}", v[0], v[n - 1]);
}
