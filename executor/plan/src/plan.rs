//! A plan: stages in order, what they leave, and what they take.

use crate::carry::suits;
use crate::cost::Machine;
use crate::cut::cut;
use crate::error::PlanError;
use crate::fit::{Choices, Misfit, fit};
use crate::hold::Why;
use crate::source::Sources;
use crate::stage::{BufferId, Stage};
use cleave_graph::{Graph, Node, NodeId, SourceId};
use cleave_ops::{Chunks, DType, Shape};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An array that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its node.
    pub node: NodeId,
    /// In which blocks it is handed to its sink.
    pub cut: Cut,
    /// Whether the sink keeps it in memory, so that it counts.
    pub held: bool,
}

/// In which blocks an output is handed over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cut {
    /// As suits the engine: slabs of whole rows.
    Engine,
    /// Exactly these, each once.
    Grid(Chunks),
}

/// What planning must know besides the graph.
#[derive(Clone, Default)]
pub struct Options {
    /// Threads that will work; decides how many tasks there are, never what comes out.
    pub threads: usize,
    /// The most bytes a run may hold; 0 for no limit.
    pub memory_limit_bytes: u64,
    /// The sources the graph loads, for how they are stored; one that is missing counts as held in memory.
    pub sources: Sources,
    /// How fast the machine is; decides what is kept and what is computed again, never what comes out.
    pub rates: Machine,
    /// Where values between stages wait.
    pub holding: Holding,
    /// Whether tasks of a stage are to run on machines apart, so that no two reductions share a pass.
    pub apart: bool,
    /// Whether blocks that lie below each other are made at once, as a card does, so that none goes on from another.
    pub at_once: bool,
    /// What planning has decided so far; callers leave it as it is.
    pub choices: Choices,
    /// Stops planning when it becomes true.
    pub cancel: Arc<AtomicBool>,
}

impl Options {
    /// Whether planning may go on; to be asked before each step that takes long for large graphs.
    pub(crate) fn go_on(&self) -> Result<(), PlanError> {
        if self.cancel.load(Ordering::Relaxed) { Err(PlanError::Cancelled) } else { Ok(()) }
    }
}

/// Where values between stages wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Holding {
    /// In memory as far as there is room, the rest on disk.
    #[default]
    AsFits,
    /// All on disk, however small.
    AllOnDisk,
}

/// What a run does; made once, then only read.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The stages, to be run one after the other.
    pub stages: Vec<Stage>,
    /// What stages leave for later ones.
    pub buffers: Vec<Buffer>,
    /// What is wanted, in the order in which it was asked for.
    pub outputs: Vec<PlannedOutput>,
    /// The most bytes any stage has for decoded blocks of stored sources.
    pub cache_bytes: u64,
    /// Stored arrays whose blocks are too large for several to be there, with the finer blocks they are cut into:
    /// each of their own blocks is read once, and its parts wait on disk.
    pub staged: BTreeMap<SourceId, Chunks>,
    /// The bytes that were allowed; 0 for no limit.
    pub limit_bytes: u64,
    /// What each stage takes.
    pub needs: Vec<Need>,
    /// Sums over all stages.
    pub totals: Totals,
}

/// What a stage takes while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// The most threads that work at once.
    pub workers: usize,
    /// Bytes for decoded blocks of stored sources.
    pub cache_bytes: u64,
    /// Bytes in all: what was there before, results, values between stages, tasks and decoded blocks.
    pub bytes: u64,
}

/// Where a value between stages waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// In memory, as one block.
    Dense,
    /// In memory, in blocks.
    Memory,
    /// So many bytes in memory, the other blocks on disk.
    Spill {
        /// Bytes that stay in memory.
        memory_bytes: u64,
    },
}

/// A result that later stages read.
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    /// Its node.
    pub node: NodeId,
    /// Its shape.
    pub shape: Shape,
    /// Its dtype.
    pub dtype: DType,
    /// The stage that makes it.
    pub made_by: usize,
    /// The last stage that reads it.
    pub last_read_by: usize,
    /// The blocks in which it is made and waits.
    pub grid: Chunks,
    /// Why it is kept.
    pub why: Why,
    /// Where it waits.
    pub keep: Keep,
}

