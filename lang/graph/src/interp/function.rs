//! Functions of the program: definition and calls.

use super::call::Arguments;
use super::fault::Given;
use super::statement::Flow;
use super::{Eval, MAX_CALLS, Machine};
use crate::scope::{Binding, FrameId};
use crate::value::{Code, Function, LocalNames, Parameter, Value};
use cleave_syntax::ast::{Body, Def, Expr, ExprKind, Param, ParamKind, Stmt, StmtKind};
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::source::Span;
use rustc_hash::FxHashSet;
use std::sync::Arc;

const CALLED_HERE: &str = "called here";

impl Machine<'_> {
    pub(crate) fn define(&mut self, def: &Arc<Def>) -> Eval {
        let names = local_names(&def.params, &def.body);
        let code = Code::Body(Arc::new(def.body.clone()));
        let function = self.function(&def.name.node, &def.params, (code, names), def.name.span)?;
        Ok(Value::Function(Arc::new(Function { doc: def.doc.clone(), ..function })))
    }

    pub(crate) fn lambda(&mut self, params: &[Param], body: &Arc<Expr>, span: Span) -> Eval {
        let names = local_names(params, &Vec::new());
        let function = self.function("<lambda>", params, (Code::Expression(body.clone()), names), span)?;
        Ok(Value::Function(Arc::new(function)))
    }

    fn function(
        &mut self,
        name: &str,
        params: &[Param],
        (code, names): (Code, LocalNames),
        span: Span,
    ) -> Eval<Function> {
        let params = params.iter().map(|p| self.parameter(p)).collect::<Eval<Vec<_>>>()?;
        self.state.scope.capture(self.frame);
        let (source, frame, names) = (self.source.clone(), self.frame, Arc::new(names));
        Ok(Function { name: name.into(), params, code, source, span, frame, names, doc: None })
    }

    fn parameter(&mut self, param: &Param) -> Eval<Parameter> {
        let default = param.default.as_ref().map(|d| self.eval(d)).transpose()?;
        Ok(Parameter { name: param.name.node.clone(), default, kind: param.kind })
    }

    pub(crate) fn call_function(&mut self, function: &Arc<Function>, arguments: Arguments, span: Span) -> Eval {
        if self.calls >= MAX_CALLS {
            let message = format!("calls nest deeper than {MAX_CALLS}, in `{}`", function.name);
            let help = "see whether the recursion ends, or write it as a loop";
            return Err(self.error("recursion-limit", message, span).help(help));
        }
        let bound = self.bind_function(function, arguments, span)?;
        let frame = self.state.scope.enter(function.frame, function.names.clone());
        for (name, given) in bound {
            let binding = Binding { value: given.value, source: self.source.clone(), span: given.span };
            self.state.scope.frame_mut(frame).names.insert(name, binding);
        }
        let result = self.run_code(function, frame, span);
        self.state.scope.leave(frame);
        result.map_err(|error| self.called_from(error, span))
    }

    fn run_code(&mut self, function: &Function, frame: FrameId, span: Span) -> Eval {
        let source = std::mem::replace(&mut self.source, function.source.clone());
        let outer = self.frame.replace(frame);
        self.calls += 1;
        let result = self.deeper(span, |m| match &function.code {
            Code::Expression(expr) => m.eval(expr),
            Code::Body(body) => Ok(match m.body(body)? {
                Flow::Return(value) => value,
                Flow::Next | Flow::Break | Flow::Continue => Value::None,
            }),
        });
        self.calls -= 1;
        (self.frame, self.source) = (outer, source);
        result
    }

    /// Names the innermost call that led to an error.
    fn called_from(&self, mut error: Diagnostic, span: Span) -> Diagnostic {
        if error.code == "interrupted" || error.labels.iter().any(|l| l.text.starts_with(CALLED_HERE)) {
            return error;
        }
        if error.source == self.source {
            return error.label(span, CALLED_HERE);
        }
        let place = format!("called in {}, line {}", self.source.name, self.source.line_of(span.start));
        error.help = match error.help {
            Some(help) if help.contains("called in ") => Some(help),
            Some(help) => Some(format!("{help} ({place})")),
            None => Some(place),
        };
        error
    }

    fn bind_function(&self, function: &Function, arguments: Arguments, span: Span) -> Eval<Vec<(Arc<str>, Given)>> {
        let params = &function.params;
        let mut slots: Vec<Option<Given>> = vec![None; params.len()];
        let plain = params.iter().take_while(|p| p.kind == ParamKind::Plain).count();
        let rest = params.iter().position(|p| p.kind == ParamKind::Rest);
        let mut extra = Vec::new();
        for (i, given) in arguments.positional.into_iter().enumerate() {
            match rest {
                _ if i < plain => slots[i] = Some(given),
                Some(_) => extra.push(given.value),
                None => return Err(self.too_many(&function.name, plain, &given)),
            }
        }
        for (name, given) in arguments.named {
            match params.iter().position(|p| p.name == name && p.kind != ParamKind::Rest) {
                Some(slot) if slots[slot].is_some() => {
                    return Err(self.repeated_argument(&function.name, &name, &given));
                }
                Some(slot) => slots[slot] = Some(given),
                None => {
                    let known = params.iter().filter(|p| p.kind != ParamKind::Rest).map(|p| &*p.name);
                    return Err(self.unknown_argument(&function.name, &name, known, given.span));
                }
            }
        }
        if let Some(rest) = rest {
            slots[rest] = Some(Given::new(Value::tuple(extra), span));
        }
        let filled = params.iter().zip(slots).map(|(param, slot)| {
            let default = || param.default.clone().map(|value| Given::new(value, span));
            let given =
                slot.or_else(default).ok_or_else(|| self.missing_argument(&function.name, &param.name, span))?;
            Ok((param.name.clone(), given))
        });
        filled.collect()
    }
}

