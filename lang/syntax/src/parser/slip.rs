//! What goes wrong while reading tokens, before it is put into words.

use super::Input;
use crate::source::Span;
use crate::token::Tok;
use chumsky::DefaultExpected;
use chumsky::error::{Error, LabelError};
use chumsky::util::MaybeRef;
use std::ops::BitOr;

/// A place where reading had to stop: what could have stood there, or a ready complaint.
#[derive(Clone, Debug)]
pub(crate) struct Slip {
    pub(crate) span: Span,
    pub(crate) want: Want,
    pub(crate) said: Option<Box<Said>>,
}

/// A complaint about something that was understood but is not allowed.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// A set of things that could have stood at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Want(u32);

impl Want {
    pub(crate) const NOTHING: Want = Want(0);
    pub(crate) const VALUE: Want = Want(1);
    pub(crate) const NAME: Want = Want(1 << 1);
    pub(crate) const OPERATOR: Want = Want(1 << 2);
    pub(crate) const COMMA: Want = Want(1 << 3);
    pub(crate) const COLON: Want = Want(1 << 4);
    pub(crate) const END: Want = Want(1 << 5);
    pub(crate) const LINE_END: Want = Want(1 << 6);
    pub(crate) const IN: Want = Want(1 << 7);
    pub(crate) const ELSE: Want = Want(1 << 8);
    pub(crate) const IMPORT: Want = Want(1 << 9);
    pub(crate) const PARAMETERS: Want = Want(1 << 10);
    pub(crate) const BLOCK: Want = Want(1 << 11);
    pub(crate) const STATEMENT: Want = Want(1 << 12);
    pub(crate) const ASSIGN: Want = Want(1 << 13);
    pub(crate) const WORD: Want = Want(1 << 14);

    pub(crate) fn has(self, other: Want) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Want {
    type Output = Want;

    fn bitor(self, other: Want) -> Want {
        Want(self.0 | other.0)
    }
}

impl Slip {
    pub(crate) fn wanted(want: Want, span: Span) -> Self {
        Self { span, want, said: None }
    }

    pub(crate) fn said(code: &'static str, message: impl Into<String>, help: impl Into<String>, span: Span) -> Self {
        let said = Said { code, message: message.into(), help: help.into() };
        Self { span, want: Want::NOTHING, said: Some(Box::new(said)) }
    }
}

impl chumsky::span::Span for Span {
    type Context = ();
    type Offset = usize;

    fn new((): (), range: std::ops::Range<usize>) -> Self {
        Span::new(range.start, range.end.max(range.start))
    }

    fn context(&self) {}

    fn start(&self) -> usize {
        self.start
    }

    fn end(&self) -> usize {
        self.end
    }
}

impl<'s> Error<'s, Input<'s>> for Slip {
    fn merge(self, other: Self) -> Self {
        match (self.said.is_some(), other.said.is_some()) {
            (true, _) => self,
            (false, true) => other,
            (false, false) if self.span.start > other.span.start => self,
            (false, false) if self.span.start < other.span.start => other,
            (false, false) => Slip { want: self.want | other.want, ..self },
        }
    }
}

impl<'s> LabelError<'s, Input<'s>, DefaultExpected<'s, Tok>> for Slip {
    fn expected_found<E: IntoIterator<Item = DefaultExpected<'s, Tok>>>(
        _expected: E,
        _found: Option<MaybeRef<'s, Tok>>,
        span: Span,
    ) -> Self {
        Slip::wanted(Want::END, span)
    }
}
