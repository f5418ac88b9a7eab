//! Escapes in strings.

use super::Lexer;
use crate::source::Span;

/// Bytes of the longest `\N{…}` that is taken for one.
const LONGEST_NAME: usize = 100;

impl Lexer<'_> {
    /// The text that the characters of a string stand for.
    pub(super) fn unescaped(&mut self, span: Span, raw: bool) -> String {
        let text = &self.text[span.range()];
        if !text.contains(['\\', '\r']) {
            return text.to_string();
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            if c == '\r' {
                out.push('\n');
                at += if text[at..].starts_with("\r\n") { 2 } else { 1 };
            } else if c == '\\' && !raw {
                at += self.escape(&text[at..], span.start + at, &mut out);
            } else {
                out.push(c);
                at += c.len_utf8();
            }
        }
        out
    }

    /// Resolves the escape at the beginning of `text` and returns its length.
    fn escape(&mut self, text: &str, offset: usize, out: &mut String) -> usize {
        let Some(c) = text[1..].chars().next() else {
            out.push('\\');
            return 1;
        };
        match c {
            '\n' => return 2,
            '\r' => return if text[1..].starts_with("\r\n") { 3 } else { 2 },
            'x' => return self.hex_escape(text, offset, 2, out),
            'u' => return self.hex_escape(text, offset, 4, out),
            'U' => return self.hex_escape(text, offset, 8, out),
            'N' => return self.named_escape(text, offset),
            '0'..='7' => return octal_escape(text, out),
            _ => {}
        }
        match simple_escape(c) {
            Some(meant) => out.push(meant),
            None => out.extend(['\\', c]),
        }
        1 + c.len_utf8()
    }

    fn hex_escape(&mut self, text: &str, offset: usize, digits: usize, out: &mut String) -> usize {
        let len = 2 + text[2..].bytes().take(digits).take_while(u8::is_ascii_hexdigit).count();
        let value = if len == 2 + digits { u32::from_str_radix(&text[2..len], 16).ok() } else { None };
        match value.and_then(char::from_u32) {
            Some(c) => out.push(c),
            None => {
                let message = format!("`{}` names no character", &text[..len]);
                let help = format!("`{}` needs {digits} hexadecimal digits of a Unicode character", &text[..2]);
                self.error("bad-escape", message, Span::new(offset, offset + len)).help = Some(help);
            }
        }
        len
    }

    fn named_escape(&mut self, text: &str, offset: usize) -> usize {
        let len = name_len(text);
        let message = "characters are not known by their names in strings";
        self.error("not-in-language", message, Span::new(offset, offset + len)).help =
            Some("type the character itself, or its number as in `\\u00b0`".into());
        len
    }
}

fn simple_escape(c: char) -> Option<char> {
    Some(match c {
        '\\' | '\'' | '"' => c,
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        _ => return None,
    })
}

fn octal_escape(text: &str, out: &mut String) -> usize {
    let len = text[1..].bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
    let value = u32::from_str_radix(&text[1..=len], 8).ok();
    out.extend(value.and_then(char::from_u32));
    1 + len
}

/// The length of `\N{…}`; names are short, so the closing brace is near or missing.
pub(super) fn name_len(text: &str) -> usize {
    text.bytes().take(LONGEST_NAME).position(|b| b == b'}').map_or(2, |end| end + 1)
}
