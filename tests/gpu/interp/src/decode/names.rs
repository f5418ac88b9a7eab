//! Names to slots and addresses, and the checks of their types.

use std::collections::HashMap;

use super::{Decoder, Symbol};
use crate::{
    error::{LoadError, LoadKind, Place},
    op::{Slot, Special},
    scalar::{Class, Type, U32},
    syntax::{Operand, Space, Variable},
};

/// The slot that always holds zero.
pub(crate) const ZERO: Slot = 0;

/// Generic addresses from here on are those of shared memory.
pub(crate) const SHARED_WINDOW: u64 = 1 << 56;
/// Generic addresses from here on are those of a thread's own memory.
pub(crate) const LOCAL_WINDOW: u64 = 2 << 56;

const ADDRESS: Type = Type { class: Class::Unsigned, bits: 64 };

/// What is declared so far.
pub(crate) struct Names {
    scopes: Vec<Scope>,
    memory: HashMap<String, (Space, u64)>,
    pub(crate) labels: HashMap<String, usize>,
    pub(crate) slots: Vec<String>,
    pub(crate) constants: HashMap<u64, Slot>,
    pub(crate) specials: HashMap<Special, Slot>,
    pub(crate) shared_bytes: u64,
    pub(crate) local_bytes: u64,
    sink: Option<Slot>,
    carry: Option<Slot>,
}

/// Declarations between two braces; registers of a range get their slots when they are first named.
#[derive(Default)]
struct Scope {
    registers: HashMap<String, (Slot, Type)>,
    ranges: Vec<(String, u32, Type)>,
}

fn declared<T>(place: Place, name: &str) -> Result<T, LoadError> {
    Err(LoadError { place, kind: LoadKind::Declared(name.into()) })
}

impl Names {
    pub(crate) fn new() -> Self {
        Self {
            scopes: vec![Scope::default()],
            memory: HashMap::new(),
            labels: HashMap::new(),
            slots: vec!["0".into()],
            constants: HashMap::from([(0, ZERO)]),
            specials: HashMap::new(),
            shared_bytes: 0,
            local_bytes: 0,
            sink: None,
            carry: None,
        }
    }

    pub(crate) fn open(&mut self) {
        self.scopes.push(Scope::default());
    }

    pub(crate) fn close(&mut self) {
        self.scopes.pop();
    }

    fn slot(&mut self, name: String) -> Slot {
        self.slots.push(name);
        (self.slots.len() - 1) as Slot
    }

    /// A register that the text does not know.
    pub(crate) fn hidden(&mut self) -> Slot {
        self.slot("a step of this instruction".into())
    }

    /// Where results go that nobody wants.
    fn sink(&mut self) -> Slot {
        let slot = self.sink.unwrap_or_else(|| self.slot("_".into()));
        self.sink = Some(slot);
        slot
    }

    /// The carry of sums that are longer than a register.
    pub(crate) fn carry(&mut self) -> Slot {
        let slot = self.carry.unwrap_or_else(|| self.slot("the carry".into()));
        self.carry = Some(slot);
        slot
    }

    pub(crate) fn constant(&mut self, value: u64) -> Slot {
        if let Some(&slot) = self.constants.get(&value) {
            return slot;
        }
        let slot = self.slot(format!("{value:#x}"));
        self.constants.insert(value, slot);
        slot
    }

    fn special(&mut self, special: Special, name: &str) -> Slot {
        if let Some(&slot) = self.specials.get(&special) {
            return slot;
        }
        let slot = self.slot(name.into());
        self.specials.insert(special, slot);
        slot
    }

    pub(crate) fn add_registers(
        &mut self,
        place: Place,
        kind: Type,
        name: &str,
        count: Option<u32>,
    ) -> Result<(), LoadError> {
        let taken = self.scopes.last().is_some_and(|scope| {
            scope.registers.contains_key(name) || scope.ranges.iter().any(|(prefix, ..)| prefix == name)
        });
        if taken || self.memory.contains_key(name) {
            return declared(place, name);
        }
        let slot = if count.is_none() { self.slot(name.into()) } else { ZERO };
        let scope = self.scopes.last_mut().expect("the outermost scope never closes");
        match count {
            Some(count) => scope.ranges.push((name.into(), count, kind)),
            None => {
                scope.registers.insert(name.into(), (slot, kind));
            }
        }
        Ok(())
    }

