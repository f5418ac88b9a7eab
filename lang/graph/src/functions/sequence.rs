//! Sequences: counting, ordering, pairing.

use super::{Bound, FunctionEntry, PLAIN, need, only, rest, with};
use crate::interp::{Arguments, Eval, Given, Machine, number, range_len};
use crate::value::Value;
use cleave_syntax::ast::CmpOp;
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::source::Span;
use std::cmp::Ordering;

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "len",
        params: &[need("x")],
        summary: "The number of items; of an array, the length of its first axis.",
        examples: &[("len([1, 2])", "2")],
        run: len,
        ..PLAIN
    },
    FunctionEntry {
        name: "range",
        params: &[need("start"), with("stop", "None"), with("step", "1")],
        summary: "Whole numbers from start up to, not including, stop.",
        examples: &[("list(range(1, 7, 2))", "[1, 3, 5]")],
        run: range,
        ..PLAIN
    },
    FunctionEntry {
        name: "enumerate",
        params: &[need("items"), with("start", "0")],
        summary: "Pairs of a count and an item.",
        examples: &[("list(enumerate('ab'))", "[(0, 'a'), (1, 'b')]")],
        run: enumerate,
        ..PLAIN
    },
    FunctionEntry {
        name: "zip",
        params: &[rest("sequences"), only("strict", "False")],
        summary: "Tuples of the items that stand at one place, up to the shortest.",
        examples: &[("list(zip([1, 2], 'ab'))", "[(1, 'a'), (2, 'b')]")],
        run: zip,
        ..PLAIN
    },
    FunctionEntry {
        name: "map",
        params: &[need("function"), rest("sequences")],
        summary: "What a function gives for each item.",
        examples: &[("list(map(abs, [-1, 2]))", "[1, 2]")],
        run: map,
        ..PLAIN
    },
    FunctionEntry {
        name: "filter",
        params: &[need("function"), need("items")],
        summary: "The items for which a function is true.",
        run: filter,
        ..PLAIN
    },
    FunctionEntry {
        name: "sorted",
        params: &[need("items"), only("key", "None"), only("reverse", "False")],
        summary: "The items in order, as a list.",
        examples: &[("sorted([3, 1, 2])", "[1, 2, 3]")],
        run: sorted,
        ..PLAIN
    },
    FunctionEntry {
        name: "reversed",
        params: &[need("items")],
        summary: "The items from the last to the first.",
        examples: &[("list(reversed('ab'))", "['b', 'a']")],
        run: reversed,
        ..PLAIN
    },
];

fn len(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let given = b.need(0);
    let n = match &given.value {
        Value::Str(text) => text.chars().count(),
        Value::Tuple(items) => items.len(),
        Value::List(items) => items.len(),
        Value::Dict(pairs) => pairs.len(),
        Value::Range { start, stop, step } => range_len(*start, *stop, *step),
        Value::Array(node) if m.state.graph[*node].shape.ndim() > 0 => m.state.graph[*node].shape[0],
        other => {
            let what = if matches!(other, Value::Array(_)) { "an array without axes" } else { other.type_name() };
            return Err(m.type_error(format!("{what} has no length"), given.span));
        }
    };
    Ok(Value::Int(n as i64))
}

fn range(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let step = m.int_arg(b, 2, 1)?;
    if step == 0 {
        return Err(m.error("zero-step", "a step cannot be 0", b.span_of(2)));
    }
    let first = m.int_arg(b, 0, 0)?;
    if b.slots[1].is_none() {
        return Ok(Value::Range { start: 0, stop: first, step });
    }
    Ok(Value::Range { start: first, stop: m.int_arg(b, 1, 0)?, step })
}

fn enumerate(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let start = m.int_arg(b, 1, 0)?;
    let items = m.all_items(b.value(0), b.span_of(0))?;
    let pairs =
        items.into_iter().enumerate().map(|(i, v)| Value::tuple([Value::Int(start.saturating_add(i as i64)), v]));
    Ok(Value::list(pairs.collect()))
}

fn columns(m: &mut Machine<'_>, given: &[Given]) -> Eval<Vec<Vec<Value>>> {
    given.iter().map(|g| m.all_items(g.value.clone(), g.span)).collect()
}

fn zip(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let columns = columns(m, &b.rest)?;
    let shortest = columns.iter().map(Vec::len).min().unwrap_or(0);
    if m.bool_arg(b, 1, false)? && columns.iter().any(|c| c.len() != shortest) {
        return Err(m.error("wrong-count", "the sequences have different lengths", b.span));
    }
    let row = |i: usize| Value::tuple(columns.iter().map(|c| c[i].clone()).collect::<Vec<_>>());
    Ok(Value::list((0..shortest).map(row).collect()))
}

fn map(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let function = b.need(0).clone();
    let columns = columns(m, &b.rest)?;
    let shortest = columns.iter().map(Vec::len).min().unwrap_or(0);
    let mut values = Vec::with_capacity(shortest);
    for i in 0..shortest {
        m.check_interrupt(b.span)?;
        let row = columns.iter().zip(&b.rest).map(|(c, g)| Given::new(c[i].clone(), g.span)).collect();
        values.push(m.call_value(&function, Arguments::of(row), b.span)?);
    }
    Ok(Value::list(values))
}

fn filter(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (function, span) = (b.need(0).clone(), b.span_of(1));
    let mut kept = Vec::new();
    for item in m.all_items(b.value(1), span)? {
        let verdict = match function.value {
            Value::None => item.clone(),
            _ => m.call_value(&function, Arguments::of(vec![Given::new(item.clone(), span)]), b.span)?,
        };
        if m.truth(&verdict, span)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn sorted(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let items = m.all_items(b.value(0), b.span_of(0))?;
    let (key, reverse) = (b.given(1).cloned(), m.bool_arg(b, 2, false)?);
    in_order(m, items, key.as_ref(), reverse, b.span).map(Value::list)
}

/// The items in order; the sort is stable, also in reverse.
pub(super) fn in_order(
    m: &mut Machine<'_>,
    items: Vec<Value>,
    key: Option<&Given>,
    reverse: bool,
    span: Span,
) -> Eval<Vec<Value>> {
    let mut ranked = Vec::with_capacity(items.len());
    for item in items {
        let rank = match key {
            Some(key) => m.call_value(key, Arguments::of(vec![Given::new(item.clone(), span)]), span)?,
            None => item.clone(),
        };
        ranked.push((rank, item));
    }
    let mut wrong: Option<Diagnostic> = None;
    ranked.sort_by(|(a, _), (b, _)| {
        let (a, b) = if reverse { (b, a) } else { (a, b) };
        if wrong.is_some() {
            return Ordering::Equal;
        }
        let order = m.order(CmpOp::Lt, &Given::new(a.clone(), span), &Given::new(b.clone(), span));
        order
            .unwrap_or_else(|error| {
                wrong = Some(error);
                None
            })
            .unwrap_or(Ordering::Equal)
    });
    match wrong {
        Some(error) => Err(error),
        None => Ok(ranked.into_iter().map(|(_, item)| item).collect()),
    }
}

fn reversed(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    if let Value::Range { start, stop, step } = b.value(0) {
        let len = range_len(start, stop, step) as i64;
        let last = start + (len - 1) * step;
        if let Some(Value::Int(step)) =
            number::unary(cleave_syntax::ast::UnaryOp::Neg, &Value::Int(step)).and_then(Result::ok)
        {
            return Ok(Value::Range { start: last, stop: last + len * step, step });
        }
    }
    let mut items = m.all_items(b.value(0), b.span_of(0))?;
    items.reverse();
    Ok(Value::list(items))
}
