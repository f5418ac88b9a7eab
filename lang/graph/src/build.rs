//! Graph nodes from calls: dtypes, shapes and chunks are settled here, and every misuse is refused.

use crate::device::{Device, device_of};
use crate::graph::Graph;
use crate::node::{Ddof, Node, NodeId, NodeKind, SourceId};
use cleave_ops::data::Element;
use cleave_ops::fill::Law;
use cleave_ops::view::SourceAxis;
use cleave_ops::{
    Arg, Args, Chunks, Class, DType, Data, Fill, Op, OpError, Scalar, Shape, View, each_dtype, infer, table,
};
use smallvec::SmallVec;

/// What building depends on besides the arguments.
#[derive(Clone, Copy, Debug)]
pub struct BuildOptions {
    /// The size at which automatic chunks aim.
    pub chunk_bytes: usize,
}

/// An operand: an array, or a Python scalar that adapts to the arrays beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Operand {
    Array(NodeId),
    Scalar(Scalar),
}

/// The node of a call with bound arguments; `arrays` are what `Arg::Array { index, .. }` points to.
pub fn call(graph: &mut Graph, args: &Args, arrays: &[NodeId], options: &BuildOptions) -> Result<NodeId, OpError> {
    match &args.op.class {
        Class::Fill(rule) => {
            let (shape, dtype, fill) = rule(args)?;
            let chunks = fill_chunks(graph, args, arrays, &shape, dtype, options)?;
            Ok(fill_node(graph, fill, Shape::checked(shape.iter().copied())?, dtype, chunks))
        }
        Class::Map(_) => match open_bounds(args) {
            Some(bounds) => bounded(graph, args, arrays, bounds),
            None => elementwise(graph, args.op, &operands(args, arrays)?),
        },
        Class::Fold(fold) => {
            let input = first_array(graph, args, arrays)?;
            reduce(graph, args, input, fold.has_identity)
        }
        Class::Scan(scan) => {
            let input = first_array(graph, args, arrays)?;
            crate::scan::cumulative(graph, args, scan, input)
        }
        Class::Contract(contract) => match *operands(args, arrays)? {
            [left, right] => crate::product::contraction(graph, args, contract, [left, right]),
            _ => Err(OpError::MissingArgument { op: args.op.name, param: "x2" }),
        },
        Class::View(rule) => {
            let input = first_array(graph, args, arrays)?;
            let seen = rule(args, &graph[input].shape)?;
            Shape::checked(seen.shape.iter().copied())?;
            Ok(view(graph, input, seen))
        }
    }
}

/// The elementwise operation `op` of operands: casts, broadcasts and weak scalars become nodes of their own.
pub fn elementwise(graph: &mut Graph, op: &'static Op, operands: &[Operand]) -> Result<NodeId, OpError> {
    let seen: Vec<infer::Operand> = operands.iter().map(|o| as_inferred(graph, o)).collect();
    let found = infer::resolve(op, &seen)?;
    let shape = broadcast_shape(graph, operands)?;
    let (mut inputs, mut arrays) = (SmallVec::<[NodeId; 3]>::new(), Vec::new());
    for (operand, &dtype) in operands.iter().zip(&found.inputs) {
        if let Operand::Array(node) = *operand {
            let ready = cast(graph, node, dtype);
            arrays.push(broadcast_to(graph, ready, &shape));
        }
    }
    let chunks = unified(graph, &arrays, &shape);
    let mut arrays = arrays.into_iter();
    for (operand, &dtype) in operands.iter().zip(&found.inputs) {
        inputs.push(match *operand {
            Operand::Array(_) => arrays.next().expect("one node was made for each array"),
            Operand::Scalar(value) => constant_in(graph, value, dtype, chunks.clone()),
        });
    }
    let kind = NodeKind::Map { op, loop_index: found.index, inputs };
    Ok(graph.add(Node { kind, shape, dtype: found.output, chunks }))
}

