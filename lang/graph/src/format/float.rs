//! Floats as decimal digits: shortest that read back as the same number, or rounded exactly.

use cleave_ops::{DType, Scalar};
use half::f16;

/// A positive decimal number `d.ddd × 10^exponent` without trailing zeros.
pub(crate) struct Decimal {
    /// The digits, at least one.
    pub(crate) digits: String,
    /// The power of ten of the first digit.
    pub(crate) exponent: i32,
}

impl Decimal {
    /// Reads what `{:e}` writes.
    pub(crate) fn read(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').expect("the exponent format holds an e");
        let all = mantissa.replace('.', "");
        let digits = all.trim_end_matches('0');
        Self {
            digits: if digits.is_empty() { "0".into() } else { digits.into() },
            exponent: exponent.parse().expect("an exponent is an integer"),
        }
    }

    /// The shortest digits that a finite value of a dtype is the nearest to.
    pub(crate) fn shortest(value: f64, dtype: DType) -> Self {
        let value = value.abs();
        let text = match dtype {
            DType::F16 => shortest_half(value),
            DType::F32 => format!("{:e}", value as f32),
            _ => format!("{value:e}"),
        };
        Self::read(&text)
    }

    /// How many digits stand after the point when it is written without exponent.
    pub(crate) fn places(&self) -> usize {
        (self.digits.len() as i32 - 1 - self.exponent).max(0) as usize
    }

    /// The digits before and after the point, written without exponent.
    pub(crate) fn split(&self) -> (String, String) {
        if self.exponent < 0 {
            let zeros = "0".repeat((-self.exponent - 1) as usize);
            return ("0".into(), zeros + &self.digits);
        }
        let whole = self.exponent as usize + 1;
        let padded = format!("{:0<whole$}", self.digits);
        let (left, right) = padded.split_at(whole);
        (left.into(), right.into())
    }
}

fn shortest_half(value: f64) -> String {
    let half = f16::from_f64(value);
    let reads_back = |text: &String| text.parse().is_ok_and(|v| f16::from_f64(v) == half);
    let texts = (0..5).map(|places| format!("{value:.places$e}"));
    texts.into_iter().find(reads_back).unwrap_or_else(|| format!("{value:e}"))
}

/// A float as Python's `repr` writes it.
pub fn float_repr(value: f64) -> String {
    scalar_float(value, DType::F64)
}

/// A scalar of a dtype as `str` writes it: Python's for the wide dtypes, NumPy's for float16 and float32.
pub fn scalar_str(value: Scalar, dtype: DType) -> String {
    match value {
        Scalar::Bool(true) => "True".into(),
        Scalar::Bool(false) => "False".into(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Float(value) => scalar_float(value, dtype),
    }
}

fn scalar_float(value: f64, dtype: DType) -> String {
    if let Some(word) = not_finite(value) {
        return word.into();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let decimal = Decimal::shortest(value, dtype);
    let most = match dtype {
        DType::F16 => 1e3,
        DType::F32 => 1e6,
        _ => 1e16,
    };
    if value == 0.0 || (1e-4..most).contains(&value.abs()) {
        let (whole, fraction) = decimal.split();
        let fraction = if fraction.is_empty() { "0" } else { &fraction };
        return format!("{sign}{whole}.{fraction}");
    }
    let (first, rest) = decimal.digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}e{}", exponent_text(decimal.exponent, 2))
}

/// The word for a value without digits.
pub(crate) fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        v if v.is_nan() => Some("nan"),
        f64::INFINITY => Some("inf"),
        f64::NEG_INFINITY => Some("-inf"),
        _ => None,
    }
}

/// A signed exponent of at least `width` digits.
pub(crate) fn exponent_text(exponent: i32, width: usize) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{:0width$}", exponent.unsigned_abs())
}
