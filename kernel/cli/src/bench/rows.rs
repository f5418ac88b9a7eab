//! The table of workloads, `bench/rows.toml`, and a row's program.

use crate::doctor::Silent;
use cleave_session::{Cell, Outcome, Session, Settings};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Table, Value};

/// The table's text; tests/bench reads the same file.
const TEXT: &str = include_str!("../../bench/rows.toml");

/// What the machine can do, a second.
pub(crate) type Rates = BTreeMap<String, f64>;

/// One workload with one set of parameters.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its own name, such as `mirror-2000`.
    pub(crate) name: String,
    /// The name it shares with its neighbours, such as `mirror`.
    pub(crate) group: String,
    /// What it computes.
    pub(crate) title: String,
    /// The names its text may use.
    params: Table,
    entry: Entry,
}

/// An entry of the file; what only the peers need is passed over.
#[derive(Clone, Debug, Deserialize)]
struct Entry {
    name: String,
    title: String,
    full: Table,
    small: Table,
    #[serde(default)]
    each: BTreeMap<String, Vec<Value>>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    memory_limit: Option<String>,
    prepare: Option<String>,
    #[serde(default)]
    setup: String,
    timed: String,
    #[serde(default)]
    answer: String,
    values: Vec<String>,
    check: String,
    work: String,
    limit: Option<String>,
}

#[derive(Deserialize)]
struct File {
    row: Vec<Entry>,
}

/// A row as a program.
pub(crate) struct Program {
    /// Its text.
    pub(crate) text: String,
    /// The first and last line of what is timed.
    pub(crate) timed: (usize, usize),
}

/// All rows, or those whose name or group is wanted; the first wanted name that there is not.
pub(crate) fn chosen(small: bool, wanted: &[String]) -> Result<Vec<Row>, String> {
    let all = all(small);
    let is = |row: &Row, name: &String| row.name == *name || row.group == *name;
    if let Some(unknown) = wanted.iter().find(|name| !all.iter().any(|row| is(row, name))) {
        return Err(unknown.clone());
    }
    Ok(all.into_iter().filter(|row| wanted.is_empty() || wanted.iter().any(|name| is(row, name))).collect())
}

/// The row whose name is most like this one.
pub(crate) fn nearest(name: &str) -> String {
    let names = all(false).into_iter().flat_map(|row| [row.group, row.name]);
    names.min_by_key(|known| strsim::damerau_levenshtein(known, name)).unwrap_or_default()
}

fn all(small: bool) -> Vec<Row> {
    let file: File = toml::from_str(TEXT).expect("the table of workloads is read by a test");
    file.row.into_iter().flat_map(|entry| cases(&entry, small)).collect()
}

