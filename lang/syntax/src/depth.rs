//! A bound on how deep the tree of a text can become, found before the tree is made.
//!
//! Whoever walks a program, or drops it, may recurse: no path in it is longer than [`MAX_DEPTH`] and the blocks around.

use crate::diagnostic::Diagnostic;
use crate::source::{Source, Span};
use crate::token::{Sym, Tok, Token};

/// How many operators, calls, attributes and brackets may depend on one another in one expression.
pub(crate) const MAX_DEPTH: usize = 500;

/// The complaint about the first expression that is too deep.
pub(crate) fn too_deep(tokens: &[Token], source: &Source) -> Option<Diagnostic> {
    let span = depth(tokens).err()?;
    let message = format!("more than {MAX_DEPTH} operators or calls depend on one another in this expression");
    let help = "split it into several statements; to add up many values write `sum([…])`";
    Some(Diagnostic::new("too-deep", message, source, span).help(help))
}

/// The largest number of nested expressions in a run of tokens, or the place where it is too large.
fn depth(tokens: &[Token]) -> Result<usize, Span> {
    let mut deepest = 0;
    let mut links = 0;
    let mut inner = 0;
    for token in tokens {
        match inside(&token.node) {
            Some(Nested::Lines(items)) => {
                depth(items)?;
            }
            Some(Nested::Value(items)) => {
                links += 1;
                inner = inner.max(depth(items)?);
            }
            None if separates(&token.node) => (links, inner) = (0, 0),
            None if links_values(&token.node) => links += 1,
            None => {}
        }
        deepest = deepest.max(links + inner);
        if deepest > MAX_DEPTH {
            return Err(token.span);
        }
    }
    Ok(deepest)
}

enum Nested<'a> {
    Lines(&'a [Token]),
    Value(&'a [Token]),
}

fn inside(tok: &Tok) -> Option<Nested<'_>> {
    match tok {
        Tok::Block(items) => Some(Nested::Lines(items)),
        Tok::Group(_, items) | Tok::FString(items) | Tok::FValue(items) | Tok::FSpec(items) => {
            Some(Nested::Value(items))
        }
        _ => None,
    }
}

fn separates(tok: &Tok) -> bool {
    matches!(tok, Tok::Newline | Tok::FText(_) | Tok::Sym(Sym::Comma | Sym::Semicolon | Sym::Assign))
}

fn links_values(tok: &Tok) -> bool {
    match tok {
        Tok::Sym(Sym::None | Sym::True | Sym::False | Sym::Ellipsis | Sym::Colon) => false,
        Tok::Sym(_) => true,
        _ => false,
    }
}
