//! What there is to do: the operations that every machine has, each with the same bits everywhere.

use super::tape::Var;

/// A step of a formula. Operands have the dtype of the result unless it says otherwise; float16 is only converted from
/// and to. Truth is of dtype bool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Something from outside, by its number.
    Input(usize),
    /// A constant: the bits of a number of the step's dtype.
    Const(u64),
    /// Something of one operand.
    Unary(Unary, Var),
    /// Something of two.
    Binary(Binary, Var, Var),
    /// `a * b + c`, rounded once.
    Fma(Var, Var, Var),
    /// The second where the first, a bool, is true, else the third.
    Pick(Var, Var, Var),
    /// An operand of any dtype, converted as `astype` does.
    Convert(Var),
    /// The bits of an operand of equal size as another dtype.
    Bits(Var),
}

/// What is done to one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Unary {
    /// The other sign; integers wrap.
    Neg,
    /// Without its sign; integers wrap.
    Abs,
    Sqrt,
    Floor,
    Ceil,
    Trunc,
    /// To the nearest whole number, halves to even.
    Rint,
    /// Every bit the other way.
    Not,
}

/// What is done to two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Binary {
    /// Integers wrap, here and below.
    Add,
    Sub,
    Mul,
    /// Of integers toward zero; by zero it is zero.
    Div,
    /// What `Div` of integers leaves over; by zero it is zero.
    Rem,
    And,
    Or,
    Xor,
    /// Bits shifted out are lost; by a negative count or one too large, all are.
    Shl,
    Shr,
    /// The first with the sign of the second; floats.
    Copysign,
    /// A bool, of operands of any one dtype; false where one is nan.
    Lt,
    Le,
    Eq,
}

impl Binary {
    /// Whether the result is a bool whatever the operands.
    pub fn is_comparison(self) -> bool {
        matches!(self, Binary::Lt | Binary::Le | Binary::Eq)
    }
}
