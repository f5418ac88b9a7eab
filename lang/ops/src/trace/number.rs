//! What formulas compute with while they are written down.

use super::paths::{ask, give_up, on_tape};
use super::step::{Binary, Unary};
use super::tape::Var;
use super::whole;
use super::wide::Wide;
use crate::cast::Cast;
use crate::division;
use crate::dtype::{DType, Kind};
use crate::lane::{Float, Int, Num};
use crate::math;
use crate::scalar::Scalar;
use std::cmp::Ordering;

/// A number that remembers what was done to it, or a constant that takes the dtype of what it meets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// One on the tape.
    Var(Var),
    /// A constant.
    Const(f64),
    /// The least of its dtype.
    Least,
    /// The greatest of its dtype.
    Greatest,
}

/// An operand as a formula takes it.
pub(crate) trait Argument {
    /// Takes it from the tape.
    fn of(var: Var) -> Self;
}

impl Argument for Number {
    fn of(var: Var) -> Self {
        Number::Var(var)
    }
}

impl Argument for bool {
    fn of(var: Var) -> Self {
        ask(var, false)
    }
}

/// An operand as a formula takes it.
pub(crate) fn argument<T: Argument>(operands: &[Var], place: usize) -> T {
    T::of(operands[place])
}

/// The dtype of an operand.
pub(crate) fn dtype_of(x: Var) -> DType {
    on_tape(|tape| tape.dtype(x))
}

/// A whole number that must be known when the formula is written.
pub(crate) fn given(operands: &[Var], place: usize) -> i64 {
    let known = on_tape(|tape| tape.known(operands[place])).and_then(Scalar::to_int);
    known.map_or_else(
        || {
            give_up();
            0
        },
        |v| v as i64,
    )
}

fn least(dtype: DType) -> Scalar {
    match dtype.kind() {
        Kind::Float => Scalar::Float(f64::NEG_INFINITY),
        Kind::Int if dtype.is_signed() => Scalar::Int(-(1 << (8 * dtype.size() - 1))),
        _ => Scalar::Int(0),
    }
}

fn greatest(dtype: DType) -> Scalar {
    match dtype.kind() {
        Kind::Float => Scalar::Float(f64::INFINITY),
        Kind::Int if dtype.is_signed() => Scalar::Int((1 << (8 * dtype.size() - 1)) - 1),
        _ => Scalar::Int((1 << (8 * dtype.size())) - 1),
    }
}

impl Number {
    /// On the tape; a constant in the dtype given.
    pub(super) fn on_tape(self, dtype: DType) -> Var {
        let value = match self {
            Number::Var(var) => return var,
            Number::Const(value) if dtype.kind() == Kind::Float => Scalar::Float(value),
            Number::Const(value) => Scalar::Int(value as i128),
            Number::Least => least(dtype),
            Number::Greatest => greatest(dtype),
        };
        on_tape(|tape| tape.constant(dtype, value))
    }

    fn dtype(self) -> Option<DType> {
        match self {
            Number::Var(var) => Some(on_tape(|tape| tape.dtype(var))),
            _ => None,
        }
    }

    fn pair(self, other: Number) -> (Var, Var) {
        let dtype = self.dtype().or_else(|| other.dtype()).unwrap_or_else(super::paths::usual_dtype);
        (self.on_tape(dtype), other.on_tape(dtype))
    }

    fn var(self) -> Var {
        self.pair(self).0
    }

    /// Float16 computes in float32 and rounds after each operation.
    fn one(self, work: impl FnOnce(Var) -> Var) -> Number {
        let x = self.var();
        let dtype = on_tape(|tape| tape.dtype(x));
        Number::Var(match dtype {
            DType::F16 => converted(work(converted(x, DType::F32)), DType::F16),
            _ => work(x),
        })
    }

    fn two(self, other: Number, work: impl FnOnce(Var, Var) -> Var) -> Number {
        let (a, b) = self.pair(other);
        let dtype = on_tape(|tape| tape.dtype(a));
        Number::Var(match dtype {
            DType::F16 => converted(work(converted(a, DType::F32), converted(b, DType::F32)), DType::F16),
            _ => work(a, b),
        })
    }

