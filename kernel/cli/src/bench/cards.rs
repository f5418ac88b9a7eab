//! `cleave gpu bench`: jobs on a graphics card, beside the time that it needs for them at least.

use super::rows::{block, printed};
use crate::doctor::Silent;
use crate::options::How;
use crate::terminal::{error_line, line};
use crate::{fail, run};
use clap::Args;
use cleave_gpu::{GpuError, measure, measure_products};
use cleave_session::{Cell, Outcome, Session, Settings};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::process::ExitCode;
use toml::Table;

/// The table of jobs; tests/bench reads the same file.
const TEXT: &str = include_str!("../../bench/cards.toml");
/// The part of the card's memory and of this process's that a job may take.
const PART: f64 = 0.8;
/// Rows of the matrices with which cuBLAS is measured.
const SIDES: [usize; 2] = [8192, 64];

/// What `cleave gpu bench` is asked for.
#[derive(Args, Clone, Debug)]
pub(crate) struct Bench {
    /// Only these jobs, such as article,sum.
    #[arg(long, value_delimiter = ',')]
    jobs: Vec<String>,
    /// Small sizes: does everything work?
    #[arg(long)]
    quick: bool,
    /// Name the jobs and stop.
    #[arg(long)]
    list: bool,
    /// As JSON, an object for each job, for tools.
    #[arg(long)]
    json: bool,
    /// Runs of each job after the first at most; the median counts.
    #[arg(long, default_value_t = 7)]
    repeat: usize,
    /// The card, counted from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    device: usize,
}

/// A job; what only the peers and the comparison with them need is passed over.
#[derive(Clone, Debug, Deserialize)]
struct Job {
    name: String,
    title: String,
    full: Table,
    small: Table,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    setup: String,
    #[serde(default)]
    before: String,
    wanted: Vec<String>,
    #[serde(default)]
    kept: bool,
    answer: String,
    check: String,
    #[serde(default = "nothing")]
    need: String,
    #[serde(default = "nothing")]
    host: String,
    floor: String,
}

#[derive(Deserialize)]
struct File {
    job: Vec<Job>,
}

/// What a card can do, a second, by the names that floors are written with.
type Rates = BTreeMap<&'static str, f64>;

/// What a job took.
struct Measured {
    /// Elements on a side, or in all.
    n: i64,
    floor_s: Option<f64>,
    /// Seconds of the first call and of each after it, or why there are none.
    times: Result<Vec<f64>, String>,
}

fn nothing() -> String {
    "0".to_owned()
}

/// Measures a card.
pub(crate) fn bench(bench: &Bench) -> ExitCode {
    let all = jobs();
    if let Some(unknown) = bench.jobs.iter().find(|name| !all.iter().any(|job| job.name == **name)) {
        let known: Vec<&str> = all.iter().map(|job| &*job.name).collect();
        return fail(
            "unknown-job",
            &format!("there is no job `{unknown}`"),
            &format!("there are {}", known.join(", ")),
        );
    }
    let wanted = all.iter().filter(|job| bench.jobs.is_empty() || bench.jobs.contains(&job.name));
    if bench.list {
        wanted.for_each(|job| line(&format!("{:10} {}", job.name, job.title)));
        return ExitCode::SUCCESS;
    }
    let settings = match settings(bench) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let (rates, free_bytes) = match rates(bench) {
        Ok(known) => known,
        Err(error) => {
            error_line(&format!("{}: {error}", error.code()));
            error_line(&format!("  help: {}", error.help()));
            return ExitCode::from(1);
        }
    };
    if !bench.json {
        line(&format!("{:10} {:>11} {:>10} {:>10} {:>9} {:>10}", "job", "n", "floor", "ours", "fraction", "first"));
    }
    let mut failed = 0_u8;
    for job in wanted {
        let measured = job.measured(bench, settings.clone(), (&rates, free_bytes));
        if measured.times.as_ref().is_err_and(|why| why.starts_with("interrupted")) {
            return ExitCode::from(run::STOPPED);
        }
        failed += u8::from(measured.times.is_err());
        if bench.json { line(&measured.record(job)) } else { measured.show(job) }
    }
    ExitCode::from(failed.min(1))
}

