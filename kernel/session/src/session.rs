//! One notebook's state, and the road that a cell takes, written down once.

use crate::assist::{Assistant, HistoryEntry};
use crate::board::Board;
use crate::cell::{Parts, take_apart};
use crate::engine::Engine;
use crate::magic;
use crate::output::{Failed, Io, Outcome, Output, Payload, Shown};
use crate::runner::Runner;
use crate::settings::Settings;
use cleave_cpu::Cancel;
use cleave_graph::NodeId;
use cleave_graph::host::Failure;
use cleave_graph::interp::{Interp, check};
use cleave_graph::value::Value;
use cleave_syntax::ast::Program;
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::parse;
use cleave_syntax::source::Source;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// How deep scripts may run scripts.
const MOST_NESTED: usize = 16;

/// A text to evaluate.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// The text.
    pub code: String,
    /// What errors call it; `cell n` where it is `None`.
    pub name: Option<String>,
    /// Shows nothing and stores nothing.
    pub silent: bool,
    /// Whether it counts and becomes part of the history.
    pub store_history: bool,
    /// Whether every bare expression is shown, as in a script, or only one that ends the cell.
    pub show_all: bool,
    /// Shows plans instead of computing; statements that need a computed value are passed over.
    pub explain: bool,
}

/// Opens a page that shows what a board tells, and says where; the same page each time.
pub type OpenDashboard = Box<dyn FnMut(&Board) -> Result<String, Failure> + Send>;

/// One notebook's state.
pub struct Session {
    pub(crate) interp: Interp,
    pub(crate) engine: Engine,
    pub(crate) history: Arc<Vec<HistoryEntry>>,
    pub(crate) number: u32,
    count: u32,
    /// Opens a page for those who watch; `%dashboard` has none without it.
    open_dashboard: Option<OpenDashboard>,
    /// How many texts are running inside each other.
    depth: usize,
    started: Instant,
}

impl Session {
    /// A session without names.
    pub fn new(settings: Settings) -> Self {
        let (interp, engine) = (Interp::new(), Engine::new(settings));
        Self {
            interp,
            engine,
            history: Arc::default(),
            number: 1,
            count: 0,
            open_dashboard: None,
            depth: 0,
            started: Instant::now(),
        }
    }

    /// The same with a page for those who watch.
    #[must_use]
    pub fn with_dashboard(mut self, open: OpenDashboard) -> Self {
        self.open_dashboard = Some(open);
        self
    }

    /// What the session does, for those who watch.
    pub fn board(&self) -> &Board {
        &self.engine.board
    }

    /// Opens the page, and says where it is.
    pub(crate) fn dashboard(&mut self) -> Result<String, Failure> {
        let none = || crate::world::failure("no-dashboard", "this program shows no page", "run the cell in a notebook");
        let open = self.open_dashboard.as_mut().ok_or_else(none)?;
        open(&self.engine.board)
    }

    /// Evaluates a cell: take it apart, parse, check, run, keep or go back.
    ///
    /// Nothing runs unless the whole cell parses and all its names are known. A cell that fails leaves names as
    /// they were. Must be called on a thread with a stack of [`crate::STACK_BYTES`].
    pub fn evaluate(&mut self, cell: &Cell, io: &mut dyn Io) -> Outcome {
        self.depth = 0;
        self.engine.cancel.0.store(false, Ordering::Relaxed);
        self.engine.forecaster.begin();
        self.engine.begin_cell();
        if cell.store_history && !cell.silent {
            self.count += 1;
            self.remember(&cell.code);
        }
        let mut outcome = Outcome { count: self.count, ..Outcome::default() };
        let mark = self.interp.mark();
        let done = catch_unwind(AssertUnwindSafe(|| self.run(cell, io, &mut outcome)));
        let failed = match done {
            Ok(Ok(last)) => {
                self.keep(last, cell);
                None
            }
            Ok(Err(failed)) => Some(failed),
            Err(panic) => Some(bug(panic.as_ref())),
        };
        if let Some(failed) = failed {
            self.interp.restore(mark);
            self.engine.fail_cell();
            io.emit(Output::Error(failed.clone()));
            outcome.failed = Some(failed);
        }
        self.tidy();
        self.engine.forecaster.end(self.engine.settings.calibrate);
        outcome
    }

    /// Computes an expression for a front end's panel.
    pub fn user_expression(&mut self, code: &str) -> Result<Shown, Failed> {
        let mut io = crate::runner::Quiet::default();
        let cell = Cell { code: code.to_owned(), name: Some("expression".to_owned()), ..Cell::default() };
        match self.evaluate(&cell, &mut io).failed {
            Some(failed) => Err(failed),
            None => Ok(io.result.unwrap_or(Shown::Text("None".to_owned()))),
        }
    }

    /// The handle that stops the running cell.
    pub fn cancel(&self) -> Cancel {
        self.engine.cancel.clone()
    }

