//! Comparisons: equality and order of values, membership, identity.

use super::fault::Given;
use super::number::{to_f64, to_i64};
use super::{Eval, Machine};
use crate::value::{Builtin, Value};
use crate::vocabulary;
use cleave_ops::{DType, Scalar};
use cleave_syntax::ast::{CmpOp, Expr};
use cleave_syntax::source::Span;
use std::cmp::Ordering;

impl Machine<'_> {
    pub(crate) fn comparison(&mut self, first: &Expr, rest: &[(CmpOp, Expr)]) -> Eval {
        let mut left = self.given(first)?;
        let mut result = Value::Bool(true);
        for (i, (op, right)) in rest.iter().enumerate() {
            let right = self.given(right)?;
            result = self.compare(*op, &left, &right)?;
            let last = i + 1 == rest.len();
            if !last && !self.truth(&result, left.span.join(right.span))? {
                return Ok(result);
            }
            left = right;
        }
        Ok(result)
    }

    pub(crate) fn compare(&mut self, op: CmpOp, left: &Given, right: &Given) -> Eval {
        let (a, b) = (&left.value, &right.value);
        let found = match op {
            CmpOp::Is => identical(a, b),
            CmpOp::IsNot => !identical(a, b),
            CmpOp::In => self.contains(b, left, right.span)?,
            CmpOp::NotIn => !self.contains(b, left, right.span)?,
            _ if (a.is_arraylike() || b.is_arraylike()) && elementwise(a) && elementwise(b) => {
                return self.compare_arrays(op, left, right);
            }
            CmpOp::Eq => self.equal(a, b, left.span)?,
            CmpOp::Ne => !self.equal(a, b, left.span)?,
            CmpOp::Lt => self.order(op, left, right)?.is_some_and(Ordering::is_lt),
            CmpOp::Le => self.order(op, left, right)?.is_some_and(Ordering::is_le),
            CmpOp::Gt => self.order(op, left, right)?.is_some_and(Ordering::is_gt),
            CmpOp::Ge => self.order(op, left, right)?.is_some_and(Ordering::is_ge),
        };
        Ok(Value::Bool(found))
    }

    fn compare_arrays(&mut self, op: CmpOp, left: &Given, right: &Given) -> Eval {
        let span = left.span.join(right.span);
        let found = vocabulary::operator(op.symbol(), 2);
        let found = found.ok_or_else(|| self.type_error(format!("`{}` does not take arrays", op.symbol()), span))?;
        self.operate(found, &[left.clone(), right.clone()], span)
    }

    /// Python's `==` of two values that are not arrays; arrays inside of them are forced.
    pub(crate) fn equal(&mut self, a: &Value, b: &Value, span: Span) -> Eval<bool> {
        Ok(match (a, b) {
            (Value::Str(x), Value::Str(y)) => x == y,
            (Value::None, Value::None) | (Value::Ellipsis, Value::Ellipsis) => true,
            (Value::Tuple(x), Value::Tuple(y)) => self.equal_items(x, y, span)?,
            (Value::List(x), Value::List(y)) => self.equal_items(x, y, span)?,
            (Value::Dict(x), Value::Dict(y)) => self.equal_dicts(x, y, span)?,
            (Value::Range { .. }, Value::Range { .. }) => range_items(a).eq(range_items(b)),
            (Value::Slice { start: a, stop: b, step: c }, Value::Slice { start: x, stop: y, step: z }) => {
                (a, b, c) == (x, y, z)
            }
            (Value::DType(x), other) | (other, Value::DType(x)) => as_dtype(other) == Some(*x),
            (Value::Generator(x), Value::Generator(y)) => x == y,
            (Value::Client(x), Value::Client(y)) => x == y,
            (Value::Array(_), _) | (_, Value::Array(_)) if elementwise(a) && elementwise(b) => {
                let result =
                    self.compare_arrays(CmpOp::Eq, &Given::new(a.clone(), span), &Given::new(b.clone(), span))?;
                self.truth(&result, span)?
            }
            _ => numbers_equal(&a.plain(), &b.plain()).unwrap_or_else(|| identical(a, b)),
        })
    }

    fn equal_items(&mut self, x: &[Value], y: &[Value], span: Span) -> Eval<bool> {
        if x.len() != y.len() {
            return Ok(false);
        }
        self.deeper(span, |m| {
            for (a, b) in x.iter().zip(y) {
                if !m.equal(a, b, span)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    fn equal_dicts(&mut self, x: &[(Value, Value)], y: &[(Value, Value)], span: Span) -> Eval<bool> {
        if x.len() != y.len() {
            return Ok(false);
        }
        for (key, value) in x {
            match self.find_key(y, key, span)? {
                Some(at) if self.equal(value, &y[at].1, span)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Which of two values comes first; `None` where a nan is one of them.
    pub(crate) fn order(&mut self, op: CmpOp, left: &Given, right: &Given) -> Eval<Option<Ordering>> {
        let items: (&[Value], &[Value]) = match (&left.value, &right.value) {
            (Value::Str(x), Value::Str(y)) => return Ok(Some(x.cmp(y))),
            (Value::List(x), Value::List(y)) => (x, y),
            (Value::Tuple(x), Value::Tuple(y)) => (x, y),
            (a, b) => {
                let (a, b) = (self.known(a, left.span)?, self.known(b, right.span)?);
                return self.order_numbers(op, left, right, (&a, &b));
            }
        };
        for (a, b) in items.0.iter().zip(items.1) {
            if !self.equal(a, b, left.span)? {
                return self.order(op, &Given::new(a.clone(), left.span), &Given::new(b.clone(), right.span));
            }
        }
        Ok(Some(items.0.len().cmp(&items.1.len())))
    }

    fn order_numbers(
        &self,
        op: CmpOp,
        left: &Given,
        right: &Given,
        (a, b): (&Value, &Value),
    ) -> Eval<Option<Ordering>> {
        if let (Some(x), Some(y)) = (to_i64(a), to_i64(b)) {
            return Ok(Some(x.cmp(&y)));
        }
        if let (Some(x), Some(y)) = (to_f64(a), to_f64(b)) {
            return Ok(x.partial_cmp(&y));
        }
        let (a, b) = (left.value.type_name(), right.value.type_name());
        let message = format!("`{}` does not take {a} and {b}", op.symbol());
        Err(self.type_error(message, left.span.join(right.span)))
    }

    fn contains(&mut self, container: &Value, item: &Given, span: Span) -> Eval<bool> {
        let items: &[Value] = match (container, &item.value) {
            (Value::Str(text), Value::Str(part)) => return Ok(text.contains(&**part)),
            (Value::Dict(pairs), key) => return Ok(self.find_key(pairs, key, item.span)?.is_some()),
            (Value::List(items), _) => items,
            (Value::Tuple(items), _) => items,
            (Value::Range { start, stop, step }, value) => {
                let Some(v) = to_i64(&value.plain()) else { return Ok(false) };
                let inside = if *step > 0 { (*start..*stop).contains(&v) } else { v <= *start && v > *stop };
                return Ok(inside && (v - start) % step == 0);
            }
            (Value::Array(_), _) => return self.array_contains(container, item, span),
            (other, _) => {
                let message = format!("`in` does not look into a value of type {}", other.type_name());
                return Err(self.type_error(message, span));
            }
        };
        for value in items {
            if self.equal(value, &item.value, span)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn array_contains(&mut self, container: &Value, item: &Given, span: Span) -> Eval<bool> {
        let equal = self.compare_arrays(CmpOp::Eq, &Given::new(container.clone(), span), item)?;
        let any = self.call_method(&Given::new(equal, span), "any", span)?;
        self.truth(&any, span)
    }

    /// The place of a key among pairs.
    pub(crate) fn find_key(&mut self, pairs: &[(Value, Value)], key: &Value, span: Span) -> Eval<Option<usize>> {
        if matches!(key, Value::List(_) | Value::Dict(_) | Value::Array(_)) {
            let message = format!("a value of type {} cannot be a key", key.type_name());
            return Err(self.type_error(message, span).help("use text, a number or a tuple"));
        }
        for (at, (known, _)) in pairs.iter().enumerate() {
            if self.equal(known, key, span)? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// The place of a key that must be there.
    pub(crate) fn key_at(&mut self, pairs: &[(Value, Value)], key: &Value, span: Span) -> Eval<usize> {
        if let Some(at) = self.find_key(pairs, key, span)? {
            return Ok(at);
        }
        let text = self.repr_of(key, span)?;
        let known = pairs.iter().filter_map(|(k, _)| if let Value::Str(k) = k { Some(&**k) } else { None });
        let near = super::fault::nearest(text.trim_matches('\''), known);
        let error = self.error("unknown-key", format!("there is no key {text}"), span);
        Err(if let Some(near) = near { error.help(format!("did you mean '{near}'?")) } else { error })
    }
}

fn elementwise(value: &Value) -> bool {
    value.as_scalar().is_some() || matches!(value, Value::Array(_) | Value::List(_) | Value::Tuple(_))
}

fn identical(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::None, Value::None) | (Value::Ellipsis, Value::Ellipsis) => true,
        (Value::Bool(x), Value::Bool(y)) => x == y,
        (Value::Int(x), Value::Int(y)) => x == y,
        (Value::Float(x), Value::Float(y)) => x == y,
        (Value::Str(x), Value::Str(y)) => x == y,
        (Value::DType(x), Value::DType(y)) => x == y,
        (Value::Array(x), Value::Array(y)) => x == y,
        (Value::Number(x, p), Value::Number(y, q)) => x == y && p == q,
        (Value::Builtin(x), Value::Builtin(y)) => x.name() == y.name(),
        (Value::Function(x), Value::Function(y)) => std::sync::Arc::ptr_eq(x, y),
        (Value::Generator(x), Value::Generator(y)) => x == y,
        (Value::Client(x), Value::Client(y)) => x == y,
        (Value::Module(x), Value::Module(y)) => x.name == y.name,
        (Value::List(x), Value::List(y)) => std::sync::Arc::ptr_eq(x, y),
        (Value::Tuple(x), Value::Tuple(y)) => std::sync::Arc::ptr_eq(x, y),
        (Value::Dict(x), Value::Dict(y)) => std::sync::Arc::ptr_eq(x, y),
        _ => false,
    }
}

fn numbers_equal(a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::Number(Scalar::Int(x), _), Value::Number(Scalar::Int(y), _)) => Some(x == y),
        (Value::Complex(x), Value::Complex(y)) => Some(x == y),
        (Value::Complex(x), other) | (other, Value::Complex(x)) => Some(x.im == 0.0 && x.re == to_f64(other)?),
        _ => match (to_i64(a), to_i64(b)) {
            (Some(x), Some(y)) => Some(x == y),
            _ => Some(to_f64(a)? == to_f64(b)?),
        },
    }
}

/// The dtype a value can stand for: a dtype, its name, or `int`, `float`, `bool`.
pub(crate) fn as_dtype(value: &Value) -> Option<DType> {
    match value {
        Value::DType(dtype) => Some(*dtype),
        Value::Str(name) => DType::parse(name),
        Value::Builtin(Builtin::Function(entry)) if matches!(entry.name, "int" | "float" | "bool") => {
            DType::parse(entry.name)
        }
        _ => None,
    }
}

/// The integers of a range.
pub(crate) fn range_items(value: &Value) -> impl Iterator<Item = i64> + use<> {
    let (start, len, step) = match value {
        Value::Range { start, stop, step } => (*start, range_len(*start, *stop, *step), *step),
        _ => (0, 0, 1),
    };
    (0..len).map(move |i| start + i as i64 * step)
}

/// How many integers a range has.
pub(crate) fn range_len(start: i64, stop: i64, step: i64) -> usize {
    let (distance, stride) = if step > 0 {
        (i128::from(stop) - i128::from(start), i128::from(step))
    } else {
        (i128::from(start) - i128::from(stop), -i128::from(step))
    };
    if distance <= 0 { 0 } else { usize::try_from((distance + stride - 1) / stride).unwrap_or(usize::MAX) }
}
