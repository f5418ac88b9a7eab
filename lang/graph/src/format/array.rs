//! Arrays as NumPy prints them.

use super::column::words;
use super::corner;
use super::float::scalar_str;
use cleave_ops::{DType, Data, Shape};

/// Arrays of more elements are summarised.
pub(super) const THRESHOLD: usize = 1000;
/// How many elements a summary shows at each end of an axis.
pub(super) const EDGE: usize = 3;
const LINE_WIDTH: usize = 75;

/// What `str(x)` gives for an array with these elements.
pub fn array_str(shape: &Shape, data: &Data) -> String {
    match shape.ndim() {
        0 => scalar_str(data.get(0), data.dtype()),
        _ => array_str_of(shape, &shown(shape, data)),
    }
}

/// What `repr(x)` gives for an array with these elements.
pub fn array_repr(shape: &Shape, data: &Data) -> String {
    array_repr_of(shape, &shown(shape, data))
}

/// What `str(x)` gives for an array of which only the [`corners`](super::corners) were fetched.
pub fn array_str_from_corners(shape: &Shape, pieces: &[Data]) -> String {
    array_str_of(shape, &corner::assemble(shape, pieces))
}

/// What `repr(x)` gives for an array of which only the [`corners`](super::corners) were fetched.
pub fn array_repr_from_corners(shape: &Shape, pieces: &[Data]) -> String {
    array_repr_of(shape, &corner::assemble(shape, pieces))
}

fn shown(shape: &Shape, data: &Data) -> Data {
    if shape.size() > THRESHOLD { corner::take(shape, data) } else { data.clone() }
}

fn array_str_of(shape: &Shape, shown: &Data) -> String {
    Layout { shape, separator: " ", indent: " ".into(), width: LINE_WIDTH }.text(shown)
}

fn array_repr_of(shape: &Shape, shown: &Data) -> String {
    let layout = Layout { shape, separator: ", ", indent: " ".repeat("array(".len() + 1), width: LINE_WIDTH - 1 };
    let text = format!("array({}", layout.text(shown));
    let extras = extras(shape, shown.dtype());
    if extras.is_empty() {
        return text + ")";
    }
    let last_line = text.rsplit('\n').next().map_or(0, str::len) + 1;
    let spacer = if last_line + extras.len() + 2 > LINE_WIDTH { "\n      " } else { " " };
    format!("{text},{spacer}{extras})")
}

/// What the elements alone do not tell: the shape of empty and summarised arrays, and the dtype.
fn extras(shape: &Shape, dtype: DType) -> String {
    let empty = shape.is_empty_array();
    let mut extras = Vec::new();
    if (empty && **shape != [0]) || shape.size() > THRESHOLD {
        extras.push(format!("shape={shape}"));
    }
    if empty || !matches!(dtype, DType::Bool | DType::I64 | DType::F64) {
        extras.push(format!("dtype={dtype}"));
    }
    extras.join(", ")
}

/// How words are set in brackets and lines.
struct Layout<'a> {
    shape: &'a Shape,
    separator: &'a str,
    indent: String,
    width: usize,
}

impl Layout<'_> {
    fn text(&self, shown: &Data) -> String {
        if self.shape.is_empty_array() {
            return "[]".into();
        }
        let words = words(shown, self.shape.ndim() == 0);
        self.nested(0, &words, &self.indent, self.width)
    }

    /// The part of the array that `words` are, from `axis` on.
    fn nested(&self, axis: usize, words: &[String], indent: &str, width: usize) -> String {
        let ndim = self.shape.ndim();
        if axis == ndim {
            return words[0].clone();
        }
        if axis + 1 == ndim {
            return self.row(words, self.cut(axis), indent, width);
        }
        let (deeper, width) = (format!("{indent} "), width - 1);
        let each = words.len() / if self.cut(axis) { 2 * EDGE } else { self.shape[axis] };
        let inner = words.chunks(each).map(|part| self.nested(axis + 1, part, &deeper, width));
        let mut parts: Vec<String> = inner.collect();
        if self.cut(axis) {
            parts.insert(EDGE, "...".into());
        }
        let line_break = format!("{}{}{indent}", self.separator.trim_end(), "\n".repeat(ndim - axis - 1));
        format!("[{}]", parts.join(&line_break))
    }

    fn cut(&self, axis: usize) -> bool {
        self.shape.size() > THRESHOLD && corner::is_cut(self.shape[axis])
    }

    /// The innermost axis, wrapped where a word would not fit.
    fn row(&self, words: &[String], cut: bool, indent: &str, width: usize) -> String {
        let mut items: Vec<&str> = words.iter().map(String::as_str).collect();
        if cut {
            items.insert(EDGE, "...");
        }
        let (mut text, mut line) = (String::new(), indent.to_owned());
        for (i, word) in items.iter().enumerate() {
            if line.len() + word.len() > width - 1 && line.len() > indent.len() {
                text += line.trim_end();
                text.push('\n');
                line = indent.to_owned();
            }
            line += word;
            if i + 1 < items.len() {
                line += self.separator;
            }
        }
        text += &line;
        format!("[{}]", &text[indent.len()..])
    }
}
