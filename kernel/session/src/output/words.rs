//! Tables and help.

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
