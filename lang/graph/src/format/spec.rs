//! Python's format mini-language: what stands after the colon in `f"{x:>10.3f}"`.

use super::float::{exponent_text, float_repr, not_finite};
use std::fmt;

/// Wider fields and finer digits than this are refused.
const WIDEST: usize = 100_000;

/// A value to format.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Formatted<'a> {
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(&'a str),
}

/// A format that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// The text is no format.
    Malformed {
        /// The text.
        spec: String,
    },
    /// The letter does not go with the value's type.
    Code {
        /// The letter.
        code: char,
        /// What the value is.
        value: &'static str,
    },
    /// A sign, `=`, `,`, `#` or a precision that the value's type does not take.
    NotAllowed {
        /// What was written.
        part: &'static str,
        /// What the value is.
        value: &'static str,
    },
    /// A width or precision beyond reason.
    TooWide {
        /// The number.
        width: usize,
    },
    /// An integer that is no character, under `c`.
    NoCharacter {
        /// The integer.
        code: i128,
    },
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatError::Malformed { spec } => write!(f, "`{spec}` is not a format"),
            FormatError::Code { code, value } => {
                write!(f, "the format code `{code}` is not for a value of type {value}")
            }
            FormatError::NotAllowed { part, value } => write!(f, "a format of a value of type {value} takes no {part}"),
            FormatError::TooWide { width } => write!(f, "a width or precision of {width} is more than {WIDEST}"),
            FormatError::NoCharacter { code } => write!(f, "{code} is not the code of a character"),
        }
    }
}

impl std::error::Error for FormatError {}

/// The value as `format(value, spec)` writes it in Python.
pub fn format_spec(spec: &str, value: Formatted<'_>) -> Result<String, FormatError> {
    let read = Spec::read(spec)?;
    match value {
        Formatted::Bool(v) if spec.is_empty() => Ok(if v { "True" } else { "False" }.into()),
        Formatted::Bool(v) => integer(&read, v.into()),
        Formatted::Int(v) => integer(&read, v),
        Formatted::Float(v) => real(&read, v, "float"),
        Formatted::Str(v) => text(&read, v),
    }
}

#[derive(Clone, Debug, Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    no_negative_zero: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    code: Option<char>,
}

impl Spec {
    fn read(text: &str) -> Result<Self, FormatError> {
        let chars: Vec<char> = text.chars().collect();
        let (mut at, mut spec) = (0, Spec::default());
        let is_align = |i: usize| chars.get(i).is_some_and(|c| "<>=^".contains(*c));
        if is_align(1) {
            (spec.fill, spec.align, at) = (Some(chars[0]), Some(chars[1]), 2);
        } else if is_align(0) {
            (spec.align, at) = (Some(chars[0]), 1);
        }
        let mut take = |options: &str| {
            let found = chars.get(at).copied().filter(|c| options.contains(*c));
            at += usize::from(found.is_some());
            found
        };
        spec.sign = take("+- ");
        spec.no_negative_zero = take("z").is_some();
        spec.alternate = take("#").is_some();
        spec.zero = take("0").is_some();
        spec.width = number(&mut take)?.unwrap_or(0);
        spec.grouping = take(",_");
        if take(".").is_some() {
            let precision = number(&mut take)?;
            spec.precision = Some(precision.ok_or_else(|| FormatError::Malformed { spec: text.into() })?);
        }
        spec.code = take("bcdeEfFgGnosxX%");
        if at == chars.len() { Ok(spec) } else { Err(Self::unread(text, &chars[at..])) }
    }

    fn unread(text: &str, rest: &[char]) -> FormatError {
        match rest {
            [code] if code.is_alphabetic() => FormatError::Code { code: *code, value: "any type" },
            _ => FormatError::Malformed { spec: text.into() },
        }
    }

    fn refuse(&self, bad: bool, part: &'static str, value: &'static str) -> Result<(), FormatError> {
        if bad { Err(FormatError::NotAllowed { part, value }) } else { Ok(()) }
    }

    /// Pads a sign (and prefix), digits that may be grouped, and what follows them.
    fn number(&self, negative: bool, prefix: &str, digits: &str, rest: &str, group: usize) -> String {
        let sign = match (negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            _ => "",
        };
        let head = format!("{sign}{prefix}");
        let zero_fill = self.zero && self.align.is_none();
        let room = if zero_fill { self.width.saturating_sub(head.len() + rest.len()) } else { 0 };
        let body = format!("{}{rest}", self.grouped(digits, room, group));
        if zero_fill || self.align == Some('=') {
            let fill = self.fill.unwrap_or(if self.zero { '0' } else { ' ' });
            let missing = self.width.saturating_sub(head.len() + body.len());
            return format!("{head}{}{body}", fill.to_string().repeat(missing));
        }
        self.pad(&format!("{head}{body}"), '>')
    }

    /// Digits with separators, led by zeros until they fill `room`.
    fn grouped(&self, digits: &str, room: usize, group: usize) -> String {
        let Some(separator) = self.grouping.filter(|_| digits.bytes().all(|b| b.is_ascii_hexdigit())) else {
            return if digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                format!("{digits:0>room$}")
            } else {
                digits.into()
            };
        };
        let mut count = digits.len();
        while count + (count - 1) / group < room {
            count += 1;
        }
        let padded = format!("{digits:0>count$}");
        let mut out = String::new();
        for (i, c) in padded.chars().enumerate() {
            if i > 0 && (count - i).is_multiple_of(group) {
                out.push(separator);
            }
            out.push(c);
        }
        out
    }

    fn pad(&self, text: &str, default: char) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        let fill = self.fill.unwrap_or(if self.zero { '0' } else { ' ' }).to_string();
        let left = match self.align.unwrap_or(default) {
            '<' => 0,
            '^' => missing / 2,
            _ => missing,
        };
        format!("{}{text}{}", fill.repeat(left), fill.repeat(missing - left))
    }
}

