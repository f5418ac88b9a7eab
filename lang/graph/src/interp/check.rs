//! What is wrong with a program before anything of it runs: unknown names, modules and arguments.

use super::Interp;
use super::attribute::{attribute_names, unknown_attribute};
use super::fault::nearest;
use super::function::{assigned_names, target_names};
use super::import::{bound_name, unknown_module};
use crate::functions::{Found, Kind, modules, not_yet};
use crate::value::{Builtin, Value};
use crate::vocabulary;
use cleave_ops::{Op, table};
use cleave_syntax::ast::{Arg, Body, Comprehension, Expr, ExprKind, Name, Param, Program, Stmt, StmtKind};
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::source::{Source, Span};
use cleave_syntax::{children, foreign_name};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

type Names = FxHashSet<Arc<str>>;

/// All that can be seen to be wrong without running anything.
///
/// A name counts as known once a statement before may have bound it; inside of functions, which run later,
/// any statement of the program may have.
pub fn check(program: &Program, state: &Interp) -> Vec<Diagnostic> {
    let (mut known, mut later) = (Names::default(), Names::default());
    assigned_names(&program.body, &mut later);
    declared_global(&program.body, &mut known);
    let mut checker = Checker {
        source: &program.source,
        state,
        found: Vec::new(),
        known,
        deleted: Names::default(),
        later,
        locals: Vec::new(),
        modules: FxHashMap::default(),
    };
    checker.body(&program.body);
    checker.found
}

struct Checker<'a> {
    source: &'a Source,
    state: &'a Interp,
    found: Vec<Diagnostic>,
    /// Bound by statements before.
    known: Names,
    /// Names of earlier cells that statements before have deleted.
    deleted: Names,
    /// Bound by any statement of the program.
    later: Names,
    /// The names of the functions and comprehensions around.
    locals: Vec<Names>,
    /// What imports of this program bound.
    modules: FxHashMap<Arc<str>, Value>,
}

