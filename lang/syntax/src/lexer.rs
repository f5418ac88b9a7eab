//! Text to tokens, with indentation, brackets and f-strings already nested.

mod bracket;
mod escape;
mod fstring;
mod layout;
mod number;
mod slip;
mod string;

use crate::ast::At;
use crate::diagnostic::Diagnostic;
use crate::source::{Source, Span};
use crate::token::{Sym, Tok, Token};
use layout::{Frame, Shape};

/// The longest text that is read, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// How deep brackets may nest.
pub(crate) const MAX_BRACKETS: usize = 100;
/// How deep blocks may nest.
pub(crate) const MAX_BLOCKS: usize = 90;

/// How many mistakes are reported at once.
pub(crate) const MAX_MISTAKES: usize = 100;

/// What a text consists of.
pub(crate) struct Lexed {
    /// The top lines; nested ones are inside [`Tok::Block`].
    pub(crate) tokens: Vec<Token>,
    /// What is wrong with the words themselves.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Groups whose closing bracket was guessed; what stands in them is not worth a second complaint.
    pub(crate) broken: Vec<Span>,
    /// What was still open at the end of the text.
    pub(crate) open: Open,
    /// The text is too long or nested too deeply, so there are no tokens.
    pub(crate) gave_up: bool,
}

/// What the end of a text leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    Nothing,
    Bracket,
    TripleQuote,
    Continuation,
}

/// Reads a text. If its brackets do not pair up the text is read again, now ending brackets where the
/// next statement seems to begin, so one lost bracket does not swallow the rest.
pub(crate) fn lex(source: &Source) -> Lexed {
    if source.text.len() > MAX_BYTES {
        return too_long(source);
    }
    let first = lex_open(source);
    let unpaired = |diagnostic: &Diagnostic| matches!(diagnostic.code, "unclosed-bracket" | "unmatched-bracket");
    if first.gave_up || !first.diagnostics.iter().any(unpaired) {
        return first;
    }
    let mut again = Lexer::new(source);
    again.recover = true;
    again.run();
    Lexed { open: first.open, ..again.finish() }
}

/// Reads a text that is cut off somewhere: brackets that are open at its end reach to its end.
pub(crate) fn lex_open(source: &Source) -> Lexed {
    if source.text.len() > MAX_BYTES {
        return too_long(source);
    }
    let mut lexer = Lexer::new(source);
    lexer.run();
    lexer.finish()
}

fn too_long(source: &Source) -> Lexed {
    let message =
        format!("this text has {} bytes, more than the {MAX_BYTES} that one cell may have", source.text.len());
    let help = "keep data in a file and read it with `load` or `from_zarr`, and split long programs into cells";
    let diagnostic = Diagnostic::new("too-long", message, source, Span::new(0, 0)).help(help);
    Lexed { tokens: Vec::new(), diagnostics: vec![diagnostic], broken: Vec::new(), open: Open::Nothing, gave_up: true }
}

struct Lexer<'a> {
    source: &'a Source,
    text: &'a str,
    pos: usize,
    end: usize,
    frames: Vec<Frame>,
    diagnostics: Vec<Diagnostic>,
    broken: Vec<Span>,
    open: Open,
    at_line_start: bool,
    line_start: usize,
    statement_column: usize,
    cut_line: bool,
    saw_invisible: bool,
    /// Whether brackets end where a statement seems to begin.
    recover: bool,
    gave_up: bool,
}

