//! Rules that no grammar can say: what may be assigned to, where `return` may stand, which arguments may follow which.

mod calls;
mod targets;

use crate::ast::{Body, Expr, ExprKind, Param, Stmt, StmtKind};
use crate::diagnostic::Diagnostic;
use crate::source::{Source, Span};
use crate::walk::children;

/// Adds a complaint for each broken rule.
pub(crate) fn check(body: &Body, source: &Source, diagnostics: &mut Vec<Diagnostic>) {
    Checker { source, diagnostics }.body(body, Place::default());
}

/// What is around a statement.
#[derive(Clone, Copy, Default)]
struct Place {
    in_function: bool,
    in_loop: bool,
}

struct Checker<'a> {
    source: &'a Source,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    fn body(&mut self, body: &Body, place: Place) {
        for statement in body {
            self.statement(statement, place);
        }
    }

    fn statement(&mut self, statement: &Stmt, place: Place) {
        let looped = Place { in_loop: true, ..place };
        match &statement.node {
            StmtKind::Expr(value) => self.value(value),
            StmtKind::Assign { targets, value } => {
                targets.iter().for_each(|target| self.target(target));
                self.value(value);
            }
            StmtKind::AugAssign { target, value, .. } => {
                self.single_target(target);
                self.value(value);
            }
            StmtKind::AnnAssign { target, value } => {
                self.single_target(target);
                value.iter().for_each(|value| self.value(value));
            }
            StmtKind::Def(def) => {
                self.params(&def.params);
                self.body(&def.body, Place { in_function: true, in_loop: false });
            }
            StmtKind::Return(value) => {
                self.place(
                    place.in_function,
                    "return",
                    "a function",
                    "show a value by writing it alone on the last line",
                    statement.span,
                );
                value.iter().for_each(|value| self.value(value));
            }
            StmtKind::If { branches, orelse } => {
                for (test, body) in branches {
                    self.value(test);
                    self.body(body, place);
                }
                self.body(orelse, place);
            }
            StmtKind::For { target, iter, body, orelse } => {
                self.target(target);
                self.value(iter);
                self.body(body, looped);
                self.body(orelse, place);
            }
            StmtKind::While { test, body, orelse } => {
                self.value(test);
                self.body(body, looped);
                self.body(orelse, place);
            }
            StmtKind::With { items, body } => {
                items.iter().for_each(|(item, _)| self.value(item));
                self.body(body, place);
            }
            StmtKind::Assert { test, message } => {
                self.value(test);
                message.iter().for_each(|message| self.value(message));
            }
            StmtKind::Del(targets) => targets.iter().for_each(|target| self.deleted(target)),
            StmtKind::Break => self.place(place.in_loop, "break", "a loop", "remove it", statement.span),
            StmtKind::Continue => self.place(place.in_loop, "continue", "a loop", "remove it", statement.span),
            StmtKind::Import(_) | StmtKind::FromImport { .. } | StmtKind::Scope { .. } | StmtKind::Pass => {}
        }
    }

    fn place(&mut self, inside: bool, word: &str, around: &str, help: &str, span: Span) {
        if !inside {
            self.error(format!("`{word}` stands outside of {around}"), help, span);
        }
    }

    /// An expression where one value is needed, so not `*x`.
    fn value(&mut self, value: &Expr) {
        if matches!(value.node, ExprKind::Starred(_)) {
            self.error(
                "`*` spreads values only inside a tuple, a list or a call",
                "write `(*x,)` for a tuple",
                value.span,
            );
        }
        self.expr(value);
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.node {
            ExprKind::Call { args, .. } => self.arguments(args),
            ExprKind::Lambda { params, .. } => self.params(params),
            ExprKind::ListComp { clauses, .. } => clauses.iter().for_each(|clause| self.target(&clause.target)),
            _ => {}
        }
        children(expr, &mut |child| self.expr(child));
    }

    fn params(&mut self, params: &[Param]) {
        params.iter().filter_map(|param| param.default.as_ref()).for_each(|default| self.expr(default));
        self.param_order(params);
    }

    fn error(&mut self, message: impl Into<String>, help: &str, span: Span) {
        self.diagnostics.push(Diagnostic::new("syntax", message, self.source, span).help(help));
    }
}
