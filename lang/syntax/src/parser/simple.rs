//! Statements that stand on one line.

use super::expression::{Expressions, tuple};
use super::operators::augmented;
use super::slip::{Slip, Want};
use super::word::{comma, group, is, keyword, name, newline, peek, skip, sym, token};
use super::{Expr, Extra, Input, Rule, at};
use crate::ast::{BinOp, Body, ImportName, Name, Stmt, StmtKind};
use crate::token::{Delim, Sym, Tok};
use chumsky::prelude::*;

/// Statements with `;` between, up to the end of the line. Each recovers by itself.
pub(super) fn simple_line<'s>(grammar: &Expressions<'s>) -> Rule<'s, Body> {
    let end = |tok: Option<&Tok>| tok.is_none_or(|tok| matches!(tok, Tok::Newline | Tok::Sym(Sym::Semicolon)));
    let boundary = peek(Want::LINE_END, end);
    let bad = skip(1, move |tok| end(Some(tok))).then_ignore(no_block_below()).map(|_| None);
    let statement = statement(grammar).map_with(|node, e| Some(at(node, e.span())));
    let one = statement.then_ignore(boundary).recover_with(via_parser(bad)).boxed();
    let more = keyword(Sym::Semicolon).ignore_then(one.clone()).repeated().collect::<Vec<_>>();
    let line = one.then(more).then_ignore(keyword(Sym::Semicolon).or_not()).then_ignore(newline());
    line.map(|(first, more): (Option<Stmt>, Vec<Option<Stmt>>)| std::iter::once(first).chain(more).flatten().collect())
        .boxed()
}

/// A line above a block is better skipped together with the block's indentation.
fn no_block_below<'s>() -> Rule<'s, ()> {
    custom(|inp: &mut chumsky::input::InputRef<'s, '_, Input<'s>, Extra>| {
        let before = inp.save();
        let at = inp.cursor();
        let _ = inp.next_ref();
        let block = matches!(inp.peek_ref(), Some(Tok::Block(_)));
        let span = inp.span_since(&at);
        inp.rewind(before);
        if block { Err(Slip::wanted(Want::NOTHING, span)) } else { Ok(()) }
    })
    .boxed()
}

fn statement<'s>(grammar: &Expressions<'s>) -> Rule<'s, StmtKind> {
    let value = tuple(grammar.expr.clone());
    let returned = keyword(Sym::Return).ignore_then(value.clone().or_not()).map(StmtKind::Return);
    choice((
        assignment(grammar.expr.clone(), value),
        returned,
        single_word(),
        import(),
        from_import(),
        assert(grammar),
        del(grammar),
        scope(),
    ))
    .boxed()
}

fn single_word<'s>() -> Rule<'s, StmtKind> {
    token(Want::STATEMENT, |tok| match tok {
        Tok::Sym(Sym::Break) => Some(StmtKind::Break),
        Tok::Sym(Sym::Continue) => Some(StmtKind::Continue),
        Tok::Sym(Sym::Pass) => Some(StmtKind::Pass),
        _ => None,
    })
    .boxed()
}

/// What may follow the first expression of a statement.
#[derive(Clone)]
enum Tail {
    Nothing,
    Values(Vec<Expr>),
    Augmented(BinOp, Expr),
    Annotated(Option<Expr>),
}

fn assignment<'s>(expr: Rule<'s, Expr>, value: Rule<'s, Expr>) -> Rule<'s, StmtKind> {
    let equals = || sym(Sym::Assign, Want::ASSIGN);
    let values = equals().ignore_then(value.clone()).repeated().at_least(1).collect().map(Tail::Values);
    let augmented = token(Want::ASSIGN, augmented).then(value.clone()).map(|(op, value)| Tail::Augmented(op, value));
    let annotated = keyword(Sym::Colon).ignore_then(expr).ignore_then(equals().ignore_then(value.clone()).or_not());
    let annotated = annotated.map(Tail::Annotated);
    let tail = choice((values, augmented, annotated)).or_not().map(|tail| tail.unwrap_or(Tail::Nothing));
    value.then(tail).map(|(first, tail)| with_tail(first, tail)).boxed()
}

fn with_tail(first: Expr, tail: Tail) -> StmtKind {
    match tail {
        Tail::Nothing => StmtKind::Expr(first),
        Tail::Augmented(op, value) => StmtKind::AugAssign { target: first, op, value },
        Tail::Annotated(value) => StmtKind::AnnAssign { target: first, value },
        Tail::Values(mut values) => match values.pop() {
            None => StmtKind::Expr(first),
            Some(value) => StmtKind::Assign { targets: std::iter::once(first).chain(values).collect(), value },
        },
    }
}

/// `a.b.c` as one text.
fn dotted<'s>() -> Rule<'s, Name> {
    let more = keyword(Sym::Dot).ignore_then(name()).repeated().collect::<Vec<_>>();
    let all = name().then(more);
    all.map_with(|(first, more), e| {
        let text = more.iter().fold(first.node.to_string(), |text, part| text + "." + &part.node);
        at(text.into(), e.span())
    })
    .boxed()
}

fn alias<'s>() -> Rule<'s, Option<Name>> {
    keyword(Sym::As).ignore_then(name()).or_not().boxed()
}

fn import<'s>() -> Rule<'s, StmtKind> {
    let one = dotted().then(alias()).map(|(name, alias)| ImportName { name, alias });
    let all = keyword(Sym::Import).ignore_then(one.separated_by(comma()).at_least(1).collect());
    all.map(StmtKind::Import).boxed()
}

fn from_import<'s>() -> Rule<'s, StmtKind> {
    let one = name().then(alias()).map(|(name, alias)| ImportName { name, alias }).boxed();
    let listed = one.clone().separated_by(comma()).at_least(1).collect::<Vec<_>>();
    let grouped = one.separated_by(comma()).allow_trailing().at_least(1).collect::<Vec<_>>();
    let grouped = group(Delim::Paren, Want::NAME, grouped.boxed());
    let star = keyword(Sym::Mul).map_with(|(), e| vec![ImportName { name: at("*".into(), e.span()), alias: None }]);
    let names = sym(Sym::Import, Want::IMPORT).ignore_then(choice((listed, grouped, star)));
    let all = keyword(Sym::From).ignore_then(dotted()).then(names);
    all.map(|(module, names)| StmtKind::FromImport { module, names }).boxed()
}

fn assert<'s>(grammar: &Expressions<'s>) -> Rule<'s, StmtKind> {
    let message = comma().ignore_then(grammar.expr.clone()).or_not();
    let all = keyword(Sym::Assert).ignore_then(grammar.expr.clone()).then(message);
    all.map(|(test, message)| StmtKind::Assert { test, message }).boxed()
}

fn del<'s>(grammar: &Expressions<'s>) -> Rule<'s, StmtKind> {
    let targets = grammar.expr.clone().separated_by(comma()).at_least(1).allow_trailing().collect();
    keyword(Sym::Del).ignore_then(targets).map(StmtKind::Del).boxed()
}

fn scope<'s>() -> Rule<'s, StmtKind> {
    let word = choice((keyword(Sym::Global).to(true), keyword(Sym::Nonlocal).to(false)));
    let all = word.then(name().separated_by(comma()).at_least(1).collect());
    all.map(|(global, names)| StmtKind::Scope { global, names }).boxed()
}

/// Whether a header ends here.
pub(super) fn ends_header(tok: Option<&Tok>) -> bool {
    tok.is_none_or(|tok| matches!(tok, Tok::Newline)) || is(tok, Sym::Colon)
}
