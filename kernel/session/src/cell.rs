//! A cell's text: what is program, what is a magic, what is a question.

use cleave_syntax::source::Span;

/// A cell, taken apart. Magics and questions are replaced by blanks in `program`, so places stay what they were.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parts {
    /// The text without magics, of the same length.
    pub(crate) program: String,
    /// The cell magic that takes the whole body, if the cell begins with one.
    pub(crate) cell_magic: Option<MagicLine>,
    /// The magics that stand on lines of their own, in order.
    pub(crate) lines: Vec<MagicLine>,
}

/// A magic where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MagicLine {
    /// Its name without `%`; `?` and `??` for questions, `!` for a shell escape.
    pub(crate) name: String,
    /// What follows it on the line; for questions, the name asked about.
    pub(crate) argument: String,
    /// Where `argument` begins.
    pub(crate) argument_at: usize,
    /// The whole line.
    pub(crate) span: Span,
}

/// Takes a cell apart.
pub(crate) fn take_apart(text: &str) -> Parts {
    let mut program = text.to_owned();
    let first = text.len() - text.trim_start().len();
    if text[first..].starts_with("%%") {
        let end = text[first..].find('\n').map_or(text.len(), |n| first + n);
        let magic = read_magic(text, Span::new(first, end), 2);
        blank(&mut program, Span::new(0, end));
        return Parts { program, cell_magic: Some(magic), lines: Vec::new() };
    }
    let mut lines = Vec::new();
    for span in statement_starts(text) {
        let line = &text[span.range()];
        let magic = match line.trim_end() {
            l if l.starts_with('%') => Some(read_magic(text, span, 1)),
            l if l.starts_with('!') => {
                Some(MagicLine { name: "!".to_owned(), argument: l[1..].to_owned(), argument_at: span.start + 1, span })
            }
            l if l.starts_with('?') && l.len() > 1 => Some(question(l.trim_start_matches('?'), l, span)),
            l if l.ends_with('?') && is_name(l.trim_end_matches('?')) => {
                Some(question(l.trim_end_matches('?'), l, span))
            }
            _ => None,
        };
        if let Some(magic) = magic {
            blank(&mut program, span);
            lines.push(magic);
        }
    }
    Parts { program, cell_magic: None, lines }
}

fn read_magic(text: &str, span: Span, signs: usize) -> MagicLine {
    let line = &text[span.range()];
    let rest = &line[signs..];
    let name_len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let argument = rest[name_len..].trim_start();
    let argument_at = span.start + line.len() - argument.len();
    MagicLine { name: rest[..name_len].to_owned(), argument: argument.trim_end().to_owned(), argument_at, span }
}

fn question(name: &str, line: &str, span: Span) -> MagicLine {
    let marks = line.len() - name.len();
    MagicLine { name: "?".repeat(marks.min(2)), argument: name.trim().to_owned(), argument_at: span.start, span }
}

fn is_name(text: &str) -> bool {
    let word = |w: &str| {
        !w.is_empty() && w.chars().all(|c| c.is_alphanumeric() || c == '_') && !w.starts_with(|c: char| c.is_numeric())
    };
    let body = text.trim_start_matches('%');
    body.split('.').all(word)
}

fn blank(text: &mut String, span: Span) {
    let blanks: String = text[span.range()].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(span.range(), &blanks);
}

/// The lines, without indentation, on which a statement can begin: outside brackets, strings and joined lines.
fn statement_starts(text: &str) -> Vec<Span> {
    let (mut starts, mut scan, mut at) = (Vec::new(), Scan::default(), 0);
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        if scan.is_outside() && !body.starts_with([' ', '\t']) && !body.is_empty() {
            starts.push(Span::new(at, at + body.len()));
        }
        let magic = scan.is_outside() && body.starts_with(['%', '!']);
        if !magic {
            scan.line(body);
        }
        at += line.len();
    }
    starts
}

/// What is open at a place in the text.
#[derive(Default)]
struct Scan {
    depth: usize,
    quote: Option<(char, bool)>,
    joined: bool,
}

impl Scan {
    fn is_outside(&self) -> bool {
        self.depth == 0 && self.quote.is_none() && !self.joined
    }

    fn line(&mut self, line: &str) {
        self.joined = false;
        let chars: Vec<char> = line.chars().collect();
        let mut i = 0;
        while i < chars.len() {
            i += self.step(&chars, i);
        }
        if let Some((_, false)) = self.quote {
            self.quote = None;
        }
        self.joined = self.quote.is_none() && chars.last() == Some(&'\\');
    }

    /// Takes in one character, or a quote of three; how many were taken.
    fn step(&mut self, chars: &[char], i: usize) -> usize {
        let triple = |q: char| chars[i..].starts_with(&[q, q, q]);
        match (self.quote, chars[i]) {
            (Some(_), '\\') => 2,
            (Some((q, true)), c) if c == q && triple(q) => {
                self.quote = None;
                3
            }
            (Some((q, false)), c) if c == q => {
                self.quote = None;
                1
            }
            (Some(_), _) => 1,
            (None, q @ ('"' | '\'')) => {
                let long = triple(q);
                self.quote = Some((q, long));
                if long { 3 } else { 1 }
            }
            (None, '#') => chars.len() - i,
            (None, c) => {
                match c {
                    '(' | '[' | '{' => self.depth += 1,
                    ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, String)> {
        let parts = take_apart(text);
        parts.cell_magic.into_iter().chain(parts.lines).map(|m| (m.name, m.argument)).collect()
    }

    #[test]
    fn magics_are_found_where_statements_begin() {
        let cases: [(&str, &[(&str, &str)]); 9] = [
            ("%time x.sum()", &[("time", "x.sum()")]),
            ("%%time\nx = 1\ny = 2", &[("time", "")]),
            ("x = (1\n% 2)", &[]),
            ("s = '''\n%time\n'''", &[]),
            ("x = 1 \\\n% 2", &[]),
            ("x?", &[("?", "x")]),
            ("np.sum??", &[("??", "np.sum")]),
            ("?x", &[("?", "x")]),
            ("!ls -l", &[("!", "ls -l")]),
        ];
        for (text, want) in cases {
            let want: Vec<(String, String)> = want.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(names(text), want, "{text}");
        }
    }

    #[test]
    fn places_stay_what_they_were() {
        let parts = take_apart("a = 1\n%time a\nb = 2");
        assert_eq!(parts.program, "a = 1\n       \nb = 2");
        assert_eq!(parts.lines[0].argument_at, 12);
    }
}
