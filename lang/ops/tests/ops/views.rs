//! Index arithmetic: views of views, and the table's view operations.

use cleave_ops::op::Class;
use cleave_ops::{Arg, Shape, View, bind, table};
use proptest::prelude::*;

fn indices(shape: &Shape) -> impl Iterator<Item = Vec<usize>> + '_ {
    let strides = shape.strides();
    (0..shape.size()).map(move |flat| strides.iter().zip(shape.iter()).map(|(s, n)| flat / s % n).collect())
}

fn int(value: i64) -> Arg {
    Arg::from(value)
}

fn tuple(items: &[i64]) -> Arg {
    Arg::Tuple(items.iter().map(|&i| int(i)).collect())
}

fn view(name: &str, shape: &[usize], rest: &[Arg]) -> Result<View, &'static str> {
    let op = table::find(name).expect("an operation");
    let Class::View(rule) = &op.class else { panic!("{name} is a view") };
    let shape = Shape::new(shape.iter().copied());
    let x = Arg::Array { index: 0, shape: shape.clone(), dtype: cleave_ops::DType::F64 };
    let args: Vec<Arg> = std::iter::once(x).chain(rest.iter().cloned()).collect();
    bind(op, args, vec![]).and_then(|args| rule(&args, &shape)).map_err(|e| e.code())
}

/// The view's elements as flat indices of the source.
fn elements(view: &View, source: &[usize]) -> Vec<usize> {
    let strides = Shape::new(source.iter().copied()).strides();
    indices(&view.shape).map(|index| view.flat(&index, &strides)).collect()
}

#[test]
fn view_operations() {
    let shape = |name: &str, source: &[usize], rest: &[Arg]| view(name, source, rest).map(|v| v.shape.to_string());
    assert_eq!(shape("transpose", &[2, 3, 4], &[]), Ok("(4, 3, 2)".into()));
    assert_eq!(shape("transpose", &[2, 3, 4], &[int(1), int(0), int(-1)]), Ok("(3, 2, 4)".into()));
    assert_eq!(shape("matrix_transpose", &[2, 3, 4], &[]), Ok("(2, 4, 3)".into()));
    assert_eq!(shape("swapaxes", &[2, 3, 4], &[int(0), int(-1)]), Ok("(4, 3, 2)".into()));
    assert_eq!(shape("moveaxis", &[2, 3, 4], &[int(0), int(-1)]), Ok("(3, 4, 2)".into()));
    assert_eq!(shape("moveaxis", &[2, 3, 4], &[tuple(&[2, 0]), tuple(&[0, 1])]), Ok("(4, 2, 3)".into()));
    assert_eq!(shape("broadcast_to", &[3, 1], &[tuple(&[2, 3, 5])]), Ok("(2, 3, 5)".into()));
    assert_eq!(shape("expand_dims", &[3], &[tuple(&[0, -1])]), Ok("(1, 3, 1)".into()));
    assert_eq!(shape("squeeze", &[1, 3, 1], &[int(0)]), Ok("(3, 1)".into()));
    assert_eq!(elements(&view("flip", &[4], &[]).expect("a view"), &[4]), [3, 2, 1, 0]);
    assert_eq!(elements(&view("transpose", &[2, 3], &[]).expect("a view"), &[2, 3]), [0, 3, 1, 4, 2, 5]);
    assert_eq!(elements(&view("broadcast_to", &[2, 1], &[tuple(&[2, 2])]).expect("a view"), &[2, 1]), [0, 0, 1, 1]);
}

#[test]
fn view_operations_refuse() {
    assert_eq!(view("transpose", &[2, 3], &[tuple(&[0, 0])]), Err("bad-axis"));
    assert_eq!(view("transpose", &[2, 3], &[tuple(&[0])]), Err("bad-argument"));
    assert_eq!(view("flip", &[2], &[int(1)]), Err("bad-axis"));
    assert_eq!(view("matrix_transpose", &[2], &[]), Err("bad-argument"));
    assert_eq!(view("broadcast_to", &[3], &[tuple(&[2])]), Err("shape-mismatch"));
    assert_eq!(view("squeeze", &[3], &[int(0)]), Err("bad-argument"));
    assert_eq!(view("expand_dims", &[3], &[int(2)]), Err("bad-axis"));
}

fn some_view(source: &[usize], choice: u8) -> View {
    let found = match choice % 5 {
        0 => view("flip", source, &[]),
        1 => view("transpose", source, &[]),
        2 => view("expand_dims", source, &[int(0)]),
        3 => {
            let mut wide: Vec<i64> = source.iter().map(|&n| n as i64).collect();
            wide.insert(0, 2);
            view("broadcast_to", source, &[tuple(&wide)])
        }
        _ => view("squeeze", source, &[]),
    };
    found.expect("a view")
}

proptest! {
    #[test]
    fn views_compose(source in prop::collection::vec(1_usize..4, 0..4), a in any::<u8>(), b in any::<u8>(), c in any::<u8>()) {
        let inner = some_view(&source, a);
        let outer = some_view(&inner.shape, b);
        let both = outer.of(&inner);
        let direct = elements(&inner, &source);
        let expected: Vec<usize> = elements(&outer, &inner.shape).into_iter().map(|i| direct[i]).collect();
        prop_assert_eq!(elements(&both, &source), expected);
        let third = some_view(&outer.shape, c);
        prop_assert_eq!(third.of(&both), third.of(&outer).of(&inner));
        prop_assert_eq!(View::identity(&inner.shape).of(&inner), inner);
    }
}
