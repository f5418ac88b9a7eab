//! Statements and expressions: what a program does.
//!
//! In reading order: `check` (what is wrong before anything runs), `statement`, `assign`, `place` (what can
//! be assigned inside of something), `expression`, `operator`, `number` (Python's arithmetic), `compare`, `device`,
//! `call`, `function` (calls of the program's own functions), `operation` (calls of the table's),
//! `attribute`, `subscript`, `iterate`, `force` (numbers out of lazy arrays), `small` (operations on known
//! numbers at once), `text` (how values print), `fault` (errors with their labels).

mod assign;
mod attribute;
mod call;
mod check;
mod compare;
mod device;
mod expression;
mod fault;
mod force;
mod function;
mod import;
mod iterate;
pub(crate) mod number;
mod operation;
mod operator;
mod place;
pub(crate) mod small;
mod statement;
mod subscript;
pub(crate) mod text;

pub(crate) use attribute::attribute_names;
pub(crate) use call::Arguments;
pub use check::check;
pub(crate) use compare::{as_dtype, range_len};
pub(crate) use fault::{Given, nearest};
pub(crate) use text::quoted;

use crate::build::BuildOptions;
use crate::graph::Graph;
use crate::host::Host;
use crate::node::NodeId;
use crate::scope::{FrameId, Scope};
use crate::value::Value;
use cleave_syntax::ast::{Program, Stmt, StmtKind};
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::source::{Source, Span};

/// The stack a thread needs on which programs run: calls nest to [`MAX_CALLS`], expressions to [`MAX_DEPTH`].
pub const STACK_BYTES: usize = 512 << 20;
/// How deep calls of a program's functions may nest.
pub const MAX_CALLS: usize = 1_000;
/// How deep expressions and statements may nest, those of all running calls together.
pub const MAX_DEPTH: usize = 20_000;

/// What lives from cell to cell: names and the arrays they stand for.
#[derive(Clone, Debug, Default)]
pub struct Interp {
    /// The names.
    pub scope: Scope,
    /// The arrays.
    pub graph: Graph,
}

/// What a failed cell goes back to.
#[derive(Clone, Debug)]
pub struct Mark {
    scope: Scope,
    nodes: usize,
}

impl Interp {
    /// Nothing named, no arrays.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state now; cheap.
    pub fn mark(&self) -> Mark {
        Mark { scope: self.scope.clone(), nodes: self.graph.len() }
    }

    /// Forgets all that happened since the mark.
    pub fn restore(&mut self, mark: Mark) {
        self.scope = mark.scope;
        self.graph.truncate(mark.nodes);
    }

    /// Drops nodes that neither a name nor one of `keep` needs; gives `keep` their new places.
    pub fn compact(&mut self, keep: &mut [NodeId]) {
        let mut roots = self.scope.nodes();
        roots.extend_from_slice(keep);
        let (graph, moved) = self.graph.reachable(&roots);
        let places: rustc_hash::FxHashMap<NodeId, NodeId> = roots.iter().copied().zip(moved).collect();
        let find = |node: NodeId| places.get(&node).copied().unwrap_or(node);
        self.scope.remap(&find);
        keep.iter_mut().for_each(|node| *node = find(*node));
        self.graph = graph;
    }
}

/// What an expression or statement gives, or why it cannot.
pub(crate) type Eval<T = Value> = Result<T, Diagnostic>;

/// What runs a program: the state it changes, the world it asks, and where it is.
pub struct Machine<'a> {
    /// Names and arrays.
    pub(crate) state: &'a mut Interp,
    /// The world.
    pub(crate) host: &'a mut dyn Host,
    /// The text that is running.
    pub(crate) source: Source,
    /// The running call; `None` at the top level.
    pub(crate) frame: Option<FrameId>,
    /// How many calls are running.
    pub(crate) calls: usize,
    /// How deep expressions and statements nest.
    pub(crate) depth: usize,
    /// How many running loops go over arrays, which have no name.
    pub(crate) unnamed: usize,
}

/// Checks a program and runs it; the value of its last statement if that is an expression. When it fails, the
/// state is as it was before.
pub fn run(program: &Program, state: &mut Interp, host: &mut dyn Host) -> Result<Option<Value>, Vec<Diagnostic>> {
    let wrong = check(program, state);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let (mark, mut last) = (state.mark(), None);
    for stmt in &program.body {
        last = execute(stmt, &program.source, state, host).map_err(|error| {
            state.restore(mark.clone());
            vec![error]
        })?;
    }
    state.scope.sweep();
    Ok(last)
}

/// Runs one top-level statement; the value of an expression, `None` for other statements and for the value None.
///
/// It leaves the state as far as it came when it fails: whoever runs a cell takes a [`Mark`] before and restores it.
/// Must be called on a thread with a stack of [`STACK_BYTES`].
pub fn execute(
    stmt: &Stmt,
    source: &Source,
    state: &mut Interp,
    host: &mut dyn Host,
) -> Result<Option<Value>, Diagnostic> {
    let mut machine = Machine { state, host, source: source.clone(), frame: None, calls: 0, depth: 0, unnamed: 0 };
    if let StmtKind::Expr(expr) = &stmt.node {
        machine.check_interrupt(stmt.span)?;
        let value = machine.eval(expr)?;
        return Ok(Some(value).filter(|v| !matches!(v, Value::None)));
    }
    machine.statement(stmt)?;
    Ok(None)
}

/// The text of a value as `print` and `repr` write it: `str` first, then `repr`.
pub fn texts(value: &Value, state: &mut Interp, host: &mut dyn Host) -> Result<(String, String), Diagnostic> {
    let source = Source::new("output", "");
    let mut machine = Machine { state, host, source, frame: None, calls: 0, depth: 0, unnamed: 0 };
    let text = machine.str_of(value, Span::default())?;
    Ok((text, machine.repr_of(value, Span::default())?))
}

impl Machine<'_> {
    pub(crate) fn options(&self) -> BuildOptions {
        BuildOptions { chunk_bytes: self.host.chunk_bytes() }
    }

    pub(crate) fn check_interrupt(&self, span: Span) -> Eval<()> {
        if self.host.interrupted() {
            return Err(self.error("interrupted", "stopped by the user", span));
        }
        Ok(())
    }

    /// Runs `work` one level deeper, or refuses where that is too deep.
    pub(crate) fn deeper<T>(&mut self, span: Span, work: impl FnOnce(&mut Self) -> Eval<T>) -> Eval<T> {
        if self.depth >= MAX_DEPTH {
            let help = "split the expression: give parts of it a name";
            return Err(self.error("recursion-limit", "this nests too deep", span).help(help));
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }
}
