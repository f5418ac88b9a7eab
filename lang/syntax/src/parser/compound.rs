//! Statements with blocks, and the lines of a program.

use super::absent::{match_statement, stray_clause, try_statement};
use super::comprehension::{one_target, target};
use super::expression::{Expressions, expressions, named, tuple};
use super::parameters::{WANTED, parameters};
use super::simple::{ends_header, simple_line};
use super::slip::{Slip, Want};
use super::word::{comma, group, inside, keyword, name, newline, peek, skip, sym, token};
use super::{Expr, Extra, Input, Rule, at, unread};
use crate::ast::{Body, Def, ExprKind, Name, Param, Stmt, StmtKind};
use crate::source::Span;
use crate::token::{Delim, Sym, Tok};
use chumsky::prelude::*;
use std::sync::Arc;

/// All lines of a text.
pub(super) fn program<'s>() -> Rule<'s, Body> {
    let grammar = expressions();
    recursive(|lines| {
        let lines = lines.boxed();
        let simple = simple_line(&grammar);
        let suite = suite(lines.clone(), simple.clone());
        let line = line(&grammar, &lines, &suite, simple);
        empty().map(|()| Body::new()).foldl(line.repeated(), |mut body, line| {
            body.extend(line);
            body
        })
    })
    .boxed()
}

fn line<'s>(
    grammar: &Expressions<'s>,
    lines: &Rule<'s, Body>,
    suite: &Rule<'s, Body>,
    simple: Rule<'s, Body>,
) -> Rule<'s, Body> {
    let compound = choice((
        if_statement(grammar, suite),
        for_statement(grammar, suite),
        while_statement(grammar, suite),
        with_statement(grammar, suite),
        def_statement(grammar, suite),
    ));
    let compound = compound.map_with(|node, e| vec![at(node, e.span())]).boxed();
    let refused = choice((try_statement(suite), stray_clause(suite), match_statement()));
    let empty_line = newline().map(|()| Body::new());
    let readable = choice((compound, refused, empty_line, stray_block(lines.clone()), simple));
    readable.recover_with(via_parser(unreadable_line(lines.clone()))).boxed()
}

fn block<'s>(lines: Rule<'s, Body>, want: Want) -> Rule<'s, Body> {
    let items = token(want, |tok| if let Tok::Block(items) = tok { Some(items.as_slice()) } else { None });
    lines.nested_in(inside(items)).boxed()
}

/// Passes a line, but reads the block below it to find the mistakes there.
fn unreadable_line<'s>(lines: Rule<'s, Body>) -> Rule<'s, Body> {
    let rest = skip(1, |tok| matches!(tok, Tok::Newline)).then(newline().or_not());
    rest.then(block(lines, Want::NOTHING).or_not()).map(|_| Body::new()).boxed()
}

fn stray_block<'s>(lines: Rule<'s, Body>) -> Rule<'s, Body> {
    let all = block(lines, Want::NOTHING).map_with(|body, e| (body, e.span()));
    all.validate(|(body, span): (Body, Span), _, emitter| {
        let help = "remove the spaces before it; only lines after one that ends in `:` are indented";
        emitter.emit(Slip::said(
            "bad-indent",
            "this line is indented without a reason",
            help,
            Span::new(span.start, span.start),
        ));
        body
    })
    .boxed()
}

/// A colon, and the statements after it or below it.
fn suite<'s>(lines: Rule<'s, Body>, simple: Rule<'s, Body>) -> Rule<'s, Body> {
    let colon = sym(Sym::Colon, Want::COLON).to(true);
    let missing = peek(Want::COLON, |tok| matches!(tok, Some(Tok::Newline))).map_with(|(), e| e.span());
    let missing = missing.validate(|span: Span, _, emitter| {
        emitter.emit(Slip::wanted(Want::COLON, Span::new(span.start, span.start)));
        false
    });
    let below = choice((colon.clone(), missing))
        .then(newline().map_with(|(), e| e.span()))
        .then(block(lines, Want::BLOCK).or_not());
    let below = below.validate(|((colon, end), body): ((bool, Span), Option<Body>), _, emitter| {
        if body.is_none() && colon {
            emitter.emit(Slip::wanted(Want::BLOCK, Span::new(end.start, end.start)));
        }
        body.unwrap_or_default()
    });
    choice((below, colon.ignore_then(simple))).boxed()
}