fn cases(entry: &Entry, small: bool) -> Vec<Row> {
    let sizes = if small { &entry.small } else { &entry.full };
    let case = |suffix: String, one: Option<(&String, &Value)>| {
        let mut params: Table = one.map(|(k, v)| (k.clone(), v.clone())).into_iter().collect();
        params.extend(sizes.clone());
        let name = format!("{}{suffix}", entry.name);
        Row { name, group: entry.name.clone(), title: entry.title.clone(), params, entry: entry.clone() }
    };
    match entry.each.first_key_value() {
        None => vec![case(String::new(), None)],
        Some((key, values)) => values.iter().map(|v| case(format!("-{}", bare(v)), Some((key, v)))).collect(),
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Row {
    /// The whole text: parameters, what comes before, what is timed, the values, the check, and the work.
    pub(crate) fn program(&self, folder: &Path) -> Program {
        let entry = &self.entry;
        let before = self.assignments(folder) + &block(&entry.setup);
        let timed = block(&entry.timed);
        let values: String = entry.values.iter().map(|v| format!("print(\"{v}\", {v})\n")).collect();
        let after = format!("assert {}, \"wrong answer\"\nprint(\"work\", {})\n", entry.check, entry.work);
        let (first, lines) = (before.lines().count() + 1, timed.lines().count());
        let text = before + &timed + &block(&entry.answer) + &values + &after;
        Program { text, timed: (first, first + lines - 1) }
    }

    /// The text of what is run once before; rows may share it.
    pub(crate) fn preparation(&self, folder: &Path) -> Option<String> {
        self.entry.prepare.as_ref().map(|text| self.assignments(folder) + &block(text))
    }

    /// The settings and the memory limit that the row is measured with.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        let limit = self.entry.memory_limit.as_deref().map(|limit| ("memory_limit", limit));
        self.entry.settings.iter().map(|(k, v)| (k.as_str(), v.as_str())).chain(limit)
    }

    /// Seconds that the machine needs at least, where its rates are known.
    pub(crate) fn limit_s(&self, rates: &Rates) -> Option<f64> {
        let formula = self.entry.limit.as_ref()?;
        let rates: String = rates.iter().map(|(name, rate)| format!("{name} = {rate:?}\n")).collect();
        let code = format!("{}{rates}print(\"limit\", {formula})\n", self.assignments(Path::new("")));
        let outcome = Session::new(Settings::default()).evaluate(&Cell { code, ..Cell::default() }, &mut Silent);
        printed(&outcome).remove("limit")
    }

    fn assignments(&self, folder: &Path) -> String {
        let folder = Value::from(folder.display().to_string());
        let names = self.params.iter().map(|(name, value)| (name.as_str(), value)).chain([("folder", &folder)]);
        names.map(|(name, value)| format!("{name} = {value}\n")).collect()
    }
}

/// A text of whole lines, or none.
pub(super) fn block(text: &str) -> String {
    let text = text.trim_matches('\n');
    if text.is_empty() { String::new() } else { format!("{text}\n") }
}

/// The `name number` lines that statements printed.
pub(crate) fn printed(outcome: &Outcome) -> BTreeMap<String, f64> {
    let lines = outcome.statements.iter().flat_map(|ran| ran.text.lines());
    lines.filter_map(|line| line.split_once(' ')).filter_map(|(k, v)| Some((k.to_owned(), v.parse().ok()?))).collect()
}

/// Reads the rates that tests/bench/run writes.
pub(crate) fn read_rates(path: &Path) -> std::io::Result<Rates> {
    #[derive(Deserialize)]
    struct Limits {
        rates: Rates,
    }
    let limits: Limits = serde_json::from_slice(&std::fs::read(path)?)?;
    Ok(limits.rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_rows_of_both_sizes() {
        for small in [true, false] {
            let rows = all(small);
            let names: std::collections::HashSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
            assert!(names.len() == rows.len() && names.contains("mirror-auto") && names.contains("matmul-1000"));
        }
    }

    #[test]
    fn what_is_timed_is_found_by_its_lines() {
        for row in all(true) {
            let program = row.program(Path::new("somewhere"));
            let lines: Vec<&str> = program.text.lines().collect();
            let (first, last) = program.timed;
            assert_eq!(lines[first - 1..last].join("\n"), row.entry.timed.trim_matches('\n'), "{}", row.name);
        }
    }

    #[test]
    fn limits_follow_from_rates() {
        let rows = chosen(false, &["mirror-2000".into(), "laplace-1".into()]).expect("both are in the table");
        let known = [("multiply_add", 4e10), ("read", 3.2e9), ("write", 1e9), ("triad", 1e9)];
        let rates: Rates = known.map(|(name, rate)| (name.to_owned(), rate)).into();
        assert_eq!(rows[0].limit_s(&rates), Some(1.0));
        assert_eq!(rows[1].limit_s(&rates), Some(1.0));
        assert_eq!(rows[0].limit_s(&Rates::new()), None);
    }

    #[test]
    fn unknown_rows_have_a_neighbour() {
        assert_eq!(chosen(false, &["matmull".into()]).expect_err("a mistyped name"), "matmull");
        assert_eq!(nearest("matmull"), "matmul");
    }
}
