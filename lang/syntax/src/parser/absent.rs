//! Python's statements that are left out here but would leave half-read lines behind: they are read whole
//! and refused once. All others are refused where their first word is found, see `explain`.

use super::Rule;
use super::simple::ends_header;
use super::slip::{Slip, Want};
use super::word::{is, keyword, newline, skip, token};
use crate::ast::Body;
use crate::source::Span;
use crate::token::{Sym, Tok};
use chumsky::prelude::*;

/// `try:` with its clauses; mistakes in the blocks are found as everywhere.
pub(super) fn try_statement<'s>(suite: &Rule<'s, Body>) -> Rule<'s, Body> {
    let head = |word: Sym| keyword(word).then(skip(0, |tok| ends_header(Some(tok))));
    let clause = choice((head(Sym::Except), head(Sym::Else), head(Sym::Finally))).ignore_then(suite.clone());
    let first = keyword(Sym::Try).map_with(|(), e| e.span()).then_ignore(skip(0, |tok| ends_header(Some(tok))));
    let all = first.then(suite.clone()).then_ignore(clause.repeated());
    all.validate(|(span, body), _, emitter| {
        let help = "test for the case with `if` beforehand; a failed cell leaves every name as it was";
        emitter.emit(Slip::said("not-in-language", "exceptions (`try`, `except`) are not in the language", help, span));
        body
    })
    .boxed()
}

/// `else:` and the like with nothing before it.
pub(super) fn stray_clause<'s>(suite: &Rule<'s, Body>) -> Rule<'s, Body> {
    let word = token(Want::NOTHING, |tok| match tok {
        Tok::Sym(sym @ (Sym::Else | Sym::Elif | Sym::Except | Sym::Finally)) => Some(*sym),
        _ => None,
    });
    let head = word.map_with(|sym, e| (sym, e.span())).then_ignore(skip(0, |tok| ends_header(Some(tok))));
    let all = head.then(suite.clone());
    all.validate(|((sym, span), _), _, emitter| {
        emitter.emit(stray(sym, span));
        Body::new()
    })
    .boxed()
}

fn stray(sym: Sym, span: Span) -> Slip {
    let (before, help) = match sym {
        Sym::Elif => ("`if`", "line it up with its `if`, or write `if`"),
        Sym::Else => ("`if`, `for` or `while`", "line it up with the statement it belongs to"),
        _ => ("`try`", "exceptions are not in the language; remove it"),
    };
    Slip::said("syntax", format!("`{}` has no {before} before it", sym.text()), help, span)
}

/// `match x:` with a block; `match` is a plain name everywhere else.
pub(super) fn match_statement<'s>() -> Rule<'s, Body> {
    let word = token(Want::NOTHING, |tok| matches!(tok, Tok::Name(name) if **name == *"match").then_some(()));
    let subject = skip(1, |tok| matches!(tok, Tok::Newline) || is(Some(tok), Sym::Colon) || is(Some(tok), Sym::Assign));
    let block = token(Want::NOTHING, |tok| matches!(tok, Tok::Block(_)).then_some(()));
    let head = word.map_with(|(), e| e.span()).then_ignore(subject).then_ignore(keyword(Sym::Colon));
    let all = head.then_ignore(newline()).then_ignore(block);
    all.validate(|span, _, emitter| {
        let help = "write `if`, `elif` and `else`";
        emitter.emit(Slip::said("not-in-language", "`match` is not in the language", help, span));
        Body::new()
    })
    .boxed()
}