impl<'a> Lexer<'a> {
    fn new(source: &'a Source) -> Self {
        let text: &str = &source.text;
        Self {
            source,
            text,
            pos: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 },
            end: text.len(),
            frames: vec![Frame::top()],
            diagnostics: Vec::new(),
            broken: Vec::new(),
            open: Open::Nothing,
            at_line_start: true,
            line_start: 0,
            statement_column: 0,
            cut_line: false,
            saw_invisible: false,
            recover: false,
            gave_up: false,
        }
    }

    fn run(&mut self) {
        while self.pos < self.end && !self.gave_up {
            self.step();
        }
        if !self.gave_up {
            self.end_of_text();
        }
    }

    fn finish(mut self) -> Lexed {
        let top = self.frames.drain(..).next().map(|frame| frame.items).unwrap_or_default();
        let tokens = if self.gave_up { Vec::new() } else { top };
        Lexed { tokens, diagnostics: self.diagnostics, broken: self.broken, open: self.open, gave_up: self.gave_up }
    }

    /// Reads one token, or what stands between two of them.
    fn step(&mut self) {
        if self.at_line_start && self.in_lines() {
            return self.begin_line();
        }
        let Some(c) = self.peek() else { return };
        match c {
            ' ' | '\t' | '\u{c}' => self.pos += 1,
            '\n' | '\r' => self.line_break(),
            '#' => self.skip_to_line_end(),
            '\\' => self.joined_line(),
            '0'..='9' => self.number(),
            '.' if self.peek_at(1).is_some_and(|next| next.is_ascii_digit()) => self.number(),
            '"' | '\'' => self.string(self.pos),
            '(' | '[' | '{' => self.open_bracket(c),
            ')' | ']' | '}' => self.close_bracket(c),
            _ if unicode_ident::is_xid_start(c) || c == '_' => self.word(),
            _ => self.operator(),
        }
    }

    fn word(&mut self) {
        let start = self.pos;
        let len = self.rest().find(|c| !(unicode_ident::is_xid_continue(c))).unwrap_or(self.rest().len());
        let word = &self.text[start..start + len];
        self.pos += len;
        if matches!(self.peek(), Some('"' | '\'')) && string::is_prefix(word) {
            return self.string(start);
        }
        let tok = Sym::keyword(word).map(Tok::Sym).unwrap_or_else(|| Tok::Name(word.into()));
        self.push(tok, start);
    }

    fn operator(&mut self) {
        if self.slipped_operator() {
            return;
        }
        let start = self.pos;
        match Sym::operator(self.rest()) {
            Some(sym) => {
                self.pos += sym.text().len();
                self.push(Tok::Sym(sym), start);
            }
            None => self.strange_character(),
        }
    }

    /// Adds a token that ends here.
    fn push(&mut self, node: Tok, start: usize) {
        let span = Span::new(start, self.pos);
        self.frame().items.push(At { node, span });
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the frame of the top lines is never popped")
    }

    fn in_lines(&self) -> bool {
        matches!(self.frames.last().map(|frame| &frame.shape), Some(Shape::Lines(_)))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.pos..self.end]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn peek_at(&self, n: usize) -> Option<char> {
        self.rest().chars().nth(n)
    }

    /// The offset at which the present physical line ends.
    fn line_end(&self) -> usize {
        self.rest().find(['\n', '\r']).map_or(self.end, |len| self.pos + len)
    }

    fn skip_to_line_end(&mut self) {
        self.pos = self.line_end();
    }

    /// Reports a mistake; after too many of them the rest of the text is not read.
    fn error(&mut self, code: &'static str, message: impl Into<String>, span: Span) -> &mut Diagnostic {
        self.gave_up |= self.diagnostics.len() >= MAX_MISTAKES;
        self.diagnostics.push(Diagnostic::new(code, message, self.source, span));
        self.diagnostics.last_mut().expect("one was pushed just now")
    }

    /// A token was lost here, so what the parser finds on the rest of the line says little.
    fn lose_line(&mut self) {
        self.broken.push(Span::new(self.pos, self.line_end()));
    }

    fn give_up_too_deep(&mut self, what: &str, limit: usize, span: Span) {
        self.diagnostics.clear();
        let help = "give the inner parts names of their own, or move them into functions";
        self.error("too-deep", format!("{what} nest more than {limit} deep here"), span).help = Some(help.into());
        self.gave_up = true;
    }
}
