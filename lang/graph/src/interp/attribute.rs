//! `x.name`: members of modules, properties, methods.

use super::fault::{Given, nearest};
use super::{Eval, Machine};
use crate::functions::{self, Receiver, modules, properties};
use crate::value::{Builtin, Value};
use cleave_syntax::ast::Name;
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::source::Source;
use std::sync::Arc;

impl Machine<'_> {
    pub(crate) fn attribute(&mut self, object: &Given, name: &Name) -> Eval {
        if let Value::Module(module) = object.value {
            let found = modules::member(module, &name.node);
            return found.ok_or_else(|| modules::unknown_member(module, name, &self.source));
        }
        if let Value::Array(_) | Value::Number(..) = object.value
            && let Some(property) = properties::find(&name.node)
        {
            let node = self.array_of(&object.value, object.span)?;
            return (property.of)(self, node, object.span);
        }
        if let Some(value) = part(&object.value, &name.node) {
            return Ok(value);
        }
        match Receiver::of(&object.value).and_then(|r| functions::method(r, &name.node)) {
            Some(method) => Ok(Value::Method { receiver: Arc::new(object.value.clone()), method }),
            None => Err(unknown_attribute(&object.value, name, &self.source)),
        }
    }
}

/// A value that does not have what is asked for behind its dot.
pub(crate) fn unknown_attribute(value: &Value, name: &Name, source: &Source) -> Diagnostic {
    let message = format!("a value of type {} has no attribute `{}`", value.type_name(), name.node);
    let error = Diagnostic::new("unknown-attribute", message, source, name.span);
    if let Some(later) = functions::not_yet(&name.node) {
        return error.help(later);
    }
    match nearest(&name.node, attribute_names(value)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error,
    }
}

/// The names after a value's dot.
pub(crate) fn attribute_names(value: &Value) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = match value {
        Value::Module(module) => modules::member_names(module),
        Value::Array(_) | Value::Number(..) => properties::PROPERTIES.iter().map(|p| p.name).collect(),
        Value::Complex(_) => vec!["real", "imag"],
        Value::Range { .. } | Value::Slice { .. } => vec!["start", "stop", "step"],
        Value::DType(_) => vec!["name", "itemsize", "kind"],
        Value::Function(_) | Value::Builtin(_) => vec!["__name__", "__doc__"],
        _ => Vec::new(),
    };
    if let Some(receiver) = Receiver::of(value) {
        names.extend(functions::method_names(receiver));
    }
    names
}

/// What small values are made of.
fn part(value: &Value, name: &str) -> Option<Value> {
    let optional = |v: Option<i64>| v.map_or(Value::None, Value::Int);
    Some(match (value, name) {
        (Value::Complex(v), "real") => Value::Float(v.re),
        (Value::Complex(v), "imag") => Value::Float(v.im),
        (Value::Float(_) | Value::Int(_), "real") => value.clone(),
        (Value::Float(_), "imag") => Value::Float(0.0),
        (Value::Int(_), "imag") => Value::Int(0),
        (Value::Range { start, .. }, "start") => Value::Int(*start),
        (Value::Range { stop, .. }, "stop") => Value::Int(*stop),
        (Value::Range { step, .. }, "step") => Value::Int(*step),
        (Value::Slice { start, .. }, "start") => optional(*start),
        (Value::Slice { stop, .. }, "stop") => optional(*stop),
        (Value::Slice { step, .. }, "step") => optional(*step),
        (Value::DType(dtype), "name") => Value::text(dtype.name()),
        (Value::DType(dtype), "itemsize") => Value::Int(dtype.size() as i64),
        (Value::DType(dtype), "kind") => Value::text(match dtype.kind() {
            cleave_ops::Kind::Bool => "b",
            cleave_ops::Kind::Int if dtype.is_signed() => "i",
            cleave_ops::Kind::Int => "u",
            cleave_ops::Kind::Float => "f",
        }),
        (Value::Function(function), "__name__") => Value::Str(function.name.clone()),
        (Value::Function(function), "__doc__") => function.doc.clone().map_or(Value::None, Value::Str),
        (Value::Builtin(builtin), "__name__") => Value::text(builtin.name()),
        (Value::Builtin(Builtin::Op(op)), "__doc__") => Value::text(op.summary),
        (Value::Builtin(Builtin::Function(entry)), "__doc__") => Value::text(entry.summary),
        _ => return None,
    })
}
