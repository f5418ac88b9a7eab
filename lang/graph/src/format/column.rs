//! One common format for all elements of an array, chosen as NumPy chooses it.

use super::float::{Decimal, exponent_text, not_finite};
use cleave_ops::{DType, Data, Scalar};

/// Digits after the point at most.
const PRECISION: usize = 8;

/// The elements as words of equal width.
pub(super) fn words(data: &Data, zero_dim: bool) -> Vec<String> {
    let values = (0..data.len()).map(|i| data.get(i));
    match data.dtype() {
        DType::F16 | DType::F32 | DType::F64 => float_words(values.map(Scalar::to_f64).collect(), data.dtype()),
        DType::Bool => values.map(|v| bool_word(v, zero_dim)).collect(),
        _ => integer_words(values.filter_map(Scalar::to_int).collect()),
    }
}

fn bool_word(value: Scalar, zero_dim: bool) -> String {
    let word = if value == Scalar::Bool(true) { "True" } else { "False" };
    if zero_dim { word.into() } else { format!("{word:>5}") }
}

fn integer_words(values: Vec<i128>) -> Vec<String> {
    let words: Vec<String> = values.iter().map(i128::to_string).collect();
    let width = words.iter().map(String::len).max().unwrap_or(0);
    words.into_iter().map(|w| format!("{w:>width$}")).collect()
}

/// The parts of a finite float around its point, the sign with the first; `exponent` where one is written.
struct Parts {
    whole: String,
    fraction: String,
    exponent: Option<i32>,
}

fn float_words(values: Vec<f64>, dtype: DType) -> Vec<String> {
    let scientific = needs_exponent(&values, dtype);
    let split = |v: &f64| if scientific { with_exponent(*v, dtype, 0) } else { plain(*v, dtype) };
    let mut parts: Vec<Option<Parts>> = values.iter().map(|v| v.is_finite().then(|| split(v))).collect();
    if scientific {
        let places = parts.iter().flatten().map(|p| p.fraction.len()).max().unwrap_or(0);
        let again = |v: &f64| v.is_finite().then(|| with_exponent(*v, dtype, places));
        parts = values.iter().map(again).collect();
    }
    let longest = |of: fn(&Parts) -> usize| parts.iter().flatten().map(of).max().unwrap_or(0);
    let places = longest(|p| p.fraction.len());
    let digits = longest(|p| p.exponent.map_or(0, |e| exponent_text(e, 2).len() - 1));
    let tail = if digits > 0 { digits + 2 + places } else { places };
    let unfinished = values.iter().filter_map(|v| not_finite(*v)).map(str::len).max().unwrap_or(0);
    let lead = longest(|p| p.whole.len()).max(unfinished.saturating_sub(tail + 1));
    let width = lead + 1 + tail;
    let join = |(value, parts): (&f64, &Option<Parts>)| match parts {
        None => format!("{:>width$}", not_finite(*value).unwrap_or_default()),
        Some(Parts { whole, fraction, exponent: Some(e) }) => {
            format!("{whole:>lead$}.{fraction:0<places$}e{}", exponent_text(*e, digits))
        }
        Some(Parts { whole, fraction, exponent: None }) => format!("{whole:>lead$}.{fraction:<places$}"),
    };
    values.iter().zip(&parts).map(join).collect()
}

/// NumPy's choice: the largest is too long, the smallest too small, or they lie too far apart.
fn needs_exponent(values: &[f64], dtype: DType) -> bool {
    let sizes = || values.iter().filter(|v| v.is_finite() && **v != 0.0).map(|v| v.abs());
    let (most, least) = (sizes().fold(0.0, f64::max), sizes().fold(f64::INFINITY, f64::min));
    let ceiling = match dtype {
        DType::F16 => 1e3,
        DType::F32 => 1e6,
        _ => 1e8,
    };
    most > 0.0 && (most >= ceiling || least < floor(dtype) || ratio(most, least, dtype) > 1000.0)
}

/// 0.0001 as the dtype holds it: NumPy compares in the array's dtype.
fn floor(dtype: DType) -> f64 {
    crate::build::scalar_as(Scalar::Float(0.0001), dtype).to_f64()
}

fn ratio(most: f64, least: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F32 => f64::from(most as f32 / least as f32),
        _ => crate::build::scalar_as(Scalar::Float(most / least), dtype).to_f64(),
    }
}

fn sign(value: f64) -> &'static str {
    if value.is_sign_negative() { "-" } else { "" }
}

fn plain(value: f64, dtype: DType) -> Parts {
    let decimal = Decimal::shortest(value, dtype);
    let (whole, fraction) = if decimal.places() > PRECISION {
        let text = format!("{:.PRECISION$}", value.abs());
        let (whole, fraction) = text.split_once('.').expect("a fixed number of places has a point");
        (whole.to_owned(), fraction.trim_end_matches('0').to_owned())
    } else {
        decimal.split()
    };
    let fraction = if fraction == "0" { String::new() } else { fraction };
    Parts { whole: format!("{}{whole}", sign(value)), fraction, exponent: None }
}

/// The shortest digits, or where those are fewer than `least` or too many, the exact ones.
fn with_exponent(value: f64, dtype: DType, least: usize) -> Parts {
    let mut decimal = Decimal::shortest(value, dtype);
    let places = (decimal.digits.len() - 1).clamp(least, PRECISION);
    if places + 1 != decimal.digits.len() {
        decimal = Decimal::read(&format!("{:.places$e}", value.abs()));
    }
    let (first, rest) = decimal.digits.split_at(1);
    Parts { whole: format!("{}{first}", sign(value)), fraction: rest.into(), exponent: Some(decimal.exponent) }
}
