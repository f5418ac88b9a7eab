//! The words of the language: what the lexer makes of a text.
//!
//! Tokens form a tree. What stands between brackets is one [`Tok::Group`], an indented block is one
//! [`Tok::Block`], an f-string is one [`Tok::FString`]; so the parser can skip any of them whole.

use crate::ast::At;
use std::sync::Arc;

/// A token with its place.
pub(crate) type Token = At<Tok>;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tok {
    /// An identifier that is not a keyword.
    Name(Arc<str>),
    /// An integer that fits 64 bits signed.
    Int(i64),
    /// The decimal digits of a larger integer.
    BigInt(Arc<str>),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A number that ends in `j`.
    Imaginary(f64),
    /// A string, escapes resolved.
    Str(Arc<str>),
    /// An f-string: `FText` and `FValue` tokens.
    FString(Vec<Token>),
    /// Plain text inside an f-string or a format spec.
    FText(Arc<str>),
    /// `{…}` inside an f-string: the expression's tokens, then perhaps `FConversion`, then perhaps `FSpec`.
    FValue(Vec<Token>),
    /// `!r`, `!s` or `!a`
    FConversion(char),
    /// What stands after the `:` in braces: `FText` and `FValue` tokens.
    FSpec(Vec<Token>),
    /// An operator, a separator or a keyword.
    Sym(Sym),
    /// What stands between a pair of brackets.
    Group(Delim, Vec<Token>),
    /// The lines of an indented block.
    Block(Vec<Token>),
    /// The end of a logical line.
    Newline,
}

/// The kinds of brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delim {
    /// `( )`
    Paren,
    /// `[ ]`
    Square,
    /// `{ }`
    Brace,
}

impl Delim {
    pub(crate) fn of_opener(c: char) -> Option<Delim> {
        match c {
            '(' => Some(Delim::Paren),
            '[' => Some(Delim::Square),
            '{' => Some(Delim::Brace),
            _ => None,
        }
    }

    pub(crate) fn of_closer(c: char) -> Option<Delim> {
        match c {
            ')' => Some(Delim::Paren),
            ']' => Some(Delim::Square),
            '}' => Some(Delim::Brace),
            _ => None,
        }
    }

    pub(crate) fn opener(self) -> char {
        match self {
            Delim::Paren => '(',
            Delim::Square => '[',
            Delim::Brace => '{',
        }
    }

    pub(crate) fn closer(self) -> char {
        match self {
            Delim::Paren => ')',
            Delim::Square => ']',
            Delim::Brace => '}',
        }
    }
}

/// Operators, separators and keywords, in the order of [`SYMBOLS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[rustfmt::skip]
pub(crate) enum Sym {
    PowAssign, FloorDivAssign, ShlAssign, ShrAssign, Ellipsis,
    AddAssign, SubAssign, MulAssign, DivAssign, ModAssign, MatMulAssign, AndAssign, OrAssign, XorAssign,
    Pow, FloorDiv, Shl, Shr, Eq, Ne, Le, Ge, Walrus, Arrow,
    Add, Sub, Mul, Div, Mod, MatMul, BitAnd, BitOr, BitXor, Invert, Lt, Gt, Assign,
    Comma, Colon, Dot, Semicolon,
    And, As, Assert, Async, Await, Break, Class, Continue, Def, Del, Elif, Else, Except, False, Finally, For,
    From, Global, If, Import, In, Is, Lambda, None, Nonlocal, Not, Or, Pass, Raise, Return, True, Try, While,
    With, Yield,
}

/// Each symbol as it is written; longer operators stand before their beginnings.
#[rustfmt::skip]
const SYMBOLS: [(&str, Sym); 76] = [
    ("**=", Sym::PowAssign), ("//=", Sym::FloorDivAssign), ("<<=", Sym::ShlAssign), (">>=", Sym::ShrAssign),
    ("...", Sym::Ellipsis),
    ("+=", Sym::AddAssign), ("-=", Sym::SubAssign), ("*=", Sym::MulAssign), ("/=", Sym::DivAssign),
    ("%=", Sym::ModAssign), ("@=", Sym::MatMulAssign), ("&=", Sym::AndAssign), ("|=", Sym::OrAssign),
    ("^=", Sym::XorAssign),
    ("**", Sym::Pow), ("//", Sym::FloorDiv), ("<<", Sym::Shl), (">>", Sym::Shr), ("==", Sym::Eq),
    ("!=", Sym::Ne), ("<=", Sym::Le), (">=", Sym::Ge), (":=", Sym::Walrus), ("->", Sym::Arrow),
    ("+", Sym::Add), ("-", Sym::Sub), ("*", Sym::Mul), ("/", Sym::Div), ("%", Sym::Mod), ("@", Sym::MatMul),
    ("&", Sym::BitAnd), ("|", Sym::BitOr), ("^", Sym::BitXor), ("~", Sym::Invert), ("<", Sym::Lt),
    (">", Sym::Gt), ("=", Sym::Assign),
    (",", Sym::Comma), (":", Sym::Colon), (".", Sym::Dot), (";", Sym::Semicolon),
    ("and", Sym::And), ("as", Sym::As), ("assert", Sym::Assert), ("async", Sym::Async), ("await", Sym::Await),
    ("break", Sym::Break), ("class", Sym::Class), ("continue", Sym::Continue), ("def", Sym::Def),
    ("del", Sym::Del), ("elif", Sym::Elif), ("else", Sym::Else), ("except", Sym::Except),
    ("False", Sym::False), ("finally", Sym::Finally), ("for", Sym::For), ("from", Sym::From),
    ("global", Sym::Global), ("if", Sym::If), ("import", Sym::Import), ("in", Sym::In), ("is", Sym::Is),
    ("lambda", Sym::Lambda), ("None", Sym::None), ("nonlocal", Sym::Nonlocal), ("not", Sym::Not),
    ("or", Sym::Or), ("pass", Sym::Pass), ("raise", Sym::Raise), ("return", Sym::Return), ("True", Sym::True),
    ("try", Sym::Try), ("while", Sym::While), ("with", Sym::With), ("yield", Sym::Yield),
];

const FIRST_KEYWORD: usize = Sym::And as usize;

impl Sym {
    /// As it is written.
    pub(crate) fn text(self) -> &'static str {
        SYMBOLS[self as usize].0
    }

    /// The longest operator or separator that `text` begins with.
    pub(crate) fn operator(text: &str) -> Option<Sym> {
        SYMBOLS[..FIRST_KEYWORD].iter().find(|(written, _)| text.starts_with(written)).map(|&(_, sym)| sym)
    }

    /// The keyword that is written so.
    pub(crate) fn keyword(word: &str) -> Option<Sym> {
        SYMBOLS[FIRST_KEYWORD..].iter().find(|(written, _)| *written == word).map(|&(_, sym)| sym)
    }

    /// Whether this is a word.
    pub(crate) fn is_keyword(self) -> bool {
        self >= Sym::And
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (place, (text, sym)) in SYMBOLS.iter().enumerate() {
            assert_eq!(*sym as usize, place, "{text}");
            let found = if sym.is_keyword() { Sym::keyword(text) } else { Sym::operator(text) };
            assert_eq!(found, Some(*sym), "{text}");
        }
    }
}
