//! `cleave reference`: what there is, and how it is used.

use crate::fail;
use crate::terminal::line;
use cleave_graph::vocabulary::{self, EntryKind};
use cleave_ops::{Class, Op, table};
use cleave_session::assist::Assistant;
use cleave_session::output::{Shown, Table};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::process::ExitCode;

/// Prints the page of a name, the list of all, or the table of operations as JSON.
pub(crate) fn reference(name: Option<&str>, as_json: bool) -> ExitCode {
    match (name, as_json) {
        (_, true) => print_json(name),
        (None, false) => {
            list();
            ExitCode::SUCCESS
        }
        (Some(name), false) => page(name),
    }
}

fn page(name: &str) -> ExitCode {
    match Assistant::default().describe(name, 0) {
        Some(help) => {
            line(&cleave_render::text(&Shown::Help(Box::new(help))));
            ExitCode::SUCCESS
        }
        None => {
            let names = vocabulary::all().into_iter().map(|e| e.name);
            let nearest = names.min_by_key(|known| strsim::damerau_levenshtein(known, name)).unwrap_or("");
            fail(
                "unknown-name",
                &format!("there is no page on `{name}`"),
                &format!("the nearest is `{nearest}`; `cleave reference` lists all"),
            )
        }
    }
}

fn list() {
    let groups = [
        ("Creation", EntryKind::Creation),
        ("Elementwise", EntryKind::Elementwise),
        ("Reductions", EntryKind::Reduction),
        ("Running values", EntryKind::Scan),
        ("Products of matrices", EntryKind::Contraction),
        ("Views", EntryKind::View),
        ("Functions", EntryKind::Function),
        ("Methods", EntryKind::Method),
        ("Properties", EntryKind::Property),
    ];
    for (title, kind) in groups {
        let entries = vocabulary::all().into_iter().filter(|e| e.kind == kind);
        let rows: Vec<Vec<String>> = entries.map(|e| vec![e.signature, e.summary.to_owned()]).collect();
        let table = Table { heads: vec![title.to_owned(), String::new()], rows, empty: String::new() };
        line(&cleave_render::text(&Shown::Table(table)));
        line("");
    }
}

fn print_json(name: Option<&str>) -> ExitCode {
    let ops: Vec<Value> = table::all().filter(|op| name.is_none_or(|n| op.name == n)).map(entry).collect();
    line(&json!(ops).to_string());
    ExitCode::SUCCESS
}

fn entry(op: &'static Op) -> Value {
    let (class, arity, dtypes) = class(op);
    let params: Vec<Value> =
        op.params.iter().map(|p| json!({"name": p.name, "default": p.default, "doc": p.doc})).collect();
    json!({
        "name": op.name,
        "aliases": op.aliases,
        "symbol": op.symbol,
        "method": op.method,
        "class": class,
        "arity": arity,
        "params": params,
        "dtypes": dtypes,
        "summary": op.summary,
        "examples": op.examples,
        "numpy": op.numpy.as_ref().map(|n| n.function),
        "lo": op.numpy.as_ref().map(|n| n.range.0),
        "hi": op.numpy.as_ref().map(|n| n.range.1),
        "tolerance_ulp": op.numpy.as_ref().map(|n| n.ulp),
    })
}

/// The class, how many operands it takes, and the dtypes of the first that is no condition.
fn class(op: &'static Op) -> (&'static str, usize, Vec<&'static str>) {
    match &op.class {
        Class::Fill(_) => ("fill", 0, Vec::new()),
        Class::View(_) => ("view", 1, cleave_ops::DType::ALL.iter().map(|d| d.name()).collect()),
        Class::Map(map) => {
            let arity = map.loops.first().map_or(0, |l| l.inputs.len());
            let first = usize::from(map.condition);
            let mut dtypes: Vec<&str> =
                map.loops.iter().filter_map(|l| l.inputs.get(first)).map(|d| d.name()).collect();
            let mut seen = HashSet::new();
            dtypes.retain(|name| seen.insert(*name));
            ("map", arity, dtypes)
        }
        Class::Fold(fold) => ("fold", 1, fold.loops.iter().map(|l| l.input.name()).collect()),
        Class::Scan(scan) => ("scan", 1, scan.loops.iter().map(|l| l.input.name()).collect()),
        Class::Contract(contract) => ("contract", 2, contract.loops.iter().map(|l| l.dtype.name()).collect()),
    }
}
