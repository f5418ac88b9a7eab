//! What stands between brackets. Each item recovers by itself, so all mistakes of a call are found.

use super::comprehension::clauses;
use super::expression::{Expressions, named, starred};
use super::slip::{Slip, Want};
use super::word::{comma, group, is, keyword, name, peek, skip, sym};
use super::{Expr, Rule, at, unread};
use crate::ast::{Arg, Comprehension, ExprKind};
use crate::source::Span;
use crate::token::{Delim, Sym};
use chumsky::prelude::*;

/// An item, and whether a comma follows it.
type Item<T> = (T, bool);

/// An element, perhaps with `for` clauses after it.
type Element = (Expr, Option<Vec<Comprehension>>);

/// Items with commas between them; one that cannot be read is replaced by `unread` of its place.
fn items<'s, T: 's>(item: Rule<'s, T>, unread: fn(Span) -> T) -> Rule<'s, Vec<Item<T>>> {
    let end = peek(Want::COMMA | Want::END, |tok| tok.is_none() || is(tok, Sym::Comma));
    let not_at_end = peek(Want::NOTHING, |tok| tok.is_some());
    let bad = not_at_end.ignore_then(skip(0, |tok| is(Some(tok), Sym::Comma))).map(unread);
    let item = item.then_ignore(end).recover_with(via_parser(bad));
    item.then(comma().or_not().map(|comma| comma.is_some())).repeated().collect::<Vec<_>>().boxed()
}

fn elements<'s>(grammar: &Expressions<'s>) -> Rule<'s, Vec<Item<Element>>> {
    let element = starred(named(grammar.expr.clone())).then(clauses(grammar).or_not());
    items(element.boxed(), |span| (unread(span), None))
}

pub(super) fn parenthesised<'s>(grammar: &Expressions<'s>) -> Rule<'s, Expr> {
    let content = elements(grammar).validate(|items, _, emitter| {
        let single = matches!(items.as_slice(), [(_, false)]);
        let mut values: Vec<Expr> =
            items.into_iter().map(|((value, clauses), _)| no_generator(value, clauses, emitter)).collect();
        match values.pop() {
            Some(Expr { node: ExprKind::Starred(inner), span }) if single => {
                let help = "write `(*x,)` for a tuple";
                emitter.emit(Slip::said(
                    "syntax",
                    "`*` spreads values only inside a tuple, a list or a call",
                    help,
                    span,
                ));
                inner.node
            }
            Some(value) if single => value.node,
            last => {
                values.extend(last);
                ExprKind::Tuple(values)
            }
        }
    });
    group(Delim::Paren, Want::VALUE, content.boxed()).map_with(|node, e| at(node, e.span())).boxed()
}

fn no_generator(
    element: Expr,
    clauses: Option<Vec<Comprehension>>,
    emitter: &mut chumsky::input::Emitter<Slip>,
) -> Expr {
    let Some(clauses) = clauses else { return element };
    let span = clauses.last().map_or(element.span, |last| element.span.join(last.iter.span));
    let help = "put it in `[…]`: a list is made at once";
    emitter.emit(Slip::said("not-in-language", "generator expressions are not in the language", help, span));
    at(ExprKind::ListComp { element: Box::new(element), clauses }, span)
}

pub(super) fn list<'s>(grammar: &Expressions<'s>) -> Rule<'s, Expr> {
    let content = elements(grammar).validate(|items, _, emitter| list_of(items, emitter));
    group(Delim::Square, Want::VALUE, content.boxed()).map_with(|node, e| at(node, e.span())).boxed()
}

fn list_of(mut items: Vec<Item<Element>>, emitter: &mut chumsky::input::Emitter<Slip>) -> ExprKind {
    if let [((_, Some(_)), false)] = items.as_slice()
        && let Some(((element, Some(clauses)), _)) = items.pop()
    {
        return ExprKind::ListComp { element: Box::new(element), clauses };
    }
    ExprKind::List(items.into_iter().map(|((value, clauses), _)| no_generator(value, clauses, emitter)).collect())
}

pub(super) fn arguments<'s>(grammar: &Expressions<'s>) -> Rule<'s, Vec<Arg>> {
    let by_name = name().then_ignore(keyword(Sym::Assign)).then(grammar.expr.clone());
    let by_name = by_name.map(|(name, value)| Arg { name: Some(name), value });
    let element = starred(named(grammar.expr.clone())).then(clauses(grammar).or_not());
    let plain = element
        .validate(|(value, clauses), _, emitter| Arg { name: None, value: no_generator(value, clauses, emitter) });
    let item = choice((by_name, plain, spread(grammar.expr.clone()).map(|value| Arg { name: None, value })));
    let all = items(item.boxed(), |span| Arg { name: None, value: unread(span) });
    let all = all.map(|items| items.into_iter().map(|(arg, _)| arg).collect::<Vec<Arg>>());
    group(Delim::Paren, Want::OPERATOR, all.boxed())
}