/// A header up to its colon; if it cannot be read, the block below still is.
fn head<'s, O: 's>(header: impl Parser<'s, Input<'s>, O, Extra> + Clone + 's, fallback: fn(Span) -> O) -> Rule<'s, O> {
    let end = peek(Want::COLON, ends_header);
    let bad = skip(0, |tok| ends_header(Some(tok))).map(fallback);
    header.then_ignore(end).recover_with(via_parser(bad)).boxed()
}

/// A condition; `=` in it is read as `==`.
fn condition<'s>(grammar: &Expressions<'s>) -> Rule<'s, Expr> {
    let equals = keyword(Sym::Assign).map_with(|(), e| e.span()).then(grammar.expr.clone());
    let all = named(grammar.expr.clone()).then(equals.or_not());
    let all = all.validate(|(test, equals), _, emitter| {
        if let Some((span, _)) = equals {
            emitter.emit(Slip::said("syntax", "`=` assigns, it does not compare", "write `==`", span));
        }
        test
    });
    head(all, unread)
}

fn if_statement<'s>(grammar: &Expressions<'s>, suite: &Rule<'s, Body>) -> Rule<'s, StmtKind> {
    let branch = condition(grammar).then(suite.clone()).boxed();
    let else_if = keyword(Sym::Else).then(keyword(Sym::If)).map_with(|_, e| e.span()).validate(|span, _, emitter| {
        emitter.emit(Slip::said("syntax", "`else if` is written in one word", "write `elif`", span));
    });
    let elifs = choice((keyword(Sym::Elif), else_if)).ignore_then(branch.clone()).repeated().collect::<Vec<_>>();
    let all = keyword(Sym::If).ignore_then(branch).then(elifs).then(orelse(suite));
    all.map(|((first, more), orelse)| StmtKind::If { branches: std::iter::once(first).chain(more).collect(), orelse })
        .boxed()
}

fn orelse<'s>(suite: &Rule<'s, Body>) -> Rule<'s, Body> {
    let word = keyword(Sym::Else).then_ignore(head(empty(), |_| ()));
    word.ignore_then(suite.clone()).or_not().map(Option::unwrap_or_default).boxed()
}

fn for_statement<'s>(grammar: &Expressions<'s>, suite: &Rule<'s, Body>) -> Rule<'s, StmtKind> {
    let iter = sym(Sym::In, Want::IN).ignore_then(tuple(grammar.expr.clone()));
    let header = head(target().then(iter), |span| (unread(span), unread(span)));
    let all = keyword(Sym::For).ignore_then(header).then(suite.clone()).then(orelse(suite));
    all.map(|(((target, iter), body), orelse)| StmtKind::For { target, iter, body, orelse }).boxed()
}

fn while_statement<'s>(grammar: &Expressions<'s>, suite: &Rule<'s, Body>) -> Rule<'s, StmtKind> {
    let all = keyword(Sym::While).ignore_then(condition(grammar)).then(suite.clone()).then(orelse(suite));
    all.map(|((test, body), orelse)| StmtKind::While { test, body, orelse }).boxed()
}

fn with_statement<'s>(grammar: &Expressions<'s>, suite: &Rule<'s, Body>) -> Rule<'s, StmtKind> {
    let bound = keyword(Sym::As).ignore_then(one_target(target())).or_not();
    let items = grammar.expr.clone().then(bound).separated_by(comma()).at_least(1).collect::<Vec<_>>();
    let all = keyword(Sym::With).ignore_then(head(items, |_| Vec::new())).then(suite.clone());
    all.map(|(items, body)| StmtKind::With { items, body }).boxed()
}

fn def_statement<'s>(grammar: &Expressions<'s>, suite: &Rule<'s, Body>) -> Rule<'s, StmtKind> {
    let params = group(Delim::Paren, WANTED, parameters(grammar.expr.clone(), true));
    let returns = keyword(Sym::Arrow).ignore_then(grammar.expr.clone()).or_not();
    let header = name().then(params).then_ignore(returns);
    let header = head(header, |span| (at("".into(), span), Vec::new()));
    let all = keyword(Sym::Def).ignore_then(header).then(suite.clone());
    all.map(|((name, params), body)| StmtKind::Def(Arc::new(def(name, params, body)))).boxed()
}

fn def(name: Name, params: Vec<Param>, body: Body) -> Def {
    let doc = match body.first() {
        Some(Stmt { node: StmtKind::Expr(Expr { node: ExprKind::Str(text), .. }), .. }) => Some(text.clone()),
        _ => None,
    };
    Def { name, params, body, doc }
}