fn jobs() -> Vec<Job> {
    toml::from_str::<File>(TEXT).expect("the table of jobs is read by a test").job
}

fn settings(bench: &Bench) -> Result<Settings, ExitCode> {
    run::settings(&How { scheduler: Some(format!("cuda:{}", bench.device)), ..How::default() })
}

/// The card's rates, and the bytes of its memory that jobs may take.
fn rates(bench: &Bench) -> Result<(Rates, f64), GpuError> {
    let known = measure(bench.device)?;
    let memory_bytes = cleave_gpu::detect::ready(bench.device)?.memory_bytes;
    let of = [("copy", known.memory_bps), ("read", known.memory_bps), ("fma64", 2.0 / known.op_s)];
    let mut rates: Rates = of.into_iter().chain([("up", known.up_bps), ("down", known.down_bps)]).collect();
    if let Some([gemm64, gemm32]) = measure_products(bench.device, SIDES[usize::from(bench.quick)])? {
        rates.extend([("gemm64", gemm64), ("gemm32", gemm32)]);
    }
    Ok((rates, PART * memory_bytes as f64))
}

impl Job {
    fn measured(&self, bench: &Bench, mut settings: Settings, (rates, free_bytes): (&Rates, f64)) -> Measured {
        let mut params = if bench.quick { self.small.clone() } else { self.full.clone() };
        let host_bytes = PART * settings.memory_limit_bytes as f64;
        let fits = |params: &Table| {
            let bytes = |text: &str| value(&assignments(params), text).unwrap_or_default();
            bytes(&self.need) <= free_bytes && bytes(&self.host) <= host_bytes
        };
        while n_of(&params) > 1000 && !fits(&params) {
            let half = n_of(&params) / 2;
            params.insert("n".to_owned(), half.into());
        }
        let known: String = rates.iter().map(|(name, rate)| format!("{name} = {rate:?}\n")).collect();
        let (n, floor_s) = (n_of(&params), value(&(assignments(&params) + &known), &self.floor));
        for (key, text) in &self.settings {
            if let Err(error) = settings.set(key, &filled(text, &params)) {
                return Measured { n, floor_s, times: Err(error.to_string()) };
            }
        }
        Measured { n, floor_s, times: times(&evaluate(self.program(&params, bench), settings)) }
    }

    /// A program that prints how long each call took, and fails where an answer is wrong.
    fn program(&self, params: &Table, bench: &Bench) -> String {
        let wanted = self.wanted.join(", ");
        let result = match (self.kept, self.wanted.len()) {
            (true, _) => format!("keep({wanted})"),
            (false, 1) => format!("({wanted}).compute()"),
            (false, _) => format!("compute({wanted})"),
        };
        let before: String = self.before.lines().map(|line| format!("    {line}\n")).collect();
        let (setup, answer, check) = (block(&self.setup), block(&self.answer), &self.check);
        let (params, device, most) = (assignments(params), bench.device, bench.repeat + 1);
        format!(
            "from time import perf_counter\n{params}def keep(x):\n    return x.to_device(\"cuda:{device}\").persist()\n{setup}\
            def job():\n{before}    return {result}\ntimes = []\nfor _ in range({most}):\n    r = None\n    \
            start = perf_counter()\n    r = job()\n    times.append(perf_counter() - start)\nprint(\"times\", times)\n\
            {answer}assert {check}, \"wrong answer\"\n"
        )
    }
}

