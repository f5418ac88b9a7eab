//! Help on the name at the cursor.

use super::{Assistant, Known, byte_offset};
use crate::magic;
use crate::output::HelpFacts;
use cleave_graph::value::{Builtin, Value};
use cleave_graph::vocabulary::{self, Entry};
use cleave_syntax::word_at;

impl Assistant {
    /// Help on the name at `cursor`, counted in code points, or on the call around it.
    pub fn inspect(&self, code: &str, cursor: usize, detail: u8) -> Option<HelpFacts> {
        let offset = byte_offset(code, cursor);
        let around = word_at(code, offset);
        let word = around.word.map(|w| code[w.whole.range()].to_owned());
        let callee = around.call.map(|c| c.callee);
        let line_start = code[..offset].rfind('\n').map_or(0, |n| n + 1);
        let first = code[line_start..].split_whitespace().next().unwrap_or("");
        if first.starts_with('%') && offset <= line_start + first.len() {
            return self.describe(first, detail);
        }
        word.into_iter().chain(callee).find_map(|name| self.describe(&name, detail))
    }

    /// Help on a name, a dotted name or a magic; `detail` 1 adds a function's source.
    pub fn describe(&self, name: &str, detail: u8) -> Option<HelpFacts> {
        if let Some(name) = name.strip_prefix('%') {
            return magic::find(name.trim_start_matches('%')).map(magic::help);
        }
        if let Some(known) = self.known(name) {
            return Some(known_help(known, detail));
        }
        match self.resolved(name) {
            Some(value) => value_help(name, &value),
            None => vocabulary::find(name).map(entry_help),
        }
    }

    /// The value of a name or dotted name, if each part is known.
    fn resolved(&self, path: &str) -> Option<Value> {
        let mut parts = path.split('.');
        let first = parts.next()?;
        let start = self.known(first).map(|k| k.value.clone()).or_else(|| vocabulary::builtin(first))?;
        parts.try_fold(start, |value, part| vocabulary::attribute(&value, part))
    }
}

fn known_help(known: &Known, detail: u8) -> HelpFacts {
    match &known.value {
        Value::Function(function) => {
            let source = if detail > 0 { function.source.text.to_string() } else { String::new() };
            HelpFacts {
                name: known.name.clone(),
                signature: vocabulary::signature(function),
                kind: "function of this session".to_owned(),
                summary: function.doc.as_deref().unwrap_or("No text describes it.").trim().to_owned(),
                details: source,
                ..HelpFacts::default()
            }
        }
        value => value_help(&known.name, value).unwrap_or_else(|| HelpFacts {
            name: known.name.clone(),
            signature: known.name.clone(),
            kind: known.kind.clone(),
            summary: known.detail.clone(),
            ..HelpFacts::default()
        }),
    }
}

fn value_help(name: &str, value: &Value) -> Option<HelpFacts> {
    match value {
        Value::Builtin(builtin) | Value::Method { method: builtin, .. } => Some(builtin_help(*builtin)),
        Value::Module(module) => Some(HelpFacts {
            name: module.name.to_owned(),
            signature: module.name.to_owned(),
            kind: "module".to_owned(),
            summary: vocabulary::attributes(value).join(", "),
            ..HelpFacts::default()
        }),
        _ => vocabulary::find(name).map(entry_help),
    }
}

fn builtin_help(builtin: Builtin) -> HelpFacts {
    let mut help = vocabulary::find(builtin.name()).map(entry_help).unwrap_or_default();
    if let Builtin::Op(op) = builtin {
        help.params = op.params.iter().map(|p| (p.name.to_owned(), p.doc.to_owned())).collect();
    }
    help
}

/// Help on an entry of the vocabulary.
fn entry_help(entry: Entry) -> HelpFacts {
    let op = cleave_ops::table::find(entry.name);
    let params = op.map_or(Vec::new(), |op| op.params.iter().map(|p| (p.name.to_owned(), p.doc.to_owned())).collect());
    HelpFacts {
        name: entry.name.to_owned(),
        signature: entry.signature,
        kind: format!("{:?}", entry.kind).to_lowercase(),
        summary: entry.summary.to_owned(),
        details: entry.details.to_owned(),
        params,
        examples: entry.examples.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
    }
}
