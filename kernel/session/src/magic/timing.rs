//! `%time` and `%timeit`, with IPython's lines.

use super::{Given, wrong};
use crate::cell::MagicLine;
use crate::meter::{Meter, Reading};
use crate::output::{Failed, RunFacts, Shown};
use crate::runner::Runner;
use cleave_graph::value::Value;
use cleave_syntax::ast::{Program, StmtKind};

/// A measurement takes at least so long, in seconds.
const LONG_ENOUGH: f64 = 0.2;

/// `%time STATEMENT`
pub(super) fn time(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let program = runner.read("%time", &line.argument)?;
    time_cell(runner, &program)
}

/// `%%time`, and the program of `%time`.
pub(super) fn time_cell(runner: &mut Runner<'_>, body: &Program) -> Given {
    let meter = Meter::start();
    let done = run_once(runner, body);
    let reading = meter.read();
    runner.say(&cpu_line(&reading));
    runner.say(&format!("Wall time: {}", time_text(reading.wall_s)));
    let (value, runs) = done?;
    if let Some(value) = &value {
        runner.show_result(value, &runs)?;
    } else if let Some(run) = runs.into_iter().next_back() {
        runner.show(Shown::Run(Box::new(run)));
    }
    Ok(value)
}

pub(super) fn run_once(runner: &mut Runner<'_>, body: &Program) -> Result<(Option<Value>, Vec<RunFacts>), Failed> {
    let (mut value, mut runs) = (None, Vec::new());
    for stmt in &body.body {
        let given = runner.execute(stmt, &body.source)?;
        value = given.value.filter(|_| matches!(stmt.node, StmtKind::Expr(_)));
        runs.extend(given.runs);
    }
    Ok((value, runs))
}

/// `CPU times: user 1.2 s, sys: 12 ms, total: 1.21 s`
fn cpu_line(reading: &Reading) -> String {
    let (user, sys) = (time_text(reading.user_s), time_text(reading.sys_s));
    format!("CPU times: user {user}, sys: {sys}, total: {}", time_text(reading.user_s + reading.sys_s))
}

/// IPython's way to write a time span, with three significant digits.
pub(crate) fn time_text(span: f64) -> String {
    const UNITS: [(&str, f64); 4] = [("s", 1.0), ("ms", 1e3), ("μs", 1e6), ("ns", 1e9)];
    if span >= 60.0 {
        return long_text(span);
    }
    let order = if span > 0.0 { (-(span.log10().floor() as i32).div_euclid(3)).clamp(0, 3) } else { 3 };
    let (unit, scale) = UNITS[order as usize];
    format!("{} {unit}", significant(span * scale, 3))
}

fn long_text(span: f64) -> String {
    let mut left = span as u64;
    let mut parts = Vec::new();
    for (suffix, length) in [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)] {
        let value = left / length;
        if value > 0 {
            left %= length;
            parts.push(format!("{value}{suffix}"));
        }
    }
    parts.join(" ")
}

