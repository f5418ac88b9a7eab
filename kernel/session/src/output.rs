//! What a cell shows, as facts. Drawing them is the render crate's work.
//!
//! In reading order: this file (the pieces of output), `array`, `plan`, `run`, `compare`, `words`, `outcome`.

mod array;
mod compare;
mod outcome;
mod plan;
mod run;
mod words;

pub use array::{AdviceFacts, ArrayFacts, EstimateFacts, Grid, ValueFacts};
pub use cleave_plan::Stint;
pub use cleave_remote::facts::{LaneFacts, PoolFacts, Span, WorkerFacts, WorkerState};
pub use compare::{Agreement, CompareFacts, CompareRow};
pub use outcome::{Failed, Outcome, Payload, Ran};
pub use plan::{AgainFacts, KeptFacts, PlanFacts, PlanStage, PlanStep};
pub use run::{CardFacts, CardStage, ChoiceFacts, Heat, Progress, RunFacts, StageFacts};
pub use words::{HelpFacts, Table};

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
    /// One computation on several engines.
    Compare(Box<CompareFacts>),
}
