//! What stands around a slip.

use crate::parser::Want;
use crate::source::{Source, Span};
use crate::token::{Sym, Tok, Token};

/// A word of the text, brackets included, in the order of the text.
#[derive(Clone, Copy)]
pub(super) struct Leaf<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    Text,
    Sym(Sym),
    Opener,
    Closer,
    LineEnd,
}

/// A slip with its neighbours.
pub(super) struct Scene<'a> {
    pub(super) source: &'a Source,
    pub(super) span: Span,
    pub(super) want: Want,
    /// What stands there; `None` at the end of the text.
    pub(super) found: Option<Leaf<'a>>,
    /// What stands before it on the same line, the nearest first.
    pub(super) before: Vec<Leaf<'a>>,
}

/// How far back a rule may look.
const LOOK_BACK: usize = 64;

impl<'a> Scene<'a> {
    pub(super) fn new(source: &'a Source, leaves: &[Leaf<'a>], span: Span, want: Want) -> Self {
        let place = leaves.partition_point(|leaf| leaf.span.start < span.start);
        let found = leaves.get(place).filter(|leaf| leaf.span.start == span.start).copied();
        let on_line = |leaf: &&Leaf<'_>| leaf.kind != Kind::LineEnd;
        let before = leaves[..place].iter().rev().take_while(on_line).take(LOOK_BACK).copied().collect();
        Self { source, span, want, found, before }
    }

    pub(super) fn previous(&self) -> Option<Leaf<'a>> {
        self.before.first().copied()
    }

    /// Where something is missing: right after what stands before.
    pub(super) fn gap(&self) -> Span {
        let end = self.previous().map_or(self.span.start, |leaf| leaf.span.end);
        Span::new(end, end)
    }

    pub(super) fn found_sym(&self) -> Option<Sym> {
        match self.found.map(|leaf| leaf.kind) {
            Some(Kind::Sym(sym)) => Some(sym),
            _ => None,
        }
    }

    /// Whether what was found could begin a value.
    pub(super) fn found_value(&self) -> bool {
        match self.found.map(|leaf| leaf.kind) {
            Some(Kind::Name | Kind::Number | Kind::Text | Kind::Opener) => true,
            Some(Kind::Sym(sym)) => matches!(sym, Sym::None | Sym::True | Sym::False | Sym::Lambda),
            _ => false,
        }
    }

    /// What was found, for a sentence.
    pub(super) fn found_words(&self) -> String {
        let Some(leaf) = self.found else { return "the end of the text".into() };
        match leaf.kind {
            Kind::LineEnd => "the end of the line".into(),
            Kind::Text => "a string".into(),
            Kind::Sym(sym) if sym.is_keyword() => format!("the keyword `{}`", leaf.text),
            Kind::Name | Kind::Number | Kind::Sym(_) | Kind::Opener | Kind::Closer => {
                format!("`{}`", shortened(leaf.text))
            }
        }
    }
}

/// A text that fits into a sentence.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 24;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

/// The words of nested tokens in the order of the text.
pub(super) fn leaves<'a>(tokens: &'a [Token], source: &'a Source) -> Vec<Leaf<'a>> {
    let mut out = Vec::new();
    collect(tokens, source, &mut out);
    out
}

fn collect<'a>(tokens: &'a [Token], source: &'a Source, out: &mut Vec<Leaf<'a>>) {
    for token in tokens {
        let mut leaf = |kind, span| out.push(Leaf { kind, text: source.slice(span), span });
        let Span { start, end } = token.span;
        match &token.node {
            Tok::Name(_) => leaf(Kind::Name, token.span),
            Tok::Int(_) | Tok::BigInt(_) | Tok::Float(_) | Tok::Imaginary(_) => leaf(Kind::Number, token.span),
            Tok::Str(_) | Tok::FText(_) | Tok::FConversion(_) => leaf(Kind::Text, token.span),
            Tok::Sym(sym) => leaf(Kind::Sym(*sym), token.span),
            Tok::Newline => leaf(Kind::LineEnd, token.span),
            Tok::Block(items) => collect(items, source, out),
            Tok::FString(items) | Tok::FSpec(items) => {
                leaf(Kind::Text, Span::new(start, items.first().map_or(end, |item| item.span.start.max(start))));
                collect(items, source, out);
            }
            Tok::Group(_, items) | Tok::FValue(items) => {
                leaf(Kind::Opener, Span::new(start, (start + 1).min(end)));
                collect(items, source, out);
                out.push(closer(source, token.span));
            }
        }
    }
}

fn closer(source: &Source, span: Span) -> Leaf<'_> {
    let span = Span::new(span.end.saturating_sub(1).max(span.start), span.end);
    Leaf { kind: Kind::Closer, text: source.slice(span), span }
}
