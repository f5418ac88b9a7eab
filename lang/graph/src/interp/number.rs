//! Python's arithmetic on plain numbers; integers have 64 bits and never wrap.

use crate::value::Value;
use cleave_syntax::ast::{BinOp, UnaryOp};
use num_complex::Complex64;

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberFault {
    /// An integer beyond 64 bits.
    Overflow,
    /// A float power beyond all floats.
    FloatOverflow,
    /// A division by zero.
    ZeroDivision,
    /// A shift by a negative number.
    NegativeShift,
    /// No such operation for these types.
    Unsupported,
}

type Number = Result<Value, NumberFault>;
use NumberFault::{FloatOverflow, NegativeShift, Overflow, Unsupported, ZeroDivision};

/// `a op b`, if both are plain numbers.
pub(crate) fn binary(op: BinOp, a: &Value, b: &Value) -> Option<Number> {
    Some(match (a, b) {
        (Value::Bool(x), Value::Bool(y)) => bools(op, *x, *y),
        (Value::Complex(_), _) | (_, Value::Complex(_)) => complexes(op, to_complex(a)?, to_complex(b)?),
        (Value::Float(_), _) | (_, Value::Float(_)) => floats(op, to_f64(a)?, to_f64(b)?),
        _ => ints(op, to_i64(a)?, to_i64(b)?),
    })
}

/// `-a`, `+a`, `~a`, if it is a plain number.
pub(crate) fn unary(op: UnaryOp, a: &Value) -> Option<Number> {
    let value = match (op, a) {
        (UnaryOp::Not, _) => return None,
        (UnaryOp::Invert, Value::Float(_) | Value::Complex(_)) => return Some(Err(Unsupported)),
        (UnaryOp::Neg, Value::Complex(v)) => Value::Complex(-v),
        (UnaryOp::Neg, Value::Float(v)) => Value::Float(-v),
        (UnaryOp::Pos, Value::Complex(_) | Value::Float(_)) => a.clone(),
        (UnaryOp::Neg, _) => return Some(to_i64(a)?.checked_neg().map(Value::Int).ok_or(Overflow)),
        (UnaryOp::Pos, _) => Value::Int(to_i64(a)?),
        (UnaryOp::Invert, _) => Value::Int(!to_i64(a)?),
    };
    Some(Ok(value))
}

/// The integer a bool or an int is.
pub(crate) fn to_i64(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(v) => Some(i64::from(*v)),
        Value::Int(v) => Some(*v),
        _ => None,
    }
}

/// The float a real number is.
pub(crate) fn to_f64(value: &Value) -> Option<f64> {
    match value {
        Value::Float(v) => Some(*v),
        other => to_i64(other).map(|v| v as f64),
    }
}

fn to_complex(value: &Value) -> Option<Complex64> {
    match value {
        Value::Complex(v) => Some(*v),
        other => to_f64(other).map(|v| Complex64::new(v, 0.0)),
    }
}

fn bools(op: BinOp, a: bool, b: bool) -> Number {
    match op {
        BinOp::BitAnd => Ok(Value::Bool(a & b)),
        BinOp::BitOr => Ok(Value::Bool(a | b)),
        BinOp::BitXor => Ok(Value::Bool(a ^ b)),
        _ => ints(op, a.into(), b.into()),
    }
}

fn ints(op: BinOp, a: i64, b: i64) -> Number {
    let exact = match op {
        BinOp::Add => a.checked_add(b),
        BinOp::Sub => a.checked_sub(b),
        BinOp::Mul => a.checked_mul(b),
        BinOp::Div if b == 0 => return Err(ZeroDivision),
        BinOp::Div => return Ok(Value::Float(a as f64 / b as f64)),
        BinOp::FloorDiv => return int_div(a, b).map(|(q, _)| Value::Int(q)),
        BinOp::Mod => return int_div(a, b).map(|(_, r)| Value::Int(r)),
        BinOp::Pow => return int_pow(a, b),
        BinOp::MatMul => return Err(Unsupported),
        BinOp::BitAnd => Some(a & b),
        BinOp::BitOr => Some(a | b),
        BinOp::BitXor => Some(a ^ b),
        BinOp::Shl | BinOp::Shr if b < 0 => return Err(NegativeShift),
        BinOp::Shl => {
            (b < 64 || a == 0).then(|| if a == 0 { Some(0) } else { (i128::from(a) << b).try_into().ok() }).flatten()
        }
        BinOp::Shr => Some(a >> b.min(63)),
    };
    exact.map(Value::Int).ok_or(Overflow)
}

