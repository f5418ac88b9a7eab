//! Text to program: a cell of text becomes an [`ast::Program`] and a list of [`diagnostic::Diagnostic`]s.
//!
//! Parsing never fails: what could not be read is reported and skipped, so one cell shows all of its
//! mistakes at once. In reading order: `source` (a named text with lines), `diagnostic` (the one shape
//! of every error), `token` and `lexer` (text to nested tokens), `depth` (refuses what would nest too
//! deep), `ast` (what a program is), `parser` (tokens to program), `explain` (what went wrong, in words),
//! `check` (rules beyond the grammar), `walk` and `dump` (a program's parts, and its text form),
//! `completeness` and `cursor` (what an editor asks while a text is being typed).
//! This crate knows neither arrays nor operations, and touches no file, clock, socket or thread.

pub mod ast;
mod check;
mod completeness;
mod cursor;
mod depth;
pub mod diagnostic;
mod dump;
mod explain;
mod lexer;
mod parser;
pub mod source;
mod token;
mod walk;

pub use completeness::{Completeness, completeness};
pub use cursor::{Call, Cursor, Word, word_at};
pub use dump::dump;
pub use explain::foreign_name;
pub use parser::parse;
pub use walk::children;
