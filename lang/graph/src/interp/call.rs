//! Calls: arguments, what is called, and methods that change what they are called on.

use super::fault::Given;
use super::{Eval, Machine};
use crate::build;
use crate::functions::{self, Bound, FunctionEntry, Kind, Receiver};
use crate::value::{Builtin, Value};
use cleave_ops::{DType, Op};
use cleave_syntax::ast::{self, Expr, ExprKind, Name};
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::source::Span;
use std::sync::Arc;

/// The evaluated arguments of a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) positional: Vec<Given>,
    pub(crate) named: Vec<(Arc<str>, Given)>,
}

impl Arguments {
    /// Positional arguments only.
    pub(crate) fn of(positional: Vec<Given>) -> Self {
        Self { positional, named: Vec::new() }
    }
}

impl Machine<'_> {
    pub(crate) fn call_expression(&mut self, callee: &Expr, args: &[ast::Arg], span: Span) -> Eval {
        let callee = match &callee.node {
            ExprKind::Attribute { object, name } if functions::may_change(&name.node) => {
                let Some(place) = self.place(object)? else {
                    let object = self.given(object)?;
                    return self.call_attribute(&object, name, callee.span, args, span);
                };
                let value = self.read(&place)?;
                if let Some(entry) = Receiver::of(&value).and_then(|r| functions::changer(r, &name.node)) {
                    drop(value);
                    return self.call_changer(entry, &place, (args, object.span), span);
                }
                return self.call_attribute(&Given::new(value, object.span), name, callee.span, args, span);
            }
            _ => self.given(callee)?,
        };
        let arguments = self.arguments(args)?;
        self.call_value(&callee, arguments, span)
    }

    fn call_attribute(&mut self, object: &Given, name: &Name, at: Span, args: &[ast::Arg], span: Span) -> Eval {
        let method = Given::new(self.attribute(object, name)?, at);
        let arguments = self.arguments(args)?;
        self.call_value(&method, arguments, span)
    }

    /// A call of a method such as `append`: the name it was reached by is rebound.
    fn call_changer(
        &mut self,
        entry: &'static FunctionEntry,
        place: &super::place::Place,
        (args, object): (&[ast::Arg], Span),
        span: Span,
    ) -> Eval {
        let mut arguments = self.arguments(args)?;
        let receiver = self.take(place)?;
        arguments.positional.insert(0, Given::new(receiver, object));
        let mut bound = self.bind_entry(entry, arguments, span)?;
        let result = (entry.run)(self, &mut bound)?;
        let changed = bound.changed.or_else(|| bound.slots.swap_remove(0).map(|g| g.value));
        self.write(place, changed.unwrap_or(Value::None), object)?;
        Ok(result)
    }

    pub(crate) fn arguments(&mut self, args: &[ast::Arg]) -> Eval<Arguments> {
        let mut out = Arguments::default();
        for arg in args {
            match (&arg.name, &arg.value.node) {
                (Some(name), _) => {
                    let value = self.given(&arg.value)?;
                    out.named.push((name.node.clone(), value));
                }
                (None, ExprKind::Starred(inner)) => {
                    let value = self.eval(inner)?;
                    let items = self.all_items(value, inner.span)?;
                    out.positional.extend(items.into_iter().map(|item| Given::new(item, inner.span)));
                }
                (None, _) => out.positional.push(self.given(&arg.value)?),
            }
        }
        Ok(out)
    }

    pub(crate) fn call_value(&mut self, callee: &Given, arguments: Arguments, span: Span) -> Eval {
        match &callee.value {
            Value::Function(function) => self.call_function(&function.clone(), arguments, span),
            Value::Builtin(builtin) => self.call_builtin(*builtin, arguments, span),
            Value::Method { receiver, method } if matches!(**receiver, Value::Module(_)) => {
                let given = self.call_builtin(*method, arguments, span)?;
                Ok(self.on_card(given))
            }
            Value::Method { receiver, method } => {
                let mut arguments = arguments;
                let object = Span::new(span.start, span.start.max(callee.span.end));
                arguments.positional.insert(0, Given::new((**receiver).clone(), self.receiver_span(object)));
                self.call_builtin(*method, arguments, span)
            }
            Value::DType(dtype) => self.convert(*dtype, &arguments, span),
            other => {
                let message = format!("a value of type {} cannot be called", self.described(other, callee.span));
                Err(self.error("not-callable", message, callee.span))
            }
        }
    }

    /// The receiver's part of `receiver.method`.
    fn receiver_span(&self, callee: Span) -> Span {
        match self.source.slice(callee).rfind('.') {
            Some(dot) => Span::new(callee.start, callee.start + dot),
            None => callee,
        }
    }

    pub(crate) fn call_builtin(&mut self, builtin: Builtin, arguments: Arguments, span: Span) -> Eval {
        match builtin {
            Builtin::Op(op) => self.call_op(op, arguments, span),
            Builtin::Function(entry) => {
                let mut bound = self.bind_entry(entry, arguments, span)?;
                self.deeper(span, |m| (entry.run)(m, &mut bound))
            }
        }
    }

    /// Calls a method by its name with no arguments.
    pub(crate) fn call_method(&mut self, object: &Given, name: &str, span: Span) -> Eval {
        let name = Name { node: name.into(), span };
        let method = Given::new(self.attribute(object, &name)?, span);
        self.call_value(&method, Arguments::default(), span)
    }

    /// `np.float32(x)`
    fn convert(&mut self, dtype: DType, arguments: &Arguments, span: Span) -> Eval {
        let [given] = arguments.positional.as_slice() else {
            return Err(self.error("wrong-count", format!("`{dtype}` takes one value"), span));
        };
        if let Some(scalar) = given.value.as_scalar() {
            return Ok(Value::Number(build::scalar_as(scalar, dtype), dtype));
        }
        let node = self.array_of(&given.value, given.span)?;
        Ok(Value::Array(build::cast(&mut self.state.graph, node, dtype)))
    }

    /// Gives each parameter of an entry its argument.
    pub(crate) fn bind_entry(&self, entry: &'static FunctionEntry, arguments: Arguments, span: Span) -> Eval<Bound> {
        let mut bound = Bound::new(entry, span);
        let plain = entry.params.iter().take_while(|p| p.kind == Kind::Plain).count();
        for (i, given) in arguments.positional.into_iter().enumerate() {
            match entry.params.get(plain) {
                _ if i < plain => bound.slots[i] = Some(given),
                Some(rest) if rest.kind == Kind::Rest => bound.rest.push(given),
                _ => return Err(self.too_many(entry.name, plain, &given)),
            }
        }
        for (name, given) in arguments.named {
            match entry.params.iter().position(|p| p.answers_to(&name) && p.kind != Kind::Rest) {
                Some(slot) if bound.slots[slot].is_some() => {
                    return Err(self.repeated_argument(entry.name, &name, &given));
                }
                Some(slot) => bound.slots[slot] = Some(given),
                None if entry.takes_names() => bound.names.push((name, given)),
                None => return Err(self.unknown_argument(entry.name, &name, entry.param_names(), given.span)),
            }
        }
        let missing = entry.params.iter().zip(&bound.slots).find(|(p, slot)| p.is_required() && slot.is_none());
        match missing {
            Some((param, _)) => Err(self.missing_argument(entry.name, param.name, span)),
            None => Ok(bound),
        }
    }

    pub(crate) fn too_many(&self, name: &str, most: usize, extra: &Given) -> Diagnostic {
        let plural = if most == 1 { "" } else { "s" };
        self.error(
            "too-many-arguments",
            format!("`{name}` takes {most} argument{plural}, this is one more"),
            extra.span,
        )
    }

    pub(crate) fn repeated_argument(&self, name: &str, param: &str, given: &Given) -> Diagnostic {
        self.error("repeated-argument", format!("`{name}` got `{param}` twice"), given.span)
    }

    pub(crate) fn missing_argument(&self, name: &str, param: &str, span: Span) -> Diagnostic {
        self.error("missing-argument", format!("`{name}` needs the argument `{param}`"), span)
    }

    pub(crate) fn unknown_argument<'a>(
        &self,
        name: &str,
        given: &str,
        known: impl IntoIterator<Item = &'a str>,
        span: Span,
    ) -> Diagnostic {
        let known: Vec<&str> = known.into_iter().collect();
        let error = self.error("unknown-argument", format!("`{name}` has no argument `{given}`"), span);
        match super::fault::nearest(given, known.iter().copied()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => error,
            None => error.help(format!("it takes {}", known.join(", "))),
        }
    }

    /// Calls an operation of the table by its name.
    pub(crate) fn call_named(&mut self, name: &'static str, arguments: Arguments, span: Span) -> Eval {
        let op: Option<&'static Op> = cleave_ops::table::find(name);
        match op {
            Some(op) => self.call_op(op, arguments, span),
            None => self.not_available(&format!("`{name}` of arrays"), "work on numbers instead", span),
        }
    }
}