/// Python's quotient and remainder: the quotient is rounded down.
pub(crate) fn int_div(a: i64, b: i64) -> Result<(i64, i64), NumberFault> {
    if b == 0 {
        return Err(ZeroDivision);
    }
    let (q, r) = (a.checked_div(b).ok_or(Overflow)?, a.wrapping_rem(b));
    Ok(if r != 0 && (r < 0) != (b < 0) { (q - 1, r + b) } else { (q, r) })
}

fn int_pow(a: i64, b: i64) -> Number {
    if b < 0 {
        return floats(BinOp::Pow, a as f64, b as f64);
    }
    match (a, u32::try_from(b)) {
        (0 | 1, _) => Ok(Value::Int(if b == 0 { 1 } else { a })),
        (-1, _) => Ok(Value::Int(if b % 2 == 0 { 1 } else { -1 })),
        (_, Ok(b)) => a.checked_pow(b).map(Value::Int).ok_or(Overflow),
        (_, Err(_)) => Err(Overflow),
    }
}

fn floats(op: BinOp, a: f64, b: f64) -> Number {
    let value = match op {
        BinOp::Add => a + b,
        BinOp::Sub => a - b,
        BinOp::Mul => a * b,
        BinOp::Div | BinOp::FloorDiv | BinOp::Mod if b == 0.0 => return Err(ZeroDivision),
        BinOp::Div => a / b,
        BinOp::FloorDiv => float_div(a, b).0,
        BinOp::Mod => float_div(a, b).1,
        BinOp::Pow => return float_pow(a, b),
        BinOp::MatMul | BinOp::BitAnd | BinOp::BitOr | BinOp::BitXor | BinOp::Shl | BinOp::Shr => {
            return Err(Unsupported);
        }
    };
    Ok(Value::Float(value))
}

/// Python's quotient and remainder of floats; `b` is not zero.
pub(crate) fn float_div(a: f64, b: f64) -> (f64, f64) {
    let mut remainder = a % b;
    let mut quotient = (a - remainder) / b;
    if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) {
        remainder += b;
        quotient -= 1.0;
    }
    if remainder == 0.0 {
        remainder = 0.0_f64.copysign(b);
    }
    let floor = quotient.floor();
    let nearest = if quotient - floor > 0.5 { floor + 1.0 } else { floor };
    (if quotient == 0.0 { 0.0_f64.copysign(a / b) } else { nearest }, remainder)
}

fn float_pow(a: f64, b: f64) -> Number {
    if a == 0.0 && b < 0.0 {
        return Err(ZeroDivision);
    }
    if a < 0.0 && a.is_finite() && b.is_finite() && b.fract() != 0.0 {
        return Ok(Value::Complex(Complex64::new(a, 0.0).powf(b)));
    }
    let value = a.powf(b);
    let overflow = value.is_infinite() && a.is_finite() && b.is_finite();
    if overflow { Err(FloatOverflow) } else { Ok(Value::Float(value)) }
}

fn complexes(op: BinOp, a: Complex64, b: Complex64) -> Number {
    let value = match op {
        BinOp::Add => a + b,
        BinOp::Sub => a - b,
        BinOp::Mul => a * b,
        BinOp::Div if b == Complex64::ZERO => return Err(ZeroDivision),
        BinOp::Div => a / b,
        BinOp::Pow if b == Complex64::ZERO => Complex64::ONE,
        BinOp::Pow if a == Complex64::ZERO => a,
        BinOp::Pow if b.im == 0.0 && b.re.fract() == 0.0 && b.re.abs() <= 100.0 => a.powi(b.re as i32),
        BinOp::Pow => a.powc(b),
        BinOp::FloorDiv
        | BinOp::Mod
        | BinOp::MatMul
        | BinOp::BitAnd
        | BinOp::BitOr
        | BinOp::BitXor
        | BinOp::Shl
        | BinOp::Shr => return Err(Unsupported),
    };
    Ok(Value::Complex(value))
}
