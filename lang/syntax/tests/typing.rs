//! What an editor asks while a text is being typed.

#![allow(clippy::unwrap_used)] // A test may panic.

use cleave_syntax::{Completeness, completeness, foreign_name, word_at};

/// `+` and spaces: more is needed, with so much indentation; `=`: complete; `!`: invalid.
#[rustfmt::skip]
const TEXTS: [(&str, &str); 44] = [
    ("", "="), ("\n", "="), ("a = 1", "="), ("a = 1\n", "="), ("# note", "="), ("x; y", "="), ("1\\\n+2", "="),
    ("%matplotlib inline", "="), ("%%time\nx = 1", "="), ("!ls", "="), ("x?", "="), ("da.ones??", "="), ("?x", "="),
    ("for a in range(5):", "+    "), ("for a in range(5):\n    if a > 0:", "+        "), ("if x: # note", "+    "),
    ("def f():\n  x = 1", "+  "), ("def f():\n  x = 1\n", "="), ("def f():\n  x = 1\n\n", "="), ("def f():\n    x = 1\n    ", "="),
    ("def f():\n    return 1", "+"), ("while x:\n    for y in z:\n        break", "+    "), ("if x: y", "="),
    ("if x:\n    y\nelse:", "+    "), ("a = [1,\n2,", "+"), ("f(", "+"), ("f(a, b=(1, 2", "+"), ("{'a': [", "+"),
    ("a = '''\n   hi", "+   "), ("a = f\"\"\"", "+"), ("x = \\", "+"), ("x = 1 + \\\n", "+"), ("def f():\n    x = (1,", "+    "),
    ("raise = 2", "!"), ("a = 'b", "!"), ("x = = 1", "!"), ("f(]", "!"), ("x = 1abc + (", "!"), ("(\n))", "!"), ("    x = 1", "!"),
    ("if x:\ny", "!"), ("def f():\n    x = = 1", "!"), ("class A:", "!"), ("x +", "!"),
];

#[test]
fn more_is_asked_for_as_in_ipython() {
    for (text, expected) in TEXTS {
        let found = match completeness(text) {
            Completeness::Complete => "=".to_string(),
            Completeness::Incomplete { indent } => format!("+{indent}"),
            Completeness::Invalid => "!".to_string(),
        };
        assert_eq!(found, expected, "{text:?}");
    }
}

/// The text with `|` for the cursor; the word before it; the call around it with the argument's number or name.
#[rustfmt::skip]
const CURSORS: [(&str, &str, &str); 27] = [
    ("|", "", ""), ("x|", "x", ""), ("da.on|es", "da.on", ""), ("x = da.|", "da.", ""), ("y + x.T.su|", "x.T.su", ""),
    ("f(x).su|", "f(x).su", ""), ("x[0, 1].m|", "x[0, 1].m", ""), ("(a + b).m|", "(a + b).m", ""), ("[1, 2].m|", "[1, 2].m", ""),
    ("x |", "", ""), ("x + |", "", ""), ("is|finite", "is", ""), ("3.|", "", ""), ("# da.|", "", ""), ("'da.|", "", ""),
    ("da.ones(|", "", "da.ones 0"), ("da.ones((2, 3), ch|", "ch", "da.ones 1"), ("f(a, b=|", "", "f b"), ("f(a, b=x.|", "x.", "f b"),
    ("f(g(1, |", "", "g 1"), ("f(g(1), [|", "", "f 1"), ("f(1)|", "", ""), ("load(\"x.n|", "", "load 0"), ("(|", "", ""),
    ("if x:\n    y = f(\n        z|", "z", "f 0"), ("print(f\"{x.su|", "x.su", "print 0"), ("größe.mé|", "größe.mé", ""),
];

#[test]
fn the_cursor_knows_its_word_and_its_call() {
    for (text, word, call) in CURSORS {
        let at = text.find('|').unwrap();
        let cursor = word_at(&text.replace('|', ""), at);
        let found_call =
            cursor.call.map(|call| format!("{} {}", call.callee, call.name.unwrap_or(call.argument.to_string())));
        assert_eq!(cursor.word.map(|word| word.text).unwrap_or_default(), word, "{text}");
        assert_eq!(found_call.unwrap_or_default(), call, "{text}");
    }
}

#[test]
fn the_whole_word_reaches_past_the_cursor() {
    let word = word_at("y = da.ones(3)", 9).word.unwrap();
    assert_eq!((word.text.as_str(), word.span.start, word.span.end, word.whole.end), ("da.on", 4, 9, 11));
}

#[test]
fn names_of_other_languages_are_known() {
    assert_eq!(foreign_name("true"), Some("True"));
    assert_eq!(foreign_name("truth"), None);
}
