//! A cell, statement by statement.

use crate::cell::MagicLine;
use crate::facts;
use crate::magic;
use crate::meter::Meter;
use crate::output::{Failed, InputError, Io, Outcome, Output, Ran, RunFacts, Shown};
use crate::session::{Cell, Session};
use crate::world::{EXPLAINED, World};
use cleave_cpu::Blocks;
use cleave_graph::NodeId;
use cleave_graph::host::{Failure, Host, How};
use cleave_graph::interp::{Interp, check, execute, texts};
use cleave_graph::value::Value;
use cleave_syntax::ast::{Program, Stmt, StmtKind};
use cleave_syntax::parse;
use cleave_syntax::source::Source;
use std::sync::Arc;

/// Runs the statements and magics of one cell.
pub(crate) struct Runner<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) io: &'a mut dyn Io,
    pub(crate) outcome: &'a mut Outcome,
    silent: bool,
    show_all: bool,
    explain: bool,
    /// Whether a value was not computed because only its plan is wanted.
    incomplete: bool,
}

/// What a statement gave.
pub(crate) struct Given {
    pub(crate) value: Option<Value>,
    /// The runs its computations took.
    pub(crate) runs: Vec<RunFacts>,
}

/// Takes output and shows nothing.
#[derive(Default)]
pub(crate) struct Quiet {
    pub(crate) result: Option<Shown>,
}

impl Io for Quiet {
    fn emit(&mut self, output: Output) {
        if let Output::Result(shown) = output {
            self.result = Some(shown);
        }
    }

    fn input(&mut self, _: &str, _: bool) -> Result<String, InputError> {
        Err(InputError::NotAllowed)
    }
}

impl<'a> Runner<'a> {
    pub(crate) fn new(session: &'a mut Session, io: &'a mut dyn Io, cell: &Cell, outcome: &'a mut Outcome) -> Self {
        Self {
            session,
            io,
            outcome,
            silent: cell.silent,
            show_all: cell.show_all,
            explain: cell.explain,
            incomplete: false,
        }
    }

    /// Statements and magics in the order in which they stand; the value that was shown last.
    pub(crate) fn statements_and_magics(
        &mut self,
        program: &Program,
        lines: &[MagicLine],
    ) -> Result<Option<Value>, Failed> {
        let mut lines = lines.iter().peekable();
        let mut last = None;
        for (i, stmt) in program.body.iter().enumerate() {
            while let Some(line) = lines.next_if(|l| l.span.start < stmt.span.start) {
                magic::run_line(self, line)?;
            }
            let ends = i + 1 == program.body.len() && lines.peek().is_none();
            last = self.statement(stmt, &program.source, ends)?;
        }
        for line in lines {
            last = magic::run_line(self, line)?;
        }
        Ok(last)
    }

    /// Parses, checks and runs a text of its own, such as a magic's argument.
    pub(crate) fn text(&mut self, name: &str, code: &str) -> Result<Given, Failed> {
        let program = self.read(name, code)?;
        let mut given = Given { value: None, runs: Vec::new() };
        for stmt in &program.body {
            let next = self.execute(stmt, &program.source)?;
            given.value = next.value;
            given.runs.extend(next.runs);
        }
        Ok(given)
    }

    pub(crate) fn read(&self, name: &str, code: &str) -> Result<Program, Failed> {
        let (program, mut wrong) = parse(&Source::new(name, code));
        if wrong.is_empty() {
            wrong = check(&program, &self.session.interp);
        }
        if wrong.is_empty() { Ok(program) } else { Err(Failed::from_diagnostics(wrong)) }
    }

    /// Runs one statement, records it, and shows its value where it should be shown.
    fn statement(&mut self, stmt: &Stmt, source: &Source, ends: bool) -> Result<Option<Value>, Failed> {
        let given = match self.execute(stmt, source) {
            Err(failed) if self.explain && (self.incomplete || failed.code == EXPLAINED) => {
                self.passed_over(stmt, source, &failed);
                return Ok(None);
            }
            done => done?,
        };
        match &given.value {
            Some(value) if ends || self.show_all => {
                self.show_result(value, &given.runs)?;
                Ok(given.value)
            }
            _ => Ok(None),
        }
    }

    fn passed_over(&mut self, stmt: &Stmt, source: &Source, failed: &Failed) {
        if failed.code != EXPLAINED {
            let line = source.line_of(stmt.span.start);
            self.say(&format!("line {line} needs a value that was not computed: {}", source.slice(stmt.span)));
        }
        self.incomplete = true;
    }