fn number(take: &mut impl FnMut(&str) -> Option<char>) -> Result<Option<usize>, FormatError> {
    let mut value = None;
    while let Some(digit) = take("0123456789") {
        let width = value.unwrap_or(0) * 10 + digit.to_digit(10).map_or(0, |d| d as usize);
        if width > WIDEST {
            return Err(FormatError::TooWide { width });
        }
        value = Some(width);
    }
    Ok(value)
}

fn text(spec: &Spec, value: &str) -> Result<String, FormatError> {
    match spec.code {
        None | Some('s') => {}
        Some(code) => return Err(FormatError::Code { code, value: "str" }),
    }
    spec.refuse(spec.sign.is_some(), "sign", "str")?;
    spec.refuse(spec.align == Some('='), "`=`", "str")?;
    spec.refuse(spec.alternate, "`#`", "str")?;
    spec.refuse(spec.grouping.is_some(), "`,` or `_`", "str")?;
    let shown: String = value.chars().take(spec.precision.unwrap_or(usize::MAX)).collect();
    Ok(spec.pad(&shown, '<'))
}

fn integer(spec: &Spec, value: i128) -> Result<String, FormatError> {
    let code = spec.code.unwrap_or('d');
    if "eEfFgG%".contains(code) {
        return real(spec, value as f64, "int");
    }
    spec.refuse(spec.precision.is_some(), "precision", "int")?;
    let size = value.unsigned_abs();
    let (prefix, digits, group) = match code {
        'd' | 'n' => ("", size.to_string(), 3),
        'b' => ("0b", format!("{size:b}"), 4),
        'o' => ("0o", format!("{size:o}"), 4),
        'x' => ("0x", format!("{size:x}"), 4),
        'X' => ("0X", format!("{size:X}"), 4),
        'c' => {
            let letter = u32::try_from(value).ok().and_then(char::from_u32);
            let letter = letter.ok_or(FormatError::NoCharacter { code: value })?;
            return Ok(spec.pad(&letter.to_string(), '<'));
        }
        _ => return Err(FormatError::Code { code, value: "int" }),
    };
    spec.refuse(spec.grouping == Some(',') && group == 4, "`,` beside a base other than ten", "int")?;
    Ok(spec.number(value < 0, if spec.alternate { prefix } else { "" }, &digits, "", group))
}

fn real(spec: &Spec, value: f64, type_name: &'static str) -> Result<String, FormatError> {
    let upper = spec.code.is_some_and(|c| c.is_ascii_uppercase());
    let body = match spec.code {
        None => general_or_repr(spec, value),
        Some('e' | 'E') => scientific(value.abs(), spec.precision.unwrap_or(6), spec.alternate),
        Some('f' | 'F') => fixed(value.abs(), spec.precision.unwrap_or(6), spec.alternate),
        Some('g' | 'G' | 'n') => general(value.abs(), spec.precision.unwrap_or(6), spec.alternate, false),
        Some('%') => fixed(value.abs() * 100.0, spec.precision.unwrap_or(6), spec.alternate) + "%",
        Some(code) => return Err(FormatError::Code { code, value: type_name }),
    };
    let percent = if spec.code == Some('%') { "%" } else { "" };
    let body = not_finite(value.abs()).map_or(body, |word| format!("{word}{percent}"));
    let body = if upper { body.to_uppercase() } else { body };
    let shows_zero = !body.split(['e', 'E']).next().is_some_and(|m| m.bytes().any(|b| (b'1'..=b'9').contains(&b)));
    let negative = value.is_sign_negative() && !value.is_nan();
    let negative = negative && !(spec.no_negative_zero && shows_zero && value.is_finite());
    let end =
        if value.is_finite() { body.find(|c: char| !c.is_ascii_digit()).unwrap_or(body.len()) } else { body.len() };
    let (digits, rest) = body.split_at(end);
    Ok(spec.number(negative, "", digits, rest, 3))
}

fn general_or_repr(spec: &Spec, value: f64) -> String {
    match spec.precision {
        None => float_repr(value.abs()),
        Some(precision) => general(value.abs(), precision, spec.alternate, true),
    }
}

fn fixed(value: f64, places: usize, alternate: bool) -> String {
    let point = if alternate && places == 0 { "." } else { "" };
    format!("{value:.places$}{point}")
}

fn scientific(value: f64, places: usize, alternate: bool) -> String {
    let text = format!("{value:.places$e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let point = if alternate && places == 0 { "." } else { "" };
    format!("{mantissa}{point}e{}", exponent_text(exponent.parse().unwrap_or(0), 2))
}

/// `precision` significant digits, with an exponent where the point would be far away.
fn general(value: f64, precision: usize, alternate: bool, keeps_point: bool) -> String {
    let precision = precision.max(1);
    let text = format!("{value:.*e}", precision - 1);
    let Some((_, exponent)) = text.split_once('e') else { return text };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let most = precision as i32 - i32::from(keeps_point);
    if exponent < -4 || exponent >= most {
        let (mantissa, _) = text.split_once('e').unwrap_or((&text, ""));
        let mantissa = if alternate { mantissa } else { trimmed(mantissa) };
        return format!("{mantissa}e{}", exponent_text(exponent, 2));
    }
    let places = (precision as i32 - 1 - exponent).max(0) as usize;
    let plain = format!("{value:.places$}");
    if alternate {
        return if places == 0 { plain + "." } else { plain };
    }
    let plain = trimmed(&plain);
    if keeps_point && !plain.contains('.') { format!("{plain}.0") } else { plain.into() }
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}
