//! Atoms and what may follow them: calls, indices, attributes.

use super::brackets::{arguments, brace, list, parenthesised, subscript};
use super::expression::Expressions;
use super::literal::{constant, strings};
use super::slip::Want;
use super::word::{keyword, token};
use super::{Expr, Rule, at};
use crate::ast::{Arg, ExprKind, Name};
use crate::source::Span;
use crate::token::{Sym, Tok};
use chumsky::prelude::*;

/// What is applied to the expression before it.
#[derive(Clone)]
enum Trailer {
    Call(Vec<Arg>),
    Index(Expr),
    Attribute(Name),
}

pub(super) fn primary<'s>(grammar: &Expressions<'s>) -> Rule<'s, Expr> {
    let name =
        token(Want::VALUE, |tok| if let Tok::Name(name) = tok { Some(ExprKind::Name(name.clone())) } else { None });
    let word = choice((name, constant())).map_with(|node, e| at(node, e.span()));
    let atom = choice((word, strings(grammar), parenthesised(grammar), list(grammar), brace(grammar))).boxed();
    let trailers = trailer(grammar).map_with(|trailer, e| (trailer, e.span())).repeated();
    atom.foldl(trailers, |object, (trailer, span): (Trailer, Span)| apply(object, trailer, span)).boxed()
}

fn trailer<'s>(grammar: &Expressions<'s>) -> Rule<'s, Trailer> {
    let attribute = keyword(Sym::Dot).ignore_then(attribute_name()).map(Trailer::Attribute);
    let call = arguments(grammar).map(Trailer::Call);
    let index = subscript(grammar).map(Trailer::Index);
    choice((attribute, call, index)).boxed()
}

fn attribute_name<'s>() -> Rule<'s, Name> {
    let word = token(Want::WORD, |tok| if let Tok::Name(name) = tok { Some(name.clone()) } else { None });
    word.map_with(|name, e| at(name, e.span())).boxed()
}

fn apply(object: Expr, trailer: Trailer, end: Span) -> Expr {
    let span = object.span.join(end);
    let object = Box::new(object);
    let node = match trailer {
        Trailer::Call(args) => ExprKind::Call { callee: object, args },
        Trailer::Index(index) => ExprKind::Subscript { object, index: Box::new(index) },
        Trailer::Attribute(name) => ExprKind::Attribute { object, name },
    };
    at(node, span)
}
