//! What a program needs of the world; the session gives it.

use crate::graph::Graph;
use crate::node::{NodeId, SourceId};
use crate::value::Client;
use cleave_ops::{Chunks, DType, Data, Scalar, Shape};
use std::sync::Arc;

/// What a program needs of the world. Arrays are named by their node in `graph`.
pub trait Host {
    /// Whether the user asked to stop; looked at between statements and in loops.
    fn interrupted(&self) -> bool;
    /// Writes to standard output, or to standard error.
    fn print(&mut self, text: &str, error: bool);
    /// Asks the user for a line.
    fn input(&mut self, prompt: &str, password: bool) -> Result<String, Failure>;
    /// Shows values as rich output now (`display(x)`); each as a bare expression at a cell's end would be.
    fn display(&mut self, graph: &Graph, values: &[crate::value::Value]) -> Result<(), Failure>;
    /// Clears what the cell has shown, now or, with `wait`, when there is something new to show.
    fn clear(&mut self, wait: bool);
    /// Computes arrays in one pass; what each gives, in order.
    fn compute(&mut self, graph: &Graph, roots: &[NodeId], how: &How) -> Result<Vec<Computed>, Failure>;
    /// Computes arrays and holds them in their chunks; the new sources, in order.
    fn persist(&mut self, graph: &Graph, roots: &[NodeId], how: &How) -> Result<Vec<SourceId>, Failure>;
    /// Computes a small array without a card or progress, for printing and conditions.
    fn fetch(&mut self, graph: &Graph, root: NodeId) -> Result<Data, Failure>;
    /// Holds a literal's elements.
    fn hold(&mut self, shape: &Shape, data: Data) -> SourceId;
    /// Opens a stored array.
    fn open(&mut self, target: &Stored) -> Result<Opened, Failure>;
    /// Writes an array to a file or store, streaming.
    fn store(&mut self, graph: &Graph, root: NodeId, target: &Stored) -> Result<(), Failure>;
    /// What a source is called on cards, such as `x.npy`.
    fn source_label(&self, source: SourceId) -> String;
    /// Draws or prints the plan of arrays (`explain(x)`, `x.visualize()`).
    fn explain(&mut self, graph: &Graph, roots: &[NodeId]) -> Result<(), Failure>;
    /// Seconds since the epoch, and seconds of a steady clock.
    fn clock(&self) -> (f64, f64);
    /// Waits, unless interrupted.
    fn sleep(&mut self, seconds: f64) -> Result<(), Failure>;
    /// Told between statements which arrays of the graph still have a name, so that others can be forgotten.
    fn tidy(&mut self, graph: &Graph, named: &dyn Fn() -> Vec<NodeId>) {
        let _ = (graph, named);
    }
    /// Told that arrays lost names, so that `tidy` may find more to forget.
    fn names_went(&mut self) {}
    /// Connects to workers, which compute from then on.
    fn connect(&mut self, workers: &Workers) -> Result<Client, Failure>;
    /// Ends a connection; nothing happens where it has ended.
    fn disconnect(&mut self, client: &Client);
    /// The setting `array.chunk_size` in bytes.
    fn chunk_bytes(&self) -> usize;
}

/// Where and how to compute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// `scheduler="…"`; the session's own where it is `None`.
    pub scheduler: Option<String>,
    /// `num_workers=`, as Dask has it: threads.
    pub threads: Option<usize>,
}

/// Which workers to connect to, or to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workers {
    /// Where they are, as written; `None` for workers that are started on this machine.
    pub address: Option<String>,
    /// How many to start.
    pub count: Option<usize>,
    /// Threads of each that is started.
    pub threads: Option<usize>,
    /// What each that is started may hold, as written, such as `4GiB`.
    pub memory: Option<String>,
}

/// What a computed array gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Computed {
    /// Of a 0-d array.
    Scalar(Scalar, DType),
    /// Of any other: a dense source.
    Array(SourceId),
}

/// A file or store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// The path as written.
    pub path: String,
    /// Which function named it.
    pub format: StoredFormat,
    /// An array inside a group.
    pub component: Option<String>,
    /// Whether an existing store may be replaced.
    pub overwrite: bool,
    /// The Zarr format to write, 2 or 3.
    pub zarr_format: Option<u8>,
    /// The compressor to write with: `zstd`, `gzip`, `blosc` or `none`.
    pub compressor: Option<String>,
}

/// Which function named a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoredFormat {
    /// `load`, `save`
    #[default]
    Npy,
    /// `from_zarr`, `to_zarr`
    Zarr,
}

/// An opened array.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its name from now on.
    pub source: SourceId,
    /// Its shape.
    pub shape: Shape,
    /// Its element type.
    pub dtype: DType,
    /// How it is stored.
    pub chunks: Chunks,
}

/// The world failed: typed by `code`, with its cause. It becomes an error at the expression that asked.
#[derive(Clone, Debug)]
pub struct Failure {
    /// A stable word such as `interrupted`, `out-of-memory`, `file-not-found`, `unreadable-block`.
    pub code: &'static str,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// A way out.
    pub help: Option<String>,
    /// What failed below, if anything did.
    pub cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}
