//! What is known of an array without computing it: `x.shape`, `x.chunks`, …

use crate::build;
use crate::interp::{Eval, Machine};
use crate::node::NodeId;
use crate::value::Value;
use cleave_ops::view::SourceAxis;
use cleave_ops::{Chunks, View};
use cleave_syntax::source::Span;

/// One property of arrays.
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// One line for completion and hover.
    pub summary: &'static str,
    pub(crate) of: fn(&mut Machine<'_>, NodeId, Span) -> Eval,
}

/// Every property.
pub static PROPERTIES: &[Property] = &[
    Property {
        name: "shape",
        summary: "The length of each axis.",
        of: |m, n, _| Ok(Value::lengths(m.state.graph[n].shape.iter().copied())),
    },
    Property {
        name: "dtype",
        summary: "The type of the elements.",
        of: |m, n, _| Ok(Value::DType(m.state.graph[n].dtype)),
    },
    Property {
        name: "ndim",
        summary: "The number of axes.",
        of: |m, n, _| Ok(Value::Int(m.state.graph[n].shape.ndim() as i64)),
    },
    Property {
        name: "size",
        summary: "The number of elements.",
        of: |m, n, _| Ok(Value::Int(m.state.graph[n].shape.size() as i64)),
    },
    Property { name: "nbytes", summary: "The bytes of all elements.", of: nbytes },
    Property {
        name: "itemsize",
        summary: "The bytes of one element.",
        of: |m, n, _| Ok(Value::Int(m.state.graph[n].dtype.size() as i64)),
    },
    Property {
        name: "chunks",
        summary: "The chunk lengths of each axis.",
        of: |m, n, _| Ok(chunk_lens(&m.state.graph[n].chunks)),
    },
    Property {
        name: "chunksize",
        summary: "The longest chunk of each axis.",
        of: |m, n, _| Ok(Value::lengths(m.state.graph[n].chunks.0.iter().map(|a| a.longest()))),
    },
    Property {
        name: "numblocks",
        summary: "The number of chunks on each axis.",
        of: |m, n, _| Ok(Value::lengths(m.state.graph[n].chunks.numblocks().iter().copied())),
    },
    Property {
        name: "npartitions",
        summary: "The number of chunks.",
        of: |m, n, _| Ok(Value::Int(m.state.graph[n].chunks.count() as i64)),
    },
    Property {
        name: "device",
        summary: "Where the array is: cpu, or a GPU such as cuda:0.",
        of: |m, n, span| Ok(Value::text(m.device(n, span)?.to_string())),
    },
    Property { name: "T", summary: "The array with its axes in reverse order.", of: |m, n, _| Ok(transposed(m, n)) },
    Property { name: "mT", summary: "The array with its last two axes swapped.", of: matrix_transposed },
    Property {
        name: "name",
        summary: "A name that tells arrays apart.",
        of: |_, n, _| Ok(Value::text(format!("array-{}", n.0))),
    },
];

/// The property of a name.
pub fn find(name: &str) -> Option<&'static Property> {
    PROPERTIES.iter().find(|p| p.name == name)
}

fn nbytes(m: &mut Machine<'_>, node: NodeId, span: Span) -> Eval {
    let bytes = i64::try_from(m.state.graph[node].nbytes());
    bytes.map(Value::Int).map_err(|_| m.error("integer-overflow", "the number of bytes does not fit 64 bits", span))
}

fn chunk_lens(chunks: &Chunks) -> Value {
    Value::tuple(chunks.0.iter().map(|axis| Value::lengths(axis.lens())).collect::<Vec<_>>())
}

fn permuted(m: &mut Machine<'_>, node: NodeId, order: &[usize]) -> Value {
    let shape = &m.state.graph[node].shape;
    let seen = order.iter().map(|&axis| shape[axis]).collect();
    let place = |axis| order.iter().position(|&a| a == axis);
    let source =
        (0..shape.ndim()).map(|axis| place(axis).map_or_else(|| SourceAxis::fixed(0), SourceAxis::whole)).collect();
    Value::Array(build::view(&mut m.state.graph, node, View { shape: seen, source }))
}

fn transposed(m: &mut Machine<'_>, node: NodeId) -> Value {
    let order: Vec<usize> = (0..m.state.graph[node].shape.ndim()).rev().collect();
    permuted(m, node, &order)
}

fn matrix_transposed(m: &mut Machine<'_>, node: NodeId, span: Span) -> Eval {
    let ndim = m.state.graph[node].shape.ndim();
    if ndim < 2 {
        return Err(m.error("bad-axis", format!("`mT` needs two axes, the array has {ndim}"), span).help("use `.T`"));
    }
    let mut order: Vec<usize> = (0..ndim).collect();
    order.swap(ndim - 1, ndim - 2);
    Ok(permuted(m, node, &order))
}