impl Checker<'_> {
    fn body(&mut self, body: &Body) {
        body.iter().for_each(|stmt| self.statement(stmt));
    }

    fn statement(&mut self, stmt: &Stmt) {
        match &stmt.node {
            StmtKind::Expr(value) => self.expr(value),
            StmtKind::Assign { targets, value } => {
                self.expr(value);
                targets.iter().for_each(|target| self.target(target));
            }
            StmtKind::AugAssign { target, value, .. } => {
                self.expr(target);
                self.expr(value);
            }
            StmtKind::AnnAssign { target, value } => {
                if let Some(value) = value {
                    self.expr(value);
                    self.target(target);
                }
            }
            StmtKind::Def(def) => {
                self.defaults(&def.params);
                self.bind(&def.name.node);
                let mut names: Names = def.params.iter().map(|p| p.name.node.clone()).collect();
                assigned_names(&def.body, &mut names);
                self.inside(names, |c| c.body(&def.body));
            }
            StmtKind::Return(value) => value.iter().for_each(|value| self.expr(value)),
            StmtKind::If { branches, orelse } => {
                for (test, body) in branches {
                    self.expr(test);
                    self.body(body);
                }
                self.body(orelse);
            }
            StmtKind::For { target, iter, body, orelse } => {
                self.expr(iter);
                self.target(target);
                self.looped(body, None);
                self.body(orelse);
            }
            StmtKind::While { test, body, orelse } => {
                self.looped(body, Some(test));
                self.body(orelse);
            }
            StmtKind::With { items, body } => {
                for (item, target) in items {
                    self.expr(item);
                    target.iter().for_each(|target| self.target(target));
                }
                self.body(body);
            }
            StmtKind::Import(_) | StmtKind::FromImport { .. } => self.imports(stmt),
            StmtKind::Assert { test, message } => {
                self.expr(test);
                message.iter().for_each(|message| self.expr(message));
            }
            StmtKind::Del(targets) => targets.iter().for_each(|target| self.delete(target)),
            StmtKind::Scope { .. } | StmtKind::Break | StmtKind::Continue | StmtKind::Pass => {}
        }
    }

    /// What a later turn of a loop binds is known in the next one.
    fn looped(&mut self, body: &Body, test: Option<&Expr>) {
        let mut names = Names::default();
        assigned_names(body, &mut names);
        names.iter().for_each(|name| self.bind(name));
        test.into_iter().for_each(|test| self.expr(test));
        self.body(body);
    }

    fn inside(&mut self, names: Names, work: impl FnOnce(&mut Self)) {
        self.locals.push(names);
        work(self);
        self.locals.pop();
    }

    fn bind(&mut self, name: &Arc<str>) {
        if self.locals.is_empty() {
            self.deleted.remove(name);
            self.known.insert(name.clone());
        }
    }

    fn target(&mut self, target: &Expr) {
        match &target.node {
            ExprKind::Name(name) => {
                self.modules.remove(name);
                self.bind(name);
            }
            ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|t| self.target(t)),
            ExprKind::Starred(inner) => self.target(inner),
            _ => self.expr(target),
        }
    }

    fn delete(&mut self, target: &Expr) {
        match &target.node {
            ExprKind::Name(name) => {
                let bound =
                    self.locals.iter().any(|l| l.contains(name)) || self.known.contains(name) || self.in_scope(name);
                if !bound {
                    self.unknown(name, target.span);
                } else if self.locals.is_empty() {
                    self.known.remove(name);
                    self.deleted.insert(name.clone());
                }
            }
            ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|t| self.delete(t)),
            _ => self.expr(target),
        }
    }

    fn in_scope(&self, name: &str) -> bool {
        self.state.scope.get(name).is_some() && !self.deleted.contains(name)
    }

    fn is_known(&self, name: &str) -> bool {
        self.locals.iter().any(|l| l.contains(name))
            || self.known.contains(name)
            || self.in_scope(name)
            || (!self.locals.is_empty() && self.later.contains(name))
            || vocabulary::builtin(name).is_some()
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.node {
            ExprKind::Name(name) => {
                if !self.is_known(name) {
                    self.unknown(name, expr.span);
                }
            }
            ExprKind::Lambda { params, body } => {
                self.defaults(params);
                let names = params.iter().map(|p| p.name.node.clone()).collect();
                self.inside(names, |c| c.expr(body));
            }
            ExprKind::ListComp { element, clauses } => self.comprehension(element, clauses),
            ExprKind::Attribute { object, name } => {
                self.expr(object);
                self.member(object, name);
            }
            ExprKind::Call { callee, args } => {
                self.expr(callee);
                args.iter().for_each(|arg| self.expr(&arg.value));
                self.arguments(callee, args);
            }
            _ => children(expr, &mut |child| self.expr(child)),
        }
    }

    fn defaults(&mut self, params: &[Param]) {
        params.iter().filter_map(|p| p.default.as_ref()).for_each(|default| self.expr(default));
    }

    fn comprehension(&mut self, element: &Expr, clauses: &[Comprehension]) {
        let mut names = Names::default();
        clauses.iter().for_each(|clause| target_names(&clause.target, &mut names));
        if let Some(first) = clauses.first() {
            self.expr(&first.iter);
        }
        // The statements before a comprehension have run when it runs, those after it have not.
        let later = if self.locals.is_empty() { Some(std::mem::take(&mut self.later)) } else { None };
        self.inside(names, |c| {
            clauses.iter().skip(1).for_each(|clause| c.expr(&clause.iter));
            clauses.iter().flat_map(|clause| &clause.tests).for_each(|test| c.expr(test));
            c.expr(element);
        });
        self.later = later.unwrap_or_else(|| std::mem::take(&mut self.later));
    }

    fn unknown(&mut self, name: &str, span: Span) {
        let error = Diagnostic::new("unknown-name", format!("there is no `{name}`"), self.source, span);
        let own = self.known.iter().map(|n| &**n).chain(self.state.scope.iter().map(|(n, _)| &**n));
        let own = own.chain(self.locals.iter().flatten().map(|n| &**n));
        let mut names: Vec<&str> = own.collect();
        vocabulary::builtin_names().for_each(|n| names.push(n));
        let later = self.later.contains(name) && self.locals.is_empty();
        let help = match vocabulary::import_hint(name) {
            Some(line) => Some(format!("write `{line}` first")),
            None if later => Some("it is given a value only further down".to_owned()),
            None => not_yet(name).map(str::to_owned).or_else(|| {
                foreign_name(name).or_else(|| nearest(name, names)).map(|near| format!("did you mean `{near}`?"))
            }),
        };
        self.found.push(Diagnostic { help, ..error });
    }

    fn imports(&mut self, stmt: &Stmt) {
        match &stmt.node {
            StmtKind::Import(names) => {
                for import in names {
                    let name = bound_name(import);
                    let found = modules::find(&import.name.node);
                    match found {
                        None => self.found.push(unknown_module(&import.name, self.source)),
                        Some(module) => {
                            let bound = if import.alias.is_some() { Some(module) } else { modules::find(&name) };
                            self.modules.insert(name.clone(), Value::Module(bound.unwrap_or(module)));
                        }
                    }
                    self.bind(&name);
                }
            }
            StmtKind::FromImport { module, names } => {
                let found = modules::find(&module.node);
                if found.is_none() {
                    self.found.push(unknown_module(module, self.source));
                }
                for import in names {
                    let name = &import.alias.as_ref().unwrap_or(&import.name).node;
                    match found.map(|m| (m, modules::member(m, &import.name.node))) {
                        Some((_, Some(value))) => drop(self.modules.insert(name.clone(), value)),
                        Some((module, None)) if &*import.name.node != "*" => {
                            self.found.push(modules::unknown_member(module, &import.name, self.source));
                        }
                        _ => {}
                    }
                    self.bind(name);
                }
            }
            _ => {}
        }
    }

    /// What an expression certainly is, if it is a name of an earlier cell, a module, a member of one or a builtin.
    fn certain(&self, expr: &Expr) -> Option<Value> {
        match &expr.node {
            ExprKind::Name(name) => {
                if self.locals.iter().any(|l| l.contains(name)) {
                    return None;
                }
                let imported = self.modules.get(name).cloned();
                let named =
                    || self.state.scope.get(name).filter(|_| !self.later.contains(name)).map(|b| b.value.clone());
                let free = || !self.later.contains(name) && !self.known.contains(name);
                imported.or_else(named).or_else(|| vocabulary::builtin(name).filter(|_| free()))
            }
            ExprKind::Attribute { object, name } => match self.certain(object)? {
                Value::Module(module) => modules::member(module, &name.node),
                _ => None,
            },
            _ => None,
        }
    }

    fn member(&mut self, object: &Expr, name: &Name) {
        match self.certain(object) {
            Some(Value::Module(module)) if modules::member(module, &name.node).is_none() => {
                self.found.push(modules::unknown_member(module, name, self.source));
            }
            Some(array @ Value::Array(_)) if !attribute_names(&array).contains(&&*name.node) => {
                self.found.push(unknown_attribute(&array, name, self.source));
            }
            _ => {}
        }
    }

    /// The names of keyword arguments, where it is certain what is called.
    fn arguments(&mut self, callee: &Expr, args: &[Arg]) {
        let builtin = match self.certain(callee) {
            Some(Value::Builtin(builtin)) => builtin,
            Some(Value::Method { receiver, method }) if matches!(*receiver, Value::Module(_)) => method,
            _ => return,
        };
        let known: Vec<&'static str> = match builtin {
            Builtin::Op(op) => op_names(op),
            Builtin::Function(entry) if entry.takes_names() => {
                let same = table::find(entry.name).filter(|_| entry.is_in(Found::Everywhere));
                let Some(op) = same else { return };
                let own = ["key", "default", "start", "ndigits"];
                op_names(op).into_iter().chain(own).chain(entry.param_names()).collect()
            }
            Builtin::Function(entry) => entry.param_names().collect(),
        };
        for name in args.iter().filter_map(|a| a.name.as_ref()).filter(|n| !known.contains(&&*n.node)) {
            let message = format!("`{}` has no argument `{}`", builtin.name(), name.node);
            let error = Diagnostic::new("unknown-argument", message, self.source, name.span);
            let help = match nearest(&name.node, known.iter().copied()) {
                Some(near) => Some(format!("did you mean `{near}`?")),
                None if known.is_empty() => None,
                None => Some(format!("it takes {}", known.join(", "))),
            };
            self.found.push(Diagnostic { help, ..error });
        }
        self.count(builtin, args);
    }

    fn count(&mut self, builtin: Builtin, args: &[Arg]) {
        let Builtin::Function(entry) = builtin else { return };
        let plain = entry.params.iter().filter(|p| p.kind == Kind::Plain).count();
        let starred = args.iter().any(|a| matches!(a.value.node, ExprKind::Starred(_)));
        if starred || entry.params.iter().any(|p| p.kind == Kind::Rest) {
            return;
        }
        if let Some(extra) = args.iter().filter(|a| a.name.is_none()).nth(plain) {
            let plural = if plain == 1 { "" } else { "s" };
            let message = format!("`{}` takes {plain} argument{plural}, this is one more", entry.name);
            self.found.push(Diagnostic::new("too-many-arguments", message, self.source, extra.value.span));
        }
    }
}

fn op_names(op: &'static Op) -> Vec<&'static str> {
    op.params.iter().flat_map(|p| [Some(p.name), p.other_name()]).flatten().collect()
}

/// The names that functions declare `global`: a call may bind them.
fn declared_global(body: &Body, names: &mut Names) {
    for stmt in body {
        match &stmt.node {
            StmtKind::Scope { global: true, names: declared } => names.extend(declared.iter().map(|n| n.node.clone())),
            StmtKind::Def(def) => declared_global(&def.body, names),
            StmtKind::If { branches, orelse } => {
                branches.iter().for_each(|(_, body)| declared_global(body, names));
                declared_global(orelse, names);
            }
            StmtKind::For { body, orelse, .. } | StmtKind::While { body, orelse, .. } => {
                declared_global(body, names);
                declared_global(orelse, names);
            }
            StmtKind::With { body, .. } => declared_global(body, names),
            _ => {}
        }
    }
}
