//! Jobs from messages, each number checked before it is used.

use super::read_fill::fill;
use super::scan::within;
use super::{JobParts, Limits, Planning, SourceFault, SpecError, StoredPlace, StoredSource, Wanted};
use crate::proto::{self, node, stored_source};
use blake3::Hash;
use cleave_graph::node::Ddof;
use cleave_graph::{Graph, Node, NodeId, NodeKind, SourceId};
use cleave_ops::shape::MAX_AXES;
use cleave_ops::view::{SourceAxis, Term};
use cleave_ops::{AxisChunks, AxisPairs, Chunks, DType, Op, Shape, View, table};
use cleave_plan::cost::machine::RATES;
use cleave_plan::{Cut, Holding, Machine};
use std::collections::HashMap;

/// The most a number of threads may be.
const MAX_THREADS: u64 = 1 << 20;
/// The most a number of bytes of memory may be.
const MAX_MEMORY: u64 = 1 << 60;
/// The most bytes a path may have.
const MAX_PATH: usize = 4096;

pub(super) fn job(job: &proto::Job, limits: &Limits) -> Result<(JobParts, Hash), SpecError> {
    let plan = <[u8; 32]>::try_from(job.plan.as_ref()).map_err(|_| SpecError::Missing { what: "the plan's hash" })?;
    let graph = graph(present(job.graph.as_ref(), "a graph")?, limits)?;
    cleave_graph::verify::verify(&graph).map_err(SpecError::Illegal)?;
    let sources = job.sources.iter().map(|s| source(s, limits)).collect::<Result<Vec<_>, _>>()?;
    check_sources(&graph, &sources)?;
    within("outputs", job.wanted.len(), limits.arrays)?;
    let wanted = job.wanted.iter().enumerate().map(|(number, w)| wanted(&graph, number, w, limits));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    if wanted.is_empty() {
        return Err(SpecError::Missing { what: "outputs" });
    }
    let planning = planning(present(job.planning.as_ref(), "how it is planned")?)?;
    Ok((JobParts { graph, wanted, planning, sources }, Hash::from_bytes(plan)))
}

fn present<'a, T>(part: Option<&'a T>, what: &'static str) -> Result<&'a T, SpecError> {
    part.ok_or(SpecError::Missing { what })
}

fn graph(message: &proto::Graph, limits: &Limits) -> Result<Graph, SpecError> {
    within("nodes", message.nodes.len(), limits.nodes)?;
    let mut graph = Graph::new();
    for (number, message) in message.nodes.iter().enumerate() {
        if graph.add(node(message, limits)?).0 as usize != number {
            return Err(SpecError::RepeatedNode { node: number });
        }
    }
    Ok(graph)
}

fn node(message: &proto::Node, limits: &Limits) -> Result<Node, SpecError> {
    Ok(Node {
        kind: kind(present(message.kind.as_ref(), "the kind of a node")?)?,
        shape: shape(&message.shape)?,
        dtype: dtype(&message.dtype)?,
        chunks: chunks(&message.chunks, limits)?,
    })
}

fn kind(kind: &node::Kind) -> Result<NodeKind, SpecError> {
    Ok(match kind {
        node::Kind::Fill(message) => NodeKind::Fill(fill(message)?),
        node::Kind::Load(source) => NodeKind::Load(SourceId(*source)),
        node::Kind::Map(map) => {
            within("operands", map.inputs.len(), MAX_AXES)?;
            let (op, loop_index) = op(map.op.as_ref())?;
            NodeKind::Map { op, loop_index, inputs: map.inputs.iter().copied().map(NodeId).collect() }
        }
        node::Kind::Cast(input) => NodeKind::Cast(NodeId(*input)),
        node::Kind::Fold(fold) => {
            let (op, loop_index) = op(fold.op.as_ref())?;
            let axes = axes(&fold.axes)?.into_iter().collect();
            NodeKind::Fold { op, loop_index, input: NodeId(fold.input), axes, ddof: Ddof(f64::from_bits(fold.ddof)) }
        }
        node::Kind::Scan(scan) => {
            let (op, loop_index) = op(scan.op.as_ref())?;
            let (axis, before) = (scan.axis as usize, scan.before.map(NodeId));
            NodeKind::Scan { op, loop_index, input: NodeId(scan.input), axis, before }
        }
        node::Kind::Contract(message) => contract(message)?,
        node::Kind::View(seen) => NodeKind::View { input: NodeId(seen.input), view: view(seen.view.as_ref())? },
        node::Kind::Rechunk(input) => NodeKind::Rechunk(NodeId(*input)),
        node::Kind::Overlay(overlay) => NodeKind::Overlay {
            base: NodeId(overlay.base),
            patch: NodeId(overlay.patch),
            place: view(overlay.place.as_ref())?,
        },
    })
}