/// Data that exists.
pub fn load(graph: &mut Graph, source: SourceId, shape: Shape, dtype: DType, chunks: Chunks) -> NodeId {
    graph.add(Node { kind: NodeKind::Load(source), shape, dtype, chunks })
}

/// The node in another dtype.
pub fn cast(graph: &mut Graph, node: NodeId, dtype: DType) -> NodeId {
    if graph[node].dtype == dtype {
        return node;
    }
    let input = graph[node].clone();
    graph.add(Node { kind: NodeKind::Cast(node), dtype, ..input })
}

/// The node in the chunks that `spec` asks for.
pub fn rechunk(graph: &mut Graph, node: NodeId, spec: &Arg, options: &BuildOptions) -> Result<NodeId, OpError> {
    let input = graph[node].clone();
    let chunks = Chunks::from_spec(spec, &input.shape, input.dtype, options.chunk_bytes, Some(&input.chunks))?;
    Ok(rechunk_to(graph, node, chunks))
}

/// The node in the given chunks, which must cover its shape.
pub fn rechunk_to(graph: &mut Graph, node: NodeId, chunks: Chunks) -> NodeId {
    if graph[node].chunks == chunks {
        return node;
    }
    let input = graph[node].clone();
    graph.add(Node { kind: NodeKind::Rechunk(node), chunks, ..input })
}

/// The node on a device; nothing is added where it is there.
pub fn place(graph: &mut Graph, node: NodeId, device: Device) -> NodeId {
    if device_of(graph, &[node]) == Ok(device) {
        return node;
    }
    let input = graph[node].clone();
    graph.add(Node { kind: NodeKind::Place(node, device), ..input })
}

/// The node seen through a view; the identity adds nothing.
pub fn view(graph: &mut Graph, node: NodeId, view: View) -> NodeId {
    let input = &graph[node];
    if view.is_identity(&input.shape) {
        return node;
    }
    let (shape, dtype, chunks) = (view.shape.clone(), input.dtype, input.chunks.through(&view));
    graph.add(Node { kind: NodeKind::View { input: node, view }, shape, dtype, chunks })
}

/// The node broadcast to a shape to which NumPy would broadcast it.
pub fn broadcast_to(graph: &mut Graph, node: NodeId, shape: &Shape) -> NodeId {
    let seen = View::broadcast(&graph[node].shape, shape);
    view(graph, node, seen)
}

/// Which random numbers: the generator's seed and how many draws came before.
#[derive(Clone, Debug)]
pub struct Draw {
    /// The generator's seed.
    pub seed: u64,
    /// How many draws came before.
    pub draw: u64,
    /// The distribution.
    pub law: Law,
}

/// Random numbers; they depend on seed, draw number and index alone.
pub fn random(
    graph: &mut Graph,
    draw: Draw,
    (shape, dtype): (Shape, DType),
    chunks: &Arg,
    options: &BuildOptions,
) -> Result<NodeId, OpError> {
    let shape = Shape::checked(shape.iter().copied())?;
    let chunks = Chunks::from_spec(chunks, &shape, dtype, options.chunk_bytes, None)?;
    let Draw { seed, draw, law } = draw;
    Ok(fill_node(graph, Fill::Random { seed, draw, law }, shape, dtype, chunks))
}

/// The same value everywhere, in one chunk.
pub fn constant(graph: &mut Graph, value: Scalar, dtype: DType, shape: Shape) -> NodeId {
    let chunks = Chunks::single(&shape);
    constant_in(graph, value, dtype, chunks)
}

/// The same value everywhere, in the given chunks.
pub fn constant_in(graph: &mut Graph, value: Scalar, dtype: DType, chunks: Chunks) -> NodeId {
    let value = scalar_as(value, dtype);
    let shape = chunks.shape();
    graph.add(Node { kind: NodeKind::Fill(Fill::Const(value)), shape, dtype, chunks })
}

