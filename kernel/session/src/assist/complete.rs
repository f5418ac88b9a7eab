//! Completion: magics, attributes, parameters, names.

use super::{Assistant, Completion, Completions, byte_offset, code_points};
use crate::magic;
use crate::settings::{ENTRIES, Setting};
use cleave_graph::NodeId;
use cleave_graph::value::Value;
use cleave_graph::vocabulary;
use cleave_syntax::{Call, word_at};

const KEYWORDS: [&str; 24] = [
    "False", "None", "True", "and", "as", "assert", "break", "continue", "def", "del", "elif", "else", "for", "from",
    "if", "import", "in", "is", "lambda", "not", "or", "pass", "return", "while",
];

impl Assistant {
    /// What can stand at `cursor`, counted in code points.
    pub fn complete(&self, code: &str, cursor: usize) -> Completions {
        let offset = byte_offset(code, cursor);
        if let Some(found) = magics(code, offset).or_else(|| settings(code, offset)) {
            return found;
        }
        let around = word_at(code, offset);
        let (text, span_start) =
            around.word.as_ref().map_or((String::new(), offset), |w| (w.text.clone(), w.span.start));
        let (receiver, prefix) = match text.rfind('.') {
            Some(dot) => (Some(&text[..dot]), &text[dot + 1..]),
            None => (None, text.as_str()),
        };
        let matches = match receiver {
            Some(receiver) => self.attributes(receiver, prefix),
            None => self.plain(prefix, around.call.as_ref()),
        };
        let start = span_start.max(offset - prefix.len());
        Completions { start: code_points(code, start), end: code_points(code, offset), matches }
    }

    fn attributes(&self, receiver: &str, prefix: &str) -> Vec<Completion> {
        let value = self.value_of(receiver);
        let names = vocabulary::attributes(&value);
        let complete = |name: &'static str| {
            let entry = vocabulary::find(name);
            let signature = entry.map_or(String::new(), |e| e.signature);
            Completion {
                text: name.to_owned(),
                kind: if signature.contains('(') { "function" } else { "instance" }.to_owned(),
                signature,
            }
        };
        names.into_iter().filter(|name| name.starts_with(prefix)).map(complete).collect()
    }

    /// The value of a dotted name; an array where it is not a plain name, since that is what most expressions give.
    pub(crate) fn value_of(&self, path: &str) -> Value {
        let mut parts = path.split('.');
        let array = || Value::Array(NodeId(0));
        let Some(first) = parts.next() else { return array() };
        let known = self.known(first).map(|k| k.value.clone()).or_else(|| vocabulary::builtin(first));
        let Some(mut value) = known else { return array() };
        for part in parts {
            match vocabulary::attribute(&value, part) {
                Some(next) => value = next,
                None => return array(),
            }
        }
        value
    }

    fn plain(&self, prefix: &str, call: Option<&Call>) -> Vec<Completion> {
        let mut found = call.map_or(Vec::new(), |call| self.parameters(&call.callee, prefix));
        let of_scope = self
            .names
            .iter()
            .filter(|k| k.name.starts_with(prefix) && (!prefix.is_empty() || !k.name.starts_with('_')));
        found.extend(of_scope.map(|k| Completion {
            text: k.name.clone(),
            kind: kind_of(&k.kind).to_owned(),
            signature: k.detail.clone(),
        }));
        let taken = |name: &str, list: &[Completion]| list.iter().any(|c| c.text == name);
        for entry in vocabulary::names(prefix) {
            if !taken(entry.name, &found) {
                let kind = if entry.signature.contains('(') { "function" } else { "instance" };
                found.push(Completion {
                    text: entry.name.to_owned(),
                    kind: kind.to_owned(),
                    signature: entry.signature,
                });
            }
        }
        let words = KEYWORDS.iter().filter(|w| w.starts_with(prefix) && !prefix.is_empty());
        found.extend(words.map(|w| Completion {
            text: (*w).to_owned(),
            kind: "keyword".to_owned(),
            signature: String::new(),
        }));
        found
    }

    /// `name=` for the parameters of the call that is being written.
    fn parameters(&self, callee: &str, prefix: &str) -> Vec<Completion> {
        let signature = match self.known(callee).map(|k| &k.value) {
            Some(Value::Function(function)) => vocabulary::signature(function),
            _ => vocabulary::find(callee).map_or(String::new(), |e| e.signature),
        };
        let inside = signature.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
        let names = inside.split(", ").map(|p| p.split('=').next().unwrap_or("").trim_start_matches('*'));
        let wanted = names
            .filter(|n| !n.is_empty() && n.starts_with(prefix) && n.chars().all(|c| c.is_alphanumeric() || c == '_'));
        wanted
            .map(|n| Completion { text: format!("{n}="), kind: "param".to_owned(), signature: String::new() })
            .collect()
    }
}

fn kind_of(type_name: &str) -> &'static str {
    match type_name {
        "function" => "function",
        "module" => "module",
        _ => "instance",
    }
}

/// Keys of settings behind `%config`.
fn settings(code: &str, offset: usize) -> Option<Completions> {
    let line_start = code[..offset].rfind('\n').map_or(0, |n| n + 1);
    let key = code[line_start..offset].strip_prefix("%config")?.strip_prefix(char::is_whitespace)?.trim_start();
    if !key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.') {
        return None;
    }
    let complete =
        |s: &Setting| Completion { text: s.key.to_owned(), kind: "setting".to_owned(), signature: s.doc.to_owned() };
    let matches = ENTRIES.iter().filter(|s| s.key.starts_with(key)).map(complete).collect();
    Some(Completions { start: code_points(code, offset - key.len()), end: code_points(code, offset), matches })
}

/// Magics, where a line begins with `%`.
fn magics(code: &str, offset: usize) -> Option<Completions> {
    let line_start = code[..offset].rfind('\n').map_or(0, |n| n + 1);
    let typed = &code[line_start..offset];
    let name = typed.trim_start_matches('%');
    let signs = typed.len() - name.len();
    if !(1..=2).contains(&signs) || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let wanted = magic::TABLE.iter().filter(|m| m.name.starts_with(name) && (signs == 1 || m.takes_cell));
    let complete = |m: &magic::Magic| Completion {
        text: format!("{}{}", &typed[..signs], m.name),
        kind: "magic".to_owned(),
        signature: m.usage.to_owned(),
    };
    let (start, end) = (code_points(code, line_start), code_points(code, offset));
    Some(Completions { start, end, matches: wanted.map(complete).collect() })
}