    pub(crate) fn register(&mut self, name: &str) -> Option<(Slot, Type)> {
        for at in (0..self.scopes.len()).rev() {
            if let Some(&found) = self.scopes[at].registers.get(name) {
                return Some(found);
            }
            if let Some(kind) = self.scopes[at].range_of(name) {
                let slot = self.slot(name.into());
                self.scopes[at].registers.insert(name.into(), (slot, kind));
                return Some((slot, kind));
            }
        }
        None
    }

    pub(crate) fn variable(&self, name: &str) -> Option<(Space, u64)> {
        self.memory.get(name).copied()
    }

    pub(crate) fn add_label(&mut self, place: Place, name: &str, at: usize) -> Result<(), LoadError> {
        match self.labels.insert(name.into(), at) {
            None => Ok(()),
            Some(_) => declared(place, name),
        }
    }

    /// Variables of the module and of the body. What the launch sizes stands behind all that the text sizes.
    pub(crate) fn add_variables(&mut self, variables: &[&Variable], symbols: &[Symbol]) -> Result<(), LoadError> {
        for open in [false, true] {
            for variable in variables.iter().filter(|v| v.open == open) {
                match symbols.iter().find(|symbol| symbol.name == variable.name) {
                    Some(symbol) => self.add_address(variable, symbol.address)?,
                    None => self.add_memory(variable)?,
                }
            }
        }
        Ok(())
    }

    /// Shared memory, which each block has for itself, or memory of a thread.
    fn add_memory(&mut self, variable: &Variable) -> Result<(), LoadError> {
        let total = if variable.space == Space::Local { &mut self.local_bytes } else { &mut self.shared_bytes };
        let offset = total.next_multiple_of(variable.align.max(1));
        *total = offset + variable.bytes;
        self.add_address(variable, offset)
    }

    pub(crate) fn add_params(&mut self, params: &[Variable]) -> Result<Vec<(u64, u64)>, LoadError> {
        let mut places = Vec::new();
        let mut end: u64 = 0;
        for param in params {
            let offset = end.next_multiple_of(param.align.max(1));
            end = offset + param.bytes;
            places.push((offset, param.bytes));
            self.add_address(param, offset)?;
        }
        Ok(places)
    }

    fn add_address(&mut self, variable: &Variable, address: u64) -> Result<(), LoadError> {
        match self.memory.insert(variable.name.clone(), (variable.space, address)) {
            None => Ok(()),
            Some(_) => declared(variable.place, &variable.name),
        }
    }
}

impl Scope {
    fn range_of(&self, name: &str) -> Option<Type> {
        let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        (1..=digits).find_map(|len| {
            let (stem, number) = name.split_at(name.len() - len);
            let number = number.parse::<u32>().ok().filter(|n| n.to_string() == number)?;
            let range = self.ranges.iter().find(|(prefix, count, _)| prefix == stem && number < *count)?;
            Some(range.2)
        })
    }
}

/// How wide a register may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    Exact,
    AtLeast,
}

fn mismatch<T>(place: Place, operand: String, expected: Type, found: Type) -> Result<T, LoadError> {
    Err(LoadError { place, kind: LoadKind::TypeMismatch { operand, expected, found } })
}

impl Decoder {
    /// The slot of an operand that is read.
    pub(crate) fn source(&mut self, place: Place, operand: &Operand, kind: Type) -> Result<Slot, LoadError> {
        self.source_of(place, operand, kind, Width::Exact)
    }

    /// The same where wider registers are allowed.
    pub(crate) fn wide_source(&mut self, place: Place, operand: &Operand, kind: Type) -> Result<Slot, LoadError> {
        self.source_of(place, operand, kind, Width::AtLeast)
    }

    fn source_of(&mut self, place: Place, operand: &Operand, kind: Type, width: Width) -> Result<Slot, LoadError> {
        let name = match operand {
            Operand::Name(name) => name,
            literal => return self.literal(place, literal, kind),
        };
        if let Some((slot, found)) = self.names.register(name) {
            let fits = if width == Width::Exact { kind.agrees(found) } else { kind.fits(found) };
            return if fits { Ok(slot) } else { mismatch(place, name.clone(), kind, found) };
        }
        if let Some(special) = Special::of(name) {
            let slot = self.names.special(special, name);
            return if kind.agrees(U32) { Ok(slot) } else { mismatch(place, name.clone(), kind, U32) };
        }
        if name == "WARP_SZ" {
            return self.literal(place, &Operand::Integer(32), kind);
        }
        Err(LoadError { place, kind: LoadKind::UnknownName(name.clone()) })
    }

