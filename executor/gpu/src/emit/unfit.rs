//! Why a stage stays on the processor.

use std::fmt;

/// What a stage has that no kernel is written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Running values that are carried from block to block, or that a product reads.
    Running,
    /// An operation whose formula cannot be written down step by step.
    Formula(&'static str),
    /// A step of a tape on a dtype that has no such instruction.
    Step,
    /// More operands than a kernel can be given.
    Operands(usize),
    /// More steps than are worth being compiled.
    Steps(usize),
    /// Halves of a space that are done together, as suits threads.
    Halves,
    /// A space without elements.
    Empty,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Running => f.write_str("running values that are carried from block to block or read by a product"),
            Unfit::Formula(name) => write!(f, "`{name}`, which cannot be written down step by step"),
            Unfit::Step => f.write_str("a step that the card has no instruction for"),
            Unfit::Operands(count) => write!(f, "{count} operands at once"),
            Unfit::Steps(count) => write!(f, "{count} steps at once"),
            Unfit::Halves => f.write_str("opposite halves at once"),
            Unfit::Empty => f.write_str("no elements"),
        }
    }
}

impl std::error::Error for Unfit {}
