//! Methods of dicts. Those that change one bind the name it was reached by anew.

use super::convert::put;
use super::{Bound, Found, FunctionEntry, PLAIN, Receiver, names, need, with};
use crate::interp::{Eval, Machine};
use crate::value::Value;
use std::sync::Arc;

const DICT: &[Found] = &[Found::Method(Receiver::Dict)];

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "keys",
        found: DICT,
        params: &[need("dict")],
        summary: "The keys, as a list.",
        run: |_, b| list_of(b, |(k, _)| k),
        ..PLAIN
    },
    FunctionEntry {
        name: "values",
        found: DICT,
        params: &[need("dict")],
        summary: "The values, as a list.",
        run: |_, b| list_of(b, |(_, v)| v),
        ..PLAIN
    },
    FunctionEntry {
        name: "items",
        found: DICT,
        params: &[need("dict")],
        summary: "Pairs of key and value, as a list.",
        run: |_, b| list_of(b, |(k, v)| Value::tuple([k, v])),
        ..PLAIN
    },
    FunctionEntry {
        name: "get",
        found: DICT,
        params: &[need("dict"), need("key"), with("default", "None")],
        summary: "The value of a key, or the default.",
        run: get,
        ..PLAIN
    },
    FunctionEntry {
        name: "copy",
        found: DICT,
        params: &[need("dict")],
        summary: "The same dict.",
        run: |_, b| Ok(b.value(0)),
        ..PLAIN
    },
    FunctionEntry {
        name: "update",
        found: DICT,
        changes: true,
        params: &[need("dict"), with("other", "{}"), names("named")],
        summary: "Sets the values of another dict and of named arguments.",
        run: update,
        ..PLAIN
    },
    FunctionEntry {
        name: "pop",
        found: DICT,
        changes: true,
        params: &[need("dict"), need("key"), with("default", "None")],
        summary: "Takes a key out and gives its value.",
        run: pop,
        ..PLAIN
    },
    FunctionEntry {
        name: "setdefault",
        found: DICT,
        changes: true,
        params: &[need("dict"), need("key"), with("default", "None")],
        summary: "The value of a key, which is set first where it is missing.",
        run: setdefault,
        ..PLAIN
    },
    FunctionEntry {
        name: "clear",
        found: DICT,
        changes: true,
        params: &[need("dict")],
        summary: "Takes all keys out.",
        run: |_, b| Ok(change(b, Vec::new())),
        ..PLAIN
    },
];

fn pairs(b: &mut Bound) -> Vec<(Value, Value)> {
    match b.take(0) {
        Value::Dict(pairs) => Arc::unwrap_or_clone(pairs),
        _ => Vec::new(),
    }
}

fn change(b: &mut Bound, pairs: Vec<(Value, Value)>) -> Value {
    b.changed = Some(Value::Dict(Arc::new(pairs)));
    Value::None
}

fn list_of(b: &mut Bound, part: fn((Value, Value)) -> Value) -> Eval {
    Ok(Value::list(pairs(b).into_iter().map(part).collect()))
}

fn get(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let pairs = pairs(b);
    let found = m.find_key(&pairs, &b.value(1), b.span_of(1))?;
    Ok(found.map_or_else(|| b.value(2), |at| pairs[at].1.clone()))
}

fn update(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (mut pairs, span) = (pairs(b), b.span_of(1));
    match b.value(1) {
        Value::Dict(other) => {
            for (key, value) in other.iter() {
                put(m, &mut pairs, key.clone(), value.clone(), span)?;
            }
        }
        Value::None => {}
        other => return Err(m.type_error(format!("`update` takes a dict, found {}", other.type_name()), span)),
    }
    for (name, given) in std::mem::take(&mut b.names) {
        put(m, &mut pairs, Value::Str(name), given.value, given.span)?;
    }
    Ok(change(b, pairs))
}

fn pop(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let mut pairs = pairs(b);
    let (key, span) = (b.value(1), b.span_of(1));
    let value = match m.find_key(&pairs, &key, span)? {
        Some(at) => pairs.remove(at).1,
        None if b.slots[2].is_some() => b.value(2),
        None => return m.key_at(&pairs, &key, span).map(|_| Value::None),
    };
    change(b, pairs);
    Ok(value)
}

fn setdefault(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let mut pairs = pairs(b);
    let value = match m.find_key(&pairs, &b.value(1), b.span_of(1))? {
        Some(at) => pairs[at].1.clone(),
        None => {
            pairs.push((b.value(1), b.value(2)));
            b.value(2)
        }
    };
    change(b, pairs);
    Ok(value)
}
