//! Brackets: pairing them, and guessing where a lost one ended.

use super::layout::{Frame, Shape};
use super::{Lexer, MAX_BRACKETS, Open};
use crate::ast::At;
use crate::diagnostic::Label;
use crate::source::Span;
use crate::token::{Delim, Sym, Tok};

/// At most so many open brackets are shown in one complaint.
const SHOWN_OPENERS: usize = 3;

impl Lexer<'_> {
    pub(super) fn open_bracket(&mut self, c: char) {
        let Some(delim) = Delim::of_opener(c) else { return };
        let span = Span::new(self.pos, self.pos + 1);
        let depth = self.frames.iter().filter(|frame| !matches!(frame.shape, Shape::Lines(_))).count();
        if depth >= MAX_BRACKETS {
            return self.give_up_too_deep("brackets", MAX_BRACKETS, span);
        }
        self.frames.push(Frame { shape: Shape::Group(delim), start: self.pos, items: Vec::new() });
        self.pos += 1;
    }

    pub(super) fn close_bracket(&mut self, c: char) {
        let Some(delim) = Delim::of_closer(c) else { return };
        let span = Span::new(self.pos, self.pos + 1);
        let Some(&top) = self.open_groups().last() else { return self.stray_closer(c, span) };
        if self.delim(top) == Some(delim) {
            self.pos += 1;
            return self.pop_group();
        }
        if self.open_groups().iter().any(|&place| self.delim(place) == Some(delim)) {
            return self.close_through(delim, span);
        }
        self.wrong_closer(top, c, span);
    }

    /// The places in `frames` of the brackets that a closing one could reach.
    fn open_groups(&self) -> Vec<usize> {
        let inner = self.frames.iter().rposition(|frame| !matches!(frame.shape, Shape::Group(_)));
        (inner.map_or(0, |place| place + 1)..self.frames.len()).collect()
    }

    fn delim(&self, place: usize) -> Option<Delim> {
        match self.frames[place].shape {
            Shape::Group(delim) => Some(delim),
            Shape::Lines(_) | Shape::Value => None,
        }
    }

    fn pop_group(&mut self) {
        let Some(Frame { shape: Shape::Group(delim), start, items }) = self.frames.pop() else { return };
        let span = Span::new(start, self.pos);
        self.frame().items.push(At { node: Tok::Group(delim, items), span });
    }

    fn pop_broken_group(&mut self) {
        let start = self.frame().start;
        self.broken.push(Span::new(start, self.pos));
        self.pop_group();
    }

    fn stray_closer(&mut self, c: char, span: Span) {
        self.pos += 1;
        self.lose_line();
        let diagnostic = self.error("unmatched-bracket", format!("`{c}` closes nothing"), span);
        diagnostic.help = Some(format!("remove it, or add the `{}` that it should close", opener_of(c)));
    }

    /// `(a]`: either the closing bracket is the wrong one, or it is one too many.
    fn wrong_closer(&mut self, top: usize, c: char, span: Span) {
        let start = self.frames[top].start;
        let opener = self.text[start..].chars().next().unwrap_or('(');
        let expected = Delim::of_opener(opener).map_or(')', Delim::closer);
        self.pos += 1;
        let diagnostic = self.error("unmatched-bracket", format!("`{c}` cannot close `{opener}`"), span);
        diagnostic.labels[0].text = format!("expected `{expected}`");
        diagnostic
            .labels
            .push(Label { span: Span::new(start, start + 1), text: format!("`{opener}` was opened here") });
        if self.rest().trim_start_matches([' ', '\t']).starts_with(expected) {
            self.broken.push(Span::new(start, self.pos));
        } else {
            self.pop_broken_group();
        }
    }

    /// `([)`: the brackets opened since the matching one were never closed.
    fn close_through(&mut self, delim: Delim, closer: Span) {
        while let Some(&top) = self.open_groups().last() {
            if self.delim(top) == Some(delim) {
                self.pos = closer.end;
                return self.pop_broken_group();
            }
            let start = self.frames[top].start;
            let opener = self.delim(top).map_or('(', Delim::opener);
            let diagnostic =
                self.error("unclosed-bracket", format!("`{opener}` is never closed"), Span::new(start, start + 1));
            diagnostic.labels.iter_mut().for_each(|label| label.text = "opened here".into());
            diagnostic.labels.push(Label { span: closer, text: format!("`{}` comes first", delim.closer()) });
            self.pop_broken_group();
        }
    }

    /// In brackets a line end is a space, unless the rest of the line was lost or a statement seems to begin.
    pub(super) fn line_break_in_bracket(&mut self) {
        let Some(outermost) = self.open_groups().first().map(|&place| self.frames[place].start) else {
            return self.skip_line_break();
        };
        if self.cut_line && outermost >= self.line_start {
            return self.drop_brackets();
        }
        if self.recover && self.statement_follows() {
            self.report_never_closed();
            return self.drop_brackets();
        }
        self.skip_line_break();
        self.cut_line = false;
    }

    /// Whether the next line looks like a statement: it begins no further right than the statement around,
    /// with a word that may begin one, and does not end in a comma.
    fn statement_follows(&self) -> bool {
        let rest = self.rest().strip_prefix("\r\n").unwrap_or_else(|| &self.rest()[1..]);
        let line = rest.split(['\n', '\r']).next().unwrap_or("");
        let begin = line.trim_start_matches([' ', '\t']);
        let word = begin.split(|c| !unicode_ident::is_xid_continue(c)).next().unwrap_or("");
        let begins = word.starts_with(|c: char| unicode_ident::is_xid_start(c) || c == '_') || begin.starts_with('@');
        let may_begin = begins && !continues_expression(word) && !line.trim_end().ends_with(',');
        line.len() - begin.len() <= self.statement_column && may_begin
    }

    /// Ends all open brackets here, without a word.
    pub(super) fn drop_brackets(&mut self) {
        while matches!(self.frames.last().map(|frame| &frame.shape), Some(Shape::Group(_))) {
            self.pop_broken_group();
        }
    }

    pub(super) fn close_brackets_at_end(&mut self) {
        if self.open_groups().is_empty() {
            return;
        }
        if self.cut_line || self.open == Open::TripleQuote {
            return self.drop_brackets();
        }
        if self.open == Open::Nothing {
            self.open = Open::Bracket;
        }
        self.report_never_closed();
        self.drop_brackets();
    }

    /// One complaint for all brackets that are open here, the innermost first.
    pub(super) fn report_never_closed(&mut self) {
        let openers: Vec<_> = self.open_groups().into_iter().rev().take(SHOWN_OPENERS).collect();
        let labels: Vec<_> = openers
            .iter()
            .map(|&place| Label {
                span: Span::new(self.frames[place].start, self.frames[place].start + 1),
                text: "opened here".into(),
            })
            .collect();
        let Some(delim) = openers.first().and_then(|&place| self.delim(place)) else { return };
        let span = labels[0].span;
        let diagnostic = self.error("unclosed-bracket", format!("`{}` is never closed", delim.opener()), span);
        diagnostic.labels = labels;
        diagnostic.help = Some(format!("add the missing `{}`", delim.closer()));
    }
}

fn opener_of(closer: char) -> char {
    Delim::of_closer(closer).map_or('(', Delim::opener)
}

fn continues_expression(word: &str) -> bool {
    matches!(
        Sym::keyword(word),
        Some(
            Sym::And
                | Sym::Or
                | Sym::In
                | Sym::Is
                | Sym::Not
                | Sym::If
                | Sym::Else
                | Sym::For
                | Sym::None
                | Sym::True
                | Sym::False
                | Sym::Lambda
        )
    )
}
