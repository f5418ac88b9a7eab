//! Expressions.

use super::fault::{Given, nearest};
use super::{Eval, Machine};
use crate::scope::FrameId;
use crate::value::{LocalNames, Value};
use crate::vocabulary;
use cleave_syntax::ast::{Comprehension, Expr, ExprKind, FPart, LogicOp, UnaryOp};
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::foreign_name;
use cleave_syntax::source::Span;
use num_complex::Complex64;
use std::sync::Arc;

impl Machine<'_> {
    pub(crate) fn eval(&mut self, expr: &Expr) -> Eval {
        self.deeper(expr.span, |m| m.eval_kind(expr))
    }

    pub(crate) fn given(&mut self, expr: &Expr) -> Eval<Given> {
        Ok(Given::new(self.eval(expr)?, expr.span))
    }

    fn eval_kind(&mut self, expr: &Expr) -> Eval {
        match &expr.node {
            ExprKind::None => Ok(Value::None),
            ExprKind::Ellipsis => Ok(Value::Ellipsis),
            ExprKind::Bool(v) => Ok(Value::Bool(*v)),
            ExprKind::Int(v) => Ok(Value::Int(*v)),
            ExprKind::BigInt(digits) => Err(self.big_integer(digits, expr.span)),
            ExprKind::Float(v) => Ok(Value::Float(*v)),
            ExprKind::Imaginary(v) => Ok(Value::Complex(Complex64::new(0.0, *v))),
            ExprKind::Str(text) => Ok(Value::Str(text.clone())),
            ExprKind::FString(parts) => Ok(Value::text(self.fstring(parts)?)),
            ExprKind::Name(name) => self.load_name(name, expr.span),
            ExprKind::Tuple(items) => Ok(Value::tuple(self.elements(items)?)),
            ExprKind::List(items) => Ok(Value::list(self.elements(items)?)),
            ExprKind::Dict(pairs) => self.dict(pairs),
            ExprKind::ListComp { element, clauses } => self.comprehension(element, clauses),
            ExprKind::Starred(_) => {
                Err(self.error("bad-star", "`*` stands only in calls, lists, tuples and targets", expr.span))
            }
            ExprKind::Unary { op, operand } => self.unary_expression(*op, operand, expr.span),
            ExprKind::Binary { op, op_span, left, right } => {
                let left = self.given(left)?;
                let right = self.given(right)?;
                self.binary(*op, *op_span, &left, &right)
            }
            ExprKind::Logic { op, left, right } => self.logic(*op, left, right),
            ExprKind::Compare { first, rest } => self.comparison(first, rest),
            ExprKind::IfElse { test, then, orelse } => {
                if self.test(test)? {
                    self.eval(then)
                } else {
                    self.eval(orelse)
                }
            }
            ExprKind::Lambda { params, body } => self.lambda(params, body, expr.span),
            ExprKind::Call { callee, args } => self.call_expression(callee, args, expr.span),
            ExprKind::Attribute { object, name } => {
                let object = self.given(object)?;
                self.attribute(&object, name)
            }
            ExprKind::Subscript { object, index } => {
                let object = self.given(object)?;
                let index = self.given(index)?;
                self.subscript(&object, &index, expr.span)
            }
            ExprKind::Slice { start, stop, step } => {
                let [start, stop, step] = [start, stop, step].map(Option::as_deref);
                Ok(Value::Slice {
                    start: self.slice_part(start)?,
                    stop: self.slice_part(stop)?,
                    step: self.slice_part(step)?,
                })
            }
        }
    }

    fn big_integer(&self, digits: &str, span: Span) -> Diagnostic {
        let message = format!("the integer {digits} does not fit 64 bits");
        let float = digits.parse::<f64>().unwrap_or(f64::INFINITY);
        self.error("integer-overflow", message, span).help(format!("write it as a float: `{float:e}`"))
    }

    fn slice_part(&mut self, part: Option<&Expr>) -> Eval<Option<i64>> {
        let Some(part) = part else { return Ok(None) };
        let value = self.eval(part)?;
        self.optional_index(&value, part.span)
    }

    pub(crate) fn load_name(&mut self, name: &Arc<str>, span: Span) -> Eval {
        if let Some(binding) = self.state.scope.lookup(name, self.frame) {
            return Ok(binding.value.clone());
        }
        let local = self.state.scope.owner(name, self.frame).is_some();
        match vocabulary::builtin(name) {
            Some(value) if !local => Ok(value),
            _ => Err(self.unknown_name(name, span)),
        }
    }

    pub(crate) fn unknown_name(&self, name: &str, span: Span) -> Diagnostic {
        if self.state.scope.owner(name, self.frame).is_some() {
            let message = format!("`{name}` belongs to this function, which has not assigned it yet");
            let help = format!("assign it first, or write `global {name}` at the top of the function");
            return self.error("unbound-local", message, span).help(help);
        }
        let mut names: Vec<&str> = self.state.scope.iter().map(|(n, _)| &**n).collect();
        vocabulary::builtin_names().for_each(|n| names.push(n));
        let error = self.error("unknown-name", format!("there is no `{name}`"), span);
        match vocabulary::import_hint(name) {
            Some(line) => error.help(format!("write `{line}` first")),
            None => match foreign_name(name).or_else(|| nearest(name, names)) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            },
        }
    }

    fn elements(&mut self, items: &[Expr]) -> Eval<Vec<Value>> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match &item.node {
                ExprKind::Starred(inner) => {
                    let value = self.eval(inner)?;
                    values.extend(self.all_items(value, inner.span)?);
                }
                _ => values.push(self.eval(item)?),
            }
        }
        Ok(values)
    }

    fn dict(&mut self, pairs: &[(Expr, Expr)]) -> Eval {
        let mut items: Vec<(Value, Value)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let (key, span) = (self.eval(key)?, key.span);
            let value = self.eval(value)?;
            match self.find_key(&items, &key, span)? {
                Some(at) => items[at].1 = value,
                None => items.push((key, value)),
            }
        }
        Ok(Value::Dict(Arc::new(items)))
    }

    fn comprehension(&mut self, element: &Expr, clauses: &[Comprehension]) -> Eval {
        let mut names = LocalNames::default();
        clauses.iter().for_each(|c| super::function::target_names(&c.target, &mut names.own));
        let outer = self.frame;
        let frame = self.state.scope.enter(outer, Arc::new(names));
        let mut values = Vec::new();
        let result = self.clauses(element, clauses, (outer, frame), &mut values);
        self.frame = outer;
        self.state.scope.leave(frame);
        result.map(|()| Value::list(values))
    }

    /// Python evaluates the first source outside of the comprehension, everything else inside.
    fn clauses(
        &mut self,
        element: &Expr,
        clauses: &[Comprehension],
        (outer, frame): (Option<FrameId>, FrameId),
        out: &mut Vec<Value>,
    ) -> Eval<()> {
        let Some((clause, inner)) = clauses.split_first() else {
            out.push(self.eval(element)?);
            return Ok(());
        };
        self.frame = outer;
        let source = self.eval(&clause.iter)?;
        let mut items = self.items_of(source, clause.iter.span)?;
        self.frame = Some(frame);
        'items: while let Some(item) = self.next_item(&mut items)? {
            self.check_interrupt(clause.iter.span)?;
            self.assign(&clause.target, item)?;
            for test in &clause.tests {
                if !self.test(test)? {
                    continue 'items;
                }
            }
            self.deeper(element.span, |m| m.clauses(element, inner, (Some(frame), frame), out))?;
        }
        Ok(())
    }

    fn unary_expression(&mut self, op: UnaryOp, operand: &Expr, span: Span) -> Eval {
        if let (UnaryOp::Neg, ExprKind::BigInt(digits)) = (op, &operand.node)
            && **digits == *"9223372036854775808"
        {
            return Ok(Value::Int(i64::MIN));
        }
        if op == UnaryOp::Not {
            return Ok(Value::Bool(!self.test(operand)?));
        }
        let operand = self.given(operand)?;
        self.unary(op, &operand, span)
    }

    fn logic(&mut self, op: LogicOp, left: &Expr, right: &Expr) -> Eval {
        let first = self.eval(left)?;
        let truth = self.truth(&first, left.span)?;
        match (op, truth) {
            (LogicOp::And, true) | (LogicOp::Or, false) => self.eval(right),
            (LogicOp::And, false) | (LogicOp::Or, true) => Ok(first),
        }
    }

    fn fstring(&mut self, parts: &[FPart]) -> Eval<String> {
        let mut text = String::new();
        for part in parts {
            match part {
                FPart::Text(plain) => text.push_str(plain),
                FPart::Value { value, conversion, spec } => {
                    let found = self.eval(value)?;
                    let spec = self.fstring(spec)?;
                    let found = match conversion {
                        Some('s') => Value::text(self.str_of(&found, value.span)?),
                        Some(_) => Value::text(self.repr_of(&found, value.span)?),
                        None => found,
                    };
                    text.push_str(&self.format(&found, &spec, value.span)?);
                }
            }
        }
        Ok(text)
    }
}
