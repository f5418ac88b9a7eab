//! A plan: stages in order, what they leave, and what they take.

use crate::cut::cut;
use crate::error::PlanError;
use crate::memory::check_memory;
use crate::source::Sources;
use crate::stage::{BufferId, Stage};
use cleave_graph::{Graph, NodeId};
use cleave_ops::{Chunks, DType, Shape};

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
    /// Bytes for decoded blocks of stored sources.
    pub cache_bytes: u64,
    /// Sums over all stages.
    pub totals: Totals,
}

/// A result that later stages read.
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    /// Its shape.
    pub shape: Shape,
    /// Its dtype.
    pub dtype: DType,
    /// The stage that makes it.
    pub made_by: usize,
    /// The last stage that reads it.
    pub last_read_by: usize,
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

/// Plans the computation of `outputs`, or says why it cannot be.
pub fn plan(graph: &Graph, outputs: &[Output], options: &Options) -> Result<Plan, PlanError> {
    let mut plan = cut(graph, outputs, options)?;
    check_memory(&mut plan, options)?;
    Ok(plan)
}
