//! All names of the language with what is known of each: for completion, hover, help and the reference.

use crate::functions::{self, Found, FunctionEntry, modules, properties};
use crate::value::{Builtin, Code, Function, Value};
use cleave_ops::{Class, Op, table};
use std::sync::LazyLock;

/// What is known of one name.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// `sum(x, axis=None, keepdims=False)`
    pub signature: String,
    /// One line.
    pub summary: &'static str,
    /// More; may be empty.
    pub details: &'static str,
    /// Source lines with what they show.
    pub examples: &'static [(&'static str, &'static str)],
    /// What sort of thing it is.
    pub kind: EntryKind,
}

/// What sort of thing a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum EntryKind {
    Creation,
    Elementwise,
    Reduction,
    Scan,
    Contraction,
    View,
    Function,
    Method,
    Property,
    DType,
    Constant,
}

/// Everything under a name that can be used without an import.
static EVERYWHERE: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let places = [Found::Everywhere, Found::Arrays];
    let functions = functions::all().filter(|e| places.iter().any(|p| e.is_in(*p)));
    let mut names: Vec<&'static str> = functions.flat_map(|e| e.aliases.iter().copied().chain([e.name])).collect();
    names.extend(table::all().flat_map(|op| op.aliases.iter().copied().chain([op.name])));
    names.extend(cleave_ops::DType::ALL.iter().map(|d| d.name()));
    names.extend(CONSTANTS);
    names.sort_unstable();
    names.dedup();
    names
});

const CONSTANTS: [&str; 4] = ["inf", "nan", "newaxis", "pi"];

/// The names that can be used without an import.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    EVERYWHERE.iter().copied()
}

/// What a name stands for without an import.
pub fn builtin(name: &str) -> Option<Value> {
    let function = functions::find(name, &[Found::Everywhere]).or_else(|| functions::find(name, &[Found::Arrays]));
    let function = function.map(|e| Value::Builtin(Builtin::Function(e)));
    let op = || table::find(name).map(|op| Value::Builtin(Builtin::Op(op)));
    let dtype =
        || modules::dtype(name).filter(|_| !name.ends_with('_') && !matches!(name, "half" | "single" | "double"));
    function.or_else(op).or_else(dtype).or_else(|| modules::constant(name).filter(|_| CONSTANTS.contains(&name)))
}

/// The operation of an operator with one or two operands.
pub(crate) fn operator(symbol: &str, operands: usize) -> Option<&'static Op> {
    if operands == 1 { table::unary(symbol) } else { table::binary(symbol) }
}

/// The line that makes a usual short name of a module known.
pub(crate) fn import_hint(name: &str) -> Option<&'static str> {
    Some(match name {
        "np" => "import numpy as np",
        "numpy" => "import numpy",
        "da" => "import dask.array as da",
        "cp" => "import cupy as cp",
        "dask" => "import dask",
        "time" => "import time",
        "math" => "import math",
        _ => return None,
    })
}

/// What is known of a name: an operation, a function, a property or method of arrays.
pub fn find(name: &str) -> Option<Entry> {
    let name = name.rsplit('.').next().unwrap_or(name);
    if let Some(op) = table::find(name) {
        return Some(op_entry(op));
    }
    if let Some(entry) = functions::find(name, &[Found::Everywhere, Found::Arrays]) {
        return Some(function_entry(entry));
    }
    if let Some(entry) = functions::all().find(|e| e.name == name || e.aliases.contains(&name)) {
        return Some(function_entry(entry));
    }
    properties::find(name).map(property_entry)
}

/// The entries whose names begin so, in alphabetical order.
pub fn names(prefix: &str) -> Vec<Entry> {
    EVERYWHERE
        .iter()
        .filter(|name| name.starts_with(prefix))
        .filter_map(|name| find(name).map(|e| Entry { name, ..e }))
        .collect()
}

/// The names after the dot of a value, in alphabetical order.
pub fn attributes(value: &Value) -> Vec<&'static str> {
    let mut names = crate::interp::attribute_names(value);
    names.sort_unstable();
    names.dedup();
    names
}

/// What stands behind the dot of a value: a member of a module, or a method.
pub fn attribute(value: &Value, name: &str) -> Option<Value> {
    if let Value::Module(module) = value {
        return modules::member(module, name);
    }
    if !attributes(value).contains(&name) {
        return None;
    }
    let method = functions::all().find(|e| e.name == name || e.aliases.contains(&name)).map(Builtin::Function);
    method.or_else(|| table::find(name).map(Builtin::Op)).map(Value::Builtin)
}