    fn unary(self, unary: Unary) -> Number {
        self.one(|x| on_tape(|tape| tape.unary(unary, x)))
    }

    fn binary(self, binary: Binary, other: Number) -> Number {
        self.two(other, |a, b| on_tape(|tape| tape.binary(binary, a, b)))
    }

    fn holds(self, binary: Binary, other: Number) -> bool {
        self.compared(binary, other, false)
    }

    fn compared(self, binary: Binary, other: Number, first: bool) -> bool {
        let (a, b) = self.pair(other);
        let float16 = on_tape(|tape| tape.dtype(a)) == DType::F16;
        let (a, b) = if float16 { (converted(a, DType::F32), converted(b, DType::F32)) } else { (a, b) };
        ask(on_tape(|tape| tape.binary(binary, a, b)), first)
    }

    /// A function of `math`: in float64, then rounded; of float16 to float32 first.
    fn wide(self, function: impl FnOnce(Wide) -> Wide) -> Number {
        self.one(|x| {
            let dtype = on_tape(|tape| tape.dtype(x));
            converted(function(Wide(converted(x, DType::F64))).0, dtype)
        })
    }

    fn wide_two(self, other: Number, function: impl FnOnce(Wide, Wide) -> Wide) -> Number {
        self.two(other, |a, b| {
            let dtype = on_tape(|tape| tape.dtype(a));
            converted(function(Wide(converted(a, DType::F64)), Wide(converted(b, DType::F64))).0, dtype)
        })
    }

    /// The angle, of which the formula holds only if it is small.
    fn angle(self) -> Number {
        let size = Wide(converted(self.var(), DType::F64));
        size.fails_unless(|x| math::Lane::lt(math::Lane::abs(x), math::Lane::of(math::NEAR)));
        self
    }
}

/// A step of the two operands.
pub(crate) fn binary(binary: Binary, operands: &[Var]) -> Var {
    on_tape(|tape| tape.binary(binary, operands[0], operands[1]))
}

/// An operand, converted as `astype` does.
pub(crate) fn converted(x: Var, to: DType) -> Var {
    on_tape(|tape| tape.convert(x, to))
}

// A loop that goes on while two differ ends first where they are taken for equal.
#[allow(clippy::partialeq_ne_impl)]
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.holds(Binary::Eq, *other)
    }
    fn ne(&self, other: &Self) -> bool {
        !self.compared(Binary::Eq, *other, true)
    }
}

impl Eq for Number {}

// Floats are compared too, so that an order is not all there is.
#[allow(clippy::non_canonical_partial_ord_impl)]
impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match () {
            () if self == other => Some(Ordering::Equal),
            () if self < other => Some(Ordering::Less),
            () if other < self => Some(Ordering::Greater),
            () => None,
        }
    }
    fn lt(&self, other: &Self) -> bool {
        self.holds(Binary::Lt, *other)
    }
    fn le(&self, other: &Self) -> bool {
        self.holds(Binary::Le, *other)
    }
    fn gt(&self, other: &Self) -> bool {
        other.holds(Binary::Lt, *self)
    }
    fn ge(&self, other: &Self) -> bool {
        other.holds(Binary::Le, *self)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.partial_cmp(other).unwrap_or(Ordering::Equal)
    }
}

impl Cast<bool> for Number {
    fn cast(self) -> bool {
        !self.holds(Binary::Eq, Number::ZERO)
    }
}

impl Num for Number {
    const ZERO: Self = Number::Const(0.0);
    const ONE: Self = Number::Const(1.0);
    const LEAST: Self = Number::Least;
    const GREATEST: Self = Number::Greatest;
    fn add(self, other: Self) -> Self {
        self.binary(Binary::Add, other)
    }
    fn sub(self, other: Self) -> Self {
        self.binary(Binary::Sub, other)
    }
    fn mul(self, other: Self) -> Self {
        self.binary(Binary::Mul, other)
    }
    fn neg(self) -> Self {
        self.unary(Unary::Neg)
    }
    fn abs(self) -> Self {
        self.unary(Unary::Abs)
    }
    fn is_nan(self) -> bool {
        let is_float = self.dtype().is_none_or(|dtype| dtype.kind() == Kind::Float);
        is_float && !self.holds(Binary::Eq, self)
    }
}

