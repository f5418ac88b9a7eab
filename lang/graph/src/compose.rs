//! Arrays that are put together from several operations.

use crate::build::{self, BuildOptions, Operand};
use crate::graph::Graph;
use crate::index::{Index, assign};
use crate::node::{Node, NodeId, NodeKind};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Arg, Chunks, DType, Fill, OpError, Scalar, Shape, View, table};

/// The lower triangle on the last two axes: zeros above diagonal `k`.
pub fn tril(graph: &mut Graph, m: NodeId, k: i64) -> Result<NodeId, OpError> {
    triangle(graph, m, k, true)
}

/// The upper triangle on the last two axes: zeros below diagonal `k`.
pub fn triu(graph: &mut Graph, m: NodeId, k: i64) -> Result<NodeId, OpError> {
    triangle(graph, m, k.saturating_sub(1), false)
}

fn triangle(graph: &mut Graph, m: NodeId, k: i64, keeps_below: bool) -> Result<NodeId, OpError> {
    let m = as_matrix(graph, m)?;
    let Node { shape, chunks, dtype, .. } = graph[m].clone();
    let mask = graph.add(Node { kind: NodeKind::Fill(Fill::Band { k }), shape, dtype: DType::Bool, chunks });
    let zero = Operand::Scalar(build::scalar_as(Scalar::Bool(false), dtype));
    let (below, above) = if keeps_below { (Operand::Array(m), zero) } else { (zero, Operand::Array(m)) };
    choose(graph, mask, below, above)
}

/// A 1-d array stands for each row of a square, as in NumPy.
fn as_matrix(graph: &mut Graph, m: NodeId) -> Result<NodeId, OpError> {
    let shape = graph[m].shape.clone();
    match shape.ndim() {
        0 => Err(OpError::Axis { axis: -1, ndim: 0 }),
        1 => {
            let square = Shape::checked([shape[0], shape[0]])?;
            Ok(build::broadcast_to(graph, m, &square))
        }
        _ => Ok(m),
    }
}

fn choose(graph: &mut Graph, mask: NodeId, yes: Operand, no: Operand) -> Result<NodeId, OpError> {
    let op = table::find("where").expect("the table has `where`");
    build::elementwise(graph, op, &[Operand::Array(mask), yes, no])
}

/// The matrix with a 1-d array on diagonal `k`, or diagonal `k` of a 2-d array.
pub fn diag(graph: &mut Graph, v: NodeId, k: i64) -> Result<NodeId, OpError> {
    let shape = graph[v].shape.clone();
    match shape.ndim() {
        1 => matrix_of_diagonal(graph, v, k),
        2 => Ok(diagonal_of_matrix(graph, v, k)),
        ndim => Err(OpError::Argument { param: "v", expected: "a 1-d or 2-d array", given: format!("{ndim} axes") }),
    }
}

fn matrix_of_diagonal(graph: &mut Graph, v: NodeId, k: i64) -> Result<NodeId, OpError> {
    let offset = usize::try_from(k.unsigned_abs()).unwrap_or(usize::MAX);
    let len = graph[v].shape[0];
    let side = len.saturating_add(offset);
    let square = Shape::checked([side, side])?;
    let dtype = graph[v].dtype;
    let long = build::constant(graph, Scalar::Bool(false), dtype, Shape::new([side]));
    let head = Index::Slice { start: None, stop: Some(len as i64), step: None };
    let padded = assign(graph, long, &[head], Operand::Array(v))?;
    let along = usize::from(k < 0);
    let source = [SourceAxis::whole(along)].into_iter().collect();
    let spread = build::view(graph, padded, View { shape: square.clone(), source });
    let (kind, chunks) = (NodeKind::Fill(Fill::Diagonal { k }), graph[spread].chunks.clone());
    let mask = graph.add(Node { kind, shape: square, dtype: DType::Bool, chunks });
    let zero = Operand::Scalar(build::scalar_as(Scalar::Bool(false), dtype));
    choose(graph, mask, Operand::Array(spread), zero)
}

fn diagonal_of_matrix(graph: &mut Graph, m: NodeId, k: i64) -> NodeId {
    let shape = graph[m].shape.clone();
    let (down, right) = ((-k.min(0)).unsigned_abs() as usize, k.max(0).unsigned_abs() as usize);
    let len = shape[0].saturating_sub(down).min(shape[1].saturating_sub(right));
    let start = |s: usize| if len == 0 { 0 } else { s as i64 };
    let source = [down, right].map(|s| SourceAxis::along(0, start(s), 1));
    build::view(graph, m, View { shape: Shape::new([len]), source: source.into_iter().collect() })
}

/// How `meshgrid` orders its axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexing {
    /// The first array runs along axis 1, the second along axis 0 (NumPy's default).
    Xy,
    /// Array `n` runs along axis `n`.
    Ij,
}

/// Coordinate arrays of the grid that 1-d arrays span; views, not copies.
pub fn meshgrid(graph: &mut Graph, arrays: &[NodeId], indexing: Indexing) -> Result<Vec<NodeId>, OpError> {
    let axis_of = |n: usize| if indexing == Indexing::Xy && n < 2 && arrays.len() > 1 { 1 - n } else { n };
    let mut lens = vec![1; arrays.len()];
    for (n, &array) in arrays.iter().enumerate() {
        let shape = &graph[array].shape;
        if shape.ndim() > 1 {
            let given = format!("shape {shape}");
            return Err(OpError::Argument { param: "xi", expected: "arrays of one axis", given });
        }
        lens[axis_of(n)] = shape.size();
    }
    let shape = Shape::checked(lens)?;
    let along = |graph: &mut Graph, n: usize| {
        let axis = SourceAxis::whole(axis_of(n));
        let source = std::iter::repeat_n(axis, graph[arrays[n]].shape.ndim()).collect();
        build::view(graph, arrays[n], View { shape: shape.clone(), source })
    };
    Ok((0..arrays.len()).map(|n| along(graph, n)).collect())
}

/// For each axis of a shape, the array of indices along it.
pub fn indices(
    graph: &mut Graph,
    shape: &Shape,
    dtype: DType,
    chunks: &Arg,
    options: &BuildOptions,
) -> Result<Vec<NodeId>, OpError> {
    let shape = Shape::checked(shape.iter().copied())?;
    let chunks = Chunks::from_spec(chunks, &shape, dtype, options.chunk_bytes, None)?;
    let along =
        |axis| Node { kind: NodeKind::Fill(Fill::Index { axis }), shape: shape.clone(), dtype, chunks: chunks.clone() };
    Ok((0..shape.ndim()).map(along).map(|node| graph.add(node)).collect())
}
