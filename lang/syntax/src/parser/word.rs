//! The smallest rules: one token, a look at the next one, a skip to the next landmark.

use super::slip::{Slip, Want};
use super::{Extra, Input, Rule, at, input};
use crate::ast::Name;
use crate::source::Span;
use crate::token::{Delim, Sym, Tok, Token};
use chumsky::prelude::*;

/// One token of which `pick` makes something.
pub(super) fn token<'s, O: 's>(
    want: Want,
    pick: impl Fn(&'s Tok) -> Option<O> + Clone + 's,
) -> impl Parser<'s, Input<'s>, O, Extra> + Clone + 's {
    custom(move |inp| {
        let before = inp.cursor();
        let picked = inp.next_ref().and_then(&pick);
        picked.ok_or_else(|| Slip::wanted(want, inp.span_since(&before)))
    })
}

/// A symbol.
pub(super) fn sym<'s>(sym: Sym, want: Want) -> impl Parser<'s, Input<'s>, (), Extra> + Clone + 's {
    token(want, move |tok| (*tok == Tok::Sym(sym)).then_some(()))
}

/// A symbol that begins something, so that its absence is worth no remark.
pub(super) fn keyword<'s>(word: Sym) -> impl Parser<'s, Input<'s>, (), Extra> + Clone + 's {
    sym(word, Want::NOTHING)
}

pub(super) fn comma<'s>() -> impl Parser<'s, Input<'s>, (), Extra> + Clone + 's {
    sym(Sym::Comma, Want::COMMA)
}

pub(super) fn newline<'s>() -> impl Parser<'s, Input<'s>, (), Extra> + Clone + 's {
    token(Want::LINE_END, |tok| matches!(tok, Tok::Newline).then_some(()))
}

pub(super) fn name<'s>() -> impl Parser<'s, Input<'s>, Name, Extra> + Clone + 's {
    let word = token(Want::NAME, |tok| if let Tok::Name(name) = tok { Some(name.clone()) } else { None });
    word.map_with(|name, e| at(name, e.span()))
}

/// Looks at the next token without passing it; `None` is the end.
pub(super) fn peek<'s>(
    want: Want,
    test: impl Fn(Option<&Tok>) -> bool + Clone + 's,
) -> impl Parser<'s, Input<'s>, (), Extra> + Clone + 's {
    custom(move |inp| {
        let before = inp.cursor();
        if test(inp.peek_ref()) {
            return Ok(());
        }
        inp.next_ref();
        Err(Slip::wanted(want, inp.span_since(&before)))
    })
}

/// Passes at least `least` tokens, up to the first that `stop` accepts or the end.
pub(super) fn skip<'s>(
    least: usize,
    stop: impl Fn(&Tok) -> bool + Clone + 's,
) -> impl Parser<'s, Input<'s>, Span, Extra> + Clone + 's {
    custom(move |inp| {
        let before = inp.cursor();
        let mut passed = 0;
        while inp.peek_ref().is_some_and(|tok| !stop(tok)) {
            inp.next_ref();
            passed += 1;
        }
        let span: Span = inp.span_since(&before);
        let span = if passed == 0 { Span::new(span.start, span.start) } else { span };
        if passed >= least { Ok(span) } else { Err(Slip::wanted(Want::NOTHING, span)) }
    })
}

/// A pair of brackets whose content `inner` reads.
pub(super) fn group<'s, O: 's>(delim: Delim, want: Want, inner: Rule<'s, O>) -> Rule<'s, O> {
    let items = token(want, move |tok| match tok {
        Tok::Group(found, items) if *found == delim => Some(items.as_slice()),
        _ => None,
    });
    inner.nested_in(inside(items)).boxed()
}

/// Turns the tokens inside another one into an input that ends at its last character.
pub(super) fn inside<'s>(
    items: impl Parser<'s, Input<'s>, &'s [Token], Extra> + Clone + 's,
) -> impl Parser<'s, Input<'s>, Input<'s>, Extra> + Clone + 's {
    items.map_with(|items, e| {
        let span: Span = e.span();
        let end = span.end.saturating_sub(1).max(span.start);
        input(items, Span::new(end, end))
    })
}

pub(super) fn is(tok: Option<&Tok>, sym: Sym) -> bool {
    tok == Some(&Tok::Sym(sym))
}
