//! Magics: one entry each. `%name` takes the rest of its line, `%%name` the rest of its cell.

mod compare;
mod config;
mod look;
mod past;
mod timing;
mod watch;

pub(crate) use timing::time_text;

use crate::cell::MagicLine;
use crate::output::{Failed, HelpFacts, Shown};
use crate::runner::Runner;
use cleave_graph::value::Value;
use cleave_syntax::ast::Program;
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::source::{Source, Span};

/// One magic.
pub(crate) struct Magic {
    /// Its name without signs.
    pub(crate) name: &'static str,
    /// How it is called.
    pub(crate) usage: &'static str,
    /// One line.
    pub(crate) summary: &'static str,
    /// Whether it also takes a whole cell.
    pub(crate) takes_cell: bool,
    /// Runs it on a line.
    run: fn(&mut Runner<'_>, &MagicLine) -> Given,
}

/// The value shown last, or why the cell fails.
type Given = Result<Option<Value>, Failed>;

/// Every magic, in alphabetical order.
pub(crate) static TABLE: [Magic; 16] = [
    Magic {
        name: "compare",
        usage: "%compare ENGINE, ENGINE EXPRESSION",
        summary: "compute on each of several schedulers, with times and whether the answers have the same bits",
        takes_cell: true,
        run: compare::compare,
    },
    Magic {
        name: "config",
        usage: "%config [KEY [= VALUE]]",
        summary: "show or change settings",
        takes_cell: false,
        run: config::config,
    },
    Magic {
        name: "dashboard",
        usage: "%dashboard",
        summary: "open a page on this machine that shows what runs, and print its address",
        takes_cell: false,
        run: watch::dashboard,
    },
    Magic {
        name: "explain",
        usage: "%explain EXPRESSION",
        summary: "draw the plan of an expression without running it",
        takes_cell: true,
        run: look::explain,
    },
    Magic {
        name: "history",
        usage: "%history [-n] [N | N-M]",
        summary: "print what was typed",
        takes_cell: false,
        run: past::history,
    },
    Magic { name: "lsmagic", usage: "%lsmagic", summary: "list the magics", takes_cell: false, run: look::lsmagic },
    Magic {
        name: "pinfo",
        usage: "%pinfo NAME",
        summary: "help for a name, as `NAME?`",
        takes_cell: false,
        run: look::pinfo,
    },
    Magic { name: "reset", usage: "%reset [-f]", summary: "forget all names", takes_cell: false, run: past::reset },
    Magic {
        name: "run",
        usage: "%run FILE",
        summary: "run a script in this session",
        takes_cell: false,
        run: past::run,
    },
    Magic {
        name: "scheduler",
        usage: "%scheduler [NAME [THREADS | HOST:PORT,…]]",
        summary: "show or choose where arrays are computed",
        takes_cell: false,
        run: config::scheduler,
    },
    Magic {
        name: "time",
        usage: "%time STATEMENT",
        summary: "run once and print CPU and wall time",
        takes_cell: true,
        run: timing::time,
    },
    Magic {
        name: "timeit",
        usage: "%timeit [-n N] [-r R] [-q] STATEMENT",
        summary: "run many times and print mean and deviation",
        takes_cell: true,
        run: timing::timeit,
    },
    Magic {
        name: "trace",
        usage: "%trace FILE",
        summary: "write when the last computation did what, for Perfetto and chrome://tracing",
        takes_cell: false,
        run: watch::trace,
    },
    Magic { name: "who", usage: "%who [KIND …]", summary: "list the names", takes_cell: false, run: look::who },
    Magic {
        name: "whos",
        usage: "%whos [KIND …]",
        summary: "list the names with what they are",
        takes_cell: false,
        run: look::whos,
    },
    Magic {
        name: "workers",
        usage: "%workers",
        summary: "show the workers that are connected",
        takes_cell: false,
        run: config::workers,
    },
];

/// The magic of a name.
pub(crate) fn find(name: &str) -> Option<&'static Magic> {
    TABLE.iter().find(|m| m.name == name)
}

/// Help for a magic.
pub(crate) fn help(magic: &Magic) -> HelpFacts {
    let cell = if magic.takes_cell { format!("; `%%{}` takes the whole cell", magic.name) } else { String::new() };
    HelpFacts {
        name: format!("%{}", magic.name),
        signature: magic.usage.to_owned(),
        kind: "magic".to_owned(),
        summary: format!("{}{cell}", magic.summary),
        ..HelpFacts::default()
    }
}

/// What is wrong with a magic before anything runs.
pub(crate) fn check_line(line: &MagicLine, is_cell: bool, source: &Source) -> Option<Diagnostic> {
    let signs = if is_cell { "%%" } else { "%" };
    match line.name.as_str() {
        "!" => Some(
            Diagnostic::new("not-in-language", "the shell cannot be reached from here", source, line.span)
                .help("run the command in a terminal; load(\"x.npy\") and from_zarr(\"x.zarr\") read files"),
        ),
        "?" | "??" => None,
        name => match find(name) {
            None => Some(unknown(name, signs, source, line.span)),
            Some(magic) if is_cell && !magic.takes_cell => Some(
                Diagnostic::new("unknown-magic", format!("`%{name}` does not take a whole cell"), source, line.span)
                    .help(format!("write it on a line of its own: {}", magic.usage)),
            ),
            Some(_) => None,
        },
    }
}

fn unknown(name: &str, signs: &str, source: &Source, span: Span) -> Diagnostic {
    let nearest = TABLE.iter().min_by_key(|m| strsim::damerau_levenshtein(m.name, name)).map_or("", |m| m.name);
    Diagnostic::new("unknown-magic", format!("there is no magic `{signs}{name}`"), source, span)
        .help(format!("the nearest is `{signs}{nearest}`; `%lsmagic` lists all"))
}

/// Runs a magic that stands on a line.
pub(crate) fn run_line(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    match line.name.as_str() {
        "?" | "??" => look::question(runner, line),
        name => match find(name) {
            Some(magic) => (magic.run)(runner, line),
            None => Ok(None),
        },
    }
}

/// Runs the magic that a cell begins with.
pub(crate) fn run_cell(runner: &mut Runner<'_>, line: &MagicLine, body: &Program) -> Given {
    match line.name.as_str() {
        "compare" => compare::compare_cell(runner, line, body),
        "time" => timing::time_cell(runner, body),
        "timeit" => timing::timeit_cell(runner, line, body),
        "explain" => look::explain_cell(runner, body),
        _ => Ok(None),
    }
}

/// An error of a magic's argument.
pub(crate) fn wrong(
    code: &'static str,
    message: impl Into<String>,
    help: impl Into<String>,
    line: &MagicLine,
) -> Failed {
    let text = format!("%{} {}", line.name, line.argument);
    let source = Source::new(format!("%{}", line.name), text.as_str());
    let start = line.name.len() + 2;
    let span = Span::new(start.min(text.len()), text.len());
    Failed::from_diagnostics(vec![Diagnostic::new(code, message, &source, span).help(help)])
}

/// Shows a table.
fn table(runner: &mut Runner<'_>, heads: &[&str], rows: Vec<Vec<String>>, empty: &str) -> Given {
    let heads = heads.iter().map(|h| (*h).to_owned()).collect();
    runner.show(Shown::Table(crate::output::Table { heads, rows, empty: empty.to_owned() }));
    Ok(None)
}
