//! Characters that belong to other languages, or to word processors: named, then read as what was meant.

use super::Lexer;
use super::layout::Shape;
use crate::source::Span;
use crate::token::{Sym, Tok};

/// What was written, what it is read as, and what to write.
#[rustfmt::skip]
const FOREIGN: [(&str, Sym, &str); 17] = [
    ("&&", Sym::And, "write `and` between conditions, `&` between arrays"),
    ("||", Sym::Or, "write `or` between conditions, `|` between arrays"),
    ("===", Sym::Eq, "write `==`"),
    ("!==", Sym::Ne, "write `!=`"),
    ("<>", Sym::Ne, "write `!=`"),
    ("=>", Sym::Ge, "write `>=` to compare, or `lambda x: …` for a function"),
    ("=<", Sym::Le, "write `<=`"),
    ("−", Sym::Sub, "write the plain `-`"),
    ("–", Sym::Sub, "write the plain `-`"),
    ("—", Sym::Sub, "write the plain `-`"),
    ("×", Sym::Mul, "write `*`"),
    ("÷", Sym::Div, "write `/`"),
    ("≤", Sym::Le, "write `<=`"),
    ("≥", Sym::Ge, "write `>=`"),
    ("≠", Sym::Ne, "write `!=`"),
    ("，", Sym::Comma, "write the plain `,`"),
    ("：", Sym::Colon, "write the plain `:`"),
];

const QUOTES: [char; 9] = ['“', '”', '„', '‘', '’', '‚', '«', '»', '″'];

impl Lexer<'_> {
    /// Reads an operator that is not one here; says whether there was one.
    pub(super) fn slipped_operator(&mut self) -> bool {
        let first_in_line = self.first_in_line();
        match self.peek() {
            Some('!') if first_in_line => self.skipped_line(
                "not-in-language",
                "shell commands (`!…`) are not in the language",
                "run it in a terminal, or load its output with `load`",
            ),
            Some('%') if first_in_line => self.skipped_line(
                "syntax",
                "a magic (`%…`) cannot stand here",
                "write it on a line of its own, outside of blocks; `%%…` only on the first line",
            ),
            _ => return self.foreign() || self.increment() || self.exclamation(),
        }
        true
    }

    fn foreign(&mut self) -> bool {
        let Some(&(written, sym, help)) = FOREIGN.iter().find(|(written, ..)| self.rest().starts_with(written)) else {
            return false;
        };
        let start = self.pos;
        self.pos += written.len();
        self.push(Tok::Sym(sym), start);
        self.error("syntax", format!("`{written}` is not an operator here"), Span::new(start, self.pos)).help =
            Some(help.into());
        true
    }

    /// `x++` is read as `x += 1`; `++x` means what it means in Python.
    fn increment(&mut self) -> bool {
        let (sym, written) = match self.rest().as_bytes() {
            [b'+', b'+', ..] => (Sym::AddAssign, "++"),
            [b'-', b'-', ..] => (Sym::SubAssign, "--"),
            _ => return false,
        };
        let after = self.rest()[2..].trim_start_matches([' ', '\t']);
        if self.first_in_line() || !(after.is_empty() || after.starts_with(['\n', '\r', ';', '#', ')'])) {
            return false;
        }
        let start = self.pos;
        self.pos += 2;
        self.push(Tok::Sym(sym), start);
        self.push(Tok::Int(1), start);
        let help = format!("write `{} 1`", sym.text());
        self.error("syntax", format!("`{written}` is not an operator here"), Span::new(start, self.pos)).help =
            Some(help);
        true
    }

    fn exclamation(&mut self) -> bool {
        if !self.rest().starts_with('!') || self.rest().starts_with("!=") {
            return false;
        }
        let start = self.pos;
        self.pos += 1;
        self.push(Tok::Sym(Sym::Not), start);
        self.error("syntax", "`!` is not an operator here", Span::new(start, self.pos)).help =
            Some("write `not` before a condition, `~` before an array".into());
        true
    }

    fn first_in_line(&self) -> bool {
        match self.frames.last() {
            Some(frame) if matches!(frame.shape, Shape::Lines(_)) => {
                frame.items.last().is_none_or(|token| matches!(token.node, Tok::Newline | Tok::Block(_)))
            }
            _ => false,
        }
    }

    fn skipped_line(&mut self, code: &'static str, message: &str, help: &str) {
        let start = self.pos;
        self.skip_to_line_end();
        self.error(code, message, Span::new(start, self.pos)).help = Some(help.into());
        self.push(Tok::Sym(Sym::Pass), start);
    }

    pub(super) fn strange_character(&mut self) {
        let start = self.pos;
        let Some(c) = self.peek() else { return };
        if QUOTES.contains(&c) {
            return self.curly_string();
        }
        self.pos += c.len_utf8();
        let span = Span::new(start, self.pos);
        if is_invisible(c) {
            return self.invisible(c, span);
        }
        let (message, help) = match c {
            '?' => (
                "`?` has no meaning here".to_string(),
                "to ask about a name write `name?` alone on a line; for a choice write `a if c else b`",
            ),
            '$' | '`' | '!' => (format!("`{c}` has no meaning here"), "remove it"),
            _ => (
                format!("`{c}` (U+{:04X}) has no meaning here", u32::from(c)),
                "remove it, or put it in quotes if it is text",
            ),
        };
        self.error("syntax", message, span).help = Some(help.into());
        self.lose_line();
    }

    /// One complaint is enough: such characters come by the dozen from web pages.
    fn invisible(&mut self, c: char, span: Span) {
        if !std::mem::replace(&mut self.saw_invisible, true) {
            let message = format!("an invisible character (U+{:04X}) stands here", u32::from(c));
            self.error("syntax", message, span).help = Some("replace it, and all like it, by plain spaces".into());
        }
    }

    /// Reads a string between typographic quotes, or to the end of the line.
    fn curly_string(&mut self) {
        let start = self.pos;
        let rest = self.rest();
        let opening = rest.chars().next().map_or(1, char::len_utf8);
        let is_end = |c: char| QUOTES.contains(&c) || c == '\n' || c == '\r';
        let content_end = rest[opening..].find(is_end).map_or(rest.len(), |len| opening + len);
        self.pos += content_end;
        self.pos += self.peek().filter(|c| QUOTES.contains(c)).map_or(0, char::len_utf8);
        self.push(Tok::Str(rest[opening..content_end].into()), start);
        self.error("syntax", "typographic quotes do not begin a string", Span::new(start, start + opening)).help =
            Some("write plain `\"` or `'` around it".into());
    }
}

fn is_invisible(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}
