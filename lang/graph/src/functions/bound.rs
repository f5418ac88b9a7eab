//! The arguments of one call, bound to an entry's parameters.

use super::FunctionEntry;
use crate::interp::{Eval, Given, Machine};
use crate::value::Value;
use cleave_syntax::source::Span;
use std::sync::Arc;

/// The arguments of one call.
pub struct Bound {
    pub(crate) entry: &'static FunctionEntry,
    pub(crate) span: Span,
    /// One a parameter; `None` where none was given.
    pub(crate) slots: Vec<Option<Given>>,
    /// The remaining positional ones.
    pub(crate) rest: Vec<Given>,
    /// The remaining named ones.
    pub(crate) names: Vec<(Arc<str>, Given)>,
    /// What the receiver becomes.
    pub(crate) changed: Option<Value>,
}

impl Bound {
    pub(crate) fn new(entry: &'static FunctionEntry, span: Span) -> Self {
        let slots = vec![None; entry.params.len()];
        Self { entry, span, slots, rest: Vec::new(), names: Vec::new(), changed: None }
    }

    /// An argument the entry requires.
    pub(crate) fn need(&self, slot: usize) -> &Given {
        self.slots[slot].as_ref().expect("the binder refuses calls without a required argument")
    }

    /// An argument, unless it was left out or is None.
    pub(crate) fn given(&self, slot: usize) -> Option<&Given> {
        self.slots[slot].as_ref().filter(|g| !matches!(g.value, Value::None))
    }

    /// Takes an argument out, so that it can be changed without a copy.
    pub(crate) fn take(&mut self, slot: usize) -> Value {
        self.slots[slot].take().map_or(Value::None, |g| g.value)
    }

    /// The argument, or None.
    pub(crate) fn value(&self, slot: usize) -> Value {
        self.slots[slot].as_ref().map_or(Value::None, |g| g.value.clone())
    }

    /// The argument's place in the text, or the call's.
    pub(crate) fn span_of(&self, slot: usize) -> Span {
        self.slots[slot].as_ref().map_or(self.span, |g| g.span)
    }
}

impl Machine<'_> {
    /// A whole number, or `default` where it was left out.
    pub(crate) fn int_arg(&mut self, bound: &Bound, slot: usize, default: i64) -> Eval<i64> {
        match bound.given(slot) {
            Some(given) => self.whole(&given.value.clone(), given.span),
            None => Ok(default),
        }
    }

    /// A number, or `default` where it was left out.
    pub(crate) fn real_arg(&mut self, bound: &Bound, slot: usize, default: f64) -> Eval<f64> {
        match bound.given(slot) {
            Some(given) => self.real(&given.value.clone(), given.span),
            None => Ok(default),
        }
    }

    /// True or false, or `default` where it was left out.
    pub(crate) fn bool_arg(&mut self, bound: &Bound, slot: usize, default: bool) -> Eval<bool> {
        match bound.given(slot) {
            Some(given) => self.truth(&given.value.clone(), given.span),
            None => Ok(default),
        }
    }

    /// Text, or `None` where it was left out.
    pub(crate) fn text_arg(&mut self, bound: &Bound, slot: usize) -> Eval<Option<Arc<str>>> {
        match bound.given(slot) {
            None => Ok(None),
            Some(Given { value: Value::Str(text), .. }) => Ok(Some(text.clone())),
            Some(other) => {
                let (value, span) = (other.value.clone(), other.span);
                let message =
                    format!("`{}` must be text, found {}", bound.entry.params[slot].name, self.described(&value, span));
                Err(self.type_error(message, span))
            }
        }
    }

    /// Text that must be given.
    pub(crate) fn needed_text(&mut self, bound: &Bound, slot: usize) -> Eval<Arc<str>> {
        match self.text_arg(bound, slot)? {
            Some(text) => Ok(text),
            None => {
                let message = format!("`{}` must be text, found None", bound.entry.params[slot].name);
                Err(self.type_error(message, bound.span_of(slot)))
            }
        }
    }
}
