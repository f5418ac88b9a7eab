//! The order and the names of arguments and parameters.

use super::Checker;
use crate::ast::{Arg, Param, ParamKind};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use std::collections::HashMap;
use std::sync::Arc;

impl Checker<'_> {
    pub(super) fn arguments(&mut self, args: &[Arg]) {
        let mut names: HashMap<&Arc<str>, Span> = HashMap::new();
        let mut first_named: Option<Span> = None;
        for arg in args {
            match (&arg.name, first_named) {
                (Some(name), _) => {
                    first_named.get_or_insert(name.span);
                    if let Some(earlier) = names.insert(&name.node, name.span) {
                        self.twice("argument", &name.node, name.span, earlier);
                    }
                }
                (None, Some(named)) if !matches!(arg.value.node, crate::ast::ExprKind::Starred(_)) => {
                    let help = "put it before the named ones, or give it its name too";
                    let diagnostic = Diagnostic::new(
                        "syntax",
                        "an argument without a name follows one with a name",
                        self.source,
                        arg.value.span,
                    );
                    self.diagnostics.push(diagnostic.label(named, "named").help(help));
                }
                (None, _) => {}
            }
        }
    }

    pub(super) fn param_order(&mut self, params: &[Param]) {
        let mut names: HashMap<&Arc<str>, Span> = HashMap::new();
        let mut first_default: Option<Span> = None;
        for param in params {
            if let Some(earlier) = names.insert(&param.name.node, param.name.span) {
                self.twice("parameter", &param.name.node, param.name.span, earlier);
            }
            if param.default.is_some() && param.kind == ParamKind::Plain {
                first_default.get_or_insert(param.name.span);
            } else if let (ParamKind::Plain, Some(with_default)) = (param.kind, first_default) {
                let message = format!("the parameter `{}` has no default but follows one that has", param.name.node);
                let diagnostic = Diagnostic::new("syntax", message, self.source, param.name.span);
                self.diagnostics
                    .push(diagnostic.label(with_default, "has a default").help("give it a default, or put it first"));
            }
        }
    }

    fn twice(&mut self, what: &str, name: &str, span: Span, earlier: Span) {
        let diagnostic = Diagnostic::new("syntax", format!("the {what} `{name}` is given twice"), self.source, span);
        self.diagnostics.push(diagnostic.label(earlier, "first here").help("remove one of them"));
    }
}
