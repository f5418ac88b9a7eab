//! `drop_neutral`: operations that give their operand back, bit for bit.

use super::constants::constant;
use super::{Rewritten, keep_chunks, rebuild};
use crate::graph::Graph;
use crate::node::{Node, NodeId, NodeKind};
use cleave_ops::{Kind, Scalar};

/// A constant beside which an operation gives the other operand back.
struct Neutral {
    op: &'static str,
    /// The place of the constant.
    place: usize,
    value: i128,
    /// Whether it holds for floats too; `-0.0 + 0` is `0.0`.
    floats: bool,
}

const fn neutral(op: &'static str, place: usize, value: i128, floats: bool) -> Neutral {
    Neutral { op, place, value, floats }
}

const NEUTRAL: &[Neutral] = &[
    neutral("multiply", 0, 1, true),
    neutral("multiply", 1, 1, true),
    neutral("divide", 1, 1, true),
    neutral("subtract", 1, 0, true),
    neutral("add", 0, 0, false),
    neutral("add", 1, 0, false),
];

pub(super) fn drop(graph: &Graph, roots: &[NodeId]) -> Rewritten {
    let mut changes = 0;
    let (mut out, mut new_roots) = rebuild(graph, roots, |out, node| match operand_that_stays(out, &node) {
        Some(input) => {
            changes += 1;
            input
        }
        None => out.add(node),
    });
    keep_chunks(&mut out, &mut new_roots, graph, roots);
    Rewritten { graph: out, roots: new_roots, changes }
}

fn operand_that_stays(graph: &Graph, node: &Node) -> Option<NodeId> {
    let NodeKind::Map { op, inputs, .. } = &node.kind else { return None };
    let stays = |rule: &&Neutral| {
        let applies = rule.op == op.name && (rule.floats || node.dtype.kind() == Kind::Int);
        applies && graph[inputs[1 - rule.place]].dtype == node.dtype && is(graph, inputs[rule.place], rule.value)
    };
    NEUTRAL.iter().find(stays).map(|rule| inputs[1 - rule.place])
}

fn is(graph: &Graph, id: NodeId, value: i128) -> bool {
    match constant(graph, id) {
        Some(Scalar::Int(v)) => v == value,
        Some(Scalar::Float(v)) => v.to_bits() == (value as f64).to_bits(),
        Some(Scalar::Bool(_)) | None => false,
    }
}
