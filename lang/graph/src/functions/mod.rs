//! What is callable besides the table of operations: one entry a function, in groups.
//!
//! An entry says where it is found (everywhere, in the array modules, in `math`, as a method of text, …), what
//! it takes, and what it does. Completion, hover, help and the check of keywords read these entries.

mod along;
mod bound;
mod builtin;
mod client;
mod convert;
mod create;
mod dicts;
mod generator;
mod join;
mod lists;
mod looking;
mod math;
pub mod modules;
mod pad;
pub mod properties;
mod reduce;
mod sequence;
mod storage;
mod strings;
mod time;

pub use bound::Bound;
pub use modules::Module;

use crate::interp::{Eval, Machine};
use crate::value::{Builtin, Value};
use cleave_ops::table;
use rustc_hash::FxHashMap;
use std::fmt;
use std::sync::LazyLock;

/// One function: everything known about it.
pub struct FunctionEntry {
    /// Its name.
    pub name: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// Where it is found.
    pub found: &'static [Found],
    /// What it takes; the receiver first where it is a method.
    pub params: &'static [Param],
    /// One line for completion and hover.
    pub summary: &'static str,
    /// More, for the reference page; may be empty.
    pub details: &'static str,
    /// Source lines with what they show.
    pub examples: &'static [(&'static str, &'static str)],
    /// Whether it changes what it is called on, which is then bound anew.
    pub changes: bool,
    pub(crate) run: fn(&mut Machine<'_>, &mut Bound) -> Eval,
}

/// Where a function is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// By its name alone.
    Everywhere,
    /// By its name alone, and in `numpy`, `dask.array` and `cupy`.
    Arrays,
    /// In a module only.
    Module(&'static str),
    /// As a method.
    Method(Receiver),
}

/// What has methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Receiver {
    Array,
    Str,
    List,
    Tuple,
    Dict,
    Generator,
    Float,
    Complex,
    Client,
}

/// A parameter of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Its default as it would be written; `None` where it must be given.
    pub default: Option<&'static str>,
    /// How arguments reach it.
    pub kind: Kind,
}

/// How arguments reach a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By position or name.
    Plain,
    /// The remaining positional ones.
    Rest,
    /// By name only.
    NameOnly,
    /// The remaining named ones.
    Names,
}

pub(crate) const fn need(name: &'static str) -> Param {
    Param { name, default: None, kind: Kind::Plain }
}

pub(crate) const fn with(name: &'static str, default: &'static str) -> Param {
    Param { name, default: Some(default), kind: Kind::Plain }
}

pub(crate) const fn only(name: &'static str, default: &'static str) -> Param {
    Param { name, default: Some(default), kind: Kind::NameOnly }
}

pub(crate) const fn rest(name: &'static str) -> Param {
    Param { name, default: None, kind: Kind::Rest }
}

pub(crate) const fn names(name: &'static str) -> Param {
    Param { name, default: None, kind: Kind::Names }
}

/// What most entries are; an entry overrides what differs.
pub(crate) const PLAIN: FunctionEntry = FunctionEntry {
    name: "",
    aliases: &[],
    found: &[Found::Everywhere],
    params: &[],
    summary: "",
    details: "",
    examples: &[],
    changes: false,
    run: |_, _| Ok(Value::None),
};

impl Param {
    pub(crate) fn is_required(&self) -> bool {
        self.default.is_none() && matches!(self.kind, Kind::Plain | Kind::NameOnly)
    }

    pub(crate) fn answers_to(&self, name: &str) -> bool {
        self.name == name
    }
}

impl FunctionEntry {
    pub(crate) fn takes_names(&self) -> bool {
        self.params.iter().any(|p| p.kind == Kind::Names)
    }

    /// The names by which arguments can be given.
    pub fn param_names(&self) -> impl Iterator<Item = &'static str> {
        self.params.iter().filter(|p| matches!(p.kind, Kind::Plain | Kind::NameOnly)).map(|p| p.name)
    }

    /// Whether it is found there.
    pub fn is_in(&self, place: Found) -> bool {
        self.found.contains(&place)
    }

    /// `f(x, *, key=None)`
    pub fn signature(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut starred = false;
        for param in self.params {
            match (param.kind, param.default) {
                (Kind::Rest, _) => parts.push(format!("*{}", param.name)),
                (Kind::Names, _) => parts.push(format!("**{}", param.name)),
                (Kind::NameOnly, _) if !starred && !parts.iter().any(|p| p.starts_with('*')) => parts.push("*".into()),
                _ => {}
            }
            starred |= param.kind == Kind::NameOnly;
            match (param.kind, param.default) {
                (Kind::Rest | Kind::Names, _) => {}
                (_, Some(default)) => parts.push(format!("{}={default}", param.name)),
                (_, None) => parts.push(param.name.into()),
            }
        }
        format!("{}({})", self.name, parts.join(", "))
    }
}

