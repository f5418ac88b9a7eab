//! Imports: they bind what is built in.

use super::fault::nearest;
use super::{Eval, Machine};
use crate::functions::modules::{self, MODULES};
use crate::value::Value;
use cleave_syntax::ast::{ImportName, Name};
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::source::Source;
use std::sync::Arc;

/// The name that an import binds: the alias, or the first part of a dotted name.
pub(crate) fn bound_name(import: &ImportName) -> Arc<str> {
    match &import.alias {
        Some(alias) => alias.node.clone(),
        None => import.name.node.split('.').next().unwrap_or_default().into(),
    }
}

/// The error for a module that is not built in.
pub(crate) fn unknown_module(name: &Name, source: &Source) -> Diagnostic {
    let known = "numpy, dask.array, cupy, dask.diagnostics, dask.distributed, IPython.display, time and math";
    let error = Diagnostic::new("unknown-module", format!("there is no module `{}`", name.node), source, name.span);
    let first = name.node.split('.').next().unwrap_or_default();
    match nearest(&name.node, MODULES.iter().map(|m| m.name)).filter(|near| *near != first) {
        Some(near) => error.help(format!("did you mean `{near}`? built in are {known}")),
        None => error.help(format!("built in are {known}; nothing else can be loaded")),
    }
}

impl Machine<'_> {
    pub(crate) fn import(&mut self, import: &ImportName) -> Eval<()> {
        let module = modules::find(&import.name.node).ok_or_else(|| unknown_module(&import.name, &self.source))?;
        let name = bound_name(import);
        let bound = if import.alias.is_some() { Some(module) } else { modules::find(&name) };
        self.bind_name(&name, Value::Module(bound.unwrap_or(module)), import.name.span);
        Ok(())
    }

    pub(crate) fn import_from(&mut self, module: &Name, names: &[ImportName]) -> Eval<()> {
        let found = modules::find(&module.node).ok_or_else(|| unknown_module(module, &self.source))?;
        for import in names {
            if &*import.name.node == "*" {
                let help = "name what you need; most of it is there without an import";
                return self.not_available("`import *`", help, import.name.span);
            }
            let value = modules::member(found, &import.name.node);
            let value = value.ok_or_else(|| modules::unknown_member(found, &import.name, &self.source))?;
            let name = import.alias.as_ref().unwrap_or(&import.name);
            self.bind_name(&name.node, value, name.span);
        }
        Ok(())
    }
}
