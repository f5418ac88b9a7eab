//! Short ways to write graphs.

use cleave_graph::build::{self, BuildOptions};
use cleave_graph::index::{Index, index};
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::{Arg, Chunks, DType, OpError, Scalar, Shape, args, table};

pub(crate) const OPTIONS: BuildOptions = BuildOptions { chunk_bytes: 128 << 20 };

/// An argument of a call.
pub(crate) enum Given {
    Node(NodeId),
    Plain(Arg),
}

impl From<NodeId> for Given {
    fn from(node: NodeId) -> Self {
        Given::Node(node)
    }
}

impl From<i64> for Given {
    fn from(value: i64) -> Self {
        Given::Plain(value.into())
    }
}

impl From<f64> for Given {
    fn from(value: f64) -> Self {
        Given::Plain(Arg::Scalar(Scalar::Float(value)))
    }
}

impl From<&str> for Given {
    fn from(value: &str) -> Self {
        Given::Plain(Arg::Str(value.into()))
    }
}

impl From<bool> for Given {
    fn from(value: bool) -> Self {
        Given::Plain(Arg::Scalar(Scalar::Bool(value)))
    }
}

impl<const N: usize> From<[i64; N]> for Given {
    fn from(values: [i64; N]) -> Self {
        Given::Plain(Arg::Tuple(values.map(Arg::from).to_vec()))
    }
}

/// `op(positional, **named)`.
pub(crate) fn try_call(
    g: &mut Graph,
    op: &str,
    positional: Vec<Given>,
    named: Vec<(&str, Given)>,
) -> Result<NodeId, OpError> {
    let mut arrays = Vec::new();
    let mut plain = |given: Given| match given {
        Given::Plain(arg) => arg,
        Given::Node(node) => {
            arrays.push(node);
            Arg::Array { index: arrays.len() - 1, shape: g[node].shape.clone(), dtype: g[node].dtype }
        }
    };
    let positional = positional.into_iter().map(&mut plain).collect();
    let named = named.into_iter().map(|(name, given)| (name.to_owned(), plain(given))).collect();
    let bound = args::bind(table::find(op).expect(op), positional, named)?;
    build::call(g, &bound, &arrays, &OPTIONS)
}

pub(crate) fn call<const N: usize>(g: &mut Graph, op: &str, positional: [Given; N]) -> NodeId {
    try_call(g, op, positional.into_iter().collect(), vec![]).unwrap()
}

/// A source of the given shape, cut regularly.
pub(crate) fn source(g: &mut Graph, id: u64, shape: &[usize], chunk: usize, dtype: DType) -> NodeId {
    let shape = Shape::new(shape.iter().copied());
    let spec = if shape.ndim() == 0 { Arg::None } else { Arg::from(chunk as i64) };
    let chunks = Chunks::from_spec(&spec, &shape, dtype, 1 << 20, None).unwrap();
    build::load(g, SourceId(id), shape, dtype, chunks)
}

/// `start:stop:step`
pub(crate) fn cut(start: impl Into<Option<i64>>, stop: impl Into<Option<i64>>, step: impl Into<Option<i64>>) -> Index {
    Index::Slice { start: start.into(), stop: stop.into(), step: step.into() }
}

pub(crate) fn at(g: &mut Graph, node: NodeId, indices: &[Index]) -> NodeId {
    index(g, node, indices).unwrap()
}
