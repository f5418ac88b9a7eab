//! Lines, indentation and the joining of lines.

use super::{Lexer, MAX_BLOCKS, Open};
use crate::ast::At;
use crate::source::Span;
use crate::token::{Delim, Tok, Token};

/// Something that was begun and collects tokens until it ends.
pub(super) struct Frame {
    pub(super) shape: Shape,
    pub(super) start: usize,
    pub(super) items: Vec<Token>,
}

pub(super) enum Shape {
    /// Lines of one indentation.
    Lines(Indent),
    /// Between brackets.
    Group(Delim),
    /// Between the braces of an f-string.
    Value,
}

/// How far a line is indented, with tabs counted to the next eighth column and as one: if the two
/// disagree about an order, it depends on the width of a tab.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Indent {
    wide: usize,
    narrow: usize,
}

impl Frame {
    pub(super) fn top() -> Self {
        Self { shape: Shape::Lines(Indent::default()), start: 0, items: Vec::new() }
    }
}

impl Indent {
    fn of(text: &str) -> (Self, usize) {
        let mut indent = Indent::default();
        for (len, byte) in text.bytes().enumerate() {
            match byte {
                b' ' => indent = Indent { wide: indent.wide + 1, narrow: indent.narrow + 1 },
                b'\t' => indent = Indent { wide: indent.wide / 8 * 8 + 8, narrow: indent.narrow + 1 },
                b'\x0c' => indent = Indent::default(),
                _ => return (indent, len),
            }
        }
        (indent, text.len())
    }

    fn agrees_with(self, other: Indent) -> bool {
        self.wide.cmp(&other.wide) == self.narrow.cmp(&other.narrow)
    }
}

impl Lexer<'_> {
    pub(super) fn begin_line(&mut self) {
        self.line_start = self.pos;
        let (indent, len) = Indent::of(self.rest());
        self.pos += len;
        match self.peek() {
            None => {}
            Some('#') => self.skip_to_line_end(),
            Some('\n' | '\r') => self.skip_line_break(),
            Some(_) => {
                self.at_line_start = false;
                self.statement_column = len;
                self.indent_to(indent);
            }
        }
    }

    fn indent_to(&mut self, indent: Indent) {
        let mut current = self.indent(self.frames.len() - 1);
        if indent.agrees_with(current) && indent.wide > current.wide {
            return self.begin_block(indent);
        }
        while self.frames.len() > 1 && self.indent(self.frames.len() - 2).wide >= indent.wide {
            self.end_block();
            current = self.indent(self.frames.len() - 1);
        }
        if !indent.agrees_with(current) {
            self.mixed_tabs();
        } else if indent != current {
            self.no_such_level();
        }
        self.frame().shape = Shape::Lines(indent);
    }

    fn indent(&self, place: usize) -> Indent {
        match self.frames[place].shape {
            Shape::Lines(indent) => indent,
            Shape::Group(_) | Shape::Value => Indent::default(),
        }
    }

    fn begin_block(&mut self, indent: Indent) {
        if self.frames.len() > MAX_BLOCKS {
            return self.give_up_too_deep("blocks", MAX_BLOCKS, Span::new(self.pos, self.pos + 1));
        }
        self.frames.push(Frame { shape: Shape::Lines(indent), start: self.pos, items: Vec::new() });
    }

    fn end_block(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        let end = frame.items.last().map_or(frame.start, |token| token.span.end);
        self.frame().items.push(At { node: Tok::Block(frame.items), span: Span::new(frame.start, end) });
    }

    fn mixed_tabs(&mut self) {
        let span = Span::new(self.line_start, self.pos);
        self.error(
            "bad-indent",
            "tabs and spaces are mixed, so the depth of this line depends on the width of a tab",
            span,
        )
        .help = Some("indent every line with 4 spaces a level".into());
    }

    fn no_such_level(&mut self) {
        let span = Span::new(self.line_start, self.pos);
        self.error("bad-indent", "this line is indented like none of the blocks around it", span).help =
            Some("line it up with the block that it belongs to".into());
    }

    pub(super) fn line_break(&mut self) {
        if !self.in_lines() {
            return self.line_break_in_bracket();
        }
        let start = self.pos;
        self.skip_line_break();
        self.push(Tok::Newline, start);
        self.at_line_start = true;
        self.cut_line = false;
    }

    /// Passes one line end, be it `\n`, `\r` or both.
    pub(super) fn skip_line_break(&mut self) {
        self.pos += if self.rest().starts_with("\r\n") { 2 } else { 1 };
    }

    /// A backslash joins its line to the next one.
    pub(super) fn joined_line(&mut self) {
        let start = self.pos;
        self.pos += 1;
        match self.peek() {
            Some('\n' | '\r') => {
                self.skip_line_break();
                if self.pos == self.text.len() {
                    self.open = Open::Continuation;
                }
            }
            None => self.open = Open::Continuation,
            Some(_) => {
                let message = "a backslash joins two lines only at the very end of the first";
                self.error("syntax", message, Span::new(start, start + 1)).help =
                    Some("remove it, or what follows it on this line".into());
            }
        }
    }

    pub(super) fn end_of_text(&mut self) {
        self.close_brackets_at_end();
        if !self.at_line_start {
            self.push(Tok::Newline, self.pos);
        }
        while self.frames.len() > 1 {
            self.end_block();
        }
    }
}
