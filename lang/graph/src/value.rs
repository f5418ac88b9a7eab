//! What an expression gives.

use crate::functions::{FunctionEntry, Module};
use crate::node::NodeId;
use crate::scope::FrameId;
use cleave_ops::{DType, Op, Scalar};
use cleave_syntax::ast::{Body, Expr, ParamKind};
use cleave_syntax::source::{Source, Span};
use num_complex::Complex64;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// What an expression gives. Cheap to clone. Lists and dicts are values: what changes one rebinds the name it
/// was reached by, and no other name sees the change.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Value {
    None,
    Ellipsis,
    Bool(bool),
    Int(i64),
    Float(f64),
    Complex(Complex64),
    Str(Arc<str>),
    Tuple(Arc<[Value]>),
    List(Arc<Vec<Value>>),
    Dict(Arc<Vec<(Value, Value)>>),
    Range {
        start: i64,
        stop: i64,
        step: i64,
    },
    Slice {
        start: Option<i64>,
        stop: Option<i64>,
        step: Option<i64>,
    },
    DType(DType),
    /// One known number with a dtype of its own, as a computed 0-d array gives.
    Number(Scalar, DType),
    /// A lazy array of the session's graph.
    Array(NodeId),
    /// A function of the program.
    Function(Arc<Function>),
    /// A function of the language: an entry of a table.
    Builtin(Builtin),
    /// `x.sum`, with its receiver.
    Method {
        receiver: Arc<Value>,
        method: Builtin,
    },
    /// A random generator; its draws count in the scope, so that copies of the value share them.
    Generator(Generator),
    /// A built-in module, such as `dask.array`.
    Module(&'static Module),
    /// What `with` enters: `ProgressBar()` and its like.
    Manager(&'static str),
    /// A connection to workers.
    Client(Client),
}

/// An entry that can be called.
#[derive(Clone, Copy, Debug)]
pub enum Builtin {
    /// An entry of the table of operations.
    Op(&'static Op),
    /// An entry of the table of functions.
    Function(&'static FunctionEntry),
}

impl Builtin {
    /// The entry's name.
    pub fn name(self) -> &'static str {
        match self {
            Builtin::Op(op) => op.name,
            Builtin::Function(entry) => entry.name,
        }
    }
}

/// A random generator: which one in the scope, and its seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generator {
    /// Its place among the scope's counters of draws.
    pub id: u64,
    /// What its numbers are keyed by.
    pub seed: u64,
    /// Whether its draws are put on a GPU, as those of `cupy.random` are.
    pub on_card: bool,
}

/// A connection to workers, which the session holds under a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its number in the session.
    pub id: u64,
    /// Where the workers are, such as `10.0.0.4:7711,10.0.0.5:7711`.
    pub address: Arc<str>,
}

/// A function of the program.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name; `<lambda>` for a lambda.
    pub name: Arc<str>,
    /// Its parameters with the values of their defaults.
    pub params: Vec<Parameter>,
    /// What it does.
    pub code: Code,
    /// The text it was read from.
    pub source: Source,
    /// Where its header stands in that text.
    pub span: Span,
    /// The call in which it was defined, if it was in one.
    pub frame: Option<FrameId>,
    /// Which names belong to a call.
    pub names: Arc<LocalNames>,
    /// The text of a string that stands first in its body.
    pub doc: Option<Arc<str>>,
}

/// A parameter of a function of the program.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: Arc<str>,
    /// The value of its default.
    pub default: Option<Value>,
    /// How arguments reach it.
    pub kind: ParamKind,
}

/// What a function of the program does.
#[derive(Clone, Debug)]
pub enum Code {
    /// The statements of a `def`.
    Body(Arc<Body>),
    /// The expression of a `lambda`.
    Expression(Arc<Expr>),
}

/// Whose the names are that a function assigns.
#[derive(Clone, Debug, Default)]
pub struct LocalNames {
    /// Assigned in the body, or parameters.
    pub own: FxHashSet<Arc<str>>,
    /// Declared `global`.
    pub global: FxHashSet<Arc<str>>,
    /// Declared `nonlocal`.
    pub nonlocal: FxHashSet<Arc<str>>,
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Str(text.into())
    }

    /// A tuple value.
    pub fn tuple(items: impl Into<Arc<[Value]>>) -> Value {
        Value::Tuple(items.into())
    }

    /// A list value.
    pub fn list(items: Vec<Value>) -> Value {
        Value::List(Arc::new(items))
    }

    /// A tuple of whole numbers, as shapes are.
    pub fn lengths(lens: impl IntoIterator<Item = usize>) -> Value {
        Value::tuple(lens.into_iter().map(|n| Value::Int(n as i64)).collect::<Vec<_>>())
    }

    /// The name of its type, as Python and NumPy have it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::None => "NoneType",
            Value::Ellipsis => "ellipsis",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Complex(_) => "complex",
            Value::Str(_) => "str",
            Value::Tuple(_) => "tuple",
            Value::List(_) => "list",
            Value::Dict(_) => "dict",
            Value::Range { .. } => "range",
            Value::Slice { .. } => "slice",
            Value::DType(_) => "dtype",
            Value::Number(_, dtype) => dtype.name(),
            Value::Array(_) => "array",
            Value::Function(_) | Value::Builtin(_) | Value::Method { .. } => "function",
            Value::Generator(_) => "Generator",
            Value::Module(_) => "module",
            Value::Manager(name) => name,
            Value::Client(_) => "Client",
        }
    }

    /// The number it is to an operation: `True`, `2`, `2.5`.
    pub fn as_scalar(&self) -> Option<Scalar> {
        match self {
            Value::Bool(v) => Some(Scalar::Bool(*v)),
            Value::Int(v) => Some(Scalar::Int(i128::from(*v))),
            Value::Float(v) => Some(Scalar::Float(*v)),
            Value::Number(scalar, _) => Some(*scalar),
            _ => None,
        }
    }

    /// The plain value of a number with a dtype; others as they are. Integers beyond 64 bits signed stay.
    pub fn plain(&self) -> Value {
        match self {
            Value::Number(Scalar::Bool(v), _) => Value::Bool(*v),
            Value::Number(Scalar::Int(v), _) => i64::try_from(*v).map_or_else(|_| self.clone(), Value::Int),
            Value::Number(Scalar::Float(v), _) => Value::Float(*v),
            other => other.clone(),
        }
    }

    /// Whether it is an array or something that may have one in it.
    pub(crate) fn may_hold_arrays(&self) -> bool {
        matches!(self, Value::Array(_) | Value::Tuple(_) | Value::List(_) | Value::Dict(_))
    }

    /// Calls `visit` with each array in it, lists and functions included.
    pub fn each_node(&mut self, visit: &mut dyn FnMut(&mut NodeId)) {
        match self {
            Value::Array(node) => visit(node),
            Value::Tuple(items) => {
                let mut new = items.to_vec();
                new.iter_mut().for_each(|v| v.each_node(visit));
                *items = new.into();
            }
            Value::List(items) => Arc::make_mut(items).iter_mut().for_each(|v| v.each_node(visit)),
            Value::Dict(items) => Arc::make_mut(items).iter_mut().for_each(|(_, v)| v.each_node(visit)),
            Value::Method { receiver, .. } => Arc::make_mut(receiver).each_node(visit),
            Value::Function(function) => {
                let defaults = Arc::make_mut(function).params.iter_mut().filter_map(|p| p.default.as_mut());
                defaults.for_each(|v| v.each_node(visit));
            }
            _ => {}
        }
    }
}
