//! Tokens to program.

mod absent;
mod brackets;
mod compound;
mod comprehension;
mod expression;
mod literal;
mod operators;
mod parameters;
mod primary;
mod simple;
mod slip;
mod word;

use crate::ast::{At, Body, ExprKind, Program};
use crate::check::check;
use crate::depth::too_deep;
use crate::diagnostic::Diagnostic;
use crate::explain::Explainer;
use crate::lexer::{MAX_MISTAKES, lex};
use crate::source::{Source, Span};
use crate::token::{Tok, Token};
use chumsky::Boxed;
use chumsky::input::{Input as _, MappedInput};
use chumsky::prelude::*;
pub(crate) use slip::{Slip, Want};

type Input<'s> = MappedInput<'s, Tok, Span, &'s [Token], fn(&'s Token) -> (&'s Tok, &'s Span)>;
type Extra = extra::Err<Slip>;
type Rule<'s, O> = Boxed<'s, 's, Input<'s>, O, Extra>;
type Expr = crate::ast::Expr;

/// Reads a program. Statements that could not be read are missing from it and stand in the diagnostics,
/// which are in the order of the text.
pub fn parse(source: &Source) -> (Program, Vec<Diagnostic>) {
    let lexed = lex(source);
    let mut diagnostics = lexed.diagnostics;
    let mut body = Body::new();
    if let Some(diagnostic) = too_deep(&lexed.tokens, source) {
        diagnostics.push(diagnostic);
    } else if !lexed.gave_up {
        let (read, slips) = read(&lexed.tokens, source.text.len());
        body = read;
        diagnostics.extend(Explainer::new(source, &lexed.tokens, &lexed.broken).explain(slips));
        check(&body, source, &mut diagnostics);
    }
    diagnostics.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.span));
    diagnostics.truncate(MAX_MISTAKES);
    (Program { source: source.clone(), body }, diagnostics)
}

fn read(tokens: &[Token], end: usize) -> (Body, Vec<Slip>) {
    let (body, slips) = compound::program().parse(input(tokens, Span::new(end, end))).into_output_errors();
    (body.unwrap_or_default(), slips)
}

fn input(tokens: &[Token], end: Span) -> Input<'_> {
    let split: fn(&Token) -> (&Tok, &Span) = |token| (&token.node, &token.span);
    tokens.map(end, split)
}

fn at<T>(node: T, span: Span) -> At<T> {
    At { node, span }
}

/// What stands for an expression that could not be read.
fn unread(span: Span) -> Expr {
    at(ExprKind::Name("".into()), span)
}