/// Whose the names of a function are.
fn local_names(params: &[Param], body: &Body) -> LocalNames {
    let mut names = LocalNames::default();
    names.own.extend(params.iter().map(|p| p.name.node.clone()));
    assigned_names(body, &mut names.own);
    declared_names(body, &mut names);
    names.own.retain(|n| !names.global.contains(n) && !names.nonlocal.contains(n));
    names
}

fn declared_names(body: &Body, names: &mut LocalNames) {
    for stmt in body {
        if let StmtKind::Scope { global, names: declared } = &stmt.node {
            let set = if *global { &mut names.global } else { &mut names.nonlocal };
            set.extend(declared.iter().map(|n| n.node.clone()));
        }
        inner_bodies(stmt).into_iter().for_each(|inner| declared_names(inner, names));
    }
}

/// The names that statements assign, those inside of inner functions left out.
pub(crate) fn assigned_names(body: &Body, names: &mut FxHashSet<Arc<str>>) {
    for stmt in body {
        match &stmt.node {
            StmtKind::Assign { targets, .. } | StmtKind::Del(targets) => {
                targets.iter().for_each(|t| target_names(t, names))
            }
            StmtKind::AugAssign { target, .. } | StmtKind::AnnAssign { target, .. } | StmtKind::For { target, .. } => {
                target_names(target, names);
            }
            StmtKind::Def(def) => drop(names.insert(def.name.node.clone())),
            StmtKind::With { items, .. } => {
                items.iter().filter_map(|(_, t)| t.as_ref()).for_each(|t| target_names(t, names))
            }
            StmtKind::Import(imports) => {
                names.extend(imports.iter().map(super::import::bound_name));
            }
            StmtKind::FromImport { names: imports, .. } => {
                names.extend(imports.iter().map(|i| i.alias.as_ref().unwrap_or(&i.name).node.clone()));
            }
            _ => {}
        }
        inner_bodies(stmt).into_iter().for_each(|inner| assigned_names(inner, names));
    }
}

/// The names a target binds; `x[i] = v` rebinds `x`.
pub(crate) fn target_names(target: &Expr, names: &mut FxHashSet<Arc<str>>) {
    match &target.node {
        ExprKind::Name(name) => drop(names.insert(name.clone())),
        ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|t| target_names(t, names)),
        ExprKind::Starred(inner) => target_names(inner, names),
        _ => {}
    }
}

fn inner_bodies(stmt: &Stmt) -> Vec<&Body> {
    match &stmt.node {
        StmtKind::If { branches, orelse } => branches.iter().map(|(_, body)| body).chain([orelse]).collect(),
        StmtKind::For { body, orelse, .. } | StmtKind::While { body, orelse, .. } => vec![body, orelse],
        StmtKind::With { body, .. } => vec![body],
        _ => Vec::new(),
    }
}
