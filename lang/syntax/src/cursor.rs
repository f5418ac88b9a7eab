//! What stands before the cursor, for completion and for help on a name.

use crate::lexer::lex_open;
use crate::source::{Source, Span};
use crate::token::{Delim, Sym, Tok, Token};

/// What surrounds a place in a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The name or attribute that ends at the cursor.
    pub word: Option<Word>,
    /// The innermost call whose brackets are open at the cursor.
    pub call: Option<Call>,
}

/// A name with what it is an attribute of, such as `da.linalg.s` or `f(x).su`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its text up to the cursor, brackets included; it may end in a dot.
    pub text: String,
    /// The place of `text`.
    pub span: Span,
    /// From the start of `text` to the end of the word that the cursor stands in.
    pub whole: Span,
}

/// A call that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is called, such as `da.ones`.
    pub callee: String,
    /// Its place.
    pub span: Span,
    /// How many arguments stand before the cursor's.
    pub argument: usize,
    /// The name before `=`, if the cursor's argument has one.
    pub name: Option<String>,
}

/// Looks at the text before the byte `offset`, which may be cut anywhere; a place inside a character is
/// taken for its beginning.
pub fn word_at(text: &str, offset: usize) -> Cursor {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let source = Source::new("cursor", &text[..end]);
    let lexed = lex_open(&source);
    let mut cursor = Cursor::default();
    descend(&lexed.tokens, &lexed.broken, &source, &mut cursor);
    if let Some(word) = &mut cursor.word {
        let tail = text[end..].find(|c| !unicode_ident::is_xid_continue(c)).unwrap_or(text.len() - end);
        word.whole.end = end + tail;
    }
    cursor
}

/// Follows whatever is still open at the end of the tokens.
fn descend(tokens: &[Token], broken: &[Span], source: &Source, cursor: &mut Cursor) {
    let end = tokens.iter().rposition(|token| !matches!(token.node, Tok::Newline)).map_or(0, |place| place + 1);
    let tokens = &tokens[..end];
    let Some(last) = tokens.last() else { return };
    let open = |span: Span| span.end == source.text.len() && broken.contains(&span);
    match &last.node {
        Tok::Block(items) => descend(items, broken, source, cursor),
        Tok::FString(items) => {
            if let Some(Token { node: Tok::FValue(items), span }) = items.last()
                && span.end == source.text.len()
            {
                descend(items, broken, source, cursor);
            }
        }
        Tok::Group(delim, items) if open(last.span) => {
            if *delim == Delim::Paren {
                cursor.call = call(&tokens[..end - 1], items, source).or(cursor.call.take());
            }
            descend(items, broken, source, cursor);
        }
        _ if last.span.end == source.text.len() => cursor.word = word(tokens, source),
        _ => {}
    }
}

fn call(before: &[Token], items: &[Token], source: &Source) -> Option<Call> {
    let callee = word_span(before)?;
    let argument = items.iter().filter(|token| token.node == Tok::Sym(Sym::Comma)).count();
    let current = items.iter().rposition(|token| token.node == Tok::Sym(Sym::Comma)).map_or(0, |place| place + 1);
    let name = match &items[current..] {
        [Token { node: Tok::Name(name), .. }, Token { node: Tok::Sym(Sym::Assign), .. }, ..] => Some(name.to_string()),
        _ => None,
    };
    Some(Call { callee: source.slice(callee).to_string(), span: callee, argument, name })
}

fn word(tokens: &[Token], source: &Source) -> Option<Word> {
    if !matches!(tokens.last()?.node, Tok::Name(_) | Tok::Sym(Sym::Dot)) {
        return word_of_keyword(tokens.last()?, source);
    }
    let span = word_span(tokens)?;
    Some(Word { text: source.slice(span).to_string(), span, whole: span })
}

/// The beginning of a longer name may read as a keyword, such as `is` of `isfinite`.
fn word_of_keyword(token: &Token, source: &Source) -> Option<Word> {
    match token.node {
        Tok::Sym(sym) if sym.is_keyword() => {
            Some(Word { text: source.slice(token.span).to_string(), span: token.span, whole: token.span })
        }
        _ => None,
    }
}

/// The place of the longest run `a.b(…)[…].c` at the end of the tokens.
fn word_span(tokens: &[Token]) -> Option<Span> {
    let end = tokens.last()?.span.end;
    let mut place = tokens.len();
    let mut start = None;
    while let Some(token) = place.checked_sub(1).and_then(|place| tokens.get(place)) {
        place -= 1;
        let after_dot = place > 0 && tokens[place - 1].node == Tok::Sym(Sym::Dot);
        match token.node {
            Tok::Sym(Sym::Dot) => {}
            Tok::Group(Delim::Paren | Delim::Square, _) if place > 0 && can_be_applied(&tokens[place - 1].node) => {}
            Tok::Name(_) | Tok::Str(_) | Tok::Group(..) => {
                start = Some(token.span.start);
                if !after_dot {
                    break;
                }
            }
            _ => break,
        }
    }
    start.map(|start| Span::new(start, end))
}

fn can_be_applied(tok: &Tok) -> bool {
    matches!(tok, Tok::Name(_) | Tok::Group(..) | Tok::Str(_))
}