impl fmt::Debug for FunctionEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Receiver {
    /// What a value is to its methods.
    pub fn of(value: &Value) -> Option<Receiver> {
        match value {
            Value::Array(_) | Value::Number(..) => Some(Receiver::Array),
            Value::Str(_) => Some(Receiver::Str),
            Value::List(_) => Some(Receiver::List),
            Value::Tuple(_) => Some(Receiver::Tuple),
            Value::Dict(_) => Some(Receiver::Dict),
            Value::Generator(_) => Some(Receiver::Generator),
            Value::Float(_) | Value::Int(_) | Value::Bool(_) => Some(Receiver::Float),
            Value::Complex(_) => Some(Receiver::Complex),
            Value::Client(_) => Some(Receiver::Client),
            _ => None,
        }
    }
}

static GROUPS: &[&[FunctionEntry]] = &[
    builtin::ENTRIES,
    convert::ENTRIES,
    reduce::ENTRIES,
    sequence::ENTRIES,
    strings::ENTRIES,
    lists::ENTRIES,
    dicts::ENTRIES,
    create::ENTRIES,
    join::ENTRIES,
    along::ENTRIES,
    pad::ENTRIES,
    generator::ENTRIES,
    storage::ENTRIES,
    looking::ENTRIES,
    client::ENTRIES,
    math::ENTRIES,
    time::ENTRIES,
];

static METHODS: LazyLock<FxHashMap<(Receiver, &'static str), &'static FunctionEntry>> = LazyLock::new(|| {
    let mut methods = FxHashMap::default();
    for entry in all() {
        for found in entry.found {
            if let Found::Method(receiver) = found {
                for name in entry.aliases.iter().chain([&entry.name]) {
                    methods.insert((*receiver, *name), entry);
                }
            }
        }
    }
    methods
});

/// Every function, group by group.
pub fn all() -> impl Iterator<Item = &'static FunctionEntry> {
    GROUPS.iter().flat_map(|group| group.iter())
}

/// The function of a name at one of some places.
pub fn find(name: &str, places: &[Found]) -> Option<&'static FunctionEntry> {
    all().find(|e| (e.name == name || e.aliases.contains(&name)) && places.iter().any(|p| e.is_in(*p)))
}

/// A method by name: an entry here, or an operation of the table that is a method too.
pub fn method(receiver: Receiver, name: &str) -> Option<Builtin> {
    if let Some(entry) = METHODS.get(&(receiver, name)) {
        return Some(Builtin::Function(entry));
    }
    let op = table::find(name).filter(|op| op.method && receiver == Receiver::Array);
    op.map(Builtin::Op)
}

/// The methods of a receiver, under all their names.
pub fn method_names(receiver: Receiver) -> Vec<&'static str> {
    let own = all().filter(|e| e.is_in(Found::Method(receiver))).map(|e| (e.name, e.aliases));
    let ops = table::all().filter(|op| op.method && receiver == Receiver::Array).map(|op| (op.name, op.aliases));
    own.chain(ops).flat_map(|(name, aliases)| aliases.iter().copied().chain([name])).collect()
}

/// Whether some receiver has a method of that name that changes it.
pub(crate) fn may_change(name: &str) -> bool {
    all().any(|e| e.changes && e.name == name)
}

/// The method of that name that changes the receiver.
pub(crate) fn changer(receiver: Receiver, name: &str) -> Option<&'static FunctionEntry> {
    METHODS.get(&(receiver, name)).copied().filter(|e| e.changes)
}

/// What to use instead of a name of NumPy's that is not there yet.
pub(crate) fn not_yet(name: &str) -> Option<&'static str> {
    let help = match name {
        "einsum" => "`einsum` is not available; `@`, `tensordot` and `sum` over a product are",
        "linalg" => "linear algebra is not available; `@`, `sum`, `mean` and elementwise arithmetic are",
        "fft" => "Fourier transforms are not available",
        "reshape" | "ravel" | "flatten" => {
            "reshaping is not available; transpose, slice and add axes with `x[:, None]`"
        }
        "sort" | "argsort" | "unique" | "median" | "quantile" | "percentile" | "topk" => {
            "sorting is not available; `min`, `max`, `mean` and `std` are"
        }
        "histogram" | "bincount" => "histograms are not available; count with `((x >= a) & (x < b)).sum()`",
        "map_blocks" | "map_overlap" => {
            "functions over blocks are not available; write the arithmetic on the whole array, or on its windows: \
             `sliding_window_view`"
        }
        _ => return None,
    };
    Some(help)
}
