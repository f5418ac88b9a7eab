//! Subscripts: items of sequences, dicts and text, and views of arrays.

use super::compare::range_len;
use super::fault::Given;
use super::{Eval, Machine};
use crate::index::{self, Index};
use crate::value::Value;
use cleave_ops::DType;
use cleave_syntax::source::Span;

impl Machine<'_> {
    pub(crate) fn subscript(&mut self, object: &Given, index: &Given, span: Span) -> Eval {
        match &object.value {
            Value::List(items) => match self.part(&index.value, items.len(), index.span)? {
                Part::One(at) => Ok(items[at].clone()),
                Part::Many(places) => Ok(Value::list(places.map(|at| items[at].clone()).collect())),
            },
            Value::Tuple(items) => match self.part(&index.value, items.len(), index.span)? {
                Part::One(at) => Ok(items[at].clone()),
                Part::Many(places) => Ok(Value::tuple(places.map(|at| items[at].clone()).collect::<Vec<_>>())),
            },
            Value::Str(text) => self.characters(text, index),
            Value::Range { start, stop, step } => self.range_part((*start, *stop, *step), index),
            Value::Dict(pairs) => {
                let at = self.key_at(pairs, &index.value, index.span)?;
                Ok(pairs[at].1.clone())
            }
            Value::Array(node) => {
                let indices = self.indices(&index.value, index.span)?;
                let made = index::index(&mut self.state.graph, *node, &indices);
                made.map(Value::Array).map_err(|e| self.op_error(&e, index.span, std::slice::from_ref(object)))
            }
            other => {
                let message = format!("a value of type {} has no items", self.described(other, object.span));
                Err(self.type_error(message, span))
            }
        }
    }

    fn characters(&mut self, text: &str, index: &Given) -> Eval {
        let chars: Vec<char> = text.chars().collect();
        Ok(match self.part(&index.value, chars.len(), index.span)? {
            Part::One(at) => Value::text(chars[at].to_string()),
            Part::Many(places) => Value::text(places.map(|at| chars[at]).collect::<String>()),
        })
    }

    fn range_part(&mut self, (start, stop, step): (i64, i64, i64), index: &Given) -> Eval {
        let len = range_len(start, stop, step);
        Ok(match self.part(&index.value, len, index.span)? {
            Part::One(at) => Value::Int(start + at as i64 * step),
            Part::Many(places) => {
                let end = start + (places.start + places.step * places.len as i64) * step;
                Value::Range { start: start + places.start * step, stop: end, step: step * places.step }
            }
        })
    }

    /// The place of an item in a sequence of `len`.
    pub(crate) fn position(&mut self, index: &Value, len: usize, span: Span) -> Eval<usize> {
        let at = self.whole(index, span)?;
        let from_start = if at < 0 { at + len as i64 } else { at };
        usize::try_from(from_start).ok().filter(|&i| i < len).ok_or_else(|| {
            let message = format!("index {at} is outside a sequence of length {len}");
            let error = self.error("index-out-of-range", message, span);
            if len == 0 { error } else { error.help(format!("indices go from {} to {}", -(len as i64), len - 1)) }
        })
    }

    fn part(&mut self, index: &Value, len: usize, span: Span) -> Eval<Part> {
        let Value::Slice { start, stop, step } = *index else {
            return self.position(index, len, span).map(Part::One);
        };
        let step = step.unwrap_or(1);
        if step == 0 {
            return Err(self.error("zero-step", "a step cannot be 0", span).help("use a step other than 0"));
        }
        let len = len as i64;
        let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
        let place = |given: Option<i64>, default: i64| match given {
            None => default,
            Some(v) if v < 0 => v.saturating_add(len).clamp(low, high),
            Some(v) => v.clamp(low, high),
        };
        let (first, last) = if step > 0 { (low, high) } else { (high, low) };
        let (start, stop) = (place(start, first), place(stop, last));
        Ok(Part::Many(Places { start, step, len: range_len(start, stop, step), next: 0 }))
    }

    /// The indices of a subscript of an array.
    pub(crate) fn indices(&mut self, value: &Value, span: Span) -> Eval<Vec<Index>> {
        match value {
            Value::Tuple(items) => items.iter().map(|item| self.one_index(item, span)).collect(),
            one => Ok(vec![self.one_index(one, span)?]),
        }
    }

    fn one_index(&mut self, value: &Value, span: Span) -> Eval<Index> {
        match value {
            Value::Slice { start, stop, step } => Ok(Index::Slice { start: *start, stop: *stop, step: *step }),
            Value::Ellipsis => Ok(Index::Ellipsis),
            Value::None => Ok(Index::NewAxis),
            Value::Bool(_) => self.mask_index(span),
            Value::Array(node) => {
                let node = &self.state.graph[*node];
                match (node.dtype, node.shape.ndim()) {
                    (DType::Bool, _) => self.mask_index(span),
                    (_, 0) => self.whole(value, span).map(Index::At),
                    _ => self.fancy_index(span),
                }
            }
            Value::Number(_, DType::Bool) => self.mask_index(span),
            Value::List(_) | Value::Range { .. } => self.fancy_index(span),
            other => self.whole(other, span).map(Index::At),
        }
    }

    fn mask_index(&mut self, span: Span) -> Eval<Index> {
        let help = "use `where(mask, x, other)`, or a reduction of `where(mask, x, 0)`";
        self.not_available("indexing an array with a boolean mask", help, span)
    }

    fn fancy_index(&mut self, span: Span) -> Eval<Index> {
        let help = "use an integer or a slice with a step, such as `x[::2]`";
        self.not_available("indexing an array with a list of integers", help, span)
    }
}

/// What an index takes of a sequence.
enum Part {
    One(usize),
    Many(Places),
}

/// The places that a slice takes.
struct Places {
    start: i64,
    step: i64,
    len: usize,
    next: usize,
}

impl Iterator for Places {
    type Item = usize;
    fn next(&mut self) -> Option<usize> {
        (self.next < self.len).then(|| {
            self.next += 1;
            (self.start + self.step * (self.next as i64 - 1)) as usize
        })
    }
}
