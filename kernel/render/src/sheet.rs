//! Tables of magics, and help.

use crate::markup::{card, escape};
use cleave_session::output::{HelpFacts, Table};
use std::fmt::Write;

/// A table as aligned text.
pub(crate) fn table_text(table: &Table) -> String {
    if table.rows.is_empty() {
        return table.empty.clone();
    }
    let columns = table.heads.len();
    let width = |c: usize| {
        let cells = table.rows.iter().filter_map(|r| r.get(c)).chain(table.heads.get(c));
        cells.map(|s| s.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(s, w)| format!("{s:<w$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rule = widths.iter().map(|w| "─".repeat(*w)).collect::<Vec<_>>().join("  ");
    let rows = table.rows.iter().map(|r| line(r));
    [line(&table.heads), rule].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// A table as HTML.
pub(crate) fn table_html(table: &Table) -> String {
    if table.rows.is_empty() {
        return format!("<pre>{}</pre>", escape(&table.empty));
    }
    let cells =
        |tag: &str, row: &[String]| row.iter().map(|c| format!("<{tag}>{}</{tag}>", escape(c))).collect::<String>();
    let rows: String = table.rows.iter().map(|r| format!("<tr>{}</tr>", cells("td", r))).collect();
    let style = crate::style::SHEET;
    let head = cells("th", &table.heads);
    format!(
        "<div class=\"clv\"><style>{style}</style><div class=\"main\"><table><tr>{head}</tr>{rows}</table></div></div>"
    )
}

/// Help as text.
pub(crate) fn help_text(help: &HelpFacts) -> String {
    let mut out =
        format!("{}\n\n{}\n", if help.signature.is_empty() { &help.name } else { &help.signature }, help.summary);
    if !help.details.is_empty() {
        let _ = write!(out, "\n{}\n", help.details);
    }
    if !help.params.is_empty() {
        let widest = help.params.iter().map(|p| p.0.chars().count()).max().unwrap_or(0);
        out += "\nParameters\n";
        for (name, doc) in &help.params {
            let _ = writeln!(out, "  {name:<widest$}  {doc}");
        }
    }
    if !help.examples.is_empty() {
        out += "\nExamples\n";
        for (source, shown) in &help.examples {
            let _ = writeln!(out, "  >>> {}", source.replace('\n', "\n  ... "));
            let _ = writeln!(out, "  {}", shown.replace('\n', "\n  "));
        }
    }
    let _ = write!(out, "\nKind: {}", help.kind);
    out
}

/// Help as HTML.
pub(crate) fn help_html(help: &HelpFacts) -> String {
    let signature = if help.signature.is_empty() { &help.name } else { &help.signature };
    let mut body = format!("<div>{}</div>", escape(&help.summary));
    if !help.details.is_empty() {
        let _ = write!(body, "<div class=\"soft\">{}</div>", escape(&help.details).replace('\n', "<br>"));
    }
    if !help.params.is_empty() {
        let row =
            |(name, doc): &(String, String)| format!("<tr><th>{}</th><td>{}</td></tr>", escape(name), escape(doc));
        let _ = write!(body, "<table>{}</table>", help.params.iter().map(row).collect::<String>());
    }
    for (source, shown) in &help.examples {
        let _ = write!(body, "<pre>&gt;&gt;&gt; {}\n{}</pre>", escape(source), escape(shown));
    }
    card(&escape(signature), &escape(&help.kind), &body, "")
}