/// The value as an element of a dtype holds it, so that equal constants are one node.
pub fn scalar_as(value: Scalar, dtype: DType) -> Scalar {
    each_dtype!(Data, Data::zeros(dtype, 0), v => as_element_of(&v, value))
}

fn as_element_of<T: Element>(_: &[T], value: Scalar) -> Scalar {
    T::from_scalar(value).to_scalar()
}

pub(crate) fn fill_node(graph: &mut Graph, fill: Fill, shape: Shape, dtype: DType, chunks: Chunks) -> NodeId {
    match fill {
        Fill::Const(value) => constant_in(graph, value, dtype, chunks),
        _ => graph.add(Node { kind: NodeKind::Fill(fill), shape, dtype, chunks }),
    }
}

fn fill_chunks(
    graph: &Graph,
    args: &Args,
    arrays: &[NodeId],
    shape: &Shape,
    dtype: DType,
    options: &BuildOptions,
) -> Result<Chunks, OpError> {
    let auto = Arg::Str("auto".into());
    let model =
        args.slots.iter().find_map(|a| if let Arg::Array { index, .. } = a { Some(arrays[*index]) } else { None });
    match (args.given("chunks"), model) {
        (Some(spec), _) if *spec != auto => Chunks::from_spec(spec, shape, dtype, options.chunk_bytes, None),
        (_, Some(model)) if graph[model].shape == *shape => Ok(graph[model].chunks.clone()),
        _ => Chunks::from_spec(&auto, shape, dtype, options.chunk_bytes, None),
    }
}

/// The call's arguments for its array parameters, in order.
fn operands(args: &Args, arrays: &[NodeId]) -> Result<Vec<Operand>, OpError> {
    let wanted = args.op.params.iter().zip(&args.slots).filter(|(p, _)| p.kind == cleave_ops::op::ParamKind::Array);
    wanted.map(|(param, slot)| operand(param.name, slot, arrays)).collect()
}

fn operand(param: &'static str, slot: &Arg, arrays: &[NodeId]) -> Result<Operand, OpError> {
    match slot {
        Arg::Array { index, .. } => Ok(Operand::Array(arrays[*index])),
        Arg::Scalar(value) => Ok(Operand::Scalar(*value)),
        other => Err(OpError::Argument { param, expected: "an array or a number", given: other.to_string() }),
    }
}

/// The array an operation works on; a number becomes a 0-d array.
fn first_array(graph: &mut Graph, args: &Args, arrays: &[NodeId]) -> Result<NodeId, OpError> {
    let first = operands(args, arrays)?.into_iter().next();
    match first.ok_or(OpError::MissingArgument { op: args.op.name, param: "x" })? {
        Operand::Array(node) => Ok(node),
        Operand::Scalar(value) => Ok(constant(graph, value, value.dtype(), Shape::default())),
    }
}

/// For a call with a lower and an upper bound of which one is `None`: which one is not.
fn open_bounds(args: &Args) -> Option<Option<(&'static str, &'static str)>> {
    let has = |name: &str| args.op.params.iter().any(|p| p.name == name);
    let open = has("min") && has("max") && (args.given("min").is_none() || args.given("max").is_none());
    let bound = match (args.given("min"), args.given("max")) {
        (Some(_), _) => Some(("min", "maximum")),
        (None, Some(_)) => Some(("max", "minimum")),
        (None, None) => None,
    };
    open.then_some(bound)
}

/// Clips at one bound, or at none.
fn bounded(
    graph: &mut Graph,
    args: &Args,
    arrays: &[NodeId],
    bound: Option<(&'static str, &'static str)>,
) -> Result<NodeId, OpError> {
    let x = operand(args.op.params[0].name, &args.slots[0], arrays)?;
    match (bound, x) {
        (Some((param, name)), _) => {
            let op = table::find(name).expect("the table has the greater and the lesser of two");
            let limit = operand(param, args.get(param), arrays)?;
            elementwise(graph, op, &[x, limit])
        }
        (None, Operand::Array(node)) => Ok(node),
        (None, Operand::Scalar(value)) => Ok(constant(graph, value, value.dtype(), Shape::default())),
    }
}

