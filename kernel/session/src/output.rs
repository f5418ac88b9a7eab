//! What a cell shows, as facts. Drawing them is the render crate's work.

pub use cleave_plan::Stint;
pub use cleave_remote::facts::{LaneFacts, PoolFacts, Span, WorkerFacts, WorkerState};

use cleave_ops::{Chunks, DType, Shape};
use cleave_syntax::diagnostic::Diagnostic;
use std::sync::Arc;

/// Where a cell's output goes while it runs, and where its input comes from.
pub trait Io {
    /// Takes one piece of output; order is kept. May block when the reader is slow.
    fn emit(&mut self, output: Output);
    /// Asks the user for a line; `Err` where nobody can answer.
    fn input(&mut self, prompt: &str, password: bool) -> Result<String, InputError>;
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputError {
    /// The front end does not take input.
    NotAllowed,
    /// The user interrupted, or the input ended.
    Interrupted,
}

/// One piece of output.
#[derive(Clone, Debug)]
pub enum Output {
    /// Text for standard output (`error: false`) or standard error.
    Text {
        /// The text, with its line ends.
        text: String,
        /// Whether it is for standard error.
        error: bool,
    },
    /// Something rich, shown once: `display(x)`, a run card.
    Show(Shown),
    /// The value of a bare expression that ends the cell; becomes `Out[n]`.
    Result(Shown),
    /// How far the running computation is; later ones of the same `id` replace earlier ones.
    Progress(Progress),
    /// How the workers of a connection are; cards of the same address show it from now on.
    Pool {
        /// What is known of them.
        facts: Box<PoolFacts>,
        /// Whether the computation that they worked for is over.
        settled: bool,
    },
    /// Errors of the cell; at most one a cell, the last output.
    Error(Failed),
    /// Clears what the cell has shown so far, now or with the next output.
    Clear {
        /// Whether the old output stays until there is new.
        wait: bool,
    },
    /// Text for the front end's pager (`name?`), with its rich form.
    Page(Shown),
}

/// Something rich.
#[derive(Clone, Debug)]
pub enum Shown {
    /// A lazy array.
    Array(Box<ArrayFacts>),
    /// Values that exist: as NumPy prints them, with a table for 2-d arrays.
    Value(Box<ValueFacts>),
    /// What a computation took.
    Run(Box<RunFacts>),
    /// A value with the run that computed it.
    Computed(Box<ValueFacts>, Box<RunFacts>),
    /// A plan, to be drawn.
    Plan(Box<PlanFacts>),
    /// Plain text: strings' and scalars' representations, magics' lines.
    Text(String),
    /// A table: `%who`, `%config`, `%lsmagic`.
    Table(Table),
    /// Help for a name.
    Help(Box<HelpFacts>),
    /// Workers that are connected.
    Client(Box<PoolFacts>),
}

/// What a computation will take, as far as can be told before it runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EstimateFacts {
    /// Seconds on the clock, most likely.
    pub seconds: f64,
    /// The lower end of the band.
    pub low_s: f64,
    /// The upper end of the band.
    pub high_s: f64,
    /// The most bytes held at once.
    pub peak_bytes: u64,
    /// Bytes read from stored arrays, unpacked.
    pub read_bytes: u64,
    /// Bytes handed over as results.
    pub written_bytes: u64,
    /// Bytes that go through registers.
    pub computed_bytes: u64,
    /// Arithmetic, in additions.
    pub flops: f64,
    /// What takes most of the time: `elementwise`, `random`, `reading` …
    pub kind: &'static str,
    /// Whether the machine was measured; otherwise its rates are a guess.
    pub measured: bool,
}

/// Chunks of a stored array that do not suit how it is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdviceFacts {
    /// The array's label.
    pub source: String,
    /// Its chunks.
    pub chunks: Shape,
    /// Chunks that would suit.
    pub better: Shape,
    /// Bytes unpacked to read what is used.
    pub decoded_bytes: u64,
    /// Bytes used.
    pub used_bytes: u64,
    /// Bytes unpacked for a byte used, with the better chunks.
    pub better_ratio: f64,
    /// How many chunks are read, where the fault is that they are many and tiny.
    pub tiny: Option<u64>,
}