/// Seconds of each call.
fn times(outcome: &Outcome) -> Result<Vec<f64>, String> {
    if let Some(failed) = &outcome.failed {
        return Err(format!("{}: {}", failed.code, failed.message));
    }
    let lines = outcome.statements.iter().flat_map(|ran| ran.text.lines());
    let times = lines.filter_map(|line| serde_json::from_str(line.strip_prefix("times ")?).ok()).next_back();
    times.ok_or_else(|| "it did not tell its times".to_owned())
}

impl Measured {
    /// Seconds of the first call, and the median of the others.
    fn seconds(&self) -> Option<(f64, f64)> {
        let (first, rest) = self.times.as_ref().ok()?.split_first()?;
        let mut sorted = if rest.is_empty() { vec![*first] } else { rest.to_vec() };
        sorted.sort_by(f64::total_cmp);
        Some((*first, sorted[sorted.len() / 2]))
    }

    /// What part of the time the card needs at least.
    fn fraction(&self) -> Option<f64> {
        self.seconds().zip(self.floor_s).map(|((_, ours), floor)| floor / ours)
    }

    fn show(&self, job: &Job) {
        let Some((first, ours)) = self.seconds() else {
            return error_line(&format!("{:10} {}", job.name, self.times.as_ref().err().map_or("", |why| why)));
        };
        let floor = self.floor_s.map_or_else(|| "-".to_owned(), cleave_render::seconds);
        let fraction = self.fraction().map_or_else(|| "-".to_owned(), |part| format!("{:.0} %", 100.0 * part));
        let [ours, first] = [ours, first].map(cleave_render::seconds);
        line(&format!("{:10} {:>11} {floor:>10} {ours:>10} {fraction:>9} {first:>10}", job.name, self.n));
    }

    fn record(&self, job: &Job) -> String {
        let seconds = self.seconds();
        json!({
            "job": job.name,
            "title": job.title,
            "n": self.n,
            "floor_s": self.floor_s,
            "ours_s": seconds.map(|(_, ours)| ours),
            "fraction": self.fraction(),
            "first_s": seconds.map(|(first, _)| first),
            "failed": self.times.as_ref().err(),
        })
        .to_string()
    }
}

fn n_of(params: &Table) -> i64 {
    params.get("n").and_then(toml::Value::as_integer).unwrap_or(1)
}

/// Parameters as statements.
fn assignments(params: &Table) -> String {
    params.iter().map(|(name, value)| format!("{name} = {value}\n")).collect()
}

/// A setting's text with the parameters that it names in braces.
fn filled(text: &str, params: &Table) -> String {
    let bare = |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    params.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), &bare(value)))
}

/// What a formula gives behind some statements; none where a name is not known.
fn value(before: &str, formula: &str) -> Option<f64> {
    let code = format!("{before}print(\"value\", {formula})\n");
    printed(&evaluate(code, Settings::default())).remove("value")
}

fn evaluate(code: String, settings: Settings) -> Outcome {
    run::on_big_stack(|| {
        let mut session = Session::new(settings);
        run::stop_on_signal(&session);
        session.evaluate(&Cell { code, ..Cell::default() }, &mut Silent)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_follow_from_rates_and_parameters() {
        let rates = "copy = 4e12\nread = 4e12\nfma64 = 3e13\nup = 5e10\ngemm64 = 6e13\ngemm32 = 6e13\n";
        for job in jobs() {
            let floor_s = value(&(assignments(&job.full) + rates), &job.floor);
            assert!(floor_s.is_some_and(|floor| (1e-4..60.0).contains(&floor)), "{}: {floor_s:?}", job.name);
            let needs = [&job.need, &job.host].map(|text| value(&assignments(&job.full), text));
            assert!(needs.iter().all(Option::is_some), "{}", job.name);
        }
        assert_eq!(value("n = 3\n", "n / copy"), None);
    }

    #[test]
    fn settings_name_parameters() {
        let params: Table = [("most".to_owned(), "8GiB".into()), ("n".to_owned(), 3.into())].into_iter().collect();
        assert_eq!(filled("{most} of {n}", &params), "8GiB of 3");
    }
}
