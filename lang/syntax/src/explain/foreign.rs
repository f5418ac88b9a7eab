//! Words of other languages, and what they are called here.

/// Words that begin statements elsewhere.
#[rustfmt::skip]
pub(super) const FIRST_WORDS: [(&str, &str); 16] = [
    ("elseif", "write `elif`"), ("elsif", "write `elif`"),
    ("let", "names need no declaration: write `x = …`"), ("var", "names need no declaration: write `x = …`"),
    ("const", "names need no declaration: write `x = …`"), ("auto", "names need no declaration: write `x = …`"),
    ("function", "write `def name(x):`"), ("func", "write `def name(x):`"), ("fn", "write `def name(x):`"),
    ("switch", "write `if`, `elif` and `else`"), ("match", "`match` is not in the language; write `if`, `elif` and `else`"),
    ("case", "write `if`, `elif` and `else`"),
    ("until", "write `while not …:`"), ("unless", "write `if not …:`"), ("foreach", "write `for x in …:`"),
    ("exec", "`exec` is not in the language"),
];

/// Names that mean something elsewhere.
#[rustfmt::skip]
const NAMES: [(&str, &str); 8] = [
    ("true", "True"), ("false", "False"), ("null", "None"), ("nil", "None"), ("none", "None"), ("TRUE", "True"),
    ("FALSE", "False"), ("NULL", "None"),
];

/// What a name of another language is called here, such as `True` for `true`, for errors about unknown names.
pub fn foreign_name(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(foreign, _)| *foreign == name).map(|&(_, here)| here)
}