/// An array that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedOutput {
    /// Its node.
    pub node: NodeId,
    /// Its shape.
    pub shape: Shape,
    /// Its dtype.
    pub dtype: DType,
    /// Whether it stays in memory.
    pub held: bool,
    /// The stage that makes it.
    pub made_by: usize,
    /// The blocks in which it is handed over.
    pub grid: Chunks,
}

/// Sums over all stages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Tasks.
    pub tasks: usize,
    /// Elements visited.
    pub elements: u64,
    /// Arithmetic, in additions.
    pub work: f64,
    /// Bytes of stored sources that are read at least once.
    pub bytes_read: u64,
    /// Bytes handed to sinks.
    pub bytes_written: u64,
    /// Bytes that go through registers.
    pub bytes_computed: u64,
    /// The most bytes held at once.
    pub peak_bytes: u64,
}

impl Buffer {
    /// One that a stage makes, not yet cut.
    pub(crate) fn new(graph: &Graph, node: NodeId, why: Why, made_by: usize) -> Self {
        let Node { shape, dtype, .. } = graph[node].clone();
        let grid = Chunks::single(&shape);
        Self { node, shape, dtype, made_by, last_read_by: made_by, grid, why, keep: Keep::Dense }
    }

    /// Bytes that stay in memory.
    pub fn memory_bytes(&self) -> u64 {
        match self.keep {
            Keep::Dense | Keep::Memory => self.nbytes(),
            Keep::Spill { memory_bytes } => memory_bytes,
        }
    }

    /// Bytes of all elements.
    pub fn nbytes(&self) -> u64 {
        nbytes(&self.shape, self.dtype)
    }
}

impl PlannedOutput {
    /// Bytes of all elements.
    pub fn nbytes(&self) -> u64 {
        nbytes(&self.shape, self.dtype)
    }
}

impl Plan {
    /// The buffer of that number.
    pub fn buffer(&self, id: BufferId) -> &Buffer {
        &self.buffers[id.0 as usize]
    }
}

/// Bytes of an array; the most that can be counted where it is more.
pub fn nbytes(shape: &Shape, dtype: DType) -> u64 {
    shape.iter().fold(dtype.size() as u64, |n, &len| n.saturating_mul(len as u64))
}

/// How often it is tried with more memory what would be enough.
const MOST_ATTEMPTS: u32 = 32;

/// Plans the computation of `outputs`, or says why it cannot be. A plan that does not fit is cut anew until one
/// does; one that cannot fit names a limit within which one does.
pub fn plan(graph: &Graph, outputs: &[Output], options: &Options) -> Result<Plan, PlanError> {
    plan_within(graph, outputs, options).map_err(|error| match error {
        PlanError::DoesNotFit { needed, limit, what } => {
            PlanError::DoesNotFit { needed: enough(graph, outputs, options, needed), limit, what }
        }
        other => other,
    })
}

/// A limit that is enough: with more memory a plan is cut otherwise, and may need more.
fn enough(graph: &Graph, outputs: &[Output], options: &Options, least: u64) -> u64 {
    let mut limit = least;
    for _ in 0..MOST_ATTEMPTS {
        match plan_within(graph, outputs, &Options { memory_limit_bytes: limit, ..options.clone() }) {
            Err(PlanError::DoesNotFit { needed, .. }) => limit = needed.max(limit.saturating_add(limit / 8)),
            _ => break,
        }
    }
    limit
}

fn plan_within(graph: &Graph, outputs: &[Output], options: &Options) -> Result<Plan, PlanError> {
    let mut options = options.clone();
    loop {
        options.go_on()?;
        let mut plan = cut(graph, outputs, &options)?;
        if !options.choices.two_passes && !suits(&plan, &options) {
            options.choices.two_passes = true;
            continue;
        }
        if !options.choices.keeps_running && plan.stages.iter().any(Stage::makes_again) {
            options.choices.keeps_running = true;
            continue;
        }
        match fit(&mut plan, &options) {
            Ok(()) => return Ok(plan),
            Err(Misfit::Refused(_)) if !options.choices.denied.is_empty() => {
                options.choices = Choices { keeps_all: true, ..Choices::default() };
            }
            Err(Misfit::Refused(error)) => return Err(error),
            Err(Misfit::Deny(node)) => {
                options.choices.denied.insert(node);
            }
            Err(Misfit::Shrink) => options.choices.shrink += 1,
        }
    }
}