/// Facts of a lazy array.
#[derive(Clone, Debug)]
pub struct ArrayFacts {
    /// Its shape.
    pub shape: Shape,
    /// Its dtype.
    pub dtype: DType,
    /// Its chunks.
    pub chunks: Chunks,
    /// Names of its axes, where it has them.
    pub dims: Option<Vec<String>>,
    /// What it comes from: `lazy`, or a file's label.
    pub origin: String,
    /// Stages of the plan that would compute it.
    pub stages: usize,
    /// Tasks of that plan.
    pub tasks: u64,
    /// What computing it would take, its result handed on block by block.
    pub estimate: EstimateFacts,
    /// What other chunks of the stored arrays it reads would do, where theirs are hopeless.
    pub advice: Vec<AdviceFacts>,
    /// The memory limit.
    pub limit_bytes: u64,
    /// Threads it would run on.
    pub threads: usize,
    /// The steps of the plan in words, such as `ones → [::-1, ::-1] → multiply → sum`.
    pub flow: Vec<String>,
    /// The values, or their corners, where they cost next to nothing.
    pub values: Option<ValueFacts>,
}

/// Facts of values that exist.
#[derive(Clone, Debug)]
pub struct ValueFacts {
    /// Shape; `()` for a scalar.
    pub shape: Shape,
    /// Dtype.
    pub dtype: DType,
    /// As NumPy's `str` prints them, summarised when large.
    pub text: String,
    /// As `repr` prints them.
    pub repr: String,
    /// For 1-d and 2-d arrays: the corner rows and columns for a table.
    pub table: Option<Grid>,
}

/// Rows and columns of a 1-d or 2-d array, the first and last of them when there are many.
#[derive(Clone, Debug)]
pub struct Grid {
    /// The indices of the rows shown.
    pub rows: Vec<usize>,
    /// The indices of the columns shown.
    pub columns: Vec<usize>,
    /// `rows × columns` texts, row-major.
    pub cells: Vec<String>,
}

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
    /// What each thread of this program did.
    pub stints: Vec<Stint>,
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
    /// Results of earlier stages that it reads.
    pub reads: Vec<PlanRead>,
}

/// A result of an earlier stage that a stage reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanRead {
    /// The earlier stage.
    pub stage: usize,
    /// Its step that gives the result.
    pub from: usize,
    /// The step that reads it.
    pub to: usize,
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

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Column heads.
    pub heads: Vec<String>,
    /// Rows of texts.
    pub rows: Vec<Vec<String>>,
    /// Shown instead of an empty table.
    pub empty: String,
}

/// Help for a name.
#[derive(Clone, Debug, Default)]
pub struct HelpFacts {
    /// The name.
    pub name: String,
    /// How it is called, such as `sum(x, axis=None, keepdims=False)`.
    pub signature: String,
    /// `operation`, `function`, `array`, `magic` …
    pub kind: String,
    /// One line.
    pub summary: String,
    /// More.
    pub details: String,
    /// Parameters with their one line.
    pub params: Vec<(String, String)>,
    /// Source with what it shows.
    pub examples: Vec<(String, String)>,
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

/// A cell that failed.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The first error's code; the error's name in a notebook.
    pub code: String,
    /// The first error's sentence.
    pub message: String,
    /// All of them.
    pub diagnostics: Vec<Diagnostic>,
    /// Calls that were open, outermost first: `f, line 3`.
    pub trace: Vec<String>,
}

/// What became of a cell.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The number of the cell (`In[n]`), also where nothing is stored.
    pub count: u32,
    /// The error, if it failed.
    pub failed: Option<Failed>,
    /// One for each top-level statement that ran.
    pub statements: Vec<Ran>,
    /// What the front end should do besides.
    pub payloads: Vec<Payload>,
}

/// A top-level statement that ran.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// Its line, from 1.
    pub line: usize,
    /// Its source text.
    pub source: Arc<str>,
    /// `expression`, `assignment`, `import`, `def`, `for` … or `magic`.
    pub kind: &'static str,
    /// What it printed and the text of its value.
    pub text: String,
    /// Seconds on the clock.
    pub wall_s: f64,
    /// CPU seconds, user and system.
    pub cpu_s: f64,
    /// The most bytes its computations held.
    pub peak_bytes: u64,
    /// The stages of its computations.
    pub stages: Vec<StageFacts>,
    /// Its computations, each with what was predicted.
    pub runs: Vec<RunFacts>,
}

/// What the front end should do besides showing output.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Offer this as the next cell's text (`%load`, `%history -r`).
    NextInput {
        /// The text.
        text: String,
        /// Whether it replaces the present cell.
        replace: bool,
    },
    /// Leave (`exit`).
    Exit,
}
