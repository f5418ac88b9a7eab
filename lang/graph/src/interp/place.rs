//! Places inside of values: `xs[0]`, `d["a"][1]`, `x[1:, ::2]`.

use super::fault::Given;
use super::{Eval, Machine};
use crate::build::Operand;
use crate::index;
use crate::value::Value;
use cleave_syntax::ast::{Expr, ExprKind};
use cleave_syntax::source::Span;
use std::sync::Arc;

/// A name and the indices that lead from it inwards, each evaluated once.
pub(crate) struct Place {
    name: Arc<str>,
    name_span: Span,
    steps: Vec<Given>,
}

impl Machine<'_> {
    /// The place an expression names, if it is a name with or without indices.
    pub(crate) fn place(&mut self, expr: &Expr) -> Eval<Option<Place>> {
        match &expr.node {
            ExprKind::Name(name) => {
                let known = self.state.scope.lookup(name, self.frame).is_some();
                Ok(known.then(|| Place { name: name.clone(), name_span: expr.span, steps: Vec::new() }))
            }
            ExprKind::Subscript { object, index } => {
                let Some(mut place) = self.place(object)? else { return Ok(None) };
                let value = self.eval(index)?;
                place.steps.push(Given::new(value, index.span));
                Ok(Some(place))
            }
            _ => Ok(None),
        }
    }

    /// What stands there.
    pub(crate) fn read(&mut self, place: &Place) -> Eval {
        let mut value = self.load_name(&place.name, place.name_span)?;
        for step in &place.steps {
            value = self.subscript(&Given::new(value, place.name_span), step, step.span)?;
        }
        Ok(value)
    }

    /// Takes a whole named value out to change it; it must be written back.
    pub(crate) fn take(&mut self, place: &Place) -> Eval {
        if place.steps.is_empty()
            && let Some(value) = self.state.scope.take(&place.name, self.frame)
        {
            return Ok(value);
        }
        self.read(place)
    }

    /// Puts a value there: the name is rebound to what it held with that part changed.
    pub(crate) fn write(&mut self, place: &Place, value: Value, span: Span) -> Eval<()> {
        let new = match place.steps.as_slice() {
            [] => value,
            steps => {
                let base = self.state.scope.take(&place.name, self.frame).unwrap_or(Value::None);
                self.stored(base, steps, value, place.name_span)?
            }
        };
        self.bind_name(&place.name, new, span);
        Ok(())
    }

    fn stored(&mut self, base: Value, steps: &[Given], value: Value, span: Span) -> Eval {
        let Some((step, inner)) = steps.split_first() else { return Ok(value) };
        let value = if inner.is_empty() {
            value
        } else {
            let part = self.subscript(&Given::new(base.clone(), span), step, step.span)?;
            self.stored(part, inner, value, span)?
        };
        self.store_item(base, step, value, span)
    }

    /// `base` with the item at `index` replaced.
    fn store_item(&mut self, base: Value, index: &Given, value: Value, span: Span) -> Eval {
        match base {
            Value::List(mut items) => {
                let at = self.position(&index.value, items.len(), index.span)?;
                Arc::make_mut(&mut items)[at] = value;
                Ok(Value::List(items))
            }
            Value::Dict(mut items) => {
                let found = self.find_key(&items, &index.value, index.span)?;
                let pairs = Arc::make_mut(&mut items);
                match found {
                    Some(at) => pairs[at].1 = value,
                    None => pairs.push((index.value.clone(), value)),
                }
                Ok(Value::Dict(items))
            }
            Value::Array(node) => self.store_elements(node, index, &value, span),
            other => {
                let message = format!("items of a value of type {} cannot be assigned", other.type_name());
                let error = self.type_error(message, index.span);
                Err(if matches!(other, Value::Tuple(_)) {
                    error.help("make it a list first: `list(t)`")
                } else {
                    error
                })
            }
        }
    }

    fn store_elements(&mut self, node: crate::node::NodeId, index: &Given, value: &Value, span: Span) -> Eval {
        let indices = self.indices(&index.value, index.span)?;
        let operand = match (value.as_scalar(), value) {
            (Some(scalar), Value::Bool(_) | Value::Int(_) | Value::Float(_)) => Operand::Scalar(scalar),
            _ => Operand::Array(self.array_of(value, index.span)?),
        };
        let made = index::assign(&mut self.state.graph, node, &indices, operand);
        made.map(Value::Array).map_err(|e| {
            let base = Given::new(Value::Array(node), span);
            let patch = Given::new(value.clone(), index.span);
            self.op_error(&e, index.span, &[base, patch])
        })
    }

    /// `del xs[i]`, `del d[k]`
    pub(crate) fn delete_item(&mut self, target: &Expr) -> Eval<()> {
        let place = self.place(target)?;
        let Some(mut place) = place else {
            return Err(self.error("bad-target", "this cannot be deleted", target.span));
        };
        let Some(index) = place.steps.pop() else { return Ok(()) };
        let new = match self.take(&place)? {
            Value::List(mut items) => {
                let at = self.position(&index.value, items.len(), index.span)?;
                Arc::make_mut(&mut items).remove(at);
                Value::List(items)
            }
            Value::Dict(mut items) => {
                let at = self.key_at(&items, &index.value, index.span)?;
                Arc::make_mut(&mut items).remove(at);
                Value::Dict(items)
            }
            other => {
                let message = format!("items of a value of type {} cannot be deleted", other.type_name());
                return Err(self.type_error(message, target.span));
            }
        };
        self.write(&place, new, target.span)
    }
}
