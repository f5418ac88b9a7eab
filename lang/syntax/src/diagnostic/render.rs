//! Draws diagnostics under the lines they are about.

use super::Diagnostic;
use super::excerpt::{excerpt, visible};
use ariadne::{CharSet, Color, Config, IndexType, Report, ReportKind};
use std::fmt::Write;

/// Colours of the first, second and further labels.
const LABEL_COLORS: [Color; 3] = [Color::Blue, Color::Yellow, Color::Magenta];

/// Draws each diagnostic: code and sentence, the source with labels, the way out. Without `color` the
/// text holds no control codes, whatever the source holds; long lines are cut around the labels.
pub fn render(diagnostics: &[Diagnostic], color: bool) -> String {
    diagnostics.iter().map(|diagnostic| one(diagnostic, color)).collect::<Vec<_>>().join("\n")
}

fn one(diagnostic: &Diagnostic, color: bool) -> String {
    let (bold, red, dim, plain) =
        if color { ("\x1b[1m", "\x1b[1;31m", "\x1b[90m", "\x1b[0m") } else { ("", "", "", "") };
    let mut out = String::new();
    let message = visible(&diagnostic.message);
    let _ = writeln!(out, "{red}{}{plain}: {message}", diagnostic.code);
    if let Some(drawing) = drawing(diagnostic, color) {
        let name = visible(&diagnostic.source.name);
        let line = diagnostic.source.line_of(diagnostic.labels.first().map_or(0, |label| label.span.start));
        let margin = " ".repeat(drawing.lines().next().map_or(3, margin_len));
        let _ = writeln!(out, "{margin}{dim}╭─[{name}, line {line}]{plain}");
        out.push_str(&drawing);
        let _ = writeln!(out, "{margin}{dim}╰─{plain}");
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(out, " {bold}help{plain}: {}", visible(help));
    }
    out
}

/// The source lines with their labels, under a heading of our own.
fn drawing(diagnostic: &Diagnostic, color: bool) -> Option<String> {
    let excerpt = excerpt(diagnostic)?;
    let config = Config::default().with_color(color).with_char_set(CharSet::Unicode).with_index_type(IndexType::Byte);
    let mut report =
        Report::build(ReportKind::Error, excerpt.labels[0].0.clone()).with_config(config.with_tab_width(4));
    let says_more = excerpt.labels.iter().any(|(_, text)| !text.is_empty());
    for (place, (range, text)) in
        excerpt.labels.iter().enumerate().filter(|(_, (_, text))| !text.is_empty() || !says_more)
    {
        let label = ariadne::Label::new(range.clone()).with_color(LABEL_COLORS[place.min(2)]);
        let label = label.with_order(i32::try_from(place).unwrap_or(i32::MAX));
        report = report.with_label(label.with_message(if text.is_empty() { "here" } else { text }));
    }
    let mut bytes = Vec::new();
    report.finish().write(ariadne::Source::from(excerpt.text), &mut bytes).ok()?;
    let bare = matches!(excerpt.labels.as_slice(), [(_, text)] if text.is_empty());
    Some(body(&undimmed(&String::from_utf8_lossy(&bytes)), bare))
}

/// Source without a label is drawn in grey, each character by itself; plain is shorter and easier to read.
fn undimmed(drawn: &str) -> String {
    let mut parts = drawn.split("\x1b[38;5;249m");
    let first = parts.next().unwrap_or("").to_string();
    parts.fold(first, |out, part| out + &part.replacen("\x1b[0m", "", 1))
}

/// The drawing without its head and foot; dots take the place of the margin's line where no source stands.
/// If `bare`, the one label has nothing to say and shrinks to its underline.
fn body(drawn: &str, bare: bool) -> String {
    let mut lines: Vec<&str> = drawn.lines().skip(3).collect();
    lines.pop();
    if bare {
        lines.pop();
    }
    let mut out = String::new();
    for line in lines {
        let line = if is_source_line(line) { line.to_string() } else { line.replacen(['│', '┆'], "·", 1) };
        let line = if bare && !is_source_line(&line) { line.replace('┬', "─") } else { line };
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// What stands left of the margin's line: one space, a control code if there is colour, the line's number.
fn margin(line: &str) -> &str {
    let left = line.split(['│', '┆']).next().unwrap_or("");
    left.rsplit('m').next().unwrap_or("")
}

fn is_source_line(line: &str) -> bool {
    margin(line).contains(|c: char| c.is_ascii_digit())
}

fn margin_len(line: &str) -> usize {
    margin(line).chars().count() + usize::from(line.contains('\x1b'))
}
