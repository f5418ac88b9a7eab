//! F-strings: text with values in braces, each with its own tokens and true places.

use super::escape::name_len;
use super::layout::{Frame, Shape};
use super::string::Quoted;
use super::{Lexer, MAX_BRACKETS};
use crate::ast::At;
use crate::source::Span;
use crate::token::{Tok, Token};

/// Values may stand in the format spec of a value, but not in theirs.
const MAX_SPECS: usize = 2;

impl Lexer<'_> {
    pub(super) fn f_string(&mut self, quoted: Quoted) {
        let after = (self.pos, self.end);
        (self.pos, self.end) = (quoted.content.start, quoted.content.end);
        let line = (self.line_start, self.cut_line);
        let parts = self.parts(quoted, 0);
        (self.line_start, self.cut_line) = line;
        (self.pos, self.end) = after;
        self.push(Tok::FString(parts), quoted.start);
    }

    /// Reads text and values up to the end of the string, or of the format spec if `spec` is above 0.
    fn parts(&mut self, quoted: Quoted, spec: usize) -> Vec<Token> {
        let mut parts = Vec::new();
        let mut text = Pending { start: self.pos, text: String::new() };
        while let Some(c) = self.peek()
            && !self.gave_up
        {
            let doubled = spec == 0 && self.peek_at(1) == Some(c);
            match c {
                '{' | '}' if doubled => {
                    text.text.push(c);
                    self.pos += 2;
                }
                '{' => {
                    text.flush(self.pos, &mut parts);
                    self.value(quoted, spec, &mut parts);
                    text.start = self.pos;
                }
                '}' if spec > 0 => break,
                '}' => self.lone_brace(),
                _ => self.literal_run(quoted.raw, &mut text.text),
            }
        }
        text.flush(self.pos, &mut parts);
        parts
    }

    fn literal_run(&mut self, raw: bool, out: &mut String) {
        let rest = self.rest();
        let mut len = 0;
        while let Some(c) = rest[len..].chars().next() {
            if c == '{' || c == '}' {
                break;
            }
            len += c.len_utf8();
            if c == '\\' && !raw {
                len += escaped_len(&rest[len - 1..]);
            }
        }
        let span = Span::new(self.pos, self.pos + len);
        self.pos = span.end;
        out.push_str(&self.unescaped(span, raw));
    }

    fn lone_brace(&mut self) {
        let span = Span::new(self.pos, self.pos + 1);
        self.pos += 1;
        self.error("syntax", "a single `}` has no meaning in an f-string", span).help =
            Some("write `}}` for the character itself".into());
    }

    /// Reads `{expression = !conversion :spec}`.
    fn value(&mut self, quoted: Quoted, spec: usize, parts: &mut Vec<Token>) {
        let open = Span::new(self.pos, self.pos + 1);
        let depth = self.frames.iter().filter(|frame| !matches!(frame.shape, Shape::Lines(_))).count();
        if depth >= MAX_BRACKETS || spec >= MAX_SPECS {
            return self.give_up_too_deep(
                "values in f-strings",
                if spec >= MAX_SPECS { MAX_SPECS } else { MAX_BRACKETS },
                open,
            );
        }
        self.pos += 1;
        let mut items = self.value_tokens(open);
        let debug = self.debug_text(open.end);
        let plain = debug.is_some() && !self.rest().starts_with(['!', ':']);
        if let Some((text, span)) = debug {
            parts.push(At { node: Tok::FText(text.into()), span });
        }
        if plain {
            items.push(At { node: Tok::FConversion('r'), span: Span::new(self.pos, self.pos) });
        }
        self.conversion(&mut items);
        self.spec(quoted, spec, &mut items);
        self.end_value(open);
        parts.push(At { node: Tok::FValue(items), span: Span::new(open.start, self.pos) });
    }

    fn value_tokens(&mut self, open: Span) -> Vec<Token> {
        self.frames.push(Frame { shape: Shape::Value, start: open.start, items: Vec::new() });
        while self.pos < self.end && !self.gave_up && !self.value_ends() {
            self.step();
        }
        if self.gave_up {
            return Vec::new();
        }
        if !self.in_value() {
            self.drop_brackets();
        }
        self.frames.pop().map(|frame| frame.items).unwrap_or_default()
    }

    fn in_value(&self) -> bool {
        matches!(self.frames.last().map(|frame| &frame.shape), Some(Shape::Value))
    }

    fn value_ends(&self) -> bool {
        if !self.in_value() {
            return false;
        }
        let rest = self.rest();
        match rest.as_bytes() {
            [b'}' | b':', ..] => true,
            [b'!', next, ..] => *next != b'=',
            [b'!'] => true,
            [b'=', ..] => is_debug_mark(rest),
            _ => false,
        }
    }

    /// After `{x =` the text up to the next mark is shown before the value.
    fn debug_text(&mut self, start: usize) -> Option<(String, Span)> {
        if !is_debug_mark(self.rest()) {
            return None;
        }
        self.pos += 1 + (self.rest().len() - 1 - self.rest()[1..].trim_start().len());
        let span = Span::new(start, self.pos);
        Some((self.text[span.range()].to_string(), span))
    }

    fn conversion(&mut self, items: &mut Vec<Token>) {
        if self.peek() != Some('!') {
            return;
        }
        let start = self.pos;
        self.pos += 1;
        let len = self.rest().find([':', '}']).unwrap_or(self.rest().len());
        let word = &self.rest()[..len];
        self.pos += len;
        match word {
            "r" | "s" | "a" => {
                let node = Tok::FConversion(word.chars().next().unwrap_or('r'));
                items.push(At { node, span: Span::new(start, self.pos) });
            }
            _ => {
                let message = format!("`!{word}` is no conversion");
                self.error("syntax", message, Span::new(start, self.pos)).help = Some("use `!r`, `!s` or `!a`".into());
            }
        }
    }

    fn spec(&mut self, quoted: Quoted, spec: usize, items: &mut Vec<Token>) {
        if self.peek() != Some(':') {
            return;
        }
        let start = self.pos;
        self.pos += 1;
        let parts = self.parts(quoted, spec + 1);
        items.push(At { node: Tok::FSpec(parts), span: Span::new(start, self.pos) });
    }

    fn end_value(&mut self, open: Span) {
        if self.peek() == Some('}') {
            self.pos += 1;
            return;
        }
        self.broken.push(Span::new(open.start, self.end));
        if self.gave_up || self.cut_line {
            return;
        }
        let diagnostic = self.error("unclosed-bracket", "`{` is never closed in this f-string", open);
        diagnostic.help =
            Some("add `}`; inside the braces use the other kind of quotes; write `{{` for the character itself".into());
    }
}

/// Literal text that is being collected.
struct Pending {
    start: usize,
    text: String,
}

impl Pending {
    fn flush(&mut self, end: usize, parts: &mut Vec<Token>) {
        if !self.text.is_empty() {
            let node = Tok::FText(std::mem::take(&mut self.text).into());
            parts.push(At { node, span: Span::new(self.start, end) });
        }
    }
}

/// How much after the backslash of an escape belongs to it, so that its braces are not taken for a value's.
fn escaped_len(escape: &str) -> usize {
    match escape[1..].chars().next() {
        Some('N') if escape[2..].starts_with('{') => name_len(escape) - 1,
        Some('{' | '}') | None => 0,
        Some(c) => c.len_utf8(),
    }
}

fn is_debug_mark(text: &str) -> bool {
    text.strip_prefix('=').is_some_and(|after| match after.trim_start().as_bytes() {
        [b'}' | b':', ..] | [] => true,
        [b'!', next, ..] => *next != b'=',
        _ => false,
    })
}