/// Everything there is, for the reference.
pub fn all() -> Vec<Entry> {
    let ops = table::all().map(op_entry);
    let functions = functions::all().map(function_entry);
    ops.chain(functions).chain(properties::PROPERTIES.iter().map(property_entry)).collect()
}

/// Help on an entry, as text.
pub fn describe(entry: &Entry) -> String {
    let mut text = format!("{}\n\n    {}\n", entry.signature, entry.summary.trim_end_matches('.').to_owned() + ".");
    if !entry.details.is_empty() {
        text += &format!("\n    {}\n", entry.details.replace('\n', "\n    "));
    }
    for (source, result) in entry.examples {
        text += &format!("\n    >>> {source}\n    {}\n", result.replace('\n', "\n    "));
    }
    text
}

/// Help on a value: what a function does, or what type a value has.
pub fn describe_value(value: &Value) -> String {
    match value {
        Value::Builtin(Builtin::Op(op)) | Value::Method { method: Builtin::Op(op), .. } => describe(&op_entry(op)),
        Value::Builtin(Builtin::Function(entry)) | Value::Method { method: Builtin::Function(entry), .. } => {
            describe(&function_entry(entry))
        }
        Value::Function(function) => {
            let doc = function.doc.as_deref().unwrap_or("No text describes it.");
            format!("{}\n\n    {}\n", signature(function), doc.trim().replace('\n', "\n    "))
        }
        Value::Module(module) => {
            format!("module {}\n\n    {}\n", module.name, modules::member_names(module).join(", "))
        }
        other => format!("a value of type {}\n", other.type_name()),
    }
}

/// `f(x, *, k=…)` of a function of the program.
pub fn signature(function: &Function) -> String {
    use cleave_syntax::ast::ParamKind;
    let mut parts = Vec::new();
    let mut starred = false;
    for param in &function.params {
        if param.kind == ParamKind::NameOnly && !starred {
            parts.push("*".to_owned());
        }
        starred |= param.kind != ParamKind::Plain;
        let star = if param.kind == ParamKind::Rest { "*" } else { "" };
        let default = param.default.as_ref().map_or(String::new(), |value| format!("={}", short(value)));
        parts.push(format!("{star}{}{default}", param.name));
    }
    let name = if matches!(function.code, Code::Expression(_)) { "lambda" } else { &*function.name };
    format!("{name}({})", parts.join(", "))
}

fn short(value: &Value) -> String {
    match value {
        Value::None => "None".into(),
        Value::Str(text) => crate::interp::quoted(text),
        Value::DType(dtype) => dtype.name().into(),
        Value::Builtin(builtin) => builtin.name().into(),
        other => other.as_scalar().map_or_else(|| "…".into(), |scalar| scalar.to_string()),
    }
}

fn op_entry(op: &'static Op) -> Entry {
    let param = |p: &cleave_ops::Param| p.default.map_or(p.name.to_owned(), |d| format!("{}={d}", p.name));
    let params: Vec<String> = op.params.iter().map(param).collect();
    let kind = match op.class {
        Class::Fill(_) => EntryKind::Creation,
        Class::Map(_) => EntryKind::Elementwise,
        Class::Fold(_) => EntryKind::Reduction,
        Class::View(_) => EntryKind::View,
        Class::Scan(_) => EntryKind::Scan,
        Class::Contract(_) => EntryKind::Contraction,
    };
    let signature = format!("{}({})", op.name, params.join(", "));
    Entry { name: op.name, signature, summary: op.summary, details: op.details, examples: op.examples, kind }
}

fn function_entry(entry: &'static FunctionEntry) -> Entry {
    let method = entry.found.iter().all(|f| matches!(f, Found::Method(_)));
    Entry {
        name: entry.name,
        signature: entry.signature(),
        summary: entry.summary,
        details: entry.details,
        examples: entry.examples,
        kind: if method { EntryKind::Method } else { EntryKind::Function },
    }
}

fn property_entry(property: &'static properties::Property) -> Entry {
    let signature = format!("x.{}", property.name);
    let (name, summary) = (property.name, property.summary);
    Entry { name, signature, summary, details: "", examples: &[], kind: EntryKind::Property }
}
