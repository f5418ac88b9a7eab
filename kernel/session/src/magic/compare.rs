//! `%compare ENGINE, ENGINE EXPRESSION`: one computation on several engines, side by side. The first engine runs twice, and
//! its second run counts, so that each finds what is read as warm as the others do.

use super::timing::run_once;
use super::{Given, wrong};
use crate::agreement::{Difference, difference};
use crate::cell::MagicLine;
use crate::meter::Meter;
use crate::output::{Agreement, CardFacts, CompareFacts, CompareRow, Failed, RunFacts, Shown};
use crate::runner::Runner;
use crate::settings::{SettingError, Settings};
use crate::world::EXPLAINED;
use cleave_graph::format::scalar_str;
use cleave_graph::host::{Failure, How};
use cleave_graph::value::Value;
use cleave_graph::{NodeId, NodeKind};
use cleave_ops::{DType, Shape};
use cleave_plan::{Source, SourceError};
use cleave_syntax::ast::Program;
use std::sync::Arc;
use std::time::Instant;

/// The longest text of an answer.
const LETTERS: usize = 40;

/// What an engine gave, piece by piece.
enum Piece {
    /// An array.
    Array { shape: Shape, dtype: DType, source: Arc<dyn Source> },
    /// Anything else, as it prints.
    Text(String),
}

/// What an engine did.
struct Tried {
    row: CompareRow,
    pieces: Vec<Piece>,
}

/// `%compare threads, cuda x.sum()`
pub(super) fn compare(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let (engines, code) = engines(&line.argument);
    if code.is_empty() {
        let help = "write %compare threads, cuda x.sum(), or %%compare threads, cuda above a whole cell";
        return Err(wrong("bad-argument", "there is nothing to compute", help, line));
    }
    let program = runner.read("%compare", code)?;
    side_by_side(runner, &engines, &program, (code, line))
}

/// `%%compare threads, cuda`
pub(super) fn compare_cell(runner: &mut Runner<'_>, line: &MagicLine, body: &Program) -> Given {
    let (engines, rest) = engines(&line.argument);
    if !rest.is_empty() {
        let help = "name engines only, with commas between them: %%compare threads, cuda";
        return Err(wrong("bad-argument", format!("`{rest}` is no engine"), help, line));
    }
    side_by_side(runner, &engines, body, ("", line))
}

/// The engines that a line names, with commas between them, and what stands behind.
fn engines(argument: &str) -> (Vec<&str>, &str) {
    let (mut found, mut rest) = (Vec::new(), argument.trim());
    loop {
        let end = rest.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(rest.len());
        let (mut name, mut behind) = rest.split_at(end);
        // The addresses of workers have commas between them, too.
        while name.contains("://") && behind.starts_with(',') && !behind[1..].starts_with(char::is_whitespace) {
            let more = behind[1..].find(|c: char| c == ',' || c.is_whitespace()).map_or(behind.len(), |n| n + 1);
            if !behind[1..more].contains(':') || behind[1..].starts_with("cuda:") {
                break;
            }
            (name, behind) = rest.split_at(name.len() + more);
        }
        found.push(name);
        match behind.trim_start().strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None => return (found.into_iter().filter(|name| !name.is_empty()).collect(), behind.trim_start()),
        }
    }
}

fn side_by_side(
    runner: &mut Runner<'_>,
    engines: &[&str],
    program: &Program,
    (title, line): (&str, &MagicLine),
) -> Given {
    if engines.len() < 2 {
        let help = "name them with commas between them: %compare threads, cuda x.sum()";
        return Err(wrong("bad-argument", "comparing takes two engines at least", help, line));
    }
    let before = runner.session.engine.settings.clone();
    runner.session.engine.follows_devices = false;
    let compared = ready(runner, engines, line).and_then(|ready| all(runner, ready, program, line));
    (runner.session.engine.settings, runner.session.engine.follows_devices) = (before, true);
    let rows = match compared {
        // Where only plans are wanted, one was shown.
        Err(failed) if failed.code == EXPLAINED => return Ok(None),
        compared => compared?,
    };
    runner.show(Shown::Compare(Box::new(CompareFacts { title: title.to_owned(), rows })));
    Ok(None)
}

/// The settings of each engine, taken into use before anything runs, with the seconds that took.
fn ready(runner: &mut Runner<'_>, engines: &[&str], line: &MagicLine) -> Result<Vec<(Settings, f64)>, Failed> {
    let failed = |f: Failure| failed(f, line);
    let engine = &mut runner.session.engine;
    let before = engine.settings.clone();
    let mut one = |name: &&str| {
        let mut settings = before.clone();
        choose(&mut settings, name).map_err(|e| wrong(e.code(), e.to_string(), e.help(), line))?;
        let began = Instant::now();
        engine.settings = settings.clone();
        engine.settings_for(&How::default()).map_err(failed)?;
        engine.open_card(&settings).map_err(failed)?;
        engine.cards.opened_s = 0.0;
        Ok((settings, began.elapsed().as_secs_f64()))
    };
    engines.iter().map(&mut one).collect()
}

