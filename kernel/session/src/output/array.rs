//! Facts of arrays: lazy ones with what they would take, and values that exist.

use cleave_ops::{Chunks, DType, Shape};

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
    /// The GPU that would compute it, if one would.
    pub place: Option<String>,
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
