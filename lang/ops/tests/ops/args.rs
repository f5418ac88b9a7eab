//! Arguments: binding, reading, and what is said of wrong ones.

use cleave_ops::{Arg, DType, Scalar, Shape, bind, table};

fn x() -> Arg {
    Arg::Array { index: 0, shape: Shape::new([2, 3]), dtype: DType::F64 }
}

fn named(name: &str, arg: Arg) -> Vec<(String, Arg)> {
    vec![(name.into(), arg)]
}

#[test]
fn defaults_and_names() {
    let var = table::find("var").expect("an operation");
    let args = bind(var, vec![x()], named("correction", Arg::from(1))).expect("arguments");
    assert_eq!(args.number("ddof"), Ok(Scalar::Int(1)));
    assert_eq!(args.bool("keepdims"), Ok(false));
    assert_eq!(args.axes("axis", 2).expect("axes").as_slice(), [0, 1]);
    let args = bind(var, vec![x(), Arg::from(-1)], vec![]).expect("arguments");
    assert_eq!(args.axes("axis", 2).expect("axes").as_slice(), [1]);
    let ones = bind(table::find("ones").expect("an operation"), vec![Arg::from(3)], vec![]).expect("arguments");
    assert_eq!(ones.dtype("dtype"), Ok(Some(DType::F64)));
    assert_eq!(ones.get("chunks"), &Arg::Str("auto".into()));
}

#[test]
fn wrong_calls() {
    let said = |op: &str, positional: Vec<Arg>, named: Vec<(String, Arg)>| {
        let error = bind(table::find(op).expect("an operation"), positional, named).expect_err("a refusal");
        format!("{}: {error}; {}", error.code(), error.help().unwrap_or_default())
    };
    assert_eq!(said("sum", vec![], vec![]), "missing-argument: `sum` needs the argument `x`; ");
    assert_eq!(
        said("sum", vec![x()], named("axes", Arg::None)),
        "unknown-argument: `sum` has no argument `axes`; did you mean `axis`?"
    );
    assert_eq!(said("sin", vec![x(), x()], vec![]), "too-many-arguments: `sin` takes at most 1 arguments, found 2; ");
    assert_eq!(said("sin", vec![x()], named("x", x())), "repeated-argument: `sin` got `x` twice; give `x` once");
    assert_eq!(
        said("sin", vec![Arg::Str("a".into())], vec![]),
        "bad-argument: `x` must be an array or a number, found \"a\"; "
    );
    let sum = bind(table::find("sum").expect("an operation"), vec![x(), Arg::from(2)], vec![]).expect("arguments");
    let error = sum.axes("axis", 2).expect_err("a refusal");
    assert_eq!(error.to_string(), "axis 2 is outside an array with 2 axes");
    assert_eq!(error.help().as_deref(), Some("axes of this array go from -2 to 1"));
}

#[test]
fn arguments_are_shown_as_written() {
    let tuple = Arg::Tuple(vec![Arg::from(2), Arg::Str("auto".into()), Arg::None]);
    assert_eq!(tuple.to_string(), "(2, \"auto\", None)");
    assert_eq!(Arg::Tuple(vec![Arg::Scalar(Scalar::Float(1e-7))]).to_string(), "(1e-07,)");
    assert_eq!(x().to_string(), "an array of float64 (2, 3)");
    for (value, text) in [(1.0, "1.0"), (1e16, "1e+16"), (f64::NAN, "nan"), (-0.0, "-0.0"), (f64::INFINITY, "inf")] {
        assert_eq!(Scalar::Float(value).to_string(), text);
    }
}
