//! One computation on several engines: a row each, the first of which the others are held against.

use crate::estimate::warning;
use crate::markup::{bar, card, escape};
use crate::sheet;
use crate::units::{plural, seconds, size};
use cleave_session::output::{Agreement, CompareFacts, CompareRow, Table};
use std::fmt::Write;

const HEADS: [&str; 6] = ["engine", "wall", "times faster", "peak", "moved", "answer"];

/// As HTML.
pub(crate) fn html(facts: &CompareFacts) -> String {
    let longest = facts.rows.iter().map(|row| row.wall_s).fold(1e-12, f64::max);
    let mut body = "<table><tr>".to_owned();
    for head in HEADS {
        let _ = write!(body, "<th>{head}</th>");
    }
    body += "</tr>";
    for row in &facts.rows {
        let [engine, wall, times, peak, moved, answer] = cells(row, facts).map(|cell| escape(&cell));
        let answer = if is_other(row) { warning(&answer) } else { answer };
        let _ = write!(
            body,
            "<tr><th>{engine}</th><td>{}</td><td>{times}</td><td>{peak}</td><td>{moved}</td><td>{answer}</td></tr>",
            bar(row.wall_s / longest, &wall)
        );
    }
    body += "</table>";
    for line in notes(facts) {
        let _ = write!(body, "<div class=\"soft\">{}</div>", escape(&line));
    }
    let head = match facts.title.is_empty() {
        true => "compared".to_owned(),
        false => format!("compared: <code>{}</code>", escape(&facts.title)),
    };
    card(&head, &summary(facts), &body, "")
}

/// As text, with the same facts.
pub(crate) fn text(facts: &CompareFacts) -> String {
    let table = Table {
        heads: HEADS.map(str::to_owned).to_vec(),
        rows: facts.rows.iter().map(|row| cells(row, facts).to_vec()).collect(),
        empty: "no engines".to_owned(),
    };
    let head = if facts.title.is_empty() { "compared".to_owned() } else { format!("compared: {}", facts.title) };
    let lines = notes(facts).into_iter().map(|line| format!("\n  {line}")).collect::<String>();
    format!("{head} · {}\n{}{lines}", summary(facts), sheet::table_text(&table))
}

/// `2 engines, same bits`
fn summary(facts: &CompareFacts) -> String {
    let compared: Vec<&Agreement> = facts.rows.iter().filter_map(|row| row.agreement.as_ref()).collect();
    let verdict = match () {
        () if compared.is_empty() => "no answers",
        () if compared.iter().all(|agreement| **agreement == Agreement::Same) => "same bits",
        () => "answers differ",
    };
    format!("{}, {verdict}", plural(facts.rows.len() as u64, "engine"))
}

fn cells(row: &CompareRow, facts: &CompareFacts) -> [String; 6] {
    let first_s = facts.rows.first().map_or(row.wall_s, |first| first.wall_s);
    let answer = match &row.agreement {
        Some(Agreement::Same) => "same bits".to_owned(),
        Some(Agreement::Differs(_)) => format!("differs: {}", row.answer),
        None if row.answer.is_empty() => "–".to_owned(),
        None => row.answer.clone(),
    };
    let moved = if row.moved_bytes == 0 { "–".to_owned() } else { size(row.moved_bytes) };
    [
        row.engine.clone(),
        seconds(row.wall_s),
        times(first_s / row.wall_s.max(1e-12)),
        size(row.peak_bytes),
        moved,
        answer,
    ]
}

/// Two digits, or as many as the whole part has.
fn times(ratio: f64) -> String {
    match ratio {
        r if r >= 9.95 => format!("{r:.0}"),
        r if r >= 0.095 => format!("{r:.1}"),
        r => format!("{r:.2}"),
    }
}

fn is_other(row: &CompareRow) -> bool {
    matches!(row.agreement, Some(Agreement::Differs(_)))
}

/// What fits into no column: where answers differ, and what the first use took.
fn notes(facts: &CompareFacts) -> Vec<String> {
    let first = facts.rows.first().map_or("", |row| &row.engine);
    let other = facts.rows.iter().filter_map(|row| match &row.agreement {
        Some(Agreement::Differs(how)) => Some(format!("{first} and {} differ: {how}", row.engine)),
        Some(Agreement::Same) | None => None,
    });
    let used = facts
        .rows
        .iter()
        .filter(|row| row.first_use_s >= 1e-3)
        .map(|row| format!("{}: {} besides, which only its first use takes", row.engine, seconds(row.first_use_s)));
    other.chain(used).collect()
}
