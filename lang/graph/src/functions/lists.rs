//! Methods of lists and tuples. Those that change a list bind the name it was reached by anew.

use super::sequence::in_order;
use super::{Bound, Found, FunctionEntry, PLAIN, Receiver, need, only, with};
use crate::interp::{Eval, Machine};
use crate::value::Value;
use std::sync::Arc;

const LIST: &[Found] = &[Found::Method(Receiver::List)];
const BOTH: &[Found] = &[Found::Method(Receiver::List), Found::Method(Receiver::Tuple)];

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "append",
        found: LIST,
        changes: true,
        params: &[need("list"), need("item")],
        summary: "Adds an item at the end.",
        run: append,
        ..PLAIN
    },
    FunctionEntry {
        name: "extend",
        found: LIST,
        changes: true,
        params: &[need("list"), need("items")],
        summary: "Adds items at the end.",
        run: extend,
        ..PLAIN
    },
    FunctionEntry {
        name: "insert",
        found: LIST,
        changes: true,
        params: &[need("list"), need("index"), need("item")],
        summary: "Adds an item before an index.",
        run: insert,
        ..PLAIN
    },
    FunctionEntry {
        name: "pop",
        found: LIST,
        changes: true,
        params: &[need("list"), with("index", "-1")],
        summary: "Takes an item out and gives it.",
        run: pop,
        ..PLAIN
    },
    FunctionEntry {
        name: "remove",
        found: LIST,
        changes: true,
        params: &[need("list"), need("item")],
        summary: "Takes the first equal item out.",
        run: remove,
        ..PLAIN
    },
    FunctionEntry {
        name: "clear",
        found: LIST,
        changes: true,
        params: &[need("list")],
        summary: "Takes all items out.",
        run: clear,
        ..PLAIN
    },
    FunctionEntry {
        name: "reverse",
        found: LIST,
        changes: true,
        params: &[need("list")],
        summary: "Puts the items in reverse order.",
        run: reverse,
        ..PLAIN
    },
    FunctionEntry {
        name: "sort",
        found: LIST,
        changes: true,
        params: &[need("list"), only("key", "None"), only("reverse", "False")],
        summary: "Puts the items in order.",
        run: sort,
        ..PLAIN
    },
    FunctionEntry {
        name: "index",
        found: BOTH,
        params: &[need("list"), need("item")],
        summary: "The index of the first equal item.",
        run: index,
        ..PLAIN
    },
    FunctionEntry {
        name: "count",
        found: BOTH,
        params: &[need("list"), need("item")],
        summary: "How many items are equal.",
        run: count,
        ..PLAIN
    },
    FunctionEntry {
        name: "copy",
        found: LIST,
        params: &[need("list")],
        summary: "The same list.",
        run: |_, b| Ok(b.value(0)),
        ..PLAIN
    },
];

/// Takes the receiver out of the call, so that it is changed without a copy.
fn items(b: &mut Bound) -> Vec<Value> {
    match b.take(0) {
        Value::List(items) => Arc::unwrap_or_clone(items),
        Value::Tuple(items) => items.to_vec(),
        _ => Vec::new(),
    }
}

fn change(b: &mut Bound, items: Vec<Value>) -> Eval {
    b.changed = Some(Value::list(items));
    Ok(Value::None)
}

fn append(_: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let mut list = items(b);
    list.push(b.take(1));
    change(b, list)
}

fn extend(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (mut list, span) = (items(b), b.span_of(1));
    list.extend(m.all_items(b.take(1), span)?);
    change(b, list)
}

fn insert(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (at, mut list) = (m.int_arg(b, 1, 0)?, items(b));
    let len = list.len() as i64;
    let place = if at < 0 { (at + len).max(0) } else { at.min(len) };
    list.insert(place as usize, b.take(2));
    change(b, list)
}

fn pop(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let mut list = items(b);
    let index = b.given(1).map_or(Value::Int(-1), |g| g.value.clone());
    let at = m.position(&index, list.len(), b.span_of(1))?;
    let item = list.remove(at);
    change(b, list)?;
    Ok(item)
}

fn find(m: &mut Machine<'_>, list: &[Value], b: &Bound) -> Eval<usize> {
    let wanted = b.value(1);
    for (at, item) in list.iter().enumerate() {
        if m.equal(item, &wanted, b.span_of(1))? {
            return Ok(at);
        }
    }
    let text = m.repr_of(&wanted, b.span_of(1))?;
    Err(m.error("not-found", format!("{text} is not in the list"), b.span_of(1)))
}

fn remove(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let mut list = items(b);
    list.remove(find(m, &list, b)?);
    change(b, list)
}

fn clear(_: &mut Machine<'_>, b: &mut Bound) -> Eval {
    change(b, Vec::new())
}

fn reverse(_: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let mut list = items(b);
    list.reverse();
    change(b, list)
}

fn sort(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (key, reverse) = (b.given(1).cloned(), m.bool_arg(b, 2, false)?);
    let list = items(b);
    let sorted = in_order(m, list, key.as_ref(), reverse, b.span)?;
    change(b, sorted)
}

fn index(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let list = items(b);
    find(m, &list, b).map(|at| Value::Int(at as i64))
}

fn count(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let mut n = 0;
    for item in items(b) {
        n += i64::from(m.equal(&item, &b.value(1), b.span_of(1))?);
    }
    Ok(Value::Int(n))
}
