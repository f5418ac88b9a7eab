//! What a front end asks about code without running it: completion, inspection, completeness, history.

mod complete;
mod history;
mod inspect;

pub use cleave_syntax::Completeness;
pub use history::{HistoryEntry, HistoryQuery};

use cleave_graph::interp::Interp;
use cleave_graph::value::Value;
use cleave_graph::vocabulary::signature;
use std::sync::Arc;

/// A snapshot of a session's names and history: cheap to clone, answers while a cell runs.
#[derive(Clone, Debug, Default)]
pub struct Assistant {
    /// Names of the scope, in alphabetical order.
    pub names: Arc<Vec<Known>>,
    /// All inputs of this session.
    pub history: Arc<Vec<HistoryEntry>>,
    /// The number of this session in the history.
    pub session: u32,
}

/// A name of the scope.
#[derive(Clone, Debug)]
pub struct Known {
    /// The name.
    pub name: String,
    /// `array`, `function`, `int`, `module` …
    pub kind: String,
    /// What it is: `(200000, 200000) float64`, `f(x, n=3)`, or a short value.
    pub detail: String,
    /// The value, for its attributes and documentation.
    pub(crate) value: Value,
}

/// What can stand at the cursor. Offsets count Unicode code points, as the protocol does.
#[derive(Clone, Debug, Default)]
pub struct Completions {
    /// Where the part of the text begins that a match replaces.
    pub start: usize,
    /// Its end.
    pub end: usize,
    /// The matches, best first.
    pub matches: Vec<Completion>,
}

/// One match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The text to insert.
    pub text: String,
    /// `function`, `module`, `instance`, `keyword`, `param` or `magic`.
    pub kind: String,
    /// Its signature, or empty.
    pub signature: String,
}

impl Assistant {
    pub(crate) fn of(interp: &Interp, history: &Arc<Vec<HistoryEntry>>, session: u32) -> Self {
        let known = |(name, binding): (&Arc<str>, &cleave_graph::scope::Binding)| Known {
            name: name.to_string(),
            kind: binding.value.type_name().to_owned(),
            detail: detail(&binding.value, interp),
            value: binding.value.clone(),
        };
        let names = Arc::new(interp.scope.iter().map(known).collect());
        Self { names, history: Arc::clone(history), session }
    }

    /// Whether code can be run as it stands.
    pub fn completeness(&self, code: &str) -> Completeness {
        cleave_syntax::completeness(code)
    }

    pub(crate) fn known(&self, name: &str) -> Option<&Known> {
        self.names.iter().find(|k| k.name == name)
    }
}

/// The most characters of a value in a list.
const SHORT: usize = 60;

fn detail(value: &Value, interp: &Interp) -> String {
    let text = match value {
        Value::Array(node) => format!("{} {}", interp.graph[*node].shape, interp.graph[*node].dtype),
        Value::Function(function) => signature(function),
        Value::Module(module) => module.name.to_owned(),
        Value::Str(text) => format!("{text:?}"),
        Value::Int(v) => v.to_string(),
        Value::Float(v) => cleave_graph::format::float_repr(*v),
        Value::Bool(v) => if *v { "True" } else { "False" }.to_owned(),
        Value::Tuple(items) => format!("n={}", items.len()),
        Value::List(items) => format!("n={}", items.len()),
        Value::Dict(items) => format!("n={}", items.len()),
        Value::Number(scalar, dtype) => cleave_graph::format::scalar_str(*scalar, *dtype),
        other => other.type_name().to_owned(),
    };
    if text.chars().count() <= SHORT { text } else { text.chars().take(SHORT - 1).chain(['…']).collect() }
}

/// The byte offset of a place counted in code points.
pub(crate) fn byte_offset(code: &str, cursor: usize) -> usize {
    code.char_indices().nth(cursor).map_or(code.len(), |(at, _)| at)
}

/// The number of code points before a byte offset.
pub(crate) fn code_points(code: &str, offset: usize) -> usize {
    code[..offset].chars().count()
}
