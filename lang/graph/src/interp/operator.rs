//! Operators: on numbers as Python has them, on text and sequences, and on arrays through the table.

use super::fault::Given;
use super::number::{self, NumberFault};
use super::{Eval, Machine};
use crate::value::Value;
use crate::vocabulary;
use cleave_syntax::ast::{BinOp, UnaryOp};
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::source::Span;
use std::sync::Arc;

/// The most items that `[0] * n` makes.
const MAX_ITEMS: usize = 100_000_000;

impl Value {
    /// Whether operators on it are operations on arrays.
    pub(crate) fn is_arraylike(&self) -> bool {
        matches!(self, Value::Array(_) | Value::Number(..))
    }
}

impl Machine<'_> {
    pub(crate) fn binary(&mut self, op: BinOp, op_span: Span, left: &Given, right: &Given) -> Eval {
        let (a, b) = (&left.value, &right.value);
        if a.is_arraylike() || b.is_arraylike() {
            return self.array_binary(op, left, right);
        }
        if let Some(result) = number::binary(op, a, b) {
            return result.map_err(|fault| self.number_fault(fault, op.symbol(), left, right));
        }
        match (op, a, b) {
            (BinOp::Add, Value::Str(x), Value::Str(y)) => Ok(Value::text(format!("{x}{y}"))),
            (BinOp::Add, Value::List(x), Value::List(y)) => Ok(Value::list([&x[..], &y[..]].concat())),
            (BinOp::Add, Value::Tuple(x), Value::Tuple(y)) => Ok(Value::tuple([&x[..], &y[..]].concat())),
            (BinOp::BitOr, Value::Dict(x), Value::Dict(y)) => self.merged(x, y, right.span),
            (BinOp::Mod, Value::Str(_), _) => {
                let help = "use an f-string: `f\"{x:.3f}\"`, or `\"{}\".format(x)`";
                self.not_available("formatting with `%`", help, op_span)
            }
            (BinOp::Mul, _, Value::Bool(_) | Value::Int(_)) => self.repeated(left, right, op_span),
            (BinOp::Mul, Value::Bool(_) | Value::Int(_), _) => self.repeated(right, left, op_span),
            _ => Err(self.unsupported(op.symbol(), left, right)),
        }
    }

    fn merged(&mut self, x: &[(Value, Value)], y: &[(Value, Value)], span: Span) -> Eval {
        let mut items = x.to_vec();
        for (key, value) in y {
            match self.find_key(&items, key, span)? {
                Some(at) => items[at].1 = value.clone(),
                None => items.push((key.clone(), value.clone())),
            }
        }
        Ok(Value::Dict(Arc::new(items)))
    }

    fn repeated(&mut self, sequence: &Given, count: &Given, span: Span) -> Eval {
        let times = usize::try_from(number::to_i64(&count.value).unwrap_or(0)).unwrap_or(0);
        let len = match &sequence.value {
            Value::Str(text) => text.len(),
            Value::List(items) => items.len(),
            Value::Tuple(items) => items.len(),
            _ => return Err(self.unsupported("*", sequence, count)),
        };
        if len.checked_mul(times).is_none_or(|n| n > MAX_ITEMS) {
            let error = self.error("too-large", format!("{times} times {len} items are too many"), span);
            return Err(error.help("arrays hold many numbers without storing them: `full(n, value)`"));
        }
        Ok(match &sequence.value {
            Value::Str(text) => Value::text(text.repeat(times)),
            Value::List(items) => Value::list(repeat(items, times)),
            Value::Tuple(items) => Value::tuple(repeat(items, times)),
            other => other.clone(),
        })
    }

    fn array_binary(&mut self, op: BinOp, left: &Given, right: &Given) -> Eval {
        for side in [left, right] {
            if matches!(side.value, Value::Str(_) | Value::None | Value::Dict(_) | Value::Function(_)) {
                return Err(self.unsupported(op.symbol(), left, right));
            }
        }
        let found = vocabulary::operator(op.symbol(), 2);
        let found = found.ok_or_else(|| self.unsupported(op.symbol(), left, right))?;
        self.operate(found, &[left.clone(), right.clone()], left.span.join(right.span))
    }

    pub(crate) fn unary(&mut self, op: UnaryOp, operand: &Given, span: Span) -> Eval {
        let symbol = match op {
            UnaryOp::Neg => "-",
            UnaryOp::Pos => "+",
            UnaryOp::Invert => "~",
            UnaryOp::Not => "not",
        };
        if operand.value.is_arraylike() {
            let found = vocabulary::operator(symbol, 1);
            let found = found.ok_or_else(|| self.unsupported(symbol, operand, operand))?;
            return self.operate(found, std::slice::from_ref(operand), span);
        }
        match number::unary(op, &operand.value) {
            Some(result) => result.map_err(|fault| self.number_fault(fault, symbol, operand, operand)),
            None => {
                let message = format!("`{symbol}` does not take a value of type {}", operand.value.type_name());
                Err(self.type_error(message, operand.span))
            }
        }
    }

    pub(crate) fn number_fault(&self, fault: NumberFault, symbol: &str, left: &Given, right: &Given) -> Diagnostic {
        let span = left.span.join(right.span);
        match fault {
            NumberFault::Overflow => self
                .error("integer-overflow", format!("the result of `{symbol}` does not fit 64 bits"), span)
                .help("make one operand a float, such as `2.0 ** 100`, or keep the numbers smaller"),
            NumberFault::FloatOverflow => {
                self.error("float-overflow", format!("the result of `{symbol}` is beyond all floats"), span)
            }
            NumberFault::ZeroDivision => {
                let error = self.error("division-by-zero", format!("`{symbol}` by zero"), span);
                error.label(right.span, "this is zero")
            }
            NumberFault::NegativeShift => self.error("negative-shift", "a shift by a negative number", right.span),
            NumberFault::Unsupported => self.unsupported(symbol, left, right),
        }
    }

    fn unsupported(&self, symbol: &str, left: &Given, right: &Given) -> Diagnostic {
        let (a, b) = (left.value.type_name(), right.value.type_name());
        if left.span == right.span {
            return self.type_error(format!("`{symbol}` does not take {a}"), left.span);
        }
        let mut error = self.type_error(format!("`{symbol}` does not take {a} and {b}"), left.span.join(right.span));
        error = error.label(left.span, self.describe(&left.value, left.span));
        error = error.label(right.span, self.describe(&right.value, right.span));
        match (symbol, &left.value, &right.value) {
            ("+", Value::Str(_), _) | ("+", _, Value::Str(_)) => {
                error.help("put values into text with an f-string: `f\"{x}\"`")
            }
            _ => error,
        }
    }
}

fn repeat(items: &[Value], times: usize) -> Vec<Value> {
    std::iter::repeat_n(items, times).flatten().cloned().collect()
}
