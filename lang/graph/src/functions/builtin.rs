//! Python's builtins that print, ask and inspect.

use super::{Bound, FunctionEntry, PLAIN, need, only, rest, with};
use crate::interp::{Eval, Machine, as_dtype, attribute_names};
use crate::value::{Builtin, Value};

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "print",
        params: &[
            rest("values"),
            only("sep", "' '"),
            only("end", "'\\n'"),
            only("file", "None"),
            only("flush", "False"),
        ],
        summary: "Writes values as text.",
        details: "Arrays are computed; large ones show their corners, as in NumPy.",
        examples: &[("print(1, 2.5, sep=', ')", "1, 2.5")],
        run: print,
        ..PLAIN
    },
    FunctionEntry {
        name: "warn",
        params: &[need("text")],
        summary: "Writes a line to standard error, for the reader to notice.",
        run: warn,
        ..PLAIN
    },
    FunctionEntry {
        name: "input",
        params: &[with("prompt", "''")],
        summary: "Asks for a line of text.",
        run: |m, b| ask(m, b, false),
        ..PLAIN
    },
    FunctionEntry {
        name: "getpass",
        params: &[with("prompt", "'Password: '")],
        summary: "Asks for a line of text without showing it.",
        run: |m, b| ask(m, b, true),
        ..PLAIN
    },
    FunctionEntry {
        name: "repr",
        params: &[need("value")],
        summary: "The text that shows what a value is.",
        run: repr,
        ..PLAIN
    },
    FunctionEntry {
        name: "format",
        params: &[need("value"), with("spec", "''")],
        summary: "A value as text by a format specification.",
        examples: &[("format(3.14159, '.2f')", "3.14")],
        run: format,
        ..PLAIN
    },
    FunctionEntry {
        name: "type",
        params: &[need("value")],
        summary: "The name of a value's type.",
        run: type_of,
        ..PLAIN
    },
    FunctionEntry {
        name: "isinstance",
        params: &[need("value"), need("types")],
        summary: "Whether a value is of a type or one of several.",
        examples: &[("isinstance(2, (int, float))", "True")],
        run: is_instance,
        ..PLAIN
    },
    FunctionEntry {
        name: "callable",
        params: &[need("value")],
        summary: "Whether a value can be called.",
        run: callable,
        ..PLAIN
    },
    FunctionEntry {
        name: "id",
        params: &[need("value")],
        summary: "A number that tells arrays apart.",
        run: identity,
        ..PLAIN
    },
    FunctionEntry {
        name: "dir",
        params: &[need("value")],
        summary: "The names after a value's dot.",
        run: names_of,
        ..PLAIN
    },
    FunctionEntry {
        name: "slice",
        params: &[need("start"), with("stop", "None"), with("step", "None")],
        summary: "What `start:stop:step` in brackets is.",
        run: slice,
        ..PLAIN
    },
    FunctionEntry {
        name: "chr",
        params: &[need("code")],
        summary: "The character of a code point.",
        run: chr,
        ..PLAIN
    },
    FunctionEntry {
        name: "ord",
        params: &[need("character")],
        summary: "The code point of a character.",
        run: ord,
        ..PLAIN
    },
    FunctionEntry {
        name: "hex",
        params: &[need("number")],
        summary: "A whole number in base 16.",
        run: |m, b| based(m, b, "#x"),
        ..PLAIN
    },
    FunctionEntry {
        name: "bin",
        params: &[need("number")],
        summary: "A whole number in base 2.",
        run: |m, b| based(m, b, "#b"),
        ..PLAIN
    },
    FunctionEntry {
        name: "oct",
        params: &[need("number")],
        summary: "A whole number in base 8.",
        run: |m, b| based(m, b, "#o"),
        ..PLAIN
    },
];

fn print(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let sep = m.text_arg(b, 1)?.unwrap_or_else(|| " ".into());
    let end = m.text_arg(b, 2)?.unwrap_or_else(|| "\n".into());
    let texts = b.rest.iter().map(|g| m.str_of(&g.value, g.span)).collect::<Eval<Vec<_>>>()?;
    m.host.print(&(texts.join(&sep) + &end), false);
    Ok(Value::None)
}