    /// The session's names and arrays, and a new world for what a statement asks.
    fn world(&mut self) -> (&mut Interp, World<'_>) {
        let started = self.session.started();
        let session = &mut *self.session;
        let (printed, runs) = (String::new(), Vec::new());
        let world = World { engine: &mut session.engine, io: self.io, printed, runs, explain: self.explain, started };
        (&mut session.interp, world)
    }

    pub(crate) fn execute(&mut self, stmt: &Stmt, source: &Source) -> Result<Given, Failed> {
        let meter = Meter::start();
        let (interp, mut world) = self.world();
        let done = execute(stmt, source, interp, &mut world);
        let (printed, runs) = (std::mem::take(&mut world.printed), std::mem::take(&mut world.runs));
        let reading = meter.read();
        self.outcome.statements.push(Ran {
            line: source.line_of(stmt.span.start),
            source: source.slice(stmt.span).into(),
            kind: kind(stmt),
            text: printed,
            wall_s: reading.wall_s,
            cpu_s: reading.user_s + reading.sys_s,
            peak_bytes: runs.iter().map(|r| r.peak_bytes).max().unwrap_or(0),
            stages: runs.iter().flat_map(|r| r.stages.clone()).collect(),
            runs: runs.clone(),
        });
        let value = done.map_err(|d| Failed::from_diagnostics(vec![d]))?;
        Ok(Given { value, runs })
    }

    /// Shows a value as the cell's result, with the run that computed it.
    pub(crate) fn show_result(&mut self, value: &Value, runs: &[RunFacts]) -> Result<(), Failed> {
        if self.silent {
            return Ok(());
        }
        let (interp, mut world) = self.world();
        if let (true, Value::Array(node)) = (world.explain, value) {
            let failed = |f: Failure| Failed {
                code: f.code.to_owned(),
                message: f.message,
                diagnostics: Vec::new(),
                trace: Vec::new(),
            };
            return world.explain(&interp.graph, &[*node]).map_err(failed);
        }
        let shown = facts::show_value(value, interp, &mut world).map_err(|d| Failed::from_diagnostics(vec![d]))?;
        let shown = match (shown, runs.last()) {
            (Shown::Value(facts), Some(run)) => Shown::Computed(facts, Box::new(run.clone())),
            (shown, _) => shown,
        };
        if let Some(ran) = self.outcome.statements.last_mut() {
            ran.text.push_str(&facts::plain(&shown));
        }
        self.io.emit(Output::Result(shown));
        Ok(())
    }

    /// Computes arrays in one pass, which is added to `runs` and to the statement's record.
    pub(crate) fn compute(&mut self, nodes: &[NodeId], runs: &mut Vec<RunFacts>) -> Result<Vec<Arc<Blocks>>, Failure> {
        let (interp, mut world) = self.world();
        world.only_explain(&interp.graph, nodes)?;
        let blocks = world.compute_held(&interp.graph, nodes, &How::default())?;
        let took = std::mem::take(&mut world.runs);
        if let Some(ran) = self.outcome.statements.last_mut() {
            ran.runs.extend(took.iter().cloned());
        }
        runs.extend(took);
        Ok(blocks)
    }

    /// How a value prints.
    pub(crate) fn repr(&mut self, value: &Value) -> Result<String, Failed> {
        let (interp, mut world) = self.world();
        let (_, repr) = texts(value, interp, &mut world).map_err(|d| Failed::from_diagnostics(vec![d]))?;
        Ok(repr)
    }

    /// Shows something besides the result.
    pub(crate) fn show(&mut self, shown: Shown) {
        if !self.silent {
            self.io.emit(Output::Show(shown));
        }
    }

    /// Prints a line.
    pub(crate) fn say(&mut self, line: &str) {
        if !self.silent {
            self.io.emit(Output::Text { text: format!("{line}\n"), error: false });
        }
    }
}

fn kind(stmt: &Stmt) -> &'static str {
    match &stmt.node {
        StmtKind::Expr(_) => "expression",
        StmtKind::Assign { .. } | StmtKind::AugAssign { .. } | StmtKind::AnnAssign { .. } => "assignment",
        StmtKind::Def(_) => "def",
        StmtKind::Return(_) => "return",
        StmtKind::If { .. } => "if",
        StmtKind::For { .. } => "for",
        StmtKind::While { .. } => "while",
        StmtKind::With { .. } => "with",
        StmtKind::Import(_) | StmtKind::FromImport { .. } => "import",
        StmtKind::Assert { .. } => "assert",
        StmtKind::Del(_) => "del",
        StmtKind::Scope { .. } => "scope",
        StmtKind::Break => "break",
        StmtKind::Continue => "continue",
        StmtKind::Pass => "pass",
    }
}
