//! The program `cleave`.
//!
//! In reading order: `options` (the command line), `run` (scripts and expressions), `terminal` (output and
//! progress on a terminal), `record` (`--json`), `page` (`--html`), `repl`, `lab`, `doctor` with `rates` and `gpu`, `selftest` (of cards),
//! `reference`, `worker`, `cluster` (workers of this machine), `certs`.
//! Exit status: 0 when all went well, 1 when a program failed, 2 when the command line was wrong, 130 when
//! the user stopped it. `bench` measures this machine at the repository's own workloads.

mod bench;
mod certs;
mod cluster;
mod doctor;
mod gpu;
mod lab;
mod options;
mod page;
mod rates;
mod record;
mod reference;
mod repl;
mod run;
mod selftest;
mod terminal;
mod worker;

use clap::Parser;
use options::{Command, Options};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    // A file as large as the user may make is an error of the write, as a full disk is, not the end of the process.
    let _ = signal_hook::flag::register(signal_hook::consts::signal::SIGXFSZ, Arc::default());
    if let Ok(name) = std::env::var("CLEAVE_VECTORS")
        && !cleave_ops::use_vectors(&name)
    {
        let help = "give scalar, avx2 or avx512, or leave it out";
        return fail("bad-setting", &format!("this machine has no vector instructions `{name}`"), help);
    }
    match Options::parse().command {
        Command::Run { file, how, output } => run::file(&file, &how, &output),
        Command::Eval { expression, how } => run::expression(&expression, &how),
        Command::Explain { file, how, json } => run::explain(&file, &how, json),
        Command::Repl { how } => repl::repl(&how),
        Command::Kernel { connection_file, rest: _ } => kernel(&connection_file),
        Command::Install { user: _, sys_prefix, prefix } => install_kernel(sys_prefix, prefix.as_deref()),
        Command::Lab { folder, arguments } => lab::lab(folder.as_deref(), &arguments),
        Command::Doctor { calibrate, how } => doctor::doctor(calibrate, &how),
        Command::Reference { name, json } => reference::reference(name.as_deref(), json),
        Command::Bench { bench, how } => bench::bench(&bench, &how),
        Command::Gpu { what: options::Gpu::Doctor { json } } => gpu::doctor(json),
        Command::Gpu { what: options::Gpu::Selftest { device } } => selftest::selftest(device),
        Command::Gpu { what: options::Gpu::Bench(bench) } => bench::cards::bench(&bench),
        Command::Worker(options) => worker::worker(&options),
        Command::Cluster { local, threads, memory } => cluster::local(local, threads, memory.as_deref()),
        Command::Certs { what } => certs::certs(&what),
    }
}

fn kernel(connection_file: &Path) -> ExitCode {
    let settings = match run::settings(&options::How::default()) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let connection = match cleave_jupyter::Connection::read(connection_file) {
        Ok(connection) => connection,
        Err(error) => {
            return fail(
                "bad-connection-file",
                &error.to_string(),
                "front ends write this file; `cleave lab` starts one",
            );
        }
    };
    match cleave_jupyter::serve(connection, move || {
        cleave_session::Session::new(settings).with_dashboard(cleave_dashboard::opener())
    }) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            fail("no-kernel", &error.to_string(), "look whether another process has the ports of the connection file")
        }
    }
}

fn install_kernel(sys_prefix: bool, prefix: Option<&Path>) -> ExitCode {
    use cleave_jupyter::{Target, install};
    let target = match (prefix, sys_prefix) {
        (Some(prefix), _) => Target::Prefix(prefix.to_owned()),
        (None, true) => Target::SysPrefix,
        (None, false) => Target::User,
    };
    let program = std::env::current_exe().unwrap_or_else(|_| "cleave".into());
    match install(&target, &program) {
        Ok(folder) => {
            terminal::line(&format!("The kernel Cleave is installed in {}", folder.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            fail("not-installed", &error.to_string(), "choose another place with --user, --sys-prefix or --prefix")
        }
    }
}

/// Says what is wrong on standard error; the exit status of wrong usage.
fn fail(code: &str, message: &str, help: &str) -> ExitCode {
    terminal::error_line(&format!("{code}: {message}"));
    if !help.is_empty() {
        terminal::error_line(&format!("  help: {help}"));
    }
    ExitCode::from(2)
}
