//! How values print: `str`, `repr` and f-strings.

use super::{Eval, Machine};
use crate::build;
use crate::format::{self, Formatted};
use crate::node::NodeId;
use crate::value::Value;
use cleave_ops::{Data, Scalar};
use cleave_syntax::source::Span;
use num_complex::Complex64;

impl Machine<'_> {
    /// The text that `print` writes.
    pub(crate) fn str_of(&mut self, value: &Value, span: Span) -> Eval<String> {
        match value {
            Value::Str(text) => Ok(text.to_string()),
            Value::DType(dtype) => Ok(dtype.name().to_owned()),
            Value::Number(scalar, dtype) => Ok(format::scalar_str(*scalar, *dtype)),
            Value::Array(node) => self.array_text(*node, false, span),
            other => self.repr_of(other, span),
        }
    }

    /// The text that `repr` gives, and that values inside of lists have.
    pub(crate) fn repr_of(&mut self, value: &Value, span: Span) -> Eval<String> {
        Ok(match value {
            Value::None => "None".to_owned(),
            Value::Ellipsis => "Ellipsis".to_owned(),
            Value::Bool(v) => if *v { "True" } else { "False" }.to_owned(),
            Value::Int(v) => v.to_string(),
            Value::Float(v) => format::float_repr(*v),
            Value::Complex(v) => complex_repr(*v),
            Value::Str(text) => quoted(text),
            Value::Tuple(items) if items.len() == 1 => format!("({},)", self.repr_of(&items[0], span)?),
            Value::Tuple(items) => format!("({})", self.joined(items, span)?),
            Value::List(items) => format!("[{}]", self.joined(items, span)?),
            Value::Dict(pairs) => self.dict_repr(pairs, span)?,
            Value::Range { start, stop, step: 1 } => format!("range({start}, {stop})"),
            Value::Range { start, stop, step } => format!("range({start}, {stop}, {step})"),
            Value::Slice { start, stop, step } => {
                let part = |v: &Option<i64>| v.map_or("None".to_owned(), |v| v.to_string());
                format!("slice({}, {}, {})", part(start), part(stop), part(step))
            }
            Value::DType(dtype) => format!("dtype('{dtype}')"),
            Value::Number(Scalar::Bool(v), _) => format!("np.{}_", if *v { "True" } else { "False" }),
            Value::Number(scalar, dtype) => format!("np.{dtype}({})", format::scalar_str(*scalar, *dtype)),
            Value::Array(node) => self.array_text(*node, true, span)?,
            Value::Function(function) => format!("<function {}>", function.name),
            Value::Builtin(entry) => format!("<function {}>", entry.name()),
            Value::Method { method, .. } => format!("<method {}>", method.name()),
            Value::Generator(generator) => format!("default_rng({})", generator.seed),
            Value::Module(module) => format!("<module '{}'>", module.name),
            Value::Manager(name) => format!("<{name}>"),
            Value::Client(client) => format!("<Client: '{}'>", client.address),
        })
    }

    fn joined(&mut self, items: &[Value], span: Span) -> Eval<String> {
        self.deeper(span, |m| {
            let texts: Vec<String> = items.iter().map(|v| m.repr_of(v, span)).collect::<Eval<_>>()?;
            Ok(texts.join(", "))
        })
    }

    fn dict_repr(&mut self, pairs: &[(Value, Value)], span: Span) -> Eval<String> {
        self.deeper(span, |m| {
            let pair = |(k, v): &(Value, Value)| Ok(format!("{}: {}", m.repr_of(k, span)?, m.repr_of(v, span)?));
            let texts: Vec<String> = pairs.iter().map(pair).collect::<Eval<_>>()?;
            Ok(format!("{{{}}}", texts.join(", ")))
        })
    }

    /// An array as NumPy prints it: 0-d ones as their number, large ones by their corners.
    fn array_text(&mut self, node: NodeId, repr: bool, span: Span) -> Eval<String> {
        let found = &self.state.graph[node];
        let (shape, dtype) = (found.shape.clone(), found.dtype);
        if shape.ndim() == 0 {
            let number = Value::Number(self.single(node, span)?, dtype);
            return if repr { self.repr_of(&number, span) } else { self.str_of(&number, span) };
        }
        let Some(pieces) = format::corners(&shape) else {
            let data = self.fetch(node, span)?;
            return Ok(if repr { format::array_repr(&shape, &data) } else { format::array_str(&shape, &data) });
        };
        let nodes: Vec<NodeId> =
            pieces.into_iter().map(|view| build::view(&mut self.state.graph, node, view)).collect();
        let parts: Vec<Data> = nodes.into_iter().map(|n| self.fetch(n, span)).collect::<Eval<_>>()?;
        let text = if repr { format::array_repr_from_corners } else { format::array_str_from_corners };
        Ok(text(&shape, &parts))
    }

    /// A value in an f-string or `format`, by Python's format specification.
    pub(crate) fn format(&mut self, value: &Value, spec: &str, span: Span) -> Eval<String> {
        if spec.is_empty() {
            return self.str_of(value, span);
        }
        let known = self.known(value, span)?;
        let formatted = match &known {
            Value::Bool(v) => Formatted::Bool(*v),
            Value::Int(v) => Formatted::Int(i128::from(*v)),
            Value::Float(v) => Formatted::Float(*v),
            Value::Number(Scalar::Int(v), _) => Formatted::Int(*v),
            Value::Str(text) => Formatted::Str(text),
            other => {
                let message = format!("a value of type {} has no format `{spec}`", other.type_name());
                let help = "turn it into text first: `{str(x):>10}`";
                return Err(self.error("bad-format", message, span).help(help));
            }
        };
        format::format_spec(spec, formatted).map_err(|e| self.error("bad-format", e.to_string(), span))
    }
}

fn complex_repr(value: Complex64) -> String {
    let part = |v: f64| {
        let text = format::float_repr(v);
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    if value.re == 0.0 && value.re.is_sign_positive() {
        return format!("{}j", part(value.im));
    }
    let sign = if value.im.is_sign_negative() { "" } else { "+" };
    format!("({}{sign}{}j)", part(value.re), part(value.im))
}

/// Text in quotes as Python's `repr` has it.
pub(crate) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}