/// `**x`, which is understood and refused.
fn spread<'s>(expr: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let all = keyword(Sym::Pow).map_with(|(), e| e.span()).then(expr);
    all.validate(|(span, value), _, emitter| {
        let help = "write the names out, as in `f(a=1, b=2)`";
        emitter.emit(Slip::said("not-in-language", "spreading a dict with `**` is not in the language", help, span));
        value
    })
    .boxed()
}

pub(super) fn subscript<'s>(grammar: &Expressions<'s>) -> Rule<'s, Expr> {
    let item = choice((slice(grammar.expr.clone()), starred(named(grammar.expr.clone()))));
    let some = peek(Want::VALUE, |tok| tok.is_some());
    let content = some.ignore_then(items(item.boxed(), unread)).map_with(|mut items, e| match items.as_slice() {
        [(_, false)] => items.pop().map_or_else(|| unread(e.span()), |(index, _)| index),
        _ => at(ExprKind::Tuple(items.into_iter().map(|(index, _)| index).collect()), e.span()),
    });
    group(Delim::Square, Want::OPERATOR, content.boxed())
}

/// `a:b:c` with any part left out, or a single expression.
fn slice<'s>(expr: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let colon = || keyword(Sym::Colon);
    let step = colon().ignore_then(expr.clone().or_not()).or_not();
    let bounds = colon().ignore_then(expr.clone().or_not()).then(step);
    let open = bounds.clone().map_with(|(stop, step), e| at(slice_of(None, stop, step.flatten()), e.span()));
    let from = named(expr).then(bounds.or_not()).map_with(|(start, bounds), e| match bounds {
        None => start,
        Some((stop, step)) => at(slice_of(Some(start), stop, step.flatten()), e.span()),
    });
    choice((from, open)).boxed()
}

fn slice_of(start: Option<Expr>, stop: Option<Expr>, step: Option<Expr>) -> ExprKind {
    ExprKind::Slice { start: start.map(Box::new), stop: stop.map(Box::new), step: step.map(Box::new) }
}

/// What stands between braces before it is known whether it makes a dict.
#[derive(Clone)]
struct Entry {
    key: Expr,
    value: Option<Expr>,
    clauses: Option<Span>,
}

pub(super) fn brace<'s>(grammar: &Expressions<'s>) -> Rule<'s, Expr> {
    let value = sym(Sym::Colon, Want::COLON).ignore_then(grammar.expr.clone());
    let clauses = clauses(grammar).map_with(|_, e| e.span());
    let key = starred(named(grammar.expr.clone()));
    let entry = key.then(value.or_not()).then(clauses.or_not());
    let entry = entry.map(|((key, value), clauses)| Entry { key, value, clauses });
    let merged = spread(grammar.expr.clone()).map(|dict| Entry { key: dict.clone(), value: Some(dict), clauses: None });
    let entry = choice((entry, merged));
    let all = items(entry.boxed(), |span| Entry { key: unread(span), value: Some(unread(span)), clauses: None });
    let content =
        all.validate(|items, _, emitter| dict_of(items.into_iter().map(|(entry, _)| entry).collect(), emitter));
    group(Delim::Brace, Want::VALUE, content.boxed()).map_with(|node, e| at(node, e.span())).boxed()
}

fn dict_of(entries: Vec<Entry>, emitter: &mut chumsky::input::Emitter<Slip>) -> ExprKind {
    let mut pairs = Vec::with_capacity(entries.len());
    let mut complained = false;
    for Entry { key, value, clauses } in entries {
        let refused = refused_entry(&key, value.is_some(), clauses);
        if let Some(slip) = refused.filter(|_| !complained) {
            emitter.emit(slip);
            complained = true;
        }
        let span = key.span;
        pairs.push((key, value.unwrap_or_else(|| unread(span))));
    }
    ExprKind::Dict(pairs)
}

fn refused_entry(key: &Expr, has_value: bool, clauses: Option<Span>) -> Option<Slip> {
    let code = "not-in-language";
    match (has_value, clauses) {
        (true, None) => None,
        (true, Some(span)) => {
            let help = "write the dict out, or use a list comprehension";
            Some(Slip::said(code, "dict comprehensions are not in the language", help, span))
        }
        (false, Some(span)) => {
            let help = "use a list comprehension `[… for … in …]`, and `unique` for an array's distinct values";
            Some(Slip::said(code, "set comprehensions are not in the language", help, span))
        }
        (false, None) => {
            let help = "write `[…]` for a list, `(…)` for a tuple, `{key: value}` for a dict";
            Some(Slip::said(code, "sets are not in the language", help, key.span))
        }
    }
}
