//! The card of a lazy array.

use crate::chunking::{Chunking, sum_up, times};
use crate::diagram::diagram;
use crate::flow;
use crate::markup::{bar, card, escape, row};
use crate::units::{bytes, count, plural};
use crate::value;
use cleave_session::output::ArrayFacts;

/// As HTML.
pub(crate) fn html(facts: &ArrayFacts) -> String {
    let chunking = sum_up(&facts.chunks);
    let dims = facts.dims.as_ref().map_or(String::new(), |d| format!(" <i>{}</i>", escape(&d.join(" "))));
    let head = format!("array {} {}{dims}", facts.shape, facts.dtype);
    let picture = diagram(&facts.chunks, facts.dims.as_deref(), false);
    let body = format!("{}{}", layout_table(facts, &chunking), plan_table(facts));
    card(&head, &escape(&facts.origin), &body, &picture)
}

fn layout_table(facts: &ArrayFacts, chunking: &Chunking) -> String {
    let head = "<tr><th></th><th>array</th><th>chunk</th></tr>";
    let size = row("bytes", &[&bytes(whole_bytes(facts)), &bytes(chunk_bytes(facts, chunking))]);
    let shape = row("shape", &[&times(&facts.shape), &times(&chunking.typical)]);
    let chunks = row("chunks", &[&count(chunking.total), &grid_words(facts, chunking)]);
    format!("<table>{head}{size}{shape}{chunks}</table>")
}

fn plan_table(facts: &ArrayFacts) -> String {
    let work = format!("{}, {}", plural(facts.stages as u64, "stage"), plural(facts.tasks, "task"));
    let plan = row("plan", &[&format!("{work} &nbsp; {}", flow::boxes(&facts.flow))]);
    let share = facts.peak_bytes as f64 / facts.limit_bytes.max(1) as f64;
    let memory = row("memory", &[&bar(share, &memory_words(facts))]);
    let read = if facts.read_bytes > 0 { row("reads", &[&bytes(facts.read_bytes)]) } else { String::new() };
    let values = facts.values.as_ref().map_or(String::new(), |v| row("values", &[&value::inline(v)]));
    format!("<table>{plan}{memory}{read}{values}</table>")
}

/// As text, with the same facts.
pub(crate) fn text(facts: &ArrayFacts) -> String {
    let chunking = sum_up(&facts.chunks);
    let dims = facts.dims.as_ref().map_or(String::new(), |d| format!("  {}", d.join(" ")));
    let mut lines = vec![
        format!("array {} {}{dims} · {}", facts.shape, facts.dtype, facts.origin),
        format!("  bytes   {} in chunks of {}", bytes(whole_bytes(facts)), bytes(chunk_bytes(facts, &chunking))),
        format!("  chunks  {}", chunk_words(facts, &chunking)),
        format!(
            "  plan    {}, {}: {}",
            plural(facts.stages as u64, "stage"),
            plural(facts.tasks, "task"),
            flow::words(&facts.flow)
        ),
        format!("  memory  {}", memory_words(facts)),
    ];
    if facts.read_bytes > 0 {
        lines.push(format!("  reads   {}", bytes(facts.read_bytes)));
    }
    if let Some(values) = &facts.values {
        let indented = value::few_lines(&values.text).replace('\n', "\n          ");
        lines.push(format!("  values  {indented}"));
    }
    lines.join("\n")
}

/// How many chunks there are on each axis where there are several axes, and whether they are alike.
fn grid_words(facts: &ArrayFacts, chunking: &Chunking) -> String {
    match facts.shape.ndim() {
        0 | 1 => chunking.spread.clone(),
        _ if chunking.total == 1 => chunking.spread.clone(),
        _ => format!("{}, {}", chunking.grid, chunking.spread),
    }
}

/// All of it on one line.
fn chunk_words(facts: &ArrayFacts, chunking: &Chunking) -> String {
    match (chunking.total, facts.shape.ndim()) {
        (1, _) => chunking.spread.clone(),
        (total, 1) => format!("{} of {}, {}", count(total), times(&chunking.typical), chunking.spread),
        (total, _) => {
            format!("{} = {}, of {}, {}", count(total), chunking.grid, times(&chunking.typical), chunking.spread)
        }
    }
}

fn memory_words(facts: &ArrayFacts) -> String {
    format!("{} of {}", bytes(facts.peak_bytes), bytes(facts.limit_bytes))
}

fn whole_bytes(facts: &ArrayFacts) -> u128 {
    facts.shape.iter().map(|&n| n as u128).product::<u128>() * facts.dtype.size() as u128
}

fn chunk_bytes(facts: &ArrayFacts, chunking: &Chunking) -> u128 {
    chunking.typical.iter().map(|&n| n as u128).product::<u128>() * facts.dtype.size() as u128
}
