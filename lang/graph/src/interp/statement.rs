//! Statements.

use super::iterate::Items;
use super::{Eval, Machine};
use crate::scope::Binding;
use crate::value::{Client, Value};
use cleave_syntax::ast::{Body, Expr, ExprKind, Stmt, StmtKind};
use cleave_syntax::source::Span;
use std::sync::Arc;

/// Where a statement leads.
pub(crate) enum Flow {
    /// To the next one.
    Next,
    /// Out of the loop.
    Break,
    /// To the loop's next turn.
    Continue,
    /// Out of the function.
    Return(Value),
}

impl Machine<'_> {
    pub(crate) fn body(&mut self, body: &Body) -> Eval<Flow> {
        for stmt in body {
            match self.statement(stmt)? {
                Flow::Next => {}
                leave => return Ok(leave),
            }
        }
        Ok(Flow::Next)
    }

    pub(crate) fn statement(&mut self, stmt: &Stmt) -> Eval<Flow> {
        self.check_interrupt(stmt.span)?;
        let flow = self.deeper(stmt.span, |m| m.statement_kind(stmt))?;
        self.tidy();
        Ok(flow)
    }

    /// Lets the host forget arrays, where every array that is still wanted has a name.
    fn tidy(&mut self) {
        if self.calls == 0 && self.unnamed == 0 {
            let scope = &self.state.scope;
            self.host.tidy(&self.state.graph, &|| scope.nodes());
        }
    }

    fn statement_kind(&mut self, stmt: &Stmt) -> Eval<Flow> {
        match &stmt.node {
            StmtKind::Expr(expr) => drop(self.eval(expr)?),
            StmtKind::Assign { targets, value } => {
                let value = self.eval(value)?;
                targets.iter().try_for_each(|target| self.assign(target, value.clone()))?;
            }
            StmtKind::AugAssign { target, op, value } => self.augment(target, *op, value, stmt.span)?,
            StmtKind::AnnAssign { target, value } => {
                if let Some(value) = value {
                    let value = self.eval(value)?;
                    self.assign(target, value)?;
                }
            }
            StmtKind::Def(def) => {
                let function = self.define(def)?;
                self.bind_name(&def.name.node, function, def.name.span);
            }
            StmtKind::Return(value) => {
                return Ok(Flow::Return(value.as_ref().map_or(Ok(Value::None), |v| self.eval(v))?));
            }
            StmtKind::If { branches, orelse } => return self.if_statement(branches, orelse),
            StmtKind::For { target, iter, body, orelse } => return self.for_statement(target, iter, body, orelse),
            StmtKind::While { test, body, orelse } => return self.while_statement(test, body, orelse),
            StmtKind::With { items, body } => return self.with_statement(items, body),
            StmtKind::Import(names) => names.iter().try_for_each(|name| self.import(name))?,
            StmtKind::FromImport { module, names } => self.import_from(module, names)?,
            StmtKind::Assert { test, message } => self.assert_statement(test, message.as_ref(), stmt.span)?,
            StmtKind::Del(targets) => {
                targets.iter().try_for_each(|target| self.delete(target))?;
                self.host.names_went();
            }
            StmtKind::Scope { .. } | StmtKind::Pass => {}
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    pub(crate) fn bind_name(&mut self, name: &Arc<str>, value: Value, span: Span) {
        let binding = Binding { value, source: self.source.clone(), span };
        let before = self.state.scope.bind(name.clone(), self.frame, binding);
        if before.is_some_and(|b| b.value.may_hold_arrays()) {
            self.host.names_went();
        }
    }

    fn if_statement(&mut self, branches: &[(Expr, Body)], orelse: &Body) -> Eval<Flow> {
        for (test, body) in branches {
            if self.test(test)? {
                return self.body(body);
            }
        }
        self.body(orelse)
    }

    fn for_statement(&mut self, target: &Expr, iter: &Expr, body: &Body, orelse: &Body) -> Eval<Flow> {
        let value = self.eval(iter)?;
        let mut arrays = 0;
        value.clone().each_node(&mut |_| arrays = 1);
        let mut items = self.items_of(value, iter.span)?;
        self.unnamed += arrays;
        let flow = self.turns(target, iter, &mut items, body);
        self.unnamed -= arrays;
        match flow? {
            Flow::Next => self.body(orelse),
            Flow::Break => Ok(Flow::Next),
            leave @ (Flow::Return(_) | Flow::Continue) => Ok(leave),
        }
    }

    /// The turns of a loop: `Next` after the last, or what left it before.
    fn turns(&mut self, target: &Expr, iter: &Expr, items: &mut Items, body: &Body) -> Eval<Flow> {
        while let Some(item) = self.next_item(items)? {
            self.check_interrupt(iter.span)?;
            self.assign(target, item)?;
            match self.body(body)? {
                Flow::Next | Flow::Continue => {}
                leave @ (Flow::Break | Flow::Return(_)) => return Ok(leave),
            }
        }
        Ok(Flow::Next)
    }

    fn while_statement(&mut self, test: &Expr, body: &Body, orelse: &Body) -> Eval<Flow> {
        while self.test(test)? {
            self.check_interrupt(test.span)?;
            match self.body(body)? {
                Flow::Next | Flow::Continue => {}
                Flow::Break => return Ok(Flow::Next),
                leave @ Flow::Return(_) => return Ok(leave),
            }
        }
        self.body(orelse)
    }

    fn with_statement(&mut self, items: &[(Expr, Option<Expr>)], body: &Body) -> Eval<Flow> {
        let mut entered = Vec::new();
        let done = self.enter(items, &mut entered).and_then(|()| self.body(body));
        entered.iter().rev().for_each(|client| self.host.disconnect(client));
        done
    }

    fn enter(&mut self, items: &[(Expr, Option<Expr>)], entered: &mut Vec<Client>) -> Eval<()> {
        for (item, target) in items {
            let value = self.eval(item)?;
            match &value {
                Value::Manager(_) => {}
                Value::Client(client) => entered.push(client.clone()),
                other => {
                    let message = format!("`with` cannot enter a value of type {}", other.type_name());
                    let help = "`with ProgressBar():` and `with Client(…) as client:` work";
                    return Err(self.type_error(message, item.span).help(help));
                }
            }
            if let Some(target) = target {
                self.assign(target, value)?;
            }
        }
        Ok(())
    }

    fn assert_statement(&mut self, test: &Expr, message: Option<&Expr>, span: Span) -> Eval<()> {
        if self.test(test)? {
            return Ok(());
        }
        let text = match message {
            Some(message) => {
                let value = self.eval(message)?;
                self.str_of(&value, message.span)?
            }
            None => "the condition is false".to_owned(),
        };
        let error = self.error("assertion-failed", text, span);
        Err(self.label_operands(error, test))
    }

    /// Shows what the sides of a failed comparison were, where they are names.
    fn label_operands(
        &mut self,
        mut error: cleave_syntax::diagnostic::Diagnostic,
        test: &Expr,
    ) -> cleave_syntax::diagnostic::Diagnostic {
        let ExprKind::Compare { first, rest } = &test.node else { return error };
        for side in std::iter::once(&**first).chain(rest.iter().map(|(_, e)| e)) {
            if let ExprKind::Name(name) = &side.node
                && let Some(value) = self.state.scope.lookup(name, self.frame).map(|b| b.value.clone())
                && !matches!(value, Value::Array(_))
                && let Ok(text) = self.repr_of(&value, side.span)
            {
                error = error.label(side.span, text);
            }
        }
        error
    }

    fn delete(&mut self, target: &Expr) -> Eval<()> {
        match &target.node {
            ExprKind::Name(name) => {
                if self.state.scope.unbind(name, self.frame) {
                    return Ok(());
                }
                Err(self.unknown_name(name, target.span))
            }
            ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().try_for_each(|item| self.delete(item)),
            ExprKind::Subscript { .. } => self.delete_item(target),
            _ => Err(self.error("bad-target", "this cannot be deleted", target.span)),
        }
    }
}
