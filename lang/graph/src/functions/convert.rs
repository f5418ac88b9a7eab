//! Conversions between plain values, and numbers out of arrays.

use super::{Bound, Found, FunctionEntry, PLAIN, Receiver, names, need, with};
use crate::interp::{Eval, Machine, number};
use crate::value::Value;
use cleave_ops::Scalar;
use num_complex::Complex64;
use std::sync::Arc;

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "int",
        params: &[with("x", "0"), with("base", "10")],
        summary: "A whole number from a number, text or 0-d array.",
        examples: &[("int('42') + int(3.9)", "45")],
        run: int,
        ..PLAIN
    },
    FunctionEntry {
        name: "float",
        params: &[with("x", "0.0")],
        summary: "A float from a number, text or 0-d array.",
        examples: &[("float('2.5')", "2.5")],
        run: float,
        ..PLAIN
    },
    FunctionEntry {
        name: "bool",
        params: &[with("x", "False")],
        summary: "Whether a value counts as true.",
        run: truth,
        ..PLAIN
    },
    FunctionEntry {
        name: "complex",
        params: &[with("real", "0"), with("imag", "0")],
        summary: "A complex number.",
        run: complex,
        ..PLAIN
    },
    FunctionEntry { name: "str", params: &[with("x", "''")], summary: "A value as text.", run: text, ..PLAIN },
    FunctionEntry {
        name: "list",
        params: &[with("items", "()")],
        summary: "A list of items.",
        examples: &[("list(range(3))", "[0, 1, 2]")],
        run: list,
        ..PLAIN
    },
    FunctionEntry { name: "tuple", params: &[with("items", "()")], summary: "A tuple of items.", run: tuple, ..PLAIN },
    FunctionEntry {
        name: "dict",
        params: &[with("pairs", "()"), names("named")],
        summary: "A dict of pairs and named values.",
        examples: &[("dict(a=1)", "{'a': 1}")],
        run: dict,
        ..PLAIN
    },
    FunctionEntry {
        name: "is_integer",
        found: &[Found::Method(Receiver::Float)],
        params: &[need("x")],
        summary: "Whether a float is a whole number.",
        run: is_integer,
        ..PLAIN
    },
    FunctionEntry {
        name: "conjugate",
        found: &[Found::Method(Receiver::Complex)],
        params: &[need("x")],
        summary: "The conjugate of a complex number.",
        run: conjugate,
        ..PLAIN
    },
];

fn int(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (value, span) = (b.value(0), b.span_of(0));
    if let Value::Str(text) = &value {
        let base = m.int_arg(b, 1, 10)?;
        return parse_int(text, base).ok_or_else(|| {
            let quoted = crate::interp::quoted(text);
            m.error("bad-number", format!("{quoted} is not a whole number that fits 64 bits"), span)
        });
    }
    let known = if b.slots[0].is_none() { Value::Int(0) } else { one_number(m, &value, span)? };
    match known {
        Value::Bool(v) => Ok(Value::Int(i64::from(v))),
        Value::Int(_) => Ok(known),
        Value::Float(v) if v.is_finite() && v.abs() < 9.3e18 && (v.trunc() as i128) == i128::from(v as i64) => {
            Ok(Value::Int(v as i64))
        }
        Value::Float(v) if v.is_nan() => Err(m.error("bad-number", "nan has no whole number", span)),
        Value::Float(_) | Value::Number(Scalar::Int(_), _) => {
            Err(m.error("integer-overflow", "the number does not fit 64 bits", span).help("keep it as a float"))
        }
        other => Err(m.type_error(format!("a value of type {} is not a number", other.type_name()), span)),
    }
}

/// Arrays of one element give it; others are refused.
fn one_number(m: &mut Machine<'_>, value: &Value, span: cleave_syntax::source::Span) -> Eval {
    match value {
        Value::Array(node) => {
            let dtype = m.state.graph[*node].dtype;
            Ok(Value::Number(m.single(*node, span)?, dtype).plain())
        }
        other => Ok(other.plain()),
    }
}

