//! Text to tokens.

use crate::error::{LoadError, LoadKind, Place};

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) place: Place,
    pub(crate) kind: TokenKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// A name, with `%`, `$` and `::`.
    Word(String),
    Integer(u64),
    /// `0f…`, by its bits.
    Single(u32),
    /// `0d…`, by its bits.
    Double(u64),
    Decimal(f64),
    Mark(char),
    End,
}

impl TokenKind {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Integer(value) => value.to_string(),
            Self::Single(bits) => format!("0f{bits:08X}"),
            Self::Double(bits) => format!("0d{bits:016X}"),
            Self::Decimal(value) => value.to_string(),
            Self::Mark(mark) => mark.to_string(),
            Self::End => "end of text".into(),
        }
    }
}

/// All tokens of a text, with an end.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, LoadError> {
    let mut lexer = Lexer { rest: text, place: Place { line: 1, column: 1 } };
    let mut found = Vec::new();
    loop {
        lexer.skip_blank();
        let place = lexer.place;
        let kind = lexer.token()?;
        let end = kind == TokenKind::End;
        found.push(Token { place, kind });
        if end {
            return Ok(found);
        }
    }
}

struct Lexer<'t> {
    rest: &'t str,
    place: Place,
}

impl<'t> Lexer<'t> {
    fn skip_blank(&mut self) {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.take(blank);
            let comment = match self.rest.get(..2) {
                Some("//") => self.rest.find('\n').unwrap_or(self.rest.len()),
                Some("/*") => self.rest.find("*/").map_or(self.rest.len(), |end| end + 2),
                _ => return,
            };
            self.take(comment);
        }
    }

    fn take(&mut self, len: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(len);
        for c in taken.chars() {
            match c {
                '\n' => self.place = Place { line: self.place.line + 1, column: 1 },
                _ => self.place.column += 1,
            }
        }
        self.rest = rest;
        taken
    }

    fn token(&mut self) -> Result<TokenKind, LoadError> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(TokenKind::End);
        };
        if first.is_ascii_digit() {
            return self.number();
        }
        if is_start(first) {
            let len = word_len(self.rest);
            return Ok(TokenKind::Word(self.take(len).into()));
        }
        Ok(TokenKind::Mark(self.take(first.len_utf8()).chars().next().unwrap_or(first)))
    }

    fn number(&mut self) -> Result<TokenKind, LoadError> {
        let place = self.place;
        let len = number_len(self.rest);
        let text = self.take(len);
        read_number(text)
            .ok_or_else(|| LoadError { place, kind: LoadKind::Syntax { expected: "a number", found: text.into() } })
    }
}

fn is_start(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '$' | '%')
}

fn word_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut len = 1;
    while let Some(&b) = bytes.get(len) {
        if b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$') {
            len += 1;
        } else if bytes[len..].starts_with(b"::") {
            len += 2;
        } else {
            break;
        }
    }
    len
}

fn number_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let decimal = !text.starts_with("0x") && !text.starts_with("0f") && !text.starts_with("0d");
    let mut len = 1;
    while let Some(&b) = bytes.get(len) {
        let point = decimal && b == b'.' && bytes.get(len + 1).is_some_and(u8::is_ascii_digit);
        let sign = decimal && matches!(b, b'+' | b'-') && matches!(bytes[len - 1], b'e' | b'E');
        if !(b.is_ascii_alphanumeric() || point || sign) {
            break;
        }
        len += 1;
    }
    len
}

fn read_number(text: &str) -> Option<TokenKind> {
    let lower = text.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("0f") {
        return (digits.len() == 8).then(|| u32::from_str_radix(digits, 16).ok().map(TokenKind::Single))?;
    }
    if let Some(digits) = lower.strip_prefix("0d") {
        return (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok().map(TokenKind::Double))?;
    }
    let digits = lower.strip_suffix('u').unwrap_or(&lower);
    let integer = match digits.get(..2) {
        Some("0x") => u64::from_str_radix(&digits[2..], 16),
        Some("0b") => u64::from_str_radix(&digits[2..], 2),
        _ if digits.len() > 1 && digits.starts_with('0') && !digits.contains(['.', 'e']) => {
            u64::from_str_radix(&digits[1..], 8)
        }
        _ => digits.parse(),
    };
    integer.map(TokenKind::Integer).ok().or_else(|| lower.parse().ok().map(TokenKind::Decimal))
}
