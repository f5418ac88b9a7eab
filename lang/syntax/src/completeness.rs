//! Whether a text can be run, or its author is still typing.

use crate::lexer::{Open, lex};
use crate::parser::parse;
use crate::source::Source;
use crate::token::{Sym, Tok, Token};

/// What to do when the enter key is pressed after a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Run it.
    Complete,
    /// Begin another line with this indentation.
    Incomplete {
        /// Spaces to begin the next line with.
        indent: String,
    },
    /// Run it to see what is wrong.
    Invalid,
}

/// Judges a text as an interactive prompt must: open brackets, quotes and blocks ask for more; a blank
/// line ends a block. Lines with magics count as complete lines.
pub fn completeness(text: &str) -> Completeness {
    let masked = without_magics(text);
    let source = Source::new("input", masked);
    let lexed = lex(&source);
    let only_open =
        lexed.diagnostics.iter().all(|found| matches!(found.code, "unclosed-bracket" | "unterminated-string"));
    match lexed.open {
        Open::Nothing => judge(&source, &lexed.tokens),
        _ if !only_open || lexed.gave_up => Completeness::Invalid,
        Open::Bracket | Open::TripleQuote | Open::Continuation => more(indent_of(last_line(&source.text)), 0),
    }
}

fn judge(source: &Source, tokens: &[Token]) -> Completeness {
    let last = last_line(&source.text);
    let (_, diagnostics) = parse(source);
    let start_of_last = source.text.trim_end().len() - last.trim_end().len();
    let awaits_block =
        |at_end: bool, code: &str, start: usize| at_end && code == "bad-indent" && start >= start_of_last;
    match diagnostics.as_slice() {
        [] if ends_in_block(tokens) && !ends_blank(&source.text) => next_in_block(last),
        [] => Completeness::Complete,
        [one] if awaits_block(ends_with_colon(tokens), one.code, one.labels[0].span.start) => more(indent_of(last), 4),
        _ => Completeness::Invalid,
    }
}

/// After a statement that leaves its block the next line belongs to the block around it.
fn next_in_block(last: &str) -> Completeness {
    let word = last.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
    let indent = indent_of(last);
    let leaves = matches!(word, "return" | "pass" | "break" | "continue");
    more(if leaves { indent.saturating_sub(4) } else { indent }, 0)
}

fn more(indent: usize, deeper: usize) -> Completeness {
    Completeness::Incomplete { indent: " ".repeat(indent + deeper) }
}

fn ends_in_block(tokens: &[Token]) -> bool {
    matches!(tokens.last().map(|token| &token.node), Some(Tok::Block(_)))
}

fn ends_with_colon(tokens: &[Token]) -> bool {
    match tokens {
        [.., Token { node: Tok::Block(items), .. }] => ends_with_colon(items),
        [.., colon, Token { node: Tok::Newline, .. }] => colon.node == Tok::Sym(Sym::Colon),
        _ => false,
    }
}

/// Whether the line that is being typed is still empty, which ends a block.
fn ends_blank(text: &str) -> bool {
    text.rsplit('\n').next().is_some_and(|line| line.trim().is_empty())
}

/// The last line that is not blank.
fn last_line(text: &str) -> &str {
    text.trim_end().rsplit('\n').next().unwrap_or("")
}

fn indent_of(line: &str) -> usize {
    line.chars().take_while(|c| *c == ' ' || *c == '\t').map(|c| if c == '\t' { 4 } else { 1 }).sum()
}

/// Lines that begin with `%`, `!` or `?` or end in `?` are replaced by `pass`.
fn without_magics(text: &str) -> String {
    if !text.contains(['%', '!', '?']) {
        return text.to_string();
    }
    text.split_inclusive('\n').map(|line| if is_magic(line) { masked(line) } else { line.to_string() }).collect()
}

fn is_magic(line: &str) -> bool {
    let trimmed = line.trim();
    let name = trimmed.trim_end_matches('?');
    let asks = name.len() < trimmed.len() && name.chars().all(|c| c == '_' || c == '.' || c.is_alphanumeric());
    line.starts_with(['%', '!', '?']) || asks
}

fn masked(line: &str) -> String {
    if line.ends_with('\n') { "pass\n".into() } else { "pass".into() }
}
