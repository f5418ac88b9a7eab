//! Numbers and truth out of values; lazy arrays are computed where that is needed.

use super::{Eval, Machine};
use crate::build;
use crate::node::{NodeId, NodeKind};
use crate::value::Value;
use cleave_ops::{Data, Fill, Scalar};
use cleave_syntax::ast::Expr;
use cleave_syntax::source::Span;

impl Machine<'_> {
    pub(crate) fn test(&mut self, expr: &Expr) -> Eval<bool> {
        let value = self.eval(expr)?;
        self.truth(&value, expr.span)
    }

    /// Whether a value counts as true.
    pub(crate) fn truth(&mut self, value: &Value, span: Span) -> Eval<bool> {
        Ok(match value {
            Value::None => false,
            Value::Bool(v) => *v,
            Value::Int(v) => *v != 0,
            Value::Float(v) => *v != 0.0,
            Value::Complex(v) => *v != num_complex::Complex64::ZERO,
            Value::Str(text) => !text.is_empty(),
            Value::Tuple(items) => !items.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Dict(pairs) => !pairs.is_empty(),
            Value::Range { start, stop, step } => super::compare::range_len(*start, *stop, *step) > 0,
            Value::Number(scalar, _) => scalar.to_f64() != 0.0,
            Value::Array(node) => self.array_truth(*node, span)?,
            Value::Ellipsis
            | Value::Slice { .. }
            | Value::DType(_)
            | Value::Function(_)
            | Value::Builtin(_)
            | Value::Method { .. }
            | Value::Generator(_)
            | Value::Module(_)
            | Value::Manager(_)
            | Value::Client(_) => true,
        })
    }

    fn array_truth(&mut self, node: NodeId, span: Span) -> Eval<bool> {
        let shape = self.state.graph[node].shape.clone();
        if shape.size() != 1 {
            let message = format!("an array of shape {shape} is neither true nor false");
            let help = "ask for `.any()` or `.all()` of it; combine conditions with `&` and `|`";
            return Err(self.error("ambiguous-truth", message, span).help(help));
        }
        Ok(self.single(node, span)?.to_f64() != 0.0)
    }

    /// The elements of a small array.
    pub(crate) fn fetch(&mut self, node: NodeId, span: Span) -> Eval<Data> {
        let fetched = self.host.fetch(&self.state.graph, node);
        fetched.map_err(|failure| self.failed(failure, span))
    }

    /// The one element of an array.
    pub(crate) fn single(&mut self, node: NodeId, span: Span) -> Eval<Scalar> {
        let found = &self.state.graph[node];
        if found.shape.size() != 1 {
            let message = format!("an array of shape {} is not one number", found.shape);
            let help = "reduce it first, for instance with `.sum()`, or take an element";
            return Err(self.error("not-a-number", message, span).help(help));
        }
        if let NodeKind::Fill(Fill::Const(value)) = found.kind {
            return Ok(build::scalar_as(value, found.dtype));
        }
        Ok(self.fetch(node, span)?.get(0))
    }

    /// The value with a 0-d array computed to the plain number it holds; others as they are.
    pub(crate) fn known(&mut self, value: &Value, span: Span) -> Eval {
        match value {
            Value::Array(node) if self.state.graph[*node].shape.ndim() == 0 => {
                let dtype = self.state.graph[*node].dtype;
                Ok(Value::Number(self.single(*node, span)?, dtype).plain())
            }
            other => Ok(other.plain()),
        }
    }

    /// A whole number, as indices and counts are.
    pub(crate) fn whole(&mut self, value: &Value, span: Span) -> Eval<i64> {
        match self.known(value, span)? {
            Value::Int(v) => Ok(v),
            Value::Bool(v) => Ok(i64::from(v)),
            other => {
                let message = format!("a whole number is needed here, found {}", self.described(&other, span));
                let error = self.type_error(message, span);
                Err(if matches!(other, Value::Float(_)) {
                    error.help("use `//` for whole division, or `int(...)`")
                } else {
                    error
                })
            }
        }
    }

    pub(crate) fn optional_index(&mut self, value: &Value, span: Span) -> Eval<Option<i64>> {
        if matches!(value, Value::None) { Ok(None) } else { self.whole(value, span).map(Some) }
    }

    /// A real number.
    pub(crate) fn real(&mut self, value: &Value, span: Span) -> Eval<f64> {
        let known = self.known(value, span)?;
        super::number::to_f64(&known).or_else(|| known.as_scalar().map(Scalar::to_f64)).ok_or_else(|| {
            let message = format!("a number is needed here, found {}", self.described(&known, span));
            self.type_error(message, span)
        })
    }

    /// Type and, where it is short, text of a value, for messages.
    pub(crate) fn described(&mut self, value: &Value, span: Span) -> String {
        match value {
            Value::Array(_) | Value::None => self.describe(value, Span::default()),
            _ => match self.repr_of(value, span) {
                Ok(text) if text.len() <= 30 => format!("{} {text}", value.type_name()),
                _ => value.type_name().to_owned(),
            },
        }
    }
}
