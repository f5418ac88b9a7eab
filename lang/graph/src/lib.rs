//! Program to graph: what a cell means, with shapes, dtypes and chunks known at once and no data touched.
//!
//! In reading order: `node` (what a graph is made of), `graph` (an append-only list of nodes that shares
//! equal ones), `build` (nodes from calls), `index` (subscripts), `compose` (arrays put together from several
//! operations), `scan` (running values), `product` (sums of products), `join` and `pad` (arrays put beside each
//! other), `device` (where arrays are), `verify` (the legal graph), `dump` (a graph as text), `facts` (what it costs), `rewrite`
//! (passes from graph to graph), `format` (numbers and arrays as Python and NumPy print them), `value`,
//! `scope`, `interp` (statements and expressions), `functions` (what is callable besides the table of
//! operations). This crate touches no file, clock, socket or thread: what a program needs of the world it
//! asks of its `Host`.

pub mod build;
pub mod compose;
pub mod device;
mod dump;
pub mod facts;
pub mod format;
pub mod functions;
pub mod graph;
pub mod host;
pub mod index;
pub mod interp;
pub mod join;
pub mod node;
pub mod pad;
pub mod product;
pub mod rewrite;
mod scan;
pub mod scope;
pub mod value;
pub mod verify;
pub mod vocabulary;

pub use device::Device;
pub use graph::Graph;
pub use host::Host;
pub use interp::{Interp, check, execute, run};
pub use node::{AxisPairs, Node, NodeId, NodeKind, SCAN_LEN, SourceId};
pub use scope::Scope;
pub use value::Value;
