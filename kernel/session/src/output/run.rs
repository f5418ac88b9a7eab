//! Facts of computations: how far they are, and what they took.

use super::{EstimateFacts, LaneFacts, Stint};

/// What a computation took.
#[derive(Clone, Debug, Default)]
pub struct RunFacts {
    /// The scheduler with its threads, such as `threads(2)`.
    pub scheduler: String,
    /// Threads of the scheduler.
    pub threads: usize,
    /// Seconds on the clock.
    pub wall_s: f64,
    /// CPU seconds of the process in user mode meanwhile.
    pub user_s: f64,
    /// CPU seconds in the kernel.
    pub sys_s: f64,
    /// Tasks run.
    pub tasks: u64,
    /// Elements visited.
    pub elements: u64,
    /// Bytes of the elements the stages visited, for throughput.
    pub bytes: u64,
    /// Bytes read from files.
    pub read_bytes: u64,
    /// Bytes written to files.
    pub written_bytes: u64,
    /// Bytes spilled.
    pub spilled_bytes: u64,
    /// The most bytes the run held, as it counted them.
    pub peak_bytes: u64,
    /// The memory limit.
    pub limit_bytes: u64,
    /// What was predicted before it ran.
    pub predicted: Option<EstimateFacts>,
    /// One for each stage, in order.
    pub stages: Vec<StageFacts>,
    /// Time of the work by place in the first stage's space, at most 24 × 24, row-major rows of milliseconds.
    pub heat: Option<Heat>,
    /// What each worker did; empty where none took part.
    pub lanes: Vec<LaneFacts>,
    /// What a GPU did, where one took part.
    pub card: Option<CardFacts>,
    /// What the scheduler `auto` picked, where it was asked.
    pub choice: Option<ChoiceFacts>,
    /// What each thread of this program did.
    pub stints: Vec<Stint>,
}

/// What the scheduler `auto` picked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChoiceFacts {
    /// The scheduler, such as `cuda` or `threads(2)`.
    pub picked: String,
    /// Why, to stand behind “because”.
    pub why: String,
}

/// What a GPU did in a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CardFacts {
    /// What its maker calls it.
    pub device: String,
    /// Seconds of taking it into use, where this run did.
    pub open_s: f64,
    /// What it did of each stage.
    pub stages: Vec<CardStage>,
}

/// What a GPU did of a stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CardStage {
    /// The stage, counted from 0.
    pub stage: usize,
    /// Its tasks.
    pub tasks: usize,
    /// How many of them it did.
    pub done: usize,
    /// What multiplied matrices, in words, where cuBLAS was asked for.
    pub products: Vec<String>,
    /// Tasks that threads did, and why.
    pub left: Vec<(usize, String)>,
    /// Kernels that do the stage.
    pub kernels: usize,
    /// Registers of a thread, at most.
    pub registers: u32,
    /// Kernels started.
    pub launches: usize,
    /// Seconds of compiling, which only the first use takes.
    pub compile_s: f64,
    /// Seconds in which it computed.
    pub compute_s: f64,
    /// Bytes copied to it, and the seconds that took.
    pub up: (u64, f64),
    /// Bytes copied from there, and the seconds that took.
    pub down: (u64, f64),
    /// Bytes that its kernels read from its memory and wrote there.
    pub memory_bytes: u64,
    /// Arithmetic, in additions.
    pub flops: f64,
    /// What that is of what its memory does meanwhile, 0 to 1, where that was measured.
    pub of_memory: Option<f64>,
    /// The same of its arithmetic.
    pub of_arithmetic: Option<f64>,
}

impl CardFacts {
    /// Bytes copied to it and from there.
    pub fn moved_bytes(&self) -> u64 {
        self.stages.iter().map(|stage| stage.up.0 + stage.down.0).sum()
    }

    /// Seconds that only the first use takes.
    pub fn first_use_s(&self) -> f64 {
        self.open_s + self.stages.iter().map(|stage| stage.compile_s).sum::<f64>()
    }
}

/// What a stage took.
#[derive(Clone, Debug, Default)]
pub struct StageFacts {
    /// Its steps in words.
    pub flow: Vec<String>,
    /// Seconds on the clock.
    pub wall_s: f64,
    /// Seconds on the clock that were predicted.
    pub predicted_s: f64,
    /// Thread seconds.
    pub cpu_s: f64,
    /// Tasks.
    pub tasks: u64,
    /// Elements visited.
    pub elements: u64,
}

/// Time by place.
#[derive(Clone, Debug, Default)]
pub struct Heat {
    /// Rows of the picture.
    pub rows: usize,
    /// Columns of the picture.
    pub columns: usize,
    /// Milliseconds for each place, row-major.
    pub ms: Vec<f32>,
}

/// How far a computation is.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Which computation of this session.
    pub id: u64,
    /// Done, 0 to 1.
    pub fraction: f64,
    /// Elements per second.
    pub rate: f64,
    /// Seconds left, once there is an estimate.
    pub left_s: Option<f64>,
    /// Seconds since the start.
    pub elapsed_s: f64,
    /// Bytes held now.
    pub bytes: u64,
    /// The memory limit.
    pub limit_bytes: u64,
    /// The scheduler with its threads.
    pub scheduler: String,
    /// Set on the last one: `computed`, `interrupted` or `failed`. What is then shown stays.
    pub end: Option<&'static str>,
}
