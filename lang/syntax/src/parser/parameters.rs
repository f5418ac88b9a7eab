//! Parameters of `def` and `lambda`.

use super::slip::{Slip, Want};
use super::word::{comma, keyword, name};
use super::{Expr, Rule};
use crate::ast::{Name, Param, ParamKind};
use crate::token::Sym;
use chumsky::prelude::*;

/// One entry between the commas.
#[derive(Clone)]
enum Entry {
    Named(Name, Option<Expr>),
    Rest(Name),
    /// A lone `*`: what follows is passed by name.
    NameOnly,
    /// A lone `/`, which changes nothing here.
    PositionOnly,
}

/// Parameters with commas between; annotations, where allowed, are read and dropped.
pub(super) fn parameters<'s>(expr: Rule<'s, Expr>, annotated: bool) -> Rule<'s, Vec<Param>> {
    let annotation: Rule<'s, ()> = if annotated {
        keyword(Sym::Colon).ignore_then(expr.clone()).or_not().ignored().boxed()
    } else {
        empty().boxed()
    };
    let default = keyword(Sym::Assign).ignore_then(expr).or_not();
    let plain = name().then_ignore(annotation.clone()).then(default).map(|(name, default)| Entry::Named(name, default));
    let rest = keyword(Sym::Mul).ignore_then(name().then_ignore(annotation.clone()).or_not());
    let rest = rest.map(|name| name.map_or(Entry::NameOnly, Entry::Rest));
    let slash = keyword(Sym::Div).to(Entry::PositionOnly);
    let entry = choice((plain, rest, keywords(annotation), slash)).boxed();
    let more = comma().ignore_then(entry.clone()).repeated().collect::<Vec<_>>();
    let all = entry.then(more).then_ignore(comma().or_not());
    let all = all.map(|(first, more)| kinds(std::iter::once(first).chain(more)));
    all.or_not().map(Option::unwrap_or_default).boxed()
}

/// `**options`, which is understood and refused.
fn keywords<'s>(annotation: Rule<'s, ()>) -> Rule<'s, Entry> {
    let all = keyword(Sym::Pow).ignore_then(name()).then_ignore(annotation);
    all.validate(|name, _, emitter| {
        let help = "name each parameter, with a default as in `axis=None`";
        let message = format!("collecting arguments by name (`**{}`) is not in the language", name.node);
        emitter.emit(Slip::said("not-in-language", message, help, name.span));
        Entry::Named(name, None)
    })
    .boxed()
}

fn kinds(entries: impl Iterator<Item = Entry>) -> Vec<Param> {
    let mut kind = ParamKind::Plain;
    let mut params = Vec::new();
    for entry in entries {
        match entry {
            Entry::Named(name, default) => params.push(Param { name, default, kind }),
            Entry::Rest(name) => {
                params.push(Param { name, default: None, kind: ParamKind::Rest });
                kind = ParamKind::NameOnly;
            }
            Entry::NameOnly => kind = ParamKind::NameOnly,
            Entry::PositionOnly => {}
        }
    }
    params
}

/// What a parameter list needs at its place.
pub(super) const WANTED: Want = Want::PARAMETERS;
