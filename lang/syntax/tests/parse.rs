//! Scripts that parse, and scripts whose mistakes are named beside them.

#![allow(clippy::unwrap_used)] // A test may panic.

use cleave_syntax::diagnostic::{Diagnostic, render};
use cleave_syntax::source::Source;
use cleave_syntax::{dump, parse};
use std::path::{Path, PathBuf};

fn scripts(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 4);
    paths
}

fn source(path: &Path) -> Source {
    Source::new(path.file_name().unwrap().to_string_lossy(), std::fs::read_to_string(path).unwrap())
}

#[test]
fn good_scripts_parse() {
    for path in scripts("ok") {
        let source = source(&path);
        let (program, diagnostics) = parse(&source);
        assert!(diagnostics.is_empty(), "{}", render(&diagnostics, false));
        assert!(!program.body.is_empty());
        insta::assert_snapshot!(format!("ok_{}", path.file_stem().unwrap().to_string_lossy()), dump(&program));
    }
}

/// A mistake that a script announces: the line of code above the remark, the code, the beginning of the message.
#[derive(Debug, PartialEq)]
struct Expected {
    line: usize,
    text: String,
}

fn expected(text: &str) -> Vec<Expected> {
    let mut line_of_code = 0;
    let mut out = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match line.strip_prefix("#! ") {
            Some(text) => out.push(Expected { line: line_of_code, text: text.to_string() }),
            None => line_of_code = number + 1,
        }
    }
    out
}

fn found(diagnostic: &Diagnostic) -> Expected {
    let line = diagnostic.source.line_of(diagnostic.labels[0].span.start);
    Expected { line, text: diagnostic.to_string() }
}

/// Every mistake is announced, every announced mistake is found, and nothing else.
#[test]
fn bad_scripts_give_the_errors_beside_them() {
    let mut wrong: Vec<String> = Vec::new();
    for path in scripts("bad") {
        let source = source(&path);
        let expected = expected(&source.text);
        let found: Vec<_> = parse(&source).1.iter().map(found).collect();
        let agree = |want: &Expected, got: &Expected| got.line == want.line && got.text.starts_with(&want.text);
        for want in expected.iter().filter(|want| !found.iter().any(|got| agree(want, got))) {
            wrong.push(format!("{} should give {want:?}", source.name));
        }
        for got in found.iter().filter(|got| !expected.iter().any(|want| agree(want, got))) {
            wrong.push(format!("{} should not give {got:?}", source.name));
        }
        assert!(!wrong.is_empty() || found.len() == expected.len(), "{}: one mistake twice: {found:#?}", source.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a user sees, source and errors together.
#[test]
fn drawings() {
    let text =
        "offsets = arange(365.)\nx = era5.t2m[0]\ny = x.mean(axis=1) +\nif x = 3\n    print x\n    foo(a b, [1, 2)\n";
    let diagnostics = parse(&Source::new("cell 7", text)).1;
    insta::assert_snapshot!("drawings", format!("{text}\n{}", render(&diagnostics, false)));
    insta::assert_snapshot!("drawings_in_colour", render(&diagnostics[..1], true));
}
