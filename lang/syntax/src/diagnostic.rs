//! The one shape of every error that a user's text can cause.

mod excerpt;
mod render;

use crate::source::{Source, Span};
pub use render::render;
use std::fmt;

/// What a program did wrong, where, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable word such as `shape-mismatch`; also the error's name in a notebook.
    pub code: &'static str,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// The text that is wrong; labels point into it.
    pub source: Source,
    /// The places, the guilty one first.
    pub labels: Vec<Label>,
    /// A way out: what to type instead.
    pub help: Option<String>,
}

/// One underlined place with its remark, such as a shape and dtype.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What stands there.
    pub text: String,
}

impl Diagnostic {
    /// A diagnostic with one unlabelled place.
    pub fn new(code: &'static str, message: impl Into<String>, source: &Source, span: Span) -> Self {
        Self {
            code,
            message: message.into(),
            source: source.clone(),
            labels: vec![Label { span, text: String::new() }],
            help: None,
        }
    }

    /// Adds a way out.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a labelled place.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Diagnostic {}
