//! What became of a cell and of its statements.

use super::{RunFacts, StageFacts};
use cleave_syntax::diagnostic::Diagnostic;
use std::sync::Arc;

/// A cell that failed.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The first error's code; the error's name in a notebook.
    pub code: String,
    /// The first error's sentence.
    pub message: String,
    /// All of them.
    pub diagnostics: Vec<Diagnostic>,
    /// Calls that were open, outermost first: `f, line 3`.
    pub trace: Vec<String>,
}

/// What became of a cell.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The number of the cell (`In[n]`), also where nothing is stored.
    pub count: u32,
    /// The error, if it failed.
    pub failed: Option<Failed>,
    /// One for each top-level statement that ran.
    pub statements: Vec<Ran>,
    /// What the front end should do besides.
    pub payloads: Vec<Payload>,
}

/// A top-level statement that ran.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// Its line, from 1.
    pub line: usize,
    /// Its source text.
    pub source: Arc<str>,
    /// `expression`, `assignment`, `import`, `def`, `for` … or `magic`.
    pub kind: &'static str,
    /// What it printed and the text of its value.
    pub text: String,
    /// Seconds on the clock.
    pub wall_s: f64,
    /// CPU seconds, user and system.
    pub cpu_s: f64,
    /// The most bytes its computations held.
    pub peak_bytes: u64,
    /// The stages of its computations.
    pub stages: Vec<StageFacts>,
    /// Its computations, each with what was predicted.
    pub runs: Vec<RunFacts>,
}

/// What the front end should do besides showing output.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Offer this as the next cell's text (`%load`, `%history -r`).
    NextInput {
        /// The text.
        text: String,
        /// Whether it replaces the present cell.
        replace: bool,
    },
    /// Leave (`exit`).
    Exit,
}