fn parse_int(text: &str, base: i64) -> Option<Value> {
    let clean = text.trim().replace('_', "").to_lowercase();
    let (sign, digits) = match clean.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", clean.strip_prefix('+').unwrap_or(&clean)),
    };
    let prefix = match base {
        16 => "0x",
        8 => "0o",
        2 => "0b",
        _ => "",
    };
    let digits = digits.strip_prefix(prefix).unwrap_or(digits);
    let radix = u32::try_from(base).ok().filter(|r| (2..=36).contains(r))?;
    (!digits.starts_with(['+', '-']))
        .then(|| i64::from_str_radix(&format!("{sign}{digits}"), radix).ok())?
        .map(Value::Int)
}

fn float(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (value, span) = (b.value(0), b.span_of(0));
    match &value {
        Value::Str(text) => {
            let word = text.trim().replace('_', "").to_lowercase();
            let plain = word.trim_start_matches(['+', '-']);
            let known = matches!(plain, "inf" | "infinity" | "nan")
                || plain.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            let parsed = word.parse::<f64>().ok().filter(|_| known);
            parsed
                .map(Value::Float)
                .ok_or_else(|| m.error("bad-number", format!("{} is not a number", crate::interp::quoted(text)), span))
        }
        Value::None if b.slots[0].is_none() => Ok(Value::Float(0.0)),
        _ => {
            let known = one_number(m, &value, span)?;
            m.real(&known, span).map(Value::Float)
        }
    }
}

fn truth(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    m.truth(&b.value(0), b.span_of(0)).map(Value::Bool)
}

fn complex(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    if let Value::Complex(z) = b.value(0) {
        return Ok(Value::Complex(z + Complex64::new(0.0, m.real_arg(b, 1, 0.0)?)));
    }
    Ok(Value::Complex(Complex64::new(m.real_arg(b, 0, 0.0)?, m.real_arg(b, 1, 0.0)?)))
}

fn text(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    match &b.slots[0] {
        Some(given) => m.str_of(&given.value, given.span).map(Value::text),
        None => Ok(Value::text("")),
    }
}

fn items(m: &mut Machine<'_>, b: &mut Bound) -> Eval<Vec<Value>> {
    let span = b.span_of(0);
    if b.slots[0].is_none() { Ok(Vec::new()) } else { m.all_items(b.take(0), span) }
}

fn list(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    items(m, b).map(Value::list)
}

fn tuple(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    items(m, b).map(Value::tuple)
}

fn dict(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let mut pairs: Vec<(Value, Value)> = Vec::new();
    let span = b.span_of(0);
    match b.value(0) {
        Value::Dict(known) => pairs = known.to_vec(),
        Value::None => {}
        other => {
            for item in m.all_items(other, span)? {
                let [key, value] = <[Value; 2]>::try_from(m.all_items(item, span)?)
                    .map_err(|_| m.error("wrong-count", "each item must be a pair of key and value", span))?;
                put(m, &mut pairs, key, value, span)?;
            }
        }
    }
    for (name, given) in std::mem::take(&mut b.names) {
        put(m, &mut pairs, Value::Str(name), given.value, given.span)?;
    }
    Ok(Value::Dict(Arc::new(pairs)))
}

pub(super) fn put(
    m: &mut Machine<'_>,
    pairs: &mut Vec<(Value, Value)>,
    key: Value,
    value: Value,
    span: cleave_syntax::source::Span,
) -> Eval<()> {
    match m.find_key(pairs, &key, span)? {
        Some(at) => pairs[at].1 = value,
        None => pairs.push((key, value)),
    }
    Ok(())
}

fn is_integer(_: &mut Machine<'_>, b: &mut Bound) -> Eval {
    Ok(Value::Bool(number::to_f64(&b.value(0)).is_some_and(|v| v.fract() == 0.0)))
}

fn conjugate(_: &mut Machine<'_>, b: &mut Bound) -> Eval {
    Ok(match b.value(0) {
        Value::Complex(z) => Value::Complex(z.conj()),
        other => other,
    })
}