/// C's `%.{digits}g`.
fn significant(x: f64, digits: i32) -> String {
    if x == 0.0 {
        return "0".to_owned();
    }
    let exponent =
        format!("{:.*e}", (digits - 1) as usize, x).rsplit('e').next().and_then(|e| e.parse().ok()).unwrap_or(0);
    if exponent < -4 || exponent >= digits {
        let text = format!("{:.*e}", (digits - 1) as usize, x);
        let (mantissa, _) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa =
            if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let text = format!("{:.*}", (digits - 1 - exponent).max(0) as usize, x);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// What `%timeit` was asked for.
struct Repeats {
    loops: Option<u64>,
    runs: usize,
    quiet: bool,
}

/// `%timeit [-n N] [-r R] [-q] STATEMENT`
pub(super) fn timeit(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let (repeats, code) = options(line)?;
    let program = runner.read("%timeit", code)?;
    measure(runner, &repeats, &program)
}

/// `%%timeit`: the rest of its line runs once before.
pub(super) fn timeit_cell(runner: &mut Runner<'_>, line: &MagicLine, body: &Program) -> Given {
    let (repeats, setup) = options(line)?;
    if !setup.is_empty() {
        runner.text("%%timeit", setup)?;
    }
    measure(runner, &repeats, body)
}

fn options(line: &MagicLine) -> Result<(Repeats, &str), Failed> {
    let mut repeats = Repeats { loops: None, runs: 7, quiet: false };
    let mut rest = line.argument.trim_start();
    while let Some(option) = rest.strip_prefix('-').filter(|r| r.starts_with(['n', 'r', 'q'])) {
        let letter = option.chars().next().unwrap_or(' ');
        let after = option[1..].trim_start();
        if letter == 'q' {
            (repeats.quiet, rest) = (true, after);
            continue;
        }
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let bad = || {
            wrong("bad-argument", format!("-{letter} takes a whole number of at least 1"), "write -n 100 or -r 7", line)
        };
        let number: u64 = after[..end].parse().ok().filter(|&n| n > 0).ok_or_else(bad)?;
        if letter == 'n' {
            repeats.loops = Some(number)
        } else {
            repeats.runs = number.min(10_000) as usize
        }
        rest = after[end..].trim_start();
    }
    Ok((repeats, rest))
}

fn measure(runner: &mut Runner<'_>, repeats: &Repeats, body: &Program) -> Given {
    let recorded = runner.outcome.statements.len();
    let mut time = |loops: u64| -> Result<f64, Failed> {
        let meter = Meter::start();
        for _ in 0..loops {
            run_once(runner, body)?;
            runner.outcome.statements.truncate(recorded);
        }
        Ok(meter.read().wall_s)
    };
    let loops = match repeats.loops {
        Some(loops) => loops,
        None => {
            let mut loops = 1;
            while time(loops)? < LONG_ENOUGH && loops < 1_000_000_000 {
                loops *= 10;
            }
            loops
        }
    };
    let mut each = Vec::new();
    for _ in 0..repeats.runs {
        each.push(time(loops)? / loops as f64);
    }
    if !repeats.quiet {
        report(runner, &each, loops);
    }
    Ok(None)
}

fn report(runner: &mut Runner<'_>, each: &[f64], loops: u64) {
    let n = each.len() as f64;
    let mean = each.iter().sum::<f64>() / n;
    let deviation = (each.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / n).sqrt();
    let (least, most) = each.iter().fold((f64::MAX, 0.0_f64), |(a, b), &t| (a.min(t), b.max(t)));
    if most > 4.0 * least {
        let times = most / least.max(1e-12);
        runner.say(&format!("The slowest run took {times:.2} times longer than the fastest. This could mean that an intermediate result is being cached."));
    }
    let (runs, s) = (each.len(), if each.len() == 1 { "" } else { "s" });
    let loop_s = if loops == 1 { "" } else { "s" };
    let loops = commas(loops);
    let (mean, deviation) = (time_text(mean), time_text(deviation));
    runner
        .say(&format!("{mean} ± {deviation} per loop (mean ± std. dev. of {runs} run{s}, {loops} loop{loop_s} each)"));
}

fn commas(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_ipython_writes_them() {
        let cases = [
            (0.0, "0 ns"),
            (7.77e-3, "7.77 ms"),
            (15.8e-3, "15.8 ms"),
            (112e-6, "112 μs"),
            (0.612, "612 ms"),
            (1.0, "1 s"),
            (3.4149, "3.41 s"),
            (63.0, "1min 3s"),
            (3725.0, "1h 2min 5s"),
            (2e-10, "0.2 ns"),
        ];
        for (span, want) in cases {
            assert_eq!(time_text(span), want, "{span}");
        }
    }

    #[test]
    fn loops_have_commas() {
        assert_eq!(
            (commas(1).as_str(), commas(10_000).as_str(), commas(1_000_000).as_str()),
            ("1", "10,000", "1,000,000")
        );
    }
}
