//! One number with the kind it was written as.

use crate::dtype::{DType, Kind};
use std::fmt;
use std::hash::{Hash, Hasher};

/// One number. Equal and hashed by its bits, so that `-0.0` differs from `0.0` and `nan` equals itself.
#[derive(Clone, Copy, Debug)]
pub enum Scalar {
    /// `True`
    Bool(bool),
    /// An integer; wide enough for every integer dtype.
    Int(i128),
    /// A float; holds float16 and float32 values exactly.
    Float(f64),
}

impl Scalar {
    /// The weak dtype a Python scalar brings into promotion.
    pub fn kind(self) -> Kind {
        match self {
            Scalar::Bool(_) => Kind::Bool,
            Scalar::Int(_) => Kind::Int,
            Scalar::Float(_) => Kind::Float,
        }
    }

    /// The dtype of an array made from this scalar alone.
    pub fn dtype(self) -> DType {
        match self {
            Scalar::Bool(_) => DType::Bool,
            Scalar::Int(v) if v > i128::from(i64::MAX) => DType::U64,
            Scalar::Int(_) => DType::I64,
            Scalar::Float(_) => DType::F64,
        }
    }

    /// As a float.
    pub fn to_f64(self) -> f64 {
        match self {
            Scalar::Bool(v) => f64::from(u8::from(v)),
            Scalar::Int(v) => v as f64,
            Scalar::Float(v) => v,
        }
    }

    /// As an integer, if it is a bool or an integer.
    pub fn to_int(self) -> Option<i128> {
        match self {
            Scalar::Bool(v) => Some(i128::from(v)),
            Scalar::Int(v) => Some(v),
            Scalar::Float(_) => None,
        }
    }

    fn bits(self) -> (u8, u128) {
        match self {
            Scalar::Bool(v) => (0, u128::from(v)),
            Scalar::Int(v) => (1, v as u128),
            Scalar::Float(v) => (2, u128::from(v.to_bits())),
        }
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits().hash(state);
    }
}

impl fmt::Display for Scalar {
    /// As Python writes it: `True`, `3`, `0.5`, `1e-07`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Scalar::Bool(v) => f.write_str(if v { "True" } else { "False" }),
            Scalar::Int(v) => write!(f, "{v}"),
            Scalar::Float(v) if v.is_finite() && v != 0.0 && !(1e-4..1e16).contains(&v.abs()) => exponent(v, f),
            Scalar::Float(v) if v.is_nan() => f.write_str("nan"),
            Scalar::Float(v) => write!(f, "{v:?}"),
        }
    }
}

fn exponent(value: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = format!("{value:e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let sign = if power.starts_with('-') { '-' } else { '+' };
    write!(f, "{digits}e{sign}{:0>2}", power.trim_start_matches('-'))
}
