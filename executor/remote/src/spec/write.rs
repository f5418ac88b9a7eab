//! Jobs to messages.

use super::{JobParts, Planning, StoredPlace, StoredSource, Wanted};
use crate::proto::{self, fill, node, random, scalar, stored_source};
use blake3::Hash;
use bytes::Bytes;
use cleave_graph::{Graph, Node, NodeId, NodeKind};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, AxisPairs, Chunks, Fill, Law, Op, Scalar, Shape, View};
use cleave_plan::cost::machine::RATES;
use cleave_plan::{Cut, Holding};

pub(super) fn job(parts: &JobParts, plan: Hash) -> proto::Job {
    proto::Job {
        graph: Some(graph(&parts.graph)),
        wanted: parts.wanted.iter().map(wanted).collect(),
        planning: Some(planning(&parts.planning)),
        sources: parts.sources.iter().map(source).collect(),
        plan: Bytes::copy_from_slice(plan.as_bytes()),
    }
}

fn wanted(wanted: &Wanted) -> proto::Wanted {
    let grid = match &wanted.cut {
        Cut::Engine => None,
        Cut::Grid(chunks) => Some(grid(chunks)),
    };
    let zarr = wanted.zarr.clone().map(|path| proto::ZarrTarget { path });
    proto::Wanted { node: wanted.node.0, grid, held: wanted.held, zarr }
}

fn planning(planning: &Planning) -> proto::Planning {
    let machine = &planning.rates;
    let rates = RATES.iter().map(|rate| (rate.of)(machine).to_bits());
    proto::Planning {
        threads: planning.threads as u64,
        memory_bytes: planning.memory_bytes,
        all_on_disk: planning.holding == Holding::AllOnDisk,
        rates: rates.chain([machine.threads as u64]).collect(),
    }
}

fn source(source: &StoredSource) -> proto::StoredSource {
    let place = match &source.place {
        StoredPlace::Zarr { path, component } => {
            stored_source::Place::Zarr(proto::ZarrPlace { path: path.clone(), component: component.clone() })
        }
        StoredPlace::Npy { path } => stored_source::Place::Npy(proto::NpyPlace { path: path.clone() }),
        StoredPlace::Put { number } => stored_source::Place::Put(proto::PutPlace { number: *number }),
    };
    proto::StoredSource {
        id: source.id.0,
        dtype: source.dtype.name().into(),
        grid: Some(grid(&source.grid)),
        resident: source.resident,
        place: Some(place),
    }
}

fn graph(graph: &Graph) -> proto::Graph {
    proto::Graph { nodes: graph.iter().map(|(_, node)| self::node(node)).collect() }
}

fn node(node: &Node) -> proto::Node {
    proto::Node {
        shape: lens(&node.shape),
        dtype: node.dtype.name().into(),
        chunks: grid(&node.chunks).axes,
        kind: Some(kind(&node.kind)),
    }
}

fn kind(kind: &NodeKind) -> node::Kind {
    match kind {
        NodeKind::Fill(fill) => node::Kind::Fill(proto::Fill { rule: Some(rule(fill)) }),
        NodeKind::Load(source) => node::Kind::Load(source.0),
        NodeKind::Map { op, loop_index, inputs } => node::Kind::Map(proto::Map {
            op: Some(self::op(op, *loop_index)),
            inputs: inputs.iter().map(|n| n.0).collect(),
        }),
        NodeKind::Cast(input) => node::Kind::Cast(input.0),
        NodeKind::Fold { op, loop_index, input, axes, ddof } => node::Kind::Fold(proto::Fold {
            op: Some(self::op(op, *loop_index)),
            input: input.0,
            axes: axes.iter().map(|&a| a as u32).collect(),
            ddof: ddof.0.to_bits(),
        }),
        NodeKind::Scan { op, loop_index, input, axis, before } => node::Kind::Scan(proto::Scan {
            op: Some(self::op(op, *loop_index)),
            input: input.0,
            axis: *axis as u32,
            before: before.map(|n| n.0),
        }),
        NodeKind::Contract { op, loop_index, left, right, batch, summed } => {
            node::Kind::Contract(contract(self::op(op, *loop_index), (*left, *right), batch, summed))
        }
        NodeKind::View { input, view } => {
            node::Kind::View(proto::Seen { input: input.0, view: Some(self::view(view)) })
        }
        // Where an array is says nothing to workers.
        NodeKind::Rechunk(input) | NodeKind::Place(input, _) => node::Kind::Rechunk(input.0),
        NodeKind::Overlay { base, patch, place } => {
            node::Kind::Overlay(proto::Overlay { base: base.0, patch: patch.0, place: Some(view(place)) })
        }
    }
}

