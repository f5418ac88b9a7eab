//! What a run reports while it goes and when it is done.

use std::fmt;
use std::time::Duration;

/// Something that happened during a run.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Event {
    /// A stage begins; stages are counted from 0.
    Stage { stage: usize, stages: usize },
    /// How far the run is; at most every 50 ms.
    Progress(Progress),
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Work done, in elements weighted by what an element costs.
    pub done: f64,
    /// All work, in the same unit.
    pub total: f64,
    /// The stage that runs, counted from 0.
    pub stage: usize,
    /// How much of it is done, 0 to 1.
    pub stage_done: f64,
    /// Elements visited so far, in all stages.
    pub elements: u64,
    /// Elements a second since the run began.
    pub rate: f64,
    /// Bytes the run holds now.
    pub bytes_in_use: u64,
    /// Time since the run began.
    pub elapsed: Duration,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunReport {
    /// From start to end.
    pub wall: Duration,
    /// One entry a stage.
    pub stages: Vec<StageReport>,
    /// Bytes read from stored sources.
    pub bytes_read: u64,
    /// Bytes handed to sinks.
    pub bytes_written: u64,
    /// Bytes of blocks that were put aside on disk.
    pub bytes_spilled: u64,
    /// Bytes that went through registers.
    pub bytes_computed: u64,
    /// The most bytes the run held at once.
    pub peak_bytes: u64,
    /// Bytes still held when it ended besides the results; 0 unless something leaked.
    pub bytes_left: u64,
    /// Threads that worked.
    pub threads: usize,
    /// How often these looked whether to stop, where that is known.
    pub looks: u64,
}

/// What one stage did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StageReport {
    /// From its first task to its last.
    pub wall: Duration,
    /// Time spent in tasks, all threads together.
    pub busy: Duration,
    /// Tasks run.
    pub tasks: usize,
    /// Elements visited.
    pub elements: u64,
    /// Where the time went.
    pub heat: Heat,
    /// Who worked when, each thread's in order.
    pub stints: Vec<Stint>,
}

/// Tasks that one thread did one after the other; those too short to be told apart are one stint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stint {
    /// Their stage.
    pub stage: usize,
    /// The thread, counted from 0.
    pub thread: usize,
    /// When they began, since the run or the share began.
    pub start: Duration,
    /// When they ended.
    pub end: Duration,
    /// How many they were.
    pub tasks: usize,
}

/// Time spent by place: the last two axes of a stage's space, on a coarse grid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heat {
    /// Rows of the grid; at most 24.
    pub rows: usize,
    /// Columns of the grid; at most 24.
    pub columns: usize,
    /// Seconds, row-major.
    pub seconds: Vec<f64>,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Stage { stage, stages } => write!(f, "stage {} of {stages}", stage + 1),
            Event::Progress(p) => write!(f, "{:.1} % of the work, {} elements", p.percent(), p.elements),
        }
    }
}

impl Progress {
    /// Work done in per cent.
    pub fn percent(&self) -> f64 {
        if self.total > 0.0 { 100.0 * self.done / self.total } else { 100.0 }
    }
}

impl RunReport {
    /// Elements visited in all stages.
    pub fn elements(&self) -> u64 {
        self.stages.iter().map(|s| s.elements).sum()
    }

    /// Time spent in tasks, all threads together.
    pub fn busy(&self) -> Duration {
        self.stages.iter().map(|s| s.busy).sum()
    }
}
