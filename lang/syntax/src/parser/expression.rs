//! Expressions, from the loosest binding to the tightest.

use super::operators::{Operand, Step, by_precedence, comparison, infix, logic, sign};
use super::parameters::parameters;
use super::primary::primary;
use super::slip::{Slip, Want};
use super::word::{comma, keyword, sym, token};
use super::{Expr, Rule, at};
use crate::ast::{CmpOp, ExprKind, LogicOp, UnaryOp};
use crate::source::Span;
use crate::token::{Sym, Tok};
use chumsky::prelude::*;
use std::sync::Arc;

/// The rules that others are made of.
#[derive(Clone)]
pub(super) struct Expressions<'s> {
    /// `or`, `and`, `not`, comparisons and what binds tighter: an expression without `if … else` and `lambda`.
    pub(super) choice: Rule<'s, Expr>,
    /// Any single expression.
    pub(super) expr: Rule<'s, Expr>,
}

pub(super) fn expressions<'s>() -> Expressions<'s> {
    let choice = recursive(|choice| {
        let choice = choice.boxed();
        let expr = single(choice.clone());
        disjunction(primary(&Expressions { choice, expr }))
    });
    let choice = choice.boxed();
    Expressions { expr: single(choice.clone()), choice }
}

/// One expression, or several with commas between: a tuple.
pub(super) fn tuple<'s>(expr: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let item = starred(expr);
    let more = comma().ignore_then(item.clone()).repeated().collect::<Vec<_>>();
    let all = item.then(more).then(comma().or_not());
    all.map_with(|((first, more), trailing), e| {
        if more.is_empty() && trailing.is_none() {
            return first;
        }
        let span: Span = e.span();
        at(ExprKind::Tuple(std::iter::once(first).chain(more).collect()), span)
    })
    .boxed()
}

/// `*x` or `x`
pub(super) fn starred<'s>(expr: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let star = keyword(Sym::Mul).ignore_then(expr.clone());
    let star = star.map_with(|value, e| at(ExprKind::Starred(Box::new(value)), e.span()));
    choice((expr, star)).boxed()
}

/// `x`, and `name := x`, which is understood and refused.
pub(super) fn named<'s>(expr: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let walrus = keyword(Sym::Walrus).map_with(|(), e| e.span()).then(expr.clone());
    let all = expr.then(walrus.or_not());
    all.validate(|(first, walrus), _, emitter| {
        let Some((span, value)) = walrus else { return first };
        let help = "assign on a line of its own before";
        emitter.emit(Slip::said(
            "not-in-language",
            "assignment inside an expression (`:=`) is not in the language",
            help,
            span,
        ));
        value
    })
    .boxed()
}

fn single<'s>(choice_rule: Rule<'s, Expr>) -> Rule<'s, Expr> {
    recursive(|expr| {
        let expr = expr.boxed();
        let orelse = sym(Sym::Else, Want::ELSE).ignore_then(expr.clone());
        let alternative = keyword(Sym::If).ignore_then(choice_rule.clone()).then(orelse);
        let ternary = choice_rule.then(alternative.or_not()).map(|(then, alternative)| match alternative {
            Some((test, orelse)) => if_else(test, then, orelse),
            None => then,
        });
        choice((ternary, lambda(expr)))
    })
    .boxed()
}

fn if_else(test: Expr, then: Expr, orelse: Expr) -> Expr {
    let span = then.span.join(orelse.span);
    at(ExprKind::IfElse { test: Box::new(test), then: Box::new(then), orelse: Box::new(orelse) }, span)
}

fn lambda<'s>(expr: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let head = keyword(Sym::Lambda).ignore_then(parameters(expr.clone(), false));
    let all = head.then_ignore(sym(Sym::Colon, Want::COLON)).then(expr);
    all.map_with(|(params, body), e| at(ExprKind::Lambda { params, body: Arc::new(body) }, e.span())).boxed()
}

fn disjunction<'s>(primary: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let conjunction = chain(Sym::And, LogicOp::And, negation(primary));
    chain(Sym::Or, LogicOp::Or, conjunction)
}

fn chain<'s>(word: Sym, op: LogicOp, operand: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let more = sym(word, Want::OPERATOR).ignore_then(operand.clone()).repeated();
    operand.foldl(more, move |left, right| logic(op, left, right)).boxed()
}

fn negation<'s>(primary: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let nots = keyword(Sym::Not).map_with(|(), e| e.span()).repeated().collect::<Vec<Span>>();
    let all = nots.then(compared(primary));
    all.map(|(nots, operand)| {
        nots.into_iter().rev().fold(operand, |operand, not| {
            let span = not.join(operand.span);
            at(ExprKind::Unary { op: UnaryOp::Not, operand: Box::new(operand) }, span)
        })
    })
    .boxed()
}

fn compared<'s>(primary: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let operand = arithmetic(primary);
    let simple = token(Want::OPERATOR, comparison);
    let not_in = keyword(Sym::Not).ignore_then(sym(Sym::In, Want::IN)).to(CmpOp::NotIn);
    let is = keyword(Sym::Is).ignore_then(keyword(Sym::Not).or_not());
    let is = is.map(|not| if not.is_some() { CmpOp::IsNot } else { CmpOp::Is });
    let more = choice((simple, not_in, is)).then(operand.clone()).repeated().collect::<Vec<_>>();
    operand.then(more).map(|(first, rest)| compare(first, rest)).boxed()
}

fn compare(first: Expr, rest: Vec<(CmpOp, Expr)>) -> Expr {
    let Some((_, last)) = rest.last() else { return first };
    let span = first.span.join(last.span);
    at(ExprKind::Compare { first: Box::new(first), rest }, span)
}

fn arithmetic<'s>(primary: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let sign = token(Want::NOTHING, sign).map_with(|op, e| (op, e.span()));
    let operand = sign.repeated().collect::<Vec<(UnaryOp, Span)>>().then(primary);
    let operand = operand.map(|(signs, value)| Operand { signs, value }).boxed();
    let infix = token(Want::OPERATOR, |tok: &Tok| infix(tok)).map_with(|op, e| (op, e.span()));
    let step = infix.then(operand.clone()).map(|((op, span), operand)| -> Step { (op, span, operand) });
    operand.then(step.repeated().collect::<Vec<Step>>()).map(|(first, steps)| by_precedence(first, steps)).boxed()
}
