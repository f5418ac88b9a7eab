//! Declared memory: `.align 16 .b8 name[1024] = {…}`.

use super::Parser;
use crate::{
    error::LoadError,
    scalar::Type,
    syntax::{Space, Variable},
    token::TokenKind,
};

impl Parser {
    /// A type after its dot.
    pub(super) fn scalar(&mut self) -> Result<Type, LoadError> {
        let name = self.directive()?;
        match Type::of(&name) {
            Some(scalar) => Ok(scalar),
            None => self.expected("a type before this"),
        }
    }

    /// A variable after its space.
    pub(super) fn variable(&mut self, space: Space) -> Result<Variable, LoadError> {
        let place = self.place();
        let align = if self.found_directive("align") { Some(self.unsigned()?) } else { None };
        let scalar = self.scalar()?;
        if self.found_directive("ptr") {
            self.pointee()?;
        }
        let name = self.word("a name")?;
        let len = self.len()?;
        let start = if self.found('=') { Some(self.start(scalar)?) } else { None };
        let bytes = scalar.bytes() * len.unwrap_or(0);
        let align = align.unwrap_or(scalar.bytes());
        Ok(Variable { place, space, align, bytes, name, start, open: len.is_none() })
    }

    /// What a pointer parameter points to: a promise for compilers.
    fn pointee(&mut self) -> Result<(), LoadError> {
        for space in ["global", "const", "shared", "local"] {
            self.found_directive(space);
        }
        if self.found_directive("align") {
            self.unsigned()?;
        }
        Ok(())
    }

    /// Elements: one, the product of the dimensions, or open.
    fn len(&mut self) -> Result<Option<u64>, LoadError> {
        let mut len = Some(1);
        while self.found('[') {
            if self.found(']') {
                len = None;
                continue;
            }
            let dimension = self.unsigned()?;
            len = len.map(|len| len * dimension);
            self.mark(']', "`]`")?;
        }
        Ok(len)
    }

    fn start(&mut self, scalar: Type) -> Result<Vec<u8>, LoadError> {
        let mut bytes = Vec::new();
        if !self.found('{') {
            self.value(scalar, &mut bytes)?;
            return Ok(bytes);
        }
        while !self.found('}') {
            self.value(scalar, &mut bytes)?;
            if !self.found(',') && self.peek() != &TokenKind::Mark('}') {
                return self.expected("`,` or `}`");
            }
        }
        Ok(bytes)
    }

    fn value(&mut self, scalar: Type, bytes: &mut Vec<u8>) -> Result<(), LoadError> {
        let negative = self.found('-');
        let sign = |bits: u64| if negative { bits.wrapping_neg() } else { bits };
        let value = match (self.peek().clone(), scalar.is_float(), scalar.bits) {
            (TokenKind::Integer(value), false, _) => sign(value),
            (TokenKind::Single(bits), true, 32) => u64::from(bits),
            (TokenKind::Double(bits), true, 64) => bits,
            (TokenKind::Decimal(value), true, 32) => u64::from((value as f32).to_bits()) ^ (u64::from(negative) << 31),
            (TokenKind::Decimal(value), true, 64) => value.to_bits() ^ (u64::from(negative) << 63),
            _ => return self.expected("a value of the variable's type"),
        };
        self.next();
        bytes.extend_from_slice(&value.to_le_bytes()[..scalar.bytes() as usize]);
        Ok(())
    }
}
