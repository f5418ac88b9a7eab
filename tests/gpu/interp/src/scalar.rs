//! The types of registers and instructions.

use std::fmt;

/// What the bits of a value mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nothing in particular.
    Bits,
    /// A number without a sign.
    Unsigned,
    /// A number in two's complement.
    Signed,
    /// An IEEE number.
    Float,
    /// True or false.
    Predicate,
}

/// A scalar type such as `.f64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    /// What the bits mean.
    pub class: Class,
    /// How many there are.
    pub bits: u32,
}

/// Truth.
pub(crate) const PREDICATE: Type = Type { class: Class::Predicate, bits: 1 };
/// The type of shift amounts, lanes and counts.
pub(crate) const U32: Type = Type { class: Class::Unsigned, bits: 32 };

impl Type {
    /// The type of a name without its dot, such as `f64`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        if name == "pred" {
            return Some(PREDICATE);
        }
        let class = match name.as_bytes().first()? {
            b'b' => Class::Bits,
            b'u' => Class::Unsigned,
            b's' => Class::Signed,
            b'f' => Class::Float,
            _ => return None,
        };
        let bits = match (&name[1..], class) {
            ("8", Class::Bits | Class::Unsigned | Class::Signed) => 8,
            ("16", _) => 16,
            ("32", _) => 32,
            ("64", _) => 64,
            _ => return None,
        };
        Some(Self { class, bits })
    }

    pub(crate) fn bytes(self) -> u64 {
        u64::from(self.bits.div_ceil(8))
    }

    pub(crate) fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    pub(crate) fn is_signed(self) -> bool {
        self.class == Class::Signed
    }

    pub(crate) fn is_float(self) -> bool {
        self.class == Class::Float
    }

    pub(crate) fn is_integer(self) -> bool {
        matches!(self.class, Class::Unsigned | Class::Signed)
    }

    /// Whether an instruction of this type may use a register of another: equal sizes, and no float as an integer.
    pub(crate) fn agrees(self, register: Self) -> bool {
        self.bits == register.bits && self.mixes(register)
    }

    /// The same where the register may be wider, as loads, stores and conversions allow.
    pub(crate) fn fits(self, register: Self) -> bool {
        let room = if self.is_float() { self.bits == register.bits } else { self.bits <= register.bits };
        room && self.mixes(register)
    }

    fn mixes(self, register: Self) -> bool {
        let exact = [Class::Float, Class::Predicate];
        self.class == register.class
            || self.class == Class::Bits && register.class != Class::Predicate
            || register.class == Class::Bits && self.class != Class::Predicate
            || !exact.contains(&self.class) && !exact.contains(&register.class)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.class {
            Class::Predicate => return write!(f, ".pred"),
            Class::Bits => 'b',
            Class::Unsigned => 'u',
            Class::Signed => 's',
            Class::Float => 'f',
        };
        write!(f, ".{letter}{}", self.bits)
    }
}
