//! Whatever the text, parsing answers: no panic, places inside the text, and no control codes in errors.

use cleave_syntax::ast::{Body, Expr, Stmt, StmtKind};
use cleave_syntax::diagnostic::{Diagnostic, render};
use cleave_syntax::source::{Source, Span};
use cleave_syntax::{children, completeness, dump, parse, word_at};
use proptest::prelude::*;

/// Parses and checks all that must hold for any text.
fn check(text: &str) -> Vec<Diagnostic> {
    let source = Source::new("cell 1", text);
    let (program, diagnostics) = parse(&source);
    check_body(&program.body, text);
    for diagnostic in &diagnostics {
        assert!(!diagnostic.labels.is_empty() && !diagnostic.message.is_empty());
        diagnostic.labels.iter().for_each(|label| check_span(label.span, text));
    }
    let shown = render(&diagnostics, false);
    assert!(shown.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()), "{shown:?}");
    render(&diagnostics, true);
    dump(&program);
    completeness(text);
    diagnostics
}

fn check_span(span: Span, text: &str) {
    assert!(text.get(span.range()).is_some(), "{span:?} is no place in a text of {} bytes", text.len());
}

fn check_body(body: &Body, text: &str) {
    body.iter().for_each(|statement| check_statement(statement, text));
}

fn check_statement(statement: &Stmt, text: &str) {
    check_span(statement.span, text);
    match &statement.node {
        StmtKind::Expr(value) => check_expr(value, text),
        StmtKind::Assign { targets, value } => {
            targets.iter().for_each(|target| check_expr(target, text));
            check_expr(value, text);
        }
        StmtKind::Def(def) => check_body(&def.body, text),
        StmtKind::If { branches, orelse } => {
            branches.iter().for_each(|(_, body)| check_body(body, text));
            check_body(orelse, text);
        }
        StmtKind::For { body, .. } | StmtKind::While { body, .. } | StmtKind::With { body, .. } => {
            check_body(body, text)
        }
        _ => {}
    }
}

fn check_expr(expr: &Expr, text: &str) {
    check_span(expr.span, text);
    children(expr, &mut |child| check_expr(child, text));
}

const WORDS: [&str; 78] = [
    "x",
    "match",
    "print",
    "é",
    "1",
    "0x1F",
    "1_0",
    "09",
    "1.5e3",
    "2j",
    "\"a\"",
    "'",
    "\"",
    "\"\"\"",
    "f\"{x}\"",
    "f\"{x:>{w}}{{\"",
    "f'{",
    "rb'a'",
    "\\x",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ";",
    ".",
    "...",
    "=",
    "==",
    "= =",
    ":=",
    "->",
    "+",
    "-",
    "*",
    "**",
    "//",
    "@",
    "~",
    "!",
    "!=",
    "&&",
    "||",
    "++",
    "<",
    "<=",
    "?",
    "$",
    "“",
    "−",
    "\u{a0}",
    "\n",
    "\n",
    "\n",
    "\n    ",
    "\n        ",
    "\n\t",
    "\\\n",
    "\r\n",
    "# c\n",
    "if",
    "else",
    "elif",
    "for",
    "in",
    "while",
    "def",
    "return",
    "lambda",
    "not",
    "try:",
    "class",
    "import",
    "\u{2028}",
    "\0",
];

fn soup() -> impl Strategy<Value = String> {
    proptest::collection::vec((0..WORDS.len(), any::<bool>()), 0..60).prop_map(|words| {
        words.into_iter().map(|(word, spaced)| format!("{}{}", WORDS[word], if spaced { " " } else { "" })).collect()
    })
}

const PROGRAM: &str = include_str!("ok/tour.clv");

