//! Facts of one computation that several engines did.

/// One computation, done by several engines, the first of which the others are held against.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompareFacts {
    /// What was computed, as the user wrote it.
    pub title: String,
    /// One for each engine, as they were named.
    pub rows: Vec<CompareRow>,
}

/// What one engine took and gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompareRow {
    /// The engine, such as `threads(2)` or `cuda: NVIDIA H200`.
    pub engine: String,
    /// Seconds on the clock, without what only its first use takes.
    pub wall_s: f64,
    /// Seconds of taking it into use and compiling.
    pub first_use_s: f64,
    /// The most bytes held.
    pub peak_bytes: u64,
    /// Bytes that went to another device or machine, or came from there.
    pub moved_bytes: u64,
    /// What it gave, in a few words.
    pub answer: String,
    /// How that stands to what the first gave; `None` for the first itself, and where nothing was given.
    pub agreement: Option<Agreement>,
}

/// How two answers stand to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// They have the same bits.
    Same,
    /// They do not; where and how much, in words.
    Differs(String),
}
