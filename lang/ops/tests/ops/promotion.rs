//! Dtypes of results against a table made from NumPy.

use cleave_ops::{DType, OpError, Operand, Scalar, resolve, table};

fn operand(text: &str) -> Operand {
    match text {
        "True" => Operand::scalar(Scalar::Bool(true)),
        "0.5" => Operand::scalar(Scalar::Float(0.5)),
        _ => text.parse().map_or_else(
            |_| Operand::array(DType::parse(text).expect("a dtype")),
            |value| Operand::scalar(Scalar::Int(value)),
        ),
    }
}

fn found(op: &str, operands: &[Operand]) -> String {
    match resolve(table::find(op).expect("an operation"), operands) {
        Ok(found) => found.output.name().to_owned(),
        Err(OpError::OutOfBounds { .. }) => "overflow".into(),
        Err(OpError::NegativePower) => "negative".into(),
        Err(_) => "refused".into(),
    }
}

#[test]
fn results_have_the_dtypes_of_numpy() {
    let table = include_str!("promotion.txt");
    let mut lines = table.lines().filter(|l| !l.starts_with('#')).map(|l| l.split(' ').collect::<Vec<_>>());
    let operands = lines.next().expect("a line of operands").split_off(1);
    let (mut wrong, mut seen) = (vec![], 0);
    for line in lines {
        let first = operands.contains(&line[1]) && line.len() == operands.len() + 2;
        let results = if first { &line[2..] } else { &line[1..] };
        for (second, expected) in operands.iter().zip(results).filter(|(_, e)| **e != ".") {
            let all: Vec<Operand> = if first { vec![operand(line[1]), operand(second)] } else { vec![operand(second)] };
            let expected = DType::parse(expected).map_or(*expected, DType::name);
            let found = found(line[0], &all);
            seen += 1;
            if found != expected {
                wrong.push(format!(
                    "{} {}: {found}, NumPy has {expected}",
                    line[0],
                    if first { format!("{} {second}", line[1]) } else { (*second).into() }
                ));
            }
        }
    }
    assert!(seen > 7000, "only {seen} results in the table");
    assert!(wrong.is_empty(), "{} of {seen} differ:\n{}", wrong.len(), wrong.join("\n"));
}