/// The tour with one stretch cut out or replaced.
fn mutated() -> impl Strategy<Value = String> {
    (0..PROGRAM.len(), 0..8_usize, 0..WORDS.len(), any::<bool>()).prop_map(|(at, len, word, insert)| {
        let floor = |mut at: usize| {
            at = at.min(PROGRAM.len());
            while !PROGRAM.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (start, end) = (floor(at), floor(at + len));
        format!("{}{}{}", &PROGRAM[..start], if insert { WORDS[word] } else { "" }, &PROGRAM[end..])
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_words(text in soup()) {
        check(&text);
    }

    #[test]
    fn any_characters(text in "\\PC{0,80}") {
        check(&text);
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_mistake_in_a_program(text in mutated(), cursor in 0..4000_usize) {
        check(&text);
        word_at(&text, cursor);
    }
}

fn codes(text: &str) -> Vec<&'static str> {
    check(text).into_iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn a_line_may_end_in_an_f_string_in_a_bracket() {
    for text in ["('a\\\n' f'''{\n", "('a\nf'''{'\n''', x\n", "[)(f'''{\nx = 1\n}''')\n", "f(f'''{\n    x\n}''')"] {
        check(text);
    }
}

#[test]
fn a_lost_quote_in_an_f_string_may_follow_a_wide_character() {
    check("f\"{'a' if b else 'c−\nx");
    check("f\"{a if '−\nx");
}

#[test]
fn what_is_too_deep_is_refused() {
    let many = 20_000;
    assert_eq!(codes(&"(".repeat(many)), ["too-deep"]);
    assert_eq!(codes(&("[".repeat(many) + &"]".repeat(many))), ["too-deep"]);
    assert_eq!(codes(&format!("x = a{}", "+a".repeat(many))), ["too-deep"]);
    assert_eq!(codes(&format!("x = {}a", "-".repeat(many))), ["too-deep"]);
    assert_eq!(codes(&format!("x = {}a", "not ".repeat(many))), ["too-deep"]);
    assert_eq!(codes(&format!("x = a{}", ".b()".repeat(many))), ["too-deep"]);
    assert_eq!(codes(&format!("x = {}a", "lambda: ".repeat(many))), ["too-deep"]);
    assert_eq!(codes(&format!("x = {}a", "a if b else ".repeat(many))), ["too-deep"]);
    assert_eq!(codes(&format!("x = a{}", " ** a".repeat(many))), ["too-deep"]);
    let blocks: String = (0..300).map(|level| format!("{}if x:\n", " ".repeat(level))).collect();
    assert_eq!(codes(&blocks), ["too-deep"]);
    assert_eq!(codes(&format!("{}x{}", "f'{".repeat(3), "}'".repeat(3)))[..1], ["unclosed-bracket"]);
}

#[test]
fn what_is_just_deep_enough_works() {
    assert_eq!(codes(&format!("{}x{}", "(".repeat(99), ")".repeat(99))), [""; 0]);
    assert_eq!(codes(&format!("x = a{}", "+a".repeat(480))), [""; 0]);
    assert_eq!(codes(&format!("x = {}a", "a if b else ".repeat(200))), [""; 0]);
    let blocks: String = (0..80).map(|level| format!("{}if x:\n", " ".repeat(level))).collect();
    assert_eq!(codes(&format!("{blocks}{}pass", " ".repeat(80))), [""; 0]);
}

#[test]
fn what_is_flat_may_be_long() {
    assert_eq!(codes(&format!("x = [{}]", "1, ".repeat(30_000))), [""; 0]);
    assert_eq!(codes(&"x = f(1)\n".repeat(10_000)), [""; 0]);
    let branches: String = (0..2000).map(|n| format!("elif x == {n}:\n    pass\n")).collect();
    assert_eq!(codes(&format!("if x:\n    pass\n{branches}")), [""; 0]);
    assert_eq!(codes(&format!("x = {}", "'a' ".repeat(10_000))), [""; 0]);
}

#[test]
fn a_huge_text_is_refused() {
    let text = "x".repeat(10 << 20);
    assert_eq!(codes(&text), ["too-long"]);
    let source = Source::new("cell 1", text.as_str());
    assert!(render(&parse(&source).1, true).len() < 4000);
}

#[test]
fn a_long_line_is_shown_in_part() {
    let text = format!("{}y y{}", "x = 'äöü'; ".repeat(20_000), "; z".repeat(20_000));
    let diagnostics = check(&text);
    assert_eq!(diagnostics.len(), 1);
    let shown = render(&diagnostics, false);
    assert!(shown.len() < 2000 && shown.contains("y y"), "{shown}");
}

/// Each of these would take minutes if anything in the road were quadratic.
#[test]
fn the_worst_texts_are_answered() {
    let many = 40_000;
    for unit in [
        "(\n",
        "[1,\n",
        "x\n(",
        "“",
        "?",
        "f'{",
        "f\"{x!\" ",
        "\"",
        "x = = 1\n",
        "}\n",
        "\\N{",
        "if x\n",
        "a b c d\n",
        "\t",
        " \n",
        "\n",
        "'''",
        "1_",
        "++",
    ] {
        check(&unit.repeat(many));
    }
    check(&format!("f'{}'", "\\N{{".repeat(many)));
    check(&format!("f'{}'", "{x=".repeat(many)));
    check(&format!("({}\n)]", "\n".repeat(1 << 19)));
    check(&format!("({}{})]", " ".repeat(1 << 18), "\n".repeat(1 << 18)));
}