    /// The number of the last stored cell.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The settings now.
    pub fn settings(&self) -> &Settings {
        &self.engine.settings
    }

    /// A snapshot for completion, inspection and history.
    pub fn assistant(&self) -> Assistant {
        Assistant::of(&self.interp, &self.history, self.number)
    }

    /// Runs a text inside a running cell.
    pub(crate) fn nested(
        &mut self,
        cell: &Cell,
        io: &mut dyn Io,
        outcome: &mut Outcome,
    ) -> Result<Option<Value>, Failed> {
        if self.depth >= MOST_NESTED {
            let source = Source::new("%run", cell.name.clone().unwrap_or_default());
            let span = cleave_syntax::source::Span::new(0, source.text.len());
            let wrong = Diagnostic::new("recursion-limit", "scripts run each other without end", &source, span);
            return Err(Failed::from_diagnostics(vec![wrong.help("a script may not run itself")]));
        }
        self.depth += 1;
        let done = self.run(cell, io, outcome);
        self.depth -= 1;
        done
    }

    fn run(&mut self, cell: &Cell, io: &mut dyn Io, outcome: &mut Outcome) -> Result<Option<Value>, Failed> {
        if matches!(cell.code.trim(), "exit" | "quit" | "exit()" | "quit()") {
            outcome.payloads.push(Payload::Exit);
            return Ok(None);
        }
        let name = cell.name.clone().unwrap_or_else(|| format!("cell {}", self.count));
        // Editors of other systems begin files with a byte order mark.
        let code = cell.code.strip_prefix('\u{feff}').unwrap_or(&cell.code);
        let parts = take_apart(code);
        let program = self.read(&parts, &Source::new(name, code))?;
        let mut runner = Runner::new(self, io, cell, outcome);
        match &parts.cell_magic {
            Some(line) => magic::run_cell(&mut runner, line, &program),
            None => runner.statements_and_magics(&program, &parts.lines),
        }
    }

    /// Parses and checks a whole cell, magics included; all mistakes at once.
    fn read(&self, parts: &Parts, shown: &Source) -> Result<Program, Failed> {
        let blanked = Source::new(Arc::clone(&shown.name), parts.program.as_str());
        let (mut program, mut wrong) = parse(&blanked);
        for line in parts.cell_magic.iter().chain(&parts.lines) {
            wrong.extend(magic::check_line(line, parts.cell_magic.is_some(), shown));
        }
        if wrong.is_empty() {
            wrong = check(&program, &self.interp);
        }
        program.source = shown.clone();
        let point_to = |mut d: Diagnostic| {
            if d.source == blanked {
                d.source = shown.clone();
            }
            d
        };
        match wrong.is_empty() {
            true => Ok(program),
            false => Err(Failed::from_diagnostics(wrong.into_iter().map(point_to).collect())),
        }
    }

    fn remember(&mut self, code: &str) {
        let entry = HistoryEntry { session: self.number, line: self.count, input: code.to_owned(), output: None };
        Arc::make_mut(&mut self.history).push(entry);
    }

    /// Binds `_`, `__` and `___` to the last values shown.
    fn keep(&mut self, last: Option<Value>, cell: &Cell) {
        let Some(value) = last.filter(|_| !cell.silent && cell.store_history) else { return };
        for (to, from) in [("___", "__"), ("__", "_")] {
            if let Some(binding) = self.interp.scope.get(from).cloned() {
                self.interp.scope.set(to.into(), binding);
            }
        }
        let source = Source::new(format!("cell {}", self.count), cell.code.as_str());
        let span = cleave_syntax::source::Span::new(0, cell.code.trim_end().len());
        self.interp.scope.set("_".into(), cleave_graph::scope::Binding { value, source, span });
    }

    /// Drops arrays and data that no name needs any more.
    fn tidy(&mut self) {
        self.interp.scope.sweep();
        let mut none: [NodeId; 0] = [];
        self.interp.compact(&mut none);
        self.engine.sweep(&self.interp.graph);
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }
}

impl Failed {
    /// From a cell's diagnostics, of which there is at least one.
    pub(crate) fn from_diagnostics(diagnostics: Vec<Diagnostic>) -> Self {
        let first = diagnostics.first();
        let code = first.map_or_else(String::new, |d| d.code.to_owned());
        let message = first.map_or_else(String::new, |d| d.message.clone());
        Self { code, message, diagnostics, trace: Vec::new() }
    }
}

fn bug(panic: &(dyn std::any::Any + Send)) -> Failed {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let message = format!(
        "this is a mistake in Cleave {version}, not in the program: {text}; the kernel goes on and names are as before the cell"
    );
    Failed { code: "bug".to_owned(), message, diagnostics: Vec::new(), trace: Vec::new() }
}

#[cfg(test)]
mod tests;
