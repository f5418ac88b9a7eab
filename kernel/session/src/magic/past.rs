//! Magics about what was typed and named: `%history`, `%reset`, `%run`.

use super::{Given, wrong};
use crate::cell::MagicLine;
use crate::output::Outcome;
use crate::runner::Runner;
use crate::session::Cell;

/// `%history [-n] [N | N-M]`
pub(super) fn history(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let numbered = line.argument.split_whitespace().any(|w| w == "-n");
    let range = line.argument.split_whitespace().find(|w| !w.starts_with('-'));
    let bounds = match range {
        None => (0, u32::MAX),
        Some(text) => {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let bad = || wrong("bad-argument", "this is no range of cells", "write %history 3 or %history 3-7", line);
            (first.parse().map_err(|_| bad())?, last.parse().map_err(|_| bad())?)
        }
    };
    let here = runner.session.number;
    let entries =
        runner.session.history.iter().filter(|e| e.session == here && (bounds.0..=bounds.1).contains(&e.line));
    let lines: Vec<String> =
        entries.map(|e| if numbered { format!("{:4}: {}", e.line, e.input) } else { e.input.clone() }).collect();
    runner.say(&lines.join("\n"));
    Ok(None)
}

/// `%reset [-f]`
pub(super) fn reset(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    if !line.argument.split_whitespace().any(|w| w == "-f") {
        let prompt = "Once deleted, variables cannot be recovered. Proceed (y/[n])? ";
        let refused = |_| {
            wrong("no-input", "nobody can answer here", "write %reset -f to forget all names without being asked", line)
        };
        let answer = runner.io.input(prompt, false).map_err(refused)?;
        if !answer.trim().to_lowercase().starts_with('y') {
            runner.say("Nothing done.");
            return Ok(None);
        }
    }
    runner.session.interp.scope = cleave_graph::scope::Scope::default();
    Ok(None)
}

/// `%run FILE`
pub(super) fn run(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let path = line.argument.trim().trim_matches(['"', '\'']);
    let unreadable = |e: std::io::Error| {
        wrong(
            "file-not-found",
            format!("`{path}` cannot be read: {e}"),
            "give the path of a script, from the folder the kernel runs in",
            line,
        )
    };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let cell = Cell { code: text, name: Some(path.to_owned()), show_all: true, ..Cell::default() };
    let mut outcome = Outcome::default();
    runner.session.nested(&cell, runner.io, &mut outcome)?;
    runner.outcome.statements.extend(outcome.statements);
    Ok(None)
}
