//! `for target in iter if test`, and the targets of loops.

use super::expression::Expressions;
use super::slip::Want;
use super::word::{comma, group, keyword, sym, token};
use super::{Expr, Rule, at};
use crate::ast::{Comprehension, ExprKind};
use crate::token::{Delim, Sym, Tok};
use chumsky::prelude::*;

/// One or more `for` clauses.
pub(super) fn clauses<'s>(grammar: &Expressions<'s>) -> Rule<'s, Vec<Comprehension>> {
    let target = keyword(Sym::For).ignore_then(target());
    let iter = sym(Sym::In, Want::IN).ignore_then(grammar.choice.clone());
    let test = keyword(Sym::If).ignore_then(grammar.choice.clone());
    let clause = target.then(iter).then(test.repeated().collect::<Vec<_>>());
    let clause = clause.map(|((target, iter), tests)| Comprehension { target, iter, tests });
    clause.repeated().at_least(1).collect::<Vec<_>>().boxed()
}

/// What a loop binds: a name, or several with commas between.
pub(super) fn target<'s>() -> Rule<'s, Expr> {
    recursive(|targets| {
        let one = one_target(targets.boxed());
        let star = keyword(Sym::Mul).ignore_then(one.clone());
        let star = star.map_with(|value, e| at(ExprKind::Starred(Box::new(value)), e.span()));
        let item = choice((one, star)).boxed();
        let more = comma().ignore_then(item.clone()).repeated().collect::<Vec<_>>();
        item.then(more).then(comma().or_not()).map_with(|((first, more), trailing), e| {
            if more.is_empty() && trailing.is_none() {
                return first;
            }
            at(ExprKind::Tuple(std::iter::once(first).chain(more).collect()), e.span())
        })
    })
    .boxed()
}

/// A name, or several `targets` in brackets.
pub(super) fn one_target<'s>(targets: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let name =
        token(Want::NAME, |tok| if let Tok::Name(name) = tok { Some(ExprKind::Name(name.clone())) } else { None });
    let name = name.map_with(|node, e| at(node, e.span()));
    let paren = group(Delim::Paren, Want::NAME, targets.clone());
    let square = group(Delim::Square, Want::NAME, targets);
    choice((name, paren, square)).boxed()
}
