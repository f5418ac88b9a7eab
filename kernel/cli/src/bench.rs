//! `cleave bench`: the workloads of this repository, measured on the user's machine.
//!
//! In reading order: `rows` (the table of workloads), `child` (one run, in a process of its own so that its peak
//! memory is its own), `cards` (jobs on a graphics card, beside what it needs at least). Here the processes are started and their numbers shown.

pub(crate) mod cards;
mod child;
mod rows;

use crate::fail;
use crate::options::How;
use crate::terminal::{error_line, line, print};
use child::Measured;
use clap::Args;
use rows::{Rates, Row};
use serde_json::json;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Seconds after which a row is not repeated.
const ENOUGH_S: f64 = 6.0;

/// What `cleave bench` is asked for.
#[derive(Args, Clone, Debug)]
pub(crate) struct Bench {
    /// Only these rows or groups of rows, such as mirror,matmul-2000.
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// Small sizes: does everything work?
    #[arg(long)]
    quick: bool,
    /// Name the rows and stop.
    #[arg(long)]
    list: bool,
    /// Runs of each row at most; the median counts.
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// Write a JSON object for each row; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rates of this machine as JSON, as tests/bench/run writes them, to show how near to them a row comes.
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// Where stores are put, 2 GB for the full size; a folder that vanishes by default.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Run one row in this process and print its numbers as JSON.
    #[arg(long, hide = true, value_name = "ROW")]
    one: Option<String>,
    /// Run what one row needs beforehand, instead of the row.
    #[arg(long, hide = true, requires = "one")]
    prepare: bool,
}

/// Measures rows, or one row for the process that asks.
pub(crate) fn bench(bench: &Bench, how: &How) -> ExitCode {
    let wanted = match rows::chosen(bench.quick, &bench.rows) {
        Ok(rows) => rows,
        Err(unknown) => {
            let nearest = rows::nearest(&unknown);
            return fail(
                "unknown-row",
                &format!("there is no row `{unknown}`"),
                &format!("the nearest is `{nearest}`"),
            );
        }
    };
    if let Some(name) = &bench.one {
        let folder = bench.folder.clone().unwrap_or_else(std::env::temp_dir);
        return child::run(name, bench.quick, bench.prepare, &folder, how);
    }
    if bench.list {
        wanted.iter().for_each(|row| line(&format!("{:18} {}", row.name, row.title)));
        return ExitCode::SUCCESS;
    }
    let rates = match bench.limits.as_deref().map(rows::read_rates).transpose() {
        Ok(rates) => rates.unwrap_or_default(),
        Err(error) => return fail("bad-limits", &error.to_string(), "tests/bench/run writes limits.json"),
    };
    match measure_all(bench, how, &wanted, &rates) {
        Ok(code) => code,
        Err(error) => fail("not-measured", &error.to_string(), "choose another place with --folder or --json"),
    }
}

fn measure_all(bench: &Bench, how: &How, wanted: &[Row], rates: &Rates) -> std::io::Result<ExitCode> {
    let vanishing = tempfile::Builder::new().prefix("cleave-bench-").tempdir()?;
    let folder = bench.folder.clone().unwrap_or_else(|| vanishing.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let stopped = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, stopped.clone())?;
    let children = Children { bench, how, folder: &folder };
    let (mut prepared, mut records, mut wrong) = (HashSet::new(), String::new(), false);
    line(&format!("{:18} {:>10} {:>16} {:>10} {:>9}", "row", "seconds", "elements/s", "memory", "of limit"));
    for row in wanted {
        let measured = children.row(row, &mut prepared)?;
        if stopped.load(Ordering::Relaxed) {
            return Ok(ExitCode::from(crate::run::STOPPED));
        }
        wrong |= measured.failed.is_some();
        let limit_s = if bench.quick { None } else { row.limit_s(rates) };
        show(row, &measured, limit_s);
        records += &record(row, &measured, limit_s);
    }
    if let Some(path) = &bench.json {
        crate::run::write_whole(path, &records)?;
    }
    Ok(ExitCode::from(u8::from(wrong)))
}

/// Starts the processes that measure.
struct Children<'a> {
    bench: &'a Bench,
    how: &'a How,
    folder: &'a Path,
}

impl Children<'_> {
    /// A row's numbers: the run of median time.
    fn row(&self, row: &Row, prepared: &mut HashSet<String>) -> std::io::Result<Measured> {
        if let Some(text) = row.preparation(self.folder)
            && prepared.insert(text)
        {
            let first = self.once(row, true)?;
            if first.failed.is_some() {
                return Ok(first);
            }
        }
        let mut runs: Vec<Measured> = Vec::new();
        while runs.len() < self.bench.repeat.max(1) && runs.iter().map(|r| r.process_s).sum::<f64>() < ENOUGH_S {
            runs.push(self.once(row, false)?);
            if runs.last().is_some_and(|run| run.failed.is_some()) {
                return Ok(runs.remove(runs.len() - 1));
            }
        }
        runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let middle = runs.len() / 2;
        Ok(runs.swap_remove(middle))
    }

    fn once(&self, row: &Row, prepare: bool) -> std::io::Result<Measured> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench", "--one", &row.name, "--folder"]).arg(self.folder);
        command.args(self.bench.quick.then_some("--quick")).args(prepare.then_some("--prepare"));
        command.args(self.how.arguments());
        let started = std::time::Instant::now();
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        let said = serde_json::from_slice(&output.stdout);
        let died = || Measured { failed: Some(format!("ended with {}", output.status)), ..Measured::default() };
        Ok(Measured { process_s: started.elapsed().as_secs_f64(), ..said.unwrap_or_else(|_| died()) })
    }
}

fn show(row: &Row, measured: &Measured, limit_s: Option<f64>) {
    if let Some(failed) = &measured.failed {
        return error_line(&format!("{:18} {failed}", row.name));
    }
    let share = limit_s.map_or_else(String::new, |limit| format!("{:.0} %", 100.0 * limit / measured.seconds));
    print(&format!(
        "{:18} {:>10} {:>16} {:>10} {share:>9}\n",
        row.name,
        seconds_text(measured.seconds),
        rate_text(measured.work / measured.seconds),
        cleave_render::bytes(measured.peak_bytes),
    ));
}

fn seconds_text(seconds: f64) -> String {
    let decimals = if seconds < 0.1 { 4 } else { 2 };
    format!("{seconds:.decimals$}")
}

fn rate_text(rate: f64) -> String {
    let (scaled, unit) = if rate >= 1e9 { (rate / 1e9, "G") } else { (rate / 1e6, "M") };
    format!("{scaled:.2} {unit}")
}

fn record(row: &Row, measured: &Measured, limit_s: Option<f64>) -> String {
    let facts = json!({
        "row": row.name,
        "title": row.title,
        "seconds": measured.seconds,
        "process_s": measured.process_s,
        "elements": measured.work,
        "peak_bytes": measured.peak_bytes,
        "limit_s": limit_s,
        "values": measured.values,
        "failed": measured.failed,
    });
    format!("{facts}\n")
}
