//! The body of a kernel: declarations, labels, instructions.

use super::Parser;
use crate::{
    error::LoadError,
    syntax::{Guard, Instruction, Operand, Space, Statement},
    token::TokenKind,
};

impl Parser {
    /// All statements up to the brace that closes the body, which is taken.
    pub(super) fn body(&mut self) -> Result<Vec<Statement>, LoadError> {
        let mut found = Vec::new();
        let mut depth = 0;
        loop {
            match self.peek().clone() {
                TokenKind::Mark('{') => {
                    self.next();
                    depth += 1;
                    found.push(Statement::Open);
                }
                TokenKind::Mark('}') => {
                    self.next();
                    if depth == 0 {
                        return Ok(found);
                    }
                    depth -= 1;
                    found.push(Statement::Close);
                }
                TokenKind::Mark('.') => self.declaration(&mut found)?,
                TokenKind::Mark('@') => found.push(self.guarded()?),
                TokenKind::Word(_) if self.peek_second() == &TokenKind::Mark(':') => found.push(self.label()?),
                TokenKind::Word(_) => found.push(self.instruction(None)?),
                _ => return self.expected("a statement"),
            }
        }
    }

    fn label(&mut self) -> Result<Statement, LoadError> {
        let place = self.place();
        let name = self.word("a label")?;
        self.mark(':', "`:`")?;
        Ok(Statement::Label { place, name })
    }

    fn declaration(&mut self, found: &mut Vec<Statement>) -> Result<(), LoadError> {
        if self.found_directive("reg") {
            self.registers(found)?;
        } else if self.found_directive("pragma") {
            return self.expected("no `.pragma`");
        } else {
            self.found_directive("extern");
            let space = self.space()?;
            if !matches!(space, Space::Shared | Space::Local) {
                return self.expected("`.shared` or `.local` before this");
            }
            found.push(Statement::Variable(self.variable(space)?));
        }
        self.mark(';', "`;`")
    }

    fn registers(&mut self, found: &mut Vec<Statement>) -> Result<(), LoadError> {
        let kind = self.scalar()?;
        loop {
            let place = self.place();
            let name = self.word("the name of a register")?;
            let count = if self.found('<') {
                let count = self.unsigned()?;
                self.mark('>', "`>`")?;
                u32::try_from(count).ok()
            } else {
                None
            };
            found.push(Statement::Registers { place, kind, name, count });
            if !self.found(',') {
                return Ok(());
            }
        }
    }

    fn guarded(&mut self) -> Result<Statement, LoadError> {
        self.mark('@', "`@`")?;
        let negated = self.found('!');
        let name = self.word("a predicate")?;
        self.instruction(Some(Guard { name, negated }))
    }

    fn instruction(&mut self, guard: Option<Guard>) -> Result<Statement, LoadError> {
        let place = self.place();
        let opcode = self.word("an instruction")?;
        let mut modifiers = Vec::new();
        while self.found('.') {
            modifiers.push(self.word("a modifier")?);
        }
        let operands = self.operands()?;
        Ok(Statement::Instruction(Instruction { place, guard, opcode, modifiers, operands }))
    }

    fn operands(&mut self) -> Result<Vec<Operand>, LoadError> {
        let mut operands = Vec::new();
        if self.found(';') {
            return Ok(operands);
        }
        loop {
            operands.push(self.operand()?);
            if self.found(';') {
                return Ok(operands);
            }
            self.mark(',', "`,` or `;`")?;
        }
    }

    fn operand(&mut self) -> Result<Operand, LoadError> {
        match self.peek().clone() {
            TokenKind::Mark('[') => self.address(),
            TokenKind::Mark('{') => self.vector(),
            TokenKind::Mark('!') => {
                self.next();
                Ok(Operand::Not(self.word("a predicate")?))
            }
            TokenKind::Word(_) => self.named(),
            _ => self.literal(),
        }
    }

    fn named(&mut self) -> Result<Operand, LoadError> {
        let mut name = self.word("a name")?;
        if self.found('.') {
            name = format!("{name}.{}", self.word("x, y or z")?);
        }
        if self.found('|') {
            return Ok(Operand::Pair(name, self.word("a predicate")?));
        }
        Ok(Operand::Name(name))
    }

    fn literal(&mut self) -> Result<Operand, LoadError> {
        let negative = self.found('-');
        let operand = match self.peek().clone() {
            TokenKind::Integer(value) if negative => Operand::Integer(value.wrapping_neg()),
            TokenKind::Integer(value) => Operand::Integer(value),
            TokenKind::Decimal(value) => Operand::Decimal(if negative { -value } else { value }),
            TokenKind::Single(bits) if !negative => Operand::Single(bits),
            TokenKind::Double(bits) if !negative => Operand::Double(bits),
            _ => return self.expected("an operand"),
        };
        self.next();
        Ok(operand)
    }

    fn vector(&mut self) -> Result<Operand, LoadError> {
        self.mark('{', "`{`")?;
        let mut items = vec![self.operand()?];
        while self.found(',') {
            items.push(self.operand()?);
        }
        self.mark('}', "`}`")?;
        Ok(Operand::Vector(items))
    }

    fn address(&mut self) -> Result<Operand, LoadError> {
        self.mark('[', "`[`")?;
        let base = match self.peek() {
            TokenKind::Word(_) => Some(self.word("a name")?),
            _ => None,
        };
        let negative = match self.peek() {
            TokenKind::Mark('+') => {
                self.next();
                self.found('-')
            }
            TokenKind::Mark('-') => self.found('-'),
            _ => false,
        };
        let offset = match self.peek() {
            TokenKind::Integer(_) => self.unsigned()? as i64,
            _ if base.is_some() => 0,
            _ => return self.expected("an address"),
        };
        self.mark(']', "`]`")?;
        Ok(Operand::Address { base, offset: if negative { offset.wrapping_neg() } else { offset } })
    }
}
