//! Sums of products over paired axes of two arrays.

use crate::build::{self, Operand};
use crate::graph::Graph;
use crate::node::{AxisPairs, Node, NodeId, NodeKind};
use crate::verify::contracted;
use cleave_ops::view::SourceAxis;
use cleave_ops::{Args, Chunks, Contract, OpError, Scalar, Shape, View, infer, table};

/// The node of a contraction.
pub(crate) fn contraction(
    graph: &mut Graph,
    args: &Args,
    contract: &Contract,
    operands: [Operand; 2],
) -> Result<NodeId, OpError> {
    let [left_shape, right_shape] = operands.map(|operand| shape_of(graph, operand));
    let pairing = (contract.rule)(args, &left_shape, &right_shape)?;
    if pairing.summed.is_empty() {
        return outer(graph, operands);
    }
    let found = infer::resolve(args.op, &operands.map(|operand| build::as_inferred(graph, &operand)))?;
    let mut ready = |operand: Operand, place: usize, view: View| {
        let array = as_array(graph, operand);
        let array = build::cast(graph, array, found.inputs[place]);
        build::view(graph, array, view)
    };
    let (left, right) = (ready(operands[0], 0, pairing.left), ready(operands[1], 1, pairing.right));
    let (batch, summed) = (pairing.batch, pairing.summed);
    let shape = contracted(&graph[left].shape, &graph[right].shape, &batch, &summed);
    let shape = shape.ok_or_else(|| OpError::Broadcast { shapes: vec![left_shape, right_shape] })?;
    let shape = Shape::checked(shape.iter().copied())?;
    let chunks = chunks_of(graph, (left, right), &batch, &summed);
    if summed.iter().any(|pair| graph[left].shape[pair.0] == 0) {
        return Ok(build::constant_in(graph, Scalar::Bool(false), found.output, chunks));
    }
    let kind = NodeKind::Contract { op: args.op, loop_index: found.index, left, right, batch, summed };
    let product = graph.add(Node { kind, shape, dtype: found.inputs[0], chunks });
    Ok(build::cast(graph, product, found.output))
}

/// Every element of one with every element of the other: the left one's axes, then the right one's.
pub fn outer(graph: &mut Graph, operands: [Operand; 2]) -> Result<NodeId, OpError> {
    let [left, right] = operands.map(|operand| shape_of(graph, operand));
    let lead = match operands[0] {
        Operand::Array(array) if right.ndim() > 0 => {
            let lens = left.iter().copied().chain(std::iter::repeat_n(1, right.ndim()));
            let view = View { shape: Shape::checked(lens)?, source: (0..left.ndim()).map(SourceAxis::whole).collect() };
            Operand::Array(build::view(graph, array, view))
        }
        other => other,
    };
    let multiply = table::find("multiply").expect("the table has `multiply`");
    build::elementwise(graph, multiply, &[lead, operands[1]])
}

fn shape_of(graph: &Graph, operand: Operand) -> Shape {
    match operand {
        Operand::Array(array) => graph[array].shape.clone(),
        Operand::Scalar(_) => Shape::default(),
    }
}

fn as_array(graph: &mut Graph, operand: Operand) -> NodeId {
    match operand {
        Operand::Array(array) => array,
        Operand::Scalar(value) => build::constant(graph, value, value.dtype(), Shape::default()),
    }
}

/// Stacks are cut wherever an operand is, the other axes as their operand is.
fn chunks_of(graph: &Graph, (left, right): (NodeId, NodeId), batch: &AxisPairs, summed: &AxisPairs) -> Chunks {
    let (left, right) = (&graph[left].chunks.0, &graph[right].chunks.0);
    let pairs = || batch.iter().chain(summed);
    let stacks = batch.iter().map(|&(l, r)| left[l].refine(&right[r]));
    let rows = (0..left.len()).filter(|a| pairs().all(|p| p.0 != *a)).map(|a| left[a].clone());
    let columns = (0..right.len()).filter(|a| pairs().all(|p| p.1 != *a)).map(|a| right[a].clone());
    Chunks(stacks.chain(rows).chain(columns).collect())
}
