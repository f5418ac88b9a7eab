//! A named text and the places in it.

use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

/// A half-open range of byte offsets into one [`Source`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The span from `start` up to, not including, `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest span that covers both.
    pub fn join(self, other: Span) -> Span {
        Span::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// As a range, for slicing the text.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// A text with the name under which errors show it, such as `cell 7` or `article.clv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Shown in errors.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<Text>,
}

/// A text that knows where its lines end once it was asked for one.
#[derive(Debug)]
pub struct Text {
    whole: Box<str>,
    breaks: OnceLock<Vec<usize>>,
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.whole
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.whole == other.whole
    }
}

impl Eq for Text {}

impl Source {
    /// A named text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Box<str>>) -> Self {
        Self { name: name.into(), text: Arc::new(Text { whole: text.into(), breaks: OnceLock::new() }) }
    }

    /// The line, counted from 1, on which the byte `offset` stands.
    pub fn line_of(&self, offset: usize) -> usize {
        let found = || self.text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect();
        self.text.breaks.get_or_init(found).partition_point(|&at| at < offset) + 1
    }

    /// The text of a span.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }
}
