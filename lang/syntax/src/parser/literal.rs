//! Constants, strings and f-strings.

use super::expression::{Expressions, tuple};
use super::slip::Want;
use super::word::{inside, token};
use super::{Expr, Extra, Input, Rule, at};
use crate::ast::{ExprKind, FPart};
use crate::token::{Sym, Tok};
use chumsky::prelude::*;
use std::sync::Arc;

pub(super) fn constant<'s>() -> impl Parser<'s, Input<'s>, ExprKind, Extra> + Clone + 's {
    token(Want::VALUE, |tok| {
        Some(match tok {
            Tok::Int(value) => ExprKind::Int(*value),
            Tok::BigInt(digits) => ExprKind::BigInt(digits.clone()),
            Tok::Float(value) => ExprKind::Float(*value),
            Tok::Imaginary(value) => ExprKind::Imaginary(*value),
            Tok::Sym(Sym::None) => ExprKind::None,
            Tok::Sym(Sym::True) => ExprKind::Bool(true),
            Tok::Sym(Sym::False) => ExprKind::Bool(false),
            Tok::Sym(Sym::Ellipsis) => ExprKind::Ellipsis,
            _ => return None,
        })
    })
}

/// Strings that stand side by side are one string.
pub(super) fn strings<'s>(grammar: &Expressions<'s>) -> Rule<'s, Expr> {
    let plain =
        token(Want::VALUE, |tok| if let Tok::Str(text) = tok { Some(vec![FPart::Text(text.clone())]) } else { None });
    let plain = plain.map(|parts| (false, parts));
    let f_string = f_string(grammar).map(|parts| (true, parts));
    let pieces = choice((plain, f_string)).repeated().at_least(1).collect::<Vec<_>>();
    pieces.map_with(|pieces, e| at(joined(pieces), e.span())).boxed()
}

fn joined(pieces: Vec<(bool, Vec<FPart>)>) -> ExprKind {
    let formatted = pieces.iter().any(|(formatted, _)| *formatted);
    let mut parts: Vec<FPart> = Vec::new();
    let mut text = String::new();
    for part in pieces.into_iter().flat_map(|(_, parts)| parts) {
        match part {
            FPart::Text(more) => text.push_str(&more),
            FPart::Value { .. } => {
                flush(&mut text, &mut parts);
                parts.push(part);
            }
        }
    }
    if !formatted {
        return ExprKind::Str(text.into());
    }
    flush(&mut text, &mut parts);
    ExprKind::FString(parts)
}

fn flush(text: &mut String, parts: &mut Vec<FPart>) {
    if !text.is_empty() {
        parts.push(FPart::Text(Arc::from(std::mem::take(text))));
    }
}

fn f_string<'s>(grammar: &Expressions<'s>) -> Rule<'s, Vec<FPart>> {
    let tokens = token(Want::VALUE, |tok| if let Tok::FString(items) = tok { Some(items.as_slice()) } else { None });
    parts(grammar).nested_in(inside(tokens)).boxed()
}

fn parts<'s>(grammar: &Expressions<'s>) -> Rule<'s, Vec<FPart>> {
    let value = tuple(grammar.expr.clone());
    recursive(|parts| {
        let text =
            token(Want::NOTHING, |tok| if let Tok::FText(text) = tok { Some(FPart::Text(text.clone())) } else { None });
        let spec = token(Want::END, |tok| if let Tok::FSpec(items) = tok { Some(items.as_slice()) } else { None });
        let spec = parts.nested_in(inside(spec));
        let conversion = token(Want::END, |tok| if let Tok::FConversion(c) = tok { Some(*c) } else { None });
        let content = value.then(conversion.or_not()).then(spec.or_not()).map(|((value, conversion), spec)| {
            FPart::Value { value: Box::new(value), conversion, spec: spec.unwrap_or_default() }
        });
        let braces =
            token(Want::NOTHING, |tok| if let Tok::FValue(items) = tok { Some(items.as_slice()) } else { None });
        choice((text, content.nested_in(inside(braces)))).repeated().collect::<Vec<_>>()
    })
    .boxed()
}
