//! One run of one row in this process.

use super::rows::{self, Row, printed};
use crate::doctor::Silent;
use crate::options::How;
use crate::{run, terminal};
use cleave_session::{Cell, Outcome, Session, Settings};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// What one run took and gave; how a child tells its parent.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Measured {
    /// Seconds of what is timed.
    pub(super) seconds: f64,
    /// Seconds of the whole process, which only its parent knows.
    #[serde(skip)]
    pub(super) process_s: f64,
    /// Peak of the resident memory.
    pub(super) peak_bytes: u64,
    /// Elements.
    pub(super) work: f64,
    /// The row's values.
    pub(super) values: BTreeMap<String, f64>,
    /// Why there is no answer, or that it is wrong.
    pub(super) failed: Option<String>,
}

/// Runs a row, or what it needs before, and prints its numbers.
pub(super) fn run(name: &str, small: bool, prepare: bool, folder: &Path, how: &How) -> ExitCode {
    let row = match rows::chosen(small, &[name.to_owned()]).map(|mut rows| rows.pop()) {
        Ok(Some(row)) => row,
        Ok(None) | Err(_) => return crate::fail("unknown-row", &format!("there is no row `{name}`"), ""),
    };
    let settings = match settings(&row, how) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let measured = if prepare { prepared(&row, folder, settings) } else { measured(&row, folder, settings) };
    match serde_json::to_string(&measured) {
        Ok(text) => terminal::line(&text),
        Err(error) => return crate::fail("not-measured", &error.to_string(), ""),
    }
    ExitCode::SUCCESS
}

/// The row's own settings, changed by the command line.
fn settings(row: &Row, how: &How) -> Result<Settings, ExitCode> {
    let own = row.settings().map(|(key, value)| format!("{key}={value}"));
    let settings = own.chain(how.settings.iter().cloned()).collect();
    run::settings(&How { settings, ..how.clone() })
}

fn measured(row: &Row, folder: &Path, settings: Settings) -> Measured {
    let program = row.program(folder);
    let outcome = evaluate(program.text, settings);
    let (first, last) = program.timed;
    let mut values = printed(&outcome);
    Measured {
        seconds: outcome.statements.iter().filter(|ran| (first..=last).contains(&ran.line)).map(|ran| ran.wall_s).sum(),
        peak_bytes: peak_bytes(),
        work: values.remove("work").unwrap_or_default(),
        values,
        failed: failure(&outcome),
        ..Measured::default()
    }
}

fn prepared(row: &Row, folder: &Path, settings: Settings) -> Measured {
    let outcome = evaluate(row.preparation(folder).unwrap_or_default(), settings);
    Measured { failed: failure(&outcome), ..Measured::default() }
}

fn evaluate(code: String, settings: Settings) -> Outcome {
    run::on_big_stack(|| {
        let mut session = Session::new(settings);
        run::stop_on_signal(&session);
        session.evaluate(&Cell { code, ..Cell::default() }, &mut Silent)
    })
}

fn failure(outcome: &Outcome) -> Option<String> {
    outcome.failed.as_ref().map(|failed| format!("{}: {}", failed.code, failed.message))
}

/// Linux counts in KiB.
fn peak_bytes() -> u64 {
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss().unsigned_abs() * unit)
}
