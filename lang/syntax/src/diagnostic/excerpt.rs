//! The few short lines of a text that a drawing needs.

use super::{Diagnostic, Label};
use crate::source::Span;
use std::ops::Range;

/// The most characters of one line that are shown.
const MAX_LINE_CHARS: usize = 140;
/// How many characters are kept before the first label of a line that is cut.
const LEAD_CHARS: usize = 50;
/// The most labels that are drawn.
const MAX_LABELS: usize = 8;
/// Labels further from the first one than this many lines are not drawn.
const MAX_LINES_APART: usize = 2000;

/// Lines of a text, those without labels emptied, and where the labels stand in them.
pub(super) struct Excerpt {
    pub(super) text: String,
    pub(super) labels: Vec<(Range<usize>, String)>,
}

/// What a drawing of the diagnostic needs; `None` if no label lies inside the text.
pub(super) fn excerpt(diagnostic: &Diagnostic) -> Option<Excerpt> {
    let text: &str = &diagnostic.source.text;
    let labels: Vec<(usize, &Label)> = diagnostic
        .labels
        .iter()
        .take(MAX_LABELS)
        .filter(|label| is_inside(text, label.span))
        .map(|label| (diagnostic.source.line_of(label.span.start), label))
        .collect();
    let nearby = |line: usize| line.abs_diff(labels[0].0) <= MAX_LINES_APART;
    let first_line = labels.iter().map(|(line, _)| *line).filter(|line| nearby(*line)).min()?;
    let last_line = labels.iter().map(|(line, _)| *line).filter(|line| nearby(*line)).max()?;
    let mut excerpt = Excerpt { text: "\n".repeat(first_line - 1), labels: Vec::new() };
    let mut drawn: Vec<(usize, Range<usize>, String)> = Vec::new();
    for number in first_line..=last_line {
        let here: Vec<(usize, &Label)> = labels
            .iter()
            .enumerate()
            .filter(|(_, (line, _))| *line == number)
            .map(|(place, (_, label))| (place, *label))
            .collect();
        if let Some((_, label)) = here.first() {
            add_line(line_around(text, label.span.start), text, &here, &mut excerpt.text, &mut drawn);
        }
        excerpt.text.push('\n');
    }
    drawn.sort_by_key(|(place, ..)| *place);
    excerpt.labels = drawn.into_iter().map(|(_, range, text)| (range, text)).collect();
    Some(excerpt)
}

fn is_inside(text: &str, span: Span) -> bool {
    span.start <= span.end && text.get(span.range()).is_some()
}

/// The line of `offset` without its end.
fn line_around(text: &str, offset: usize) -> Span {
    let start = text[..offset].rfind('\n').map_or(0, |place| place + 1);
    let end = text[offset..].find('\n').map_or(text.len(), |len| offset + len);
    Span::new(start, start + text[start..end].trim_end_matches('\r').len())
}

fn add_line(
    line: Span,
    text: &str,
    here: &[(usize, &Label)],
    out: &mut String,
    drawn: &mut Vec<(usize, Range<usize>, String)>,
) {
    let window = window(line, text, here);
    if window.start > line.start {
        out.push('…');
    }
    let base = out.len();
    out.push_str(&visible(&text[window.range()]));
    let end = out.len();
    if window.end < line.end {
        out.push('…');
    }
    for (place, label) in here {
        let offset = |at: usize| base + visible(&text[window.start..at.clamp(window.start, window.end)]).len();
        let start = offset(label.span.start);
        let stop = offset(label.span.end).max(start);
        let stop = if stop == start { next_char(out, start, end) } else { stop };
        drawn.push((*place, start..stop, visible(&label.text)));
    }
}

/// An empty label covers the character after it, if there is one.
fn next_char(text: &str, start: usize, end: usize) -> usize {
    text[start..end].chars().next().map_or(start, |c| start + c.len_utf8())
}

/// The part of a line that is shown: all of it, or some around the first of its labels.
fn window(line: Span, text: &str, here: &[(usize, &Label)]) -> Span {
    let whole = &text[line.range()];
    if whole.chars().nth(MAX_LINE_CHARS).is_none() {
        return line;
    }
    let anchor = here.iter().map(|(_, label)| label.span.start).min().unwrap_or(line.start).clamp(line.start, line.end);
    let start =
        text[line.start..anchor].char_indices().rev().take(LEAD_CHARS).last().map_or(anchor, |(at, _)| line.start + at);
    let end = text[start..line.end].char_indices().nth(MAX_LINE_CHARS).map_or(line.end, |(at, _)| start + at);
    Span::new(start, end)
}

/// The text with control characters and odd line ends replaced by pictures of them.
pub(super) fn visible(text: &str) -> String {
    text.chars().map(picture).collect()
}

fn picture(c: char) -> char {
    match c {
        '\t' => '\t',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('?'),
        '\u{7f}' => '␡',
        '\u{85}' | '\u{2028}' | '\u{2029}' => '␤',
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ => c,
    }
}
