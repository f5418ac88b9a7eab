//! Scripts and expressions.

use crate::options::{How, Output as Records};
use crate::terminal::Terminal;
use crate::{fail, page, record};
use cleave_session::output::Outcome;
use cleave_session::{Cell, STACK_BYTES, Session, Settings};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The exit status of a program that the user stopped.
pub(crate) const STOPPED: u8 = 130;

/// `cleave run FILE`
pub(crate) fn file(path: &Path, how: &How, records: &Records) -> ExitCode {
    script(path, how, records, false)
}

/// `cleave explain FILE`
pub(crate) fn explain(path: &Path, how: &How, json: Option<PathBuf>) -> ExitCode {
    script(path, how, &Records { json, html: None }, true)
}

/// `cleave eval EXPRESSION`
pub(crate) fn expression(code: &str, how: &How) -> ExitCode {
    let cell = Cell {
        code: code.to_owned(),
        name: Some("expression".to_owned()),
        show_all: true,
        store_history: true,
        ..Cell::default()
    };
    evaluate(cell, how, &Records::default())
}

fn script(path: &Path, how: &How, records: &Records, explain: bool) -> ExitCode {
    let name = path.display().to_string();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return fail("file-not-found", &format!("`{name}` cannot be read: {error}"), "give the path of a script");
        }
    };
    match String::from_utf8(bytes) {
        Ok(code) => {
            let cell = Cell { code, name: Some(name), show_all: true, store_history: true, explain, ..Cell::default() };
            evaluate(cell, how, records)
        }
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            fail(
                "not-utf8",
                &format!("`{name}` is not UTF-8 text: byte {at} begins no character"),
                "save the script as UTF-8",
            );
            ExitCode::from(1)
        }
    }
}

fn evaluate(cell: Cell, how: &How, records: &Records) -> ExitCode {
    let settings = match settings(how) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let wanted = records.html.is_some() || (cell.explain && records.json.is_some());
    let mut terminal = Terminal::new(wanted);
    let outcome = on_big_stack(|| {
        let mut session = Session::new(settings);
        stop_on_signal(&session);
        session.evaluate(&cell, &mut terminal)
    });
    let written = write_records(&cell, &outcome, &terminal, records);
    match &outcome.failed {
        Some(failed) if failed.code == "interrupted" => ExitCode::from(STOPPED),
        Some(_) => ExitCode::from(1),
        None => written,
    }
}

fn write_records(cell: &Cell, outcome: &Outcome, terminal: &Terminal, records: &Records) -> ExitCode {
    let mut files: Vec<(&Path, String)> = Vec::new();
    let lines = || match (&terminal.shown, cell.explain) {
        (Some(shown), true) => record::plans(shown, outcome),
        _ => record::lines(outcome),
    };
    files.extend(records.json.as_deref().map(|path| (path, lines())));
    if let (Some(path), Some(shown)) = (records.html.as_deref(), &terminal.shown) {
        files.push((path, page::page(cell, shown)));
    }
    for (path, text) in files {
        if let Err(error) = write_whole(path, &text) {
            return fail(
                "not-written",
                &format!("`{}` cannot be written: {error}", path.display()),
                "give a path in a folder that exists",
            );
        }
    }
    ExitCode::SUCCESS
}

/// Writes to a temporary name and renames, so that a file is whole or not there; `-` is standard output.
pub(crate) fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    if path == Path::new("-") {
        crate::terminal::print(text);
        return Ok(());
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// The settings of the environment, changed by the command line.
pub(crate) fn settings(how: &How) -> Result<Settings, ExitCode> {
    let wrong = |e: &cleave_session::settings::SettingError| fail(e.code(), &e.to_string(), &e.help());
    let mut settings = Settings::from_environment().map_err(|e| wrong(&e))?;
    let mut set = |key: &str, value: &str| settings.set(key, value).map_err(|e| wrong(&e));
    for pair in &how.settings {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(fail("bad-setting", &format!("`{pair}` is not KEY=VALUE"), "write --set optimize.fold=off"));
        };
        set(key.trim(), value)?;
    }
    how.tls_dir.as_deref().map_or(Ok(()), |dir| set("workers.tls_dir", dir))?;
    how.token_file.as_deref().map_or(Ok(()), |file| set("workers.token_file", file))?;
    how.scheduler.as_deref().map_or(Ok(()), |s| set("scheduler", s))?;
    how.threads.map_or(Ok(()), |n| set("threads", &n.to_string()))?;
    how.memory_limit.as_deref().map_or(Ok(()), |size| set("memory_limit", size))?;
    Ok(settings)
}

/// Programs nest deeper than a thread's usual stack allows.
pub(crate) fn on_big_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let thread = thread.expect("a process can start one thread");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Ctrl-C stops the running computation.
pub(crate) fn stop_on_signal(session: &Session) {
    let flag = session.cancel().0;
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, flag);
}
