//! What a program is. Every node carries the span it was read from.

// The fields of variants are named in the syntax that stands above each.
#![allow(missing_docs)]

use crate::source::{Source, Span};
use std::sync::Arc;

/// A value with the place it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct At<T> {
    /// What.
    pub node: T,
    /// Where.
    pub span: Span,
}

/// An identifier with its place.
pub type Name = At<Arc<str>>;
/// An expression with its place.
pub type Expr = At<ExprKind>;
/// A statement with its place.
pub type Stmt = At<StmtKind>;
/// An indented block, or the statements after a colon.
pub type Body = Vec<Stmt>;

/// One parsed text.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The text it was read from.
    pub source: Source,
    /// Its statements; those that could not be read are missing.
    pub body: Body,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// `f(x)`
    Expr(Expr),
    /// `a = b = value`; the targets in the order written.
    Assign { targets: Vec<Expr>, value: Expr },
    /// `target op= value`
    AugAssign { target: Expr, op: BinOp, value: Expr },
    /// `target: annotation = value`; the annotation is checked for syntax only.
    AnnAssign { target: Expr, value: Option<Expr> },
    /// `def name(params): body`
    Def(Arc<Def>),
    /// `return value`
    Return(Option<Expr>),
    /// `if`, its `elif`s in order, and `else`.
    If { branches: Vec<(Expr, Body)>, orelse: Body },
    /// `for target in iter: body else: orelse`
    For { target: Expr, iter: Expr, body: Body, orelse: Body },
    /// `while test: body else: orelse`
    While { test: Expr, body: Body, orelse: Body },
    /// `with item as name, …: body`
    With { items: Vec<(Expr, Option<Expr>)>, body: Body },
    /// `import a.b as c, d`
    Import(Vec<ImportName>),
    /// `from module import a as b, c`; `*` is the name `*`.
    FromImport { module: Name, names: Vec<ImportName> },
    /// `assert test, message`
    Assert { test: Expr, message: Option<Expr> },
    /// `del a, b`
    Del(Vec<Expr>),
    /// `global a` or `nonlocal a`
    Scope { global: bool, names: Vec<Name> },
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `pass`
    Pass,
}

/// `a.b as c`
#[derive(Clone, Debug, PartialEq)]
pub struct ImportName {
    /// The dotted name as one text, such as `dask.array`.
    pub name: Name,
    /// The name after `as`.
    pub alias: Option<Name>,
}

/// A function's definition, shared by every value made from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Def {
    /// Its name.
    pub name: Name,
    /// Its parameters, in order.
    pub params: Vec<Param>,
    /// Its statements.
    pub body: Body,
    /// The text of a string that stands first in the body.
    pub doc: Option<Arc<str>>,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: Name,
    /// Its default, evaluated when the function is defined.
    pub default: Option<Expr>,
    /// How arguments reach it.
    pub kind: ParamKind,
}

/// How arguments reach a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// By position or by name.
    Plain,
    /// `*args`: the remaining positional ones, as a tuple.
    Rest,
    /// After `*` or `*args`: by name only.
    NameOnly,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `None`
    None,
    /// `True`, `False`
    Bool(bool),
    /// An integer that fits 64 bits signed; larger ones are `BigInt`.
    Int(i64),
    /// The digits (decimal) of an integer beyond 64 bits.
    BigInt(Arc<str>),
    /// `1.5`, `1e9`
    Float(f64),
    /// `2j`
    Imaginary(f64),
    /// A string without substitutions, escapes resolved, adjacent ones joined.
    Str(Arc<str>),
    /// An f-string's parts in order.
    FString(Vec<FPart>),
    /// `...`
    Ellipsis,
    /// `x`
    Name(Arc<str>),
    /// `(a, b)`
    Tuple(Vec<Expr>),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{"a": 1}`
    Dict(Vec<(Expr, Expr)>),
    /// `[element for target in iter if test …]`
    ListComp { element: Box<Expr>, clauses: Vec<Comprehension> },
    /// `*value`, in a call, a list, a tuple or a target.
    Starred(Box<Expr>),
    /// `-x`, `+x`, `~x`, `not x`
    Unary { op: UnaryOp, operand: Box<Expr> },
    /// `a + b`; `op_span` is the symbol's place.
    Binary { op: BinOp, op_span: Span, left: Box<Expr>, right: Box<Expr> },
    /// `a and b`, `a or b`
    Logic { op: LogicOp, left: Box<Expr>, right: Box<Expr> },
    /// `a < b <= c`: the first operand and the (operator, operand) pairs.
    Compare { first: Box<Expr>, rest: Vec<(CmpOp, Expr)> },
    /// `then if test else orelse`
    IfElse { test: Box<Expr>, then: Box<Expr>, orelse: Box<Expr> },
    /// `lambda params: body`
    Lambda { params: Vec<Param>, body: Arc<Expr> },
    /// `f(a, *b, c=d)`
    Call { callee: Box<Expr>, args: Vec<Arg> },
    /// `x.name`
    Attribute { object: Box<Expr>, name: Name },
    /// `x[index]`; several indices are a tuple.
    Subscript { object: Box<Expr>, index: Box<Expr> },
    /// `start:stop:step`, only inside a subscript.
    Slice { start: Option<Box<Expr>>, stop: Option<Box<Expr>>, step: Option<Box<Expr>> },
}

/// One argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// The name before `=`.
    pub name: Option<Name>,
    /// The value; `Starred` for `*args`.
    pub value: Expr,
}

/// `for target in iter if test if test`
#[derive(Clone, Debug, PartialEq)]
pub struct Comprehension {
    /// What each element is bound to.
    pub target: Expr,
    /// Where elements come from.
    pub iter: Expr,
    /// The conditions, in order.
    pub tests: Vec<Expr>,
}

/// One part of an f-string.
#[derive(Clone, Debug, PartialEq)]
pub enum FPart {
    /// Text as it is.
    Text(Arc<str>),
    /// `{value!r:spec}`; `spec` is itself a sequence of parts. `{value=}` is a text and a value with `!r`.
    Value { value: Box<Expr>, conversion: Option<char>, spec: Vec<FPart> },
}

/// `- + ~ not`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-x`
    Neg,
    /// `+x`
    Pos,
    /// `~x`
    Invert,
    /// `not x`
    Not,
}

/// `and or`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogicOp {
    /// `and`
    And,
    /// `or`
    Or,
}

/// The infix operators that give a value of their operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BinOp {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    MatMul,
    BitAnd,
    BitOr,
    BitXor,
    Shl,
    Shr,
}

/// The comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum CmpOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
    Is,
    IsNot,
}

impl BinOp {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinOp::Add => "+",
            BinOp::Sub => "-",
            BinOp::Mul => "*",
            BinOp::Div => "/",
            BinOp::FloorDiv => "//",
            BinOp::Mod => "%",
            BinOp::Pow => "**",
            BinOp::MatMul => "@",
            BinOp::BitAnd => "&",
            BinOp::BitOr => "|",
            BinOp::BitXor => "^",
            BinOp::Shl => "<<",
            BinOp::Shr => ">>",
        }
    }
}

impl CmpOp {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            CmpOp::Eq => "==",
            CmpOp::Ne => "!=",
            CmpOp::Lt => "<",
            CmpOp::Le => "<=",
            CmpOp::Gt => ">",
            CmpOp::Ge => ">=",
            CmpOp::In => "in",
            CmpOp::NotIn => "not in",
            CmpOp::Is => "is",
            CmpOp::IsNot => "is not",
        }
    }
}
