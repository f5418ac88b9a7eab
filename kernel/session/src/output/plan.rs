//! Facts of plans, to be drawn: stages as boxes, their steps as nodes, edges between them.

use super::{AdviceFacts, ChoiceFacts, EstimateFacts};
use cleave_ops::Shape;

/// A plan, to be drawn: stages as boxes, their steps as nodes, edges between them.
#[derive(Clone, Debug, Default)]
pub struct PlanFacts {
    /// What is planned, as the user wrote it.
    pub title: String,
    /// The stages in order.
    pub stages: Vec<PlanStage>,
    /// The plan's stable text, after the graph and the rewrites.
    pub text: String,
    /// What it would take.
    pub estimate: EstimateFacts,
    /// The memory limit.
    pub limit_bytes: u64,
    /// Threads it would run on.
    pub threads: usize,
    /// The GPU that would compute it, if one would.
    pub place: Option<String>,
    /// What the scheduler `auto` picks, where it is asked.
    pub choice: Option<ChoiceFacts>,
    /// Results between stages, and what becomes of them.
    pub kept: Vec<KeptFacts>,
    /// Values that are computed again instead of being kept.
    pub again: Vec<AgainFacts>,
    /// What other chunks of stored arrays would do.
    pub advice: Vec<AdviceFacts>,
}

/// A result between stages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeptFacts {
    /// What it is, such as `mean axis 0`.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// Its bytes.
    pub bytes: u64,
    /// The stage that makes it, counted from 0.
    pub made_by: usize,
    /// The last stage that reads it.
    pub last_read_by: usize,
    /// Bytes of it that wait on disk.
    pub disk_bytes: u64,
    /// Why it is kept.
    pub fate: String,
}

/// Values that several stages compute, each for itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgainFacts {
    /// What they are, such as `normal`.
    pub name: String,
    /// Bytes that keeping them would take.
    pub bytes: u64,
    /// The stages that compute them, counted from 0.
    pub stages: Vec<usize>,
}

/// A stage of a drawn plan.
#[derive(Clone, Debug, Default)]
pub struct PlanStage {
    /// Tasks.
    pub tasks: u64,
    /// Elements of its iteration space.
    pub elements: u64,
    /// Bytes held at most while it runs.
    pub bytes: u64,
    /// Seconds it would take.
    pub seconds: f64,
    /// Arithmetic, in additions.
    pub flops: f64,
    /// Bytes that go through registers.
    pub computed_bytes: u64,
    /// Bytes read from stored arrays, unpacked.
    pub read_bytes: u64,
    /// Bytes handed over as results.
    pub written_bytes: u64,
    /// What takes most of its time.
    pub kind: &'static str,
    /// Its steps; inputs are indices of earlier steps of the same stage.
    pub steps: Vec<PlanStep>,
    /// The earlier stages whose results it reads.
    pub reads: Vec<usize>,
}

/// A node of a drawn plan.
#[derive(Clone, Debug, Default)]
pub struct PlanStep {
    /// Its name, such as `ones` or `sum axis 0`.
    pub name: String,
    /// A remark, such as `20000² · 3.0 GiB` or `fused`.
    pub note: String,
    /// The steps it reads.
    pub inputs: Vec<usize>,
}
