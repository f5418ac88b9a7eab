//! Functions that exist for plain values as Python has them and for arrays as the table has them.

use super::{Bound, Found, FunctionEntry, PLAIN, names, need, rest, with};
use crate::interp::{Arguments, Eval, Given, Machine, number};
use crate::value::Value;
use cleave_syntax::ast::{BinOp, CmpOp, UnaryOp};
use std::cmp::Ordering;

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "sum",
        params: &[need("x"), rest("args"), names("named")],
        summary: "The sum of items, or of an array over axes.",
        examples: &[("sum([1, 2, 3])", "6")],
        run: sum,
        ..PLAIN
    },
    FunctionEntry {
        name: "min",
        params: &[need("x"), rest("args"), names("named")],
        summary: "The smallest of items, or of an array over axes.",
        examples: &[("min(3, 1, 2)", "1")],
        run: |m, b| extreme(m, b, "min"),
        ..PLAIN
    },
    FunctionEntry {
        name: "max",
        params: &[need("x"), rest("args"), names("named")],
        summary: "The largest of items, or of an array over axes.",
        examples: &[("max([3, 1, 2])", "3")],
        run: |m, b| extreme(m, b, "max"),
        ..PLAIN
    },
    FunctionEntry {
        name: "any",
        params: &[need("x"), rest("args"), names("named")],
        summary: "Whether one item is true.",
        run: |m, b| quantifier(m, b, "any"),
        ..PLAIN
    },
    FunctionEntry {
        name: "all",
        params: &[need("x"), rest("args"), names("named")],
        summary: "Whether all items are true.",
        run: |m, b| quantifier(m, b, "all"),
        ..PLAIN
    },
    FunctionEntry {
        name: "abs",
        params: &[need("x"), rest("args"), names("named")],
        summary: "The absolute value.",
        examples: &[("abs(-2)", "2")],
        run: absolute,
        ..PLAIN
    },
    FunctionEntry {
        name: "round",
        params: &[need("x"), with("decimals", "None"), names("named")],
        summary: "The nearest whole number, or that with some decimals; halves go to the even one.",
        examples: &[("round(2.5)", "2"), ("round(3.14159, 2)", "3.14")],
        run: round,
        ..PLAIN
    },
    FunctionEntry {
        name: "pow",
        params: &[need("base"), need("exponent"), names("named")],
        summary: "`base ** exponent`.",
        run: power,
        ..PLAIN
    },
    FunctionEntry {
        name: "divmod",
        params: &[need("a"), need("b")],
        summary: "The quotient, rounded down, and the remainder.",
        examples: &[("divmod(-7, 2)", "(-4, 1)")],
        run: divmod,
        found: &[Found::Everywhere],
        ..PLAIN
    },
];

/// All arguments again, for the operation of the same name.
fn arguments(b: &mut Bound) -> Arguments {
    let positional = b.slots.iter_mut().filter_map(Option::take).chain(std::mem::take(&mut b.rest)).collect();
    Arguments { positional, named: std::mem::take(&mut b.names) }
}

fn is_array(b: &Bound) -> bool {
    b.slots[0].as_ref().is_some_and(|g| g.value.is_arraylike())
}

fn option(b: &mut Bound, name: &str) -> Option<Given> {
    let at = b.names.iter().position(|(n, _)| &**n == name)?;
    Some(b.names.remove(at).1)
}

/// Refuses what an operation takes but plain values do not.
fn no_more(m: &Machine<'_>, b: &Bound, known: &[&str]) -> Eval<()> {
    match b.names.first() {
        Some((name, given)) => Err(m.unknown_argument(b.entry.name, name, known.iter().copied(), given.span)),
        None => Ok(()),
    }
}

fn sum(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    if is_array(b) || b.names.iter().any(|(n, _)| &**n == "axis") {
        return m.call_named("sum", arguments(b), b.span);
    }
    let start = option(b, "start").or_else(|| b.rest.first().cloned());
    no_more(m, b, &["start"])?;
    let (items, span) = (m.all_items(b.value(0), b.span_of(0))?, b.span_of(0));
    let mut total = start.unwrap_or_else(|| Given::new(Value::Int(0), span));
    for item in items {
        total.value = m.binary(BinOp::Add, span, &total, &Given::new(item, span))?;
    }
    Ok(total.value)
}

