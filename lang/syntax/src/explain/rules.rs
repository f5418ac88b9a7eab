//! The rules that put a slip into words; the first that applies speaks.

use super::foreign::FIRST_WORDS;
use super::scene::{Kind, Scene, shortened};
use crate::diagnostic::Diagnostic;
use crate::parser::Want;
use crate::source::Span;
use crate::token::Sym;

/// A rule says nothing if it does not apply.
type Rule = fn(&Scene<'_>) -> Option<Said>;

/// What a rule says, and about which place.
struct Said {
    code: &'static str,
    message: String,
    label: String,
    help: String,
    span: Span,
}

const RULES: [Rule; 14] = [
    absent_word,
    double_assign,
    missing_colon,
    missing_block,
    foreign_word,
    print_statement,
    missing_else,
    missing_in,
    keyword_as_name,
    assign_in_expression,
    missing_separator,
    missing_value,
    missing_word,
    anything,
];

pub(super) fn explain(scene: &Scene<'_>) -> Diagnostic {
    let said = RULES.iter().find_map(|rule| rule(scene));
    let said = said.unwrap_or_else(|| scene_says(scene, "this cannot be read", ""));
    let mut diagnostic = Diagnostic::new(said.code, said.message, scene.source, said.span);
    diagnostic.labels[0].text = said.label;
    diagnostic.help = Some(said.help).filter(|help| !help.is_empty());
    diagnostic
}

fn scene_says(scene: &Scene<'_>, message: impl Into<String>, help: impl Into<String>) -> Said {
    Said { code: "syntax", message: message.into(), label: String::new(), help: help.into(), span: found_span(scene) }
}

/// The found word; at the end of a line or text the place after the last word.
fn found_span(scene: &Scene<'_>) -> Span {
    match scene.found {
        Some(leaf) if leaf.kind != Kind::LineEnd => leaf.span,
        _ => scene.gap(),
    }
}

#[rustfmt::skip]
const ABSENT: [(Sym, &str, &str); 9] = [
    (Sym::Class, "classes (`class`) are", "use functions, tuples and dicts"),
    (Sym::Raise, "exceptions (`raise`) are", "write `assert condition, \"message\"` to stop a cell"),
    (Sym::Try, "exceptions (`try`) are", "test for the case with `if` beforehand"),
    (Sym::Except, "exceptions (`except`) are", "test for the case with `if` beforehand"),
    (Sym::Finally, "exceptions (`finally`) are", "write the lines after the block"),
    (Sym::Yield, "generators (`yield`) are", "collect the values in a list and return it"),
    (Sym::Async, "`async` is", "write it without `async`: `compute` runs on all cores by itself"),
    (Sym::Await, "`await` is", "write it without `await`: `compute` returns when the value is there"),
    (Sym::MatMul, "decorators (`@…`) are", "call the function on the other: `f = decorate(f)`"),
];

fn absent_word(scene: &Scene<'_>) -> Option<Said> {
    let found = scene.found_sym()?;
    let (_, what, help) = ABSENT.iter().find(|(sym, ..)| *sym == found)?;
    let starts_line = scene.before.is_empty();
    if found == Sym::MatMul && !starts_line {
        return None;
    }
    Some(Said { code: "not-in-language", ..scene_says(scene, format!("{what} not in the language"), *help) })
}

fn double_assign(scene: &Scene<'_>) -> Option<Said> {
    let previous = scene.previous().filter(|leaf| leaf.kind == Kind::Sym(Sym::Assign))?;
    (scene.found_sym()? == Sym::Assign).then_some(())?;
    let said = scene_says(scene, "`=` follows another `=`", "write `==` to compare, a single `=` to assign");
    Some(Said { span: previous.span.join(said.span), ..said })
}

fn missing_colon(scene: &Scene<'_>) -> Option<Said> {
    let at_end = matches!(scene.found.map(|leaf| leaf.kind), None | Some(Kind::LineEnd));
    if !scene.want.has(Want::COLON) || !at_end {
        return None;
    }
    let said = scene_says(
        scene,
        "a `:` is missing at the end of this line",
        "add `:`, then indent the lines that belong to it",
    );
    Some(Said { label: "expected `:`".into(), span: scene.gap(), ..said })
}

fn missing_block(scene: &Scene<'_>) -> Option<Said> {
    if !scene.want.has(Want::BLOCK) {
        return None;
    }
    let help = "indent the lines that belong to it by 4 spaces; if there are none write `pass`";
    let said = scene_says(scene, "no indented line follows this `:`", help);
    let span = scene.previous().map_or(scene.gap(), |leaf| leaf.span);
    Some(Said { code: "bad-indent", span, ..said })
}

/// The first word of the line belongs to another language.
fn foreign_word(scene: &Scene<'_>) -> Option<Said> {
    let first = scene.before.last()?;
    let (word, help) = FIRST_WORDS.iter().find(|(word, _)| *word == first.text)?;
    if !(scene.found_value() && scene.before.len() == 1) {
        return None;
    }
    let said = scene_says(scene, format!("`{word}` begins no statement here"), *help);
    Some(Said { span: first.span, ..said })
}

fn print_statement(scene: &Scene<'_>) -> Option<Said> {
    let previous = scene.previous().filter(|leaf| matches!(leaf.text, "print" | "help" | "explain"))?;
    if !scene.found_value() {
        return None;
    }
    let word = previous.text;
    let said = scene_says(
        scene,
        format!("`{word}` is a function: its arguments stand in parentheses"),
        format!("write `{word}(…)`"),
    );
    Some(Said { span: previous.span, ..said })
}

fn missing_else(scene: &Scene<'_>) -> Option<Said> {
    if !scene.want.has(Want::ELSE) {
        return None;
    }
    let said = scene_says(scene, "this choice has no `else`", "write `a if condition else b`");
    Some(Said { label: "expected `else`".into(), ..said })
}

fn missing_in(scene: &Scene<'_>) -> Option<Said> {
    if !scene.want.has(Want::IN) {
        return None;
    }
    let said = scene_says(scene, format!("expected `in`, found {}", scene.found_words()), "write `for x in values`");
    Some(Said { label: "expected `in`".into(), ..said })
}

fn keyword_as_name(scene: &Scene<'_>) -> Option<Said> {
    let sym = scene.found_sym().filter(|sym| sym.is_keyword())?;
    let named = scene.want.has(Want::NAME) && !scene.want.has(Want::VALUE);
    if !named && !scene.want.has(Want::WORD) {
        return None;
    }
    let word = sym.text();
    Some(scene_says(
        scene,
        format!("`{word}` is a keyword and cannot be a name"),
        format!("choose another name, such as `{word}_`"),
    ))
}

fn assign_in_expression(scene: &Scene<'_>) -> Option<Said> {
    match scene.found_sym()? {
        Sym::Assign if scene.want.has(Want::OPERATOR) => {
            Some(scene_says(scene, "`=` cannot stand here", "write `==` to compare; to assign use a line of its own"))
        }
        Sym::Walrus => {
            let said = scene_says(
                scene,
                "assignment inside an expression (`:=`) is not in the language",
                "write `=` on a line of its own",
            );
            Some(Said { code: "not-in-language", ..said })
        }
        _ => None,
    }
}

fn missing_separator(scene: &Scene<'_>) -> Option<Said> {
    if !(scene.want.has(Want::OPERATOR) && scene.found_value()) {
        return None;
    }
    let between = match scene.previous() {
        Some(previous) => format!("between `{}` and {}", shortened(previous.text), scene.found_words()),
        None => format!("before {}", scene.found_words()),
    };
    let in_header = scene.want.has(Want::COLON) && !scene.want.has(Want::END);
    let (message, help) = if scene.want.has(Want::LINE_END) || in_header {
        (format!("an operator is missing {between}"), "put an operator between them, or start a new line")
    } else {
        (format!("a comma or an operator is missing {between}"), "add `,`")
    };
    Some(scene_says(scene, message, help))
}

fn missing_value(scene: &Scene<'_>) -> Option<Said> {
    if !scene.want.has(Want::VALUE) {
        return None;
    }
    let found = scene.found_words();
    let said = match scene.previous() {
        Some(previous) if !scene.found_value() => {
            scene_says(scene, format!("expected a value after `{}`, found {found}", shortened(previous.text)), "")
        }
        _ => scene_says(scene, format!("expected a value, found {found}"), ""),
    };
    Some(Said { label: "expected a value".into(), ..said })
}

fn missing_word(scene: &Scene<'_>) -> Option<Said> {
    let (what, help) = if scene.want.has(Want::WORD) {
        ("a name after the dot", "")
    } else if scene.want.has(Want::PARAMETERS) {
        ("parameters in parentheses", "write `def name(x, y):`, or `def name():` if there are none")
    } else if scene.want.has(Want::IMPORT) {
        ("`import`", "write `from module import name`")
    } else if scene.want.has(Want::NAME) {
        ("a name", "")
    } else {
        return None;
    };
    let said = scene_says(scene, format!("expected {what}, found {}", scene.found_words()), help);
    Some(Said { label: format!("expected {what}"), ..said })
}

fn anything(scene: &Scene<'_>) -> Option<Said> {
    let found = scene.found_words();
    let expected = [
        (Want::COLON, "`:`"),
        (Want::COMMA, "`,`"),
        (Want::ASSIGN, "`=`"),
        (Want::OPERATOR, "an operator"),
        (Want::LINE_END, "the end of the line"),
    ];
    match expected.iter().find(|(want, _)| scene.want.has(*want)) {
        Some((_, what)) => {
            let said = scene_says(scene, format!("expected {what}, found {found}"), "");
            Some(Said { label: format!("expected {what}"), ..said })
        }
        None => Some(scene_says(scene, format!("{found} cannot stand here"), "")),
    }
}
