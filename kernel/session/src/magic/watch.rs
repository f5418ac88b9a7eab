//! `%dashboard` and `%trace`.

use super::{Given, wrong};
use crate::cell::MagicLine;
use crate::runner::Runner;
use crate::trace::trace_json;
use std::io::Write;
use std::path::Path;

/// Opens the page, once a session.
pub(super) fn dashboard(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    match runner.session.dashboard() {
        Ok(url) => {
            runner.say(&format!("The dashboard is at {url}"));
            Ok(None)
        }
        Err(f) => Err(wrong(f.code, f.message, f.help.unwrap_or_default(), line)),
    }
}

/// Writes the last run.
pub(super) fn trace(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let name = line.argument.trim().trim_matches(['"', '\'']);
    if name.is_empty() {
        return Err(wrong("bad-argument", "no file is named", "write %trace run.json", line));
    }
    let snapshot = runner.session.engine.board.snapshot();
    let Some(run) = &snapshot.last else {
        let help = "compute something first; %trace writes when the last computation did what";
        return Err(wrong("no-run", "nothing was computed yet", help, line));
    };
    write_whole(Path::new(name), &trace_json(run)).map_err(|error| {
        let help = "give a path in a folder that exists";
        wrong("not-written", format!("`{name}` cannot be written: {error}"), help, line)
    })?;
    runner.say(&format!("{name} can be opened at ui.perfetto.dev or chrome://tracing"));
    Ok(None)
}

/// A file is whole or not there.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map(drop).map_err(|e| e.error)
}