fn op(message: Option<&proto::Op>) -> Result<(&'static Op, usize), SpecError> {
    let message = present(message, "an operation")?;
    let known = table::find(&message.name).filter(|op| op.name == message.name);
    let op = known.ok_or_else(|| SpecError::UnknownOp { name: message.name.clone() })?;
    Ok((op, message.loop_index as usize))
}

fn contract(message: &proto::Contract) -> Result<NodeKind, SpecError> {
    let (op, loop_index) = op(message.op.as_ref())?;
    Ok(NodeKind::Contract {
        op,
        loop_index,
        left: NodeId(message.left),
        right: NodeId(message.right),
        batch: pairs(&message.batch_left, &message.batch_right)?,
        summed: pairs(&message.summed_left, &message.summed_right)?,
    })
}

fn pairs(left: &[u32], right: &[u32]) -> Result<AxisPairs, SpecError> {
    if left.len() != right.len() {
        return Err(SpecError::Number { what: "the number of paired axes" });
    }
    Ok(axes(left)?.into_iter().zip(axes(right)?).collect())
}

fn axes(message: &[u32]) -> Result<Vec<usize>, SpecError> {
    within("axes", message.len(), MAX_AXES)?;
    Ok(message.iter().map(|&axis| axis as usize).collect())
}

fn view(message: Option<&proto::View>) -> Result<View, SpecError> {
    let message = present(message, "a view")?;
    within("axes", message.source.len(), MAX_AXES)?;
    let source = message.source.iter().map(source_axis).collect::<Result<_, _>>()?;
    Ok(View { shape: shape(&message.shape)?, source })
}

fn source_axis(message: &proto::SourceAxis) -> Result<SourceAxis, SpecError> {
    if message.axes.len() != message.steps.len() {
        return Err(SpecError::Number { what: "the number of a view's steps" });
    }
    let terms = axes(&message.axes)?.into_iter().zip(&message.steps).map(|(axis, &step)| Term { axis, step });
    Ok(SourceAxis { start: message.start, terms: terms.collect() })
}

fn shape(lens: &[u64]) -> Result<Shape, SpecError> {
    within("axes", lens.len(), MAX_AXES)?;
    let lens: Result<Vec<usize>, _> = lens.iter().map(|&len| usize::try_from(len)).collect();
    let lens = lens.map_err(|_| SpecError::Number { what: "a length" })?;
    Shape::checked(lens).map_err(|error| SpecError::Shape(Box::new(error)))
}

fn dtype(name: &str) -> Result<DType, SpecError> {
    let known = DType::ALL.into_iter().find(|dtype| dtype.name() == name);
    known.ok_or_else(|| SpecError::UnknownDType { name: name.into() })
}

/// Chunks whose shape is one that arrays may have, and whose number can be counted.
fn chunks(axes: &[proto::Runs], limits: &Limits) -> Result<Chunks, SpecError> {
    within("axes", axes.len(), MAX_AXES)?;
    let chunks = Chunks(axes.iter().map(|axis| runs(axis, limits)).collect::<Result<_, _>>()?);
    shape(&chunks.0.iter().map(|axis| axis.total() as u64).collect::<Vec<_>>())?;
    let count = chunks.0.iter().try_fold(1_u64, |n, axis| n.checked_mul(axis.count().max(1) as u64));
    count.filter(|&n| n <= MAX_MEMORY).ok_or(SpecError::Number { what: "the number of chunks" })?;
    Ok(chunks)
}

fn runs(message: &proto::Runs, limits: &Limits) -> Result<AxisChunks, SpecError> {
    const WRONG: SpecError = SpecError::Number { what: "a chunk" };
    if message.lens.len() != message.counts.len() || message.counts.contains(&0) {
        return Err(WRONG);
    }
    let (mut total, mut number) = (0_u64, 0_u64);
    for (&len, &count) in message.lens.iter().zip(&message.counts) {
        number = number.checked_add(count).ok_or(WRONG)?;
        total = len.checked_mul(count).and_then(|run| total.checked_add(run)).ok_or(WRONG)?;
    }
    if total > i64::MAX as u64 {
        return Err(WRONG);
    }
    within("chunks along an axis", usize::try_from(number).unwrap_or(usize::MAX), limits.chunks)?;
    Ok(AxisChunks::from_runs(message.lens.iter().zip(&message.counts).map(|(&len, &n)| (len as usize, n as usize))))
}

