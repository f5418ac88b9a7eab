//! Rules that every entry of the table keeps.

use cleave_ops::op::{Class, ParamKind};
use cleave_ops::{Operand, Scalar, resolve, table};
use std::collections::HashSet;

#[test]
fn entries_are_complete() {
    let mut names = HashSet::new();
    for op in table::all() {
        for name in op.aliases.iter().chain([&op.name]) {
            assert!(names.insert(*name), "{name} stands twice in the table");
            assert_eq!(table::find(name), Some(op));
        }
        assert!(!op.summary.is_empty() && !op.examples.is_empty(), "{} needs a summary and an example", op.name);
        assert!(!op.summary.ends_with('.') && op.summary.len() <= 80, "{}: {}", op.name, op.summary);
        assert!(op.params.iter().all(|p| !p.doc.is_empty()), "{} has a parameter without words", op.name);
        let late = op.params.iter().skip_while(|p| p.kind == ParamKind::Array).any(|p| p.kind == ParamKind::Array);
        assert!(!late, "{} has an array after other parameters", op.name);
    }
    assert!(names.len() > 130, "{} names", names.len());
}

#[test]
fn loops_take_as_many_operands_as_there_are_arrays() {
    for op in table::all() {
        if let Class::Map(map) = &op.class {
            assert!(map.loops.iter().all(|l| l.inputs.len() == op.arrays()), "{}", op.name);
            assert!(map.weight > 0.0, "{}", op.name);
        }
        if let Class::Scan(scan) = &op.class {
            let Class::Fold(fold) = &scan.fold.class else { panic!("{} runs no reduction", op.name) };
            for of in scan.loops {
                let total = fold.loops.iter().find(|l| l.input == of.input).map(|l| l.output);
                assert_eq!(total, Some(of.output), "{}", op.name);
                assert!(scan.loops.iter().any(|l| l.input == of.output && l.output == of.output), "{}", op.name);
            }
        }
        if let Class::Contract(contract) = &op.class {
            assert!(op.arrays() == 2 && contract.weight > 0.0, "{}", op.name);
        }
        if let Class::Fold(fold) = &op.class {
            assert!(fold.loops.iter().all(|l| (1..=3).contains(&l.state.len())), "{}", op.name);
        }
    }
}

#[test]
fn operators() {
    for (symbol, name) in [
        ("+", "add"),
        ("-", "subtract"),
        ("//", "floor_divide"),
        ("**", "pow"),
        ("<=", "less_equal"),
        ("<<", "bitwise_left_shift"),
        ("@", "matmul"),
    ] {
        assert_eq!(table::binary(symbol).map(|op| op.name), Some(name));
    }
    for (symbol, name) in [("-", "negative"), ("+", "positive"), ("~", "bitwise_invert")] {
        assert_eq!(table::unary(symbol).map(|op| op.name), Some(name));
    }
}

#[test]
fn scalars_that_cannot_be_right_are_refused() {
    use cleave_ops::DType::{F64, I64};
    let code = |name: &str, dtype, value| {
        let op = table::find(name).expect("an operation");
        resolve(op, &[Operand::array(dtype), Operand::scalar(value)]).map(|_| "").unwrap_or_else(|e| e.code())
    };
    for name in ["floor_divide", "remainder", "fmod"] {
        assert_eq!(code(name, I64, Scalar::Int(0)), "division-by-zero");
        assert_eq!(code(name, F64, Scalar::Int(0)), "");
    }
    assert_eq!(code("pow", I64, Scalar::Int(-1)), "negative-power");
    assert_eq!(code("pow", F64, Scalar::Int(-1)), "");
    assert_eq!(code("divide", I64, Scalar::Int(0)), "");
}