fn op(op: &Op, loop_index: usize) -> proto::Op {
    proto::Op { name: op.name.into(), loop_index: loop_index as u32 }
}

fn contract(op: proto::Op, (left, right): (NodeId, NodeId), batch: &AxisPairs, summed: &AxisPairs) -> proto::Contract {
    let side = |pairs: &AxisPairs, of: fn(&(usize, usize)) -> usize| pairs.iter().map(|p| of(p) as u32).collect();
    proto::Contract {
        op: Some(op),
        left: left.0,
        right: right.0,
        batch_left: side(batch, |p| p.0),
        batch_right: side(batch, |p| p.1),
        summed_left: side(summed, |p| p.0),
        summed_right: side(summed, |p| p.1),
    }
}

fn view(view: &View) -> proto::View {
    proto::View { shape: lens(&view.shape), source: view.source.iter().map(source_axis).collect() }
}

fn source_axis(axis: &SourceAxis) -> proto::SourceAxis {
    proto::SourceAxis {
        start: axis.start,
        axes: axis.terms.iter().map(|t| t.axis as u32).collect(),
        steps: axis.terms.iter().map(|t| t.step).collect(),
    }
}

fn rule(fill: &Fill) -> fill::Rule {
    match fill {
        Fill::Const(value) => fill::Rule::Constant(scalar(*value)),
        Fill::Ramp { start, step, last } => fill::Rule::Ramp(proto::Ramp {
            start: Some(scalar(*start)),
            step: Some(scalar(*step)),
            last: last.map(scalar),
        }),
        Fill::Index { axis } => fill::Rule::Index(*axis as u32),
        Fill::Diagonal { k } => fill::Rule::Diagonal(*k),
        Fill::Band { k } => fill::Rule::Band(*k),
        Fill::Random { seed, draw, law } => {
            fill::Rule::Random(proto::Random { seed: *seed, draw: *draw, law: Some(self::law(law)) })
        }
    }
}

fn law(law: &Law) -> random::Law {
    let pair = |a: &Scalar, b: &Scalar| proto::Pair { a: Some(scalar(*a)), b: Some(scalar(*b)) };
    match law {
        Law::Uniform { low, high } => random::Law::Uniform(pair(low, high)),
        Law::Normal { mean, std } => random::Law::Normal(pair(mean, std)),
        Law::Integers { low, high } => random::Law::Integers(pair(low, high)),
    }
}

fn scalar(value: Scalar) -> proto::Scalar {
    let value = match value {
        Scalar::Bool(v) => scalar::Value::Boolean(v),
        Scalar::Int(v) => scalar::Value::Integer(Bytes::copy_from_slice(&v.to_le_bytes())),
        Scalar::Float(v) => scalar::Value::Float(v.to_bits()),
    };
    proto::Scalar { value: Some(value) }
}

fn lens(shape: &Shape) -> Vec<u64> {
    shape.iter().map(|&len| len as u64).collect()
}

fn grid(chunks: &Chunks) -> proto::Grid {
    proto::Grid { axes: chunks.0.iter().map(runs).collect() }
}

fn runs(axis: &AxisChunks) -> proto::Runs {
    let (lens, counts) = axis.runs().iter().map(|&(len, count)| (len as u64, count as u64)).unzip();
    proto::Runs { lens, counts }
}