pub(crate) fn as_inferred(graph: &Graph, operand: &Operand) -> infer::Operand {
    match *operand {
        Operand::Array(node) => infer::Operand::array(graph[node].dtype),
        Operand::Scalar(value) => infer::Operand::scalar(value),
    }
}

fn broadcast_shape(graph: &Graph, operands: &[Operand]) -> Result<Shape, OpError> {
    let arrays = operands.iter().filter_map(|o| if let Operand::Array(n) = o { Some(&graph[*n].shape) } else { None });
    let shapes: Vec<Shape> = arrays.cloned().collect();
    let joint = shapes.iter().try_fold(Shape::default(), |joint, s| joint.broadcast(s));
    Shape::checked(joint.ok_or(OpError::Broadcast { shapes })?.iter().copied())
}

/// The chunks that arrays of one shape have in common.
pub(crate) fn unified(graph: &Graph, arrays: &[NodeId], shape: &Shape) -> Chunks {
    let all: Vec<&Chunks> = arrays.iter().map(|n| &graph[*n].chunks).collect();
    if all.is_empty() { Chunks::single(shape) } else { Chunks::unify(&all) }
}

fn reduce(graph: &mut Graph, args: &Args, input: NodeId, has_identity: bool) -> Result<NodeId, OpError> {
    let shape = graph[input].shape.clone();
    let axes = args.axes("axis", shape.ndim())?;
    let found = infer::resolve_fold_as(args.op, graph[input].dtype, args.dtype("dtype")?)?;
    let kept: Vec<usize> = (0..shape.ndim()).filter(|a| !axes.contains(a)).collect();
    let result: Shape = kept.iter().map(|&a| shape[a]).collect();
    if !has_identity && shape.is_empty_array() && !result.is_empty_array() {
        return Err(OpError::EmptyReduction { op: args.op.name, shape });
    }
    let ddof = match args.given("ddof") {
        Some(_) => args.number("ddof")?.to_f64(),
        None => 0.0,
    };
    let ready = cast(graph, input, found.inputs[0]);
    let (ready, axes) = if axes.is_empty() { with_unit_axis(graph, ready) } else { (ready, axes) };
    let Class::Fold(fold) = &args.op.class else { unreachable!("only reductions are reduced") };
    let chunks = Chunks(kept.iter().map(|&a| graph[ready].chunks.0[a].clone()).collect());
    let kind =
        NodeKind::Fold { op: args.op, loop_index: found.index, input: ready, axes: axes.clone(), ddof: Ddof(ddof) };
    let dtype = fold.loops[found.index].output;
    let folded = graph.add(Node { kind, shape: result, dtype, chunks });
    let folded = cast(graph, folded, found.output);
    let keep = args.given("keepdims").is_some() && args.bool("keepdims")?;
    Ok(if keep { keep_axes(graph, folded, &shape, &kept) } else { folded })
}

/// A reduction over no axes is one over an axis of length 1, which is appended.
fn with_unit_axis(graph: &mut Graph, node: NodeId) -> (NodeId, SmallVec<[usize; 4]>) {
    let shape = &graph[node].shape;
    let axis = shape.ndim();
    let mut seen = View::identity(shape);
    seen.shape = shape.iter().copied().chain([1]).collect();
    (view(graph, node, seen), SmallVec::from_slice(&[axis]))
}

/// Puts the axes of `full` that are not `kept` back with length 1.
fn keep_axes(graph: &mut Graph, folded: NodeId, full: &Shape, kept: &[usize]) -> NodeId {
    let mut seen = View::identity(&graph[folded].shape);
    seen.shape = (0..full.ndim()).map(|a| if kept.contains(&a) { full[a] } else { 1 }).collect();
    for (source, &axis) in seen.source.iter_mut().zip(kept) {
        *source = SourceAxis::whole(axis);
    }
    view(graph, folded, seen)
}
