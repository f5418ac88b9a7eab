//! Methods of text.

use super::{Bound, Found, FunctionEntry, PLAIN, Param, Receiver, names, need, rest, with};
use crate::interp::{Eval, Machine};
use crate::value::Value;
use std::sync::Arc;

const STR: &[Found] = &[Found::Method(Receiver::Str)];
const TEXT: &[Param] = &[need("text")];

/// A method without arguments that gives text.
const fn plain(
    name: &'static str,
    summary: &'static str,
    run: fn(&mut Machine<'_>, &mut Bound) -> Eval,
) -> FunctionEntry {
    FunctionEntry { name, found: STR, params: TEXT, summary, run, ..PLAIN }
}

pub(super) static ENTRIES: &[FunctionEntry] = &[
    plain("upper", "In capital letters.", |m, b| same(m, b, |t| t.to_uppercase())),
    plain("lower", "In small letters.", |m, b| same(m, b, |t| t.to_lowercase())),
    plain("title", "Each word with a capital.", |m, b| same(m, b, title)),
    plain("capitalize", "With a capital at the start.", |m, b| same(m, b, capitalize)),
    plain("isdigit", "Whether all characters are digits.", |m, b| all(m, b, |c| c.is_ascii_digit())),
    plain("isalpha", "Whether all characters are letters.", |m, b| all(m, b, char::is_alphabetic)),
    plain("isalnum", "Whether all characters are letters or digits.", |m, b| all(m, b, char::is_alphanumeric)),
    plain("isspace", "Whether all characters are blank.", |m, b| all(m, b, char::is_whitespace)),
    plain("isupper", "Whether all letters are capital.", |m, b| cased(m, b, char::is_uppercase, char::is_lowercase)),
    plain("islower", "Whether all letters are small.", |m, b| cased(m, b, char::is_lowercase, char::is_uppercase)),
    plain("splitlines", "The lines.", |m, b| {
        let text = m.needed_text(b, 0)?;
        Ok(Value::list(text.lines().map(Value::text).collect()))
    }),
    FunctionEntry {
        name: "strip",
        found: STR,
        params: &[need("text"), with("chars", "None")],
        summary: "Without blanks, or some characters, at both ends.",
        run: |m, b| strip(m, b, true, true),
        ..PLAIN
    },
    FunctionEntry {
        name: "lstrip",
        found: STR,
        params: &[need("text"), with("chars", "None")],
        summary: "Without blanks, or some characters, at the start.",
        run: |m, b| strip(m, b, true, false),
        ..PLAIN
    },
    FunctionEntry {
        name: "rstrip",
        found: STR,
        params: &[need("text"), with("chars", "None")],
        summary: "Without blanks, or some characters, at the end.",
        run: |m, b| strip(m, b, false, true),
        ..PLAIN
    },
    FunctionEntry {
        name: "removeprefix",
        found: STR,
        params: &[need("text"), need("prefix")],
        summary: "Without a text at the start.",
        run: |m, b| pair(m, b, |t, p| Value::text(t.strip_prefix(p).unwrap_or(t))),
        ..PLAIN
    },
    FunctionEntry {
        name: "removesuffix",
        found: STR,
        params: &[need("text"), need("suffix")],
        summary: "Without a text at the end.",
        run: |m, b| pair(m, b, |t, p| Value::text(t.strip_suffix(p).unwrap_or(t))),
        ..PLAIN
    },
    FunctionEntry {
        name: "startswith",
        found: STR,
        params: &[need("text"), need("prefix")],
        summary: "Whether it starts with a text or one of several.",
        run: |m, b| ends(m, b, |t, p| t.starts_with(p)),
        ..PLAIN
    },
    FunctionEntry {
        name: "endswith",
        found: STR,
        params: &[need("text"), need("suffix")],
        summary: "Whether it ends with a text or one of several.",
        run: |m, b| ends(m, b, |t, p| t.ends_with(p)),
        ..PLAIN
    },
    FunctionEntry {
        name: "find",
        found: STR,
        params: &[need("text"), need("part")],
        summary: "Where a text stands in it first; -1 where it does not.",
        run: |m, b| pair(m, b, |t, p| Value::Int(char_at(t, t.find(p)))),
        ..PLAIN
    },
    FunctionEntry {
        name: "rfind",
        found: STR,
        params: &[need("text"), need("part")],
        summary: "Where a text stands in it last; -1 where it does not.",
        run: |m, b| pair(m, b, |t, p| Value::Int(char_at(t, t.rfind(p)))),
        ..PLAIN
    },
    FunctionEntry {
        name: "index",
        found: STR,
        params: &[need("text"), need("part")],
        summary: "Where a text stands in it first.",
        run: index,
        ..PLAIN
    },
    FunctionEntry {
        name: "count",
        found: STR,
        params: &[need("text"), need("part")],
        summary: "How often a text stands in it.",
        run: |m, b| {
            pair(
                m,
                b,
                |t, p| Value::Int(if p.is_empty() { t.chars().count() + 1 } else { t.matches(p).count() } as i64),
            )
        },
        ..PLAIN
    },
    FunctionEntry {
        name: "replace",
        found: STR,
        params: &[need("text"), need("old"), need("new"), with("count", "-1")],
        summary: "With one text in place of another.",
        run: replace,
        ..PLAIN
    },
    FunctionEntry {
        name: "split",
        found: STR,
        params: &[need("text"), with("sep", "None"), with("maxsplit", "-1")],
        summary: "The parts between separators or blanks.",
        examples: &[("'a,b'.split(',')", "['a', 'b']")],
        run: split,
        ..PLAIN
    },
    FunctionEntry {
        name: "join",
        found: STR,
        params: &[need("sep"), need("texts")],
        summary: "Texts with this one between them.",
        examples: &[("', '.join(['a', 'b'])", "a, b")],
        run: join,
        ..PLAIN
    },
    FunctionEntry {
        name: "zfill",
        found: STR,
        params: &[need("text"), need("width")],
        summary: "With zeros before it up to a width.",
        run: zfill,
        ..PLAIN
    },
    FunctionEntry {
        name: "ljust",
        found: STR,
        params: &[need("text"), need("width"), with("fill", "' '")],
        summary: "At the left of a width.",
        run: |m, b| pad(m, b, |gap| (0, gap)),
        ..PLAIN
    },
    FunctionEntry {
        name: "rjust",
        found: STR,
        params: &[need("text"), need("width"), with("fill", "' '")],
        summary: "At the right of a width.",
        run: |m, b| pad(m, b, |gap| (gap, 0)),
        ..PLAIN
    },
    FunctionEntry {
        name: "center",
        found: STR,
        params: &[need("text"), need("width"), with("fill", "' '")],
        summary: "In the middle of a width.",
        run: |m, b| pad(m, b, |gap| (gap / 2, gap - gap / 2)),
        ..PLAIN
    },
    FunctionEntry {
        name: "format",
        found: STR,
        params: &[need("text"), rest("values"), names("named")],
        summary: "With values in place of its braces.",
        examples: &[("'{} {x:.1f}'.format(1, x=2)", "1 2.0")],
        run: format,
        ..PLAIN
    },
];

fn same(m: &mut Machine<'_>, b: &mut Bound, change: fn(&str) -> String) -> Eval {
    Ok(Value::text(change(&m.needed_text(b, 0)?)))
}

fn all(m: &mut Machine<'_>, b: &mut Bound, test: fn(char) -> bool) -> Eval {
    let text = m.needed_text(b, 0)?;
    Ok(Value::Bool(!text.is_empty() && text.chars().all(test)))
}

fn cased(m: &mut Machine<'_>, b: &mut Bound, wanted: fn(char) -> bool, other: fn(char) -> bool) -> Eval {
    let text = m.needed_text(b, 0)?;
    Ok(Value::Bool(text.chars().any(wanted) && !text.chars().any(other)))
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    first + &chars.as_str().to_lowercase()
}

fn title(text: &str) -> String {
    let mut inside = false;
    let letter = |c: char| {
        let (start, alphabetic) = (!inside, c.is_alphabetic());
        inside = alphabetic;
        let changed: String = if start { c.to_uppercase().collect() } else { c.to_lowercase().collect() };
        changed
    };
    text.chars().map(letter).collect()
}

fn pair(m: &mut Machine<'_>, b: &mut Bound, give: fn(&str, &str) -> Value) -> Eval {
    let (text, part) = (m.needed_text(b, 0)?, m.needed_text(b, 1)?);
    Ok(give(&text, &part))
}

fn char_at(text: &str, byte: Option<usize>) -> i64 {
    byte.map_or(-1, |at| text[..at].chars().count() as i64)
}

fn strip(m: &mut Machine<'_>, b: &mut Bound, start: bool, end: bool) -> Eval {
    let (text, chars) = (m.needed_text(b, 0)?, m.text_arg(b, 1)?);
    let goes = |c: char| chars.as_ref().map_or(c.is_whitespace(), |set| set.contains(c));
    let mut part = &*text;
    if start {
        part = part.trim_start_matches(goes);
    }
    if end {
        part = part.trim_end_matches(goes);
    }
    Ok(Value::text(part))
}

fn ends(m: &mut Machine<'_>, b: &mut Bound, test: fn(&str, &str) -> bool) -> Eval {
    let text = m.needed_text(b, 0)?;
    if let Value::Tuple(parts) = &b.need(1).value {
        let found = parts.iter().any(|p| matches!(p, Value::Str(p) if test(&text, p)));
        return Ok(Value::Bool(found));
    }
    Ok(Value::Bool(test(&text, &m.needed_text(b, 1)?)))
}

fn index(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (text, part) = (m.needed_text(b, 0)?, m.needed_text(b, 1)?);
    match text.find(&*part) {
        Some(at) => Ok(Value::Int(char_at(&text, Some(at)))),
        None => Err(m.error("not-found", format!("{} is not in the text", crate::interp::quoted(&part)), b.span_of(1))),
    }
}

fn replace(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (text, old, new) = (m.needed_text(b, 0)?, m.needed_text(b, 1)?, m.needed_text(b, 2)?);
    let most = m.int_arg(b, 3, -1)?;
    Ok(Value::text(match usize::try_from(most) {
        Ok(most) => text.replacen(&*old, &new, most),
        Err(_) => text.replace(&*old, &new),
    }))
}

fn split(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (text, sep) = (m.needed_text(b, 0)?, m.text_arg(b, 1)?);
    let most = usize::try_from(m.int_arg(b, 2, -1)?).map_or(usize::MAX, |n| n.saturating_add(1));
    let parts: Vec<Value> = match sep {
        Some(sep) if sep.is_empty() => return Err(m.error("bad-argument", "the separator is empty", b.span_of(1))),
        Some(sep) => text.splitn(most, &*sep).map(Value::text).collect(),
        None => words(&text, most),
    };
    Ok(Value::list(parts))
}

fn words(text: &str, most: usize) -> Vec<Value> {
    let (mut left, mut parts) = (text.trim_start(), Vec::new());
    while !left.is_empty() {
        if parts.len() + 1 >= most {
            parts.push(Value::text(left.trim_end()));
            break;
        }
        let end = left.find(char::is_whitespace).unwrap_or(left.len());
        parts.push(Value::text(&left[..end]));
        left = left[end..].trim_start();
    }
    parts
}

fn join(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (sep, span) = (m.needed_text(b, 0)?, b.span_of(1));
    let mut texts: Vec<Arc<str>> = Vec::new();
    for item in m.all_items(b.value(1), span)? {
        match item {
            Value::Str(text) => texts.push(text),
            other => {
                let message = format!("`join` takes texts, found {}", m.described(&other, span));
                return Err(m.type_error(message, span).help("turn each item into text: `[str(v) for v in items]`"));
            }
        }
    }
    Ok(Value::text(texts.join(&*sep)))
}

fn zfill(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (text, width) = (m.needed_text(b, 0)?, m.int_arg(b, 1, 0)?);
    let gap = gap(m, b, width, &text)?;
    let (sign, digits) = if text.starts_with(['+', '-']) { text.split_at(1) } else { ("", &*text) };
    Ok(Value::text(format!("{sign}{}{digits}", "0".repeat(gap))))
}

fn gap(m: &Machine<'_>, b: &Bound, width: i64, text: &str) -> Eval<usize> {
    if width > 100_000_000 {
        return Err(m.error("too-large", "this width is too large", b.span_of(1)));
    }
    Ok(usize::try_from(width).unwrap_or(0).saturating_sub(text.chars().count()))
}

fn pad(m: &mut Machine<'_>, b: &mut Bound, sides: fn(usize) -> (usize, usize)) -> Eval {
    let (text, width) = (m.needed_text(b, 0)?, m.int_arg(b, 1, 0)?);
    let fill = m.text_arg(b, 2)?.unwrap_or_else(|| " ".into());
    let (left, right) = sides(gap(m, b, width, &text)?);
    Ok(Value::text(format!("{}{text}{}", fill.repeat(left), fill.repeat(right))))
}

/// `str.format`: fields by place, number or name, with a conversion and a format specification.
fn format(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let text = m.needed_text(b, 0)?;
    let (mut out, mut left, mut next) = (String::new(), &*text, 0_usize);
    while let Some(at) = left.find(['{', '}']) {
        out.push_str(&left[..at]);
        let doubled = left[at + 1..].starts_with(&left[at..=at]);
        if doubled {
            out.push_str(&left[at..=at]);
            left = &left[at + 2..];
            continue;
        }
        let close = left[at..].find('}').filter(|_| left[at..].starts_with('{'));
        let Some(close) = close else {
            return Err(m
                .error("bad-format", "a brace of the format has no partner", b.span_of(0))
                .help("write `{{` for a brace"));
        };
        out.push_str(&field(m, b, &left[at + 1..at + close], &mut next)?);
        left = &left[at + close + 1..];
    }
    out.push_str(left);
    Ok(Value::text(out))
}

fn field(m: &mut Machine<'_>, b: &Bound, field: &str, next: &mut usize) -> Eval<String> {
    let (name, spec) = field.split_once(':').unwrap_or((field, ""));
    let (name, conversion) = name.split_once('!').unwrap_or((name, ""));
    let found = match (name, name.parse::<usize>()) {
        ("", _) => {
            *next += 1;
            b.rest.get(*next - 1)
        }
        (_, Ok(at)) => b.rest.get(at),
        _ => b.names.iter().find(|(n, _)| &**n == name).map(|(_, g)| g),
    };
    let Some(given) = found.cloned() else {
        return Err(m.error("missing-argument", format!("the format has no value for `{{{name}}}`"), b.span));
    };
    let value = match conversion {
        "r" | "a" => Value::text(m.repr_of(&given.value, given.span)?),
        "s" => Value::text(m.str_of(&given.value, given.span)?),
        _ => given.value,
    };
    m.format(&value, spec, given.span)
}
