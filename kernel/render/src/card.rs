//! The card of a lazy array.

use crate::chunking::{Chunking, sum_up, times};
use crate::diagram::diagram;
use crate::estimate::{advice_words, memory_words, some, time_words, warning, where_words};
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
    let e = &facts.estimate;
    let place = facts.place.as_deref().map(escape);
    let time = format!("<b>{}</b> {}", time_words(e), where_words(e, facts.threads, place.as_deref()));
    let time = row("to compute", &[&time]);
    let memory = row("peak memory", &[&memory(facts)]);
    let moved = row("reads · writes", &[&format!("{} · nothing", some(e.read_bytes))]);
    let values = facts.values.as_ref().map_or(String::new(), |v| row("values", &[&value::inline(v)]));
    format!("<table>{time}{memory}{moved}{plan}{values}</table>{}", advice(facts))
}

/// A bar that warns where there is not enough.
fn memory(facts: &ArrayFacts) -> String {
    let peak = facts.estimate.peak_bytes;
    let share = peak as f64 / facts.limit_bytes.max(1) as f64;
    let bar = bar(share, &memory_words(peak, facts.limit_bytes));
    if peak > facts.limit_bytes { warning(&bar) } else { bar }
}

/// A line each below the tables: sentences would make a column wide.
fn advice(facts: &ArrayFacts) -> String {
    let line = |a| format!("<div style=\"max-width:44em\">{} {}</div>", warning("chunks"), escape(&advice_words(a)));
    facts.advice.iter().map(line).collect()
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
            "  compute {} {}",
            time_words(&facts.estimate),
            where_words(&facts.estimate, facts.threads, facts.place.as_deref())
        ),
        format!("  memory  peak {}", memory_words(facts.estimate.peak_bytes, facts.limit_bytes)),
        format!("  reads   {}", some(facts.estimate.read_bytes)),
        format!(
            "  plan    {}, {}: {}",
            plural(facts.stages as u64, "stage"),
            plural(facts.tasks, "task"),
            flow::words(&facts.flow)
        ),
    ];
    lines.extend(facts.advice.iter().map(|a| format!("  advice  {}", advice_words(a))));
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

fn whole_bytes(facts: &ArrayFacts) -> u128 {
    facts.shape.iter().map(|&n| n as u128).product::<u128>() * facts.dtype.size() as u128
}

fn chunk_bytes(facts: &ArrayFacts, chunking: &Chunking) -> u128 {
    chunking.typical.iter().map(|&n| n as u128).product::<u128>() * facts.dtype.size() as u128
}
