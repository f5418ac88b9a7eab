//! What is refused: a text that does not load, an access that must not happen, a kernel that went wrong.
#![expect(missing_docs, reason = "the sentence of a variant names its fields")]

use std::fmt;

use crate::scalar::Type;

/// Where in the text something stands, counted from one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// A text that is not a module that runs the same everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// Where.
    pub place: Place,
    /// Why.
    pub kind: LoadKind,
}

/// Why a text does not load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadKind {
    /// The text does not follow the grammar.
    Syntax { expected: &'static str, found: String },
    /// An opcode that is not known.
    UnknownInstruction(String),
    /// A modifier that the opcode does not have, or that rounds differently on other devices.
    UnknownModifier { opcode: String, modifier: String },
    /// A modifier that the opcode needs.
    MissingModifier { opcode: String, needs: &'static str },
    /// A register, variable or label that nobody declared.
    UnknownName(String),
    /// A name that was declared before.
    Declared(String),
    /// An operand whose type the instruction does not take.
    TypeMismatch { operand: String, expected: Type, found: Type },
    /// An operand of a kind that has no place there.
    WrongOperand { opcode: String, operand: usize },
    /// Too many or too few operands.
    OperandCount { opcode: String, expected: usize, found: usize },
    /// Floating-point arithmetic without a rounding, which a compiler may fuse.
    Contractable(String),
    /// A modifier or instruction that the named target lacks.
    Target { needs: u32, target: u32 },
    /// A version of the language that is not known.
    Version(String),
    /// The device has no room for the module's variables.
    NoRoom { bytes: u64 },
}

/// An access to memory that must not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryError {
    /// The address is no multiple of the width of the access.
    Misaligned { address: u64, width: u64 },
    /// No allocation holds all of these bytes.
    OutOfBounds { address: u64, bytes: u64 },
    /// The allocation was freed.
    Freed { address: u64 },
    /// Nobody wrote this byte.
    Uninitialised { address: u64 },
    /// A store into constant memory.
    Constant { address: u64 },
    /// A read through the read-only cache of bytes that the same launch writes.
    NotReadOnly { address: u64 },
    /// Two threads use a byte of shared memory, one of them writes, and no barrier stands between.
    Race { address: u64, threads: [u32; 2] },
    /// Not the start of an allocation.
    NotAllocated { address: u64 },
    /// The limit of the memory is reached.
    Full { bytes: u64, free: u64 },
}

/// A kernel that went wrong, and the thread it happened in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kernel.
    pub kernel: String,
    /// The instruction.
    pub place: Place,
    /// The block in the grid.
    pub block: [u32; 3],
    /// The thread in the block.
    pub thread: [u32; 3],
    /// What happened.
    pub kind: FaultKind,
}

/// What went wrong in a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// An access to memory.
    Memory(MemoryError),
    /// A register that was never written.
    UninitialisedRegister(String),
    /// A value that the language leaves open decides something or leaves the kernel.
    UndefinedValue(String),
    /// Part of the block waits where the rest does not come.
    DivergentBarrier { arrived: u32, expected: u32 },
    /// Lanes are named that do not take part.
    MissingLanes { members: u32, present: u32 },
    /// A branch that was promised to be uniform is not.
    DivergentBranch,
    /// `trap`.
    Trap,
    /// More instructions than the launch allows.
    Budget,
    /// The launch does not fit the kernel.
    BadLaunch(&'static str),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.place.line, self.place.column, self.kind)
    }
}

impl fmt::Display for LoadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { expected, found } => write!(f, "expected {expected}, found `{found}`"),
            Self::UnknownInstruction(name) => write!(f, "unknown instruction `{name}`"),
            Self::UnknownModifier { opcode, modifier } => write!(f, "`{opcode}` does not take `.{modifier}`"),
            Self::MissingModifier { opcode, needs } => write!(f, "`{opcode}` needs {needs}"),
            Self::UnknownName(name) => write!(f, "`{name}` is not declared"),
            Self::Declared(name) => write!(f, "`{name}` is declared twice"),
            Self::TypeMismatch { operand, expected, found } => {
                write!(f, "`{operand}` is {found}, the instruction takes {expected}")
            }
            Self::WrongOperand { opcode, operand } => write!(f, "operand {operand} has no place in `{opcode}`"),
            Self::OperandCount { opcode, expected, found } => {
                write!(f, "`{opcode}` takes {expected} operands, found {found}")
            }
            Self::Contractable(opcode) => write!(f, "`{opcode}` without a rounding may be contracted"),
            Self::Target { needs, target } => write!(f, "needs sm_{needs}, the target is sm_{target}"),
            Self::Version(version) => write!(f, "version {version} is not known"),
            Self::NoRoom { bytes } => write!(f, "no room for {bytes} bytes of variables"),
        }
    }
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misaligned { address, width } => write!(f, "{address:#x} is not aligned to {width} bytes"),
            Self::OutOfBounds { address, bytes } => write!(f, "{bytes} bytes at {address:#x} are out of bounds"),
            Self::Freed { address } => write!(f, "{address:#x} was freed"),
            Self::Uninitialised { address } => write!(f, "{address:#x} was never written"),
            Self::Constant { address } => write!(f, "{address:#x} is constant"),
            Self::NotReadOnly { address } => write!(f, "{address:#x} is read as read-only and written by one launch"),
            Self::Race { address, threads: [a, b] } => {
                write!(f, "threads {a} and {b} race for shared byte {address:#x}")
            }
            Self::NotAllocated { address } => write!(f, "{address:#x} is not the start of an allocation"),
            Self::Full { bytes, free } => write!(f, "{bytes} bytes do not fit into {free}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, place, block, thread, kind } = self;
        write!(f, "{kernel}:{}:{}: block {block:?}, thread {thread:?}: {kind}", place.line, place.column)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(error) => write!(f, "{error}"),
            Self::UninitialisedRegister(name) => write!(f, "`{name}` was never written"),
            Self::UndefinedValue(name) => write!(f, "`{name}` holds a value that the language leaves open"),
            Self::DivergentBarrier { arrived, expected } => {
                write!(f, "{arrived} of {expected} threads reach the barrier")
            }
            Self::MissingLanes { members, present } => write!(f, "lanes {members:#x} named, {present:#x} present"),
            Self::DivergentBranch => write!(f, "a uniform branch diverges"),
            Self::Trap => write!(f, "trap"),
            Self::Budget => write!(f, "too many instructions"),
            Self::BadLaunch(why) => write!(f, "{why}"),
        }
    }
}

impl std::error::Error for LoadError {}
impl std::error::Error for MemoryError {}
impl std::error::Error for Fault {}
