//! `cleave doctor`: what this machine offers, and whether all is in order.

use crate::options::How;
use crate::terminal::line;
use cleave_session::output::Outcome;
use cleave_session::{Cell, InputError, Io, Output, Session, Settings};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Takes output and shows nothing.
pub(crate) struct Silent;

impl Io for Silent {
    fn emit(&mut self, _: Output) {}

    fn input(&mut self, _: &str, _: bool) -> Result<String, InputError> {
        Err(InputError::NotAllowed)
    }
}

/// Prints the findings; fails where a computation does not give what it must.
pub(crate) fn doctor(calibrate: bool, how: &How) -> ExitCode {
    let settings = match crate::run::settings(how) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    line(&format!("cleave        {}", env!("CARGO_PKG_VERSION")));
    line(&format!("threads       {}", settings.threads));
    line(&format!("memory limit  {}", memory(&settings)));
    line(&format!("vector unit   {}", cleave_ops::vector_unit()));
    line(&format!("jupyter       {}", jupyter()));
    line(&format!("kernelspec    {}", kernelspec()));
    crate::rates::rates(calibrate, &settings);
    if crate::gpu::steps() {
        crate::rates::cards(calibrate, &settings);
    }
    let outcome = crate::run::on_big_stack(|| probe(settings));
    match outcome.failed {
        None => {
            line("self-check    ok");
            ExitCode::SUCCESS
        }
        Some(failed) => {
            line(&format!("self-check    failed: {}: {}", failed.code, failed.message));
            ExitCode::from(1)
        }
    }
}

/// A computation on all threads whose answer is known.
fn probe(settings: Settings) -> Outcome {
    let code = "x = ones((2000, 2000), chunks=300)\nassert (x * x[::-1, ::-1]).sum().compute() == 4000000.0".to_owned();
    Session::new(settings).evaluate(&Cell { code, ..Cell::default() }, &mut Silent)
}

fn memory(settings: &Settings) -> String {
    let size = cleave_render::size(settings.memory_limit_bytes);
    let whole = cleave_session::settings::machine_bytes();
    let of = whole.map_or(String::new(), |n| format!(" of the {} there are", cleave_render::size(n)));
    format!("{size}{of}; --memory-limit, %config memory_limit = 4GiB or CLEAVE_MEMORY_LIMIT=4GiB change it")
}

fn jupyter() -> String {
    let output = Command::new("jupyter").arg("--version").output();
    let text = output.ok().and_then(|o| String::from_utf8(o.stdout).ok()).unwrap_or_default();
    let lab = text.lines().find(|l| l.contains("jupyterlab"));
    lab.map_or_else(
        || "not on the PATH; `cleave lab` installs it".to_owned(),
        |l| l.split_whitespace().collect::<Vec<_>>().join(" "),
    )
}

fn kernelspec() -> String {
    match cleave_jupyter::found() {
        folders if folders.is_empty() => "not installed; run `cleave install`".to_owned(),
        folders => folders.iter().map(|p: &PathBuf| p.display().to_string()).collect::<Vec<_>>().join(", "),
    }
}
