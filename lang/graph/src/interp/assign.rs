//! Assignment to names, tuples of targets, and items.

use super::fault::Given;
use super::{Eval, Machine};
use crate::value::Value;
use cleave_syntax::ast::{BinOp, Expr, ExprKind};
use cleave_syntax::source::Span;

impl Machine<'_> {
    pub(crate) fn assign(&mut self, target: &Expr, value: Value) -> Eval<()> {
        match &target.node {
            ExprKind::Name(name) => {
                self.bind_name(name, value, target.span);
                Ok(())
            }
            ExprKind::Tuple(targets) | ExprKind::List(targets) => self.unpack(targets, value, target.span),
            ExprKind::Starred(inner) => {
                let items = self.all_items(value, inner.span)?;
                self.assign(inner, Value::list(items))
            }
            ExprKind::Subscript { object, .. } => match self.place(target)? {
                Some(place) => self.write(&place, value, target.span),
                None => Err(self.bad_base(object)),
            },
            ExprKind::Attribute { name, .. } => {
                let message = format!("the attribute `{}` cannot be assigned", name.node);
                Err(self.error("bad-target", message, target.span).help("arrays do not change: make a new one"))
            }
            _ => Err(self.error("bad-target", "this cannot be assigned to", target.span)),
        }
    }

    fn bad_base(&self, object: &Expr) -> cleave_syntax::diagnostic::Diagnostic {
        if let ExprKind::Name(name) = &object.node {
            return self.unknown_name(name, object.span);
        }
        let message = "only items of what has a name can be assigned";
        self.error("bad-target", message, object.span).help("give it a name first")
    }

    fn unpack(&mut self, targets: &[Expr], value: Value, span: Span) -> Eval<()> {
        let items = self.all_items(value, span)?;
        let star = targets.iter().position(|t| matches!(t.node, ExprKind::Starred(_)));
        let fits = star.map_or(items.len() == targets.len(), |_| items.len() + 1 >= targets.len());
        if !fits {
            let (wanted, given) = (targets.len() - usize::from(star.is_some()), items.len());
            let least = if star.is_some() { "at least " } else { "" };
            let message = format!("{least}{wanted} values are needed here, found {given}");
            return Err(self.error("wrong-count", message, span));
        }
        let (extra, mut items) = (items.len() + 1 - targets.len(), items.into_iter());
        for target in targets {
            let part = match target.node {
                ExprKind::Starred(_) => Value::list(items.by_ref().take(extra).collect()),
                _ => items.next().unwrap_or(Value::None),
            };
            self.assign(target, part)?;
        }
        Ok(())
    }

    pub(crate) fn augment(&mut self, target: &Expr, op: BinOp, value: &Expr, span: Span) -> Eval<()> {
        let place = self.place(target)?;
        let Some(place) = place else {
            return Err(match &target.node {
                ExprKind::Name(_) => self.bad_base(target),
                ExprKind::Subscript { object, .. } => self.bad_base(object),
                _ => self.error("bad-target", "this cannot be assigned to", target.span),
            });
        };
        let left = self.read(&place)?;
        let right = Given::new(self.eval(value)?, value.span);
        let new = match (op, &left, &right.value) {
            (BinOp::Add, Value::List(_), Value::List(_)) => {
                drop(left);
                self.extend_in_place(&place, right)?
            }
            _ => self.binary(op, span, &Given::new(left, target.span), &right)?,
        };
        self.write(&place, new, target.span)
    }

    fn extend_in_place(&mut self, place: &super::place::Place, right: Given) -> Eval {
        let mut base = self.take(place)?;
        if let (Value::List(items), Value::List(more)) = (&mut base, &right.value) {
            std::sync::Arc::make_mut(items).extend(more.iter().cloned());
        }
        Ok(base)
    }
}