/// `threads(4)` is the scheduler `threads` with four of them.
fn choose(settings: &mut Settings, name: &str) -> Result<(), SettingError> {
    match name.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
        Some((name @ ("threads" | "auto"), count)) => {
            settings.set("scheduler", name)?;
            settings.set("threads", count)
        }
        _ => settings.set("scheduler", name),
    }
}

fn all(
    runner: &mut Runner<'_>,
    ready: Vec<(Settings, f64)>,
    program: &Program,
    line: &MagicLine,
) -> Result<Vec<CompareRow>, Failed> {
    let mark = runner.session.interp.mark();
    let (mut rows, mut first) = (Vec::new(), None::<Tried>);
    for (mut settings, mut first_use_s) in ready {
        // What the first has given stays in memory meanwhile.
        let held = first.iter().flat_map(|tried| &tried.pieces).map(Piece::bytes).sum::<u64>();
        settings.memory_limit_bytes = settings.memory_limit_bytes.saturating_sub(held);
        runner.session.engine.settings = settings;
        if first.is_none() {
            // Whoever comes first finds cold what is read, all others find it warm: that run does not count.
            first_use_s += one(runner, program, line)?.row.first_use_s;
        }
        runner.session.interp.restore(mark.clone());
        let mut tried = one(runner, program, line)?;
        tried.row.first_use_s += first_use_s;
        match &first {
            Some(first) => {
                tried.row.agreement = agreement(&first.pieces, &tried.pieces).map_err(|e| unread(&e, line))?;
                rows.push(tried.row);
            }
            None => {
                rows.push(tried.row.clone());
                first = Some(tried);
            }
        }
    }
    Ok(rows)
}

