//! Values that exist: as NumPy prints them, with a table where rows and columns help.

use crate::markup::{card, escape};
use cleave_session::output::{Grid, ValueFacts};

/// The longest values text inside a card's row.
const INLINE: usize = 80;
/// The most lines of values in a card.
const MOST_LINES: usize = 8;

/// As HTML: a table for two axes, the text for others.
pub(crate) fn html(facts: &ValueFacts) -> String {
    match &facts.table {
        Some(grid) if facts.shape.ndim() == 2 => {
            let head = format!("array {} {}", facts.shape, facts.dtype);
            card(&head, "in memory", &table(grid), "")
        }
        _ => format!("<pre>{}</pre>", escape(&facts.repr)),
    }
}

/// Inside a row of a card.
pub(crate) fn inline(facts: &ValueFacts) -> String {
    let text = few_lines(&facts.text);
    let short = text.lines().count() <= 1 && text.chars().count() <= INLINE;
    if short { format!("<code>{}</code>", escape(&text)) } else { format!("<pre>{}</pre>", escape(&text)) }
}

/// The first lines of a text, and a mark where there are more.
pub(crate) fn few_lines(text: &str) -> String {
    if text.lines().count() <= MOST_LINES {
        return text.to_owned();
    }
    let lines: Vec<&str> = text.lines().take(MOST_LINES - 1).chain(["…"]).collect();
    lines.join("\n")
}

fn table(grid: &Grid) -> String {
    let dots = |at: usize, list: &[usize]| at > 0 && list[at] != list[at - 1] + 1;
    let mut head = "<tr><th></th>".to_owned();
    for (c, column) in grid.columns.iter().enumerate() {
        head += if dots(c, &grid.columns) { "<th>…</th>" } else { "" };
        head += &format!("<th>{column}</th>");
    }
    let mut body = String::new();
    for (r, line) in grid.rows.iter().enumerate() {
        if dots(r, &grid.rows) {
            body += "<tr><th>⋮</th></tr>";
        }
        body += &format!("<tr><th>{line}</th>");
        for c in 0..grid.columns.len() {
            body += if dots(c, &grid.columns) { "<td>…</td>" } else { "" };
            body += &format!("<td>{}</td>", escape(&grid.cells[r * grid.columns.len() + c]));
        }
        body += "</tr>";
    }
    format!("<table class=\"g\"><thead>{head}</tr></thead><tbody>{body}</tbody></table>")
}