fn extreme(m: &mut Machine<'_>, b: &mut Bound, name: &'static str) -> Eval {
    if is_array(b) || b.names.iter().any(|(n, _)| &**n == "axis") {
        return m.call_named(name, arguments(b), b.span);
    }
    let (key, default) = (option(b, "key"), option(b, "default"));
    no_more(m, b, &["key", "default"])?;
    let span = b.span_of(0);
    let items: Vec<Value> = if b.rest.is_empty() {
        m.all_items(b.value(0), span)?
    } else {
        std::iter::once(b.need(0)).chain(&b.rest).map(|g| g.value.clone()).collect()
    };
    let wanted = if name == "min" { Ordering::Less } else { Ordering::Greater };
    let mut best: Option<(Value, Value)> = None;
    for item in items {
        let rank = match &key {
            Some(key) => m.call_value(key, Arguments::of(vec![Given::new(item.clone(), span)]), b.span)?,
            None => item.clone(),
        };
        let better = match &best {
            Some((known, _)) => {
                m.order(CmpOp::Lt, &Given::new(rank.clone(), span), &Given::new(known.clone(), span))? == Some(wanted)
            }
            None => true,
        };
        if better {
            best = Some((rank, item));
        }
    }
    match (best, default) {
        (Some((_, item)), _) => Ok(item),
        (None, Some(default)) => Ok(default.value),
        (None, None) => Err(m.error("empty-sequence", format!("`{name}` of no items"), span).help("give `default=`")),
    }
}

fn quantifier(m: &mut Machine<'_>, b: &mut Bound, name: &'static str) -> Eval {
    if is_array(b) || !b.names.is_empty() || !b.rest.is_empty() {
        return m.call_named(name, arguments(b), b.span);
    }
    let stop = name == "any";
    for item in m.all_items(b.value(0), b.span_of(0))? {
        if m.truth(&item, b.span_of(0))? == stop {
            return Ok(Value::Bool(stop));
        }
    }
    Ok(Value::Bool(!stop))
}

fn absolute(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    match b.value(0) {
        Value::Float(v) => Ok(Value::Float(v.abs())),
        Value::Complex(v) => Ok(Value::Float(v.norm())),
        Value::Int(v) if v >= 0 => Ok(Value::Int(v)),
        value @ (Value::Int(_) | Value::Bool(_)) => {
            let op = if matches!(value, Value::Bool(_)) { UnaryOp::Pos } else { UnaryOp::Neg };
            m.unary(op, &Given::new(value, b.span_of(0)), b.span)
        }
        _ => m.call_named("abs", arguments(b), b.span),
    }
}

fn round(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    if let Some(digits) = option(b, "ndigits") {
        b.slots[1] = Some(digits);
    }
    let value = b.value(0);
    if matches!(value, Value::Array(_) | Value::List(_) | Value::Tuple(_)) {
        return m.call_named("round", arguments(b), b.span);
    }
    no_more(m, b, &["ndigits"])?;
    let whole = b.given(1).is_none();
    let digits = m.int_arg(b, 1, 0)?;
    match value.plain() {
        Value::Int(v) if digits >= 0 => Ok(Value::Int(v)),
        Value::Bool(v) => Ok(Value::Int(i64::from(v))),
        Value::Int(v) => Ok(Value::Int(round_int(v, digits))),
        Value::Float(v) if whole && v.is_finite() && v.abs() < 9.2e18 => Ok(Value::Int(v.round_ties_even() as i64)),
        Value::Float(_) if whole => Err(m
            .error("integer-overflow", "the number has no whole number of 64 bits", b.span_of(0))
            .help("give the decimals: `round(x, 0)`")),
        Value::Float(v) => Ok(Value::Float(round_float(v, digits))),
        other => Err(m.type_error(format!("`round` does not take {}", other.type_name()), b.span_of(0))),
    }
}

fn round_int(value: i64, digits: i64) -> i64 {
    let Some(unit) = u32::try_from(-digits).ok().and_then(|d| 10_i128.checked_pow(d)) else { return 0 };
    let (value, half) = (i128::from(value), unit / 2);
    let (quotient, rest) = (value.div_euclid(unit), value.rem_euclid(unit));
    let up = rest > half || (rest == half && quotient % 2 != 0);
    i64::try_from((quotient + i128::from(up)) * unit).unwrap_or(i64::MAX)
}

/// Correct rounding goes through the decimal digits, as in Python.
fn round_float(value: f64, digits: i64) -> f64 {
    if !value.is_finite() || digits > 320 {
        return value;
    }
    if digits >= 0 {
        return format!("{value:.*}", digits as usize).parse().unwrap_or(value);
    }
    let unit = 10_f64.powi(i32::try_from(-digits).unwrap_or(i32::MAX).min(400));
    if unit.is_infinite() { 0.0_f64.copysign(value) } else { (value / unit).round_ties_even() * unit }
}

fn power(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    no_more(m, b, &["base", "exponent"])?;
    let (left, right) = (b.need(0).clone(), b.need(1).clone());
    m.binary(BinOp::Pow, b.span, &left, &right)
}

fn divmod(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (left, right) = (b.need(0).clone(), b.need(1).clone());
    if let (Some(x), Some(y)) = (number::to_i64(&left.value), number::to_i64(&right.value)) {
        let (q, r) = number::int_div(x, y).map_err(|fault| m.number_fault(fault, "divmod", &left, &right))?;
        return Ok(Value::tuple([Value::Int(q), Value::Int(r)]));
    }
    let quotient = m.binary(BinOp::FloorDiv, b.span, &left, &right)?;
    Ok(Value::tuple([quotient, m.binary(BinOp::Mod, b.span, &left, &right)?]))
}
