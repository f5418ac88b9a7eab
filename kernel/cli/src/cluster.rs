//! `cleave cluster`: workers of this machine, for as long as this runs.

use crate::{fail, terminal};
use cleave_session::local::{LocalWorkers, Wanted};
use cleave_session::settings::read_size;
use cleave_session::{Settings, TOKEN_FILE};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::path::Path;
use std::process::ExitCode;

/// `cleave cluster --local N`
pub(crate) fn local(count: u16, threads: Option<u16>, memory: Option<&str>) -> ExitCode {
    let wanted = match wanted(usize::from(count), threads.map(usize::from), memory) {
        Ok(wanted) => wanted,
        Err(code) => return code,
    };
    let program = std::env::current_exe().unwrap_or_else(|_| "cleave".into());
    // Whoever stops this before all workers listen stops them, too.
    let mut signals = match signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        Ok(signals) => signals,
        Err(error) => return fail("no-signals", &error.to_string(), ""),
    };
    let workers = match LocalWorkers::start(&program, &wanted) {
        Ok(workers) => workers,
        Err(error) => return fail("no-workers", &error.to_string(), "look at `cleave worker --help`"),
    };
    // The folder is for its owner alone, and goes when this ends.
    let folder = match tempfile::Builder::new().prefix("cleave-pool-").tempdir() {
        Ok(folder) => folder,
        Err(error) => return fail("not-written", &error.to_string(), "make room for temporary files"),
    };
    let token = folder.path().join(TOKEN_FILE);
    if let Err(error) = workers.token.write(&token) {
        return fail(error.code(), &error.to_string(), "make room for temporary files");
    }
    terminal::print(&words(&workers, &wanted, &token));
    signals.forever().next();
    drop(workers);
    ExitCode::SUCCESS
}

/// Together all threads and six tenths of the memory, unless it is said otherwise.
fn wanted(count: usize, threads: Option<usize>, memory: Option<&str>) -> Result<Wanted, ExitCode> {
    let settings = Settings::from_environment().map_err(|e| fail(e.code(), &e.to_string(), &e.help()))?;
    let memory_bytes = match memory {
        None => settings.memory_limit_bytes / count as u64,
        Some(text) => read_size(text)
            .filter(|n| *n > 0)
            .ok_or_else(|| fail("bad-size", &format!("`{text}` is no size"), "give a size such as 4GiB"))?,
    };
    Ok(Wanted { count, threads: threads.unwrap_or_else(|| (settings.threads / count).max(1)), memory_bytes })
}

fn words(workers: &LocalWorkers, wanted: &Wanted, token: &Path) -> String {
    let (addresses, token) = (&workers.addresses, token.display());
    let each = format!("{} each, {} each", threads(wanted.threads), cleave_render::size(wanted.memory_bytes));
    format!(
        "{} on this machine, {each}: {addresses}\n\
         They compute for those who show their token:\n  \
         cleave run --token-file {token} --scheduler workers://{addresses} FILE\nor in a notebook\n  \
         %config workers.token_file = {token}\n  client = Client(\"{addresses}\")\nCtrl-C stops them.\n",
        if wanted.count == 1 { "1 worker".to_owned() } else { format!("{} workers", wanted.count) }
    )
}

fn threads(n: usize) -> String {
    if n == 1 { "1 thread".to_owned() } else { format!("{n} threads") }
}
