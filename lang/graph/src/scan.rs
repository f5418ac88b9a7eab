//! Running values along an axis, in blocks that each begin with the totals before them.

use crate::build;
use crate::graph::Graph;
use crate::join;
use crate::node::{Ddof, Node, NodeId, NodeKind, SCAN_LEN};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Args, Class, OpError, Scalar, Scan, Shape, View, infer};
use smallvec::SmallVec;

/// The node of a cumulative operation.
pub(crate) fn cumulative(graph: &mut Graph, args: &Args, scan: &Scan, input: NodeId) -> Result<NodeId, OpError> {
    let input = with_an_axis(graph, input);
    let axis = axis_of(args, graph[input].shape.ndim())?;
    let found = infer::resolve_fold_as(args.op, graph[input].dtype, args.dtype("dtype")?)?;
    let ready = build::cast(graph, input, found.inputs[0]);
    let running = running(graph, args, scan, ready, axis);
    let done = build::cast(graph, running, found.output);
    let starts = args.given("include_initial").is_some() && args.bool("include_initial")?;
    if starts { after_initial(graph, scan, done, axis) } else { Ok(done) }
}

/// A 0-d array counts as one of a single element, as in NumPy.
fn with_an_axis(graph: &mut Graph, input: NodeId) -> NodeId {
    if graph[input].shape.ndim() > 0 {
        return input;
    }
    build::view(graph, input, View { shape: Shape::new([1]), source: SmallVec::new() })
}

fn axis_of(args: &Args, ndim: usize) -> Result<usize, OpError> {
    match (args.axes_in_order("axis", ndim)?.as_deref(), ndim) {
        (Some([axis]), _) => Ok(*axis),
        (None, 1) => Ok(0),
        (None, _) => Err(OpError::NeedsAxis { op: args.op.name, ndim }),
        (Some(_), _) => {
            let given = args.get("axis").to_string();
            Err(OpError::Argument { param: "axis", expected: "one axis", given })
        }
    }
}

fn running(graph: &mut Graph, args: &Args, scan: &Scan, input: NodeId, axis: usize) -> NodeId {
    let Node { shape, dtype, chunks, .. } = graph[input].clone();
    let loop_index = scan.loops.iter().position(|l| l.input == dtype);
    let loop_index = loop_index.expect("every result of a scan's loops is an input of one");
    let before = (shape[axis] > SCAN_LEN).then(|| {
        let totals = totals(graph, scan, input, axis);
        running(graph, args, scan, totals, axis)
    });
    let kind = NodeKind::Scan { op: args.op, loop_index, input, axis, before };
    graph.add(Node { kind, shape, dtype: scan.loops[loop_index].output, chunks })
}

/// What each block but the last adds up to.
fn totals(graph: &mut Graph, scan: &Scan, input: NodeId, axis: usize) -> NodeId {
    let blocks = in_blocks(&graph[input].shape, axis);
    let input = build::view(graph, input, blocks);
    let Node { dtype, chunks, shape, .. } = graph[input].clone();
    let Class::Fold(fold) = &scan.fold.class else { unreachable!("a scan runs a reduction") };
    let loop_index = fold.loops.iter().position(|l| l.input == dtype);
    let loop_index = loop_index.expect("a scan's reduction has a loop for each of its own");
    let mut kept = chunks;
    kept.0.remove(axis + 1);
    let shape = (0..shape.ndim()).filter(|a| *a != axis + 1).map(|a| shape[a]).collect();
    let axes = SmallVec::from_slice(&[axis + 1]);
    let kind = NodeKind::Fold { op: scan.fold, loop_index, input, axes, ddof: Ddof(0.0) };
    graph.add(Node { kind, shape, dtype: fold.loops[loop_index].output, chunks: kept })
}

/// The axis as two: its full blocks without the last block, and the places in one.
fn in_blocks(shape: &Shape, axis: usize) -> View {
    let mut lens: Vec<usize> = shape.to_vec();
    lens[axis] = shape[axis].div_ceil(SCAN_LEN) - 1;
    lens.insert(axis + 1, SCAN_LEN);
    let follow = |a: usize| match a.cmp(&axis) {
        std::cmp::Ordering::Less => SourceAxis::whole(a),
        std::cmp::Ordering::Equal => SourceAxis::along(axis, 0, SCAN_LEN as i64).plus(axis + 1, 1),
        std::cmp::Ordering::Greater => SourceAxis::whole(a + 1),
    };
    View { shape: lens.into_iter().collect(), source: (0..shape.ndim()).map(follow).collect() }
}

/// The running values, and before them the value of no elements.
fn after_initial(graph: &mut Graph, scan: &Scan, done: NodeId, axis: usize) -> Result<NodeId, OpError> {
    let Node { shape, dtype, .. } = graph[done].clone();
    let first: Shape = shape.iter().enumerate().map(|(a, &len)| if a == axis { 1 } else { len }).collect();
    let value = identity(scan, dtype);
    let start = build::constant(graph, value, dtype, first);
    join::concatenate(graph, &[start, done], axis)
}

fn identity(scan: &Scan, dtype: cleave_ops::DType) -> Scalar {
    let Class::Fold(fold) = &scan.fold.class else { unreachable!("a scan runs a reduction") };
    let rule = fold.loops.iter().find(|l| l.input == dtype).unwrap_or(&fold.loops[0]);
    let mut state: Vec<cleave_ops::Data> = rule.state.iter().map(|d| cleave_ops::Data::zeros(*d, 0)).collect();
    (rule.identity)(1, &mut state);
    state[0].get(0)
}
