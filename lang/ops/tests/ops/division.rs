//! Division with a rest: quick ways for small operands give what the definition says.

use cleave_ops::data::Element;
use cleave_ops::op::Class;
use cleave_ops::{Data, DataRef, Operand, resolve, table};
use proptest::prelude::*;

fn run(name: &str, x: DataRef<'_>, y: DataRef<'_>) -> Data {
    let op = table::find(name).expect("an operation");
    let Class::Map(map) = &op.class else { panic!("{name} is elementwise") };
    let found = resolve(op, &[Operand::array(x.dtype()), Operand::array(y.dtype())]).expect("a loop");
    let mut out = Data::zeros(found.output, x.len());
    (map.loops[found.index].run)(&[x, y], out.as_mut());
    out
}

fn whole<T: Element>(name: &str, x: &[T], y: &[T]) -> Vec<i128> {
    let out = run(name, T::wrap(x.to_vec()).as_ref(), T::wrap(y.to_vec()).as_ref());
    (0..x.len()).map(|i| out.get(i).to_int().expect("an integer")).collect()
}

fn expected(name: &str, a: i128, b: i128) -> i128 {
    let floor = |a: i128, b: i128| a / b - i128::from(a % b != 0 && (a < 0) != (b < 0));
    match name {
        _ if b == 0 => 0,
        "floor_divide" => floor(a, b),
        "remainder" => a - floor(a, b) * b,
        _ => a % b,
    }
}

fn check<T: Element>(x: &[T], y: &[T]) {
    for name in ["floor_divide", "remainder", "fmod"] {
        for (i, found) in whole(name, x, y).into_iter().enumerate() {
            let [a, b] = [x[i], y[i]].map(|v| v.to_scalar().to_int().expect("an integer"));
            let wrapped = T::from_scalar(cleave_ops::Scalar::Int(expected(name, a, b))).to_scalar();
            assert_eq!(Some(found), wrapped.to_int(), "{name} of {a} and {b}");
        }
    }
}

/// Numbers of all sizes up to 2^`digits`, and those around the ends.
fn sized(digits: u32) -> impl Strategy<Value = i64> {
    let near_end =
        (-3_i64..4).prop_map(move |d| (1_i64 << (digits - 1)).wrapping_mul(2).wrapping_sub(1) - 2 + d.min(2));
    let any = (any::<i64>(), 64 - digits..64).prop_map(|(v, shift)| v >> shift);
    prop_oneof![3 => any, 1 => -4_i64..5, 1 => near_end]
}

proptest! {
    #[test]
    fn integers_divide_exactly(pairs in prop::collection::vec((sized(51), sized(51)), 1..60), product in any::<bool>()) {
        let y: Vec<i64> = pairs.iter().map(|p| p.1).collect();
        // A multiple of the divisor, or one off it, is where a rounded quotient goes wrong.
        let near = |p: &(i64, i64)| (p.0 >> 26).wrapping_mul(p.1 >> 26).wrapping_sub(p.0 & 1);
        let x: Vec<i64> = pairs.iter().map(|p| if product { near(p) } else { p.0 }).collect();
        let small: Vec<i64> = y.iter().map(|b| b >> 26).collect();
        check(&x, if product { &small } else { &y });
        let by_one = |divisors: &[i64]| check(&x, &vec![divisors[0]; x.len()]);
        by_one(if product { &small } else { &y });
        check(&x.iter().map(|v| *v as i32).collect::<Vec<_>>(), &y.iter().map(|v| (*v >> 30) as i32).collect::<Vec<_>>());
        check(&x.iter().map(|v| *v as u64).collect::<Vec<_>>(), &y.iter().map(|v| *v as u64).collect::<Vec<_>>());
        check(&x.iter().map(|v| v.unsigned_abs()).collect::<Vec<_>>(), &y.iter().map(|v| v.unsigned_abs()).collect::<Vec<_>>());
        check(&x.iter().map(|v| *v as u8).collect::<Vec<_>>(), &y.iter().map(|v| *v as u8).collect::<Vec<_>>());
        check(&x.iter().map(|v| *v as i8).collect::<Vec<_>>(), &y.iter().map(|v| *v as i8).collect::<Vec<_>>());
    }

    #[test]
    fn float_rests_are_exact(pairs in prop::collection::vec((any::<f64>(), any::<f64>(), -60_i32..60), 1..40)) {
        let close = |(a, b, apart): &(f64, f64, i32)| if a.is_finite() { (*a, libm::scalbn(b.abs() / b.abs().max(1e-300) * a / 3.0, *apart)) } else { (*a, *b) };
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().map(close).unzip();
        let Data::F64(out) = run("fmod", DataRef::F64(&x), DataRef::F64(&y)) else { unreachable!() };
        for i in 0..x.len() {
            let expected = libm::fmod(x[i], y[i]);
            prop_assert!(out[i].to_bits() == expected.to_bits() || (out[i].is_nan() && expected.is_nan()), "{} % {}: {}, not {expected}", x[i], y[i], out[i]);
        }
    }
}
