//! Strings.

use super::{Lexer, Open};
use crate::source::Span;
use crate::token::Tok;

/// A string's parts: what stands before the quotes, and what between them.
#[derive(Clone, Copy)]
pub(super) struct Quoted {
    pub(super) start: usize,
    pub(super) content: Span,
    pub(super) raw: bool,
}

/// Whether a word right before a quote belongs to the string.
pub(super) fn is_prefix(word: &str) -> bool {
    matches!(word.to_ascii_lowercase().as_str(), "r" | "u" | "f" | "b" | "rf" | "fr" | "rb" | "br")
}

impl Lexer<'_> {
    /// Reads a string whose prefix begins at `start` and whose quotes begin here.
    pub(super) fn string(&mut self, start: usize) {
        let prefix = self.text[start..self.pos].to_ascii_lowercase();
        let quote = if self.rest().starts_with('"') { '"' } else { '\'' };
        let mark = &self.rest()[..if is_triple(self.rest(), quote) { 3 } else { 1 }];
        let opening = Span::new(start, self.pos + mark.len());
        let content_start = opening.end;
        let close = find_close(&self.text[content_start..self.end], mark);
        let content = Span::new(content_start, content_start + close.content_len);
        self.pos = content.end + if close.closed { mark.len() } else { 0 };
        if !close.closed {
            self.unterminated(opening, mark);
        }
        if prefix.contains('b') {
            self.no_bytes(start);
        }
        let quoted = Quoted { start, content, raw: prefix.contains('r') };
        if prefix.contains('f') { self.f_string(quoted) } else { self.plain_string(quoted) }
    }

    fn plain_string(&mut self, quoted: Quoted) {
        let text = self.unescaped(quoted.content, quoted.raw);
        self.push(Tok::Str(text.into()), quoted.start);
    }

    fn unterminated(&mut self, opening: Span, mark: &str) {
        let (message, help) = if mark.len() == 3 {
            if self.end == self.text.len() {
                self.open = Open::TripleQuote;
            }
            (format!("the string that `{mark}` begins is never closed"), format!("add `{mark}` where it ends"))
        } else {
            self.cut_line = true;
            self.lose_line();
            let message = "this string is not closed before its line ends".to_string();
            (
                message,
                format!("add `{mark}` where it ends; a string of several lines needs `{0}{0}{0}` at both ends", mark),
            )
        };
        let diagnostic = self.error("unterminated-string", message, opening);
        diagnostic.help = Some(help);
        diagnostic.labels[0].text = "begins here".into();
    }

    fn no_bytes(&mut self, start: usize) {
        let message = "bytes (a string with `b` before it) are not in the language";
        self.error("not-in-language", message, Span::new(start, self.pos)).help =
            Some("use a plain string; raw data comes from `load` or `from_zarr`".into());
    }
}

fn is_triple(text: &str, quote: char) -> bool {
    text.chars().take(3).filter(|&c| c == quote).count() == 3
}

struct Close {
    content_len: usize,
    closed: bool,
}

/// Finds the closing quotes; a backslash protects the character after it, in raw strings too.
fn find_close(text: &str, mark: &str) -> Close {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += if bytes[at + 1..].starts_with(b"\r\n") { 3 } else { 2 },
            b'\n' | b'\r' if mark.len() == 1 => return Close { content_len: at, closed: false },
            _ if bytes[at..].starts_with(mark.as_bytes()) => return Close { content_len: at, closed: true },
            _ => at += 1,
        }
    }
    Close { content_len: text.len(), closed: false }
}
