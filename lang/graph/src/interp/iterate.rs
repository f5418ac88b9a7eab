//! What `for` goes over.

use super::compare::range_len;
use super::{Eval, Machine};
use crate::index::{self, Index};
use crate::node::NodeId;
use crate::value::Value;
use cleave_syntax::source::Span;
use std::sync::Arc;

/// The items that are still to come.
pub(crate) enum Items {
    /// Of a tuple.
    Tuple(Arc<[Value]>, usize),
    /// Of a list.
    List(Arc<Vec<Value>>, usize),
    /// Of a dict: its keys.
    Keys(Arc<Vec<(Value, Value)>>, usize),
    /// Of a text: its characters.
    Text(Arc<str>, usize),
    /// Of a range: the next integer, the step and how many are left.
    Range(i64, i64, usize),
    /// Along the first axis of an array.
    Array(NodeId, usize, Span),
}

impl Machine<'_> {
    pub(crate) fn items_of(&self, value: Value, span: Span) -> Eval<Items> {
        Ok(match value {
            Value::Tuple(items) => Items::Tuple(items, 0),
            Value::List(items) => Items::List(items, 0),
            Value::Dict(pairs) => Items::Keys(pairs, 0),
            Value::Str(text) => Items::Text(text, 0),
            Value::Range { start, stop, step } => Items::Range(start, step, range_len(start, stop, step)),
            Value::Array(node) if self.state.graph[node].shape.ndim() > 0 => Items::Array(node, 0, span),
            Value::Array(_) | Value::Number(..) => {
                let help = "an array without axes is one number: use it as it is";
                return Err(self.type_error("an array without axes has no items", span).help(help));
            }
            other => {
                let message = format!("a value of type {} has no items to go over", other.type_name());
                let error = self.type_error(message, span);
                let count = matches!(other, Value::Int(_));
                return Err(if count { error.help("to count, write `range(n)`") } else { error });
            }
        })
    }

    pub(crate) fn next_item(&mut self, items: &mut Items) -> Eval<Option<Value>> {
        Ok(match items {
            Items::Tuple(items, at) => advance(items.get(*at).cloned(), at),
            Items::List(items, at) => advance(items.get(*at).cloned(), at),
            Items::Keys(pairs, at) => advance(pairs.get(*at).map(|(key, _)| key.clone()), at),
            Items::Text(text, at) => text[*at..].chars().next().map(|c| {
                *at += c.len_utf8();
                Value::text(c.to_string())
            }),
            Items::Range(next, step, left) => left.checked_sub(1).map(|fewer| {
                let value = *next;
                (*next, *left) = (next.wrapping_add(*step), fewer);
                Value::Int(value)
            }),
            Items::Array(node, at, span) => {
                let (node, here, span) = (*node, *at, *span);
                if here >= self.state.graph[node].shape[0] {
                    return Ok(None);
                }
                *at += 1;
                let part = index::index(&mut self.state.graph, node, &[Index::At(here as i64)]);
                Some(Value::Array(part.map_err(|e| self.op_error(&e, span, &[]))?))
            }
        })
    }

    /// All items at once.
    pub(crate) fn all_items(&mut self, value: Value, span: Span) -> Eval<Vec<Value>> {
        match value {
            Value::Tuple(items) => return Ok(items.to_vec()),
            Value::List(items) => return Ok(Arc::unwrap_or_clone(items)),
            _ => {}
        }
        let mut items = self.items_of(value, span)?;
        if matches!(items, Items::Range(_, _, left) if left > 100_000_000) {
            let help = "an array holds a long range without storing it: `arange(n)`";
            return Err(self.error("too-large", "this range has too many items for a list", span).help(help));
        }
        let mut values = Vec::new();
        while let Some(item) = self.next_item(&mut items)? {
            values.push(item);
            if values.len().is_multiple_of(4096) {
                self.check_interrupt(span)?;
            }
        }
        Ok(values)
    }
}

fn advance(item: Option<Value>, at: &mut usize) -> Option<Value> {
    *at += 1;
    item
}
