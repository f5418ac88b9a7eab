//! What follows an opcode: each family takes the modifiers it knows, and nothing may be left.

use super::Decoder;
use crate::{
    error::{LoadError, LoadKind, Place},
    op::Slot,
    scalar::Type,
    semantics::round::Rounding,
    syntax::{Instruction, Operand},
};

/// An instruction while its modifiers are read.
pub(crate) struct Reading<'i> {
    pub(crate) place: Place,
    pub(crate) opcode: &'i str,
    pub(crate) operands: &'i [Operand],
    left: Vec<&'i str>,
}

impl<'i> Reading<'i> {
    pub(crate) fn new(instruction: &'i Instruction) -> Self {
        Self {
            place: instruction.place,
            opcode: &instruction.opcode,
            operands: &instruction.operands,
            left: instruction.modifiers.iter().map(String::as_str).collect(),
        }
    }

    pub(crate) fn error<T>(&self, kind: LoadKind) -> Result<T, LoadError> {
        Err(LoadError { place: self.place, kind })
    }

    /// Whether a modifier is there; if so it is taken.
    pub(crate) fn took(&mut self, name: &str) -> bool {
        let at = self.left.iter().position(|left| *left == name);
        at.map(|at| self.left.remove(at)).is_some()
    }

    /// The value of the first modifier that a table knows.
    pub(crate) fn took_of<T: Copy>(&mut self, table: &[(&str, T)]) -> Option<T> {
        table.iter().find(|(name, _)| self.took(name)).map(|(_, value)| *value)
    }

    /// The next type.
    pub(crate) fn scalar(&mut self) -> Result<Type, LoadError> {
        match self.left.iter().position(|left| Type::of(left).is_some()) {
            Some(at) => Ok(Type::of(self.left.remove(at)).expect("the position was found by its type")),
            None => self.missing("a type"),
        }
    }

    pub(crate) fn missing<T>(&self, needs: &'static str) -> Result<T, LoadError> {
        self.error(LoadKind::MissingModifier { opcode: self.opcode.into(), needs })
    }

    /// The rounding of a conversion into fewer bits.
    pub(crate) fn rounding(&mut self) -> Option<Rounding> {
        self.took_of(&[("rn", Rounding::Nearest), ("rz", Rounding::Zero), ("rm", Rounding::Down), ("rp", Rounding::Up)])
    }

    /// Refuses a modifier by its name.
    pub(crate) fn refuse<T>(&self, modifier: &str) -> Result<T, LoadError> {
        self.error(LoadKind::UnknownModifier { opcode: self.opcode.into(), modifier: modifier.into() })
    }

    /// Refuses a type that the opcode does not have.
    pub(crate) fn refuse_type<T>(&self, kind: Type) -> Result<T, LoadError> {
        self.refuse(kind.to_string().trim_start_matches('.'))
    }

    /// All modifiers are read, and this many operands are there.
    pub(crate) fn done(&self, operands: usize) -> Result<(), LoadError> {
        self.done_modifiers()?;
        match self.operands.len() {
            found if found == operands => Ok(()),
            found => self.error(LoadKind::OperandCount { opcode: self.opcode.into(), expected: operands, found }),
        }
    }

    pub(crate) fn done_modifiers(&self) -> Result<(), LoadError> {
        self.left.first().map_or(Ok(()), |left| self.refuse(left))
    }

    /// Refuses targets that are too old for a modifier.
    pub(crate) fn needs(&self, decoder: &Decoder, needs: u32) -> Result<(), LoadError> {
        let target = decoder.target;
        if target < needs { self.error(LoadKind::Target { needs, target }) } else { Ok(()) }
    }

    pub(crate) fn source(&self, decoder: &mut Decoder, at: usize, kind: Type) -> Result<Slot, LoadError> {
        decoder.source(self.place, &self.operands[at], kind)
    }

    pub(crate) fn goal(&self, decoder: &mut Decoder, kind: Type) -> Result<Slot, LoadError> {
        decoder.goal(self.place, &self.operands[0], kind)
    }

    /// The sources behind the goal, all of one type.
    pub(crate) fn sources(&self, decoder: &mut Decoder, kind: Type) -> Result<Vec<Slot>, LoadError> {
        (1..self.operands.len()).map(|at| self.source(decoder, at, kind)).collect()
    }
}
