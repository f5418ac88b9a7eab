//! The built-in modules: names under which the language's own functions are found.

use super::{Found, find as find_function};
use crate::interp::nearest;
use crate::value::{Builtin, Value};
use cleave_ops::{DType, table};
use cleave_syntax::ast::Name;
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::source::Source;
use std::sync::Arc;

/// A built-in module.
#[derive(Debug)]
pub struct Module {
    /// Its dotted name.
    pub name: &'static str,
    /// What it holds.
    pub(crate) holds: Holds,
}

impl Module {
    /// Whether what its functions give is put on a GPU.
    pub(crate) fn is_on_card(&self) -> bool {
        self.name == "cupy" || self.name.starts_with("cupy.")
    }
}

/// What a module holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Operations, array functions, dtypes and constants.
    Arrays,
    /// Functions of its own, found at `Found::Module` of this name.
    Own(&'static str),
    /// Some operations of the table.
    Ops(&'static [&'static str]),
}

/// Every module.
pub static MODULES: &[Module] = &[
    Module { name: "numpy", holds: Holds::Arrays },
    Module { name: "numpy.random", holds: Holds::Own("random") },
    Module { name: "numpy.lib", holds: Holds::Ops(&[]) },
    Module { name: "numpy.lib.stride_tricks", holds: Holds::Ops(WINDOWS) },
    Module { name: "dask", holds: Holds::Own("dask") },
    Module { name: "dask.array", holds: Holds::Arrays },
    Module { name: "dask.array.random", holds: Holds::Own("random") },
    Module { name: "dask.array.lib", holds: Holds::Ops(&[]) },
    Module { name: "dask.array.lib.stride_tricks", holds: Holds::Ops(WINDOWS) },
    Module { name: "dask.diagnostics", holds: Holds::Own("dask.diagnostics") },
    Module { name: "dask.distributed", holds: Holds::Own("dask.distributed") },
    Module { name: "cupy", holds: Holds::Arrays },
    Module { name: "cupy.random", holds: Holds::Own("random") },
    Module { name: "IPython", holds: Holds::Own("IPython") },
    Module { name: "IPython.display", holds: Holds::Own("IPython.display") },
    Module { name: "time", holds: Holds::Own("time") },
    Module { name: "math", holds: Holds::Own("math") },
];

const WINDOWS: &[&str] = &["sliding_window_view"];

/// The dtypes by the names that modules give them.
const DTYPES: &[&str] = &[
    "bool", "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
    "float64", "half", "single", "double",
];
const CONSTANTS: &[&str] = &["pi", "e", "inf", "nan", "newaxis"];

/// The module of a dotted name.
pub fn find(name: &str) -> Option<&'static Module> {
    MODULES.iter().find(|m| m.name == name)
}

/// A dtype by its name in a module.
pub(crate) fn dtype(name: &str) -> Option<Value> {
    DTYPES.contains(&name).then(|| DType::parse(name)).flatten().map(Value::DType)
}

/// A constant by its name.
pub(crate) fn constant(name: &str) -> Option<Value> {
    Some(match name {
        "pi" => Value::Float(std::f64::consts::PI),
        "e" => Value::Float(std::f64::consts::E),
        "tau" => Value::Float(std::f64::consts::TAU),
        "inf" => Value::Float(f64::INFINITY),
        "nan" => Value::Float(f64::NAN),
        "newaxis" => Value::None,
        _ => return None,
    })
}

/// What a module has under a name; what arrays the functions of `cupy` give are put on a GPU.
pub(crate) fn member(module: &'static Module, name: &str) -> Option<Value> {
    let found = plain_member(module, name)?;
    match found {
        Value::Builtin(method) if module.is_on_card() => {
            Some(Value::Method { receiver: Arc::new(Value::Module(module)), method })
        }
        other => Some(other),
    }
}

fn plain_member(module: &'static Module, name: &str) -> Option<Value> {
    let inner = find(&format!("{}.{name}", module.name)).map(Value::Module);
    inner.or_else(|| match module.holds {
        Holds::Arrays => array_member(name),
        Holds::Ops(names) => {
            let op = names.iter().find(|known| **known == name).and_then(|known| table::find(known));
            op.map(|op| Value::Builtin(Builtin::Op(op)))
        }
        Holds::Own(place) => {
            let own = find_function(name, &[Found::Module(place)]).map(|e| Value::Builtin(Builtin::Function(e)));
            own.or_else(|| constant(name).filter(|_| place == "math" && name != "newaxis"))
        }
    })
}

fn array_member(name: &str) -> Option<Value> {
    let op = table::find(name).map(|op| Value::Builtin(Builtin::Op(op)));
    let function = || find_function(name, &[Found::Arrays]).map(|e| Value::Builtin(Builtin::Function(e)));
    op.or_else(function).or_else(|| dtype(name)).or_else(|| constant(name))
}

/// The names in a module.
pub(crate) fn member_names(module: &'static Module) -> Vec<&'static str> {
    let prefix = format!("{}.", module.name);
    let inner = MODULES.iter().filter_map(|m| m.name.strip_prefix(prefix.as_str())).filter(|n| !n.contains('.'));
    let mut names: Vec<&'static str> = inner.collect();
    match module.holds {
        Holds::Arrays => {
            names.extend(table::all().flat_map(|op| op.aliases.iter().copied().chain([op.name])));
            names.extend(super::all().filter(|e| e.is_in(Found::Arrays)).map(|e| e.name));
            names.extend(DTYPES.iter().chain(CONSTANTS));
        }
        Holds::Ops(own) => names.extend(own),
        Holds::Own(place) => {
            names.extend(super::all().filter(|e| e.is_in(Found::Module(place))).map(|e| e.name));
            names.extend(["pi", "e", "tau", "inf", "nan"].iter().filter(|_| place == "math"));
        }
    }
    names
}

/// The error for a name that a module does not have.
pub(crate) fn unknown_member(module: &'static Module, name: &Name, source: &Source) -> Diagnostic {
    let message = format!("`{}` has no `{}`", module.name, name.node);
    if let Some(help) = super::not_yet(&name.node) {
        return Diagnostic::new("not-available", message, source, name.span).help(help);
    }
    let error = Diagnostic::new("unknown-attribute", message, source, name.span);
    match nearest(&name.node, member_names(module)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error,
    }
}