    fn literal(&mut self, place: Place, literal: &Operand, kind: Type) -> Result<Slot, LoadError> {
        let float = kind.is_float();
        let value = match (literal, kind.bits) {
            (Operand::Integer(value), 1) if *value <= 1 => *value,
            (Operand::Integer(value), bits) if !float && bits > 1 => *value & kind.mask(),
            (Operand::Single(bits), 32) => u64::from(*bits),
            (Operand::Double(bits), 64) => *bits,
            (Operand::Decimal(value), 32) if float => u64::from((*value as f32).to_bits()),
            (Operand::Decimal(value), 64) if float => value.to_bits(),
            _ => return mismatch(place, literal.text(), kind, literal_type(literal)),
        };
        Ok(self.names.constant(value))
    }

    /// The slot of an operand that is written; `_` is written nowhere.
    pub(crate) fn goal(&mut self, place: Place, operand: &Operand, kind: Type) -> Result<Slot, LoadError> {
        self.goal_of(place, operand, kind, Width::Exact)
    }

    /// The same where wider registers are allowed.
    pub(crate) fn wide_goal(&mut self, place: Place, operand: &Operand, kind: Type) -> Result<Slot, LoadError> {
        self.goal_of(place, operand, kind, Width::AtLeast)
    }

    fn goal_of(&mut self, place: Place, operand: &Operand, kind: Type, width: Width) -> Result<Slot, LoadError> {
        let Operand::Name(name) = operand else {
            let kind = LoadKind::WrongOperand { opcode: operand.text(), operand: 1 };
            return Err(LoadError { place, kind });
        };
        if name == "_" {
            return Ok(self.names.sink());
        }
        let Some((slot, found)) = self.names.register(name) else {
            return Err(LoadError { place, kind: LoadKind::UnknownName(name.clone()) });
        };
        let fits = if width == Width::Exact { kind.agrees(found) } else { kind.fits(found) };
        if fits { Ok(slot) } else { mismatch(place, name.clone(), kind, found) }
    }

    /// The type of a register, where the instruction leaves room for several.
    pub(crate) fn type_of(&mut self, operand: &Operand) -> Option<Type> {
        match operand {
            Operand::Name(name) => self.names.register(name).map(|(_, kind)| kind),
            _ => None,
        }
    }

    /// The base and offset of an address in a space.
    pub(crate) fn address(&mut self, place: Place, operand: &Operand, space: Space) -> Result<(Slot, u64), LoadError> {
        let Operand::Address { base, offset } = operand else {
            let kind = LoadKind::WrongOperand { opcode: operand.text(), operand: 1 };
            return Err(LoadError { place, kind });
        };
        let offset = *offset as u64;
        let Some(base) = base else {
            return Ok((ZERO, offset));
        };
        if let Some((slot, found)) = self.names.register(base) {
            let narrow = matches!(space, Space::Shared | Space::Local | Space::Param | Space::Constant);
            let expected = if narrow && found.bits == 32 { U32 } else { ADDRESS };
            return if expected.agrees(found) {
                Ok((slot, offset))
            } else {
                mismatch(place, base.clone(), expected, found)
            };
        }
        match self.names.variable(base) {
            Some((found, address)) => {
                let window = if space == Space::Generic { window(found) } else { 0 };
                Ok((self.names.constant(window + address), offset))
            }
            None => Err(LoadError { place, kind: LoadKind::UnknownName(base.clone()) }),
        }
    }
}

/// Where a space stands among generic addresses.
pub(crate) fn window(space: Space) -> u64 {
    match space {
        Space::Shared => SHARED_WINDOW,
        Space::Local => LOCAL_WINDOW,
        Space::Generic | Space::Global | Space::Constant | Space::Param => 0,
    }
}

fn literal_type(literal: &Operand) -> Type {
    match literal {
        Operand::Single(_) => Type { class: Class::Float, bits: 32 },
        Operand::Double(_) | Operand::Decimal(_) => Type { class: Class::Float, bits: 64 },
        _ => Type { class: Class::Signed, bits: 64 },
    }
}