fn warn(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let given = b.need(0);
    let line = m.str_of(&given.value, given.span)? + "\n";
    m.host.print(&line, true);
    Ok(Value::None)
}

fn ask(m: &mut Machine<'_>, b: &mut Bound, password: bool) -> Eval {
    let prompt = match b.given(0) {
        Some(given) => m.str_of(&given.value, given.span)?,
        None if password => "Password: ".to_owned(),
        None => String::new(),
    };
    let line = m.host.input(&prompt, password).map_err(|f| m.failed(f, b.span))?;
    Ok(Value::text(line))
}

fn repr(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let given = b.need(0);
    m.repr_of(&given.value, given.span).map(Value::text)
}

fn format(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let spec = m.text_arg(b, 1)?.unwrap_or_else(|| "".into());
    let given = b.need(0);
    m.format(&given.value, &spec, given.span).map(Value::text)
}

fn type_of(_: &mut Machine<'_>, b: &mut Bound) -> Eval {
    Ok(Value::text(b.need(0).value.type_name()))
}

fn is_instance(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (value, types) = (b.need(0), b.need(1));
    let list = match &types.value {
        Value::Tuple(items) => items.to_vec(),
        one => vec![one.clone()],
    };
    for wanted in list {
        let name = match &wanted {
            Value::Builtin(Builtin::Function(entry)) => entry.name,
            Value::Builtin(Builtin::Op(op)) => op.name,
            Value::DType(dtype) => dtype.name(),
            _ => {
                return Err(m
                    .type_error("`types` must be a type or a tuple of types", types.span)
                    .help("such as `int` or `(int, float)`"));
            }
        };
        if is_type(&value.value, name)
            || (matches!(value.value, Value::DType(_)) && as_dtype(&wanted).is_none() && name == "dtype")
        {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn is_type(value: &Value, name: &str) -> bool {
    let own = value.type_name();
    own == name
        || (name == "int" && own == "bool")
        || (name == "float" && own == "float64")
        || (matches!(name, "array" | "ndarray" | "Array") && matches!(value, Value::Array(_)))
}

fn callable(_: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let value = &b.need(0).value;
    Ok(Value::Bool(matches!(value, Value::Function(_) | Value::Builtin(_) | Value::Method { .. } | Value::DType(_))))
}

fn identity(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    match &b.need(0).value {
        Value::Array(node) => Ok(Value::Int(i64::from(node.0))),
        other => Err(m.type_error(format!("a value of type {} has no identity", other.type_name()), b.span)),
    }
}

fn names_of(_: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let mut names = attribute_names(&b.need(0).value);
    names.sort_unstable();
    names.dedup();
    Ok(Value::list(names.into_iter().map(Value::text).collect()))
}

fn slice(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let mut part = |slot: usize| m.optional_index(&b.value(slot), b.span_of(slot));
    if b.slots[1].is_none() {
        return Ok(Value::Slice { start: None, stop: part(0)?, step: None });
    }
    Ok(Value::Slice { start: part(0)?, stop: part(1)?, step: part(2)? })
}

fn chr(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let code = m.int_arg(b, 0, 0)?;
    let found = u32::try_from(code).ok().and_then(char::from_u32);
    found
        .map(|c| Value::text(c.to_string()))
        .ok_or_else(|| m.error("bad-argument", format!("{code} is no character"), b.span))
}

fn ord(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let text = m.needed_text(b, 0)?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(Value::Int(i64::from(u32::from(c)))),
        _ => Err(m.error("bad-argument", "`ord` takes one character", b.span_of(0))),
    }
}

fn based(m: &mut Machine<'_>, b: &mut Bound, spec: &str) -> Eval {
    let number = m.int_arg(b, 0, 0)?;
    m.format(&Value::Int(number), spec, b.span).map(Value::text)
}