/// Runs a program on the engine that the settings name; lazy arrays that it gives are computed.
fn one(runner: &mut Runner<'_>, program: &Program, line: &MagicLine) -> Result<Tried, Failed> {
    let meter = Meter::start();
    let (value, mut runs) = run_once(runner, program)?;
    let values = match value {
        Some(Value::Tuple(items)) => items.to_vec(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let sources = computed(runner, &values, &mut runs).map_err(|f| failed(f, line))?;
    let wall_s = meter.read().wall_s;
    let pieces = values.iter().zip(sources).map(|(value, source)| piece(runner, value, source));
    let pieces = pieces.collect::<Result<Vec<_>, _>>()?;
    let compiled_s: f64 = runs.iter().filter_map(|run| run.card.as_ref()).map(CardFacts::first_use_s).sum();
    let row = CompareRow {
        engine: engine(&runner.session.engine.settings, &runs),
        wall_s: wall_s - compiled_s,
        first_use_s: compiled_s,
        peak_bytes: runs.iter().map(|run| run.peak_bytes).max().unwrap_or(0),
        moved_bytes: runs.iter().map(moved_bytes).sum(),
        answer: pieces.iter().map(Piece::words).collect::<Vec<_>>().join(", "),
        agreement: None,
    };
    Ok(Tried { row, pieces })
}

/// For each value the data of the array that it is; arrays that are lazy are computed in one pass.
fn computed(
    runner: &mut Runner<'_>,
    values: &[Value],
    runs: &mut Vec<RunFacts>,
) -> Result<Vec<Option<Arc<dyn Source>>>, Failure> {
    let known: Vec<Option<Arc<dyn Source>>> = values.iter().map(|value| in_memory(runner, value)).collect();
    let is_lazy = |value: &Value, known: &Option<_>| matches!(value, Value::Array(_)) && known.is_none();
    let lazy = values.iter().zip(&known).filter(|(value, known)| is_lazy(value, known));
    let lazy: Vec<NodeId> =
        lazy.filter_map(|(v, _)| if let Value::Array(node) = v { Some(*node) } else { None }).collect();
    let mut made = match lazy.is_empty() {
        true => Vec::new(),
        false => runner.compute(&lazy, runs)?,
    }
    .into_iter();
    let source = |(value, known): (&Value, Option<_>)| match is_lazy(value, &known) {
        true => made.next().map(|blocks| blocks as Arc<dyn Source>),
        false => known,
    };
    Ok(values.iter().zip(known).map(source).collect())
}

/// The data of an array that was computed already.
fn in_memory(runner: &Runner<'_>, value: &Value) -> Option<Arc<dyn Source>> {
    let Value::Array(node) = value else { return None };
    let NodeKind::Load(id) = runner.session.interp.graph[*node].kind else { return None };
    let loaded = &runner.session.engine.loaded;
    loaded.values.contains(&id).then(|| loaded.sources.get(&id).cloned()).flatten()
}

fn piece(runner: &mut Runner<'_>, value: &Value, source: Option<Arc<dyn Source>>) -> Result<Piece, Failed> {
    match (value, source) {
        (Value::Array(node), Some(source)) => {
            let array = &runner.session.interp.graph[*node];
            Ok(Piece::Array { shape: array.shape.clone(), dtype: array.dtype, source })
        }
        _ => runner.repr(value).map(Piece::Text),
    }
}

impl Piece {
    /// Bytes that it holds.
    fn bytes(&self) -> u64 {
        match self {
            Piece::Array { source, .. } => source.held_bytes(),
            Piece::Text(_) => 0,
        }
    }

    fn words(&self) -> String {
        match self {
            Piece::Array { shape, dtype, source } if shape.ndim() == 0 => {
                source.block(&[]).map_or_else(|e| e.to_string(), |block| scalar_str(block.elements().get(0), *dtype))
            }
            Piece::Array { shape, dtype, .. } => format!("array {shape} {dtype}"),
            Piece::Text(text) if text.chars().count() <= LETTERS => text.clone(),
            Piece::Text(text) => text.chars().take(LETTERS - 1).chain(['…']).collect(),
        }
    }
}

/// The engine with what it used, such as `cuda: NVIDIA H200` and `auto: threads(2)`.
fn engine(settings: &Settings, runs: &[RunFacts]) -> String {
    let words = settings.scheduler_words();
    let device = runs.iter().find_map(|run| run.card.as_ref()).map(|card| card.device.clone());
    let picked = runs.iter().find_map(|run| run.choice.as_ref()).map(|choice| choice.picked.clone());
    match picked.or(device) {
        Some(used) => format!("{words}: {used}"),
        None => words,
    }
}

fn moved_bytes(run: &RunFacts) -> u64 {
    let card = run.card.as_ref().map_or(0, CardFacts::moved_bytes);
    card + run.lanes.iter().map(|lane| lane.bytes_fetched).sum::<u64>()
}

/// How what an engine gave stands to what the first one gave.
fn agreement(first: &[Piece], other: &[Piece]) -> Result<Option<Agreement>, SourceError> {
    if first.is_empty() && other.is_empty() {
        return Ok(None);
    }
    if first.len() != other.len() {
        return Ok(Some(Agreement::Differs(format!("{} values and {}", first.len(), other.len()))));
    }
    for (a, b) in first.iter().zip(other) {
        if let Some(words) = differs(a, b)? {
            return Ok(Some(Agreement::Differs(words)));
        }
    }
    Ok(Some(Agreement::Same))
}

fn differs(a: &Piece, b: &Piece) -> Result<Option<String>, SourceError> {
    match (a, b) {
        (Piece::Array { shape, dtype, source: a }, Piece::Array { shape: other, dtype: as_other, source: b })
            if shape == other && dtype == as_other =>
        {
            let found = difference(a.as_ref(), b.as_ref())?;
            Ok(found.map(|found| {
                let Difference { count, of, place, pair } = found;
                let (x, y) = (scalar_str(pair.0, *dtype), scalar_str(pair.1, *dtype));
                match place.is_empty() {
                    true => format!("{x} and {y}"),
                    false => format!("{count} of {of} elements, the first at {place:?}: {x} and {y}"),
                }
            }))
        }
        (Piece::Text(a), Piece::Text(b)) if a == b => Ok(None),
        (a, b) => Ok(Some(format!("{} and {}", a.words(), b.words()))),
    }
}

fn unread(error: &SourceError, line: &MagicLine) -> Failed {
    wrong("read-failed", error.to_string(), "compute it again", line)
}

fn failed(failure: Failure, line: &MagicLine) -> Failed {
    wrong(failure.code, failure.message, failure.help.unwrap_or_default(), line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_stand_before_what_is_computed() {
        let cases: [(&str, &[&str], &str); 10] = [
            ("threads, cuda x.sum()", &["threads", "cuda"], "x.sum()"),
            ("threads,cuda:1,auto (x + 1).sum(axis=0)", &["threads", "cuda:1", "auto"], "(x + 1).sum(axis=0)"),
            ("threads(1) , threads(2)  x", &["threads(1)", "threads(2)"], "x"),
            ("workers://a:1,b:2, cuda x", &["workers://a:1,b:2", "cuda"], "x"),
            ("workers://a:1,b:2,cuda:1 x", &["workers://a:1,b:2", "cuda:1"], "x"),
            ("workers://a:1, threads x[0, 1]", &["workers://a:1", "threads"], "x[0, 1]"),
            ("threads x, y", &["threads"], "x, y"),
            ("threads, cuda", &["threads", "cuda"], ""),
            ("threads", &["threads"], ""),
            ("", &[], ""),
        ];
        for (text, names, code) in cases {
            let (found, rest) = engines(text);
            assert_eq!((found.as_slice(), rest), (names, code), "{text}");
        }
    }
}