impl Int for Number {
    fn and(self, other: Self) -> Self {
        self.binary(Binary::And, other)
    }
    fn or(self, other: Self) -> Self {
        self.binary(Binary::Or, other)
    }
    fn xor(self, other: Self) -> Self {
        self.binary(Binary::Xor, other)
    }
    fn not(self) -> Self {
        self.unary(Unary::Not)
    }
    fn shl(self, count: Self) -> Self {
        self.binary(Binary::Shl, count)
    }
    fn shr(self, count: Self) -> Self {
        self.binary(Binary::Shr, count)
    }
    fn div(self, other: Self) -> Self {
        self.binary(Binary::Div, other)
    }
    fn rem(self, other: Self) -> Self {
        self.binary(Binary::Rem, other)
    }
    fn is_odd(self) -> bool {
        self.binary(Binary::And, Number::ONE).holds(Binary::Eq, Number::ONE)
    }
    fn half(self) -> Self {
        self.binary(Binary::Shr, Number::ONE)
    }
    fn power(self, count: Self) -> Self {
        let (base, count) = self.pair(count);
        Number::Var(whole::power(base, count))
    }
    fn gcd(self, other: Self) -> Self {
        let (a, b) = self.pair(other);
        Number::Var(whole::gcd(a, b))
    }
}

macro_rules! float_numbers {
    ($($name:ident $unary:ident;)* ; $($wide:ident $math:ident;)* ; $($wide2:ident $math2:ident;)*) => {
        impl Float for Number {
            fn near(value: f64) -> Self { Number::Const(value) }
            fn widest(self) -> f64 { give_up(); 0.0 }
            fn div(self, other: Self) -> Self { self.binary(Binary::Div, other) }
            fn signbit(self) -> bool {
                let x = self.var();
                // A conversion to another float may lose the sign of a nan.
                let whole = match dtype_of(x) {
                    DType::F16 => DType::I16,
                    DType::F32 => DType::I32,
                    _ => DType::I64,
                };
                Number::Var(on_tape(|tape| tape.reinterpret(x, whole))) < Number::ZERO
            }
            fn near_sin_cos(self) -> (Self, Self) { (self.near_sin(), self.near_cos()) }
            fn next_toward(self, to: Self) -> Self {
                let (from, to) = self.pair(to);
                Number::Var(whole::next_toward(from, to))
            }
            fn sin(self) -> Self { self.angle().wide(math::sin) }
            fn near_sin(self) -> Self { self.angle().wide(math::sin) }
            fn cos(self) -> Self { self.angle().wide(math::cos) }
            fn near_cos(self) -> Self { self.angle().wide(math::cos) }
            fn tan(self) -> Self { self.angle().wide(math::tan) }
            fn near_tan(self) -> Self { self.angle().wide(math::tan) }
            fn usual_pow(self, other: Self) -> Self { self.wide_two(other, math::pow) }
            fn fmod(self, other: Self) -> Self { self.near_fmod(other) }
            fn near_fmod(self, other: Self) -> Self {
                self.wide_two(other, |a, b| {
                    a.fails_unless(|a| division::near_holds(a, b));
                    division::near_fmod(a, b)
                })
            }
            fn copysign(self, other: Self) -> Self { self.binary(Binary::Copysign, other) }
            $(fn $name(self) -> Self { self.unary(Unary::$unary) })*
            $(fn $wide(self) -> Self { self.wide(math::$math) })*
            $(fn $wide2(self, other: Self) -> Self { self.wide_two(other, math::$math2) })*
        }
    };
}

float_numbers! {
    sqrt Sqrt; floor Floor; ceil Ceil; trunc Trunc; rint Rint;
    ;
    cbrt cbrt; exp exp; exp2 exp2; expm1 expm1; log log; log2 log2; log10 log10; log1p log1p; asin asin; acos acos;
    atan atan; sinh sinh; cosh cosh; tanh tanh; asinh asinh; acosh acosh; atanh atanh;
    ;
    pow pow; atan2 atan2; hypot hypot;
}
