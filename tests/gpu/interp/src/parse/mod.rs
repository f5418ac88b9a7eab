//! Tokens to syntax: `mod` walks the module, `variable` its memory, `statement` the bodies.

mod statement;
mod variable;

use crate::{
    error::{LoadError, LoadKind, Place},
    syntax::{Entry, Space, Text, Variable},
    token::{Token, TokenKind, tokens},
};

const OLDEST_TARGET: u32 = 70;

/// Reads a module.
pub(crate) fn parse(text: &str) -> Result<Text, LoadError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    parser.header()?;
    let target = parser.target()?;
    let mut found = Text { target, variables: Vec::new(), kernels: Vec::new() };
    while parser.peek() != &TokenKind::End {
        parser.item(&mut found)?;
    }
    Ok(found)
}

pub(crate) struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    pub(crate) fn peek(&self) -> &TokenKind {
        &self.tokens[self.at].kind
    }

    fn peek_second(&self) -> &TokenKind {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)].kind
    }

    pub(crate) fn place(&self) -> Place {
        self.tokens[self.at].place
    }

    pub(crate) fn next(&mut self) -> TokenKind {
        let kind = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        kind
    }

    pub(crate) fn expected<T>(&self, expected: &'static str) -> Result<T, LoadError> {
        let kind = LoadKind::Syntax { expected, found: self.peek().text() };
        Err(LoadError { place: self.place(), kind })
    }

    pub(crate) fn found(&mut self, mark: char) -> bool {
        let is = self.peek() == &TokenKind::Mark(mark);
        if is {
            self.next();
        }
        is
    }

    pub(crate) fn mark(&mut self, mark: char, expected: &'static str) -> Result<(), LoadError> {
        if self.found(mark) { Ok(()) } else { self.expected(expected) }
    }

    pub(crate) fn word(&mut self, expected: &'static str) -> Result<String, LoadError> {
        match self.peek().clone() {
            TokenKind::Word(word) => {
                self.next();
                Ok(word)
            }
            _ => self.expected(expected),
        }
    }

    /// A name after a dot.
    pub(crate) fn directive(&mut self) -> Result<String, LoadError> {
        self.mark('.', "a directive")?;
        self.word("the name of a directive")
    }

    /// Whether `.name` stands here; if so it is taken.
    pub(crate) fn found_directive(&mut self, name: &str) -> bool {
        let is = self.peek() == &TokenKind::Mark('.') && self.peek_second() == &TokenKind::Word(name.into());
        if is {
            self.at += 2;
        }
        is
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, LoadError> {
        match *self.peek() {
            TokenKind::Integer(value) => {
                self.next();
                Ok(value)
            }
            _ => self.expected("an integer"),
        }
    }

    fn header(&mut self) -> Result<(), LoadError> {
        if !self.found_directive("version") {
            return self.expected(".version");
        }
        let place = self.place();
        match self.next() {
            TokenKind::Decimal(version) if (6.0..10.0).contains(&version) => Ok(()),
            other => Err(LoadError { place, kind: LoadKind::Version(other.text()) }),
        }
    }

    fn target(&mut self) -> Result<u32, LoadError> {
        if !self.found_directive("target") {
            return self.expected(".target");
        }
        let place = self.place();
        let name = self.word("a target such as sm_75")?;
        let digits = name.strip_prefix("sm_").unwrap_or_default().trim_end_matches(['a', 'f']);
        match digits.parse() {
            Ok(target) if target >= OLDEST_TARGET => Ok(target),
            Ok(target) => Err(LoadError { place, kind: LoadKind::Target { needs: OLDEST_TARGET, target } }),
            Err(_) => {
                Err(LoadError { place, kind: LoadKind::Syntax { expected: "a target such as sm_75", found: name } })
            }
        }
    }

    fn item(&mut self, text: &mut Text) -> Result<(), LoadError> {
        if self.found_directive("address_size") {
            let place = self.place();
            return match self.unsigned()? {
                64 => Ok(()),
                other => Err(LoadError { place, kind: LoadKind::Syntax { expected: "64", found: other.to_string() } }),
            };
        }
        for linkage in ["visible", "extern", "weak"] {
            self.found_directive(linkage);
        }
        if self.found_directive("entry") {
            text.kernels.push(self.entry()?);
        } else {
            let space = self.space()?;
            text.variables.push(self.variable(space)?);
            self.mark(';', "`;`")?;
        }
        Ok(())
    }

    pub(crate) fn space(&mut self) -> Result<Space, LoadError> {
        let spaces =
            [("global", Space::Global), ("const", Space::Constant), ("shared", Space::Shared), ("local", Space::Local)];
        match spaces.into_iter().find(|(name, _)| self.found_directive(name)) {
            Some((_, space)) => Ok(space),
            None => self.expected(".entry or memory"),
        }
    }

    fn entry(&mut self) -> Result<Entry, LoadError> {
        let place = self.place();
        let name = self.word("the name of a kernel")?;
        let params = if self.found('(') { self.params()? } else { Vec::new() };
        let most_threads = self.tuning()?;
        self.mark('{', "`{`")?;
        let body = self.body()?;
        Ok(Entry { place, name, params, most_threads, body })
    }

    fn params(&mut self) -> Result<Vec<Variable>, LoadError> {
        let mut params = Vec::new();
        while !self.found(')') {
            if !self.found_directive("param") {
                return self.expected(".param");
            }
            params.push(self.variable(Space::Param)?);
            if !self.found(',') && self.peek() != &TokenKind::Mark(')') {
                return self.expected("`,` or `)`");
            }
        }
        Ok(params)
    }

    /// Hints between the parameters and the body.
    fn tuning(&mut self) -> Result<Option<u32>, LoadError> {
        let mut most = None;
        while self.peek() == &TokenKind::Mark('.') {
            let name = self.directive()?;
            let mut product = self.unsigned()?;
            while self.found(',') {
                product *= self.unsigned()?;
            }
            match name.as_str() {
                "maxntid" | "reqntid" => most = u32::try_from(product).ok(),
                "minnctapersm" | "maxnreg" => {}
                _ => return self.expected("`{`"),
            }
        }
        Ok(most)
    }
}