fn wanted(graph: &Graph, number: usize, message: &proto::Wanted, limits: &Limits) -> Result<Wanted, SpecError> {
    let wrong = SpecError::Wanted { number };
    let node = NodeId(message.node);
    let Some((_, array)) = graph.iter().nth(message.node as usize) else { return Err(wrong) };
    let cut = match &message.grid {
        None => Cut::Engine,
        Some(grid) => Cut::Grid(chunks(&grid.axes, limits)?),
    };
    if matches!(&cut, Cut::Grid(chunks) if chunks.shape() != array.shape) {
        return Err(wrong);
    }
    let zarr = message.zarr.as_ref().map(|target| path(&target.path)).transpose()?;
    Ok(Wanted { node, cut, held: message.held, zarr })
}

fn planning(message: &proto::Planning) -> Result<Planning, SpecError> {
    let rates = rates(&message.rates)?;
    if !(1..=MAX_THREADS).contains(&message.threads) {
        return Err(SpecError::Number { what: "the number of threads" });
    }
    if message.memory_bytes > MAX_MEMORY {
        return Err(SpecError::Number { what: "the memory" });
    }
    let holding = if message.all_on_disk { Holding::AllOnDisk } else { Holding::AsFits };
    let (threads, memory_bytes) = (message.threads as usize, message.memory_bytes);
    Ok(Planning { threads, memory_bytes, rates, holding })
}

/// The rates in the order of their table, then how many threads were measured together.
fn rates(bits: &[u64]) -> Result<Machine, SpecError> {
    let [rates @ .., threads] = bits else { return Err(SpecError::Missing { what: "rates" }) };
    if rates.len() != RATES.len() {
        return Err(SpecError::Missing { what: "rates" });
    }
    let mut machine = Machine::default();
    for (rate, &bits) in RATES.iter().zip(rates) {
        let value = f64::from_bits(bits);
        if !(1e-30..1e30).contains(&value) {
            return Err(SpecError::Number { what: "a rate" });
        }
        (rate.set)(&mut machine, value);
    }
    if !(1..=MAX_THREADS).contains(threads) {
        return Err(SpecError::Number { what: "the number of threads" });
    }
    machine.threads = *threads as usize;
    Ok(machine)
}

fn source(message: &proto::StoredSource, limits: &Limits) -> Result<StoredSource, SpecError> {
    let place = match present(message.place.as_ref(), "the place of a source")? {
        stored_source::Place::Zarr(zarr) => StoredPlace::Zarr {
            path: path(&zarr.path)?,
            component: zarr.component.as_ref().map(|component| path(component)).transpose()?,
        },
        stored_source::Place::Npy(npy) => StoredPlace::Npy { path: path(&npy.path)? },
        stored_source::Place::Put(put) => StoredPlace::Put { number: put.number },
    };
    let grid = chunks(&present(message.grid.as_ref(), "the grid of a source")?.axes, limits)?;
    let (id, dtype) = (SourceId(message.id), dtype(&message.dtype)?);
    Ok(StoredSource { id, dtype, grid, resident: message.resident, place })
}

fn path(path: &str) -> Result<String, SpecError> {
    within("bytes of a path", path.len(), MAX_PATH)?;
    Ok(path.to_string())
}

/// Whether each source is listed once, and as the graph reads it.
fn check_sources(graph: &Graph, sources: &[StoredSource]) -> Result<(), SpecError> {
    let mut listed = HashMap::new();
    for source in sources {
        if listed.insert(source.id, source).is_some() {
            return Err(SpecError::Source { id: source.id.0, fault: SourceFault::Repeated });
        }
    }
    for (_, node) in graph.iter() {
        let NodeKind::Load(id) = node.kind else { continue };
        let fault = match listed.get(&id) {
            None => SourceFault::Unlisted,
            Some(known) if known.dtype == node.dtype && known.grid.shape() == node.shape => continue,
            Some(_) => SourceFault::Differs,
        };
        return Err(SpecError::Source { id: id.0, fault });
    }
    Ok(())
}
