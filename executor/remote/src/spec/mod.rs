//! A job as messages: what is to be computed, and how it was planned, so that both sides hold the same plan.
//!
//! A kernel calls [`prepare`] with its plan and sends the bytes; a worker calls [`open`], which trusts none of them.

mod declared;
mod error;
mod read;
mod read_fill;
mod scan;
mod write;

pub use error::{SourceFault, SpecError};

use crate::proto;
use blake3::Hash;
use bytes::Bytes;
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::{Chunks, DType};
use cleave_plan::{Cut, Holding, Machine, Options, Output, Plan, Sources};
use prost::Message;
use std::fmt::Write;
use std::sync::Arc;

/// Everything that decides a plan, and where its sources and targets are.
#[derive(Clone, Debug)]
pub struct JobParts {
    /// What is computed; only nodes that are needed.
    pub graph: Graph,
    /// What is wanted of it.
    pub wanted: Vec<Wanted>,
    /// For which machine it is planned: the pool as one.
    pub planning: Planning,
    /// What its `Load` nodes read, each once.
    pub sources: Vec<StoredSource>,
}

/// An array that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Its node.
    pub node: NodeId,
    /// In which blocks it is finished.
    pub cut: Cut,
    /// Whether it stays in memory, so that it counts.
    pub held: bool,
    /// The Zarr array that workers write it to; otherwise they keep its blocks until they are fetched.
    pub zarr: Option<String>,
}

/// For which machine a job is planned.
#[derive(Clone, Debug, PartialEq)]
pub struct Planning {
    /// Threads of the pool.
    pub threads: usize,
    /// Bytes that the pool may hold; 0 for no limit.
    pub memory_bytes: u64,
    /// How fast it is.
    pub rates: Machine,
    /// Where values between stages wait.
    pub holding: Holding,
}

/// Data that exists, as plans need to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSource {
    /// Its name in the graph.
    pub id: SourceId,
    /// Its element type.
    pub dtype: DType,
    /// How it is stored.
    pub grid: Chunks,
    /// Whether its blocks lie in memory or are mapped.
    pub resident: bool,
    /// Where it is.
    pub place: StoredPlace,
}

/// Where data is, as a worker finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredPlace {
    /// A Zarr array below a data root.
    Zarr {
        /// The path, absolute or below a root.
        path: String,
        /// The array inside a group.
        component: Option<String>,
    },
    /// A .npy file below a data root.
    Npy {
        /// The path, absolute or below a root.
        path: String,
    },
    /// Blocks that the kernel puts.
    Put {
        /// By which number.
        number: u64,
    },
}

/// How large a job may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the message.
    pub job_bytes: usize,
    /// Nodes of the graph.
    pub nodes: usize,
    /// Arrays wanted, and sources.
    pub arrays: usize,
    /// Chunks of an array along an axis.
    pub chunks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { job_bytes: 1 << 20, nodes: 10_000, arrays: 1000, chunks: 1 << 24 }
    }
}

/// A job that both sides plan alike.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The plan.
    pub plan: Arc<Plan>,
    /// What names it, see [`plan_hash`].
    pub plan_hash: Hash,
    /// The encoded job, which names the plan by its hash.
    pub program: Bytes,
    /// The hash of `program`.
    pub hash: Hash,
}

/// A job that was read, and the plan that both sides came to.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The job.
    pub parts: JobParts,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// What names it.
    pub plan_hash: Hash,
}

/// Writes a job down; `plan` is what [`plan_of`] makes of it.
pub fn prepare(parts: &JobParts, plan: Arc<Plan>, limits: &Limits) -> Result<Prepared, SpecError> {
    let plan_hash = plan_hash(&plan);
    let program = Bytes::from(encode(parts, plan_hash).encode_to_vec());
    if program.len() > limits.job_bytes || parts.graph.len() > limits.nodes {
        return Err(SpecError::TooLarge { bytes: program.len(), nodes: parts.graph.len(), limits: *limits });
    }
    let hash = blake3::hash(&program);
    Ok(Prepared { plan, plan_hash, program, hash })
}

/// Reads a job, checks it, plans it and compares the plans.
pub fn open(program: &[u8], limits: &Limits) -> Result<Opened, SpecError> {
    let (parts, theirs) = decode(program, limits)?;
    let plan = Arc::new(plan_of(&parts)?);
    let ours = plan_hash(&plan);
    if ours != theirs {
        return Err(SpecError::PlanDiffers { ours, theirs });
    }
    Ok(Opened { parts, plan, plan_hash: ours })
}

/// The job as a message; `plan` is the hash of its plan.
pub fn encode(parts: &JobParts, plan: Hash) -> proto::Job {
    write::job(parts, plan)
}

/// Reads and checks a job; with it comes the hash of the plan that the sender made.
pub fn decode(program: &[u8], limits: &Limits) -> Result<(JobParts, Hash), SpecError> {
    scan::counts(program, limits)?;
    let job = proto::Job::decode(program).map_err(SpecError::Malformed)?;
    read::job(&job, limits)
}

/// The plan of a job: it depends on the job alone, not on what sources hold or where it is made.
pub fn plan_of(parts: &JobParts) -> Result<Plan, SpecError> {
    cleave_graph::verify::verify(&parts.graph).map_err(SpecError::Illegal)?;
    cleave_plan::plan(&parts.graph, &outputs(parts), &options(parts)).map_err(SpecError::Plan)
}

/// What is wanted, as planning takes it.
pub fn outputs(parts: &JobParts) -> Vec<Output> {
    parts.wanted.iter().map(|w| Output { node: w.node, cut: w.cut.clone(), held: w.held }).collect()
}

/// What a job is planned with; its sources only say how they are stored.
pub fn options(parts: &JobParts) -> Options {
    let Planning { threads, memory_bytes, rates, holding } = parts.planning.clone();
    let sources: Sources = parts.sources.iter().map(|s| (s.id, declared::source(s))).collect();
    Options { threads, memory_limit_bytes: memory_bytes, sources, rates, holding, apart: true, ..Options::default() }
}

/// Names a plan by what it says.
pub fn plan_hash(plan: &Plan) -> Hash {
    struct Hashed(blake3::Hasher);
    impl Write for Hashed {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    let mut hashed = Hashed(blake3::Hasher::new());
    write!(hashed, "{plan}").expect("hashing text never fails");
    hashed.0.finalize()
}
