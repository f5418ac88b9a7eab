//! What a text says, before names and types are looked at.

use crate::{error::Place, scalar::Type};

#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) target: u32,
    pub(crate) variables: Vec<Variable>,
    pub(crate) kernels: Vec<Entry>,
}

/// Where memory lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    Generic,
    Global,
    Constant,
    Shared,
    Local,
    Param,
}

/// A declared piece of memory, or a parameter.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) place: Place,
    pub(crate) space: Space,
    pub(crate) align: u64,
    pub(crate) bytes: u64,
    pub(crate) name: String,
    /// First bytes; the rest is zero where the space is filled at all.
    pub(crate) start: Option<Vec<u8>>,
    /// Whether the launch gives the size.
    pub(crate) open: bool,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) params: Vec<Variable>,
    /// `.maxntid` or `.reqntid`, in threads of a block.
    pub(crate) most_threads: Option<u32>,
    pub(crate) body: Vec<Statement>,
}

#[derive(Debug)]
pub(crate) enum Statement {
    Open,
    Close,
    /// Registers `name`, or `name0` to `name<count-1>`.
    Registers {
        place: Place,
        kind: Type,
        name: String,
        count: Option<u32>,
    },
    Variable(Variable),
    Label {
        place: Place,
        name: String,
    },
    Instruction(Instruction),
}

#[derive(Debug)]
pub(crate) struct Instruction {
    pub(crate) place: Place,
    pub(crate) guard: Option<Guard>,
    pub(crate) opcode: String,
    pub(crate) modifiers: Vec<String>,
    pub(crate) operands: Vec<Operand>,
}

#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) name: String,
    pub(crate) negated: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// A register, a special register with its `.x`, a variable or a label.
    Name(String),
    /// `!p`.
    Not(String),
    Integer(u64),
    Single(u32),
    Double(u64),
    Decimal(f64),
    /// `[base + offset]`.
    Address {
        base: Option<String>,
        offset: i64,
    },
    /// `{a, b}`.
    Vector(Vec<Operand>),
    /// `a|b`.
    Pair(String, String),
}

impl Operand {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Not(name) => format!("!{name}"),
            Self::Integer(value) => value.to_string(),
            Self::Single(bits) => format!("0f{bits:08X}"),
            Self::Double(bits) => format!("0d{bits:016X}"),
            Self::Decimal(value) => value.to_string(),
            Self::Address { base, offset } => format!("[{}+{offset}]", base.as_deref().unwrap_or("0")),
            Self::Vector(items) => format!("{{{}}}", items.iter().map(Self::text).collect::<Vec<_>>().join(", ")),
            Self::Pair(a, b) => format!("{a}|{b}"),
        }
    }
}
