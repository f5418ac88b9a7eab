//! Numbers.

use super::Lexer;
use crate::source::Span;
use crate::token::{Sym, Tok};

/// Python reads no more decimal digits either.
const MAX_DIGITS: usize = 4300;

impl<'a> Lexer<'a> {
    pub(super) fn number(&mut self) {
        let start = self.pos;
        let radix = match self.rest().as_bytes() {
            [b'0', b'x' | b'X', ..] => 16,
            [b'0', b'o' | b'O', ..] => 8,
            [b'0', b'b' | b'B', ..] => 2,
            _ => 10,
        };
        let tok = if radix == 10 { self.decimal(start) } else { self.in_radix(start, radix) };
        self.push(tok, start);
        self.reject_tail(start);
    }

    fn in_radix(&mut self, start: usize, radix: u32) -> Tok {
        self.pos += 2;
        let digits = self.digits(|c| c.is_digit(radix));
        if !well_spaced(digits.strip_prefix('_').unwrap_or(digits)) {
            self.bad_number(start, format!("`{}` is not a whole number in base {radix}", &self.text[start..self.pos]));
        }
        self.integer(start, &digits.replace('_', ""), radix)
    }

    fn decimal(&mut self, start: usize) -> Tok {
        let whole = self.digits(|c| c.is_ascii_digit());
        let mut spaced = whole.is_empty() || well_spaced(whole);
        let mut fractional = false;
        if self.peek() == Some('.') {
            self.pos += 1;
            let fraction = self.digits(|c| c.is_ascii_digit());
            spaced &= fraction.is_empty() || well_spaced(fraction);
            fractional = true;
        }
        if let Some(len) = exponent_mark(self.rest()) {
            self.pos += len;
            spaced &= well_spaced(self.digits(|c| c.is_ascii_digit()));
            fractional = true;
        }
        let text = self.text[start..self.pos].replace('_', "");
        if !spaced {
            let message = format!("the `_` in `{}` must stand between two digits", &self.text[start..self.pos]);
            self.bad_number(start, message);
        }
        if matches!(self.peek(), Some('j' | 'J')) {
            self.pos += 1;
            return Tok::Imaginary(text.parse().unwrap_or(f64::NAN));
        }
        if fractional {
            return Tok::Float(text.parse().unwrap_or(f64::NAN));
        }
        self.reject_leading_zero(start, &text);
        self.integer(start, &text, 10)
    }

    fn digits(&mut self, is_digit: impl Fn(char) -> bool) -> &'a str {
        let len = self.rest().find(|c| !(is_digit(c) || c == '_')).unwrap_or(self.rest().len());
        self.pos += len;
        &self.text[self.pos - len..self.pos]
    }

    fn reject_leading_zero(&mut self, start: usize, digits: &str) {
        if digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0') {
            self.bad_number(start, format!("the whole number `{digits}` begins with a zero"));
            let octal = digits.trim_start_matches('0');
            let help = format!("write `{octal}`, or `0o{octal}` for a number in base 8");
            self.diagnostics.last_mut().expect("one was pushed just now").help = Some(help);
        }
    }

    fn integer(&mut self, start: usize, digits: &str, radix: u32) -> Tok {
        if let Ok(value) = i64::from_str_radix(digits, radix) {
            return Tok::Int(value);
        }
        if digits.len() > MAX_DIGITS {
            let message = format!("this number has {} digits, more than the {MAX_DIGITS} that are read", digits.len());
            self.error("too-long", message, Span::new(start, self.pos));
            return Tok::Int(0);
        }
        if digits.is_empty() { Tok::Int(0) } else { Tok::BigInt(to_decimal(digits, radix).into()) }
    }

    /// `3abc`: letters right after a number, unless they are a keyword as in `1if x else 2`.
    fn reject_tail(&mut self, start: usize) {
        let len = self.rest().find(|c| !unicode_ident::is_xid_continue(c)).unwrap_or(self.rest().len());
        let tail = &self.rest()[..len];
        if tail.is_empty() || Sym::keyword(tail).is_some() {
            return;
        }
        self.pos += len;
        let help = if tail.starts_with(|c: char| c.is_ascii_digit()) {
            "check its digits".to_string()
        } else {
            format!(
                "a name cannot begin with a digit; to multiply write `{} * {tail}`",
                &self.text[start..self.pos - len]
            )
        };
        self.bad_number(start, format!("`{}` is neither a number nor a name", &self.text[start..self.pos]));
        self.diagnostics.last_mut().expect("one was pushed just now").help = Some(help);
    }

    fn bad_number(&mut self, start: usize, message: String) {
        self.error("bad-number", message, Span::new(start, self.pos));
        self.lose_line();
    }
}

fn exponent_mark(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [b'e' | b'E', b'0'..=b'9', ..] => Some(1),
        [b'e' | b'E', b'+' | b'-', b'0'..=b'9', ..] => Some(2),
        _ => None,
    }
}

fn well_spaced(digits: &str) -> bool {
    !digits.is_empty() && !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__")
}

/// The decimal digits of a number in another base, by schoolbook arithmetic in base 10⁹.
fn to_decimal(digits: &str, radix: u32) -> String {
    if radix == 10 {
        return digits.trim_start_matches('0').to_string();
    }
    let mut limbs = vec![0_u64];
    for digit in digits.chars().filter_map(|c| c.to_digit(radix)) {
        let mut carry = u64::from(digit);
        for limb in &mut limbs {
            let value = *limb * u64::from(radix) + carry;
            *limb = value % 1_000_000_000;
            carry = value / 1_000_000_000;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let padded: String = limbs.iter().rev().map(|limb| format!("{limb:09}")).collect();
    padded.trim_start_matches('0').to_string()
}
